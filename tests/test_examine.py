"""The configurations of a sweep, examined together, are what each is by itself."""

import pytest

from regab.config import structure
from regab.errors import UsageError
from regab.workers.examine import examine_all


@pytest.fixture
def configs(configure):
    """Two seeds of two structures, one of which has two variants."""
    words = (("reg.dropout=0",), ("reg.dropout=0.5",), ("reg.dropout=0.5", "model.widths=[8]"))
    every = [configure("model=mlp", "data.n_train=100", *own) for own in words]
    return [config | {"seed": seed} for seed in (3, 4) for config in every]


def test_what_is_found_of_many_is_what_is_found_of_each(configs):
    checked, structures, facts = examine_all(configs)
    alone = [examine_all([config]) for config in configs]
    assert checked == [config for (config,), *_ in alone]
    assert structures == [each for _, (each,), _ in alone] == [*map(structure, checked)]
    assert [config["seed"] for config in checked] == [3, 3, 3, 4, 4, 4]
    assert facts == {key: found for *_, each in alone for key, found in each.items()}


@pytest.mark.parametrize("index", range(6))
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"seed": -1}, "seed=-1: must be in"),
        ({"epochs": 0}, "epochs=0: must be in"),
        ({"headline": "a"}, "headline=a:"),
    ],
)
def test_the_one_that_is_wrong_is_named(configs, index, wrong, words):
    configs[index] |= wrong
    with pytest.raises(UsageError, match=words) as error:
        examine_all(configs)
    assert error.value.args[1] == index
