"""Files that are put together of texts kept from other runs are, byte for byte, those that PyYAML writes."""

import math

import pytest
import yaml

from regab.config import Run
from regab.records.files import Texts, without_checksum
from regab.records.log import CONFIG, OVERRIDES
from regab.workers.store import describe

LONG = "a long value of many words " * 9
CONFIGS = [
    {"seed": 1, "lr": 1.0, "on": True, "reg": {"l2": {"strength": 0.0}, "extra": {}}, "stack": {"size": "auto"}},
    {"seed": True, "lr": 1, "on": 1.0, "reg": {"l2": {"strength": -0.0}, "extra": {}}, "stack": {"size": ["auto"]}},
    {"seed": 1, "words": LONG, "reg": {"mine": {LONG: {"ops": [LONG, "é: ü\n", ["", "null", "1e3"]]}}}},
    {"reg": {}, "model": {"reg": {"a": {"b": math.inf}}}, "é": [], "yes": {"no": "no"}},
    {"reg": None, "model": {}, LONG: {"a": [{"b": 1}, {"b": 1.0}]}},
    {"reg": [{"l2": 1}], "model": "reg"},
]


def written(config, overrides, folder):
    describe(Run(config, folder, overrides))
    return [without_checksum((folder / name).read_bytes()) for name in (CONFIG, OVERRIDES)]


@pytest.mark.parametrize("first", CONFIGS[:2])
def test_configurations_of_many_runs_are_written_as_pyyaml_writes_each(first, tmp_path):
    for number, config in enumerate([first, *CONFIGS, *CONFIGS]):
        overrides = {} if number == 0 else {"seed": str(number), "model": LONG, "é": "[a, b]"}
        texts = [yaml.safe_dump(config, sort_keys=False, allow_unicode=True)]
        texts.append(yaml.safe_dump([f"{k}={v}" for k, v in overrides.items()], sort_keys=False, allow_unicode=True))
        assert written(config, overrides, tmp_path / str(number)) == texts


def test_values_that_are_equal_but_written_differently_have_texts_of_their_own():
    texts = Texts(repr)
    assert [texts(value) for value in (1, 1.0, True, "1", 0.0, -0.0)] == ["1", "1.0", "True", "'1'", "0.0", "-0.0"]


def test_no_more_texts_are_kept_than_may_be():
    texts = Texts(str)
    for number in range(2 * Texts.LIMIT + 1):
        assert texts(number) == str(number)
        assert len(texts.kept) <= Texts.LIMIT


def test_a_text_that_is_kept_is_not_written_again():
    calls = []
    texts = Texts(lambda value: calls.append(value) or "text")
    assert [texts([1]), texts([1]), texts([2])] == ["text"] * 3
    assert calls == [[1], [2]]
