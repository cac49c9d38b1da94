"""A run that is a script of the user's: its configuration, what identifies it, and the command that it is."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regab import fields as declared
from regab.errors import UsageError
from regab.targets import flat, unknown

Config = dict[str, Any]

PLACEHOLDER = re.compile(r"\{([A-Za-z_][\w.]*)\}")
FIXED = ("script", "name", "seed", "headline", "metrics", "stack", "watch")  # keys that are none of the script's own
# Columns of regab's tables, by which no factor can be called.
TAKEN = {"fold", "status", "reason", "parameters", "seconds", "folder", "variant", "metric", "mean", "n",
         "mean_difference", "ci_low", "ci_high", "p_value", "p_adjusted", "probability_better", "shrunken", "seeds_low",
         "seeds_high", "verdict", "note", "correlation", "missing", "failed"}  # fmt: skip


@dataclass
class ScriptOptions:
    """How a script is run, and how it reports.

    ``command``: with ``{key}`` for every value that it is given, and ``{run_dir}`` for the run's folder. ``pattern``: a
    regular expression with named groups, of which every line of output that matches is a row. ``folder``: where it is
    started, ``run`` (its own folder) or ``here`` (where regab is). ``timeout``: seconds that an attempt may take.
    ``retries``: attempts after a failed one. ``resume``: it goes on by itself from what it left in its folder, which is
    otherwise emptied before every attempt.
    """

    command: str = ""
    pattern: str | None = None
    folder: str = declared.choice("run", "here")
    timeout: float | None = None
    retries: int = declared.fixed(0, "[0, inf)")
    resume: bool = False


FACTS = ("direction", "label", "unit", "form", "range")  # that can be said of a metric
PASSIVE = ("timeout", "retries", "resume")
LARGEST = 1e6  # bytes of a file that is taken for code


def is_script(config: Config) -> bool:
    """Whether a configuration is one of a script."""
    return "script" in config


def own_part(config: Config) -> Config:
    """What a configuration says of training by regab: nothing for a script, whose keys mean what they like."""
    return {} if is_script(config) else config


def epochs_of(config: Config) -> int:
    """How many epochs a run is to have; 1 where that is not known."""
    epochs = config.get("epochs")
    return epochs if type(epochs) is int and epochs > 0 else 1


def check_script(config: Config) -> Config:
    """The same configuration with the options of ``script`` typed and complete. Raises UsageError."""
    options = _options(config["script"])
    given = values(config)
    for key in PLACEHOLDER.findall(options["command"]):
        if key != "seed" and key.split(".")[0] in FIXED:
            raise UsageError(f"script: {{{key}}} is a key of regab's own; call what the script is given otherwise")
        if key not in given and key != "run_dir":
            raise UsageError(f"script: {unknown('key', '', key, given)}; give it a value, as {key}=0")
    if unused := [key for key in given if key != "seed" and f"{{{key}}}" not in options["command"]]:
        raise UsageError(f"{unused[0]}: the script does not take it; write {{{unused[0]}}} into its command")
    _check_metrics(config["metrics"])
    return config | {"script": options}


def _options(node: Any) -> Config:
    known = list(ScriptOptions.__dataclass_fields__)
    for key in node:
        if key not in known:
            raise UsageError(unknown("key", "script.", key, known))
    options: dict[str, Any] = {name: f.default for name, f in ScriptOptions.__dataclass_fields__.items()} | dict(node)
    declared.check(ScriptOptions, options, "script")
    if not str(options["command"]).strip():
        raise UsageError("script: needs a command, as script='python train.py --seed {seed}'")
    if options["timeout"] is not None and not (_is_number(options["timeout"]) and options["timeout"] > 0):
        raise UsageError(f"script.timeout={options['timeout']}: must be a number of seconds above 0, or null")
    if options["pattern"] is not None:
        _check_pattern(str(options["pattern"]))
    return options


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise UsageError(f"script.pattern={pattern}: is no regular expression ({error})") from None
    if not groups:
        raise UsageError(f"script.pattern={pattern}: needs named groups, as (?P<val_loss>[0-9.]+)")


def _check_metrics(node: Config) -> None:
    for name, facts in node.items():
        direction = facts.get("direction") if isinstance(facts, dict) else facts
        for key in facts if isinstance(facts, dict) else ():
            if key not in FACTS:
                raise UsageError(unknown("key", f"metrics.{name}.", key, FACTS))
        if direction not in ("up", "down"):
            raise UsageError(f"metrics.{name}.direction={direction}: must be up or down")


def values(config: Config) -> dict[str, Any]:
    """What the script is given, by dotted key: all that is none of regab's own."""
    own = {key: value for key, value in config.items() if key not in FIXED}
    return dict(flat(own)) | {"seed": config["seed"]}


def script_digest(config: Config) -> str:
    """What identifies a run of a script: its command and what it is given."""
    script = {key: value for key, value in config["script"].items() if key not in PASSIVE}
    content = {"script": script, "values": values(config)}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def command_of(config: Config, folder: Path, here: Path) -> str:
    """The command of a run for ``/bin/sh``: values filled in, and files that it names seen from where it is started."""
    given = values(config) | {"run_dir": str(folder)}
    command = config["script"]["command"]
    if config["script"]["folder"] == "run":
        command = _absolute(command, here)
    return PLACEHOLDER.sub(lambda found: shlex.quote(text(given[found[1]])), command)


def text(value: Any) -> str:
    """A value as a script's command line has it."""
    if isinstance(value, list):
        return ",".join(map(text, value))
    if value is None or isinstance(value, bool):
        return str(value).lower() if value is not None else "none"
    return repr(value) if isinstance(value, float) else str(value)


def _absolute(command: str, here: Path) -> str:
    """Words that are files here, and paths with a slash to what is there, written from the root."""

    def seen(found: re.Match[str]) -> str:
        word = found[0]
        path = here / word
        named = not word.startswith("/") and (path.is_file() or ("/" in word and path.exists()))
        return shlex.quote(str(path)) if named else word

    return re.sub(r"(?<![^\s=])[\w./+-]+(?![^\s])", seen, command)


def code_of(config: Config, here: Path) -> dict[str, str]:
    """Hashes of the files that the command names, so that a changed script is seen."""
    words = dict.fromkeys(re.findall(r"[\w./+-]+", config["script"]["command"]))
    files = [word for word in words if (here / word).is_file() and (here / word).stat().st_size < LARGEST]
    return {word: hashlib.sha256((here / word).read_bytes()).hexdigest()[:16] for word in files}


def measures_of(config: Config) -> dict[str, dict[str, str]]:
    """What the configuration says of metrics that regab does not know, by name."""
    said = config["metrics"].items()
    return {name: dict(facts) if isinstance(facts, dict) else {"direction": facts} for name, facts in said}
