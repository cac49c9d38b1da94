"""Streams of random numbers: a function of seed, purpose and epoch, and of nothing else."""

import pytest
import torch

from regab.seeding import stream_seed
from regab.training import ahead
from regab.training.ahead import BITS
from regab.training.noise import Noise

CPU = torch.device("cpu")


def draw(seeds, purpose="a", epoch=1):
    noise = Noise(seeds, CPU)
    noise.begin(epoch)
    return noise.of(purpose).uniform(50)


def test_equal_seeds_draw_equal_numbers_and_different_ones_different():
    drawn = draw([3, 7, 3])
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])


def test_a_draw_does_not_depend_on_the_other_seeds_of_the_stack():
    assert torch.equal(draw([7])[0], draw([3, 7, 9])[1])


def test_purposes_and_epochs_have_streams_of_their_own():
    assert not torch.equal(draw([1], "a"), draw([1], "b"))
    assert not torch.equal(draw([1], epoch=1), draw([1], epoch=2))


def test_a_stream_begins_anew_with_every_epoch():
    noise = Noise([1], CPU)
    noise.begin(1)
    noise.of("a").uniform(10)
    noise.begin(2)
    assert torch.equal(noise.of("a").uniform(50), draw([1], epoch=2))


def test_drawing_for_one_purpose_does_not_shift_another():
    noise = Noise([1], CPU)
    noise.begin(1)
    noise.of("b").numbers(BITS, (33,))
    assert torch.equal(noise.of("a").uniform(50), draw([1]))


def test_orders_are_permutations_shared_by_equal_seeds():
    order = Noise([4, 5, 4], CPU).order(20)
    assert order.sort(1).values.tolist() == [list(range(20))] * 3
    assert torch.equal(order[0], order[2])
    assert not torch.equal(order[0], order[1])


def test_seeds_for_a_models_own_draws_differ_in_every_step_and_are_shared_by_equal_seeds():
    stream = Noise([4, 5, 4], CPU).of("model")
    drawn = [stream.integers() for _ in range(50)]
    assert all(first == third for first, _, third in drawn)
    assert len({number for step in drawn for number in step}) == 100
    assert max(map(max, drawn)) > 2**55


def test_bits_are_uniform_and_keep_hits_its_rate():
    noise = Noise([0], CPU)
    bits = noise.of("x").numbers(BITS, (100_000,)).double()
    assert abs(bits.mean()) < 200
    assert abs(bits.std() - 65536 / 12**0.5) < 200
    for rate in (0.0, 0.001, 0.5, 0.999):
        kept = noise.of("x").keep(torch.tensor([rate]), 100_000)
        assert abs((kept == 0).double().mean() - rate) < 0.005
    assert (noise.of("x").keep(torch.tensor([0.0]), 1000) == 1).all()


def test_runs_of_equal_seed_and_rate_share_a_mask_that_each_would_have_alone():
    seeds, rates = [0, 1, 0, 1, 0], [0.5, 0.5, 0.5, 0.2, 0.1]
    together = Noise(seeds, CPU).of("x").keep(torch.tensor(rates), 6, 7)
    for factors, seed, rate in zip(together, seeds, rates, strict=True):
        assert torch.equal(factors, Noise([seed], CPU).of("x").keep(torch.tensor([rate]), 6, 7)[0])


def test_stream_seeds_differ_by_every_argument():
    seeds = {stream_seed(s, p, e) for s in range(20) for p in ("a", "b") for e in range(20)}
    assert len(seeds) == 800


def drawn_ahead(seeds, epochs, sizes=(4, 4, 4, 4, 4, 2), methods=("a", "b")):
    """All that some methods are given in the steps of some epochs, ``[V, …]`` each."""
    noise, drawn = Noise(seeds, CPU, methods), []
    for epoch in epochs:
        noise.begin(epoch, sizes)
        for size in sizes:
            noise.ahead.advance()
            rate = torch.full((len(seeds),), 0.5)
            drawn += [noise.of("a/x").keep(rate, size, 5), noise.of("a/y").keep(rate, size, 5)]
            drawn += [noise.of("b").uniform(size), noise.of("b").uniform(size), noise.of("b").normal(32)]
    return drawn


@pytest.mark.parametrize("at_once", [1, 80, 10**6])  # bytes: one step, some, an epoch
def test_how_many_steps_are_drawn_at_once_does_not_matter(at_once, monkeypatch):
    expected = drawn_ahead([3, 7, 3], [1, 2])
    monkeypatch.setattr(ahead, "AHEAD", at_once)
    assert all(map(torch.equal, drawn_ahead([3, 7, 3], [1, 2]), expected))


def test_what_is_drawn_ahead_depends_on_seed_and_epoch_alone():
    together = drawn_ahead([3, 7, 3], [1, 2])
    for row, seed in enumerate([3, 7, 3]):
        alone = drawn_ahead([seed], [1, 2])
        assert all(torch.equal(one[0], several[row]) for one, several in zip(alone, together, strict=True))
    assert all(map(torch.equal, drawn_ahead([3, 7, 3], [2]), together[-30:]))  # as resumed


def test_everything_that_is_drawn_ahead_differs():
    drawn = [row.tolist() for numbers in drawn_ahead([3, 7], [1, 2]) for row in numbers]
    assert len({str(row) for row in drawn}) == len(drawn)


def test_what_a_method_draws_ahead_does_not_depend_on_others():
    both, one = drawn_ahead([3], [1]), drawn_ahead([3], [1], methods=["a"])
    assert [torch.equal(x, y) for x, y in zip(both, one, strict=True)] == [True, True, False, False, False] * 6


@pytest.mark.parametrize("at_once", [1, 10**6])
def test_a_method_that_asks_later_in_an_epoch_gets_the_numbers_of_its_step(at_once, monkeypatch):
    monkeypatch.setattr(ahead, "AHEAD", at_once)
    noise = Noise([3], CPU, ["b"])
    noise.begin(1, [4] * 5)
    for _ in range(4):
        noise.ahead.advance()
    assert torch.equal(noise.of("b").uniform(4), drawn_ahead([3], [1])[3 * 5 + 2])
