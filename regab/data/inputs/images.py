"""Decoding images of any kind: their depth, transparency, orientation and size."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from regab.data.inputs.depth import Depth
from regab.data.inputs.on_disk import CHUNK, OnDisk
from regab.data.inputs.room import room
from regab.errors import UsageError
from regab.processes import cores

COLORS = ("auto", "grey", "rgb")
BACKGROUNDS: dict[str, Any] = {"white": 255, "black": 0, "ignore": None}
GREY = "1LIF"  # how the modes of images without colour begin
STUBS = ("MPEG", "BUFR", "GRIB", "HDF5")  # what Pillow knows by name and cannot decode
NO_CLASSES = ("__MACOSX", "__pycache__")  # folders that programs leave behind
DEEP = ("I", "F")  # how the modes of images of 16 and 32 bits begin
IN_MEMORY = 6  # bytes that a pixel may take there: as decoded, in its part of the data, and as a float


@dataclass(frozen=True)
class Kind:
    """How images are to be read: ``shape`` is (height, width) or None, the others as the options are called."""

    key: str
    shape: tuple[int, int] | None
    color: str = "auto"
    alpha: str = "white"

    def __post_init__(self) -> None:
        for name, known in (("color", COLORS), ("alpha", tuple(BACKGROUNDS))):
            if getattr(self, name) not in known:
                raise UsageError(f"data.{name}={getattr(self, name)}: must be one of {', '.join(known)}")

    def of_channels(self, channels: int) -> Kind:
        """The same for images that are to be as grey, or as colourful, as others are."""
        return replace(self, color="grey" if channels == 1 else "rgb")


class Decoded(NamedTuple):
    """Images ``[N, C, H, W]``: bytes, or floats from 0 to 1; the depth of deep ones, and how many had more frames.

    They are a tensor, or ``OnDisk`` where there is no room for one.
    """

    images: Any
    depth: Depth | None
    animated: int


class Picture(NamedTuple):
    """An image of Pillow's, as a file that is open already, and its ``name``."""

    image: Any
    name: str

    def __str__(self) -> str:
        return self.name


def decode(files: list[Any], kind: Kind, depth: Depth | None = None, shape: tuple[int, ...] = ()) -> Decoded:
    """Images of one size, of paths, open files with a name, or ``Picture``s. ``depth`` and ``shape`` ``[C, H, W]`` are
    those of the training images, if these are others.

    Decoding happens outside Python's lock, so threads help. Deep images are read twice, first for their range. Raises
    UsageError for an image that cannot be read, and for images of several sizes.
    """
    if len(files) * IN_MEMORY * _pixels(files[0], kind) > room():
        return _on_disk(files, kind, depth, shape)
    with ThreadPoolExecutor(cores()) as pool:
        read = list(pool.map(partial(_read, kind, depth), files))
        ranges = [pixels for pixels, _ in read if isinstance(pixels, Depth)]
        if ranges:
            depth = Depth.of(ranges)
            read = list(pool.map(partial(_read_again, kind, depth), files, read))
    images: list[Any] = [pixels for pixels, _ in read]
    if any(image.dtype != np.uint8 for image in images):
        images = [*map(_float, images)]
    if kind.color == "auto":
        channels = max(len(image) for image in images)
        images = [image if len(image) == channels else np.repeat(image, channels, 0) for image in images]
    _check_sizes(files, images, kind.key, shape)
    return Decoded(torch.from_numpy(np.stack(images)), depth, sum(animated for _, animated in read))


def _pixels(file: Any, kind: Kind) -> int:
    height, width = kind.shape or (0, 0)
    if kind.shape is None:
        with suppress(Exception), _opened(file) as opened:  # decoding will say what is wrong
            width, height = opened.size
    return height * width * (1 if kind.color == "grey" else 3)


