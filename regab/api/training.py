"""Training on behalf of Python: a command line's words in, the folder that was written out."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from regab.api.words import OBJECTS
from regab.errors import RunsFailed
from regab.records.load import load_result
from regab.watchers.base import Planned, Watcher
from regab.workers.crew import METHOD

# Hydra, its arguments and the session are this process's: of two threads that trained at once, one trained what
# neither had asked for. What it trains has its name for as long: a class may have been given another meanwhile.
ONE_BY_ONE = threading.RLock()


class Quiet:
    """Standard output to which this thread alone writes nothing."""

    def __init__(self) -> None:
        self.stream, self.thread = sys.stdout, threading.get_ident()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() == self.thread else self.stream.write(text)


class Place(Watcher):
    """Remembers where training writes to."""

    root = Path()

    def planned(self, planned: Planned) -> None:
        self.root = planned.root.absolute()


def execute(words: list[str], progress: bool, partial: bool = False) -> Path:
    """Train; the folder. ``partial``: runs may fail, as long as one has finished. One thread at a time.

    Raises UsageError, RunsFailed, CannotWrite, Interrupted.
    """
    from regab.api.progress import Bar, in_notebook

    place, shown = Place(), progress and in_notebook()
    watchers: dict[str, Watcher] = {"place": place} | ({"progress": Bar()} if shown else {})
    quiet: Any = redirect_stdout(Quiet()) if shown or not progress else nullcontext()
    with quiet, _hydra_of_our_own(), _collecting():
        try:
            _run(words, watchers)
        except RunsFailed:
            if not partial or not any(load_result(folder) for folder in place.root.glob("*/")):
                raise
    return place.root


def _run(words: list[str], watchers: dict[str, Watcher]) -> None:
    from regab.cli import train

    if code := train([*words, *_workers(words)], watchers):
        raise RunsFailed(f"regab train ended with code {code}")


def _workers(words: list[str]) -> list[str]:
    """Train in this process where workers could not do it: they would not have the classes that only it has, where they
    are not forked from it, and cannot use a GPU that it uses already."""
    asked = any(word.startswith("stack.workers=") for word in words)
    own = any(f"={module}." in word for word in words for module in (OBJECTS, "__main__"))
    on_gpu = getattr(sys.modules.get("torch.cuda"), "is_initialized", bool)()  # another thread may still import it
    return ["stack.workers=0"] if "-m" in words and not asked and (on_gpu or (own and METHOD != "fork")) else []


@contextmanager
def _collecting() -> Iterator[None]:
    """The command line turns the garbage collector on and off as it likes."""
    before, threshold = gc.isenabled(), gc.get_threshold()
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        (gc.enable if before else gc.disable)()


@contextmanager
def _hydra_of_our_own() -> Iterator[None]:
    """A notebook that uses Hydra itself keeps what it has initialized."""
    from hydra.core.singleton import Singleton

    before, hook = Singleton.get_state(), sys.excepthook
    try:
        _forget_hydra()
        yield
    finally:
        Singleton.set_state(before)
        sys.excepthook = hook


def _forget_hydra() -> None:
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
