"""Runs of MLflow's, in a data base that the sweep's folder has, or on a server."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from shlex import quote
from typing import Any

from regab.records.columns import measured
from regab.records.files import PARTIAL, make_folder
from regab.watchers._tracker import Tracked, Tracker, numbers
from regab.watchers.base import Row

FORBIDDEN = re.compile(r"[^\w\-. :/]", re.ASCII)  # in names
SELECTED, DATABASE = "selected_", "mlflow.db"
# A server that is gone would otherwise be waited for for minutes; and nobody is told of what is done here.
SURROUNDINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
SOON = 5.0  # seconds between two requests of a run
MOST, LONGEST = {"metrics": 1000, "params": 100}, 500  # of one request, and the characters of a parameter
Points = dict[tuple[str, int], float]  # by metric and step


class MLflow(Tracker):
    """Keeps runs in MLflow, in ``<sweep>/mlflow.db`` or where MLFLOW_TRACKING_URI says, tagged by their variant.

    ``store``: the address of a server or a data base, or a folder in place of the sweep's. ``project``: the name of the
    experiment; None: MLFLOW_EXPERIMENT_NAME, or the sweep's.
    """

    library = "mlflow"

    def open(self, root: Path, name: str) -> None:
        for key, value in SURROUNDINGS.items():
            os.environ.setdefault(key, value)
        from mlflow import MlflowClient

        address, files = _place(self.store or os.environ.get("MLFLOW_TRACKING_URI") or str(root))
        self.client = MlflowClient(tracking_uri=address)
        project = self.project or os.environ.get("MLFLOW_EXPERIMENT_NAME") or name
        known = self.client.get_experiment_by_name(project)
        self.experiment = known.experiment_id if known else self.client.create_experiment(project, files)
        self.ids, self.waiting, self.sent = dict[Path, str](), dict[Path, Points](), dict[Path, float]()
        self.names = dict[str, str]()
        self.shown_by = f"mlflow ui --backend-store-uri {quote(address)}"

    def holds(self, run: Tracked) -> bool:
        found = self._found(run)
        return found is not None and found.info.status == "FINISHED"

    def start(self, run: Tracked, rows: list[Row]) -> None:
        points = {point: value for row in rows for point, value in self._points(row).items()}
        found = self._found(run)
        known = self._history(found) if found else {}
        if found and not _written(known).items() <= _written(points).items():
            self.client.delete_run(found.info.run_id)  # it has points that this run has not
            found, known = None, {}
        if found:
            self.client.update_run(found.info.run_id, status="RUNNING")
        else:
            self._create(run)
        self.waiting[run.folder] = {point: value for point, value in points.items() if point not in known}
        self._send(run)

    def log(self, run: Tracked, row: Row) -> None:
        self.waiting[run.folder] |= self._points(row)
        if time.monotonic() - self.sent[run.folder] > SOON or len(self.waiting[run.folder]) > MOST["metrics"]:
            self._send(run)

    def end(self, run: Tracked, result: dict[str, Any] | None, error: str, files: list[Path]) -> None:
        if result:
            selected = result["selected"]
            best = {"epoch": selected["epoch"]} | {f"{SELECTED}{name}": selected[name] for name in measured(selected)}
            self.waiting[run.folder] |= self._points(best)
        self._send(run)
        self.add(run, files)
        if error:
            self.client.set_tag(self.ids[run.folder], "regab.error", error)
        status = "FINISHED" if result else "FAILED" if error else "KILLED"
        self.client.set_terminated(self.ids[run.folder], status)

    def add(self, run: Tracked, files: list[Path]) -> None:
        for file in files:
            self.client.log_artifact(self.ids[run.folder], str(file))

    def _found(self, run: Tracked) -> Any:
        named = f"tags.`regab.identity` = '{run.identity}'"
        for found in self.client.search_runs([self.experiment], named, max_results=1):
            self.ids[run.folder] = found.info.run_id
            return found
        return None

    def _history(self, found: Any) -> Points:
        """The points of a run that is there."""
        names = [name for name in found.data.metrics if not name.startswith(SELECTED)]
        history = [self.client.get_metric_history(found.info.run_id, name) for name in names]
        return {(each.key, each.step): each.value for of_one in history for each in of_one}

    def _create(self, run: Tracked) -> None:
        from mlflow.entities import Param

        tags = {"variant": run.variant, "regab.folder": str(run.folder.absolute()), "regab.identity": run.identity}
        made = self.client.create_run(self.experiment, tags=tags, run_name=run.name)
        self.ids[run.folder] = made.info.run_id
        self._log(run, "params", [Param(self._name(k), str(v)[:LONGEST]) for k, v in run.parameters.items()])

    def _send(self, run: Tracked) -> None:
        from mlflow.entities import Metric

        now = round(time.time() * 1000)
        points = self.waiting[run.folder].items()
        self._log(run, "metrics", [Metric(name, value, now, step) for (name, step), value in points])
        self.waiting[run.folder], self.sent[run.folder] = {}, time.monotonic()

    def _log(self, run: Tracked, kind: str, entities: list[Any]) -> None:
        for first in range(0, len(entities), MOST[kind]):
            self.client.log_batch(self.ids[run.folder], **{kind: entities[first : first + MOST[kind]]})

    def _points(self, row: Row) -> Points:
        return {(self._name(name), int(row["epoch"])): value for name, value in numbers(row).items()}

    def _name(self, name: str) -> str:
        """A name that MLflow takes, and no other has."""
        if name not in self.names:
            taken, plain = set(self.names.values()), FORBIDDEN.sub("_", name)
            while plain in taken:
                plain += "_"
            self.names[name] = plain
        return self.names[name]


def _place(address: str) -> tuple[str, str | None]:
    """The address of a data base in a folder, and where it has its files; other addresses as they are."""
    if ":" in address:
        return address, None
    folder = Path(address).absolute()
    make_folder(folder)
    if not (folder / DATABASE).is_file():
        _make(folder / DATABASE)
    return f"sqlite:///{folder / DATABASE}", (folder / "mlartifacts").as_uri()


def _make(path: Path) -> None:
    """A data base, whole or not at all: what was left of one whose making (5 s) was interrupted could not be used."""
    from mlflow import MlflowClient

    partial = path.with_name(PARTIAL.replace("*", path.name))
    for left in path.parent.glob(f"{partial.name}*"):  # with its journal, which would be that of the next
        left.unlink()
    MlflowClient(tracking_uri=f"sqlite:///{partial}")
    os.replace(partial, path)


def _written(points: Points) -> dict[tuple[str, int], str]:
    """Such that NaN is the same as itself."""
    return {point: repr(value) for point, value in points.items()}
