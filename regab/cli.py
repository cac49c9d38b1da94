"""The command line: ``regab train | data | report | list``, and the wording of errors."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from typing import TYPE_CHECKING

from regab import __version__
from regab.errors import CannotWrite, Interrupted, RunsFailed, UsageError
from regab.output import guarded_output
from regab.records.printable import printable

if TYPE_CHECKING:
    from regab.watchers.base import Watcher

USAGE = """\
regab: which regularizers help this model on this data, by how much, and can the answer be trusted?

  regab train                                               one run: digits, a small CNN, no download, seconds
  regab train data=mnist model=mlp reg.dropout=0.5          another data set, model and regularizer
  regab train -m reg.dropout=0,0.2,0.5 reg.norm=none,batch --seeds 3    a sweep
  regab train -m reg.dropout=0,0.5 … --seeds auto           seeds are added until it is clear
  regab train -m experiment=dropout_after_fc2               a study kept in a file
  regab train -m --design ablation reg.dropout=0,0.5 …      none, each alone, each left out, all
  regab train -m … --dry-run                                what a sweep would train, and about how long
  regab train --resume outputs/…  [--seeds 10 …]            go on with a run or a sweep, or add to it
  regab data data=csv data.path=… data.label=…              how a data set is read, column by column
  regab train --help                                        all keys and their values
  regab report outputs/… [outputs/…]                        tables, figures and report.html, from the files alone
  regab predict outputs/… new.csv                           what a trained model says of new examples
  regab ls                                                  all sweeps: question, best, verdict, size, state
  regab show | open outputs/…                               the summary again; the report in a browser
  regab watch outputs/…                                     follow a sweep that is trained elsewhere
  regab clean outputs/…                                     remove weights and checkpoints; tables stay
  regab export outputs/… --to tensorboard                   for a tracker, from the files alone (also: train tracker=…)
  regab list [data|model|task|metric|reg|watcher|…]         what there is
  regab list reg --long                                     all about every method: formula, range, cost, advice, paper
  regab --version

Tab completion: eval "$(regab -sc install=bash)"
"""
FOLDERS = ("ls", "show", "open", "watch", "clean", "export")  # each in a file of regab/folders
COMMANDS = ("train", "data", "report", "predict", "list", *FOLDERS)
SWEEPS = {
    "-m",
    "--multirun",
    "--seeds",
    "--folds",
    "--design",
    "--n",
    "--dry-run",
    "--budget",
    "--practical",
    "--looks",
}
SCRIPTS = {"script", "script.command"}
LOOKS_ONLY = {"--help", "-h", "--cfg", "-c", "--info", "-i", "--hydra-help", "--shell-completion", "-sc", "--version"}


def main(argv: list[str] | None = None) -> None:
    """Run a command line and exit: 0 done, 1 a run failed, 2 a mistake in the command, 130 interrupted."""
    words = sys.argv[1:] if argv is None else list(argv)
    atexit.register(gc.freeze)  # Python ends with a search for garbage in all that was imported, which takes 0.3 s
    with guarded_output() as output:
        code = _run(words)
        output.flush()
        if output.lost and words[:1] != ["train"] and code == 0:  # what is trained is in files
            code = _complain(output.lost, 1)
    sys.exit(code)


def _run(words: list[str]) -> int:
    if broken := next((word for word in words if not _is_text(word)), None):
        ascii_only = sys.getfilesystemencoding() != "utf-8"
        why = "cannot be read in this locale; set PYTHONUTF8=1" if ascii_only else "is not text in UTF-8"
        return _complain(f"{broken!a}: {why}", 2)
    gc.disable()  # torch is imported in 0.8 s instead of 1.1 s; where work begins, it is turned on again
    _wait_briefly()
    try:
        return _dispatch(words)
    except UsageError as error:
        return _complain(str(error), 2)
    except (RunsFailed, CannotWrite) as error:
        return _complain(str(error), 1)
    except Interrupted as error:
        return _complain(str(error), 128 + error.signal)
    except (KeyboardInterrupt, RuntimeError) as error:  # before 3.12, Python wraps what interrupts it in some places
        if isinstance(error, RuntimeError) and not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        return _complain("interrupted", 130)


def _wait_briefly() -> None:
    """Have threads of libgomp, before torch loads it, go to sleep soon when there is nothing to do.

    By itself they turn for milliseconds, on the core that the thread they wait for may need. Where another process uses
    one of two cores, steps of a ResNet, a transformer and a ViT on both take 1.5, 2.0 and 1.2 times what they take on
    one and not 1.9, 2.8 and 2.2; where others use both, 0.9, 1.7 and 0.9 and not 7.9, 37 and 1.9; on free cores, 0.6
    either way (0.75 to 0.9 where threads sleep at once).
    """
    if "OMP_WAIT_POLICY" not in os.environ:  # which it would overrule
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def _is_text(word: str) -> bool:
    try:
        return bool(word.encode()) or True
    except UnicodeEncodeError:  # bytes of another encoding
        return False


def _complain(line: str, code: int) -> int:
    print(f"regab: {printable(line, but='')}", file=sys.stderr)
    return code


def _dispatch(words: list[str]) -> int:
    command, *rest = words or [""]
    if command == "train":
        return train(rest)
    if command == "data":
        from regab.command.showing import show_data

        _find_own_classes()
        return show_data(rest)
    if command == "report":
        return _report(rest)
    if command in FOLDERS:
        return _of_a_folder(command, rest)
    if command == "predict":
        return _predict(rest)
    if command == "list":
        return _list(rest)
    if command in ("-sc", "--shell-completion"):
        return _complete(words)
    if command in ("-V", "--version"):
        print(f"regab {__version__}")
        return 0
    if command == "help" and rest:
        return _dispatch([*rest, "--help"])
    if command in ("", "-h", "--help", "help"):
        print(USAGE, end="")
        return 0 if words else 2
    raise UsageError(f"{command}: unknown command; there is: {', '.join(COMMANDS)}")


def train(words: list[str], watchers: dict[str, Watcher] | None = None) -> int:
    """``regab train`` with these words; ``watchers`` listen beside those that the words name.

    Raises UsageError, RunsFailed, CannotWrite, Interrupted.
    """
    from regab.sweep.session import session

    options = {word.partition("=")[0] for word in words}
    looks_only = bool(LOOKS_ONLY & options)
    with session(watchers) as started:
        if "--resume" not in options:  # which may be about another folder
            _find_own_classes()
            crew = not looks_only and not SCRIPTS & options and "stack.workers=0" not in words
            if crew and SWEEPS & options:
                # First of all: importing torch takes longest. Without workers nothing is forked, which other threads
                # of a program in Python may not bear.
                started.hire(ahead=watchers is None and "device=cpu" not in words)
        from regab.command.app import run_hydra
        from regab.command.shorthands import expand

        line = started.line = expand(words)
        with _standing_in(line.folder):
            _find_own_classes()
            return run_hydra("regab train", line.words, claim=not looks_only and not line.dry_run, config=line.config)


def _find_own_classes() -> None:
    """Classes of the user's own are in the folder that they stand in. Raises UsageError where that is gone."""
    try:
        here = os.getcwd()
    except FileNotFoundError as error:
        raise UsageError("the folder that you stand in no longer exists; go to another") from error
    if here not in sys.path:
        sys.path.append(here)


