"""One run, from its configuration to its files, picture and summary."""

from __future__ import annotations

import math
import sys
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from regab.config import Run, check, plain
from regab.errors import CannotWrite, Interrupted, RunsFailed, UsageError
from regab.records.load import load_result
from regab.report.figures.curves import draw_curves
from regab.report.summary import run_summary
from regab.sweep.session import current
from regab.sweep.sweep import resumable
from regab.watchers.display import Display
from regab.workers.crew import Alone
from regab.workers.jobs import is_job, train_job
from regab.workers.plan import Chunk
from regab.workers.store import Store, save_command


def train_one(cfg: DictConfig) -> float:
    """Train one run in the folder that Hydra made for it, unless it is done; its selected validation loss.

    Or what a job of another launcher is to do.
    """
    hydra = HydraConfig.get()
    overrides = {key.lstrip("+"): value for key, _, value in (o.partition("=") for o in hydra.overrides.task)}
    root = Path(hydra.runtime.output_dir)
    if is_job(root):
        return train_job(root)
    run, store = Run(check(plain(cfg)), root, overrides), Store(root)
    try:
        with store.locked():
            if store.done(run) is None:
                _train(run, store)
    except (UsageError, RunsFailed, CannotWrite, Interrupted) as error:
        raise SystemExit(error) from error  # of other exceptions Hydra prints more than one line
    if run.config["curves"] is not False:
        draw_curves(root)
    print(run_summary(root), flush=True)
    loss = load_result(root)["selected"]["val_loss"]
    return math.nan if loss is None else loss


def _train(run: Run, store: Store) -> None:
    with resumable(store.root), Display(store.root, {run.digest: run}) as display:
        save_command(store.root, current().line.words)
        chunk = Chunk([run], resume=store.resumable().get(run.digest, ""))
        Alone().train_chunks([chunk], store.checkpoints, 0, display.report)
    store.clear_checkpoints()
    ended = display.ended[run.digest]
    if ended.error:
        print(ended.details, end="", file=sys.stderr)
        raise RunsFailed(ended.error)
