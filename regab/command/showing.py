"""``regab data``: how a data set is read, column by column, before anything is trained on it."""

from __future__ import annotations

import gc

import yaml
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from regab.command.app import explain
from regab.command.plugins import register
from regab.command.shorthands import expand
from regab.config import CONF, check, plain
from regab.errors import UsageError
from regab.records.printable import printable
from regab.training.assembly.facts import data_lines

USAGE = """\
usage: regab data [key=value …]

Show how a data set is read, column by column, and how it is divided, before anything is trained on it.

  regab data data=csv data.path=people.csv data.label=income
  regab data data=digits data.n_train=300

Keys are those of regab train; all of them: regab train --help
"""


def show_data(words: list[str]) -> int:
    """Print what ``regab train`` with the same words would train on. Raises UsageError as that would."""
    gc.enable()
    if {"-h", "--help"} & {*words}:
        print(USAGE, end="")
        return 0
    if options := [word for word in words if word.startswith("-")]:
        raise UsageError(f"data {options[0]}: takes keys only, as regab data data=csv data.path=a.csv data.label=y")
    config = _composed(words)
    import torch

    from regab.training.assembly.data import load_data

    data = load_data(config["data"], torch.device("cpu"), config["task"], config["stack"]["memory"])
    for line in data_lines(data.said, data.columns):
        print(printable(line))
    sizes = f"{len(data.train)} for training, {len(data.val)} for validation, {len(data.test)} for testing"
    shape = "×".join(map(str, data.shape))
    print(f"{sizes}; an input is {shape} {data.kind}; {data.task.name}; fingerprint {data.fingerprint}")
    return 0


def _composed(words: list[str]) -> dict:
    register(claim=False)
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return check(plain(compose("config", expand(words).words)))
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        raise UsageError(explain(error)) from error
