"""Writing files so that a reader never sees half of one."""

import json
import math
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from regab.errors import CannotWrite

PARTIAL = ".*.partial"  # files that were being written when their process was killed


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write into CannotWrite."""
    try:
        yield
    except OSError as error:
        raise CannotWrite(f"{path}: cannot be written ({error.strerror or error})") from error


def write_atomically(path: Path, content: str | bytes | memoryview, sync: bool = False) -> None:
    """Write under another name, then rename: whoever is interrupted leaves the old file or the new one, never a part.

    With ``sync`` not even a power cut leaves an empty file (0.2 ms on an SSD). Raises CannotWrite.
    """
    folder, name = os.path.split(path)  # as text: paths as objects would be a third of the time
    partial = os.path.join(folder, PARTIAL.replace("*", f"{name}.{os.getpid()}"))
    with writing(path):
        try:
            with open(partial, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                if sync:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(partial, path)
        except OSError:
            Path(partial).unlink(missing_ok=True)
            raise


def make_folder(path: Path) -> None:
    """Make a folder and those above it. Raises CannotWrite."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def checksum(content: bytes | memoryview, before: str = "00000000") -> str:
    """CRC-32 of bytes, as eight digits; of more bytes that follow those with the checksum ``before``."""
    return f"{zlib.crc32(content, int(before, 16)):08x}"


class Texts:
    """``write(value)``, of values that ``repr`` tells apart; the last LIMIT texts are kept.

    Most of what is written of a sweep's runs is the same in all of them.
    """

    LIMIT = 4096

    def __init__(self, write: Callable[[Any], str]) -> None:
        self.write, self.kept = write, dict[str, str]()

    def __call__(self, value: Any) -> str:
        known = repr(value)
        text = self.kept.get(known)
        if text is None:
            text = self.write(value)
            if len(self.kept) >= self.LIMIT:
                self.kept.clear()
            self.kept[known] = text
        return text


def to_json(value: dict[str, Any]) -> str:
    """JSON as every reader takes it: infinities and NaN, which JSON lacks, become null.

    The first key is ``checksum``, of the bytes after that line.
    """
    try:
        text = _indented(value)
    except ValueError:
        text = _indented(finite(value))
    body = text.removeprefix("{\n") + "\n"
    return f'{{\n  "checksum": "{checksum(body.encode())}",\n{body}' if value else "{}\n"


def from_json(content: bytes) -> dict[str, Any]:
    """The object in a JSON file, without its checksum. Raises ValueError if it is damaged.

    A file without a checksum, as others write it, is taken as it is.
    """
    value = json.loads(content)
    if not isinstance(value, dict):
        raise ValueError("no object")
    if (said := value.pop("checksum", None)) is not None and said != checksum(content.split(b"\n", 2)[-1]):
        raise ValueError("its checksum does not fit")
    return value


SUMMED = "# checksum "  # the first line of a text file that has one


def with_checksum(text: str) -> str:
    """A text (YAML, say) after a comment with its checksum."""
    return f"{SUMMED}{checksum(text.encode())}\n{text}"


def without_checksum(content: bytes) -> str:
    """The text after such a comment, or all of it where there is none. Raises ValueError if it is damaged."""
    head, _, rest = content.partition(b"\n")
    if not head.startswith(SUMMED.encode()):
        return content.decode()
    if head.decode() != SUMMED + checksum(rest):
        raise ValueError("its checksum does not fit")
    return rest.decode()


SCALARS = frozenset((str, int, float, bool, type(None)))


def _indented(value: Any, margin: str = "\n") -> str:
    """What ``json.dumps(value, indent=2)`` gives, in half of its time: with an indent, that does without its encoder
    in C. Raises ValueError for infinities and NaN."""
    inner = margin + "  "
    encode = _encoder(inner)
    if isinstance(value, dict):
        ends, parts = "{}", list[str]()
        for flat, items in groupby(value.items(), lambda item: type(item[1]) in SCALARS):
            if flat:
                parts.append(encode(dict(items))[1:-1])
            else:
                names = ((encode(key if isinstance(key, str) else encode(key)), each) for key, each in items)
                parts += [f"{name}: {_indented(each, inner)}" for name, each in names]
    elif isinstance(value, list | tuple):
        ends, flat = "[]", SCALARS.issuperset(map(type, value))
        parts = [encode(value)[1:-1]] if flat else [_indented(each, inner) for each in value]
    else:
        return encode(value)
    return f"{ends[0]}{inner}{f',{inner}'.join(parts)}{margin}{ends[1]}" if value else ends


@cache
def _encoder(margin: str) -> Callable[[Any], str]:
    return json.JSONEncoder(allow_nan=False, separators=(f",{margin}", ": ")).encode


ENDLESS = (math.inf, -math.inf)


def finite(value: Any) -> Any:
    """A value as it is read again from JSON: None in place of infinities and NaN, which as keys are words."""
    if isinstance(value, float):  # most of what a run's result holds
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {json.dumps(k) if k in ENDLESS or k != k else k: finite(v) for k, v in value.items()}
    if not isinstance(value, list | tuple):
        return value
    kinds = {*map(type, value)}  # two thirds of a result are lists of numbers
    known = kinds == {int} or (kinds == {float} and math.isfinite(sum(value)))
    return [*value] if known else [*map(finite, value)]
