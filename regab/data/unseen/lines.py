"""Running text: a file of it, or a list of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from regab.data.inputs.pieces import pieces_of, tokens_of, words_of
from regab.data.unseen.examples import Examples, a_kind, existing, is_path
from regab.errors import UsageError

BYTES = 256


@dataclass
class Lines:
    """How the training text was cut: into pieces of ``length`` ``tokens``, each with the one that follows it."""

    tokens: str
    length: int
    classes: ClassVar[list[str]] = []

    def read(self, given: Any, encode: Any = None) -> Examples:
        """The pieces of a file, as those of training, with the lines in which they begin; of a list a piece of each
        text, filled up or cut. Raises UsageError for anything else, and for what has no tokens."""
        words = getattr(encode, "words", None)
        if self.tokens == "words" and words is None:
            raise UsageError("predict: this run kept no words; train it again by this version of regab")
        places = {word: place for place, word in enumerate(words or [])}
        if is_path(given):
            return self._of_file(given, places)
        texts = given.tolist() if hasattr(given, "tolist") else given
        if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str) for text in texts):
            raise UsageError(f"predict: {a_kind(given)} holds no texts; give a list of them, or a text file")
        return self._of_texts(texts, places)

    def _of_file(self, given: Any, places: dict[str, int]) -> Examples:
        path = existing(given)
        tokens = tokens_of(str(path), str(given), self.tokens)
        if not tokens:
            raise UsageError(f"{given}: is empty")
        pieces = pieces_of(self._numbers(tokens, places), self.length)
        if not len(pieces):
            return Examples(self._piece(tokens, places)[None], places={"line": [1]})
        ends = np.cumsum([token in ("\n", ord("\n")) for token in tokens])
        starts = np.arange(len(pieces)) * self.length
        lines = 1 + np.where(starts > 0, ends[starts - 1], 0)
        found = Examples(pieces, places={"line": lines.tolist()})
        if left := len(tokens) - 1 - len(pieces) * self.length:
            found.said.append(f"{left} tokens at the end are left out, fewer than a piece of {self.length}")
        return found

    def _of_texts(self, texts: Any, places: dict[str, int]) -> Examples:
        read = [list(text.encode()) if self.tokens == "bytes" else words_of(text) for text in texts]
        if [] in read:
            raise UsageError(f"predict: text {read.index([])} has no tokens")
        found = Examples(np.stack([self._piece(tokens, places) for tokens in read]))
        if cut := sum(len(tokens) > self.length + 1 for tokens in read):
            found.said.append(f"{cut} texts are cut after {self.length + 1} tokens")
        return found

    def _numbers(self, tokens: Any, places: dict[str, int]) -> np.ndarray:
        return np.array(tokens if self.tokens == "bytes" else [places.get(word, len(places)) for word in tokens])

    def _piece(self, tokens: Any, places: dict[str, int]) -> np.ndarray:
        """One, filled up with padding."""
        padding = (len(places) if self.tokens == "words" else BYTES) + 1
        piece = np.full(self.length + 1, padding)
        some = self._numbers(tokens[: self.length + 1], places)
        piece[: len(some)] = some
        return piece