@contextmanager
def _standing_in(folder: str | None) -> Iterator[None]:
    """Relative paths of a command that is given again mean what they meant."""
    if folder is None:
        yield
        return
    print(f"Going on in {printable(folder)}, where this was begun.", flush=True)
    with chdir(folder):
        yield


def _report(words: list[str]) -> int:
    from regab.processes import collect_rarely
    from regab.report.command import report

    collect_rarely()
    return report(words)


def _of_a_folder(command: str, words: list[str]) -> int:
    gc.enable()
    _find_own_classes()
    return importlib.import_module(f"regab.folders.{command}").run(words)


def _predict(words: list[str]) -> int:
    from regab.prediction.command import predict

    gc.enable()
    _find_own_classes()
    return predict(words)


def _list(words: list[str]) -> int:
    from regab.command.listing import GROUPS, list_group

    if {"-h", "--help"} & set(words):
        print(f"usage: regab list [{' | '.join(GROUPS)}] …\n       regab list reg --long    all about every method")
        return 0
    long = "--long" in words
    groups = [word for word in words if word != "--long"] or (["reg"] if long else GROUPS)
    if wrong := [group for group in groups if group not in GROUPS]:
        raise UsageError(f"list {wrong[0]}: unknown group; there is: {', '.join(GROUPS)}")
    for group in groups:
        print(list_group(group, len(groups) > 1, long))
    return 0


def _complete(words: list[str]) -> int:
    """The completion script asks ``regab -sc query=bash`` with COMP_LINE ``regab train reg.``:

    Hydra knows no ``train``.
    """
    from regab.command.app import run_hydra

    line = os.environ.get("COMP_LINE", "").split(" ")
    if any(word.startswith("query=") for word in words):
        if len(line) < 3 or line[1] != "train":
            print(*(c for c in COMMANDS if c.startswith(line[1] if len(line) == 2 else "")))
            return 0
        os.environ["COMP_LINE"] = " ".join([line[0], *line[2:]])
    return run_hydra("regab", words, claim=False)
