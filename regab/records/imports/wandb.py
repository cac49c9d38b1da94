"""Weights & Biases: the table exported from its page, one made by its API, and folders of runs that were offline."""

from __future__ import annotations

import ast
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from regab.errors import UsageError
from regab.records.imports.source import Found, Run, Source, flat

PAGE = {"Name", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep", "Group", "Job Type", "ID", "Updated",
        "End Time", "Hostname", "Description", "Commit", "GitHub", "GPU Count", "GPU Type", "Host", "OS", "Path",
        "Python Version", "Agent", "Relative Time (Process)", "Relative Time (Wall)"}  # fmt: skip
BLOCK, HEAD, START = 32_768, 7, 7  # of LevelDB's log format; the first seven bytes of a file name the format


def find(source: Source) -> Found | None:
    """W&B's runs, or None where these are none."""
    if source.path.is_dir() and (files := sorted(source.path.glob("**/run-*.wandb"))):
        return Found("W&B offline runs", [_offline(file) for file in dict.fromkeys(f.resolve() for f in files)])
    table = source.table
    if table is None:
        return None
    if {"config", "summary"} <= set(table):
        return Found("W&B table", [_by_api(row) for row in table.to_dict("records")])
    if {"Name", "State"} <= set(table) and PAGE & {"Created", "Runtime", "User", "Tags"} & set(table):
        return Found("W&B table", [_exported(row) for row in table.to_dict("records")], loose=True)
    return None


def _exported(row: dict[str, Any]) -> Run:
    given = {key: value for key, value in row.items() if key not in PAGE and not _internal(key)}
    return Run(str(row["Name"]), given, {}, str(row["State"]))


def _by_api(row: dict[str, Any]) -> Run:
    given, values = flat(_object(row["config"])), flat(_object(row["summary"]))
    state, name = row.get("state", "finished"), row.get("name", "")
    return Run(str(name), _own(given), _own(values), str(state))


def _object(cell: Any) -> Any:
    """A cell that holds a dictionary, as Python or as JSON writes it."""
    if isinstance(cell, dict):
        return cell
    try:
        return json.loads(str(cell))
    except ValueError:
        return ast.literal_eval(str(cell))


def _internal(key: str) -> bool:
    return key.startswith(("_", "system/", "parameters/", "gradients/"))


def _own(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not _internal(key)}


def _offline(path: Path) -> Run:
    """One file of an offline run; its messages are read by W&B's own classes. Raises UsageError without them."""
    import pandas as pd

    try:
        from wandb.proto import wandb_internal_pb2 as messages
    except ImportError:
        raise UsageError(f"report {path.parent}: to read W&B's offline runs: pip install wandb") from None
    run, rows = Run(path.stem, status="running"), []
    for content in _records(path.read_bytes()):
        record = messages.Record.FromString(content)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run.name = record.run.display_name or run.name
            _update(run.given, record.run.config.update)
        elif kind == "config":
            _update(run.given, record.config.update)
        elif kind == "history":
            rows.append(_update({}, record.history.item))
        elif kind == "summary":
            _update(run.values, record.summary.update)
        elif kind == "exit":
            run.status = "failed" if record.exit.exit_code else "finished"
    run.given, run.values = _own(flat(run.given)), _own(flat(run.values))
    if rows:
        run.curves = pd.DataFrame([{("step" if k == "_step" else k): v for k, v in row.items()} for row in rows])
        run.curves = run.curves[[c for c in run.curves if not _internal(c)]]
    return run


def _update(values: dict[str, Any], items: Any) -> dict[str, Any]:
    for item in items:
        path = list(item.nested_key) or [item.key]
        node = values
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = json.loads(item.value_json)
    return values


def _records(content: bytes) -> Iterator[bytes]:
    """The records of a LevelDB log: in blocks, each piece with checksum, length and kind (1 whole, 2 to 4 parts)."""
    position, parts = START, b""
    while position + HEAD <= len(content):
        if BLOCK - position % BLOCK < HEAD:  # the rest of a block is padding
            position += BLOCK - position % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", content, position)
        piece = content[position + HEAD : position + HEAD + length]
        position += HEAD + length
        if not kind or len(piece) < length:  # a file that was being written
            return
        parts = piece if kind in (1, 2) else parts + piece
        if kind in (1, 4):
            yield parts
