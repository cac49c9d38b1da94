"""Checkpoints of stacks: written now and then, so that a killed sweep goes on with the same numbers."""

from __future__ import annotations

import io
import time
from pathlib import Path

import torch

from regab.records.files import checksum, make_folder, to_json, write_atomically
from regab.training.loop import Training
from regab.training.snapshot import Snapshot, take_snapshot

SHARE = 0.01  # of the time that may go into writing checkpoints


class Checkpoint:
    """The file of one chunk. At least ``interval`` seconds lie between two checkpoints, and enough for SHARE."""

    def __init__(self, path: Path, interval: float) -> None:
        self.path, self.interval, self.saved = path, interval, time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self.saved >= self.interval

    def save(self, training: Training) -> None:
        """Write the state between two epochs; then ``.json`` beside it, which says which runs can go on from it.

        Raises CannotWrite.
        """
        began = time.monotonic()
        make_folder(self.path.parent)
        write(self.path, take_snapshot(training))
        running = [i for i, running in zip(training.ids, training.watch.running, strict=True) if running]
        write_atomically(self.path.with_suffix(".json"), to_json({"ids": running, "epoch": training.epoch}))
        self.saved = time.monotonic()
        self.interval = max(self.interval, (self.saved - began) / SHARE)

    def remove(self) -> None:
        for file in (self.path, self.path.with_suffix(".json")):
            file.unlink(missing_ok=True)


def write(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot, then eight digits: the checksum of what comes before them. Raises CannotWrite."""
    buffer = io.BytesIO()
    torch.save(snapshot, buffer)
    buffer.write(checksum(buffer.getbuffer()).encode())
    write_atomically(path, buffer.getbuffer(), sync=True)


def load(path: Path, ids: list[str]) -> Snapshot:
    """A snapshot in which these runs are still in training.

    Raises ValueError if one is not or the file is damaged, and whatever one of another version makes torch raise.
    """
    content = memoryview(path.read_bytes())
    if checksum(content[:-8]).encode() != content[-8:]:
        raise ValueError("it is damaged")
    snapshot = torch.load(io.BytesIO(content[:-8]), weights_only=True, map_location="cpu")
    running = {i for i, running in zip(snapshot["ids"], snapshot["running"].tolist(), strict=True) if running}
    if not running >= set(ids):
        raise ValueError("some of the runs have ended in it")
    return snapshot
