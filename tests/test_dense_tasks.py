"""Tasks whose targets are of pixels, of tokens, or the inputs themselves; data and models for them."""

import bz2
import gzip
import lzma
import math

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score
from torch.nn.functional import cross_entropy, mse_loss

from regab.data import arrays, text_lines
from regab.data.split import Division, Source, Split, divide
from regab.data.text_lines import Vocabulary
from regab.data.unseen.lines import Lines
from regab.errors import UsageError
from regab.metrics.iou import IoU
from regab.models.causal_transformer import CausalTransformer
from regab.models.unet import UNet
from regab.tasks.language_modelling import LanguageModelling
from regab.tasks.reconstruction import Reconstruction
from regab.tasks.segmentation import Segmentation
from regab.training.assembly.setup import examine, set_up
from regab.training.evaluate import chunk_size
from tests.conftest import curves, same, text_data

V, B, K, CLOSE = 2, 5, 3, {"rtol": 1e-6, "atol": 1e-6}
TASK, CAUSAL = "regab.tasks", "regab.models.causal_transformer.CausalTransformer"


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pictures(n=60, size=(9, 6)):
    """A bright square of one of two channels on noise, and where it is; a row of pixels has no label."""
    random = np.random.default_rng(0)
    x = random.integers(0, 120, (n, *size, 3)).astype(np.uint8)
    y = np.zeros((n, *size), np.uint8)
    for i in range(n):
        top, left, which = *random.integers(0, 4, 2), random.integers(1, 3)
        x[i, top : top + 4, left : left + 3, which] = 230
        y[i, top : top + 4, left : left + 3] = which
    y[:, 0] = 255
    return x, y


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dense")
    x, y = pictures()
    np.savez(folder / "pictures.npz", x=x, y=y)
    words = " ".join(
        f"the {['cat', 'dog', 'bird'][i % 3]} sat on the {['mat', 'log', 'nest'][i % 3]} .\n" for i in range(150)
    )
    (folder / "story.txt").write_text(words)
    return folder


def base(small, data, model, task=None, options=None, **values):
    shares = {"val_fraction": 0.2, "test_fraction": 0.2}
    named = {"task": {"_target_": f"{TASK}.{task}", **(options or {})}} if task else {}
    return small({"data": data | shares, "model": model, "optimizer.lr": 0.02, **named} | values)


def segmenting(small, files, options=None, model=None, **values):
    data = {"_target_": "regab.data.arrays.load", "path": str(files / "pictures.npz"), "task": "segmentation"}
    model = model or {"_target_": "regab.models.unet.UNet", "channels": [4, 6]}
    return base(small, data, model, "segmentation.Segmentation", {"ignore": 255} | (options or {}), **values)


def telling(small, files, options=None, model=None, **values):
    data = {"_target_": "regab.data.text_lines.load", "path": str(files / "story.txt"), "tokens": "words", "length": 8}
    model = model or {"_target_": CAUSAL, "width": 8, "heads": 2, "depth": 1}
    return base(small, data, model, "language_modelling.LanguageModelling", options, **values)


def encoding(small, files, options=None, **values):
    model = {"_target_": "regab.models.mlp.MLP", "widths": [8]}
    return small({"task": {"_target_": f"{TASK}.reconstruction.Reconstruction"}, "model": model} | values)


RUNS = {"segmentation": segmenting, "language_modelling": telling, "reconstruction": encoding}
NUMBERS = {"segmentation": {"focus": 2.0}, "language_modelling": {"focus": 2.0}, "reconstruction": None}


def loss_of(task, outputs, y, k=K):
    task.prepare(y, k, ())
    return task.loss(outputs, task.spread(task.targets(y, k).expand(len(outputs), *y.shape), k))


