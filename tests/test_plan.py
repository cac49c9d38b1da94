"""What is trained first, and from which checkpoint it goes on."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from regab.config import Run
from regab.stacking import lanes_for
from regab.training.assembly.facts import Facts
from regab.workers.plan import cost, make_plan, stack_size
from regab.workers.store import Store


def test_the_longest_chunks_come_first_so_that_workers_end_together(small):
    runs = [Run(small({"epochs": epochs}), Path(str(epochs)), {}) for epochs in (2, 50, 7)]
    facts = Facts(flops=1e6, n_train=100, n_evaluated=100)
    plan = make_plan(runs, {run.structure: facts for run in runs}, workers=2)
    assert [chunk.runs[0].config["epochs"] for chunk in plan.chunks] == [50, 7, 2]


def test_a_run_costs_what_it_adds_to_a_stack_and_one_of_which_nothing_is_known_any_amount(small):
    run = Run(small({"epochs": 10}), Path(), {})
    known = Facts(stacked=True, flops=10**6, n_train=96, n_evaluated=100, bytes=1000)
    small_one, large = (cost(run, {run.structure: replace(known, flops=flops)}) for flops in (10**5, 10**6))
    assert large - small_one == pytest.approx(10 * 9e5 * (3 * 96 + 100) / 90e9)
    other = replace(run, config=run.config | {"seed": 1})
    stacks = [make_plan(runs, {run.structure: known}, workers=1).seconds for runs in ([run], [run, other])]
    assert stacks[1] - stacks[0] == pytest.approx(large)
    assert cost(run, {run.structure: Facts()}) == math.inf


@pytest.mark.parametrize(("megabytes", "lanes"), [(0.001, 32), (1.5, 16), (2.5, 9), (7, 8), (10, 6), (23, 2), (70, 1)])
def test_a_stack_on_a_cpu_fills_a_cores_cache_or_has_some_lanes_that_are_larger_than_that(megabytes, lanes):
    facts = Facts(stacked=True, bytes=megabytes * 1e6)
    assert stack_size(facts) == lanes
    assert stack_size(replace(facts, stacked=False)) == 1
    largest = stack_size(replace(facts, device="cuda"))
    assert largest * megabytes * 1e6 <= 20e9 < 2 * largest * megabytes * 1e6 or largest == 1024
    assert lanes_for(largest, "cuda") == largest


def test_stacks_on_a_gpu_have_few_sizes():
    assert [lanes_for(runs, "cuda") for runs in (1, 2, 3, 4, 5, 33, 1024)] == [1, 2, 4, 4, 8, 64, 1024]
    assert [lanes_for(runs, "cpu") for runs in (1, 3, 33)] == [1, 3, 33]


def test_what_a_stack_on_a_gpu_takes_counts_lanes_without_a_run(small):
    runs = [Run(small({"seed": seed}), Path(str(seed)), {}) for seed in range(5)]
    for device, lanes in (("cpu", 5), ("cuda", 8)):
        facts = Facts(stacked=True, flops=1e6, n_train=100, n_evaluated=100, bytes=1e6, device=device)
        assert [chunk.bytes for chunk in make_plan(runs, {runs[0].structure: facts}, workers=1).chunks] == [lanes * 1e6]


def test_a_run_goes_on_from_the_checkpoint_that_has_come_farthest(tmp_path):
    store = Store(tmp_path)
    store.checkpoints.mkdir(parents=True)
    for key, epoch in (("a", 3), ("b", 9), ("c", 5), ("lost", 99)):
        (store.checkpoints / f"{key}.json").write_text(json.dumps({"ids": ["run"], "epoch": epoch}))
        if key != "lost":
            (store.checkpoints / f"{key}.pt").touch()
    assert store.resumable() == {"run": "b"}
