"""What trackers' own libraries read of what was kept in a sweep's folder: points by run, column and epoch."""

import json
import warnings
from collections import defaultdict

import pytest

from regab.records.imports.wandb import _records
from regab.records.load import load_rows
from regab.watchers import is_installed

LIBRARIES = ("tensorboard", "mlflow", "wandb")


def need(*libraries):
    for library in libraries:
        if not is_installed(library):
            pytest.skip(f"{library} is not installed (pip install -e '.[exports]')")


def files_say(root):
    """What was to be kept."""
    folders = [file.parent for file in root.glob("*/metrics.csv")] or [root]
    return {folder.name: _points(load_rows(folder)) for folder in folders}


def _points(rows):
    numbers = [(n, r["epoch"], v) for r in rows for n, v in r.items() if n != "epoch" and v is not None]
    return sorted(numbers)


def tensorboard(place):
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    reader = EventMultiplexer(size_guidance={"scalars": 0, "tensors": 0, "images": 0})
    reader.AddRunsFromDirectory(str(place))
    reader.Reload()
    found, about = {}, {}
    for run, kinds in reader.Runs().items():
        found[run] = sorted((tag, e.step, e.value) for tag in kinds["scalars"] for e in reader.Scalars(run, tag))
        about[run] = kinds | {"reader": reader}
    return found, about


def mlflow(place):
    from mlflow import MlflowClient

    client, found, about = MlflowClient(f"sqlite:///{place}"), {}, {}
    for run in client.search_runs([e.experiment_id for e in client.search_experiments()]):
        name, id_ = run.info.run_name, run.info.run_id
        assert name not in found, "two runs for one"
        keys = [key for key in run.data.metrics if not key.startswith("selected_")]
        found[name] = sorted((k, p.step, p.value) for k in keys for p in client.get_metric_history(id_, k))
        about[name] = {"run": run, "artifacts": {file.path for file in client.list_artifacts(id_)}}
    return found, about


def wandb(place):
    from wandb.proto import wandb_internal_pb2 as messages

    found, about = defaultdict(list), {}
    for file in sorted(place.glob("offline-run-*/run-*.wandb")):
        records = [messages.Record.FromString(content) for content in _records(file.read_bytes())]
        (run,) = [r.run for r in records if r.WhichOneof("record_type") == "run"][:1]
        for record in records:
            if record.WhichOneof("record_type") == "history":
                row = {(i.key or i.nested_key[0]): json.loads(i.value_json) for i in record.history.item}
                found[run.display_name] += [(k, row["_step"], v) for k, v in row.items() if k[0] != "_"]
        code = [r.exit.exit_code for r in records if r.WhichOneof("record_type") == "exit"]
        files = {path.name for path in file.parent.joinpath("files").iterdir()}
        config = {item.key: json.loads(item.value_json) for item in run.config.update}
        about[run.display_name] = {"group": run.run_group, "code": code, "files": files, "config": config}
    return {name: sorted(points) for name, points in found.items()}, about


def read(library, root):
    """What a library reads in a sweep's folder, where it is kept unless something else is said."""
    place = {"tensorboard": root / "tensorboard", "mlflow": root / "mlflow.db", "wandb": root / "wandb"}[library]
    return {"tensorboard": tensorboard, "mlflow": mlflow, "wandb": wandb}[library](place)


def assert_kept(library, root):
    """Every point of every run is there once, and nothing else; what else is known of each run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of theirs
        expected, (found, about) = files_say(root), read(library, root)
    assert found.keys() == expected.keys()
    for run, points in expected.items():
        assert [point[:2] for point in found[run]] == [point[:2] for point in points]
        values, said = [v for *_, v in found[run]], [v for *_, v in points]
        assert values == pytest.approx(said, rel=1e-6 if library == "tensorboard" else 0, nan_ok=True)
    return about
