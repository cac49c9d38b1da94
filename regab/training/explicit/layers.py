"""Forward and backward of plain layers, written out for a whole stack of runs.

A model that is a sequence of linear, convolutional and pooling layers, flatten, ReLU and regab's places needs no
autograd but for the loss: each layer below is its two lines of calculus. What autograd allocates and frees in every
step is kept here from step to step, and gradients go from product to matrix. ``dy`` is the gradient of the loss by what
a layer gave, ``dx`` that by what it took; both may be overwritten. Images are ``[V, B, H, W, C]`` inside.

What layers take and give is of one ``dtype``, float32 or bfloat16. Parameters, their gradients and sums over examples
are float32 in either: a weight is rounded for each pass.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from regab.models.places import Perturbed


class Room:
    """Memory that is kept: a tensor of any shape asked for, in storage that grows to the largest."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype, self.storage = dtype, torch.empty(0, dtype=dtype)
        self.last = self.storage  # what was asked for last, as it mostly is again: a view anew takes 3 us

    def of(self, *shape: int) -> Tensor:
        if self.last.shape != shape:
            size = torch.Size(shape).numel()
            if self.storage.numel() < size:
                self.storage = torch.empty(size, dtype=self.dtype)
            self.last = self.storage[:size].view(shape)
        return self.last

    def like(self, x: Tensor) -> Tensor:
        """In the layout of ``x``, on which the bits of a product with it depend: a factor of 1 must be none."""
        transposed = x.ndim == 3 and x.stride(1) == 1 < x.stride(2)
        return self.of(*x.mT.shape).mT if transposed else self.of(*x.shape)


class Layer:
    """One layer of ``V`` runs. ``first``: nobody asks for its ``dx``."""

    first = False

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """``[V, B, …]`` to ``[V, B, …]``; ``x`` may have stride 0 over the runs."""
        raise NotImplementedError

    def backward(self, dy: Tensor) -> Tensor:
        """What ``forward`` last took in is what this is the gradient at."""
        raise NotImplementedError


# Elements of a weight from which its gradient is taken run by run, into its place: a batch of products goes to other
# memory first, and copying a gradient of 512×128 from there takes 40 us of a run's step, calling a product once more 7.
LARGE = 2**15


class Weighted(Layer):
    """A layer with parameters: views of rows of ``[V, P]``, and of its gradients."""

    def __init__(
        self, dtype: torch.dtype, weight: Tensor, d_weight: Tensor, bias: Tensor | None, d_bias: Tensor | None
    ) -> None:
        self.parameter, self.d_weight, self.bias, self.d_bias = weight, d_weight, bias, d_bias
        self.weight, self.bias_row = weight, None if bias is None else bias[:, None]
        self.y, self.dx, self.dw, self.rounded = Room(dtype), Room(dtype), Room(dtype), Room(dtype)

    def round(self) -> None:
        """Bring ``weight`` up to date with the parameter, where products are of fewer bits."""
        if self.rounded.dtype != self.parameter.dtype:
            self.weight = self.rounded.like(self.parameter).copy_(self.parameter)

    def add_bias(self, y: Tensor) -> Tensor:
        return y if self.bias_row is None else y.add_(self.bias_row.to(y.dtype))

    def store_weight(self, left: Tensor, right: Tensor) -> None:
        """dW is the product of the two."""
        if self.d_weight[0].numel() < LARGE or left.dtype != self.d_weight.dtype:
            self.d_weight.copy_(torch.bmm(left, right, out=self.dw.of(*self.weight.shape)))
            return
        for rows in zip(left.split(1), right.split(1), self.d_weight.split(1), strict=True):
            torch.bmm(*rows[:2], out=rows[2])

    def store_bias(self, dy: Tensor) -> None:
        if self.d_bias is not None:
            torch.sum(dy, 1, dtype=self.d_bias.dtype, out=self.d_bias)


class Linear(Weighted):
    """y = x·W + b, with the weight stored as W ``[V, in, out]``."""

    def forward(self, x: Tensor, training: bool) -> Tensor:
        self.x = x
        self.round()
        return self.add_bias(torch.bmm(x, self.weight, out=self.y.of(*x.shape[:2], self.weight.shape[2])))

    def backward(self, dy: Tensor) -> Tensor:
        self.store_weight(self.x.mT, dy)
        self.store_bias(dy)
        return dy if self.first else torch.bmm(dy, self.weight.mT, out=self.dx.of(*self.x.shape))


class NarrowLinear(Weighted):
    """The same with few outputs, the weight stored as Wᵀ ``[V, out, in]``: yᵀ = Wᵀ·xᵀ.

    MKL is slow where the last axis of a product is short. 16 products of 64×128 and 128×10: 37 against 117 us.
    """

    def forward(self, x: Tensor, training: bool) -> Tensor:
        self.x = x
        self.round()
        y = torch.bmm(self.weight, x.mT, out=self.y.of(len(x), self.weight.shape[1], x.shape[1]))
        return (y if self.bias is None else y.add_(self.bias[..., None].to(y.dtype))).mT

    def backward(self, dy: Tensor) -> Tensor:
        self.store_weight(dy.mT, self.x)
        self.store_bias(dy)
        return dy if self.first else torch.bmm(dy, self.weight, out=self.dx.of(*self.x.shape))


