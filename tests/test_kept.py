"""What was learned of data is kept as plain JSON, and is the same when it is read again."""

import json
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import pytest
import torch

from regab.data.folder import fit
from regab.data.inputs.scaling import standardize
from regab.data.tables.columns import Column
from regab.data.tables.encode import Cells, fitter
from regab.data.tables.several import SeveralTargets
from regab.data.text import fitter as text_fitter
from regab.data.unseen.kept import kept, restored, with_present_names
from regab.data.unseen.tables import Tables
from regab.errors import UsageError
from regab.targets import locate


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


def test_what_earlier_versions_kept_is_of_the_classes_as_they_are_called_now():
    earlier = {
        "reader": {
            "_target_": "regab.data.unseen.tables.Tables",
            "columns": [{"_target_": "regab.data.columns.Column", "name": "age", "kind": "numeric", "date": ""}],
            "options": {"_target_": "regab.data.columns.Options", "missing": ["NA"]},
            "targets": {"_target_": "regab.data.several.SeveralTargets", "label": "[a,b]"},
            "pointed": ["age"],
        },
        "encoder": {"entries": [["own", {"_target_": "own_data.columns.Column"}]]},
    }
    now = with_present_names(earlier)
    assert now["reader"]["_target_"] == "regab.data.unseen.tables.Tables"
    assert now["reader"].keys() <= {field.name for field in fields(Tables)} | {"_target_"}
    assert now["reader"]["columns"] == [earlier["reader"]["columns"][0] | {"_target_": f"{Column.__module__}.Column"}]
    assert now["reader"]["targets"]["_target_"] == f"{SeveralTargets.__module__}.SeveralTargets"
    assert now["encoder"] == earlier["encoder"]
    assert restored(now["reader"]["columns"], "encoding") == [Column("age", "numeric")]
    assert with_present_names(now) == now


EARLIER = (
    "columns.Column columns.Options encode.Table labels.Targets several.SeveralTargets scaling.Standard tensors.Packed"
)


@pytest.mark.parametrize(
    "name", [*EARLIER.split(), "folder.Pixels", "series.Padded", "text.Words", "unseen.lines.Lines"]
)
def test_every_class_that_an_earlier_version_kept_is_found(name):
    node = with_present_names({"_target_": f"regab.data.{name}"})
    assert is_dataclass(locate(node, "encoding"))
