"""Language modelling: the next token of a text, at every place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.tasks._dense import Dense

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(kw_only=True)
class LanguageModelling(Dense):
    """Of tokens ``[N, L + 1]`` the first ``L`` are the input, the last ``L`` the targets; logits ``[n, L, K]``.

    The mean over tokens of −log of the next one's probability, in nats; padding (0) does not count. A model must look
    at no token to come, as ``model=causal_transformer`` does. Labels that the data have are left alone.
    """

    metrics = ("perplexity", "accuracy")
    minimizes = "cross-entropy of the next token"
    reads = "auto"
    of_inputs = True
    mapped = False
    gap = 0

    def typed(self, y: Tensor) -> Tensor:
        return y

    def check(self, y: Tensor, outputs: int) -> None:
        """Targets are made of the inputs."""

    def pairs(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        if x.is_floating_point() or x.ndim != 2 or x.shape[1] < 2:
            found = f"{'numbers' if x.is_floating_point() else 'tokens'} {list(x.shape[1:])}"
            raise UsageError(
                f"task=language_modelling: needs texts of at least two tokens, as data=text_lines, not {found}"
            )
        return x[:, :-1].contiguous(), x[:, 1:].contiguous()

    def compared(self, outputs: Tensor, y: Tensor, names: Sequence[str]) -> dict[str, Any]:
        """How many tokens were predicted, how well, and the most probable one after the last that the model has read
        (by name, if there are ``names``, or by number). Without a token to predict, the loss is NaN."""
        there = y != self.gap
        log_p = outputs.double().log_softmax(-1).gather(-1, y[..., None])[..., 0]
        count = there.sum(1)
        loss = -(log_p * there).sum(1) / count
        last = count.clamp(max=y.shape[1] - 1)[:, None, None].expand(-1, 1, outputs.shape[-1])
        following = outputs.gather(1, last)[:, 0].argmax(-1).tolist()
        named = [names[token] for token in following] if len(names) == outputs.shape[-1] else following
        return {"tokens": count.numpy(), "loss": loss.numpy(), "perplexity": loss.exp().numpy(), "next": named}

    def answers(self, y: Tensor, outputs: int) -> list[tuple[int, ...]]:
        return [(*y.shape[1:], outputs)]
