"""regab from Python: what the command line does, with objects in place of files. Exported by ``regab`` itself.

Nothing here ends the process: what the command line says with an exit code is raised, as ``regab.UsageError`` (a
mistake in what was asked for), ``RunsFailed``, ``CannotWrite`` or ``Interrupted``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from regab.api.trained import Run, Sweep
from regab.api.words import Values, words_of
from regab.errors import UsageError

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Run", "Sweep", "compare", "load", "report", "sweep", "train"]


def train(*values: Values, progress: bool = True, **more: Any) -> Run:
    """Train one run, as ``regab train``: ``train("data=digits reg.dropout=0.5")``, ``train({"reg.dropout": 0.5})``.

    Values are words of a command line, or dictionaries of keys; keyword arguments are keys too (``epochs=5``). A class
    or a function stands for itself, one from a notebook's cell too: ``train(model=Net, data=load)``. ``progress``:
    show how far it is.

    Raises UsageError, RunsFailed, CannotWrite, Interrupted.
    """
    from regab.api.training import ONE_BY_ONE, execute

    with ONE_BY_ONE:
        return Run(execute(words_of(values, more, sweep=False), progress))


def sweep(
    *values: Values,
    seeds: int | str | None = None,
    folds: int | None = None,
    design: str | None = None,
    n: int | None = None,
    progress: bool = True,
    **more: Any,
) -> Sweep:
    """Train every combination, as ``regab train -m``: ``sweep({"reg.dropout": [0, 0.5], "model": "mlp"}, seeds=5)``.

    As ``train``; a list has the values that a key takes. ``seeds``, ``folds``, ``design`` and ``n`` are the command
    line's. Runs that fail are listed in the sweep's ``failures``.

    Raises UsageError, CannotWrite, Interrupted; RunsFailed where no run has finished.
    """
    from regab.api.training import ONE_BY_ONE, execute

    options = {"--seeds": seeds, "--folds": folds, "--design": design, "--n": n}
    flags = [f"{name}={value}" for name, value in options.items() if value is not None]
    with ONE_BY_ONE:
        words = ["-m", *flags, *words_of(values, more, sweep=True)]
        return Sweep([execute(words, progress, partial=True)])


def load(*folders: str | Path) -> Run | Sweep:
    """What was trained: a run, a sweep, or several sweeps with the same baseline together. Raises UsageError."""
    from regab.records.results import is_run

    paths = [Path(folder) for folder in folders]
    for path in paths:
        if not path.is_dir():
            raise UsageError(f"{path}: there is no such folder")
    if len(paths) == 1 and is_run(paths[0]):
        return Run(paths[0])
    return Sweep(paths)


def compare(
    results: DataFrame | Sweep | str | Path,
    baseline: str | dict[str, Any] | None = None,
    metric: str | None = None,
    practical: float = 0.0,
    at: str = "selected",
    **columns: Any,
) -> DataFrame:
    """Every variant against the baseline, seed by seed: the table that ``regab.analysis.verdicts.compare`` describes.

    Of a sweep, of its folder, of its ``results.csv`` as pandas reads it, or of any table with a row per run. What its
    columns are is found out, or said: ``factors=["dropout"]``, ``seed="seed"``, ``direction="up"`` (or ``"down"``).

    Raises UsageError.
    """
    from regab.api.tables import judged

    return judged(results, baseline, metric, practical, at, columns)


def report(*results: DataFrame | Sweep | str | Path, to: str | Path | None = None, **options: Any) -> Path:
    """Write the report of sweeps, of results made elsewhere, or of a table; the path of its page.

    ``options`` are those of ``regab report``: ``metric``, ``baseline``, ``practical``, ``at``, ``stopping``,
    ``looks``, ``pdf``, ``factors``, ``seed``, ``direction``. Raises UsageError, CannotWrite.
    """
    from regab.api.tables import reported

    return reported(results, to, options)
