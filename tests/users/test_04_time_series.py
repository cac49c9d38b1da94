"""Use 4: somebody trains convolutions over time and a recurrent layer that wants the lengths of its sequences."""

import pytest

from tests.conftest import text_data

pytestmark = pytest.mark.slow

MINE = """
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from regab.data.split import Source, Split

def load():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(150) % 2
    x = torch.randn(150, 3, 20, generator=generator) + y[:, None, None] * torch.linspace(0, 2, 20)
    return Source(Split(x, y), classes=2)

def convolutions(in_channels, num_classes):
    return nn.Sequential(
        nn.Conv1d(in_channels, 8, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(8 * 18, num_classes)
    )

class Packed(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(vocab_size, 8), nn.LSTM(8, 16, batch_first=True)
        self.act, self.out = nn.ReLU(), nn.Linear(16, num_classes)

    def forward(self, tokens, lengths):
        packed = pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False)
        return self.out(self.act(self.lstm(packed)[1][0][0]))
"""


def test_convolutions_over_time_are_swept(regab, tmp_path):
    (tmp_path / "series_4.py").write_text(MINE)
    words = ["data._target_=series_4.load", "model._target_=series_4.convolutions", "epochs=3", "device=cpu"]
    sweep = regab("train", "-m", *words, "data.test_fraction=0.2", "reg.dropout=0,0.3", "seed=0,1")
    assert sweep.code == 0, sweep.err
    assert "reg.dropout takes over 3 (p=0.2)" in sweep.out


def test_a_packed_lstm_is_told_the_lengths_of_its_texts(regab, tmp_path):
    (tmp_path / "series_4b.py").write_text(MINE)
    words = ["data=text_csv", f"data.path={text_data()['data']['path']}", "data.test_fraction=0.2", "device=cpu"]
    words += ["model._target_=series_4b.Packed", "epochs=2"]
    sweep = regab("train", "-m", *words, "reg.dropout=0,0.3", "seed=0,1")
    assert sweep.code == 0, sweep.err
    assert "its forward is given lengths, from the padding of the texts" in sweep.out