def _on_disk(files: list[Any], kind: Kind, depth: Depth | None, like: tuple[int, ...]) -> Decoded:
    """As ``decode``, some at a time, after a look at what kind they all are."""
    with ThreadPoolExecutor(cores()) as pool:
        modes = [*pool.map(partial(_mode, kind.key), files)]
        deep = [file for file, mode in zip(files, modes, strict=True) if mode.startswith(DEEP)]
        if deep and depth is None:
            depth = Depth.of(
                [found for found, _ in pool.map(partial(_read, kind, None), deep) if isinstance(found, Depth)]
            )
        if kind.color == "auto":
            kind = replace(kind, color="grey" if all(mode[0] in GREY for mode in modes) else "rgb")
        first: Any
        (first, _), animated = _read(kind, depth, files[0]), 0
        floats = bool(deep and depth and not depth.as_bytes)
        shape = torch.Size([len(files), *first.shape])
        store = OnDisk(shape, torch.float32 if floats else torch.uint8, _where(kind.key, files[0]))
        for start in range(0, len(files), step := max(1, CHUNK // first.size)):
            part = files[start : start + step]
            read: list[tuple[Any, bool]] = [*pool.map(partial(_read, kind, depth), part)]
            images = [_float(image) if floats else image for image, _ in read]
            _check_sizes([files[0], *part], [first, *images], kind.key, like)
            store.append(np.stack(images))
            animated += sum(more for _, more in read)
    return Decoded(store, depth, animated)


def _opened(file: Any) -> AbstractContextManager[Any]:
    from PIL import Image

    return nullcontext(file.image) if isinstance(file, Picture) else Image.open(file)


def _mode(key: str, file: Any) -> str:
    try:
        with _opened(file) as opened:
            return opened.mode
    except Exception as error:
        raise _unreadable(key, file, error) from error


def _unreadable(key: str, file: Any, error: Exception) -> UsageError:
    """Of Pillow's readers, which fail in many ways on a broken file."""
    reason = " ".join(f"{error}".split()) or type(error).__name__
    return UsageError(f"{key}: {file}: cannot be read as an image ({reason})")


def _float(image: np.ndarray) -> np.ndarray:
    return image if image.dtype != np.uint8 else image.astype(np.float32) / 255


def _check_sizes(files: list[Any], images: list[Any], key: str, shape: tuple[int, ...]) -> None:
    for file, image in zip(files, images, strict=True):
        if shape and image.shape != shape:
            sizes = [f"{a[2]}×{a[1]}" for a in (image.shape, shape)]
            raise UsageError(f"{key}: {file} has {sizes[0]} pixels, but the images of training had {sizes[1]}")
        if image.shape != images[0].shape:
            sizes = [f"{a.shape[2]}×{a.shape[1]}" for a in (images[0], image)]
            first = f"{files[0].name} has {sizes[0]} pixels, but {file.name} {sizes[1]}"
            raise UsageError(f"{_where(key, file)}: {first}; set data.size, as data.size=32")


def _where(key: str, file: Any) -> str:
    return f"{key}={file.parent.parent}" if isinstance(file, Path) else key


def _read_again(kind: Kind, depth: Depth, file: Path, read: tuple[Any, bool]) -> tuple[Any, bool]:
    return _read(kind, depth, file) if isinstance(read[0], Depth) else read


def _read(kind: Kind, depth: Depth | None, file: Any) -> tuple[np.ndarray | Depth, bool]:
    """``[C, H, W]``, or the range of a deep image where no depth is known; and whether the image has more frames."""
    from PIL import Image, ImageOps

    try:
        with _opened(file) as opened:
            animated = getattr(opened, "is_animated", False)
            if kind.shape is not None and not isinstance(file, Picture):
                opened.draft(None, (kind.shape[1], kind.shape[0]))  # JPEG's decoder can leave out what scaling would
            image = ImageOps.exif_transpose(opened)
            grey = kind.color == "grey" or (kind.color == "auto" and image.mode[0] in GREY)
            if image.mode.startswith(DEEP):
                if depth is None:
                    return _range(image), animated
                image = Image.fromarray(depth(np.asarray(image, dtype=np.float64)))
            image = _opaque(image, kind.alpha)
            pixels = _scaled(image, grey, kind.shape)
    except Exception as error:
        raise _unreadable(kind.key, file, error) from error
    return pixels, animated


def _range(image: Any) -> Depth:
    pixels = np.asarray(image)
    if not np.isfinite(pixels).all():
        raise ValueError("some of its pixels are no finite numbers")
    return Depth(float(pixels.min()), float(pixels.max()), pixels.dtype.kind in "iu")


def _opaque(image: Any, alpha: str) -> Any:
    """The image before a background, if any of it is transparent."""
    from PIL import Image

    transparent = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    if not transparent or BACKGROUNDS[alpha] is None:
        return image
    grey = image.mode[0] == "L"
    image = image.convert("RGBA")
    behind = Image.new("RGBA", image.size, (*[BACKGROUNDS[alpha]] * 3, 255))
    return Image.alpha_composite(behind, image).convert("L" if grey else "RGB")


def _scaled(image: Any, grey: bool, shape: tuple[int, int] | None) -> np.ndarray:
    from PIL import Image

    if image.mode != "F":
        image = image.convert("L" if grey else "RGB")
    if shape is not None and image.size != (shape[1], shape[0]):
        image = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    if pixels.ndim == 3:
        return pixels.transpose(2, 0, 1)
    return pixels[None] if grey else np.repeat(pixels[None], 3, 0)


def image_endings() -> set[str]:
    """How the names of files end that Pillow can decode."""
    from PIL import Image

    return {e for e, name in Image.registered_extensions().items() if name in Image.OPEN and name not in STUBS}


def visible(file: Path, folder: Path) -> bool:
    """Whether a file in a folder is meant to be seen."""
    return not any(part[0] == "." or part in NO_CLASSES for part in file.relative_to(folder).parts)
