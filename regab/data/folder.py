"""Images in folders, one folder per class."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.scaling import Encode, standardize
from regab.data.split import Source, Split
from regab.errors import UsageError

COLORS = ("auto", "grey", "rgb")


def load(path: str, test_path: str | None = None, size: Any = None, color: str = "auto") -> Source:
    """Images ``[N, C, H, W]`` of any format that Pillow reads, from ``path/<class>/…/<image>``.

    ``size``: pixels, or ``[height, width]``, to which every image is scaled whatever its shape; None where all have the
    same size already. ``color``: ``grey``, ``rgb``, or ``auto`` for grey if all training images are. Classes are
    numbered in the order of their names; files that are no images by their names are passed over. Each image is decoded
    once and kept in memory as bytes. Raises UsageError for an image that cannot be read, folders that hold none, and
    classes that only the test folder has.
    """
    shape = _shape(size)
    if color not in COLORS:
        raise UsageError(f"data.color={color}: must be one of {', '.join(COLORS)}")
    classes = _classes("data.path", path)
    if len(classes) < 2:
        raise UsageError(f"data.path={path}: must hold a folder of images for each of at least two classes")
    folders = [("data.path", path)] if test_path is None else [("data.path", path), ("data.test_path", test_path)]
    parts = []
    for key, folder in folders:
        files, y = _labelled(key, folder, list(classes))
        images = _decode(key, files, shape, color)
        color = color if color != "auto" else ("grey" if images.shape[1] == 1 else "rgb")
        parts.append(Split(images, y))
    if test_path is not None and parts[1].x.shape[2:] != parts[0].x.shape[2:]:
        raise UsageError(f"data.test_path={test_path}: its images are of another size; set data.size, as data.size=32")
    return Source(parts[0], len(classes), (*parts, None)[1], fit)


def fit(train: Tensor) -> tuple[Encode, dict[str, Any]]:
    """Bytes to numbers between 0 and 1, standardized per channel."""
    encode, given = standardize(_to_floats(train))
    return lambda images: encode(_to_floats(images)), given


def _to_floats(images: Tensor) -> Tensor:
    return images.float().div_(255)


def _shape(size: Any) -> tuple[int, int] | None:
    pair = size if isinstance(size, list) else [size, size]
    if size is None:
        return None
    if len(pair) != 2 or not all(type(side) is int and side > 0 for side in pair):
        raise UsageError(f"data.size={size}: must be a number of pixels, or [height,width], or null")
    return pair[0], pair[1]


def _classes(key: str, path: str) -> list[str]:
    root = Path(path).expanduser()
    if not root.is_dir():
        raise UsageError(f"{key}={path}: there is no such folder")
    return sorted(folder.name for folder in root.iterdir() if folder.is_dir() and folder.name[0] != ".")


def _labelled(key: str, path: str, classes: list[str]) -> tuple[list[Path], Tensor]:
    from PIL import Image

    endings, files, y = set(Image.registered_extensions()), [], []
    for name in _classes(key, path):
        if name not in classes:
            raise UsageError(f"{key}={path}: holds the class {name!r}, which the training data do not have")
        folder = Path(path).expanduser() / name
        found = sorted(file for file in folder.rglob("*") if file.suffix.lower() in endings and file.name[0] != ".")
        if not found:
            raise UsageError(f"{key}={path}: the folder of the class {name!r} holds no images")
        files += found
        y += [classes.index(name)] * len(found)
    if not files:
        raise UsageError(f"{key}={path}: holds no folders of images")
    return files, torch.tensor(y)


def _decode(key: str, files: list[Path], shape: tuple[int, int] | None, color: str) -> Tensor:
    """``[N, C, H, W]`` bytes. Decoding happens outside Python's lock, so threads help."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        images = list(pool.map(partial(_read, key, shape, color), files))
    if color == "auto":
        channels = max(len(image) for image in images)
        images = [image if len(image) == channels else np.repeat(image, channels, 0) for image in images]
    for file, image in zip(files, images, strict=True):
        if image.shape != images[0].shape:
            sizes = [f"{a.shape[2]}×{a.shape[1]}" for a in (images[0], image)]
            first = f"{files[0].name} has {sizes[0]} pixels, but {file.name} {sizes[1]}"
            raise UsageError(f"{key}={file.parent.parent}: {first}; set data.size, as data.size=32")
    return torch.from_numpy(np.stack(images))


def _read(key: str, shape: tuple[int, int] | None, color: str, file: Path) -> np.ndarray:
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as image:
            if shape is not None:
                image.draft(None, (shape[1], shape[0]))  # JPEG's decoder can leave out what scaling would
            image = ImageOps.exif_transpose(image)
            grey = color == "grey" or (color == "auto" and image.mode[0] in "1LI")
            if image.mode[0] == "I":  # 16 bits
                image = Image.fromarray((np.asarray(image) / 257).round().astype(np.uint8))
            image = image.convert("L" if grey else "RGB")
            if shape is not None and image.size != (shape[1], shape[0]):
                image = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
            pixels = np.asarray(image)
    except Exception as error:  # Pillow's readers fail in many ways on a broken file
        reason = " ".join(f"{error}".split()) or type(error).__name__
        raise UsageError(f"{key}: {file}: cannot be read as an image ({reason})") from error
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
