"""Many models of one structure as one.

``V`` runs share one module, the skeleton; their parameters are the rows of one matrix ``[V, P]``. A single run is a
stack of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial

import torch
from torch import Tensor, nn

from regab.models.parts.norms import arrange_norms
from regab.models.places import output_layer, perturbed_places
from regab.private import batched, called
from regab.seeding import seed_globals
from regab.training.cost import count
from regab.training.explicit.model import Explicit, named, written_out
from regab.training.noise import Stream
from regab.training.parameters import Parameters
from regab.training.products import arrange_products
from regab.training.slots import BATCHED, CHANNELS_LAST, EXPLICIT, PLAIN, Layout, find_slots, is_weight, saved, unbind


class Stack:
    """``models`` are one per distinct seed; ``run_to_model [V]`` says with which of them each run begins.

    Called on ``x [V, B, …]`` (or on ``[B, …]``, the same for all runs, with ``shared=True``) it returns logits
    ``[V, B, K]``. With ``vmapped`` all runs go through one batched forward pass; else one after the other, which is
    faster for convolutions on a CPU. A run's numbers depend on which of the two, but not on ``V``. With ``bf16``,
    products are taken in bfloat16 (by torch.autocast, where they are not written out); parameters, gradients and logits
    stay float32. A model that draws random numbers in its forward is seeded by ``draws`` before each.
    """

    def __init__(
        self,
        models: list[nn.Module],
        run_to_model: Tensor,
        example: Tensor,
        *,
        vmapped: bool,
        device: torch.device,
        bf16: bool = False,
        channels_last: bool = True,
        draws: Stream | None = None,
    ) -> None:
        self.size, self.vmapped, self.bf16, self.skeleton = len(run_to_model), vmapped, bf16, models[0]
        # Numbers that layers leave behind of an example, where it is asked for: not on a CPU.
        self.activations = 0 if device.type == "cpu" else count(models[0], example)[1]
        self.channels_last, self.draws = channels_last, draws
        self._seeds: list[int | None] = [None] * self.size  # of the last pass
        self._repeats = False
        self.places = perturbed_places(self.skeleton, example)
        explicit = written_out(self.skeleton, example.shape[1:], device)
        if vmapped and not explicit:
            arrange_products(self.skeleton)
            arrange_norms(self.skeleton)
        layout = EXPLICIT if explicit else BATCHED if vmapped else CHANNELS_LAST if channels_last else PLAIN
        slots = find_slots(self.skeleton, "_parameters", layout)
        trained = {name for name, p in self.skeleton.named_parameters() if p.requires_grad}
        self._slots = sorted((s for s in slots if s.name in trained), key=lambda slot: not is_weight(slot))
        factors = {f"{name}.factor" for name in self.places}
        buffers = [s for s in find_slots(self.skeleton, "_buffers") if s.name not in factors]
        self._buffer_slots = buffers + [s for s in slots if s.name not in trained]  # what is frozen is no parameter
        self.layout = Layout(self._slots, self._buffer_slots, saved(self.skeleton))
        self._recurrent = [m for m in self.skeleton.modules() if isinstance(m, nn.RNNBase)]
        parameters = [dict(model.named_parameters()) for model in models]
        rows = [torch.cat([s.flatten(p[s.name].detach()[None]) for s in self._slots], 1) for p in parameters]
        self.values = torch.cat(rows)[run_to_model].to(device)
        self.gradients = torch.zeros_like(self.values)
        self.leaves = [leaf.detach().requires_grad_() for leaf in self.layout.unflatten(self.values)]
        held = [p | dict(m.named_buffers()) for p, m in zip(parameters, models, strict=True)]
        begun = (torch.stack([h[s.name].detach() for h in held]) for s in self._buffer_slots)
        self.buffers = [buffer[run_to_model].to(device) for buffer in begun]
        n_weights = sum(is_weight(slot) for slot in self._slots)
        self.parameters = Parameters(
            self.values,
            self.gradients,
            sum(slot.shape.numel() for slot in self._slots[:n_weights]),
            [leaf.detach() for leaf in self.leaves[:n_weights]],
            self._slots,
        )
        self._example = example
        self.explicit = self._explicit() if explicit else None
        self._outputs = self.values  # what the last training pass gave, where ``explicit``

    def _explicit(self) -> Explicit:
        leaves, gradients = named(self._slots, self.leaves), named(self._slots, self.layout.unflatten(self.gradients))
        dtype = torch.bfloat16 if self.bf16 else torch.float32
        return Explicit(self.skeleton, leaves, gradients, named(self._buffer_slots, self.buffers), dtype)

    def keep_start(self) -> None:
        """Keep the present parameters as those that training begins from, and which of them the output layer has."""
        head = {slot.name: slot.name.startswith(f"{self._output_layer}.") for slot in self._slots}
        self.parameters.start, self.parameters.head = self.values.clone(), self.spread(head)

    @cached_property
    def _output_layer(self) -> str:
        # To be asked before the first pass, which leaves other tensors in the skeleton.
        return output_layer(self.skeleton, self._example)

    def hidden_weights(self) -> list[str]:
        """Names of the weights of layers, but for embeddings and the output layer."""
        own = {name: type(module) for name, module in self.skeleton.named_modules()}
        layers = {name: name.rpartition(".")[0] for name in self.layout.weights if name.endswith("weight")}
        return [n for n, layer in layers.items() if layer != self._output_layer and own[layer] is not nn.Embedding]

    def set_factors(self, rates: dict[str, float], decays: dict[str, float]) -> None:
        """Give parameters, by their names, shares of the run's learning rate and of its decay."""
        self.parameters.rate_factors, self.parameters.decay_factors = self.spread(rates), self.spread(decays)

    def spread(self, of: Mapping[str, float]) -> Tensor:
        """What is said of parameters by their names, of each of their elements: ``[P]``."""
        return torch.cat([torch.full((s.shape.numel(),), of[s.name], device=self.values.device) for s in self._slots])

    def set_training(self, training: bool) -> None:
        """Switch between training and evaluation."""
        self.skeleton.train(training)

    def __call__(self, x: Tensor, factors: dict[str, Tensor] | None = None, shared: bool = False) -> Tensor:
        """Logits ``[V, B, K]``; ``factors`` are what perturbs the places in training, ``[V, B, …]`` each."""
        if self.explicit:
            return self._written_out(self.explicit, x, list((factors or {}).values()), shared)
        forward = self._all_at_once if self.vmapped else self._one_by_one
        if not self.bf16:
            return forward(x, list((factors or {}).values()), shared)
        with torch.autocast(self.values.device.type, torch.bfloat16):
            return forward(x, list((factors or {}).values()), shared).float()

    @torch.no_grad()
    def _written_out(self, explicit: Explicit, x: Tensor, factors: list[Tensor], shared: bool) -> Tensor:
        for place, factor in zip(self.places.values(), factors, strict=False):
            place._buffers["factor"] = factor  # as an attribute, a buffer takes 7 us to be set
        training = self.skeleton.training
        outputs = explicit.forward(x.expand(self.size, *x.shape) if shared else x, training)
        if training:
            self._outputs = outputs.requires_grad_()
        return outputs

    def _all_at_once(self, x: Tensor, factors: list[Tensor], shared: bool) -> Tensor:
        return batched(self._forward, self.size, [self.leaves, self.buffers, factors], x, shared)

    def _one_by_one(self, x: Tensor, factors: list[Tensor], shared: bool) -> Tensor:
        per_run = [[unbind(t) for t in ts] for ts in (self.leaves, self.buffers, factors)]
        inputs, outputs = [x] * self.size if shared else x, []
        for v, seed in enumerate(self._next_seeds()):
            if seed is not None:
                seed_globals(seed)
            given = _channels_last(inputs[v]) if self.channels_last else inputs[v]
            leaves, buffers, drawn = [[t[v] for t in ts] for ts in per_run]
            output = self._forward(leaves, buffers, drawn, given)
            if output.requires_grad and self.size > 1:
                output.register_hook(partial(self._again, leaves, buffers, drawn))
            outputs.append(output)
        return torch.stack(outputs)

    def _again(self, leaves: list[Tensor], buffers: list[Tensor], factors: list[Tensor], _: Tensor) -> None:
        """Before its gradient is taken, a run's tensors stand in the skeleton again: checkpointed layers pass anew."""
        self._fill(leaves, buffers, factors)

    def _next_seeds(self) -> list[int | None]:
        """What a model that draws from torch's global generator draws by: each run's own in training."""
        if self.draws is not None and not self._repeats:
            self._seeds = [*self.draws.integers()] if self.skeleton.training else [0] * self.size
        return self._seeds

    @contextmanager
    def repeating(self) -> Iterator[None]:
        """Passes in which the model draws what it drew in the last, and which leave its buffers as they were."""
        before = [buffer.clone() for buffer in self.buffers]
        self._repeats = True
        try:
            yield
        finally:
            self._repeats = False
            for buffer, was in zip(self.buffers, before, strict=True):
                buffer.copy_(was)

    def _forward(self, leaves: list[Tensor], buffers: list[Tensor], factors: list[Tensor], x: Tensor) -> Tensor:
        self._fill(leaves, buffers, factors)
        return called(self.skeleton, self._recurrent, x)

    def _fill(self, leaves: list[Tensor], buffers: list[Tensor], factors: list[Tensor]) -> None:
        for slot, leaf in zip(self._slots, leaves, strict=True):
            slot.fill(leaf)
        for slot, buffer in zip(self._buffer_slots, buffers, strict=True):
            slot.fill(buffer)
        for place, factor in zip(self.places.values(), factors, strict=False):
            place.factor = factor

    def backward(self, loss: Tensor) -> None:
        """Write every run's own gradient of ``loss [V]`` into ``gradients``; runs share no parameters."""
        # Of a scalar: for any other shape autograd imports sympy at first, 0.3 s.
        if self.explicit:
            (slope,) = torch.autograd.grad(loss.sum(), self._outputs, materialize_grads=True)
            return self.explicit.backward(slope)
        leaves = torch.autograd.grad(loss.sum(), self.leaves, materialize_grads=True)
        flat = [slot.flatten(leaf) for slot, leaf in zip(self._slots, leaves, strict=True)]
        torch.cat(flat, 1, out=self.gradients)

    @property
    def state(self) -> list[Tensor]:
        """Parameters ``[V, P]`` and buffers ``[V, …]``: all that evaluation depends on."""
        return [self.values, *self.buffers]

    def state_dict(self, row: int, state: list[Tensor] | None = None) -> dict[str, Tensor]:
        """A row of ``state`` (the present one, or one that was kept) by the names that a run's model saves."""
        return next(self.layout.state_dicts([row], state or self.state))


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
