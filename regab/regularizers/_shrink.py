"""The proximal step of the methods whose weights become exactly zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.regularizers.base import Number, per

if TYPE_CHECKING:
    from torch import Tensor


def shrink(values: Tensor, strength: Number, step_size: Tensor) -> None:
    """The proximal step of strength·Σ|w| in place: towards zero by strength times step size, exactly zero within it.

    ``values [V, n]`` are the first n parameters, ``strength [V]``, ``step_size [V, 1]`` or ``[V, P]``. Taking the
    optimizer's effective step size and not its learning rate makes the minimum of the penalized loss the fixed point,
    with momentum and with Adam too: there the step along the gradient and the step towards zero are equal.
    """
    amount = per(strength, values) * step_size[:, : values.shape[1]]
    values.copy_(values.sign() * (values.abs() - amount).clamp_(min=0))
