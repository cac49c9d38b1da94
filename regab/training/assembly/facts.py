"""What a plan needs to know of the runs of one structure. Without torch, so that a main process can receive it."""

from dataclasses import dataclass, field


@dataclass
class Facts:
    """What the runs of a structure are like and cost.

    ``stacked``: whether runs gain from being trained together. ``flops`` is a forward pass of one example, ``bytes``
    what one run holds and ``data_bytes`` what the data take; ``gpus`` is how many there are to train on;
    ``data_fingerprint`` is of what the data are and ``code`` of the user's own code, as in ``result.json``, and
    ``said`` how the data were read, ``columns`` those of a table. The defaults are for what cannot be examined.
    """

    stacked: bool = False
    device: str = "cpu"
    gpus: int = 0
    flops: int = 0
    n_train: int = 1
    n_evaluated: int = 0
    bytes: int = 0
    data_bytes: int = 0
    data_fingerprint: str = ""
    code: dict[str, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    columns: dict[str, str] | None = None


def data_lines(said: tuple[str, ...], columns: dict[str, str] | None) -> list[str]:
    """What is said of how data were read, and a line for each column of a table."""
    columns = columns or {}
    width = max(map(len, columns), default=0)
    return [*(f"data: {words}" for words in said), *(f"  {name:{width}}  {words}" for name, words in columns.items())]
