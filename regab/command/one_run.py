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
from regab.records.printable import printable
from regab.report.figures.curves import draw_curves
from regab.report.summary import run_summary
from regab.sweep.listeners import Listeners, planned
from regab.sweep.session import current
from regab.sweep.sweep import resumable
from regab.workers.crew import Alone
from regab.workers.events import Ended
from regab.workers.jobs import is_job, train_job
from regab.workers.plan import Chunk
from regab.workers.store import Store, describe, save_command


def train_one(cfg: DictConfig) -> float:
    """Train one run in the folder that Hydra made for it, unless it is done; its selected validation loss.

    Or what a job of another launcher is to do.
    """
    hydra = HydraConfig.get()
    overrides = {key.lstrip("+"): value for key, _, value in (o.partition("=") for o in hydra.overrides.task)}
    root = Path(hydra.runtime.output_dir)
    if is_job(root):
        return train_job(root)
    try:
        run, store = Run(check(plain(cfg)), root, overrides), Store(root)
        current().listen(run.config["watch"])
        with store.locked(), current().listening(more=False) as heard:
            describe(run)
            _train(run, store, heard)
            if run.config["curves"] is not False:
                draw_curves(root)
            heard.swept()
    except (UsageError, RunsFailed, CannotWrite, Interrupted) as error:
        raise SystemExit(error) from error  # of other exceptions Hydra prints more than one line
    print(printable(run_summary(root)), flush=True)
    result = load_result(root)
    assert result is not None, "it has just ended"
    loss = result["selected"]["val_loss"]
    return math.nan if loss is None else loss


def _train(run: Run, store: Store, heard: Listeners) -> None:
    """Unless it is done. Raises RunsFailed."""
    result = store.done(run)
    heard.planned(planned(store.root, [run], {run.digest: Ended(run.digest, result)} if result else {}, single=True))
    if result:
        return
    with resumable(store.root):
        save_command(store.root, current().line.words)
        chunk = Chunk([run], resume=store.resumable().get(run.digest, ""))
        Alone().train_chunks([chunk], store.checkpoints, 0, heard.report)
    store.clear_checkpoints()
    ended = heard.ended[run.digest]
    if ended.error:
        print(ended.details, end="", file=sys.stderr)
        raise RunsFailed(ended.error)
