"""Paths of data with a tilde: a home folder, a name, or neither."""

import numpy as np
import pytest

from regab.data import arrays, folder, series, table, text, text_lines, vision
from regab.data.inputs.place import place
from regab.errors import UsageError

LOADERS = {
    "table": lambda path: table.load(path, "y"),
    "text": text.load,
    "text_lines": text_lines.load,
    "arrays": arrays.load,
    "folder": folder.load,
    "series": lambda path: series.load(path, "id", "t", "y"),
    "vision": lambda path: vision.load("MNIST", path, False),
}


@pytest.mark.parametrize("kind", LOADERS)
def test_the_home_of_nobody_has_no_data(kind):
    with pytest.raises(UsageError, match=r"^data\.(path|root)=~nobody_at_all/x: "):
        LOADERS[kind]("~nobody_at_all/x")


def test_a_file_may_be_called_with_a_tilde_or_be_at_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    for name in ("~a.npz", "home/b.npz"):
        np.savez(name, x=np.arange(40.0).reshape(20, 2), y=np.arange(20) % 2)
    assert len(arrays.load("~a.npz").train) == len(arrays.load("~/b.npz").train) == 20
    assert str(place("~/b.npz")) == str(tmp_path / "home/b.npz")
