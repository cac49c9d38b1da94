"""What tests share: composing configurations, training them in memory, and the command line in a folder of its own."""

from __future__ import annotations

import copy
import gc
import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from hydra import initialize_config_dir
from hydra._internal.hydra import Hydra
from hypothesis import HealthCheck, settings

from regab.cli import main
from regab.command.contradictions import key_of
from regab.command.plugins import register
from regab.command.script_words import in_full, is_script
from regab.command.shorthands import expand_override
from regab.config import CONF, check
from regab.lazy import torch  # xdist's main process imports this file too, and tests nothing
from regab.records.columns import to_row
from tests.benchmarks.compose import composers

if TYPE_CHECKING:
    from torch import Tensor

    from regab.training.loop import Training

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SMALL = ("model=mlp", "model.widths=[16]", "data.n_train=150", "epochs=2", "batch_size=32")

needs_mnist = pytest.mark.skipif(not (DATA / "MNIST").is_dir(), reason=f"no MNIST under {DATA}")

Config = dict[str, Any]


@cache
def _texts() -> tempfile.TemporaryDirectory:
    """300 texts of noise with a word or two that tell their class."""
    folder, random = tempfile.TemporaryDirectory(), np.random.default_rng(0)
    with (Path(folder.name) / "texts.tsv").open("w") as file:
        for i in range(300):
            noise = [f"w{n}" for n in random.integers(0, 30, random.integers(2, 9))]
            telling = [("good", "fine", "bad", "dull")[2 * (i % 2) + n] for n in random.integers(0, 2, 2)]
            file.write(" ".join(random.permutation([*noise, *telling])) + f"\t{i % 2}\n")
    return folder


def text_data() -> Config:
    """Values for ``small``: generated texts instead of digits."""
    path = str(Path(_texts().name) / "texts.tsv")
    return {"data": {"_target_": "regab.data.text.load", "path": path, "val_fraction": 0.1, "test_fraction": 0.2}}


TRANSFORMER = text_data() | {
    "model": {"_target_": "regab.models.transformer.Transformer", "width": 16, "heads": 2, "depth": 1}
}


def pytest_configure() -> None:
    gc.set_threshold(20_000)  # looking for garbage among all that is imported took 5 % of the time
    # The same examples every time, and none that is too late on a busy machine.
    settings.register_profile(
        "regab", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("regab")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)  # what regab sets for stacks, and these machines have two noisy cores


@pytest.fixture(autouse=True, scope="session")
def _imported_once() -> None:
    """What a sweep imports while it trains and reports, which else each process that a test forks would do anew.

    matplotlib and PIL alone were half of what a command in a fork took. To look for garbage among all of that, and in
    every fork have it copied, took 7 % of the time.
    """
    import PIL.Image

    import regab.workers.foreman
    import regab.workers.trainer  # noqa: F401
    from regab.report.ready import get_ready

    get_ready()
    PIL.Image.init()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _composed_once() -> Iterator[None]:
    """Hydra composes a command's configuration a first time only to find ``hydra.mode``, which regab's own files leave.

    Where a test has files of its own, it does. It took a tenth of the time of all tests.
    """
    whole = Hydra.get_mode

    def mode(self: Hydra, config_name: str, overrides: list[str]) -> Any:
        own = any(path.provider == "command-line" for path in self.config_loader.get_search_path().get_path())
        return whole(self, config_name, overrides) if own or "hydra.mode" in " ".join(overrides) else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hydra, "get_mode", mode)
        yield


@pytest.fixture(scope="session")
def configure() -> Callable[..., Config]:
    """``configure("reg.dropout=0.5", …)``: the checked configuration of a run.

    Composed as those of a sweep are, in a hundredth of the time that Hydra takes; test_compose.py compares the two.
    """
    register(claim=False)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composer = composers()[0]
    return lambda *overrides: check(composer([expand_override(o) for o in overrides]))


@pytest.fixture(scope="session")
def small(configure) -> Callable[..., Config]:
    """A tiny run on digits, with values set by dotted keys: ``small({"reg.dropout.rate": 0.5, "seed": 1})``."""
    base = configure(*SMALL)

    def make(values: dict[str, Any] | None = None) -> Config:
        config = copy.deepcopy(base)
        for key, value in (values or {}).items():
            *path, last = key.split(".")
            node = config
            for part in path:
                node = node[part]
            node[last] = copy.deepcopy(value)
        return check(config)

    return make


