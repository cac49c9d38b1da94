"""Use 14: somebody segments images, trains an autoencoder, or a language model; and 15: has a loss of their own."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow
MINE = '''
from dataclasses import dataclass

import torch

from regab.tasks.base import Task
from regab.tasks.classification import Classification
from regab.tasks.regression import Regression


@dataclass(kw_only=True)
class Contrastive(Classification):
    """Supervised contrastive loss (Khosla et al. 2020) of embeddings."""

    width: int = 8
    temperature: float = 0.2
    metrics = ()
    minimizes = "supervised contrastive loss"

    def outputs(self, y, classes):
        return self.width

    def check(self, y, outputs):
        pass

    def targets(self, y, outputs):
        return y

    def loss(self, outputs, targets):  # [runs, batch, width], [runs, batch]
        return self.each(outputs, targets, self.temperature).mean(1)

    def losses(self, outputs, y):
        return self.each(outputs, y.expand(len(outputs), -1), torch.full((len(outputs),), 0.2))

    def each(self, outputs, y, temperature):
        z = torch.nn.functional.normalize(outputs, dim=-1)
        itself = torch.eye(z.shape[1], dtype=torch.bool)
        near = (z @ z.transpose(1, 2) / temperature[:, None, None]).masked_fill(itself, -1e9)
        positive = (y[:, :, None] == y[:, None]) & ~itself
        log_p = near - near.logsumexp(-1, keepdim=True)
        return -(log_p * positive).sum(-1) / positive.sum(-1).clamp(min=1)


@dataclass(kw_only=True)
class Ranking(Regression):
    """Hinge loss of pairs in a batch: the higher target should have the higher output."""

    margin: float = 0.1
    metrics = ("spearman",)
    minimizes = "pairwise hinge loss"

    def loss(self, outputs, targets):  # [runs, batch, 1] each
        gap = outputs - outputs.transpose(1, 2)
        order = (targets - targets.transpose(1, 2)).sign()
        return (self.margin[:, None, None] - order * gap).clamp(min=0).mean((1, 2))

    def losses(self, outputs, y):
        gap, order = outputs - outputs.transpose(1, 2), (y[:, None] - y[None]).sign()
        return (0.1 - order * gap).clamp(min=0).mean(2)
'''
QUICK = ("epochs=3", "device=cpu", "--seeds", "3")


def test_images_are_segmented_from_a_file_of_arrays(regab, tmp_path):
    random = np.random.default_rng(0)
    x = random.integers(0, 120, (80, 16, 16, 3)).astype(np.uint8)
    y = np.zeros((80, 16, 16), np.uint8)
    for picture, labels in zip(x, y, strict=True):
        top, left, which = *random.integers(0, 9, 2), random.integers(1, 3)
        picture[top : top + 7, left : left + 7, which] = 200
        labels[top : top + 7, left : left + 7] = which
    np.savez(tmp_path / "shapes.npz", x=x, y=y)
    words = ("data=arrays", "data.path=shapes.npz", "model=unet", "model.channels=[8,8]", "optimizer.lr=0.01")
    sweep = regab("train", "-m", *words, *QUICK, "task.class_weights=none,balanced", "task=segmentation")
    assert sweep.code == 0, sweep.err
    assert "test mean IoU" in sweep.out


def test_an_autoencoder_is_trained_on_digits(regab):
    words = ("data=digits", "task=reconstruction", "model=mlp", "model.widths=[32,8,32]")
    sweep = regab("train", "-m", *words, *QUICK, "reg.input_noise=0,0.5")
    assert sweep.code == 0, sweep.err
    assert "test R²" in sweep.out


@pytest.mark.parametrize("tokens", ["bytes", "words"])
def test_a_language_model_is_trained_on_a_text(regab, tmp_path, tokens):
    (tmp_path / "story.txt").write_text("The cat sat on the mat. The dog lay by the log.\n" * 60)
    words = ("data=text_lines", "data.path=story.txt", f"data.tokens={tokens}", "data.length=16", "model.width=16")
    sweep = regab("train", "-m", *words, "model=causal_transformer", *QUICK, "reg.dropout=0,0.2")
    assert sweep.code == 0, sweep.err
    assert "test perplexity" in sweep.out


@pytest.mark.parametrize(
    ("task", "data", "number", "measured"),
    [
        ("Contrastive", "digits", "task.temperature=0.1,0.5", "test loss"),
        ("Ranking", "diabetes", "task.margin=0.05,0.5", "test Spearman"),
    ],
)
def test_a_contrastive_and_a_ranking_loss_of_ones_own_are_swept(regab, tmp_path, task, data, number, measured):
    (tmp_path / f"losses_{task.lower()}.py").write_text(MINE)
    words = (f"data={data}", "data.n_train=200", "model=mlp", "model.widths=[16]")
    sweep = regab("train", "-m", *words, f"task._target_=losses_{task.lower()}.{task}", *QUICK, number)
    assert sweep.code == 0, sweep.err
    assert measured.lower() in sweep.out.lower()
