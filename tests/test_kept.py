"""What was learned of data is kept as plain JSON, and is the same when it is read again."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from regab.data.encode import Cells, fitter
from regab.data.folder import fit
from regab.data.kept import kept, restored
from regab.data.scaling import standardize
from regab.data.text import fitter as text_fitter
from regab.errors import UsageError


@dataclass
class Thing:
    value: Any


def again(thing):
    return restored(json.loads(json.dumps(kept(thing))), "encoding")


def test_encoders_that_were_read_again_give_the_same_bits():
    numbers = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)).double() * 7 + 1e4 / 3
    cells = Cells(
        np.where(numbers.numpy() > 3340, np.nan, numbers.numpy()), np.array([["a"], ["é"]] * 10, dtype=object)
    )
    images = torch.arange(2 * 3 * 16, dtype=torch.uint8).view(2, 3, 4, 4)
    texts = np.array(["one two two", "It's one", ""], dtype=object)
    for learn, examples in (
        (standardize, numbers),
        (standardize, numbers.float()),
        (fitter(5), cells),
        (fit, images),
        (text_fitter(9, 1), texts),
    ):
        encode, _ = learn(examples)
        assert torch.equal(again(encode)(examples), encode(examples))


@pytest.mark.parametrize(
    "value", [1e-300, -0.0, 0.1 + 0.2, {1.0: 0, "b": 1}, ["é", None, True], np.zeros((0, 3)), 2**60]
)
def test_values_are_what_they_were(value):
    found = again(Thing(value)).value
    assert type(found) is type(value)
    assert repr(found) == repr(value)


@pytest.mark.parametrize("value", [lambda x: x, float("inf"), torch.tensor([float("nan")]), {1, 2}, object()])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(TypeError):
        kept(Thing(value))


@pytest.mark.parametrize("target", ["nowhere.Thing", "tests.test_kept.Gone", "subprocess.run", f"{__name__}.again"])
def test_a_class_that_is_not_there_or_no_dataclass_is_named_in_a_line(target):
    with pytest.raises(UsageError, match=f"^encoding._target_={target}: "):
        restored({"_target_": target, "args": "ls"}, "encoding")
