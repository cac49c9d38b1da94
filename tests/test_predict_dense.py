"""Predictions of what is said of pixels, tokens and whole inputs, from a run's files alone."""

import shutil

import numpy as np
import pytest
from PIL import Image

import regab as package
from regab.cli import main
from regab.errors import UsageError
from tests.predicting import fresh, same, train

SMALL = ("epochs=1", "batch_size=16")


def pixels(folder):
    """A bright square of one of two colours, where it is, and a row without a label."""
    random = np.random.default_rng(0)
    for name in ("train", "test"):
        x = random.integers(0, 120, (40, 9, 6, 3)).astype(np.uint8)
        y = np.zeros((40, 9, 6), np.uint8)
        for i in range(40):
            top, left, which = *random.integers(0, 4, 2), random.integers(1, 3)
            x[i, top : top + 4, left : left + 3, which], y[i, top : top + 4, left : left + 3] = 255, which
        y[:, 0] = 255
        np.savez(folder / f"{name}.npz", x=x, y=y)
    task = ("task=segmentation", "task.ignore=255", "model=unet", "model.channels=[4,6]")
    return ("data=arrays", *task), "test.npz"


def inputs(folder):
    random = np.random.default_rng(0)
    for name in ("train", "test"):
        np.savez(folder / f"{name}.npz", x=random.normal(3, 2, (60, 6)), y=np.arange(60) % 2)
    return ("data=arrays", "task=reconstruction", "model=mlp", "model.widths=[4]"), "test.npz"


def running(tokens):
    def write(folder):
        for name in ("train", "test"):
            lines = [f"the {['cat', 'dog', 'bird'][i % 3]} sat on the {['mat', 'log'][i % 2]} ." for i in range(90)]
            (folder / f"{name}.txt").write_text("\n".join([*lines, f"an unseen {name}"]) + "\n")
        model = ("model=causal_transformer", "model.width=8", "model.heads=2", "model.depth=1")
        return ("data=text_lines", f"data.tokens={tokens}", "data.length=16", *model), "test.txt"

    return write


def trained(folder, kind):
    words, test = kind(folder)
    files = (f"data.path={folder}/{test.replace('test', 'train')}", f"data.test_path={folder}/{test}")
    return (*train(folder, *words, *SMALL, *files), folder / test)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pixels, inputs, running("words"), running("bytes")], ids=["s", "r", "words", "bytes"])
def test_a_fresh_process_without_the_data_gets_the_metrics_of_the_run(tmp_path, kind):
    folder, measured, test = trained(tmp_path, kind)
    (tmp_path / "elsewhere").mkdir()
    moved = shutil.move(test, tmp_path / "elsewhere" / test.name)
    (tmp_path / test.name.replace("test", "train")).unlink()
    metrics, _ = fresh(folder, moved)
    same(metrics, measured)


def loaded(path):
    """The arrays of a ``.npz``, which is closed again."""
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def test_a_segmentation_is_a_map_for_each_image(tmp_path, capsys):
    folder, measured, test = trained(tmp_path, pixels)
    run, given = package.load(folder), loaded(test)
    found = run.predict(test, probabilities=True)
    same(found.attrs["metrics"], measured)
    assert (found["prediction"].shape, found["probability"].shape) == ((40, 9, 6), (40, 9, 6, 3))
    there = given["y"] != 255
    assert (found["prediction"] == given["y"])[there].mean() == pytest.approx(measured["accuracy"])
    said = np.take_along_axis(found["probability"], np.where(there, given["y"], 0)[..., None].astype(int), -1)[..., 0]
    assert -np.log(said[there]).mean() == pytest.approx(measured["loss"], rel=1e-5)
    np.testing.assert_array_equal(found.frame["share_1"], (found["prediction"] == 1).mean((1, 2)))
    np.testing.assert_array_equal(run.predict(given["x"])["prediction"], found["prediction"])
    for ending, words in ((".npz", ("--probabilities",)), (".npy", ("--out", str(tmp_path / "new.npy")))):
        with pytest.raises(SystemExit, match="0"):
            main(["predict", str(folder), str(test), *words])
        assert f"iou: {measured['iou']:.6g}" in capsys.readouterr().err
        npz = tmp_path / "test.predictions.npz"
        maps = loaded(npz)["prediction"] if ending == ".npz" else np.load(tmp_path / "new.npy")
        np.testing.assert_array_equal(maps, found["prediction"])
    (tmp_path / "photos").mkdir()
    for i, image in enumerate(given["x"]):
        Image.fromarray(image).save(tmp_path / "photos" / f"{i:02}.png")
    with pytest.raises(SystemExit, match="0"):
        main(["predict", str(folder), str(tmp_path / "photos")])
    written = loaded(tmp_path / "photos.predictions.npz")
    np.testing.assert_array_equal(written["prediction"], found["prediction"])
    assert written["file"][3].endswith("03.png")
    np.savez(test, x=given["x"], y=given["y"][:, 1:])
    with pytest.warns(UserWarning, match=r"nothing is measured: labels have the shape \[40, 8, 6\]"):
        run.predict(test)


def test_a_reconstruction_is_in_the_units_of_its_input(tmp_path):
    folder, measured, test = trained(tmp_path, inputs)
    found = package.load(folder).predict(test)
    same(found.attrs["metrics"], measured)
    x = loaded(test)["x"]
    assert found["prediction"].shape == x.shape
    scale = package.load(folder)._trained.kept.part("encoder").deviation.numpy()
    errors = (((found["prediction"] - x) / scale) ** 2).mean(1)
    np.testing.assert_allclose(found.frame["loss"], errors, rtol=1e-4)
    assert found.frame["loss"].mean() == pytest.approx(measured["loss"], rel=1e-6)


def test_a_text_has_a_row_for_each_piece(tmp_path):
    folder, measured, test = trained(tmp_path, running("words"))
    run = package.load(folder)
    with pytest.warns(UserWarning, match="tokens at the end are left out, fewer than a piece of 16"):
        found = run.predict(test)
    same(found.attrs["metrics"], measured)
    assert found["loss"].mean() == pytest.approx(measured["loss"], rel=1e-6)
    np.testing.assert_allclose(found["perplexity"], np.exp(found["loss"]))
    assert found["line"].tolist()[:3] == [1, 3, 5]  # of 8 tokens each
    line = "the cat sat on the mat ."
    one = run.predict([line, "the purple dog", "the"])
    assert one["tokens"].tolist() == [6, 2, 0]
    assert set(one["next"]) <= {*line.split(), "dog", "bird", "log", "\n", "an", "unseen", "<unknown>", "<padding>"}
    with pytest.raises(UsageError, match="text 1 has no tokens"):
        run.predict([line, " "])
    with pytest.raises(UsageError, match="a int holds no texts"):
        run.predict(3)
    with pytest.raises(UsageError, match="of task=language_modelling, predictions are a table"):
        run._trained.check(False, arrays=True)
    with pytest.raises(UsageError, match="--probabilities: is for segmentation"):
        run._trained.check(True, arrays=False)