@pytest.mark.parametrize("gaps", [False, True])
def test_the_loss_of_pixels_is_torchs(gaps):
    outputs, y = drawn(V, B, K, 4, 6), torch.randint(K, (B, 4, 6), generator=torch.Generator().manual_seed(0))
    y[:, 0, :2] = -1 if gaps else 0
    expected = torch.stack([cross_entropy(o, y, ignore_index=-1) for o in outputs])
    torch.testing.assert_close(loss_of(Segmentation(), outputs, y), expected, **CLOSE)
    torch.testing.assert_close(Segmentation().losses(outputs, y).mean(1), expected, **CLOSE)
    weight = torch.tensor([1.0, 3.0, 0.5])
    weighted = Segmentation(class_weights=("none", weight.tolist()))
    found = loss_of(weighted, outputs, y)
    torch.testing.assert_close(found[1], cross_entropy(outputs[1], y, weight=weight, ignore_index=-1), **CLOSE)
    torch.testing.assert_close(found[0], expected[0], **CLOSE)


def test_smoothed_labels_leave_pixels_without_a_label_out():
    outputs, y = drawn(V, B, K, 4, 6), torch.randint(K, (B, 4, 6), generator=torch.Generator().manual_seed(0))
    y[:, :2] = -1
    task = Segmentation()
    task.prepare(y, K, ())
    smooth = task.spread(y.expand(V, *y.shape), K) * 0.9 + 0.1 / K
    expected = [cross_entropy(o, y, ignore_index=-1, label_smoothing=0.1) for o in outputs]
    torch.testing.assert_close(task.loss(outputs, smooth), torch.stack(expected), **CLOSE)


def test_the_loss_of_tokens_is_torchs_and_padding_counts_nowhere():
    outputs, y = drawn(V, B, 7, K), torch.randint(1, K, (B, 7), generator=torch.Generator().manual_seed(0))
    y[0, 4:] = 0
    expected = torch.stack([cross_entropy(o.transpose(1, 2), y, ignore_index=0) for o in outputs])
    task = LanguageModelling()
    torch.testing.assert_close(loss_of(task, outputs, y), expected, **CLOSE)
    torch.testing.assert_close(task.losses(outputs, y).mean(1), expected, **CLOSE)


def test_the_loss_of_a_reconstruction_is_torchs():
    x, outputs = drawn(B, 2, 3, 4), drawn(V, B, 24, seed=1)
    task = Reconstruction()
    for shaped in (outputs, outputs.view(V, B, 2, 3, 4)):
        expected = torch.stack([mse_loss(o.flatten(1), x.flatten(1)) for o in shaped])
        torch.testing.assert_close(task.loss(shaped, task.targets(x, 24).expand(V, B, 24)), expected, **CLOSE)
        torch.testing.assert_close(task.losses(shaped, x).mean((1, 2)), expected, **CLOSE)


def test_iou_is_scikit_learns_jaccard_score():
    outputs, y = drawn(V, 300, 4), torch.randint(3, (300,), generator=torch.Generator().manual_seed(0))
    outputs[..., 3] -= 10  # a class that neither occurs nor is said
    expected = [jaccard_score(y, o.argmax(1), average="macro") for o in outputs]
    np.testing.assert_allclose(IoU().of(outputs, y), expected, rtol=1e-6)


@pytest.mark.parametrize("task", RUNS)
def test_a_dense_task_trains_and_has_the_same_numbers_alone_and_stacked(small, files, task):
    more = {"reg.dropout.rate": 0.2, "reg.ema.beta": 0.5} | ({} if task[0] == "l" else {"reg.mixup.alpha": 0.3})
    runs = [RUNS[task](small, files, NUMBERS[task], **more, seed=seed) for seed in (0, 1)]
    runs.append(RUNS[task](small, files, NUMBERS[task] and {"focus": 0.0}, **{"optimizer.lr": 0.01}))
    together = curves(*runs)
    for alone, beside in zip([curves(run)[0] for run in runs], together, strict=True):
        assert same(alone, beside)
    assert together[2]["train_loss"][-1] < together[2]["train_loss"][0]
    (plain,) = curves(RUNS[task](small, files, **{"optimizer.lr": 0.01}))
    assert same(plain, together[2])