class ReLU(Layer):
    """y = max(x, 0), in place: its sign is that of x."""

    def forward(self, x: Tensor, training: bool) -> Tensor:
        self.y = torch.relu_(x)
        return self.y

    def backward(self, dy: Tensor) -> Tensor:
        return torch.ops.aten.threshold_backward.grad_input(dy, self.y, 0, grad_input=dy)


class Factor(Layer):
    """y = x·factor where a method perturbs in training; ``inside``: of images with their channels last."""

    def __init__(self, dtype: torch.dtype, place: Perturbed, inside: bool) -> None:
        self.place, self.inside, self.y = place, inside, Room(dtype)

    def factor(self) -> Tensor:
        return channels_inside(self.place.factor) if self.inside else self.place.factor

    def forward(self, x: Tensor, training: bool) -> Tensor:
        return torch.mul(x, self.factor(), out=self.y.like(x)) if training else x

    def backward(self, dy: Tensor) -> Tensor:
        return dy.mul_(self.factor())


class Term(Factor):
    """y = x + term where a method adds to it in training."""

    def forward(self, x: Tensor, training: bool) -> Tensor:
        return torch.add(x, self.factor(), out=self.y.like(x)) if training else x

    def backward(self, dy: Tensor) -> Tensor:
        return dy


class SingleLinear(Weighted):
    """The same with one output, element by element.

    MKL takes another kernel for one product with a vector than for several, which adds in another order: a run alone
    would not be the run in a stack.
    """

    def forward(self, x: Tensor, training: bool) -> Tensor:
        self.x = x.float()
        return self.add_bias((self.x * self.weight).sum(-1, keepdim=True)).to(x.dtype)

    def backward(self, dy: Tensor) -> Tensor:
        torch.sum(self.x * dy, 1, keepdim=True, out=self.d_weight)
        self.store_bias(dy)
        return dy if self.first else torch.mul(dy, self.weight, out=self.dx.of(*self.x.shape))


class PatchConvolution(Weighted):
    """A convolution of the data, ``[V, B, C, H, W]``, as a product: y = patchesᵀ·Wᵀ, W being ``[V, out, h·w·C]``.

    Images have few channels, for which a convolution is mostly overhead. One row for each place in the window is
    copied in a quarter of the time that one for each patch takes, and multiplied as fast; and so is the gradient of
    Wᵀ, in a quarter of the time of that of W (16,384 patches of 9 numbers: 168 against 769 us).
    """

    def __init__(self, dtype: torch.dtype, conv: nn.Conv2d, *parameters: Any) -> None:
        super().__init__(dtype, *parameters)
        self.conv, self.rows = conv, Room(dtype)

    def patches(self, x: Tensor) -> Tensor:
        """``[V, B, C, H, W]`` to ``[V, h, w, C, B, H', W']``."""
        padding: Any = self.conv.padding  # numbers: of words, none is written out
        (height, width), (down, right), (top, left) = self.conv.kernel_size, self.conv.stride, padding
        windows = nn.functional.pad(x, (left, left, top, top)).unfold(3, height, down).unfold(4, width, right)
        windows = windows.permute(0, 5, 6, 2, 1, 3, 4)
        return self.rows.of(*windows.shape).copy_(windows)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        patches = self.patches(x[:1] if x.stride(0) == 0 else x)
        self.x = patches.flatten(4).flatten(1, 3).expand(len(x), -1, -1)
        self.round()
        y = torch.bmm(self.x.mT, self.weight.mT, out=self.y.of(len(x), self.x.shape[2], self.weight.shape[1]))
        return self.add_bias(y).view(len(x), *patches.shape[4:], -1)

    def backward(self, dy: Tensor) -> Tensor:
        rows = dy.flatten(1, 3)
        dw = torch.bmm(self.x, rows, out=self.dw.of(*self.weight.mT.shape))
        self.d_weight.copy_(dw.mT)
        self.store_bias(rows)
        return dy


class Flatten(Layer):
    """``[V, B, …]`` to ``[V, B, F]``, images in the order of a model: channel by channel."""

    def __init__(self, dtype: torch.dtype, inside: bool) -> None:
        self.inside, self.y, self.dx = inside, Room(dtype), Room(dtype)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        self.shape = x.shape
        if not self.inside:
            return x.flatten(2)
        outside = x.permute(0, 1, 4, 2, 3)
        return self.y.of(*outside.shape).copy_(outside).flatten(2)

    def backward(self, dy: Tensor) -> Tensor:
        if not self.inside:
            return dy.view(self.shape)
        v, b, h, w, c = self.shape
        return self.dx.of(*self.shape).copy_(dy.view(v, b, c, h, w).permute(0, 1, 3, 4, 2))


def of_dtype(x: Tensor, dtype: torch.dtype) -> Tensor:
    """``x [V, …]``, rounded once where it has stride 0 over the runs."""
    return x[:1].to(dtype).expand_as(x) if x.stride(0) == 0 else x.to(dtype)


def channels_last(x: Tensor) -> Tensor:
    """``[…, H, W, C]`` as torch's images ``[…, C, H, W]``, where they lie."""
    return x.movedim(-1, -3)


def channels_inside(x: Tensor) -> Tensor:
    return x.movedim(-3, -1)
