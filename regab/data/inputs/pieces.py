"""Running text as tokens, cut into pieces."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

import numpy as np

from regab.data.inputs.decode import encoding_of, text_of
from regab.data.inputs.place import place
from regab.errors import UsageError

WORD = re.compile(r"\w+(?:['’]\w+)*|['’]\w+|[^\w\s]|\n")
# Scripts without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer; kana; Chinese characters.
UNSPACED = "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"
UNSPACED += "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
WORDY = 3  # words that cells have on average, if they are texts
SPACED_OUT = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")  # what words there would be if all scripts had spaces
JOINED = "\u200c\u200d\U0001f3fb-\U0001f3ff"  # joiners of letters, and skin tones, which go with what is before them
LAST_MARK = 0xFFFF  # beyond it are those of scripts that are hardly in use, and make matching slow
TOKENS = ("bytes", "words")


def words_of(text: str) -> list[str]:
    """Runs of letters and digits with their apostrophes and accents, other characters but spaces, and ends of lines.

    Letters of scripts that have no spaces between words are words of their own. Composed and decomposed accents are the
    same (NFC).
    """
    if text.isascii():
        return WORD.findall(text)
    text = unicodedata.normalize("NFC", text)
    rare, any_word = _of_all_scripts()
    return (any_word if rare.search(text) else WORD).findall(text)


def words_each(cells: list[str]) -> float:
    """How many words a cell has on average."""
    return sum(len(SPACED_OUT.findall(cell)) for cell in cells) / max(1, len(cells))


def are_texts(cells: list[str]) -> bool:
    """Whether cells, none of them empty, have several words on average, and more than half are different ones."""
    return words_each(cells) >= WORDY and len(set(cells)) > len(cells) / 2


@cache
def _of_all_scripts() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What ``WORD`` does not know, and, ten times slower, one that does: ``\\w`` has no accents, as Hindi's vowels are.

    Made in 20 ms.
    """
    found = "".join(re.escape(chr(c)) for c in range(0x300, LAST_MARK) if unicodedata.category(chr(c))[0] == "M")
    accents = f"{found}{JOINED}\U000e0100-\U000e01ef"
    letters = rf"(?:[^\W{UNSPACED}]|[{accents}])+"
    words = rf"{letters}(?:['’]{letters})*|['’]{letters}|[{UNSPACED}][{accents}]*|[^\w\s][{accents}]*|\n"
    return re.compile(f"[{accents}{UNSPACED}]"), re.compile(words)


def tokens_of(path: str, where: str, tokens: str) -> Any:
    """The tokens of a file, which is unpacked: numbers of bytes, or words. Raises UsageError."""
    if not place(path).is_file():
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
