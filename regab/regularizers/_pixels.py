"""Standardized images in their own range and back, and transforms of single images there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError, in_a_line
from regab.fields import strength
from regab.lazy import torch
from regab.regularizers.base import Regularizer, per
from regab.seeding import global_states, restore_globals, seed_globals

if TYPE_CHECKING:
    from torch import Tensor

SAMPLE = 256  # images by which it is told whether all are whole numbers
ROUNDING = 0.02  # of a step between bytes, to which a standardized image tells what it was
TRIALS = 8  # draws with which a transform is tried before training
REASON = 160  # characters shown of an error

Transform = Callable[["Tensor"], "Tensor"]


class Pixels:
    """Images as they were before they were standardized: bytes 0 to 255, or floats from 0 to 1 (rounded, if ``rounds``,
    to bytes).

    ``x [N, C, H, W]`` are training images, ``encode`` is what standardized them; both are linear in each other. Bytes
    are images of whole numbers up to 255, or of 1/255ths; of others 0 and 1 are the least and greatest training value,
    if they are not between 0 and 1 already. Raises ValueError where ``encode`` is not linear.
    """

    def __init__(self, x: Tensor, encode: Callable[[Tensor], Tensor]) -> None:
        self.encode, self.rounds, one = encode, False, torch.ones(1, *x.shape[1:])
        self.zero = encode(0 * one)
        self.slope = encode(one) - self.zero
        some = x[:SAMPLE].cpu()
        sample = self._raw(some)
        if not torch.allclose(encode(sample), some, rtol=1e-3, atol=1e-3):
            raise ValueError
        ends = x if isinstance(x, torch.Tensor) else some  # of images that are read one by one, some tell
        self.low = float(self._raw(ends.amin(0, keepdim=True).cpu()).min())
        self.high = float(self._raw(ends.amax(0, keepdim=True).cpu()).max())
        steps = {255.0: self.low > -0.001 and self.high < 1.001, 1.0: self.low > -0.1 and 127 < self.high < 255.1}
        self.scale = next((by for by, fits in steps.items() if fits and _whole(sample * by)), None)
        if steps[255.0]:
            self.low, self.high = 0.0, 1.0
        exact = (kind for kind in (torch.float32, torch.float64) if self._returns(some, kind))
        self.dtype = next(exact, torch.float32)

    def own(self, x: Tensor) -> Tensor:
        """Standardized images in their own range."""
        raw = self._raw(x)
        if self.scale is not None:
            return (raw * self.scale).round_().clamp_(0, 255).to(torch.uint8)
        unit = ((raw - self.low) / (self.high - self.low)).clamp_(0, 1)
        return (unit * 255).round_().to(torch.uint8) if self.rounds else unit

    def standardized(self, images: Tensor) -> Tensor:
        """Bytes, or floats from 0 to 1, as the model takes them."""
        whole, numbers = images.dtype == torch.uint8, images.to(self.dtype)
        if self.scale == 1.0:
            return self.encode(numbers if whole else numbers * 255)
        unit = numbers / 255 if whole else numbers
        return self.encode(self.low + unit * (self.high - self.low) if (self.low, self.high) != (0, 1) else unit)

    def _returns(self, x: Tensor, kind: Any) -> bool:
        """Whether images are again the same, to the last bit, if computed in floats of a kind."""
        self.dtype = kind
        return torch.equal(self.standardized(self.own(x)), x)

    def _raw(self, x: Tensor) -> Tensor:
        return (x - self.zero) / self.slope


def _whole(values: Tensor) -> bool:
    return bool((values - values.round()).abs().max() < ROUNDING)


@dataclass
class ByTorchvision(Regularizer):
    """A method that hands single images to a transform of torchvision's.

    Each image has a seed of its own, from the run's stream, at which the global generators stand when its transform
    begins; afterwards they are where they were. Runs with equal seeds and images share what is transformed.
    """

    inputs = ("images",)
    waits = True

    def chosen(self, uniform: Tensor) -> Tensor:
        """Which images are transformed: uniform numbers ``[V, B]`` to booleans."""
        raise NotImplementedError

    def transforms(self) -> list[Transform]:
        """The transform of every run, or one for all of them. Raises UsageError."""
        raise NotImplementedError

    def prepare(self, data: Any) -> None:
        """Raises UsageError where a transform fails on a training image, or changes its shape."""
        self.made, key = self.transforms(), f"reg.{type(self).__module__.rpartition('.')[2]}"
        try:
            self.pixels = Pixels(data.train.x, data.encode)
        except (ValueError, RuntimeError, TypeError, AttributeError) as error:
            words = "these images are not standardized pixels, so that their own range is not known"
            raise UsageError(f"{key}: {words}") from error
        example = data.train.x[:1].cpu()
        for transform in {id(each): each for each in self.made}.values():
            if _fault(transform, self.pixels.own(example)):
                self.pixels.rounds = True  # some take bytes alone
            if fault := _fault(transform, self.pixels.own(example)):
                raise UsageError(f"{key}: {type(transform).__name__} {fault}")

    def augment(self, x: Tensor, noise: Any) -> Tensor:
        chosen = self.chosen(noise.uniform(x.shape[1]))
        seeds = noise.seeds(x.shape[1])[chosen].tolist()
        if not seeds:
            return x
        runs = chosen.nonzero()[:, 0].tolist()
        transforms = [self.made[run % len(self.made)] for run in runs]
        changed = transformed(transforms, self.pixels.own(x[chosen].cpu()), seeds)
        return x.index_put((chosen,), self.pixels.standardized(changed).to(x.device, x.dtype))


@dataclass
class WithProbability(ByTorchvision):
    """One that transforms each image with a ``probability``, and may move what is on it.

    A subclass says ``probability`` again: a method's fields are those of its own file (``first_field``).
    """

    probability: float = strength(0.0, "[0, 1]")
    moves = True

    def chosen(self, uniform: Tensor) -> Tensor:
        return uniform < per(self.probability, uniform)


def transformed(transforms: list[Transform], images: Tensor, seeds: list[int]) -> Tensor:
    """``images [N, C, H, W]``, each by its own transform and seed; equal ones only once."""
    done: dict[tuple[int, int], int] = {}
    found: list[Tensor] = []
    before = global_states()
    try:
        for i, (transform, seed) in enumerate(zip(transforms, seeds, strict=True)):
            first = done.setdefault((id(transform), seed), i)
            if first < i and torch.equal(images[first], images[i]):
                found.append(found[first])
            else:
                seed_globals(seed)
                found.append(transform(images[i]))
    finally:
        restore_globals(before)
    return torch.stack(found)


def _fault(transform: Transform, images: Tensor) -> str:
    """Why a transform cannot be used, tried on an image with some seeds; empty if it can."""
    shape = list(images.shape[1:])
    for seed in range(TRIALS):
        try:
            once, again = (transformed([transform], images, [seed])[0] for _ in range(2))
        except Exception as error:  # of torchvision's checks and kernels, which raise whatever they like
            reason = in_a_line(error, REASON)
            return f"fails on an image {shape} of {images.dtype}: {reason}"
        if (found := list(once.shape)) != shape:
            return f"gives {found} for an image {shape}; it must keep the shape"
        if not torch.equal(once, again):
            cure = "let it draw from torch, numpy.random or random, which regab seeds"
            return f"gives another image by the same seed, from a generator of its own; {cure}"
    return ""
