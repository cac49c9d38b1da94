"""What benchmarks say of the usual way is what that way would say."""

import numpy as np
from scipy import stats

from tests.benchmarks.rivals.noisy_labels import EPOCHS, NOISE, splits
from tests.benchmarks.verdict import usual_words


def of(**means):
    random = np.random.default_rng(0)
    seeds = random.normal(0.9, 0.01, 10)
    noise = random.normal(0, 0.003, (10, len(means)))
    values = seeds[:, None] + noise - noise.mean(0) + [*means.values()]
    return {"baseline": [*seeds], **{name: [*column] for name, column in zip(means, values.T, strict=True)}}


def test_the_usual_way_tells_help_from_harm_and_from_nothing():
    words = usual_words(of(a=0.02, b=-0.02, c=0.0))
    assert words == {"a": "helps", "b": "hurts", "c": "no practical difference"}


def test_the_usual_way_counts_how_many_variants_it_tries():
    unsteady, baseline = 0.01 * np.tile([1, -1], 5), np.linspace(0.85, 0.9, 10)
    table = {"baseline": baseline, "a": baseline + 0.0086 + unsteady, "b": baseline + unsteady}
    assert 0.025 < stats.ttest_rel(table["a"], baseline).pvalue < 0.05
    assert usual_words({"baseline": baseline, "a": table["a"]}) == {"a": "helps"}
    assert usual_words(table) == {"a": "no evidence", "b": "no evidence"}


def test_the_usual_script_trains_on_what_regab_trains_on():
    train, val, test = splits()
    assert [len(part) for part in (train, val, test)] == [1149, 288, 360]
    assert EPOCHS == 40
    assert NOISE == 0.2
