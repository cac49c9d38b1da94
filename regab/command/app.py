"""Hydra's own application behind ``regab train``: everything after these two words is Hydra's."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hydra
import yaml
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from regab.blame import OURS, WHOLE, users_line
from regab.command.flags import flags_first
from regab.command.plugins import register
from regab.config import CONF
from regab.errors import CannotWrite, Interrupted, RunsFailed, UsageError
from regab.mistyped import mistyped
from regab.targets import unknown

BROKEN_FILE = re.compile(r"In '(\w+/\w+)'")
AMBIGUOUS = re.compile(r"Ambiguous value for argument '(.*)'")


def task(cfg: DictConfig) -> float:
    """What Hydra calls with a composed configuration. At module level, so that process launchers can pickle it."""
    from regab.command.one_run import train_one

    return train_one(cfg)


def run_hydra(program: str, words: list[str], claim: bool, config: str = "config") -> int:
    """Run Hydra on the words of a command line. Raises UsageError for the user's mistakes.

    ``claim``: whether folders are made, or only named; ``config``: the file of the configuration; that of scripts has
    no groups beside it, so that theirs may be called ``data`` or ``optimizer``.
    """
    register(claim)
    place = Path(__file__).parent if config == "script" else CONF
    with _as_program(program, words):
        try:
            hydra.main(version_base="1.3", config_path=str(place), config_name=config)(task)()
        except SystemExit as stop:
            if isinstance(stop.code, UsageError | RunsFailed | CannotWrite | Interrupted):
                raise stop.code from stop
            if told := users_line(stop):  # their code would end the program, and say by its code that all is well
                raise UsageError(told) from stop
            return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
            if ours := next((e for e in _chain(error) if isinstance(e, UsageError | CannotWrite)), None):
                raise ours from error
            raise UsageError(explain(error)) from error
        except (ValueError, TypeError, OSError, RecursionError) as error:
            met = None if WHOLE else met_in_files(error)
            if met is None:
                raise
            raise met from error
    return 0


def met_in_files(error: BaseException) -> UsageError | CannotWrite | None:
    """What Hydra met in the user's words or files while it composed a configuration, or in the folder of a run that it
    began; None for an error of our code.

    Hydra wraps few of those errors: not what a file in another encoding raises, or one that includes itself.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if Path(frame.f_code.co_filename).is_relative_to(OURS)]
    if not ours or ours[-1] is frames[-1] or ours[-1].f_code.co_name not in ("run_hydra", "_composed_by_hydra"):
        return None
    names = (frame.f_globals.get("__name__", "") for frame in frames)
    if plugin := next((name for name in names if name.startswith("hydra_plugins.")), None):
        return UsageError(f"{plugin.split('.')[1]}: {' '.join(str(error).split())}")
    folder = next((f.f_locals.get("output_dir") for f in frames if f.f_code.co_name == "run_job"), None)
    if isinstance(error, OSError) and folder:
        return CannotWrite(f"{folder}: cannot be written ({error.strerror or error})")
    paths = (frame.f_locals.get("config_path") for frame in reversed(frames))
    file = next((path for path in paths if isinstance(path, str)), "the configuration")
    if isinstance(error, RecursionError):
        return UsageError(f"{file}.yaml: includes itself, by its own defaults or those of a file in them")
    return UsageError(f"{file}: cannot be read ({' '.join(str(error).split())})")


@contextmanager
def _as_program(program: str, words: list[str]) -> Iterator[None]:
    """``hydra.main`` reads sys.argv, and raises instead of printing only if this variable is set."""
    argv, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv, os.environ["HYDRA_FULL_ERROR"] = [program], "1"
    try:
        sys.argv = [program, *flags_first(words)]
        yield
    finally:
        sys.argv = argv
        os.environ.pop("HYDRA_FULL_ERROR")
        if full is not None:
            os.environ["HYDRA_FULL_ERROR"] = full


def explain(error: BaseException) -> str:
    """Hydra's and OmegaConf's errors in one line, with the key and the nearest one that exists."""
    cause = next((e for e in _chain(error) if isinstance(e, OmegaConfBaseException)), error)
    file = BROKEN_FILE.match(str(error))
    prefix = f"{file[1]}.yaml: " if file else ""
    parent = getattr(cause, "parent_node", None)
    if isinstance(cause, ConfigKeyError | ConfigAttributeError) and isinstance(parent, DictConfig):
        if file and cause.key == file[1].split("/")[0]:
            return f"{prefix}must begin with the line: # @package _global_ (saved without a BOM, if there is one)"
        path = str(cause.full_key).removesuffix(str(cause.key))
        return prefix + unknown("key", path, cause.key, [str(k) for k in parent if k != "hydra"])
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, option = error.missing_cfg_file.rpartition("/")
        return unknown("option", f"{group}=", option, error.options)
    if full_key := getattr(cause, "full_key", None):
        return prefix + mistyped(full_key, cause)
    if isinstance(error, OverrideParseException):
        return f"{error.override}: cannot be read as key=value ({str(error).splitlines()[0]})"
    if ambiguous := AMBIGUOUS.match(str(error)):
        return f"{ambiguous[1]}: several values make a sweep, which needs -m; a list is written [a,b]"
    noise = ("Config search path", "\tprovider=", "See https", "Set the environment")
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith(noise)]
    return "; ".join(lines) or type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what led to it, each once: OmegaConf (OC_CAUSE=1) has an error be its own cause."""
    seen = set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
