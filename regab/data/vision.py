"""torchvision's image data sets, downloaded where there is a network."""

from typing import Any

import torch

from regab.data.inputs.place import place
from regab.data.split import Source, Split
from regab.data.unseen.images import Images
from regab.errors import UsageError

SPLITS = {"SVHN": ({"split": "train"}, {"split": "test"})}
DEFAULT_SPLITS = ({"train": True}, {"train": False})


def load(dataset: str, root: str, download: bool) -> Source:
    """A torchvision data set by its class name. ``root`` is the folder that torchvision's own files are or come under.

    Images become float32 in [0, 1], ``[N, C, H, W]``. Raises UsageError where files are missing and cannot be had.
    """
    import torchvision.datasets  # 1-4 s, so only where a data set of torchvision's is asked for

    folder = str(place(root))
    cls = getattr(torchvision.datasets, dataset)
    train, test = (_read(cls, folder, download, which) for which in SPLITS.get(dataset, DEFAULT_SPLITS))
    classes = int(train.y.max()) + 1
    names = _names(getattr(cls, "classes", None), classes)
    return Source(train, classes, test, names=names, reader=Images(list(train.x.shape[1:]), [*names], floats=True))


def _names(found: Any, classes: int) -> tuple[str, ...]:
    """What torchvision calls the classes; those of digits are numbers (``0 - zero``)."""
    names = found if isinstance(found, list) and len(found) == classes else []
    return tuple(str(i) if name.startswith(f"{i} - ") else name for i, name in enumerate(names))


def _read(cls: Any, root: str, download: bool, which: dict[str, Any]) -> Split:
    try:
        found = cls(root, download=download, **which)
    except Exception as error:  # torchvision's readers fail in many ways on a broken file, AssertionError among them
        cure = "check the network, or point data.root at files already there" if download else "or data.download=true"
        reason = " ".join(f"{type(error).__name__} {error}".split())
        raise UsageError(f"data.root={root}: no readable {cls.__name__} here ({reason}); {cure}") from error
    labels = getattr(found, "targets", None)
    return Split(_images(found.data), torch.as_tensor(found.labels if labels is None else labels).long())


def _images(data: Any) -> torch.Tensor:
    """``[N, H, W]``, ``[N, H, W, C]`` or (SVHN) ``[N, C, H, W]`` bytes to ``[N, C, H, W]`` floats."""
    x = torch.as_tensor(data)
    if x.ndim == 3:
        x = x[:, None]
    elif x.shape[-1] == 3:
        x = x.permute(0, 3, 1, 2)
    return x.float().div_(255).contiguous()
