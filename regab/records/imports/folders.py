"""A folder of runs with a table of curves each: Lightning's and Keras' CSVLogger, and scripts that do as these do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.records.imports.source import EPOCH, Found, Run, Source, flat, last_values, read_table

if TYPE_CHECKING:
    from pandas import DataFrame

PARAMETERS = ("hparams.yaml", "params.yaml", "config.yaml", "hparams.json", "params.json", "config.json", "args.json")
COMMON = ("metrics", "log", "logs", "training", "history", "results", "progress")
PAIR = re.compile(r"([A-Za-z][\w.]*?)=(.+?)(?=$|[,;/ ]|[_-]+[A-Za-z][\w.]*=)")


def find(source: Source) -> Found | None:
    """The runs of a folder, or of several files of curves; None where there are none."""
    files = source.paths if len(source.paths) > 1 else _files(source.path)
    curves = {file: table for file in files if (table := _curves(file)) is not None}
    if not curves:
        return None
    root = source.path if source.path.is_dir() else _common(files)
    return Found("folder of curves", [_run(root, file, table) for file, table in curves.items()])


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted((p for p in path.rglob("*.csv") if len(p.relative_to(path).parts) < 6), key=_natural)
    pairs = PAIR.findall(path.stem)
    return [path] if pairs else []


def _natural(path: Path) -> list[Any]:
    """``version_10`` after ``version_9``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(path))]


def _common(files: list[Path]) -> Path:
    import os

    return Path(os.path.commonpath([file.parent.absolute() for file in files]))


def _curves(file: Path) -> DataFrame | None:
    """A table with a row per epoch or step; None for any other."""
    if not file.is_file():
        raise UsageError(f"report {file}: there is no such file")
    try:
        table = read_table(file)
    except UsageError:  # an empty log of a run that was stopped at once
        return None
    return table if any(name in table for name in EPOCH) else None


def _run(root: Path, file: Path, curves: DataFrame) -> Run:
    path = file.absolute().relative_to(root.absolute())
    parts = [*path.parts[:-1], *([] if path.stem in COMMON and len(path.parts) > 1 else [path.stem])]
    return Run("/".join(parts), parameters(file.parent, parts), last_values(curves), curves=curves)


def parameters(folder: Path, parts: list[str]) -> dict[str, Any]:
    """What a run was given, from a file beside its curves and from ``key=value`` in the names of file and folders."""
    found: dict[str, Any] = {}
    for name in PARAMETERS:
        if (folder / name).is_file():
            found |= flat(_parsed(folder / name) or {})
    return found | dict(PAIR.findall("/".join(parts)))


def _parsed(path: Path) -> Any:
    import yaml

    class Plain(yaml.SafeLoader):
        """Lightning writes objects of Python as tags, of which the text is enough."""

    Plain.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, tag, node: tag)
    text = path.read_text("utf-8")
    try:
        return json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=Plain)
    except (ValueError, yaml.YAMLError) as error:
        raise UsageError(f"report {path}: cannot be read ({str(error).splitlines()[0]})") from None
