"""One run, or all runs of a sweep, from checked configurations to files, pictures and a summary."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from regab.config import Run, resolve
from regab.errors import RunsFailed
from regab.records.files import write_atomically
from regab.records.load import load_result
from regab.records.results import write_results
from regab.report.comparison import draw_comparison
from regab.report.curves import draw_curves
from regab.report.summary import run_summary, sweep_summary
from regab.sweep.design import Assignment
from regab.sweep.display import Display
from regab.sweep.execute import execute, stacks_of
from regab.sweep.folders import run_folder_name
from regab.sweep.journal import Outcome


def train_one(cfg: DictConfig) -> float:
    """Hydra's task function: train one run in the folder that Hydra made for it; its selected validation loss."""
    hydra = HydraConfig.get()
    overrides = {key.lstrip("+"): value for key, _, value in (o.partition("=") for o in hydra.overrides.task)}
    run = Run(resolve(cfg), Path(hydra.runtime.output_dir), overrides)
    (outcome,) = _execute([[run]])
    if outcome.error:
        print(outcome.details, end="", file=sys.stderr)
        raise SystemExit(RunsFailed(outcome.error))  # of other exceptions Hydra prints more than one line
    if run.config["curves"] is not False:
        draw_curves(run.folder)
    print(run_summary(run.folder), flush=True)
    return outcome.result["selected"]["val_loss"]


def train_sweep(configs: list[dict[str, Any]], assignments: list[Assignment], cfg: DictConfig) -> list[Outcome]:
    """Train these configurations, which the assignments led to, in the sweep's folder; one outcome for each.

    Configurations of equal digest are one run. A run whose folder holds its result is not trained again.
    """
    varying = [key for key in assignments[0] if len({a.get(key) for a in assignments}) > 1]
    runs: dict[str, Run] = {}
    digests = []
    for config, assignment in zip(configs, assignments, strict=True):
        run = Run(config, Path(), assignment)
        name = run_folder_name({key: assignment[key] for key in varying}, run.digest)
        digests.append(run.digest)
        runs.setdefault(run.digest, replace(run, folder=Path(name)))
    stacks = stacks_of(list(runs.values()))  # complains before anything is written
    root = Path(cfg.hydra.sweep.dir)
    root.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(cfg, root / "multirun.yaml")
    stacks = [[replace(run, folder=root / run.folder) for run in stack] for stack in stacks]
    done = {run.digest: Outcome(run, result) for run in chain(*stacks) if (result := _done(run))}
    if repeated := len(digests) - len(runs):
        print(f"{repeated} of {len(digests)} runs are the same as others and are trained once")
    if done:
        print(f"{len(done)} of {len(runs)} runs are done already")
    todo = [left for stack in stacks if (left := [run for run in stack if run.digest not in done])]
    outcomes = done | {outcome.run.digest: outcome for outcome in _execute(todo)}
    for outcome in outcomes.values():
        if outcome.result and outcome.run.config["curves"]:
            draw_curves(outcome.run.folder)
    write_results(root, [runs[d].folder.name for d in runs], varying)
    draw_comparison(root)
    print(sweep_summary(root), flush=True)
    return [outcomes[d] for d in digests]


def _execute(stacks: list[list[Run]]) -> list[Outcome]:
    runs = [run for stack in stacks for run in stack]
    display = Display(len(runs), sum(run.config["epochs"] for run in runs))
    try:
        for run in runs:
            _describe(run)
        return execute(stacks, display)
    finally:
        display.close()


def _describe(run: Run) -> None:
    """What Hydra writes of a job before it begins, in a tenth of Hydra's time."""
    folder = run.folder / ".hydra"
    folder.mkdir(parents=True, exist_ok=True)
    overrides = [f"{key}={value}" for key, value in run.overrides.items()]
    for name, content in (("config", run.config), ("overrides", overrides)):
        text = yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False)
        write_atomically(folder / f"{name}.yaml", text)


def _done(run: Run) -> dict[str, Any] | None:
    result = load_result(run.folder)
    return result if result and result["digest"] == run.digest else None
