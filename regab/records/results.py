"""The table of a sweep: one row per run, read from the runs' own files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regab.errors import UsageError
from regab.records.columns import cell, column, columns, headline, measures_from, metrics_in, words
from regab.records.files import to_json, write_atomically
from regab.records.load import damage, load_error, load_json, load_result, load_yaml
from regab.records.log import CONFIG, OVERRIDES, PLACED, RESULT
from regab.records.printable import printable
from regab.script import is_script, measures_of

Rows = list[dict[str, str]]
Known = tuple[dict[str, str], dict[str, Any]]  # a finished run's overrides and its result, as it stands in its file

RESULTS, MEASURES = "results.csv", "metrics.json"
PAGE = "report.html"
SOURCE = "source.json"  # in a folder of results made elsewhere: where they came from
REPLICATE = ("seed", "data.fold")  # the keys whose values are repetitions of one variant
MEASURED = ("metrics", "headline")  # the keys that only say what is measured of a run
OUTCOME = ["seed", "fold", "status", "reason"]
KEPT = ("task", "seed", "fold", "status", "parameters", "seconds")
REST = ["parameters", "seconds", "folder"]


def write_results(
    root: Path, folders: list[str], known: Mapping[str, Known] | None = None, latest: str | None = None
) -> None:
    """Write ``results.csv``: factors (the keys that vary), seed and fold, status, selected and last metrics, folder;
    and ``metrics.json``: how each metric is compared and shown, and by which verdicts go.

    Rows stand in the order of ``folders``, so the first level of a factor is the one that was given first. A run of
    which nothing was written yet has none. What is ``known`` of a folder is not read again. Verdicts go by what the
    run (its folder) wants that was asked for ``latest``, else by what is noted, else by what the first wants.
    """
    text, said = _tabulated(root, folders, known or {}, latest)
    write_atomically(root / RESULTS, text)
    write_atomically(root / MEASURES, to_json(said))


def _tabulated(
    root: Path, folders: list[str], known: Mapping[str, Known], latest: str | None = None
) -> tuple[str, dict[str, Any]]:
    """``results.csv`` and ``metrics.json``, as they are to be written."""
    rows = [row_of(root / name, known.get(name)) for name in folders if name in known or is_begun(root / name)]
    factors = varying([row["overrides"] for row in rows])
    names = dict.fromkeys(
        name for row in sorted(rows, key=lambda row: row.get("task") or "") for name in row["measured"]
    )
    reported = dict.fromkeys(name for row in rows for name in row["reported"])  # by scripts
    header = [*factors, *OUTCOME, *_metrics([*reported] or columns(names)), *REST]
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(row | {key: row["overrides"].get(key, "") for key in factors} for row in rows)
    measures = {name: facts for row in rows for name, facts in row["measures"].items()}
    said = [load_yaml(root / row["folder"] / CONFIG) for row in rows] if reported else []  # which --resume may add to
    measures |= {name: facts for config in said for name, facts in measures_of(config).items()}
    own = next((config["headline"] for config in reversed(said) if config["headline"]), None)
    wanted = own if said else _headline(root, latest, rows)
    return text.getvalue(), {"headline": wanted, "metrics": measures}


def _headline(root: Path, latest: str | None, rows: list[dict[str, Any]]) -> str | None:
    noted = None if latest else load_json(root / MEASURES)
    if noted:
        return noted.get("headline")
    run = latest or next((row["folder"] for row in rows), None)
    return headline_of(root / run) if run else None


def headline_of(folder: Path) -> str | None:
    """By which metric a run's configuration wants to be compared, if it says so."""
    return load_yaml(folder / CONFIG).get("headline")


def run_folders(root: Path) -> list[str]:
    """The folders of a sweep's runs: those in ``results.csv``, as they stand there, then others that are found, in the
    order in which they were first asked for."""
    try:
        listed = [row.get("folder") or "" for row in load_results(root)]
    except (OSError, UsageError):
        listed = []  # missing or damaged: it is made again from the runs
    found = {folder.name for folder in root.iterdir() if is_begun(folder)}
    placed = (load_json(root / PLACED) or {}).values()
    return [name for name in dict.fromkeys([*listed, *placed, *sorted(found)]) if name in found]


def is_begun(folder: Path) -> bool:
    """Whether this is the folder of a run of which something was written."""
    return (folder / OVERRIDES).is_file() or (folder / RESULT).is_file()


