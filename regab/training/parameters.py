"""The parameters of a stack, as optimizers and regularizers see them."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from regab.training.slots import Slot


@dataclass
class Parameters:
    """The parameters of a stack and their gradients: matrices ``[V, P]``, weights first, then biases and norms.

    ``slots`` say where in a row each lies. ``weight_leaves`` are the weights as the model has them,
    ``[V, out, in, …]``, sharing memory with ``values``. For methods that ask for it, ``start [V, P]`` is what training
    began from, and ``head [P]`` what the output layer has. Where parts of the model have a learning rate or a decay of
    their own, ``rate_factors`` and ``decay_factors`` (``[P]``) are what those of the run are multiplied by.
    """

    values: Tensor
    gradients: Tensor
    n_weights: int
    weight_leaves: list[Tensor]
    slots: list[Slot] = field(default_factory=list)
    start: Tensor | None = None
    head: Tensor | None = None
    rate_factors: Tensor | None = None
    decay_factors: Tensor | None = None

    @property
    def weights(self) -> Tensor:
        return self.values[:, : self.n_weights]

    def within(self, scope: str) -> tuple[Tensor, Tensor]:
        """Values and gradients in a scope: ``weights`` or ``all``."""
        end = self.n_weights if scope == "weights" else None
        return self.values[:, :end], self.gradients[:, :end]

    def rates(self, lr: Tensor) -> Tensor:
        """Learning rates of every parameter by those of the runs ``[V]``: ``[V, P]``, or ``[V, 1]`` if all are one."""
        return lr[:, None] if self.rate_factors is None else lr[:, None] * self.rate_factors

    def decays(self, strength: Tensor) -> Tensor:
        """The same of the strengths of a decay."""
        return strength[:, None] if self.decay_factors is None else strength[:, None] * self.decay_factors

    def leaves(self, values: Tensor) -> dict[str, Tensor]:
        """Views ``[V, *shape]`` by name of a matrix ``[V, P]``."""
        pieces = values.split([slot.shape.numel() for slot in self.slots], 1)
        return {slot.name: slot.unflatten(piece) for slot, piece in zip(self.slots, pieces, strict=True)}