@pytest.mark.parametrize("task", ["segmentation", "language_modelling"])
def test_methods_on_labels_act_on_pixels_and_tokens(small, files, task):
    make = RUNS[task]
    runs = [make(small, files, **{f"reg.{n}.strength": 0.2}) for n in ("label_smoothing", "confidence_penalty")]
    runs += [make(small, files), make(small, files, {"class_weights": "balanced"})]
    first = [run["train_objective"][1] for run in curves(*runs)]
    assert len({*first}) == 4


def test_methods_that_move_inputs_or_change_labels_are_refused(small, files):
    for name, strength in (("cutmix", "alpha"), ("shift_flip_crop", "shift"), ("rotate_zoom", "degrees")):
        for task in ("segmentation", "reconstruction"):
            with pytest.raises(UsageError, match=f"{name}: moves inputs about, but not the targets of a {task}"):
                examine([RUNS[task](small, files, **{f"reg.{name}.{strength}": 1.0})])
    for task in ("language_modelling", "reconstruction"):
        with pytest.raises(UsageError, match=f"label_noise=0.5: the targets of task={task} are its inputs"):
            examine([RUNS[task](small, files, **{"data.label_noise": 0.5})])
    with pytest.raises(UsageError, match="label_smoothing: is for classification"):
        examine([encoding(small, files, **{"reg.label_smoothing.strength": 0.1})])


def test_a_model_of_another_shape_is_a_line(small, files):
    mlp = {"_target_": "regab.models.mlp.MLP", "widths": [4]}
    with pytest.raises(UsageError, match=r"forward of MLP must return \[2, 3, 9, 6\], not \[2, 3\]"):
        examine([segmenting(small, files, model=mlp)])
    pooled = {"_target_": "regab.models.transformer.Transformer", "width": 8, "heads": 2, "depth": 1}
    with pytest.raises(UsageError, match=r"forward of Transformer must return \[2, 8, \d+\], not"):
        examine([telling(small, files, model=pooled)])


def halved(in_channels, classes):
    return torch.nn.Sequential(torch.nn.AvgPool2d(2), torch.nn.Conv2d(in_channels, classes, 1))


def test_labels_of_another_size_than_images_are_the_data_s_unless_a_model_returns_that(small, tmp_path):
    images, labels = np.random.default_rng(0).normal(size=(20, 8, 6)), np.arange(20 * 4 * 3).reshape(20, 4, 3) % 2
    np.savez(tmp_path / "masks.npz", x=images, y=labels)
    np.savez(tmp_path / "test.npz", x=images, y=labels.repeat(2, 1))
    data = {"_target_": "regab.data.arrays.load", "path": str(tmp_path / "masks.npz"), "task": "segmentation"}
    unet = {"_target_": "regab.models.unet.UNet", "channels": [4, 6]}
    named = r"data.path=\S*masks.npz: labels have the size \[4, 3\], but inputs, and what UNet returns, \[8, 6\]"
    with pytest.raises(UsageError, match=named):
        examine([base(small, data, unet)])
    own = {"_target_": "tests.test_dense_tasks.halved"}
    examine([base(small, data, own)])
    with pytest.raises(UsageError, match=r"masks.npz: labels .* shape \[4, 3\] in training and \[8, 3\] in test data"):
        examine([base(small, data | {"test_path": str(tmp_path / "test.npz")}, own, **{"data.test_fraction": 0.0})])


def test_an_autoencoder_of_ones_own_may_return_images(small, files):
    config = encoding(small, files, model={"_target_": "tests.test_dense_tasks.convolutional"})
    training = set_up([config])
    assert (training.data.classes, training.data.train.y.shape[1:]) == (64, (1, 8, 8))
    (run,) = curves(config)
    assert run["train_r2"][-1] == pytest.approx(1 - run["train_loss"][-1], abs=0.02)


def convolutional(in_channels):
    layer = torch.nn.Conv2d(in_channels, 4, 3, padding=1)
    return torch.nn.Sequential(layer, torch.nn.ReLU(), torch.nn.Conv2d(4, in_channels, 3, padding=1))


