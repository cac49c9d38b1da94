"""Folders of images: what is read, in which order and size, and what is said of those that cannot be."""

import numpy as np
import pytest
import torch
from PIL import Image

from regab.data.folder import load
from regab.data.split import Division, divide
from regab.errors import UsageError
from tests.conftest import DATA

PHOTOS = DATA / "cifar10-jpg"


def pixels(number, height=6, width=5, channels=3):
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Write images, ``put("cat/1.png", array)``; the folder's path."""

    def put(name, content):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            image = content if isinstance(content, Image.Image) else Image.fromarray(content)
            image.save(file)
        return str(tmp_path / name.split("/")[0])

    return put


def four(folder, root="train", **kind):
    for i, name in enumerate(["b/2.png", "b/10.png", "a/x.png", "a/deep/y.png"]):
        path = folder(f"{root}/{name}", pixels(i, **kind))
    return path


def test_classes_are_folders_in_the_order_of_their_names_and_pixels_are_kept(folder):
    path = four(folder)
    folder("train/a/notes.txt", b"no image")
    folder("train/.hidden/z.png", pixels(9))
    source = load(path)
    assert source.classes == 2
    assert source.train.y.tolist() == [0, 0, 1, 1]
    expected = [pixels(i).transpose(2, 0, 1) for i in (3, 2, 1, 0)]  # a/deep/y, a/x, b/10, b/2
    np.testing.assert_array_equal(source.train.x, expected)


@pytest.mark.parametrize("ending", ["png", "bmp", "gif", "webp", "tiff", "jpg", "PNG"])
def test_any_format_is_read(folder, ending):
    smooth = np.linspace(0, 255, 64).reshape(8, 8).astype(np.uint8)
    for name in "ab":
        path = folder(f"train/{name}/1.{ending}", smooth)
    found = load(path, color="grey").train.x[0, 0].numpy().astype(int)
    assert np.abs(found - smooth).max() <= 12  # exact, but for JPEG and WebP


def test_grey_images_are_one_channel_unless_one_of_them_is_in_colour(folder):
    path = four(folder, channels=0)
    assert load(path).train.x.shape == (4, 1, 6, 5)
    assert load(path, color="rgb").train.x.shape == (4, 3, 6, 5)
    folder("train/b/3.png", pixels(7))
    mixed = load(path).train.x
    assert mixed.shape == (5, 3, 6, 5)
    np.testing.assert_array_equal(mixed[0, 0], mixed[0, 2])
    assert load(path, color="grey").train.x.shape == (5, 1, 6, 5)


def test_a_grey_training_folder_makes_the_test_folder_grey(folder):
    assert load(four(folder, channels=0), four(folder, "test")).test.x.shape == (4, 1, 6, 5)


def test_images_with_palettes_transparency_and_16_bits_are_read(folder):
    rgba = np.dstack([pixels(0), np.full((6, 5), 255, np.uint8)])
    path = folder("train/a/alpha.png", rgba)
    folder("train/a/palette.gif", Image.fromarray(pixels(1)).quantize(256))
    folder("train/b/deep.png", (pixels(2, channels=0).astype(np.uint16) * 257))
    images = load(path).train.x
    np.testing.assert_array_equal(images[0], pixels(0).transpose(2, 0, 1))
    np.testing.assert_array_equal(images[1], pixels(1).transpose(2, 0, 1))
    np.testing.assert_array_equal(images[2, 0], pixels(2, channels=0))


