"""Two processes with one seed: the same metrics to the last digit, whatever the user's own code draws."""

import csv
import os
import subprocess

import pytest

from tests.conftest import python

CODE = """
import random
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset
from torchvision.transforms import v2

from regab.regularizers.base import Regularizer


def draws():
    x = torch.randn(120, 6) * np.random.rand() + random.random()
    return x.numpy(), (x.sum(1) > x.sum(1).median()).numpy()


class Pictures(Dataset):
    flip = v2.Compose([v2.RandomHorizontalFlip(), v2.ColorJitter(0.5)])

    def __len__(self):
        return 100

    def __getitem__(self, i):
        picture = torch.full((3, 8, 8), i / 100)
        picture[:, :, :4] = (i * 37 % 100) / 100
        return self.flip(picture) + np.random.normal() * random.gauss(0, 0.01), i % 2


def transforms():
    return {"train": Pictures(), "val": Pictures()}


@dataclass
class Noisy(Regularizer):
    strength: float = 0.0

    def penalty(self, logits):
        noise = torch.randn(logits.shape) * np.random.rand() * random.random()
        return self.strength * (logits * noise).mean((1, 2))
"""
BERT = ("num_hidden_layers=1", "num_attention_heads=2", "hidden_size=16", "intermediate_size=16")
KINDS = {
    "a loader": ("data._target_=theirs.draws", "model=mlp"),
    "a transform": ("data._target_=theirs.transforms", "model=cnn", "model.channels=[4]"),
    "a transform, nothing kept": (
        "data._target_=theirs.transforms",
        "model=cnn",
        "model.channels=[4]",
        "stack.memory=0",
    ),
    "a regularizer": ("reg.extra.own._target_=theirs.Noisy", "reg.extra.own.strength=0.5", "data.n_train=200"),
    "dropout of Hugging Face's": (
        *("data=text_csv", "data.path=texts.csv", "data.text=text", "data.label=label"),
        "model._target_=transformers.BertForSequenceClassification",
        "model.config._target_=transformers.BertConfig",
        *(f"model.config.{word}" for word in BERT),
        "reg.dropout=0.3",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_with_one_seed_have_the_same_metrics(tmp_path, kind):
    if "Hugging" in kind:
        pytest.importorskip("transformers")
    (tmp_path / "theirs.py").write_text(CODE)
    texts = [f"word{i % 7} {'good' if i % 2 else 'bad'} word{i % 5},{i % 2}" for i in range(100)]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label", *texts]))
    found = []
    for seed, folder in [(0, "one"), (0, "two"), (1, "other")]:
        words = ("epochs=2", f"seed={seed}", f"hydra.run.dir={folder}", *KINDS[kind])
        env = {**os.environ, "PYTHONHASHSEED": str(len(found))}
        subprocess.run(python("-m", "regab", "train", *words), cwd=tmp_path, check=True, env=env)
        with (tmp_path / folder / "metrics.csv").open() as file:
            found.append([{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)])
    assert len(found[0]) == 3
    assert found[0] == found[1] != found[2]