def test_arrays_tell_their_task_and_channels_come_first(files, tmp_path):
    with pytest.raises(UsageError, match=r"labels are from 0 to 2, and 255; say task=segmentation task.ignore=255"):
        divide(arrays.load(str(files / "pictures.npz")), Division(test_fraction=0.2))
    found = arrays.load(str(files / "pictures.npz"), task="segmentation")
    assert (found.task, found.train.x.shape[1:]) == ("segmentation", (3, 9, 6))
    data = divide(found, Division(test_fraction=0.2), Segmentation(ignore=255))
    assert (data.classes, data.train.y.min().item()) == (3, -1)
    path = str(tmp_path / "a.npz")
    x = np.random.default_rng(0).normal(size=(12, 5))
    for y, task in (
        (np.arange(12) % 3, "classification"),
        (x[:, 0], "regression"),
        (x[:, :2], "regression"),
        ((x[:, :2] > 0).astype(int), "multilabel"),
    ):
        np.savez(path, x=x, y=y, x_test=x[:4], y_test=y[:4])
        source = arrays.load(path)
        assert (source.task, len(source.test)) == (task, 4)
    grey = np.random.default_rng(0).normal(size=(12, 5, 4))
    np.savez(path, x=grey, y=(grey > 0).astype(int))
    assert arrays.load(path).train.x.shape == (12, 1, 5, 4)


def test_what_is_wrong_with_arrays_is_a_line(tmp_path):
    path = str(tmp_path / "a.npz")
    with pytest.raises(UsageError, match="there is no such file"):
        arrays.load(path)
    np.savez(path, x=np.zeros((3, 2)), z=np.zeros(3))
    with pytest.raises(UsageError, match="has no array 'y'; there is: x, z"):
        arrays.load(path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(UsageError, match="holds one array without a name"):
        arrays.load(str(tmp_path / "one.npy"))
    (tmp_path / "b.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(UsageError, match=r"cannot be read as \.npz"):
        arrays.load(str(tmp_path / "b.npz"))
    with pytest.raises(UsageError, match=r"data.task=sorting"):
        arrays.load(path, task="sorting")


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (torch.zeros(9, 4).long(), r"have the shape \[9, 4\]; segmentation needs"),
        (torch.rand(9, 4, 4), "not whole numbers"),
        (torch.full((9, 4, 4), -2), "labels are from -2 to -2"),
        (torch.full((9, 4, 4), 7), "labels are from 7 to 7; with 3 classes, from 0 to 2"),
        (torch.tensor([-2, 0, 1, 2]).repeat(9, 4, 1), "labels are from -2 to 2"),
        (torch.tensor([-1, 0, 1, 2]).repeat(9, 4, 1), "labels are from -1 to 2"),
        (torch.zeros(9, 2, 4, 4).long(), r"have the shape \[9, 2, 4, 4\]; segmentation needs"),
    ],
)
def test_labels_that_are_none_of_pixels_are_a_line(y, said):
    with pytest.raises(UsageError, match=said):
        divide(Source(Split(torch.randn(9, 1, 4, 4), y), 3), Division(), Segmentation())


@pytest.mark.parametrize(
    ("low", "said"), [(-3, "labels are from -3 to 2"), (255, "task.ignore=255: ignores all pixels")]
)
def test_beside_pixels_that_do_not_count_labels_are_classes_and_some_must_count(low, said):
    y = torch.full((9, 4, 4), 255) if low == 255 else torch.tensor([low, 255, 1, 2]).repeat(9, 4, 1)
    with pytest.raises(UsageError, match=said):
        divide(Source(Split(torch.randn(9, 1, 4, 4), y), 3), Division(), Segmentation(ignore=255))


def test_masks_may_have_an_axis_of_one_channel():
    y = torch.randint(3, (9, 4, 5))
    assert torch.equal(Segmentation().typed(y[:, None]), y)


