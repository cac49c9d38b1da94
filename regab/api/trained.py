"""Runs and sweeps as objects of Python, read from their files."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regab.api.options import COMPARED, REPORTED, check

if TYPE_CHECKING:
    from pandas import DataFrame
    from torch.nn import Module

    from regab.api.plots import Plots
    from regab.prediction.trained import Trained
    from regab.report.study import Study

Options = dict[str, Any]


class Maps(dict[str, Any]):
    """Arrays by name, a row for each example; ``frame`` has what is said of it as a whole, ``attrs`` its metrics."""

    def __init__(self, arrays: dict[str, Any], frame: DataFrame) -> None:
        super().__init__(arrays)
        self.frame, self.attrs = frame, frame.attrs


class Run:
    """One run: its files are in ``folder``."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The resolved configuration."""
        import yaml

        return yaml.safe_load((self.folder / ".hydra" / "config.yaml").read_text("utf-8"))

    @cached_property
    def overrides(self) -> dict[str, str]:
        """What was asked for, by key."""
        import yaml

        words = yaml.safe_load((self.folder / ".hydra" / "overrides.yaml").read_text("utf-8")) or []
        return dict(word.partition("=")[::2] for word in words)

    @property
    def result(self) -> dict[str, Any]:
        """``result.json``. Raises UsageError where the run has not finished."""
        from regab.records.load import finished

        return finished(self.folder)

    @property
    def status(self) -> str:
        """``finished``, ``failed`` or ``unfinished``."""
        from regab.records.load import load_error, load_result

        if load_result(self.folder):
            return "finished"
        return "failed" if load_error(self.folder) else "unfinished"

    @property
    def selected(self) -> dict[str, float]:
        """The columns of the selected epoch."""
        return self.result["selected"]

    @property
    def last(self) -> dict[str, float]:
        """The columns of the last epoch."""
        return self.result["last"]

    @cached_property
    def model(self) -> Module:
        """The model with the weights of the selected epoch, in evaluation mode. Raises UsageError."""
        return self._trained.model

    def predict(self, given: Any, probabilities: bool = False) -> Any:
        """What the model says of new examples, a row for each: see ``regab.prediction.trained.Trained.predict``.

        ``given``: a DataFrame or a row of it, an array, a list (of texts, of image files, of Pillow's images), inputs
        and labels as a pair or a dict, a data set, or a path, as the training data were. Where it has the label too,
        ``.attrs["metrics"]`` of the result are what was measured. What there is to know of how examples were read comes
        as warnings. Of a segmentation or reconstruction, a dict of arrays: ``prediction`` (of every pixel its class; or
        the reconstruction), with ``probabilities`` ``probability`` ``[N, H, W, K]``; its ``frame`` is the table, and it
        has ``.attrs`` as well. Raises UsageError.
        """
        found = self._trained.predict(given, probabilities)
        for note in found.said:
            warnings.warn(note, stacklevel=2)
        return Maps(found.maps, found.frame) if found.maps else found.frame

    @cached_property
    def _trained(self) -> Trained:
        from regab.prediction.trained import Trained

        return Trained(self.folder)

    @cached_property
    def metrics(self) -> DataFrame:
        """``metrics.csv``: a row per epoch."""
        import pandas as pd

        return pd.read_csv(self.folder / "metrics.csv")

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}, {self.status})"

    def _repr_html_(self) -> str:
        import pandas as pd

        if self.status != "finished":
            return f"<p>{escape(repr(self))}</p>"
        table = pd.DataFrame({"selected": self.selected, "last": self.last}).dropna(how="all")
        return f"<p>{escape(str(self.folder))}</p>{table.to_html(float_format=lambda value: f'{value:.4g}')}"


class Sweep:
    """One or several sweeps with the same baseline: all runs, and what they say.

    Methods with ``options`` take those of ``regab report``: ``metric``, ``baseline``, ``practical``, ``at``.
    """

    def __init__(self, folders: Sequence[str | Path]) -> None:
        from regab.analysis.table import read

        self.folders = [Path(folder) for folder in folders]
        self.results: DataFrame = read(self.folders)

    @property
    def folder(self) -> Path:
        """Where the files of the (first) sweep are."""
        return self.folders[0]

    @property
    def runs(self) -> list[Run]:
        """Every run, in the order of ``results``."""
        return [Run(folder) for folder in self.results["folder"]]

    @property
    def failures(self) -> dict[str, str]:
        """Why runs failed, by their folders."""
        failed = self.results[self.results["status"] == "failed"]
        return dict(zip(failed["folder"], failed["reason"], strict=True))

    def compare(self, **options: Any) -> DataFrame:
        """Every variant against the baseline: see ``regab.compare``."""
        from regab.analysis.verdicts.compare import compare

        return compare(self._fairly(options), **options)

    def factors(self, **options: Any) -> DataFrame:
        """What each factor does on average over the others: see ``regab.analysis.verdicts.effects.main_effects``."""
        from regab.analysis.verdicts.effects import main_effects

        return main_effects(self._fairly(options), **options)

    def _fairly(self, options: dict[str, Any]) -> DataFrame:
        """The results, once it is known that they can be compared by these options."""
        from regab.analysis.selection import check_selected

        check(options, COMPARED)
        check_selected(self.results, options.get("metric"), options.get("at", "selected"))
        return self.results

    def interactions(self, **options: Any) -> DataFrame:
        """What two factors do together beyond the sum of what each does alone."""
        from regab.analysis.verdicts.effects import interactions

        return interactions(self._fairly(options), **options)

    def best(self) -> Run:
        """A run of the variant that validation data choose, of its first seed. Raises UsageError without such data."""
        from regab.analysis.pick import best

        return Run(best(self.results).folder)

    def study(self, **options: Any) -> Study:
        """What the report and the figures are made of."""
        from regab.report.study import Options, Study

        check(options, REPORTED)
        return Study(self.folders, self.results, Options(**options))

    @cached_property
    def plot(self) -> Plots:
        """Figures: ``plot.forest()``, ``plot.curves()``, …"""
        from regab.api.plots import Plots

        return Plots(self)

    def report(self, to: str | Path | None = None, **options: Any) -> Path:
        """Write the report; the path of its page."""
        from regab.records.results import PAGE
        from regab.report.report import write_all

        study, place = self.study(**options), Path(to) if to else self.folder
        place.mkdir(parents=True, exist_ok=True)
        write_all(study, place)
        return place / PAGE

    def __repr__(self) -> str:
        from regab.errors import UsageError
        from regab.records.state import unfinished
        from regab.report.summary import sweep_summary

        try:
            said = sweep_summary(self.study())
        except UsageError as error:  # no run has finished
            said = str(error)
        return "\n".join([*unfinished(self.folders), said, f"Files: {self.folder}"]).strip("\n")

    def _repr_html_(self) -> str:
        from regab.records.state import unfinished
        from regab.report.conclusions import verdict_sentences

        if not (self.results["status"] == "finished").any():
            return f"<pre>{escape(repr(self))}</pre>"
        study = self.study()
        shown = self.compare().drop(columns=["missing", "failed"], errors="ignore")
        said = [*unfinished(self.folders), *(text for _, text in verdict_sentences(study))]
        sentences = "".join(f"<li>{escape(text)}</li>" for text in said)
        return f"{shown.to_html(index=False, float_format=lambda value: f'{value:.4g}')}<ul>{sentences}</ul>"