def is_run(folder: Path) -> bool:
    """Whether this is the folder of one run."""
    return (folder / OVERRIDES).is_file() and not (folder / RESULTS).is_file()


def varying(overrides: list[dict[str, str]]) -> list[str]:
    """The keys that do not have the same value everywhere, but for seed and fold."""
    keys = dict.fromkeys(key for each in overrides for key in each if not _is_passive(key))
    return [key for key in keys if len({each.get(key) for each in overrides}) > 1]


def _is_passive(key: str) -> bool:
    return key in REPLICATE or key.split(".")[0] in MEASURED


def row_of(folder: Path, known: Known | None = None) -> dict[str, Any]:
    """One run from its own files, or from what is known of it: its overrides, how it ended, its metrics, which were
    ``measured`` beside the loss, and their ``measures``. Raises UsageError for damaged ones."""
    overrides, result = known or _read(folder)
    row = {
        "overrides": overrides,
        "folder": folder.name,
        "measured": [],
        "measures": {},
        "reported": [],
    }
    if result is None:
        failure, config = load_error(folder), load_yaml(folder / CONFIG)
        status = {"status": "failed" if failure else "unfinished", "reason": failure or damage(folder)}
        return row | status | {"seed": config["seed"], "fold": fold_of(config)}
    metrics = {f"{which}_{name}": value for which in ("selected", "last") for name, value in result[which].items()}
    facts = {"measured": metrics_in(result["last"]), "measures": result.get("metrics") or {}}
    facts["reported"] = [] if result.get("task") else list(result["last"])
    return row | facts | metrics | {name: result.get(name) for name in KEPT}


def _read(folder: Path) -> tuple[dict[str, str], dict[str, Any] | None]:
    result = load_result(folder)
    return _overrides(folder, result), result


def _overrides(folder: Path, result: dict[str, Any] | None) -> dict[str, str]:
    """What was asked for, in the words of the command that mentioned the run last; else of the one that trained it."""
    try:
        return {key: value for key, _, value in (line.partition("=") for line in load_yaml(folder / OVERRIDES))}
    except UsageError:
        if result is None:
            raise
        return result["overrides"]


def fold_of(config: dict[str, Any]) -> int | None:
    """Which fold a run with this configuration holds out; None without cross-validation, and of a script."""
    return config["data"]["fold"] if not is_script(config) and config["data"].get("folds") else None


def _metrics(names: list[str]) -> list[str]:
    return [f"{which}_{name}" for which in ("selected", "last") for name in names if name != "seconds"]


def load_results(root: Path) -> Rows:
    """The rows of a sweep's ``results.csv``, as text. Raises UsageError if it is damaged."""
    try:
        with (root / RESULTS).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{root / RESULTS}: cannot be read as a table in UTF-8 ({error})") from error


def load_measures(root: Path) -> dict[str, Any]:
    """What ``metrics.json`` says of a folder: ``headline`` and ``metrics``; empty where there is none."""
    return load_json(root / MEASURES) or {}


def load_table(root: Path) -> tuple[Rows, dict[str, Any]]:
    """Both of them; where nothing was concluded yet, as they would be written now. Raises UsageError as these do."""
    if (root / RESULTS).is_file():
        return load_results(root), load_measures(root)
    text, said = _tabulated(root, run_folders(root), {})
    return list(csv.DictReader(io.StringIO(text, newline=""))), load_measures(root) or said


def outcome(result: dict[str, Any]) -> str:
    """A result's selected epoch in a few words."""
    row, own = result["selected"], measures_from(result.get("metrics"))
    if not result.get("task"):  # a script's
        return ", ".join(f"{name} {value:.4g}" for name, value in [*row.items()][:4])
    name = result.get("headline") or headline(row)
    shown = [column(f"{split}_{name}", own) for split in ("val", "test")]
    parts = [f"{words(name)} {cell(name, row[name])}" for name in shown if row[name] is not None]
    return ", ".join([f"epoch {int(row['epoch'])}", *parts])


def variant_name(levels: dict[str, str]) -> str:
    """``dropout.rate=0.5, norm.kind=batch``: keys as short as they can be."""
    words = ", ".join(f"{key.removeprefix('reg.')}={value}" for key, value in levels.items()) or "all runs"
    return printable(words, but="")
