"""Images of unusual depth, transparency and company: nothing turns black, and what is left out is said."""

import numpy as np
import pytest
import torch
from PIL import Image

from regab.data.division.checks import examined
from regab.data.folder import load
from regab.data.inputs.depth import Depth
from regab.data.split import Division, divide
from regab.errors import UsageError

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.random((6, 8, 8))
PICTURES[0, 0, :2] = 0, 1


def saved(root, pictures, ending="png", mode=None, name="train"):
    """A folder of two classes; its path."""
    for i, picture in enumerate(pictures):
        folder = root / name / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        (image.convert(mode) if mode else image).save(folder / f"{i}.{ending}")
    return str(root / name)


def images(path, **options):
    """As floats from 0 to 1, in the order in which they were saved."""
    x = load(path, **options).train.x
    x = x if x.is_floating_point() else x.float() / 255
    return x[[i // 2 + len(x) // 2 * (i % 2) for i in range(len(x))]].numpy()


DEPTHS = {
    "float from 0 to 1": (PICTURES.astype(np.float32), "tiff", 1e-6),
    "float from -1 to 1": ((PICTURES * 2 - 1).astype(np.float32), "tiff", 1e-6),
    "float from 0 to 255": ((PICTURES * 255).astype(np.float32), "tiff", 1e-6),
    "16 bits": ((PICTURES * 65535).round().astype(np.uint16), "png", 0.51 / 255),
    "12 bits": ((PICTURES * 4095).round().astype(np.uint16), "png", 1e-3),
    "7 bits in 16": ((PICTURES * 127).round().astype(np.uint16), "png", 5e-3),
    "16 bits of TIFF": ((PICTURES * 65535).round().astype(np.uint16), "tiff", 0.51 / 255),
    "32 bits": ((PICTURES * 2e9).round().astype(np.int32), "tiff", 1e-6),
    "32 bits with 12 used": ((PICTURES * 4095).round().astype(np.int32), "tiff", 1e-3),
    "8 bits": ((PICTURES * 255).round().astype(np.uint8), "png", 0.51 / 255),
}


@pytest.mark.parametrize("kind", DEPTHS)
def test_images_of_any_depth_show_what_they_show(tmp_path, kind):
    pixels, ending, tolerance = DEPTHS[kind]
    path = saved(tmp_path, pixels, ending)
    np.testing.assert_allclose(images(path)[:, 0], PICTURES, atol=tolerance)
    np.testing.assert_allclose(images(path, color="rgb")[:, 2], PICTURES, atol=tolerance)
    assert images(path, size=4).shape == (6, 1, 4, 4)
    assert images(path, size=4).std() > 0.05


@pytest.mark.parametrize("high", [1, 2, 255, 256, 4095, 4096, 65535])
def test_whole_numbers_are_scaled_by_the_fewest_bits_that_hold_them(high):
    depth = Depth.of([Depth(0, high, True), Depth(0, 1, True)])
    assert (depth.low, depth.high) == (0, 2 ** high.bit_length() - 1)


def test_narrow_values_high_up_keep_what_they_show(tmp_path):
    found = images(saved(tmp_path, (40_000 + 200 * PICTURES).round().astype(np.uint16)))
    assert len(np.unique(found)) > 100


def test_a_test_folder_is_scaled_as_the_training_folder(tmp_path):
    train = saved(tmp_path, (PICTURES * 4095).round().astype(np.uint16))
    test = saved(tmp_path, (PICTURES * 400).round().astype(np.uint16), name="test")
    source = load(train, test)
    assert source.test.x.max() == pytest.approx(400 / 4095)
    assert "values from 0 to 4095" in source.said[0]


def test_deep_and_ordinary_images_stand_on_one_scale(tmp_path):
    saved(tmp_path, [(PICTURES[0] * 4095).round().astype(np.uint16), (PICTURES[1] * 255).round().astype(np.uint8)])
    np.testing.assert_allclose(load(str(tmp_path / "train")).train.x[:, 0], PICTURES[:2], atol=0.51 / 255)


def test_pixels_that_are_no_numbers_are_named(tmp_path):
    broken = PICTURES.astype(np.float32)
    broken[2, 3, 3] = np.nan
    with pytest.raises(UsageError, match=r"2\.tiff: cannot be read as an image \(some of its pixels are no finite"):
        load(saved(tmp_path, broken, "tiff"))


def drawings():
    """Black strokes that only the alpha channel shows."""
    alpha = ((PICTURES > 0.5) * 255).astype(np.uint8)
    return alpha, [Image.fromarray(np.dstack([np.zeros((8, 8, 3), np.uint8), a])) for a in alpha]


def palette(image, alpha):
    found = Image.fromarray((alpha > 0).astype(np.uint8), "P")
    found.putpalette([0, 0, 0, 0, 0, 0])
    found.info["transparency"] = bytes([0, 255])
    return found


@pytest.mark.parametrize("kind", ["RGBA", "LA", "palette"])
def test_drawings_in_the_alpha_channel_stand_before_white(tmp_path, kind):
    alpha, drawn = drawings()
    if kind == "palette":
        drawn = [palette(image, a) for image, a in zip(drawn, alpha, strict=True)]
    path = saved(tmp_path, drawn, mode=kind if kind != "palette" else None)
    np.testing.assert_array_equal(images(path)[:, 0] * 255, 255 - alpha)
    assert images(path, alpha="black").max() == 0
    assert images(path, alpha="ignore").max() == 0
    source = load(path, alpha="ignore")
    with pytest.raises(UsageError, match="all 6 training inputs are the same"):
        examined(divide(source, Division()), source)
    with pytest.raises(UsageError, match=r"data.alpha=pink: must be one of white, black, ignore"):
        load(path, alpha="pink")


def test_half_transparent_colours_are_mixed_with_the_background(tmp_path):
    pixel = Image.new("RGBA", (4, 4), (200, 100, 0, 102))
    found = images(saved(tmp_path, [pixel, pixel]))[0, :, 0, 0] * 255
    np.testing.assert_allclose(found, [0.4 * c + 0.6 * 255 for c in (200, 100, 0)], atol=1)


def test_print_colours_are_colours(tmp_path):
    colours = Image.new("RGB", (4, 4), (250, 20, 60))
    found = images(saved(tmp_path, [colours, colours], "tiff", "CMYK"))[0, :, 0, 0] * 255
    np.testing.assert_allclose(found, (250, 20, 60), atol=2)


def test_hidden_and_other_files_are_skipped_with_a_word(tmp_path):
    pixels = (PICTURES * 255).astype(np.uint8)
    path = saved(tmp_path, pixels)
    for name in (
        "a/.ipynb_checkpoints/0-checkpoint.png",
        "a/deep/.hidden.png",
        "a/__MACOSX/._1.png",
        "__MACOSX/x/1.png",
    ):
        (tmp_path / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[0]).save(tmp_path / "train" / name)
    for name in ("a/notes.pdf", "b/film.mpg", "b/list.txt", "stray.png"):
        (tmp_path / "train" / name).write_bytes(b"whatever")
    source = load(path)
    assert len(source.train) == 6
    (line,) = source.said[1:]
    assert line == "4 files skipped that are no images of a class: stray.png, a/notes.pdf, b/film.mpg, …"
    assert source.said[0] == "6 images of 8×8, grey; 2 classes (a 3, b 3)"
    assert source.names == ("a", "b")


def test_the_first_frame_of_an_animation_is_taken_and_said(tmp_path):
    frames = [Image.fromarray((p * 255).astype(np.uint8)) for p in PICTURES]
    path = saved(tmp_path, frames[:2], "gif")
    frames[0].save(tmp_path / "train" / "a" / "0.gif", save_all=True, append_images=frames[1:])
    source = load(path, color="grey")
    np.testing.assert_allclose(source.train.x[0, 0], np.asarray(frames[0]), atol=12)
    assert "1 images have several frames, of which the first is taken" in source.said


@pytest.mark.parametrize(
    "parts",
    [("test", "train"), ("Val", "train"), ("test_set", "training_set"), ("seg_test", "seg_train"), ("test", "valid")],
)
def test_the_parts_of_a_data_set_are_no_classes(tmp_path, parts):
    for part in (*parts, "more"):
        saved(tmp_path, (PICTURES * 255).astype(np.uint8), name=part)
    with pytest.raises(UsageError, match=rf"holds {parts[0]} and {parts[1]}, which are no classes; set data.path and"):
        load(str(tmp_path))


def test_classes_may_be_called_as_parts_are(tmp_path):
    for i, name in enumerate(("freight_train", "test_tube", "train")):
        saved(tmp_path / "all", (PICTURES[i : i + 2] * 255).astype(np.uint8), name=name)
    assert load(str(tmp_path / "all")).names == ("freight_train", "test_tube", "train")


@pytest.mark.parametrize("colour", [0, 255, 77])
def test_images_that_are_all_the_same_are_refused_whatever_the_cause(tmp_path, colour):
    source = load(saved(tmp_path, [np.full((8, 8), colour, np.uint8)] * 6))
    with pytest.raises(UsageError, match="data: all 6 training inputs are the same"):
        examined(divide(source, Division()), source)
    assert torch.equal(source.train.x[0], source.train.x[5])
