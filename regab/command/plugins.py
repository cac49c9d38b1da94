"""What regab adds to Hydra: a sweeper, a launcher that trains runs in stacks, a check before anything is written."""

from __future__ import annotations

import importlib
import math
import sys
import types
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, cast

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig, OmegaConf

from regab.command.compose import Composer, without_hydra
from regab.command.search import Searched, objective
from regab.command.shorthands import expand_override
from regab.config import Run, check, plain, schema
from regab.errors import CannotWrite, RunsFailed, UsageError
from regab.processes import collect_rarely
from regab.records.files import make_folder
from regab.records.home import go_on
from regab.records.load import load_result
from regab.records.looks import Looks
from regab.sweep.design import MOST_RUNS, Assignment, Range, Ranged, assign, design_words
from regab.sweep.folders import fresh_folder
from regab.sweep.growth import FEWEST, Growth, first_seeds, seconds_of
from regab.sweep.reference import reference
from regab.sweep.sweep import Sweep
from regab.sweep.unchanged import Earlier, check_unchanged
from regab.training.assembly.facts import Facts
from regab.workers.events import Ended
from regab.workers.plan import cost
from regab.workers.store import Store

# Hydra 1.3 takes plugins from a package of this name only. A folder of that name on disk would not be found in an
# editable install, so the module exists in memory alone.
NAMESPACE = "hydra_plugins.regab"
_read = cache(OmegaConf.structured)  # 30 ms for the schema, which does not change from one command to the next


class RegabSweeper(Sweeper):
    """Turns the factors of a command line into runs by a design and hands them to the launcher together."""

    config: DictConfig

    def __init__(
        self,
        design: str = "grid",
        n: int | None = None,
        random_seed: int = 0,
        params: dict[str, str] | None = None,
        most: int | None = None,
        budget: str | None = None,
        practical: float | None = None,
        looks: int | None = None,
    ) -> None:
        self.design, self.params = design, params or {}
        self.options: dict[str, Any] = {"n": n, "random_seed": random_seed}
        self.most, self.budget, self.looks = most, budget, Looks(looks, most, practical)

    def setup(self, *, hydra_context: Any, task_function: Any, config: DictConfig) -> None:
        self.context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        collect_rarely()
        if not OmegaConf.is_dict(self.params) and not isinstance(self.params, dict):
            raise UsageError(f"hydra.sweeper.params={self.params}: must be keys with their values")
        fixed = [expand_override(f"{key}={value}") for key, value in self.params.items()]
        parser = OverridesParser.create(config_loader=self.context.config_loader)
        factors = factors_of(parser.parse_overrides([*fixed, *arguments]))
        self._check()
        tried = first_seeds(factors) if self.most else factors
        runs = assign(self.design, tried, **self.options, reference=lambda varied: reference(varied, self._standing))
        elsewhere = None if isinstance(self.launcher, RegabLauncher) else self.launcher
        compose = Composer(self.context.config_loader, self.config)
        sweep = composed(compose, [_as_overrides(run) for run in runs], elsewhere)
        if self.design != "grid":
            print(*design_words(self.design, runs), sep="\n")
        ended = sweep.execute(self.config, looks=self.looks, growth=self._growth(compose, factors, sweep.facts))
        failed = sum(end.error is not None for end in ended)
        if failed:
            raise RunsFailed(f"{failed} of {len(ended)} runs failed; {go_on(Path(self.config.hydra.sweep.dir))}")
        return ended

    def _standing(self, key: str) -> str | None:
        value = OmegaConf.select(self.config, key.lstrip("+"))
        return None if value is None else str(value)

    def _growth(self, compose: Composer, factors: Ranged, facts: dict[str, Facts]) -> Growth | None:
        if not self.most:
            return None
        written = {key.lstrip("+"): key for key in factors}  # a run's assignment has lost the pluses of added keys
        budget = math.inf if self.budget is None else seconds_of(str(self.budget))
        return Growth(
            lambda run: compose(_as_overrides({written.get(key, key): value for key, value in run.items()})),
            lambda run: cost(run, facts),
            self.most,
            budget,
        )

    def _check(self) -> None:
        """Raises UsageError for what was said of seeds and looks in advance."""
        for name, value, least in (("most", self.most, FEWEST), ("looks", self.looks.planned, 1)):
            if value is not None and not (isinstance(value, int) and value >= least):
                raise UsageError(f"hydra.sweeper.{name}={value}: must be a whole number from {least}")
        practical = self.looks.practical
        if practical is not None and not (isinstance(practical, int | float) and 0 <= practical < math.inf):
            raise UsageError(f"hydra.sweeper.practical={practical}: must be a number from 0")
        if self.most and self.looks.planned:
            raise UsageError(f"--looks {self.looks.planned}: --seeds auto plans its own looks; leave one of them out")
        if self.budget is not None and not self.most:
            raise UsageError(f"--budget {self.budget}: is for --seeds auto")


