"""Running text as tokens, cut into pieces."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from regab.data.inputs.decode import encoding_of, text_of
from regab.errors import UsageError

WORD = re.compile(r"\w+(?:['’]\w+)*|['’]\w+|[^\w\s]")
WORD_OR_END = re.compile(rf"{WORD.pattern}|\n")  # what comes next may be the end of a line
TOKENS = ("bytes", "words")


def words_of(text: str) -> list[str]:
    """Runs of letters and digits, other characters but spaces, and ends of lines."""
    return WORD_OR_END.findall(text)


def tokens_of(path: str, where: str, tokens: str) -> Any:
    """The tokens of a file, which is unpacked: numbers of bytes, or words. Raises UsageError."""
    if not (Path(path).is_file() or Path(path).expanduser().is_file()):
        raise UsageError(f"{where}: there is no such file")
    content = text_of(path, where, "plain text")
    if tokens == "bytes":
        return list(content)
    encoding = encoding_of(content)
    try:
        return words_of(content.decode(encoding))
    except UnicodeDecodeError as error:
        shown = encoding.removesuffix("-sig").upper()
        raise UsageError(f"{where}: is not {shown} ({error.reason} at byte {error.start}); use tokens=bytes") from error


def pieces_of(stream: np.ndarray, length: int) -> np.ndarray:
    """``[N, length + 1]``: the last of each is the first of the next; what is left is in none."""
    count = max(0, (len(stream) - 1) // length)
    if not count:
        return np.zeros((0, length + 1), dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(stream, length + 1)
    return np.ascontiguousarray(windows[::length][:count])
