"""Schedules of the user's own, and those of other libraries."""

from dataclasses import dataclass

import numpy as np
import pytest

from regab.command.shorthands import expand
from regab.errors import UsageError
from regab.fields import fixed
from regab.training.schedule import Constant
from tests.conftest import SMALL, curves


@dataclass
class Halving(Constant):
    """lr·share^(steps done // every)."""

    share: float = fixed(0.5, "(0, 1]")
    every: int = 1

    def factor(self, step: int) -> float:
        return self.share ** (step // self.every)


def configured(configure, *words):
    """A configuration by the words of a command line."""
    return configure(*(word for word in expand([*SMALL, *words]).words if "=" in word))


def test_a_schedule_of_the_users_own_has_its_own_keys_and_a_warm_up(configure):
    words = (f"schedule._target_={__name__}.Halving", "schedule.every=5", "schedule.warmup=1", "optimizer.lr=0.5")
    config = configured(configure, *words)
    assert config["schedule"] == {"_target_": f"{__name__}.Halving", "warmup": 1.0, "share": 0.5, "every": 5}
    (run,) = curves(config)
    # 150 examples in batches of 32 are 5 steps: those of the warm-up, and then as many of the schedule
    np.testing.assert_allclose(run["lr"][1:], [0.5 * 5 / 6, 0.5], rtol=1e-6)


def test_a_schedule_of_another_library_is_refused_with_the_name_that_it_has_here(configure):
    with pytest.raises(
        UsageError, match=r"^schedule._target_=torch.optim.lr_scheduler.StepLR: must be a subclass of .*step"
    ):
        configured(configure, "schedule._target_=torch.optim.lr_scheduler.StepLR", "schedule.step_size=2")
    with pytest.raises(UsageError, match=r"^schedule.evry: unknown key; did you mean schedule.every\?"):
        configured(configure, f"schedule._target_={__name__}.Halving", "schedule.evry=2")
