"""What a command line says twice, or in two ways that cannot both be meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from regab.errors import UsageError

SAID = {
    "--seeds": ("hydra.sweeper.most",),
    "--folds": ("data.folds", "data.fold"),
    "--resume": ("hydra.sweep.dir", "hydra.run.dir"),
}


def keys_said(option: str, value: str) -> tuple[str, ...]:
    """The keys that say what an option with this value says."""
    seeds = ("seed",) if option == "--seeds" and not value.startswith("auto") else ()
    return *SAID.get(option, (f"hydra.sweeper.{option.removeprefix('--')}",)), *seeds


def key_of(word: str) -> str:
    """The key that a word of a command line sets; empty where it sets none."""
    key, equals, _ = word.lstrip("+").partition("=")
    return key if equals and not word.startswith(("-", "~")) else ""


def check_consistent(words: Iterable[str], options: Mapping[str, str]) -> None:
    """Raises UsageError for a key that is given twice, or by an option as well; ``words`` are written out."""
    said: dict[str, str] = {}
    for word in words:
        if not (key := key_of(word)):
            continue
        if key in said:
            raise UsageError(f"{key}: is given twice, as {said[key]} and as {word}; leave out one")
        said[key] = word
    for option, value in options.items():
        for key in keys_said(option, value):
            if key in said:
                raise UsageError(f"{option} {value}: and {said[key]} contradict each other; leave out one")


def check_acts(words: Iterable[str]) -> None:
    """Raises UsageError for transforms that are named and never done; ``words`` are written out."""
    said = [key_of(word) for word in words]
    if "reg.transform.ops" in said and not {"reg.transform.probability", "reg", "experiment"} & {*said}:
        raise UsageError("reg.transform.ops: are done with probability 0; say how often, as in reg.transform=1")
