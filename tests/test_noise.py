"""Streams of random numbers: a function of seed, purpose and epoch, and of nothing else."""

import torch

from regab.seeding import stream_seed
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
    noise.of("b").bits(33)
    assert torch.equal(noise.of("a").uniform(50), draw([1]))


def test_orders_are_permutations_shared_by_equal_seeds():
    order = Noise([4, 5, 4], CPU).order(20)
    assert order.sort(1).values.tolist() == [list(range(20))] * 3
    assert torch.equal(order[0], order[2])
    assert not torch.equal(order[0], order[1])


def test_bits_are_uniform_and_keep_hits_its_rate():
    noise = Noise([0], CPU)
    bits = noise.of("x").bits(100_000).double()
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
