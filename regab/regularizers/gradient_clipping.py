"""Gradient clipping."""

from dataclasses import dataclass
from typing import Any

from regab.fields import strength
from regab.lazy import torch
from regab.regularizers.base import Regularizer, per


@dataclass
class GradientClipping(Regularizer):
    """Scale a run's whole gradient g back to a global L2 norm of at most ``limit``: g ← g·min(1, limit/(‖g‖ + 1e-6)).

    It sees the gradient of the whole objective, penalties included, as ``torch.nn.utils.clip_grad_norm_`` would.
    Range: limit in (0, inf]; useful from 0.5 to 10. Neutral: inf.
    Helps where single batches make the loss jump; costs 5-15 % of a step.
    Interactions: sees the gradients of all penalties; gradient_noise is added after it.
    Paper: Pascanu, Mikolov & Bengio 2013, ICML.
    """

    limit: float = strength(float("inf"), "(0, inf]")

    def gradients(self, parameters: Any, noise: Any) -> None:
        norm = torch.linalg.vector_norm(parameters.gradients, dim=1)
        parameters.gradients.mul_(per((self.limit / (norm + 1e-6)).clamp_(max=1), parameters.gradients))
