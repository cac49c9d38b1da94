"""Event files for TensorBoard, of which the sweep's folder is the ``--logdir``."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any

from regab.records.files import make_folder
from regab.watchers._tracker import Tracked, Tracker, numbers, seen_from_here
from regab.watchers.base import Row

FILES = "events.out.tfevents.*.regab"
END = b"_hparams_/session_end_info"
SIZE = slice(16, 24)  # of a PNG: its width and height
START = 1  # of what TensorBoard calls a session


class TensorBoard(Tracker):
    """Writes event files for TensorBoard to ``<sweep>/tensorboard/<run>``: curves, parameters, figures.

    On its page of hyperparameters, the repetitions of a variant are a group. ``store``: a folder in place of the
    sweep's.
    """

    library = "tensorboard"

    def open(self, root: Path, name: str) -> None:
        self.root = Path(self.store) / (self.project or name) if self.store else root / "tensorboard"
        self.root, self.paths = self.root.absolute(), dict[Path, Path]()
        self.shown_by = f"tensorboard --logdir {seen_from_here(self.root)}"
        _event()  # which fails here where the library does

    def holds(self, run: Tracked) -> bool:
        files = sorted((self.root / run.name).glob(FILES))
        self.paths |= {run.folder: files[-1]} if files else {}
        return bool(files) and END in files[-1].read_bytes()

    def start(self, run: Tracked, rows: list[Row]) -> None:
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        make_folder(self.root / run.name)
        old, now = [*(self.root / run.name).glob(FILES)], time.time_ns()
        name = FILES.replace("*", f"{now // 10**9:010}.{now % 10**9:09}")
        self.paths[run.folder] = self.root / run.name / name
        # A TensorBoard that shows the run already forgets at this word what it has read of it.
        begins = [_event(file_version="brain.Event:2"), _event(session_log={"status": START})]
        group = _event(summary=hparams_pb(run.parameters, trial_id=run.variant))
        self._write(run, [*begins, group, *map(_scalars, filter(numbers, rows))])
        for file in old:
            file.unlink()

    def log(self, run: Tracked, row: Row) -> None:
        self._write(run, [_scalars(row)] if numbers(row) else [])

    def end(self, run: Tracked, result: dict[str, Any] | None, error: str, files: list[Path]) -> None:
        self.add(run, files)
        self._write(run, [*([_text("error", error)] if error else []), _session_end(result, error)])

    def add(self, run: Tracked, files: list[Path]) -> None:
        texts = [_text(file.stem, file.read_text("utf-8")) for file in files if file.suffix == ".md"]
        self._write(run, [*texts, *(_image(file) for file in files if file.suffix == ".png")])

    def _write(self, run: Tracked, events: list[Any]) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        with self.paths[run.folder].open("ab") as file:  # opened each time: a stack may have 1,024 runs
            for event in events:
                RecordWriter(file).write(event.SerializeToString())


def _event(**content: Any) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event

    return Event(wall_time=time.time(), **content)


def _scalars(row: Row) -> Any:
    values = [{"tag": name, "simple_value": value} for name, value in numbers(row).items()]
    return _event(step=int(row["epoch"]), summary={"value": values})


def _image(path: Path) -> Any:
    content = path.read_bytes()
    width, height = struct.unpack(">II", content[SIZE])
    image = {"width": width, "height": height, "colorspace": 4, "encoded_image_string": content}
    return _event(summary={"value": [{"tag": path.stem, "image": image}]})


def _text(tag: str, text: str) -> Any:
    from tensorboard.plugins.text.summary_v2 import text_pb

    return _event(summary=text_pb(tag, text))


def _session_end(result: dict[str, Any] | None, error: str) -> Any:
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_SUCCESS if result else api_pb2.STATUS_FAILURE if error else api_pb2.STATUS_UNKNOWN
    ended = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=time.time())
    about = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=ended))
    value = {"tag": metadata.SESSION_END_INFO_TAG, "metadata": about, "tensor": metadata.NULL_TENSOR}
    return _event(summary={"value": [value]})