def factors_of(overrides: Sequence[Override]) -> Ranged:
    """The values each key is to take; the last mention of a key counts. Raises UsageError for a key without any."""
    factors: Ranged = {}
    for override in overrides:
        key, value = override.get_key_element(), override.value()
        if not override.is_sweep_override():
            factors[key] = [override.get_value_element_as_str()]
        elif isinstance(value, IntervalSweep):
            factors[key] = Range(cast(float, value.start), cast(float, value.end), "log" in value.tags)
        else:
            factors[key] = _values(override)
            if not factors[key]:
                raise UsageError(f"{key}: has no values, so there is nothing to train")
    return factors


def _values(override: Override) -> list[str]:
    try:
        return list(islice(override.sweep_string_iterator(), MOST_RUNS + 1))
    except ValueError as error:  # range(0,1,0)
        raise UsageError(f"{override.input_line}: {error}") from error


class RegabLauncher(Launcher):
    """Composes and checks all runs, then trains them in stacks. regab's sweeper does so itself; this is for others."""

    def setup(self, *, hydra_context: Any, task_function: Any, config: DictConfig) -> None:
        self.context, self.config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        compose = Composer(self.context.config_loader, self.config)
        ended = composed(compose, job_overrides).execute(self.config, batch=True)
        config = plain(without_hydra(self.config))
        return [_job_return(config, overrides, end) for overrides, end in zip(job_overrides, ended, strict=False)]


def composed(compose: Composer, job_overrides: Sequence[Sequence[str]], elsewhere: Launcher | None = None) -> Sweep:
    """The sweep of these jobs. Raises UsageError, naming the run, where one cannot be composed or trained."""
    configs = [compose(overrides) for overrides in job_overrides]
    return Sweep(configs, [_as_assignment(overrides) for overrides in job_overrides], elsewhere)


def _as_overrides(run: Assignment) -> list[str]:
    return [f"{key}={value}" for key, value in run.items()]


def _as_assignment(overrides: Sequence[str]) -> Assignment:
    return {key.lstrip("+"): value for key, _, value in (o.partition("=") for o in overrides)}


def _job_return(config: dict[str, Any], overrides: Sequence[str], ended: Ended) -> JobReturn:
    ret = JobReturn(overrides=overrides, status=JobStatus.FAILED if ended.error else JobStatus.COMPLETED)
    ret.return_value = objective(config, ended.result) if ended.result else RuntimeError(ended.error)
    return ret


class CheckFirst(Searched):
    """Refuses a single run that cannot be trained, or would replace another, before Hydra makes its folder."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        from regab.training.assembly.setup import examine

        try:
            run = Run(check(plain(without_hydra(config))), Path(), {})
            facts = examine([run.config])
            _make_vacant(replace(run, folder=Path(config.hydra.run.dir)), facts)
        except (UsageError, CannotWrite) as error:
            raise SystemExit(error) from error  # Hydra makes warnings of a callback's other exceptions
        except Exception:
            return  # training will meet it again, and keep its traceback


def _make_vacant(run: Run, facts: Facts) -> None:
    make_folder(run.folder)  # before Hydra does, whose error would be a traceback
    result = load_result(run.folder)
    if result and result["digest"] != run.digest:
        raise UsageError(f"hydra.run.dir={run.folder}: holds a finished run of other settings; choose another folder")
    if result := Store(run.folder).done(run):
        check_unchanged({run.structure: facts}, [run], [Earlier(run.folder, run.config["data"], result)])


def register(claim: bool) -> None:
    """Make all this known to Hydra. ``claim``: whether folders are made, or only named (for ``--cfg`` and the like)."""
    namespace = _namespace()
    for plugin in (RegabSweeper, RegabLauncher):
        plugin.__module__ = NAMESPACE
        setattr(namespace, plugin.__name__, plugin)
        Plugins.instance().register(plugin)
    OmegaConf.register_new_resolver("fresh", lambda path: fresh_folder(path, claim), replace=True, use_cache=True)
    store = ConfigStore.instance().store
    store(name="regab_schema", node=_read(schema()))
    store(
        group="hydra/launcher",
        name="regab",
        provider="regab",
        node={"_target_": f"{NAMESPACE}.RegabLauncher"},
    )
    sweeper = {"_target_": f"{NAMESPACE}.RegabSweeper", "design": "grid", "n": None, "random_seed": 0, "params": None}
    sweeper |= dict.fromkeys(("most", "budget", "practical", "looks"))
    store(group="hydra/sweeper", name="regab", provider="regab", node=sweeper)


def _namespace() -> types.ModuleType:
    package, _, name = NAMESPACE.partition(".")
    try:
        parent = importlib.import_module(package)
    except ModuleNotFoundError:
        parent = sys.modules[package] = types.ModuleType(package)
        parent.__path__ = []
    module = sys.modules.setdefault(NAMESPACE, types.ModuleType(NAMESPACE))
    setattr(parent, name, module)
    return module
