"""All runs of a sweep: checked, planned, placed in a folder, trained, and summed up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf

from regab.analysis.verdicts.looks import tested
from regab.config import Run
from regab.errors import CannotWrite, Interrupted, RunsFailed, UsageError
from regab.measured import MEASURED
from regab.processes import cores
from regab.records.files import finite, write_atomically
from regab.records.home import go_on
from regab.records.looks import NOTHING_SAID, Looks, load_looks, save_looks
from regab.records.printable import printable
from regab.records.results import Known, fold_of, write_results
from regab.script import is_script, own_part
from regab.sweep.design import Assignment
from regab.sweep.folders import run_folder_name
from regab.sweep.growth import Growth
from regab.sweep.listeners import Listeners, planned
from regab.sweep.preview import idle_words, plan_words, variant_lines
from regab.sweep.session import current
from regab.sweep.unchanged import Earlier, check_unchanged, data_of, others
from regab.training.assembly.facts import Facts, data_lines
from regab.watchers import check_watch
from regab.workers.events import Ended
from regab.workers.jobs import Launched
from regab.workers.plan import Plan, make_plan
from regab.workers.scripts import Scripts
from regab.workers.store import Store, describe, save_command

Config = dict[str, Any]


class Sweep:
    """Runs of which each is a configuration that an assignment of values led to.

    Another ``launcher`` of Hydra's trains them elsewhere. Raises UsageError, naming the run, where one of them cannot
    be trained. Nothing is written yet.
    """

    def __init__(self, configs: list[Config], assignments: list[Assignment], launcher: Launcher | None = None) -> None:
        for key in MEASURED:
            if any(config[key] != configs[0][key] for config in configs):
                raise UsageError(f"{key}: is for the whole sweep, and cannot be varied")
        watch = check_watch(configs[0]["watch"])  # of all runs
        workers = configs[0]["stack"]["workers"]
        trainer = Scripts() if is_script(configs[0]) else current().trainer(workers)
        self.trainer = trainer if launcher is None else Launched(launcher, trainer)
        self.factors = [key for key in assignments[0] if len({a.get(key) for a in assignments}) > 1]
        self.asked, self.facts, self.ended = list[Run](), dict[str, Facts](), dict[str, Ended]()
        self.ask(configs, assignments)
        current().listen(watch)
        gpus = max(facts.gpus for facts in self.facts.values())
        threads = configs[0]["stack"].get("threads", "auto")  # scripts have none
        share = 1 if threads == "auto" else threads
        self.workers = (gpus or max(1, cores() // share)) if workers == "auto" else workers

    def ask(self, configs: list[Config], assignments: list[Assignment]) -> None:
        """Ask for more runs, as when the sweep was made."""
        try:
            checked, structures, facts = self.trainer.examine(configs)
        except UsageError as error:
            message, index = error.args
            words = " ".join(f"{k}={v}" for k, v in assignments[index].items())
            raise UsageError(f"{message} (in the run {words})") from error
        self.facts |= facts
        runs = [Run(config, Path(), a) for config, a in zip(checked, assignments, strict=True)]
        for run, known in zip(runs, structures, strict=True):
            vars(run)["structure"] = known  # one text for all, of 3 kB, which other processes are sent once
        self.asked += runs

    def execute(
        self, cfg: DictConfig, batch: bool = False, looks: Looks = NOTHING_SAID, growth: Growth | None = None
    ) -> list[Ended]:
        """Train what is not done yet in the sweep's folder; how each run that was asked for ended.

        A ``batch`` may be followed by others for the same folder, and at last by ``conclude_batches``. ``looks``: what
        is said of them in advance. ``growth`` is asked what to train next, until it wants nothing more.
        """
        store = Store(Path(cfg.hydra.sweep.dir))
        if growth and (more := growth.first(self.asked)):
            self.ask(*more)
        if current().line.dry_run:
            runs, _, plan = self._planned(store)
            lines = [line for facts in self.facts.values() for line in data_lines(facts.said, facts.columns)]
            print(*map(printable, dict.fromkeys(lines)), end="\n" * bool(lines), sep="\n")
            print(*variant_lines(runs), self._words(plan, runs, growth), sep="\n", flush=True)
            return []
        with store.locked(), current().listening(batch) as heard:
            runs = self._step(store, cfg, growth, heard)
            announce(store.root, looks, len({fold_of(run.config) for run in runs}))
            while growth and (more := growth.more(store.root, runs)):
                self.ask(*more)
                runs = self._step(store, cfg, growth, heard)
            if not batch:
                conclude(store, runs, heard)
        return [self.ended[run.digest] for run in self.asked]

    def _step(self, store: Store, cfg: DictConfig, growth: Growth | None, heard: Listeners) -> list[Run]:
        """Train what is not done yet of all that was asked for until now: the distinct runs of it."""
        # planned only now, as that is about what other processes have left to do
        runs, done, plan = self._planned(store)
        self._check_unchanged(store, runs, done)
        heard.planned(planned(store.root, runs, done, self._words(plan, runs, growth)))
        save_command(store.root, current().line.words)
        write_atomically(store.root / "multirun.yaml", OmegaConf.to_yaml(cfg))
        store.place(runs)
        store.keep_checkpoints({chunk.resume for chunk in plan.chunks})
        self.ended |= self._trained(store, plan, runs, heard)
        if growth:
            tabulate(store, runs, self.ended)
        return runs

    def _words(self, plan: Plan, runs: list[Run], growth: Growth | None) -> str:
        done = len(runs) - sum(len(chunk.runs) for chunk in plan.chunks)
        words = plan_words(plan, len(self.asked), len(runs), done) + (growth.planned(plan) if growth else "")
        return words if done else words + idle_words(plan, self.facts, cores())

    def _planned(self, store: Store) -> tuple[list[Run], dict[str, Ended], Plan]:
        """The distinct runs, those of them that are done, and the plan for the others."""
        runs = self._placed(store)
        done = {run.digest: Ended(run.digest, result) for run in runs if (result := store.done(run))}
        self.ended |= done  # beside what failed in an earlier step
        todo = [run for run in runs if run.digest not in self.ended]
        plan = make_plan(todo, self.facts, self.workers, store.resumable())
        return runs, done, plan

    def _check_unchanged(self, store: Store, runs: list[Run], done: dict[str, Ended]) -> None:
        """Raises UsageError where results that are there already were trained with other data or other code."""
        own = [Earlier(r.folder, data_of(r.config), done[r.digest].result or {}) for r in runs if r.digest in done]
        check_unchanged(self.facts, runs, [*own, *others(store.root, store.known().values(), runs)])

    def _placed(self, store: Store) -> list[Run]:
        """The distinct runs, each in the folder that it has in this sweep already, or a new one."""
        known, distinct = store.known(), {run.digest: run for run in reversed(self.asked)}
        runs = [distinct[digest] for digest in dict.fromkeys(run.digest for run in self.asked)]
        return [_moved(run, store.root / (known.get(run.digest) or self._name(run))) for run in runs]

    def _name(self, run: Run) -> str:
        return run_folder_name({key: run.overrides[key] for key in self.factors}, run.digest)

    def _trained(self, store: Store, plan: Plan, runs: list[Run], heard: Listeners) -> dict[str, Ended]:
        """Train what is planned; the table tells what there is of all ``runs`` though training ends early."""
        with resumable(store.root):
            try:
                with ThreadPoolExecutor(1) as meanwhile:  # 2 ms for each run
                    described = meanwhile.submit(lambda: list(map(describe, runs)))
                    self.trainer.train_chunks(plan.chunks, store.checkpoints, plan.workers, heard.report)
                described.result()
            except (Interrupted, RunsFailed):
                tabulate(store, runs, heard.ended)
                raise
        store.clear_checkpoints()
        return heard.ended


def _moved(run: Run, folder: Path) -> Run:
    """The run in another folder; what identifies it, as far as that is known, stays known."""
    moved = replace(run, folder=folder)
    vars(moved).update(vars(run) | {"folder": folder})
    return moved


@contextmanager
def resumable(root: Path) -> Iterator[None]:
    """Whatever ends training early is followed by how to go on."""
    try:
        yield
    except Interrupted as error:
        raise Interrupted(f"{error}; {go_on(root)}", error.signal) from error
    except CannotWrite as error:
        raise CannotWrite(f"{error}; when that is mended, {go_on(root)}") from error
    except RunsFailed as error:
        raise RunsFailed(f"{error}; {go_on(root)}") from error


def tabulate(store: Store, asked: list[Run], ended: Mapping[str, Ended]) -> dict[str, Known]:
    """Write ``results.csv`` of all runs in the folder, in the order in which they were first asked for, so that the
    baseline stays the same; or, where all are asked for now, in that order.

    By folder, what is known of those of them that have ``ended`` with a result.
    """
    there = [(run, result) for run in asked if (end := ended.get(run.digest)) and (result := end.result)]
    known = {run.folder.name: (run.overrides, finite(result)) for run, result in there}
    names, placed = [run.folder.name for run in asked], [*store.known().values()]
    write_results(store.root, names if {*placed} <= {*names} else placed, known, latest=names[0])
    return known


def announce(root: Path, looks: Looks, folds: int) -> None:
    """Keep what is said of looks in advance. Once one has spent something, nobody can say any more how many come."""
    known = load_looks(root)
    practical = known.practical if looks.practical is None else looks.practical
    save_looks(root, replace(known if tested(known.seen, folds) else looks, practical=practical, seen=known.seen))


def conclude_batches(cfg: DictConfig) -> None:
    """Write and print of all batches what a sweep writes and prints at its end."""
    session, store = current(), Store(Path(cfg.hydra.sweep.dir))
    if session.listeners and session.listeners.runs:
        with store.locked(), session.listening(more=False) as heard:
            conclude(store, [*heard.runs.values()], heard)


def conclude(store: Store, runs: list[Run], heard: Listeners) -> None:
    """Print what a sweep has found and write its tables and figures; ``runs`` are those that are asked for now."""
    from regab.report.figures.curves import draw_curves
    from regab.report.report import report_sweep

    for run in runs:
        if own_part(run.config).get("curves") and (run.folder / "result.json").is_file():
            draw_curves(run.folder)
    results = {str(store.root / name): result for name, (_, result) in tabulate(store, runs, heard.ended).items()}
    report_sweep(store.root, lambda text: print(printable(text), flush=True), results)
    heard.swept()
