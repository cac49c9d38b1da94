"""Which words of a command line are Hydra's flags and which are overrides."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import NoReturn

from regab.errors import UsageError
from regab.targets import unknown

# Of Hydra 1.3: those that take a value, and those that do not.
WITH_VALUE = (
    *("--cfg -c", "--package -p", "--config-path -cp", "--config-name -cn", "--config-dir -cd"),
    "--experimental-rerun",
)
WITHOUT = ("--help -h", "--hydra-help", "--version", "--resolve", "--run -r", "--multirun -m", "--shell-completion -sc")


def flags_first(words: list[str]) -> list[str]:
    """Hydra 1.3 rejects overrides on both sides of a flag (``a=1 -m b=2``). Raises UsageError for an unknown flag."""
    parser = _parser()
    parser.error = _refuse  # type: ignore[method-assign]  # which prints its usage in many lines
    known, extra = parser.parse_known_intermixed_args(words)
    if extra:
        flags = [flag for action in parser._actions for flag in action.option_strings]
        raise UsageError(unknown("option", "", extra[0], flags))
    overrides, flags = known.overrides, list(words)
    for override in overrides:
        flags.remove(override)
    return [*flags, *overrides]


def _refuse(message: str) -> NoReturn:
    raise UsageError(message)


def _parser() -> ArgumentParser:
    """Hydra's own, which it keeps to itself, or one like it."""
    try:
        from hydra._internal.utils import get_args_parser
    except ImportError:
        return like_hydras()
    return get_args_parser()


def like_hydras() -> ArgumentParser:
    """A parser of the flags of Hydra 1.3."""
    parser = ArgumentParser(add_help=False, allow_abbrev=True)
    parser.add_argument("overrides", nargs="*")
    for names in WITH_VALUE:
        parser.add_argument(*names.split())
    for names in WITHOUT:
        parser.add_argument(*names.split(), action="store_true")
    parser.add_argument("--info", "-i", nargs="?", const="all")
    return parser
