"""Images moved, turned and scaled, for the methods that augment geometrically."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.lazy import functional, torch

if TYPE_CHECKING:
    from torch import Tensor


def warp(images: Tensor, matrices: Tensor) -> Tensor:
    """Sample ``images [V, B, C, H, W]`` at the points that ``matrices [V, B, 2, 3]`` send each output point to.

    Coordinates run from -1 to 1 from edge to edge. Bilinear; beyond the border, the pixel at the border.
    """
    flat = images.flatten(0, 1)
    grid = functional.affine_grid(matrices.flatten(0, 1), list(flat.shape), align_corners=False)
    sampled = functional.grid_sample(flat, grid, padding_mode="border", align_corners=False)
    return sampled.view(images.shape)


def matrices(xx: Tensor, xy: Tensor, x0: Tensor, yx: Tensor, yy: Tensor, y0: Tensor) -> Tensor:
    """``[V, B, 2, 3]`` from its entries ``[V, B]``."""
    rows = [torch.stack(torch.broadcast_tensors(*row), -1) for row in ((xx, xy, x0), (yx, yy, y0))]
    return torch.stack(rows, -2)
