"""Whether results that are in a folder already belong beside those that are about to be trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from regab.config import PASSIVE_DATA, Run
from regab.errors import UsageError
from regab.records.load import load_config, load_result
from regab.records.results import is_begun, row_of
from regab.script import own_part
from regab.training.assembly.facts import Facts

DIVISION = ("n_train", "val_fraction", "test_fraction", "label_noise", "split_seed", "folds", "fold")


class Earlier(NamedTuple):
    """A finished run: its folder, its configuration's data node, its result."""

    folder: Path
    data: dict[str, Any]
    result: dict[str, Any]


def others(root: Path, known: Iterable[str], runs: Iterable[Run]) -> Iterator[Earlier]:
    """The finished runs of a folder that are not among these.

    Raises UsageError where it is lost what one of them was.
    """
    for folder in sorted({root / name for name in known} - {run.folder for run in runs}):
        try:
            if is_begun(folder) and row_of(folder)["status"] == "finished" and (result := load_result(folder)):
                yield Earlier(folder, data_of(load_config(folder)), result)
        except UsageError as error:
            lost = str(error).partition(": is missing")[0]
            words = "is missing or damaged, and this command does not train that run; give its values too, or remove"
            raise UsageError(f"{lost}: {words} {folder}") from error


def check_unchanged(asked: Mapping[str, Facts], runs: Sequence[Run], earlier: Iterable[Earlier]) -> None:
    """Raises UsageError where the data, or code of the user's own, are not what finished runs were trained with.

    ``asked`` are the facts of the runs' structures as they are now.
    """
    now = {_source(data_of(run.config)): asked[run.structure].data_fingerprint for run in runs}
    code = {name: digest for facts in asked.values() for name, digest in facts.code.items()}
    for folder, data, result in earlier:
        before, present = result.get("data_fingerprint"), now.get(_source(data))
        if before and present and before != present:
            raise UsageError(_refusal(folder, "the data have"))
        for name, digest in (result.get("code") or {}).items():
            if code.get(name, digest) != digest:
                raise UsageError(_refusal(folder, f"the code in module {name} has"))


def data_of(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration's data node; that of a script has none."""
    return own_part(config).get("data", {})


def _source(data: dict[str, Any]) -> str:
    """What examples are loaded from, however they are divided."""
    return repr(sorted((k, v) for k, v in data.items() if k not in (*PASSIVE_DATA, *DIVISION)))


def _refusal(folder: Path, what: str) -> str:
    return (
        f"{folder}: {what} changed since this run was trained, and its result cannot be compared with new ones; "
        "train all runs in another folder, or undo the change, or remove the folders of the earlier runs"
    )
