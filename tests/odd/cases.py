"""Odd command lines and files: kinds times variations, each with the code that it is to end with."""

from __future__ import annotations

from dataclasses import dataclass, field

RIGHT, FAILED, REFUSED = 0, 1, 2
TINY = ("model=mlp", "model.widths=[4]", "data.n_train=60", "epochs=1", "batch_size=32", "stack.workers=0")
QUICK = ("model=mlp", "model.widths=[4]", "epochs=1", "stack.workers=0", "curves=false")
TABLE = "height,width,label\n" + "".join(f"{i % 7}.5,{i * 3 % 11},{'ab'[i % 2]}\n" for i in range(60))


@dataclass(frozen=True)
class Case:
    """``words`` after ``regab``, in a folder with ``files``; ``code`` is what it is to end with, ``says`` is said."""

    name: str
    words: tuple[str, ...]
    code: int
    says: str = ""
    files: dict[str, str | bytes] = field(default_factory=dict)


def train(name: str, code: int, *words: str, says: str = "", files: dict[str, str | bytes] | None = None) -> Case:
    """A run on digits."""
    said = {word.partition("=")[0] for word in words}
    kept = [w for w in (*TINY, "curves=false") if w.partition("=")[0] not in said]
    return Case(name, ("train", *kept, *words), code, says, files or {})


def table(name: str, code: int, *words: str, says: str = "", files: dict[str, str | bytes] | None = None) -> Case:
    """A run on a table."""
    return Case(name, ("train", *QUICK, "data=csv", *words), code, says, files or {})
