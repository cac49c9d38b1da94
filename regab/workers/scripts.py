"""Who trains where a run is a script: a process per run, so many at a time, each with a GPU of its own where there are
some."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from regab.config import Run
from regab.errors import Interrupted, UsageError
from regab.processes import cores
from regab.script import check_script, code_of
from regab.training.assembly.facts import Facts
from regab.workers.crew import Config, Examined, Report, StopRequest
from regab.workers.gpus import of_the_driver
from regab.workers.plan import Chunk
from regab.workers.script_run import Attempt

POLL = 0.01  # seconds between two looks at all processes, which take 20 us each
STOPPING = "ending the scripts that run; interrupt again to stop at once"


class Scripts:
    """Training by scripts; the methods are those of ``Alone`` and ``Crew``."""

    def examine(self, configs: list[Config], elsewhere: bool = False) -> Examined:
        """As ``examine_all``; each is a structure of its own."""
        checked = []
        for index, config in enumerate(configs):
            try:
                checked.append(check_script(config))
            except UsageError as error:
                raise UsageError(str(error), index) from error
        seeds = {config["seed"] for config in checked}
        if len(seeds) > 1 and "{seed}" not in checked[0]["script"]["command"]:
            raise UsageError("seed: the script does not take it; write {seed} into its command", 0)
        facts = Facts(gpus=len(of_the_driver()), code=code_of(checked[0], Path.cwd()))
        structures = [Run(config, Path(), {}).structure for config in checked]
        return checked, structures, dict.fromkeys(structures, facts)

    def train_chunks(self, chunks: list[Chunk], folder: Path, workers: int, report: Report) -> None:
        runs = [run for chunk in chunks for run in chunk.runs]
        with StopRequest(words=STOPPING) as stop:
            run_all(runs, max(workers, 1), report, stop)

    def close(self) -> None:
        """Nothing is left behind."""


def run_all(runs: list[Run], workers: int, report: Report, stopping: Callable[[], bool]) -> None:
    """Run scripts, at most so many at a time. Raises Interrupted once asked to stop, having ended those that ran."""
    gpus, todo = of_the_driver(), deque(runs)
    free = deque(range(min(workers, len(runs))))
    running: dict[int, Attempt] = {}
    threads = max(cores() // max(len(free), 1), 1)
    try:
        while todo or running:
            if stopping():
                raise Interrupted
            while todo and free:
                place = free.popleft()
                gpu = gpus[place % len(gpus)] if gpus else None
                running[place] = Attempt(todo.popleft(), _environment(gpu, threads), report)
            for place, before in list(running.items()):
                if (attempt := before.looked_at()) is None:
                    del running[place]
                    free.append(place)
                else:
                    running[place] = attempt
            time.sleep(POLL)
    finally:
        for attempt in running.values():
            attempt.ask_to_end()
        for attempt in running.values():
            attempt.end()


def _environment(gpu: str | None, threads: int) -> dict[str, str]:
    """This process's, with one GPU, a share of the cores, and the modules in the folder that the user stands in."""
    own = dict(os.environ)
    own.setdefault("OMP_NUM_THREADS", str(threads))
    own["PYTHONPATH"] = os.pathsep.join(filter(None, [own.get("PYTHONPATH"), os.getcwd()]))
    own["PYTHONUNBUFFERED"] = "1"  # so that run.log can be followed
    return own | ({"CUDA_VISIBLE_DEVICES": gpu} if gpu is not None else {})
