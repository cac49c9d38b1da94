"""How the learning rates develop: ``lr(step)`` is asked before every step, ``epoch_ended`` told after every epoch.

Any schedule can begin with a warm-up of w steps, in which the rate rises in a straight line: step i of them, counted
from 1, has the share i/(w + 1) of what the schedule begins with. The schedule itself runs over the steps that are left
(torch's LinearLR and then the schedule, by SequentialLR).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from regab.fields import fixed
from regab.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

NEGLIGIBLE = 1e-8  # reductions of a rate by no more than this are not made (torch's ``eps``)


@dataclass(kw_only=True)
class Constant:
    """The learning rate of the optimizer's config, throughout.

    ``warmup``, of every schedule: how long the rate rises at first, as a share of all steps (below 1) or in epochs
    (from 1). Range: warmup in [0, inf), and shorter than the training. Neutral: 0.
    """

    warmup: float = fixed(0.0, "[0, inf)", switch=True)

    def start(self, lr: Tensor, steps_per_epoch: int, epochs: int) -> None:
        """Begin with the rates ``[V]`` of the optimizer's config."""
        self.base, self.steps_per_epoch = lr, steps_per_epoch
        self.rising = self.warmup_steps(steps_per_epoch, epochs)
        self.total = steps_per_epoch * epochs - self.rising

    def warmup_steps(self, steps_per_epoch: int, epochs: int) -> int:
        """For how many steps the rate rises."""
        steps = round(self.warmup * steps_per_epoch * (epochs if self.warmup < 1 else 1))
        return min(steps, steps_per_epoch * epochs - 1)

    def lr(self, step: int) -> Tensor:
        """The rates ``[V]`` for a step, counted from 0."""
        factor = self.factor(max(step - self.rising, 0))
        if step < self.rising:
            factor *= (step + 1) / (self.rising + 1)
        return self.base if factor == 1.0 else self.base * factor

    def factor(self, step: int) -> float:
        """What the base rate is multiplied by in a step, counted from the end of the warm-up."""
        return 1.0

    def epoch_ended(self, done: int, value: Tensor) -> None:
        """Take note of the values ``[V]`` (float64, on the CPU), after so many steps, of the metric that the schedule
        goes by: ``monitor``, or the loss."""

    def state(self) -> dict[str, Tensor]:
        """What the schedule has learned so far, ``[V]`` each."""
        return {name: value for name, value in vars(self).items() if hasattr(value, "shape")}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a state, each part of it where it has begun."""
        own = vars(self)
        own.update({name: value.to(own[name].device) if name in own else value for name, value in state.items()})


@dataclass
class Cosine(Constant):
    """lr·(floor + (1-floor)·½(1 + cos(π·t/T))) in step t of T (torch's CosineAnnealingLR, stepped every step).

    Range: floor in [0, 1]. Paper: Loshchilov & Hutter 2017, ICLR.
    """

    floor: float = fixed(0.0, "[0, 1]")

    def factor(self, step: int) -> float:
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * step / self.total)) / 2


@dataclass
class Step(Constant):
    """Multiply by ``gamma`` after each ``every`` epochs (torch's StepLR), counted from the end of a warm-up.

    Range: gamma in (0, 1], every at least 1.
    """

    gamma: float = fixed(0.1, "(0, 1]")
    every: int = fixed(10, "[1, inf)")

    def factor(self, step: int) -> float:
        return self.gamma ** (step // self.steps_per_epoch // self.every)


@dataclass
class OneCycle(Constant):
    """Rise from lr/``divide`` to lr in the share ``warmup`` of all steps, then fall to lr/(``divide``·``divide_last``).

    Both along half a cosine (torch's OneCycleLR, without cycling the momentum; where the rise is one step, for which
    torch divides by zero, that step has lr itself). Range: warmup in (0, 1), divide and divide_last at least 1. Paper:
    Smith & Topin 2018, arXiv:1708.07120.
    """

    warmup: float = fixed(0.3, "(0, 1)")
    divide: float = fixed(25.0, "[1, inf)")
    divide_last: float = fixed(1e4, "[1, inf)")

    def warmup_steps(self, steps_per_epoch: int, epochs: int) -> int:
        return 0  # the rise is a part of the cycle

    def factor(self, step: int) -> float:
        first, last = 1 / self.divide, 1 / (self.divide * self.divide_last)
        peak, end = self.warmup * self.total - 1, self.total - 1
        if step <= peak and peak > 0:
            return _half_cosine(first, 1.0, step / peak)
        return _half_cosine(1.0, last, (step - peak) / (end - peak))


@dataclass
class Plateau(Constant):
    """Multiply a run's rate by ``shrink`` when ``monitor`` has not improved for more than ``patience`` epochs.

    That is the validation loss or another metric of validation data (``val_accuracy``). An epoch improves by being
    below the best one times 1-``threshold``, or above it times 1+``threshold`` where more is better; after a reduction,
    ``cooldown`` epochs do not count, and no rate falls below ``min_lr`` (torch's ReduceLROnPlateau with its defaults,
    for each run on its own). Epochs that end within a warm-up do not count either.
    Range: shrink in (0, 1), patience and cooldown at least 0, threshold in [0, 1), min_lr at least 0.
    """

    shrink: float = fixed(0.1, "(0, 1)")
    patience: int = fixed(10, "[0, inf)")
    threshold: float = fixed(1e-4, "[0, 1)")
    cooldown: int = fixed(0, "[0, inf)")
    min_lr: float = fixed(0.0, "[0, inf)")
    monitor: str = "val_loss"
    upwards: ClassVar[bool] = False  # of an instance: whether more of its monitor is better

    def start(self, lr: Tensor, steps_per_epoch: int, epochs: int) -> None:
        super().start(lr, steps_per_epoch, epochs)
        self.best = torch.full((len(lr),), -math.inf if self.upwards else math.inf, dtype=torch.float64)
        self.bad, self.cooling = torch.zeros(len(lr)), torch.zeros(len(lr))

    def epoch_ended(self, done: int, value: Tensor) -> None:
        if done <= self.rising:
            return
        sign = -1 if self.upwards else 1
        better = sign * value < sign * self.best * (1 - sign * self.threshold)
        self.best = torch.where(better, value, self.best)
        self.bad = torch.where(better | (self.cooling > 0), 0.0, self.bad + 1)
        self.cooling = (self.cooling - 1).clamp_(min=0)
        reduce = self.bad > self.patience
        self.bad = torch.where(reduce, 0.0, self.bad)
        self.cooling = torch.where(reduce, float(self.cooldown), self.cooling)
        lower = (self.base * self.shrink).clamp_(min=self.min_lr)
        worthwhile = self.base - lower > NEGLIGIBLE
        self.base = torch.where(reduce.to(lower.device) & worthwhile, lower, self.base)


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
