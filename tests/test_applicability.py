"""README's table of methods is what the code says, and every pair in it trains."""

import numpy as np
import pytest

from regab.regularizers import methods
from tests import applicability
from tests.conftest import curves


@pytest.mark.parametrize("name", methods())
def test_readmes_table_has_every_method_in_its_own_words(name):
    assert applicability.row(name) in applicability.block(), "run: python -m tests.applicability"


@pytest.mark.slow
def test_readmes_table_says_what_trying_finds():
    assert applicability.block() == applicability.table(), "run: python -m tests.applicability"


@pytest.mark.slow
@pytest.mark.parametrize("model", applicability.MODELS)
def test_every_method_that_applies_to_a_model_trains_it_for_two_steps(model):
    trained = 0
    for name in methods():
        for config in applicability.applicable(name, model).values():
            (run,) = curves(config)
            assert run["step"].tolist() == [0, 2], name
            assert np.isfinite(run["train_loss"]).all(), name
            assert run["train_loss"][0] != run["train_loss"][1], name
            trained += 1
    assert trained > 15


def test_a_method_is_refused_where_the_table_has_a_dash():
    assert applicability.applicable("word_dropout", "mlp") == {}
    assert set(applicability.applicable("cutout", "mlp")) == {"images"}
    assert set(applicability.applicable("norm", "mlp")) == {"✓"}
