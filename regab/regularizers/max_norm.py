"""Max-norm constraint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import strength
from regab.lazy import torch
from regab.regularizers.base import Regularizer, per

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class MaxNorm(Regularizer):
    """After every step, scale the incoming weights of each unit (or filter) back to an L2 norm of at most ``limit``.

    w_j ← w_j·min(1, limit/‖w_j‖). Biases and norms are left alone.
    Range: limit in (0, inf]; useful from 1 to 4. Neutral: inf.
    Helps dropout networks to bear high learning rates; costs 2-15 % of a step.
    Interactions: made for dropout; a norm after the layer undoes it.
    Paper: Srebro, Rennie & Jaakkola 2005, NeurIPS; in networks Srivastava et al. 2014, JMLR 15, section 5.1.
    """

    limit: float = strength(float("inf"), "(0, inf]")

    def weights(self, parameters: Any, step_size: Callable[[], Tensor]) -> None:
        for leaf in parameters.weight_leaves:
            leaf.mul_((per(self.limit, leaf) / _row_norms(leaf)).clamp_(max=1).nan_to_num_(1.0))


def _row_norms(leaf: Tensor) -> Tensor:
    """L2 norms of the incoming weights of every unit or filter: ``[V, out, …]`` to ``[V, out, 1, …]``."""
    return torch.linalg.vector_norm(leaf, dim=tuple(range(2, leaf.ndim)), keepdim=True)
