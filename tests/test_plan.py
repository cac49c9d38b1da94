"""What is trained first, and from which checkpoint it goes on."""

import json
from pathlib import Path

from regab.config import Run
from regab.training.facts import Facts
from regab.workers.plan import make_plan
from regab.workers.store import Store


def test_the_longest_chunks_come_first_so_that_workers_end_together(small):
    runs = [Run(small({"epochs": epochs}), Path(str(epochs)), {}) for epochs in (2, 50, 7)]
    facts = Facts(flops=1e6, n_train=100, n_evaluated=100)
    plan = make_plan(runs, {run.structure: facts for run in runs}, workers=2)
    assert [chunk.runs[0].config["epochs"] for chunk in plan.chunks] == [50, 7, 2]


def test_a_run_goes_on_from_the_checkpoint_that_has_come_farthest(tmp_path):
    store = Store(tmp_path)
    store.checkpoints.mkdir(parents=True)
    for key, epoch in (("a", 3), ("b", 9), ("c", 5), ("lost", 99)):
        (store.checkpoints / f"{key}.json").write_text(json.dumps({"ids": ["run"], "epoch": epoch}))
        if key != "lost":
            (store.checkpoints / f"{key}.pt").touch()
    assert store.resumable() == {"run": "b"}