Curves = dict[str, np.ndarray]


def curves(*configs: Config) -> list[Curves]:
    """Train configurations as one stack; every run's columns but for the seconds."""
    from regab.training.assembly.setup import set_up
    from regab.training.loop import train

    rows: list[list[dict[str, Any]]] = [[] for _ in configs]
    for records in train(set_up(list(configs))):
        for record in records:
            rows[record.run].append(to_row(record.values))
    return [{k: np.array([row[k] for row in run], dtype=float) for k in run[0] if k != "seconds"} for run in rows]


def selected_states(training: Training, runs: list[int]) -> Iterator[dict[str, Tensor]]:
    """The weights and buffers of each of these runs in its selected epoch, by the names that its model saves."""
    return training.stack.layout.state_dicts(*training.watch.selected_state(runs))


def same(a: Curves, b: Curves) -> bool:
    """Whether two runs have the same numbers, to the last bit."""
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k], equal_nan=True) for k in a)


def objectives_taken_up(config: Config) -> list[float]:
    """The objective of every epoch but the first, of a training taken up from what another has after that epoch."""
    from regab.training.assembly.setup import set_up
    from regab.training.loop import train
    from regab.training.snapshot import restore, take_snapshot

    first, second = set_up([config]), set_up([config])
    for done, _ in enumerate(train(first)):
        if done == 1:
            break
    restore(second, take_snapshot(first))
    return [records[0].values["train_objective"] for records in train(second)]


def last_said(words: tuple[str, ...]) -> list[str]:
    """A test's words without those that later ones replace; regab itself refuses a key that is given twice."""
    written = in_full if is_script(words) else expand_override
    keys = {key_of(written(word)) or word: word for word in words}
    return [word for word in words if keys[key_of(written(word)) or word] is word]


class Result(NamedTuple):
    code: int
    out: str
    err: str
    folder: Path | None


@pytest.fixture
def write(tmp_path) -> Callable[..., str]:
    """Write a file of lines; its path."""

    def make(*lines: str, name: str = "table.csv") -> str:
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
        return str(tmp_path / name)

    return make


@pytest.fixture
def regab(tmp_path, monkeypatch) -> Callable[..., Result]:
    """Run a command line in a folder of its own; ``folder`` is where its files went, if any.

    A single run draws no curves unless it is said that it does: that takes as long as all the rest of it. Of a sweep,
    only the ``whole`` report has a picture and is about every metric: these take half of the time of a small one.
    """
    monkeypatch.chdir(tmp_path)

    def run(*words: str, whole: bool = False) -> Result:
        before = set(tmp_path.glob("outputs/*/*"))
        out, err = io.StringIO(), io.StringIO()
        try:
            with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
                if words[:1] == ("train",) and not whole:
                    report_briefly(patch)
                with pytest.raises(SystemExit) as stop:
                    main([*words[:1], *last_said(words[1:]), *(["curves=false"] if _is_single_run(words) else [])])
        finally:
            gc.enable()  # which a command line that does not come to its work leaves off, as its process ends
        new = sorted(set(tmp_path.glob("outputs/*/*")) - before)
        return Result(stop.value.code, out.getvalue(), err.getvalue(), new[0] if new else None)

    return run


def report_briefly(patch: pytest.MonkeyPatch) -> None:
    """Have a sweep's page be about the metric of its verdicts only, and no picture drawn beside it."""
    patch.setattr("regab.report.page.views.VIEWS", 1)
    patch.setattr("regab.report.report._comparison_beside", lambda study, folder: lambda: None)


def _is_single_run(words: tuple[str, ...]) -> bool:
    """Whether this is one run of regab's own, of which nothing is said about curves, and which Hydra is to train."""
    return words[:1] == ("train",) and not any(word.startswith(("-", "curves=", "script=")) for word in words)


def python(*words: str) -> list[str]:
    """A command for this interpreter."""
    return [sys.executable, *words]