def test_a_photograph_taken_sideways_is_turned_upright(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    image = Image.fromarray(pixels(0))
    folder("train/a/1.png", image)
    path = folder("train/b/1.png", image)
    image.save(f"{path}/b/1.png", exif=exif)
    with pytest.raises(UsageError, match=r"5×6 pixels, but 1\.png 6×5; set data\.size"):
        load(path)
    assert load(path, size=4).train.x.shape == (2, 3, 4, 4)


@pytest.mark.parametrize(("size", "shape"), [(4, (4, 4)), ([3, 7], (3, 7)), (12, (12, 12))])
def test_images_are_scaled_to_a_size(folder, size, shape):
    path = four(folder)
    folder("train/b/large.png", np.full((40, 30, 3), 77, np.uint8))
    images = load(path, size=size).train.x
    assert images.shape == (5, 3, *shape)
    assert (images[-1] == 77).all()


def test_large_photographs_are_scaled_as_exactly_as_it_shows(folder):
    ramp = np.linspace(0, 255, 512).astype(np.uint8)
    image = Image.fromarray(np.tile(ramp, (512, 1)))
    for name in "ab":
        path = folder(f"train/{name}/1.jpg", image)
    found = load(path, size=16).train.x[0, 0].float()
    expected = torch.from_numpy(ramp.astype(np.float32)).view(16, 32).mean(1)
    assert (found - expected).abs().max() < 4


def test_bytes_become_standardized_floats(folder):
    data = divide(load(four(folder), four(folder, "test")), Division())
    assert data.train.x.dtype == torch.float32
    assert data.kind == "images"
    torch.testing.assert_close(data.train.x.mean((0, 2, 3)), torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(data.train.x.std((0, 2, 3), correction=0), torch.ones(3))


def nothing(folder):
    return "nowhere"


def one_class(folder):
    return folder("train/a/1.png", pixels(0))


def empty_class(folder):
    (folder_path := four(folder))
    folder("train/c/readme.txt", b"none")
    return folder_path


def broken(folder):
    folder("train/a/broken.jpg", b"not a JPEG at all")
    return four(folder)


def cut_short(folder):
    path = four(folder, height=64, width=64)
    file = f"{path}/a/x.png"
    with open(file, "rb") as whole:
        content = whole.read()
    folder("train/a/x.png", content[: len(content) // 2])
    return path


def sizes(folder):
    folder("train/a/wide.png", pixels(0, width=9))
    return four(folder)


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (nothing, {}, "data.path=nowhere: there is no such folder"),
        (one_class, {}, "must hold a folder of images for each of at least two classes"),
        (empty_class, {}, "the folder of the class 'c' holds no images"),
        (broken, {}, "a/broken.jpg: cannot be read as an image (cannot identify image file"),
        (cut_short, {}, "a/x.png: cannot be read as an image ("),
        (sizes, {}, "wide.png 9×6; set data.size, as data.size=32"),
        (four, {"size": 0}, "data.size=0: must be a number of pixels, or [height,width], or null"),
        (four, {"size": [1, 2, 3]}, "data.size=[1, 2, 3]: must be"),
        (four, {"color": "blue"}, "data.color=blue: must be one of auto, grey, rgb"),
    ],
)
def test_folders_that_cannot_be_used_are_described_in_one_line(folder, make, options, words):
    with pytest.raises(UsageError) as complaint:
        load(make(folder), **options)
    assert words in str(complaint.value)
    assert "\n" not in str(complaint.value)


def test_a_class_that_training_lacks_is_named(folder):
    folder("test/zebra/1.png", pixels(0))
    with pytest.raises(UsageError, match="holds the class 'zebra', which the training data do not have"):
        load(four(folder), four(folder, "test"))


def test_a_test_folder_of_another_size_is_refused(folder):
    with pytest.raises(UsageError, match=r"its images are of another size; set data.size"):
        load(four(folder), four(folder, "test", width=8))


def test_a_folder_of_images_is_trained_on_from_the_command_line(regab, folder):
    for i in range(20):
        path = folder(f"train/{'ab'[i % 2]}/{i}.png", pixels(i))
    words = ("data=image_folder", f"data.path={path}", "epochs=1", "curves=false", "model.channels=[2]")
    assert "test accuracy" in regab("train", *words).out
    assert "test accuracy" in regab("train", *words, f"data.test_path={path}", "data.size=8").out
    folder("train/a/bad.png", b"")
    wrong = regab("train", *words, "data.size=7")  # in this process, data once read stay
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)
    assert "a/bad.png: cannot be read as an image" in wrong.err


@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no {PHOTOS}")
def test_photographs_are_read_as_pillow_reads_them():
    source = load(str(PHOTOS / "test"))
    assert source.train.x.shape == (1000, 3, 32, 32)
    assert torch.bincount(source.train.y).tolist() == [100] * 10
    first = next(iter(sorted((PHOTOS / "test" / "airplane").iterdir())))
    np.testing.assert_array_equal(source.train.x[0], np.asarray(Image.open(first)).transpose(2, 0, 1))
