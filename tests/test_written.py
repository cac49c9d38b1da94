"""Files that are written faster than by PyYAML, json and torch are, byte for byte, those that they write."""

import io
import json
import math

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from regab.config import Run
from regab.records.files import Texts, finite, from_json, to_json, without_checksum
from regab.records.log import CONFIG, OVERRIDES
from regab.workers.journal import Pickles
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

FLOATS = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)  # which those who train flush
ATOMS = st.none() | st.booleans() | st.integers() | FLOATS | st.text()
NAMES = st.text() | st.integers() | st.booleans() | st.none()
NESTED = st.recursive(
    ATOMS, lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(NAMES, inner), max_leaves=20
)


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


@given(st.dictionaries(st.text(), NESTED, min_size=1))
@settings(max_examples=25)
def test_json_is_laid_out_as_by_json(content):
    body = json.dumps(content, indent=2).removeprefix("{")
    head, checksum, rest = to_json(content).split("\n", 2)
    assert (head, checksum.split(":")[0]) == ("{", '  "checksum"')
    assert f"\n{rest}" == f"{body}\n"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_lacks_is_null_at_any_depth(value):
    content = {"a": value, "b": [1.5, value], "c": {"d": [[value], {"e": value}], "f": "x"}}
    nulls = {"a": None, "b": [1.5, None], "c": {"d": [[None], {"e": None}], "f": "x"}}
    assert to_json(content) == to_json(nulls)


def saved(state, *pickles):
    buffer = io.BytesIO()
    torch.save(state, buffer, *pickles)
    return buffer.getvalue()


def test_models_of_one_stack_are_written_as_torch_saves_each():
    pickles = Pickles()
    for run in range(3):
        tied = torch.full((2, 3), run + 0.5)
        state = {"a.weight": tied, "a.bias": torch.arange(3.0) - run, "steps": torch.tensor(run), "b.weight": tied}
        state |= {"half": torch.full((1, 2), run, dtype=torch.bfloat16), "none": torch.empty(0)}
        assert saved(state, pickles) == saved(state)


LARGE = 1.7e308  # twice that is infinite


@pytest.mark.parametrize("number", [0.1, LARGE, math.inf, -math.inf, math.nan])
def test_what_is_made_finite_is_what_is_read_again(number):
    lists = [
        [],
        [1, 2],
        [LARGE, number],
        (math.inf, -math.inf),
        [number, None],
        [1, number],
        [[number]],
        [{"a": number}],
    ]
    value = {"own": number, "within": {"a": number, "b": "word", "c": True}, "lists": lists}
    assert finite(value) == from_json(to_json(value).encode())


@pytest.mark.parametrize("key", [math.inf, -math.inf, math.nan])
def test_keys_that_json_lacks_are_the_words_that_python_writes_for_them(key):
    value = {"of": {key: 1, 0.5: math.inf, None: 2}}
    assert from_json(to_json(value).encode()) == json.loads(json.dumps({"of": {key: 1, 0.5: None, None: 2}}))
    assert finite({key: [key]}) == from_json(to_json({key: [key]}).encode())
