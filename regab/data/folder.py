"""Images in folders, one folder per class."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from regab.data.inputs.depth import Depth
from regab.data.inputs.examples import gather
from regab.data.inputs.images import NO_CLASSES, Decoded, Kind, decode, image_endings, visible
from regab.data.inputs.on_disk import OnDisk
from regab.data.inputs.place import place
from regab.data.inputs.scaling import Encode, Standard
from regab.data.split import Source, Split
from regab.data.tables.keys import grouped_by, in_both
from regab.data.unseen.images import Images
from regab.errors import UsageError

PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev"}
SHOWN = 3
TOGETHER = 64  # images of which moments are taken at a time
CACHED = 2**17  # numbers that are encoded at a time: by three operations within a core's cache


def load(
    path: str,
    test_path: str | None = None,
    size: Any = None,
    color: str = "auto",
    alpha: str = "white",
    group: str | None = None,
) -> Source:
    """Images ``[N, C, H, W]`` of any format that Pillow reads, from ``path/<class>/…/<image>``.

    ``size``: pixels, or ``[height, width]``, to which every image is scaled whatever its shape; None where all have the
    same size already. ``color``: ``grey``, ``rgb``, or ``auto`` for grey if all training images are. ``alpha``: what
    transparent pixels stand before, ``white`` or ``black``; with ``ignore``, their colour alone counts. Photographs are
    turned upright as their EXIF data say, of animations the first frame is taken. Images of more than 8 bits are scaled
    by the bits that the training images use (see ``Depth``). Classes are numbered in the order of their names; hidden
    files and folders are passed over, and so, with a word, are files that are no images by their names. Each image is
    decoded once, and kept in memory, or where that is too small in a file without a name. ``group`` is a regular
    expression: images in whose ``<class>/…/<image>`` it finds the same (its first group, if it has one) stay in one
    part of the data. Raises UsageError for an image that cannot be read, folders that hold none, and classes that only
    the test folder has.
    """
    kind = Kind("data.path", shape_of(size), color, alpha)
    classes = _classes("data.path", path)
    if len(classes) < 2:
        raise UsageError(f"data.path={path}: must hold a folder of images for each of at least two classes")
    if parts := _parts_among(classes):
        words = f"holds {' and '.join(parts)}, which are no classes; set data.path and data.test_path to these folders"
        raise UsageError(f"data.path={path}: {words}")
    groups = _groups(group, "data.path", path, classes)
    train, found, said = _part(path, classes, kind)
    test = None
    if test_path is not None:
        kind = replace(kind.of_channels(train.x.shape[1]), key="data.test_path")
        test, _, more = _part(test_path, classes, kind, found.depth)
        said += (*more, *in_both(groups, _groups(group, "data.test_path", test_path, classes)))
        if test.x.shape[2:] != train.x.shape[2:]:
            words = "its images are of another size; set data.size, as data.size=32"
            raise UsageError(f"data.test_path={test_path}: {words}")
    names = tuple(classes)
    said = (_summary(train, names, found.depth), *said)
    reader = Images(list(train.x.shape[1:]), classes, kind.shape is not None, alpha, found.depth and [*found.depth])
    return Source(train, len(classes), test, fit, said=said, names=names, groups=groups, reader=reader)


def _parts_among(classes: list[str]) -> list[str]:
    """Folders that are parts of data by their names, as ``train`` and ``val``, or ``seg_train`` and ``seg_test``."""
    named: dict[tuple[str, ...], dict[str, str]] = {}
    for name in classes:
        words = re.findall("[a-z]+|[0-9]+", name.lower())
        for word in PARTS.intersection(words):
            others = tuple(other for other in words if other != word)
            named.setdefault(others, {})[word] = name
    return sorted(next((parts for parts in named.values() if len(parts) > 1), {}).values())


def _groups(pattern: str | None, key: str, path: str, classes: list[str]) -> list[str] | None:
    if pattern is None:
        return None
    root = place(path)
    return grouped_by(pattern, [file.relative_to(root).as_posix() for file in _labelled(key, path, classes)[0]])


@dataclass
class Pixels:
    """Bytes to numbers between 0 and 1, and these by ``scale``."""

    scale: Standard

    def back(self, encoded: Tensor) -> Tensor:
        """Numbers between 0 and 1."""
        return self.scale.back(encoded)

    def __call__(self, images: Any) -> Any:
        if isinstance(images, OnDisk):
            return images.encoded(self)
        encoded, together = torch.empty(images.shape), max(1, CACHED // math.prod(images.shape[1:]))
        for part, now in zip(images.split(together), encoded.split(together), strict=True):
            now.copy_(part)
            self.scale.in_place(now if images.is_floating_point() else now.div_(255))
        return encoded


def fit(train: Any) -> tuple[Encode, dict[str, Any]]:
    """Bytes to numbers between 0 and 1, standardized per channel.

    Moments are of sums over parts of a fixed size (exact, of bytes), so that they are the same in memory and on disk.
    """
    channels, axes = (1, train.shape[1], 1, 1), (0, 2, 3)
    total, squares = (torch.zeros(channels, dtype=torch.float64) for _ in range(2))
    low, high = torch.full(channels, math.inf), torch.full(channels, -math.inf)
    for part in gather(train, [slice(start, start + TOGETHER) for start in range(0, len(train), TOGETHER)]):
        values = part.double()
        total += values.sum(axes, keepdim=True)
        low, high = low.minimum(part.amin(axes, keepdim=True)), high.maximum(part.amax(axes, keepdim=True))
        squares += values.square_().sum(axes, keepdim=True)
    count, unit = len(train) * math.prod(train.shape[2:]), 1 if part.is_floating_point() else 255
    mean = total / count
    variance = squares / count - mean.square()
    deviation = torch.where((low < high) & (variance > 0), variance.sqrt() / unit, 1.0)
    return Pixels(Standard((mean / unit).float(), deviation.float())), {}


def shape_of(size: Any) -> tuple[int, int] | None:
    """Height and width by the option ``size``. Raises UsageError."""
    pair = size if isinstance(size, list) else [size, size]
    if size is None:
        return None
    if len(pair) != 2 or not all(type(side) is int and side > 0 for side in pair):
        raise UsageError(f"data.size={size}: must be a number of pixels, or [height,width], or null")
    return pair[0], pair[1]


def _classes(key: str, path: str) -> list[str]:
    root = place(path)
    if not root.is_dir():
        raise UsageError(f"{key}={path}: there is no such folder")
    folders = (folder.name for folder in root.iterdir() if folder.is_dir())
    return sorted(name for name in folders if name[0] != "." and name not in NO_CLASSES)


def _part(
    path: str, classes: list[str], kind: Kind, depth: Depth | None = None
) -> tuple[Split, Decoded, tuple[str, ...]]:
    """The images of one folder, and what is to be said of them."""
    files, y, strays = _labelled(kind.key, path, classes)
    found = decode(files, kind, depth)
    said = []
    if strays:
        more = ", …" if len(strays) > SHOWN else ""
        said.append(f"{len(strays)} files skipped that are no images of a class: {', '.join(strays[:SHOWN])}{more}")
    if found.animated:
        said.append(f"{found.animated} images have several frames, of which the first is taken")
    return Split(found.images, y), found, tuple(said)


def _labelled(key: str, path: str, classes: list[str]) -> tuple[list[Path], Tensor, list[str]]:
    """Files and the numbers of their classes, and the names of other files."""
    endings = image_endings()
    root, files, y = place(path), [], []
    strays = [file.name for file in sorted(root.iterdir()) if file.is_file() and file.name[0] != "."]
    for name in _classes(key, path):
        if name not in classes:
            raise UsageError(f"{key}={path}: holds the class {name!r}, which the training data do not have")
        inside = [file for file in sorted((root / name).rglob("*")) if file.is_file() and visible(file, root / name)]
        found = [file for file in inside if file.suffix.lower() in endings]
        strays += [str(file.relative_to(root)) for file in inside if file.suffix.lower() not in endings]
        if not found:
            raise UsageError(f"{key}={path}: the folder of the class {name!r} holds no images")
        files += found
        y += [classes.index(name)] * len(found)
    if not files:
        raise UsageError(f"{key}={path}: holds no folders of images")
    return files, torch.tensor(y), strays


def _summary(train: Split, names: tuple[str, ...], depth: Depth | None) -> str:
    n, channels, height, width = train.x.shape
    counts = torch.bincount(train.y, minlength=len(names)).tolist()
    shown = [f"{name} {count}" for name, count in zip(names, counts, strict=True)]
    more = [f"{len(shown) - SHOWN} more"] if len(shown) > SHOWN else []
    deep = f", values from {depth.low:g} to {depth.high:g}" if depth else ""
    kind = "grey" if channels == 1 else "in colour"
    return f"{n} images of {width}×{height}, {kind}{deep}; {len(names)} classes ({', '.join([*shown[:SHOWN], *more])})"
