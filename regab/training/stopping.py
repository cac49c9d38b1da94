"""Stopping rules: which epoch of a run is selected, and when the run is finished.

Rules only read curves, so runs that differ in nothing else share one training, a *lane* of the stack.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import numpy as np

from regab import fields
from regab.config import regularizers
from regab.measured import own_measures
from regab.regularizers.base import Regularizer

Config = dict[str, Any]


class Stopping:
    """The rules of ``R`` runs, those of equal structure evaluated together."""

    def __init__(self, configs: list[Config]) -> None:
        self.runs = len(configs)
        groups = defaultdict[tuple[str, str], list[int]](list)
        for run, config in enumerate(configs):
            for name, (cls, values) in regularizers(config).items():
                if cls.stopped is not Regularizer.stopped and not fields.is_neutral(cls, values):
                    groups[name, json.dumps(fields.structural(cls, values))].append(run)
        self.rules = [
            (np.array(runs), self._join(name, [configs[run] for run in runs])) for (name, _), runs in groups.items()
        ]

    @staticmethod
    def _join(name: str, configs: list[Config]) -> Regularizer:
        cls, _ = regularizers(configs[0])[name]
        rule = fields.join(cls, [regularizers(config)[name][1] for config in configs], np.asarray)
        rule.measures = own_measures(configs[0])
        return rule

    def __call__(self, history: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """From curves ``[epochs + 1, R]``: the selected epoch and whether to stop, ``[R]`` each.

        Without a rule, the last epoch is selected; with several, the last one selects and each may stop.
        """
        last = len(next(iter(history.values()))) - 1
        selected, stop = np.full(self.runs, last), np.zeros(self.runs, dtype=bool)
        for runs, rule in self.rules:
            chosen, stopped = rule.stopped({name: curve[:, runs] for name, curve in history.items()})
            selected[runs] = chosen
            stop[runs] |= stopped
        return selected, stop
