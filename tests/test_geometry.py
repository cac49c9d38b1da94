"""Images that are moved, mirrored, cut, turned and scaled: against scipy's interpolation at places found by hand."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from regab.regularizers.rotate_zoom import RotateZoom
from regab.regularizers.shift_flip_crop import ShiftFlipCrop
from regab.training.noise import Noise

HEIGHT, WIDTH = 8, 13
IMAGES = torch.randn(2, 300, 2, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))


def changed(method):
    """What a method makes of IMAGES, and the numbers that it draws ``[V, B, n]``."""
    stream, again = (Noise([0, 1], torch.device("cpu")).of("moves") for _ in range(2))
    found = method.augment(IMAGES, stream)
    return found.numpy(), again.uniform(IMAGES.shape[1], 6 if isinstance(method, ShiftFlipCrop) else 2).double().numpy()


def sampled(image, columns, rows):
    """An image's channels at places counted from its middle, the border repeated beyond it."""
    places = np.stack([rows + (HEIGHT - 1) / 2, columns + (WIDTH - 1) / 2])
    return np.stack([map_coordinates(channel, places, order=1, mode="nearest") for channel in image.double().numpy()])


def middle():
    """The places of pixels, columns and rows, counted from the middle."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    return columns - (WIDTH - 1) / 2, rows - (HEIGHT - 1) / 2


@pytest.mark.parametrize(("degrees", "zoom"), [(30.0, 0.0), (0.0, 0.4), (180.0, 0.2)])
def test_images_are_turned_by_up_to_so_many_degrees_and_scaled_about_their_middle(degrees, zoom):
    found, u = changed(RotateZoom(torch.tensor([degrees, 0.0]), torch.tensor([zoom, 0.0])))
    assert np.array_equal(found[1], IMAGES[1])
    x, y = middle()
    for image, now, (turn, scale) in zip(IMAGES[0, :50], found[0], u[0] * 2 - 1, strict=False):
        angle, factor = math.radians(turn * degrees), 1 + scale * zoom
        columns = (math.cos(angle) * x - math.sin(angle) * y) / factor
        rows = (math.sin(angle) * x + math.cos(angle) * y) / factor
        np.testing.assert_allclose(now, sampled(image, columns, rows), atol=2e-5)


@pytest.mark.parametrize(
    ("shift", "flip", "crop"), [(2.0, 0.0, 0.0), (0.0, 0.3, 0.0), (0.0, 0.0, 0.6), (1.9, 0.5, 0.4)]
)
def test_images_are_moved_by_whole_pixels_mirrored_and_cut_at_any_place(shift, flip, crop):
    method = ShiftFlipCrop(*(torch.tensor([strength, 0.0]) for strength in (shift, flip, crop)))
    found, u = changed(method)
    assert np.array_equal(found[1], IMAGES[1])
    x, y = middle()
    moves = set()
    for image, now, drawn in zip(IMAGES[0], found[0], u[0], strict=True):
        side, mirror = 1 - drawn[0] * crop, -1 if drawn[1] < flip else 1
        right, down = (math.floor(each * (2 * math.floor(shift) + 1)) - math.floor(shift) for each in drawn[2:4])
        moves.add((right, down))
        # What is kept lies anywhere within the image: from end to end of what it leaves over.
        left, top = (
            (2 * each - 1) * (1 - side) * size / 2 for each, size in zip(drawn[4:], (WIDTH, HEIGHT), strict=True)
        )
        expected = sampled(image, side * mirror * x + left + right, side * y + top + down)
        np.testing.assert_allclose(now, expected, atol=2e-5)
    reach = range(-math.floor(shift), math.floor(shift) + 1)
    assert moves == {(right, down) for right in reach for down in reach}


def test_a_shift_alone_is_the_cut_of_an_image_padded_by_its_border():
    found, _ = changed(ShiftFlipCrop(torch.tensor([1.0, 0.0]), torch.zeros(2), torch.zeros(2)))
    for image, now in zip(IMAGES[0].numpy(), found[0], strict=True):
        padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
        cuts = [padded[:, top : top + HEIGHT, left : left + WIDTH] for top in range(3) for left in range(3)]
        assert sum(np.allclose(now, cut, atol=1e-5) for cut in cuts) == 1
