"""Use 8: somebody has a torch Dataset of their own that decodes and augments on the fly."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

MINE = """
import torch
from torch.utils.data import Dataset

class Images(Dataset):
    def __init__(self, first, count, augment):
        self.first, self.count, self.augment = first, count, augment
    def __len__(self):
        return self.count
    def __getitem__(self, i):
        label = (self.first + i) % 3
        image = torch.zeros(1, 8, 8)
        image[:, 2 * label : 2 * label + 3] = 1
        image += 0.3 * torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(self.first + i))
        if self.augment and torch.rand(()) < 0.5:
            image = image.flip(-1)
        return image, label

def load():
    return Images(0, 150, True), Images(150, 60, False), Images(210, 60, False)

def plain():
    return Images(0, 150, False), Images(150, 60, False), Images(210, 60, False)
"""
WORDS = ("model=cnn", "model.channels=[4]", "epochs=2", "device=cpu", "stack.workers=0")


def test_a_data_set_that_draws_is_streamed_and_two_sweeps_of_it_are_equal(regab, tmp_path, monkeypatch):
    (tmp_path / "images_8.py").write_text(MINE)
    tables = []
    for name in ("one", "two"):
        words = ("data._target_=images_8.load", f"hydra.sweep.dir={name}", "reg.dropout=0,0.5", "seed=0,1")
        done = regab("train", "-m", *WORDS, *words)
        assert done.code == 0, done.err
        tables.append(pd.read_csv(f"{name}/results.csv").drop(columns=["folder", "seconds"], errors="ignore"))
    numbers = [table.loc[:, [c for c in table if "seconds" not in c]] for table in tables]
    pd.testing.assert_frame_equal(*numbers)


def test_a_data_set_kept_in_memory_gives_what_its_stream_gives(regab, tmp_path):
    (tmp_path / "images_8b.py").write_text(MINE)
    found = []
    for words in ((), ("stack.memory=0",)):
        done = regab("train", *WORDS, "data._target_=images_8b.plain", *words)
        assert done.code == 0, done.err
        found.append(pd.read_csv(done.folder / "metrics.csv").drop(columns="seconds"))
    pd.testing.assert_frame_equal(*found)
