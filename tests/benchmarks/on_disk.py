"""A folder of images three times as large as its room in memory, and in memory: ``python -m tests.benchmarks.on_disk``.

1,500 images of 128×128 pixels (0.3 GB as floats) train a network of one layer with ``stack.memory=auto`` and 0.1 (GB).
The most memory that no file backs (what the system can drop whenever it needs room is left out), read fifty times a
second, and seconds per epoch, the least of two; three times, interleaved.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.memory import anonymous, peak

IMAGES, PIXELS = 1500, 128


def make(folder: Path) -> Path:
    """Noise in two classes, as files that need no decoding."""
    for number in range(IMAGES):
        file = folder / "ab"[number % 2] / f"{number}.bmp"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (PIXELS, PIXELS, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
    return folder


def train(images: Path, memory: str, folder: Path, epochs: int = 3) -> tuple[int, float]:
    """Peak of memory in bytes, and seconds per epoch but the first."""
    words = [sys.executable, "-m", "regab", "train", "data=image_folder", f"data.path={images}", f"epochs={epochs}"]
    words += ["data.val_fraction=0.1", "model=mlp", "model.widths=[64]", "stack.workers=0"]
    most = peak([*words, f"stack.memory={memory}", f"hydra.run.dir={folder}"], anonymous, every=0.02)
    with (folder / "metrics.csv").open(newline="") as file:
        return most, min(float(row["seconds"]) for row in [*csv.DictReader(file)][1:])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        images = make(Path(folder, "images"))
        for time_ in range(3):
            for memory in ("auto", "0.1"):
                most, seconds = train(images, memory, Path(folder, f"{memory}_{time_}"))
                print(f"stack.memory={memory:5} {most / 1e6:6.0f} MB {seconds:6.2f} s per epoch", flush=True)


if __name__ == "__main__":
    main()
