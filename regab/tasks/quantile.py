"""Quantile regression: below which number a target lies with given probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.fields import structure
from regab.lazy import torch
from regab.tasks.regression import Regression

if TYPE_CHECKING:
    from torch import Tensor


class Probabilities:
    """What ``tau`` may be."""

    def __contains__(self, value: Any) -> bool:
        taus = value if isinstance(value, list) else [value]
        sound = bool(taus) and all(type(tau) in (int, float) and 0 < tau < 1 for tau in taus)
        return sound and len(set(taus)) == len(taus)

    def __str__(self) -> str:
        return "a number in (0, 1), or a list of such, each once, like [0.1,0.5,0.9]"


@dataclass(kw_only=True)
class Quantile(Regression):
    """As regression, with an output for each ``tau``, below which a share tau of targets should lie: pinball loss.

    The mean over ``tau`` of max(tau·r, (tau − 1)·r), with r = target − output, the target standardized (Koenker &
    Bassett 1978, Econometrica). ``tau=0.5`` (the default) is the median: half of the absolute error. Metrics of a
    regression see the output whose tau is nearest to 0.5. One target.
    """

    tau: Any = structure(0.5, Probabilities())
    metrics = ("rmse",)
    minimizes = "pinball loss, standardized target"
    waits = True

    @property
    def taus(self) -> list[float]:
        return self.tau if isinstance(self.tau, list) else [self.tau]

    @property
    def middle(self) -> int:
        """Which output is that nearest to the median."""
        return min(range(len(self.taus)), key=lambda k: abs(self.taus[k] - 0.5))

    def typed(self, y: Tensor) -> Tensor:
        if y.ndim > 1:
            raise UsageError(f"data: targets have the shape {list(y.shape)}; task=quantile is for one target")
        return super().typed(y)

    def outputs(self, y: Tensor, classes: int) -> int:
        return len(self.taus)

    def check(self, y: Tensor, outputs: int) -> None:
        """Each of several outputs is of the one target."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._pinball(outputs, targets).mean((1, 2))

    def told(self, outputs: Tensor, names: Sequence[str]) -> dict[str, Any]:
        """The quantile of each ``tau``; ``prediction`` is that nearest to the median."""
        columns = [column.double().numpy() for column in outputs.unbind(1)]
        quantiles = {f"q_{tau:g}": column for tau, column in zip(self.taus, columns, strict=True)}
        return {"prediction": columns[self.middle]} | (quantiles if len(columns) > 1 else {})

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        return self._pinball(outputs, y[:, None])

    def _pinball(self, outputs: Tensor, targets: Tensor) -> Tensor:
        errors, tau = targets - outputs, torch.tensor(self.taus, device=outputs.device)
        return torch.maximum(tau * errors, (tau - 1) * errors)

    def predictions(self, outputs: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
        return [(outputs[..., self.middle : self.middle + 1], y)]
