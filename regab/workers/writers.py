"""Processes that write what a stack's runs leave behind, while a GPU trains on.

A row takes 26 us of the process that trains, the end of a run 0.9 ms; a stack of 1,024 tiny networks would wait longer
for its files than for a GPU. By writers it is 4 us and 0.02 ms. Where training has all cores, they are no gain.
"""

from __future__ import annotations

import io
import os
import traceback
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import Tensor

from regab.processes import Child, begun, cores, dismiss, serve_parent
from regab.training.slots import Layout
from regab.workers.events import Event
from regab.workers.journal import Begun, Entry, Journals

MOST = 4  # of one GPU; a machine may have eight


class Writers:
    """Each has the ``Journals`` of some of the runs. It is given an epoch when it has written the last, so that no more
    than two are in memory; what it reports is handed on then.

    To be made before CUDA is used and threads are begun, as they are forked; ``to_close`` is what they would inherit.
    """

    def __init__(self, to_close: Sequence[Connection] = ()) -> None:
        context, self.children = get_context("fork"), list[Child]()
        for number in range(max(1, min(MOST, cores() - 1))):
            inherited = [*to_close, *(child.pipe for child in self.children)]
            self.children.append(begun(context, _serve, f"regab writer {number}", inherited=inherited))
        self.pipes = [child.pipe for child in self.children]
        self.busy = list[Connection]()
        self.of = dict[str, Connection]()

    def open(self, begun: Sequence[Begun], facts: dict[str, Any], encoding: str, layout: Layout) -> Writers:
        """Begin the journals of a stack, in place of those of another."""
        self.written()
        self.of = {run.digest: self.pipes[i % len(self.pipes)] for i, (run, _) in enumerate(begun)}
        for pipe in self.pipes:
            theirs = [each for each in begun if self.of[each.run.digest] is pipe]
            self._send(pipe, "open", theirs, facts, encoding, layout)
        return self

    def note(self, entries: list[Entry], rows: list[int], state: list[Tensor]) -> list[Event]:
        """As of ``Journals``; what is to be reported is of the epoch before."""
        events = self.written()
        row = dict(zip((entry.digest for entry in entries if entry.record.ended), rows, strict=True))
        for pipe in self.pipes:
            theirs = [entry for entry in entries if self.of[entry.digest] is pipe]
            ended = [row[entry.digest] for entry in theirs if entry.record.ended]
            if theirs:
                self._send(pipe, "note", theirs, _packed([tensor[ended].cpu() for tensor in state] if ended else []))
        return events

    def written(self) -> list[Event]:
        """Wait until all is in the files; what of it has not been reported yet. Raises what has hindered a writer."""
        answers = [self._answer(pipe) for pipe in self.busy]
        self.busy = []
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return [event for answer in answers for event in answer]

    def _send(self, pipe: Connection, what: str, *content: Any) -> None:
        self.busy.append(pipe)
        try:
            pipe.send((what, content))
        except OSError:
            os._exit(1)

    def _answer(self, pipe: Connection) -> Any:
        try:
            return pipe.recv()
        except (EOFError, OSError):  # it was killed: so is this worker, whose runs are tried again
            os._exit(1)

    def close(self) -> None:
        """End them, whatever they are at."""
        dismiss(self.children)


def _serve(pipe: Connection, to_close: list[Connection]) -> None:
    serve_parent(to_close)
    own = _Own()
    while True:
        try:
            what, content = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer: Any = getattr(own, what)(*content)
        except Exception as error:
            error.add_note(traceback.format_exc())  # which is not sent otherwise
            answer = error
        pipe.send(answer)


class _Own:
    """The journals of a writer, as it is told of them."""

    def open(self, *content: Any) -> list[Event]:
        self.journals = Journals(*content)
        return []

    def note(self, entries: list[Entry], state: bytes) -> list[Event]:
        ended = sum(bool(entry.record.ended) for entry in entries)
        return self.journals.note(entries, [*range(ended)], _unpacked(state))


def _packed(state: list[Tensor]) -> bytes:
    # Sent as they are, tensors go through shared memory, for which a thread of torch's would be begun.
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def _unpacked(state: bytes) -> list[Tensor]:
    return torch.load(io.BytesIO(state), weights_only=True)
