"""Transforms of torchvision's: what they see, what they draw, and what is said of those that cannot be."""

import random
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from regab.data.folder import fit as fit_bytes
from regab.data.split import Division, Source, Split, divide
from regab.errors import UsageError
from regab.regularizers._pixels import Pixels
from regab.regularizers.color_jitter import ColorJitter
from regab.regularizers.rand_augment import RandAugment
from regab.regularizers.random_erasing import RandomErasing
from regab.regularizers.transform import AnyTransform
from regab.seeding import global_states
from regab.training.noise import Noise
from tests.conftest import curves, same

CPU = torch.device("cpu")
IMAGES = torch.randint(0, 256, (60, 3, 12, 10), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def data_of(images=IMAGES, **more):
    """All images are for training, in the order in which they are standardized."""
    return divide(Source(Split(images, torch.arange(len(images)) % 2), 2, **more), Division())


def stream(seeds=(0, 1)):
    noise = Noise(list(seeds), CPU)
    noise.begin(1)
    return noise.of("transform")


def prepared(method, data):
    method.prepare(data)
    return method


def transform(data, ops, probability=(1.0, 1.0)):
    return prepared(AnyTransform(torch.tensor(probability), ops), data)


def batch(data, runs=2, size=8):
    return data.train.x[:size].expand(runs, size, *data.shape)


def raw(data, x):
    """Standardized bytes back to bytes."""
    encode = data.encode
    zero, one = encode(torch.zeros(1, *x.shape[-3:])), encode(torch.ones(1, *x.shape[-3:]))
    return ((x - zero[0]) / (one - zero)[0] * 255).round().to(torch.uint8)


@pytest.fixture
def mine():
    """A module with transforms of the user's own."""
    module = ModuleType("mine_transforms")

    class Seen:
        images = []  # noqa: RUF012  # as a user writes it

        def __call__(self, image):
            self.images.append(image.clone())
            return image

    class OfBytes:
        def __call__(self, image):
            if image.dtype != torch.uint8:
                raise TypeError("bytes only")
            return 255 - image

    class Drawing:
        def __call__(self, image):
            return image * 0 + int(100 * random.random()) + int(50 * np.random.rand()) + int(50 * torch.rand(()))

    class Unseeded:
        generator = np.random.default_rng(0)

        def __call__(self, image):
            return image * 0 + int(100 * self.generator.random())

    module.Seen, module.Drawing, module.OfBytes, module.Unseeded = Seen, Drawing, OfBytes, Unseeded
    sys.modules["mine_transforms"] = module
    yield module
    del sys.modules["mine_transforms"]


@pytest.mark.parametrize(
    ("ops", "reference"),
    [
        (["RandAugment"], v2.RandAugment()),
        ([{"RandAugment": {"magnitude": 20, "num_ops": 3}}], v2.RandAugment(3, 20)),
        ("TrivialAugmentWide", v2.TrivialAugmentWide()),
        ([{"AutoAugment": {"policy": "svhn"}}], v2.AutoAugment(v2.AutoAugmentPolicy.SVHN)),
        (
            [{"RandomAffine": {"degrees": 30, "interpolation": "bilinear"}}, "RandomHorizontalFlip"],
            v2.Compose([v2.RandomAffine(30, interpolation=v2.InterpolationMode.BILINEAR), v2.RandomHorizontalFlip()]),
        ),
        (
            [{"RandomApply": {"transforms": ["RandomInvert", {"ColorJitter": {"hue": 0.3}}], "p": 0.8}}],
            v2.RandomApply([v2.RandomInvert(), v2.ColorJitter(hue=0.3)], 0.8),
        ),
    ],
)
def test_images_become_what_torchvision_makes_of_their_bytes_with_the_same_seed(ops, reference):
    data = data_of(fit=fit_bytes)
    found = transform(data, ops).augment(batch(data), stream())
    same_stream = stream()
    same_stream.uniform(8)
    seeds = same_stream.seeds(8)
    for run in range(2):
        for i in range(8):
            torch.manual_seed(int(seeds[run, i]))
            expected = reference(raw(data, data.train.x[i]))
            assert torch.equal(found[run, i], data.encode(expected[None])[0])


@pytest.mark.parametrize(
    "images", [IMAGES.float() / 255, IMAGES.float(), IMAGES.double() / 255], ids=["to 1", "to 255", "double"]
)
def test_bytes_come_back_as_they_were_to_the_last_bit_however_they_were_loaded(images, mine):
    data = data_of(images)
    found = transform(data, ["mine_transforms.Seen"]).augment(batch(data), stream())
    assert torch.equal(found, batch(data))
    assert mine.Seen.images[-1].dtype == torch.uint8
    assert torch.equal(mine.Seen.images[-1], raw(data_of(fit=fit_bytes), data_of(fit=fit_bytes).train.x[7]))


def test_other_images_are_seen_as_floats_from_0_to_1_and_as_bytes_where_nothing_else_will_do(mine):
    images = torch.rand(60, 1, 8, 8) * 16
    data = data_of(images)
    found = transform(data, ["mine_transforms.Seen"]).augment(batch(data), stream())
    torch.testing.assert_close(found, batch(data), rtol=1e-5, atol=1e-5)
    seen = torch.stack(mine.Seen.images)
    assert (seen.dtype, seen.min() >= 0, seen.max() <= 1, seen.max() > 0.9) == (torch.float32, True, True, True)
    found = transform(data, ["mine_transforms.OfBytes"]).augment(batch(data), stream())
    low, high = data.encode(torch.tensor([images.min(), images.max()]).view(2, 1, 1, 1))[:, 0, 0, 0]
    torch.testing.assert_close(found, low + high - batch(data), rtol=0, atol=float(high - low) / 500)


def test_a_probability_chooses_images_and_at_0_none_and_smaller_ones_choose_a_part_of_them():
    data = data_of(fit=fit_bytes)
    x = batch(data, runs=4, size=60)
    method = transform(data, [{"RandomInvert": {"p": 1.0}}], (0.0, 0.3, 0.7, 1.0))
    found = method.augment(x, stream((3, 3, 3, 3)))
    changed = (found != x).flatten(2).any(2)
    assert torch.equal(found[0], x[0])
    assert torch.equal(changed, stream((3, 3, 3, 3)).uniform(60) < torch.tensor([0.0, 0.3, 0.7, 1.0])[:, None])
    assert torch.equal(found[1][changed[1]], found[2][changed[1]])


def test_runs_of_one_seed_share_what_is_transformed(mine):
    data = data_of(fit=fit_bytes)
    method = transform(data, ["mine_transforms.Seen"], (1.0, 1.0, 1.0))
    mine.Seen.images.clear()
    method.augment(batch(data, 3), stream((0, 0, 1)))
    assert len(mine.Seen.images) == 16
    mine.Seen.images.clear()
    x = batch(data, 3).clone()
    x[1] += 1.0  # other images: another method came first
    method.augment(x, stream((0, 0, 1)))
    assert len(mine.Seen.images) == 24


def test_global_generators_are_seeded_for_a_transform_and_then_where_they_were(mine):
    data = data_of(fit=fit_bytes)
    method = transform(data, ["mine_transforms.Drawing"])
    before = global_states()
    a, b, other = (method.augment(batch(data), stream(seeds)) for seeds in ((0, 1), (0, 1), (0, 2)))
    assert torch.equal(global_states()[0], before[0])
    assert random.getstate() == before[2]
    assert np.array_equal(np.random.get_state()[1], before[1][1])
    assert torch.equal(a, b)
    assert torch.equal(a[0], other[0])
    assert not torch.equal(a[1], other[1])
    assert len(a[0].flatten(1).mean(1).unique()) > 4  # every image has draws of its own


def test_colours_change_by_each_runs_own_strengths():
    data = data_of(fit=fit_bytes)
    strengths = [torch.tensor([0.0, 0.4, 0.0]), torch.tensor([0.0, 0.1, 0.9]), torch.zeros(3), torch.zeros(3)]
    found = prepared(ColorJitter(*strengths), data).augment(batch(data, 3), stream((5, 5, 6)))
    assert torch.equal(found[0], data.train.x[:8])
    same_stream = stream((5, 5, 6))
    same_stream.uniform(8)
    seeds = same_stream.seeds(8)
    for run, jitter in ((1, v2.ColorJitter(0.4, 0.1)), (2, v2.ColorJitter(0, 0.9))):
        torch.manual_seed(int(seeds[run, 3]))
        expected = jitter(raw(data, data.train.x[3]))
        assert torch.equal(found[run, 3], data.encode(expected[None])[0])


@pytest.mark.parametrize(
    ("images", "own"),
    [
        (lambda x: x, lambda x: x),  # between 0 and 1, and no multiples of 1/255
        (lambda x: (255 * x).round() / 255, lambda x: (255 * x).round().byte()),
        (lambda x: (255 * x).round(), lambda x: (255 * x).round().byte()),
        (lambda x: 255 * x, lambda x: (x - x.min()) / (x.max() - x.min())),
        (lambda x: (60 * x).round(), lambda x: (60 * x).round() / 60),
        (lambda x: 1.8 * x, lambda x: (x - x.min()) / (x.max() - x.min())),
        (lambda x: 3 * x - 1, lambda x: (x - x.min()) / (x.max() - x.min())),
    ],
)
def test_images_are_bytes_where_they_were_and_else_from_0_to_1(images, own):
    x = torch.rand(300, 2, 5, 4, generator=torch.Generator().manual_seed(0))
    x[0, 0, 0, :2] = torch.tensor([0.0, 1.0])
    mean, deviation = torch.tensor([0.4, 0.5])[:, None, None], torch.tensor([0.2, 3.0])[:, None, None]
    encoded = (images(x) - mean) / deviation
    pixels = Pixels(encoded, lambda raw: (raw - mean) / deviation)
    assert pixels.own(encoded).dtype == own(x).dtype
    torch.testing.assert_close(pixels.own(encoded), own(x), atol=1e-4, rtol=1e-5)
    floats = own(x) / 255 if own(x).dtype == torch.uint8 else own(x)
    for given in (own(x), floats):  # some transforms make floats of bytes
        torch.testing.assert_close(pixels.standardized(given), encoded, atol=1e-3, rtol=1e-4)


def test_rand_augment_is_torchvisions_with_its_number_of_operations_and_magnitude():
    (made,) = RandAugment(torch.tensor([1.0]), num_ops=3, magnitude=20).transforms()
    assert (type(made), made.num_ops, made.magnitude) == (v2.RandAugment, 3, 20)


def test_erased_rectangles_are_like_torchvisions():
    x = torch.randn(2, 3000, 2, 20, 16)
    erase = RandomErasing(torch.tensor([0.4, 0.0]), torch.tensor([0.02, 0.02]), torch.tensor([0.33, 0.33]))
    found = erase.augment(x, stream())
    assert torch.equal(found[1], x[1])
    gone = (found[0] == 0).all(1)
    assert torch.equal(gone, (found[0] == 0).any(1))
    hit = gone.flatten(1).any(1)
    assert hit.float().mean() == pytest.approx(0.4, abs=0.03)
    torch.manual_seed(0)
    theirs = torch.stack([v2.RandomErasing(0.4)(image)[0] == 0 for image in x[0]])
    for statistic in (
        lambda m: m.float().mean((0, 1)).mean(),  # how much of each image
        lambda m: m.any(1).sum(1)[m.flatten(1).any(1)].float().mean(),  # width
        lambda m: m.any(2).sum(1)[m.flatten(1).any(1)].float().mean(),  # height
        lambda m: m[:, :10].float().mean() / m.float().mean(),  # where
    ):
        assert statistic(gone) == pytest.approx(float(statistic(theirs)), rel=0.08)
    rows, columns = ((gone.any(axis)[hit].float() @ torch.arange(n).float()) for axis, n in ((2, 20), (1, 16)))
    places = rows / gone.any(2)[hit].sum(1), columns / gone.any(1)[hit].sum(1)
    assert torch.corrcoef(torch.stack(places))[0, 1].abs() < 0.1  # rows tell nothing of columns
    rectangles = gone.any(1).sum(1) * gone.any(2).sum(1)
    assert torch.equal(rectangles, gone.flatten(1).sum(1))


@pytest.mark.parametrize(
    ("ops", "complaint"),
    [
        (["RandAugmnt"], "reg.transform.ops=RandAugmnt: unknown transform; did you mean reg.transform.ops=RandAugment"),
        ([], r"reg.transform.ops=\[\]: names no transform"),
        ([{"RandAugment": {"magnitud": 5}}], "reg.transform.ops: RandAugment cannot be made of .*unexpected keyword"),
        ([{"RandAugment": 5}], "RandAugment needs arguments by name"),
        ([{"RandAugment": {}, "RandomInvert": {}}], "must be a list of names"),
        ([3], "must be a list of names"),
        (["RandomRotation"], "RandomRotation cannot be made of nothing: TypeError"),
        (
            [{"Resize": {"size": [4, 4]}}],
            r"reg.transform: Resize gives \[3, 4, 4\] for an image \[3, 12, 10\]; it must keep",
        ),
        (["MixUp"], r"reg.transform: MixUp (fails on|cannot)"),
        (["nowhere.Blur"], "there is no module nowhere"),
        (["mine_transforms.Unseeded"], "Unseeded gives another image by the same seed, from a generator of its own"),
        ([{"RandomRotation": {"degrees": 5, "interpolation": "blinear"}}], "RandomRotation cannot be made .*blinear"),
        ([{"ToDtype": {"dtype": "float31"}}], "ToDtype cannot be made of .*float31"),
        ([{"RandomApply": {"transforms": ["Invert"]}}], "reg.transform.ops=Invert: unknown transform"),
    ],
)
def test_transforms_that_cannot_be_are_refused_in_a_line(mine, ops, complaint):
    with pytest.raises(UsageError, match=complaint) as refused:
        transform(data_of(fit=fit_bytes), ops)
    assert "\n" not in str(refused.value)


def test_inputs_that_are_no_standardized_pixels_are_refused():
    data = data_of(IMAGES.float(), fit=lambda x: (lambda examples: examples.square(), {}))
    with pytest.raises(UsageError, match=r"reg.transform: these images are not standardized pixels"):
        transform(data, ["RandomInvert"])


def test_a_run_with_an_own_transform_is_the_same_alone_and_stacked_and_may_fade(small, mine):
    strong = {"reg.transform.ops": ["mine_transforms.Drawing"], "data.n_train": 40, "reg.transform.during": "linear"}
    runs = [small(strong | {"reg.transform.probability": p, "seed": s}) for p, s in ((0.5, 0), (1.0, 0), (0.5, 1))]
    alone = [curves(run)[0] for run in runs]
    assert all(same(a, b) for a, b in zip(alone, curves(*runs), strict=True))
    assert not same(alone[0], alone[1])


def test_transforms_that_are_never_done_are_told(regab):
    told = regab("train", "reg.transform.ops=[RandAugment]")
    assert (told.code, told.err) == (
        2,
        "regab: reg.transform.ops: are done with probability 0; say how often, as in reg.transform=1\n",
    )


@pytest.mark.slow
def test_probabilities_and_lists_of_transforms_are_swept(regab):
    words = ["data.n_train=60", "epochs=1", "model=mlp", "stack.workers=0"]
    swept = regab("train", "-m", *words, "reg.transform=0,0.5", "reg.transform.ops=[RandomInvert],[RandAugment]")
    assert swept.code == 0, swept.err
    assert "transform.ops" in (swept.folder / "results.csv").read_text()
