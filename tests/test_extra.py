"""A regularizer of the user's own is one file in the folder they stand in."""

import csv

import pytest

from tests.conftest import SMALL

CONFIDENCE_PENALTY = '''
"""Confidence penalty."""
from dataclasses import dataclass
from regab.regularizers.base import Regularizer

@dataclass
class ConfidencePenalty(Regularizer):
    """Subtract strength times the entropy of the predictions (Pereyra et al. 2017)."""
    strength: float = 0.0

    def penalty(self, logits):
        log_p = logits.log_softmax(-1)
        return self.strength * (log_p.exp() * log_p).sum(-1).mean(-1)
'''
INPUT_NOISE = """
from dataclasses import dataclass
from regab.fields import strength
from regab.regularizers.base import Regularizer, per

@dataclass
class InputNoise(Regularizer):
    deviation: float = strength(0.0, "[0, 10]")

    def augment(self, x, noise):
        return x + per(self.deviation, x) * noise.normal(*x.shape[1:])
"""


@pytest.fixture
def mine(tmp_path):
    """A module of a name that no other test has imported."""
    name = f"mine_{abs(hash(tmp_path.name))}"
    (tmp_path / f"{name}.py").write_text(CONFIDENCE_PENALTY + INPUT_NOISE)
    return name


def losses(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return [row["train_loss"] for row in csv.DictReader(file)]


@pytest.mark.slow
def test_it_is_swept_like_any_other_and_neutral_is_absent(regab, mine):
    own = f"reg.extra.confidence._target_={mine}.ConfidencePenalty"
    sweep = regab("train", "-m", *SMALL, own, "reg.extra.confidence.strength=0,0.5", "reg.dropout=0,0.3")
    assert sweep.code == 0
    with (sweep.folder / "results.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["reg.extra.confidence.strength"] for row in table] == ["0", "0", "0.5", "0.5"]
    plain = regab("train", *SMALL, "curves=false").folder
    assert losses(sweep.folder / table[0]["folder"]) == losses(plain)
    assert losses(sweep.folder / table[2]["folder"]) != losses(plain)


def test_its_fields_are_checked_like_any_others(regab, mine):
    own = f"reg.extra.noise._target_={mine}.InputNoise"
    assert regab("train", *SMALL, "curves=false", own, "reg.extra.noise.deviation=0.5").code == 0
    result = regab("train", *SMALL, own, "reg.extra.noise.deviation=11")
    assert result.err == "regab: reg.extra.noise.deviation=11.0: must be in [0, 10]\n"
    result = regab("train", *SMALL, own, "reg.extra.noise.devation=1")
    assert "reg.extra.noise.devation: unknown key; did you mean reg.extra.noise.deviation?" in result.err
    result = regab("train", *SMALL, f"reg.extra.noise._target_={mine}.Nothing")
    assert f"{mine} has no Nothing" in result.err


def test_a_field_cannot_have_the_name_of_a_hook(regab, tmp_path):
    code = "from dataclasses import dataclass\nfrom regab.regularizers.base import Regularizer\n\n"
    code += "@dataclass\nclass Fading(Regularizer):\n    decay: float = 0.0\n"
    (tmp_path / "with_a_clash.py").write_text(code)
    result = regab("train", *SMALL, "reg.extra.mine._target_=with_a_clash.Fading")
    assert result.code == 2
    assert result.err == (
        "regab: reg.extra.mine._target_=with_a_clash.Fading: its field decay has the name of a hook; rename it\n"
    )