@pytest.mark.parametrize("classes", [3, 300])
def test_a_map_holds_the_numbers_of_all_classes(classes):
    outputs = torch.randn(2, classes, 4, 5)
    outputs[:, classes - 1, 0] = 9.0
    found = Segmentation().maps(outputs, probabilities=False)["prediction"]
    assert torch.equal(found.long(), outputs.argmax(1))
    assert (found.dtype == torch.uint8) == (classes == 3)


def test_a_class_that_only_test_images_have_is_named_without_pixels_that_do_not_count():
    y = torch.tensor([0, 1, 2, 255]).repeat(9, 4, 1)
    test = Split(torch.randn(3, 1, 4, 4), y[:3] + 5 * (y[:3] == 2))
    with pytest.raises(UsageError, match="labels are from 0 to 7; with 3 classes, from 0 to 2"):
        divide(Source(Split(torch.randn(9, 1, 4, 4), y), 0, test), Division(), Segmentation(ignore=255))


def test_a_text_is_cut_into_pieces_that_follow_each_other(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes(bytes(range(30)))
    source = text_lines.load(str(path), length=4)
    data = divide(source, Division(val_fraction=0.2, test_fraction=0.2))
    tokens = torch.cat([part.x for part in (data.train, data.val, data.test)]).flatten()
    assert tokens.tolist() == [byte + 2 for byte in range(28)]  # training first, the end of the file for testing
    assert torch.equal(data.train.y[:, :-1], data.train.x[:, 1:])
    assert data.train.y[0, -1] == data.train.x[1, 0]
    assert (data.classes, data.given) == (258, {"vocabulary": 258})
    path.write_text("b a b a b c\n" * 20)
    found = divide(text_lines.load(str(path), tokens="words", length=6), Division(test_fraction=0.2))
    assert (found.classes, sorted(found.train.x[1].tolist())) == (6, [2, 2, 2, 3, 3, 4])  # b first, then a
    for options, said in (
        ({"length": 1000}, "fewer than data.length=1000"),
        ({"length": 0}, "data.length=0: must be at least 1"),
        ({"tokens": "letters"}, "must be one of bytes, words"),
    ):
        with pytest.raises(UsageError, match=said):
            text_lines.load(str(path), **options)
    path.write_bytes("grün ".encode("latin-1") * 40)
    with pytest.raises(UsageError, match="is not UTF-8"):
        text_lines.load(str(path), tokens="words")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("tokens", ["bytes", "words"])
def test_a_packed_text_is_read_as_what_was_packed(tmp_path, pack, tokens):
    text = "so grün, so grün\n" * 9
    (tmp_path / "plain.txt").write_text(text, encoding="utf-8")
    (tmp_path / "packed").write_bytes(pack(text.encode()))
    read = [text_lines.load(str(tmp_path / name), tokens=tokens, length=4).train.x for name in ("plain.txt", "packed")]
    assert np.array_equal(*read)
    seen = Lines(tokens, 4).read(tmp_path / "packed", Vocabulary(np.arange(300), ["\n", ",", "grün", "so"]))
    assert len(seen) == len(read[0])


def test_words_are_found_in_utf_16_too_and_no_text_is_refused(tmp_path):
    path = tmp_path / "t.txt"
    texts = []
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le"):
        path.write_text("so many words, so many lines\n" * 9, encoding=encoding)
        texts.append(text_lines.load(str(path), tokens="words", length=4).train.x)
    assert all(np.array_equal(texts[0], text) for text in texts)
    path.write_bytes(b"PK\x03\x04" + bytes(99))
    for tokens in ("bytes", "words"):
        with pytest.raises(UsageError, match="a zip file, and not text; save it as plain text"):
            text_lines.load(str(path), tokens=tokens)


def test_a_causal_model_sees_nothing_of_what_comes():
    torch.manual_seed(0)
    model = CausalTransformer((6,), 9, 9, width=8, heads=2, depth=2).eval()
    tokens = torch.randint(1, 9, (1, 6))
    other = tokens.clone()
    other[0, 4:] = other[0, 4:] % 8 + 1
    before, after = model(tokens), model(other)
    torch.testing.assert_close(before[0, :4], after[0, :4])
    assert not torch.allclose(before[0, 4:], after[0, 4:])


def test_texts_with_padding_may_be_modelled_too(small):
    data = text_data()["data"] | {"val_fraction": 0.2, "test_fraction": 0.2}
    model = {"_target_": CAUSAL, "width": 8, "heads": 2, "depth": 1}
    (run,) = curves(base(small, data, model, "language_modelling.LanguageModelling"))
    assert run["test_perplexity"][-1] == pytest.approx(math.exp(run["test_loss"][-1]), rel=1e-6)
    with pytest.raises(UsageError, match=r"needs texts of at least two tokens, as data=text_lines, not numbers"):
        examine([small({"task": {"_target_": f"{TASK}.language_modelling.LanguageModelling"}})])
    with pytest.raises(UsageError, match="needs numbers, not tokens"):
        examine([base(small, data, model, "reconstruction.Reconstruction")])


def test_a_u_net_keeps_any_size():
    for size in ((9, 6), (16, 16), (5, 4)):
        assert UNet((2, *size), 3, [4, 6, 8]).eval()(torch.randn(2, 2, *size)).shape == (2, 3, *size)
    with pytest.raises(UsageError, match="a U-Net needs images of at least"):
        UNet((1, 3, 8), 2, [4, 4, 4])


def test_a_prediction_is_a_class_for_each_place():
    outputs = drawn(B, K, 2, 3)
    maps = Segmentation().maps(outputs, probabilities=True)
    assert torch.equal(maps["prediction"], outputs.argmax(1).byte())
    torch.testing.assert_close(maps["probability"], outputs.softmax(1).movedim(1, -1))
    told = Segmentation().told(outputs, ("sky", "sea", "sand"))
    assert list(told) == ["share_sky", "share_sea", "share_sand"]
    np.testing.assert_allclose(told["share_sea"], (outputs.argmax(1) == 1).float().mean((1, 2)))
    assert list(Segmentation().maps(outputs, probabilities=False)) == ["prediction"]


def test_a_text_has_the_loss_of_its_tokens_and_a_next_one():
    outputs, y = drawn(3, 4, K), torch.tensor([[1, 2, 2, 1], [2, 1, 0, 0], [0, 0, 0, 0]])
    told = LanguageModelling().compared(outputs, y, ("-", "?", "cat"))
    expected = [cross_entropy(o, labels, ignore_index=0).item() for o, labels in zip(outputs, y, strict=True)]
    np.testing.assert_allclose(told["loss"], expected, rtol=1e-6)
    np.testing.assert_allclose(told["perplexity"], np.exp(expected), rtol=1e-6)
    assert told["tokens"].tolist() == [4, 2, 0]
    following = [outputs[0, 3], outputs[1, 2], outputs[2, 0]]  # after the last token that is read
    assert told["next"] == [("-", "?", "cat")[o.argmax()] for o in following]
    assert LanguageModelling().compared(outputs, y, ())["next"] == [o.argmax().item() for o in following]


def test_large_targets_are_evaluated_few_examples_at_a_time():
    shapes = ((), (100,), (64, 64), (1000, 1000))
    assert [chunk_size(Split(torch.zeros(3, 1), torch.zeros(3, *s))) for s in shapes] == [512, 512, 16, 1]


def test_a_model_for_places_is_refused_where_examples_have_a_class(configure):
    with pytest.raises(UsageError, match=r"^model: .* UNet must return \[2, 10\], not \[2, 10, 8, 8\]"):
        examine([configure("data=digits", "model=unet")])
    texts = ("data=text_csv", f"data.path={text_data()['data']['path']}")
    with pytest.raises(UsageError, match=r"^model: .* CausalTransformer must return \[2, 2\], not \[2, "):
        examine([configure(*texts, "model=causal_transformer")])
