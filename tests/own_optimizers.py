"""Optimizers as users write them."""

import torch


class Signs(torch.optim.Optimizer):
    """Steps by signs, smaller with every step; counts them by itself, and not in its state."""

    def __init__(self, params, lr=0.01, *, fading=0.1):
        super().__init__(params, {"lr": lr, "fading": fading})
        self.taken = 0

    @torch.no_grad()
    def step(self, closure=None):
        self.taken += 1
        for group in self.param_groups:
            for p in group["params"]:
                p.view(-1).add_(p.grad.view(-1).sign(), alpha=-group["lr"] / (1 + group["fading"] * self.taken))


def fast_sgd(params, momentum=0.9):
    """A function that makes one, with a rate of its own."""
    return torch.optim.SGD(params, lr=0.05, momentum=momentum)


def nothing(params):
    return None


class NoRate(torch.optim.Optimizer):
    def __init__(self, params):
        super().__init__(params, {})

    def step(self, closure=None):
        pass


class Broken(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    def step(self, closure=None):
        raise ValueError("not today")
