"""Classes and functions of other people's, whose defaults and types no configuration can hold."""

import enum
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from regab.errors import UsageError
from regab.targets import arguments, complete, options
from regab.training.assembly.build import make

FINE = partial(nn.LayerNorm, eps=1e-6)


class Kind(enum.Enum):
    """What a loader may be asked for."""

    RAW = 1
    CLEAN = 2


class Modern(nn.Module):
    """Classes, functions and types as defaults, and a float that may be None but does not say so."""

    def __init__(
        self,
        in_features,
        num_classes,
        act=nn.ReLU,
        norm=FINE,
        dtype=torch.float32,
        scale: float = None,  # noqa: RUF013
        width: int = 16,
    ):
        super().__init__()
        self.given = {"act": act, "norm": norm, "dtype": dtype, "scale": scale, "width": width}


def load(root: Path, cache: Path | None = None, kind: Kind = Kind.RAW):
    return root / "x", cache, kind


def anything(**rest):
    """As a builder that hands all keywords on to a class that has no num_classes."""
    return only_a_width(**rest)


def only_a_width(width=3):
    return width


def node(name, **values):
    return {"_target_": f"tests.test_declared.{name}", **values}


TOLD = ("in_features", "num_classes")


def test_what_cannot_stand_in_a_configuration_is_left_to_the_class():
    assert complete(node("Modern"), "model", TOLD) == node("Modern", width=16)
    with_scale = complete(node("Modern", scale=0.5, width=8), "model", TOLD)
    assert with_scale == node("Modern", scale=0.5, width=8)
    data = SimpleNamespace(shape=(1, 8, 8), classes=10, given={}, kind="images")
    made = make(with_scale, data, "model").given
    assert made["act"] is nn.ReLU
    assert made["norm"].keywords == {"eps": 1e-6}
    assert made["dtype"] is torch.float32
    assert (made["scale"], made["width"]) == (0.5, 8)
    with pytest.raises(UsageError, match=r"^model.scale=wide: must be a number"):
        options(node("Modern", scale="wide"), "model", TOLD)
    with pytest.raises(UsageError, match=r"^model.nrom: unknown key; did you mean model.norm\?"):
        options(node("Modern", nrom=1), "model", TOLD)


def test_paths_and_members_of_enumerations_are_words_in_a_configuration_and_themselves_in_a_call():
    found = complete(node("load", root="here", kind="CLEAN"), "data")
    assert found == node("load", root="here", cache=None, kind="CLEAN")
    assert load(**arguments(found)) == (Path("here/x"), None, Kind.CLEAN)
    assert load(**arguments(complete(node("load", root="a", cache="b"), "data"))) == (Path("a/x"), Path("b"), Kind.RAW)
    with pytest.raises(UsageError, match=r"^data.kind=DIRTY: .*one of"):
        options(node("load", root="here", kind="DIRTY"), "data")


def test_a_builder_that_takes_any_keyword_and_wants_no_num_classes_is_told_none():
    data = SimpleNamespace(shape=(1, 8, 8), classes=10, given={}, kind="images")
    assert make(node("anything", width=5), data, "model") == 5
    with pytest.raises(TypeError, match="unexpected keyword argument 'depth'"):
        make(node("anything", depth=5), data, "model")
