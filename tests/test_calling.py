"""How models of others are called: with masks, by keywords; where their logits, their dropout and its rates are."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional

from regab.errors import UsageError
from regab.models.foreign.calling import _cure
from regab.models.foreign.places import adopt
from regab.models.places import (
    dropout_places,
    norm_places,
    perturb_at,
    perturbed_places,
    replace,
    residual_places,
    shift_at,
)
from regab.regularizers.norm import Norm
from regab.training.assembly.build import make
from regab.training.assembly.setup import examine, set_up
from tests.conftest import curves, same, text_data

TOKENS = torch.tensor([[3, 4, 0, 0], [5, 6, 7, 0]])


class Texts(nn.Module):
    """Hugging Face's way: keywords, a mask, an object with logits; attention reads the rate of its dropout layer."""

    def __init__(self, vocab_size, num_labels=3, rate: float = 0.1):
        super().__init__()
        self.embedding, self.attn_drop, self.dropout = nn.Embedding(vocab_size, 8), nn.Dropout(rate), nn.Dropout(rate)
        self.out = nn.Linear(8, num_labels)

    def forward(self, input_ids=None, attention_mask=None, lengths=None, padding_mask=None, labels=None):
        self.seen = attention_mask, lengths, padding_mask
        x = self.embedding(input_ids)
        bias = torch.where(attention_mask[:, None] > 0, 0.0, -torch.inf)
        x = functional.scaled_dot_product_attention(x, x, x, bias, self.attn_drop.p if self.training else 0.0)
        return SimpleNamespace(loss=None, logits=self.out(self.dropout(x).mean(1)))


def texts(vocab_size, num_classes):
    return Texts(vocab_size, num_classes)


def test_tokens_bring_the_masks_that_a_forward_asks_for_and_logits_are_found():
    model = Texts(9)
    notes = adopt(model, TOKENS)
    assert notes[0] == "its forward is given attention_mask, padding_mask, lengths, from the padding of the texts"
    assert model(TOKENS).shape == (2, 3)
    mask, lengths, padding = model.seen
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 0]]
    assert lengths.tolist() == [2, 3]
    assert torch.equal(padding, mask == 0)
    assert model(input_ids=TOKENS, attention_mask=mask).shape == (2, 3)  # still as its author calls it


def test_dropout_that_is_only_read_is_off_and_what_reads_it_finds_its_rate():
    model = Texts(9)
    notes = adopt(model, TOKENS)
    assert notes[1:] == [
        "reg.dropout takes over dropout (p=0.1); at reg.dropout.rate=0 they are off",
        "off: attn_drop (p=0.1); reg.dropout cannot reach there, as the forward does not call them (attention reads "
        "their rate)",
    ]
    assert model.attn_drop.p == model.dropout.p == 0.0
    model.train()
    assert torch.equal(model(TOKENS), model(TOKENS))
    perturb_at(model, dropout_places(model, "hidden"), "dropout")
    assert model.dropout.p == 0.0


def test_a_text_model_of_somebody_elses_has_the_same_numbers_alone_and_stacked(configure):
    words = [f"{key}={value}" for key, value in text_data()["data"].items() if key != "_target_"]
    words = ["data=text_csv", *(f"data.{word}" for word in words)]
    words += ["model=own", "++model._target_=tests.test_calling.texts", "epochs=2", "batch_size=32"]
    runs = [configure(*words, f"seed={seed}", f"reg.dropout={rate}") for seed, rate in ((0, 0), (1, 0.3), (0, 0.5))]
    alone = [curves(run)[0] for run in runs]
    for one, stacked in zip(alone, curves(*runs), strict=True):
        assert same(one, stacked)
    assert alone[0]["train_loss"][0] == alone[2]["train_loss"][0]
    assert not same(alone[0], alone[2])


class Returning(nn.Module):
    def __init__(self, wrap):
        super().__init__()
        self.fc, self.wrap = nn.Linear(4, 3), wrap

    def forward(self, **inputs):
        return self.wrap(self.fc(inputs["pixel_values"]))


@pytest.mark.parametrize(
    ("wrap", "said"),
    [
        (lambda y: (y, y.sum()), ["its forward returns a tuple of 2: the first is taken for the logits"]),
        (lambda y: {"aux": y.sum(), "logits": y}, []),
        (lambda y: {"out": y, "aux": y}, ["its forward returns a dict of 2: the first is taken for the logits"]),
        (lambda y: y, []),
    ],
)
def test_logits_are_found_in_whatever_is_returned(wrap, said):
    model, x = Returning(wrap), torch.randn(2, 4)
    assert adopt(model, x) == said
    torch.testing.assert_close(model(x), model.fc(x))


class Several(nn.Module):
    def forward(self, sequence, length):
        return sequence[:, 0] * length[:, None]


@pytest.mark.parametrize("kind", [tuple, dict])
def test_an_example_of_several_tensors_is_passed_by_position_or_by_name(kind):
    parts = {"sequence": torch.randn(2, 5, 3), "length": torch.tensor([1, 2])}
    example = tuple(parts.values()) if kind is tuple else parts
    model = Several()
    adopt(model, example)
    torch.testing.assert_close(model(example), Several()(**parts))


class DropPath(nn.Module):
    """timm's, by name and attribute."""

    def __init__(self, drop_prob):
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x):
        raise AssertionError("was taken over")


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop_path1, self.drop_path2, self.tail = DropPath(0.2), nn.Identity(), nn.Identity()
        self.fc = nn.Linear(4, 3)
        self.attend = AnAttention()

    def forward(self, x):
        return self.tail(self.fc(x + self.drop_path1(x) + self.drop_path2(self.attend(x))))


class AnAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.dropout, self.scale = 0.3, 0.5

    def forward(self, x):
        return functional.dropout(x, self.dropout, self.training) * self.scale


def test_timms_branches_are_places_even_where_their_rate_is_0_and_numbers_in_attention_are_off():
    model = Branches()
    model.drop_path1.forward = lambda x: x
    notes = adopt(model, torch.randn(2, 4))
    assert notes == [
        "reg.stochastic_depth takes over drop_path1 (p=0.2); at reg.stochastic_depth.rate=0 they are off",
        "attend.dropout=0.3 is off, as reg.dropout cannot reach into AnAttention",
    ]
    assert residual_places(model) == ["drop_path1", "drop_path2"]
    assert model.drop_path1.drop_prob == 0.0
    assert model.attend.scale == 0.5


class Windows(nn.Module):
    """Dropout where examples are cut into windows, where they stand second, and where they do not count at all."""

    def __init__(self):
        super().__init__()
        self.window_drop, self.second_drop, self.position_drop = (nn.Dropout(0.1) for _ in range(3))
        self.position, self.fc = nn.Parameter(torch.zeros(6, 4)), nn.Linear(4, 3)

    def forward(self, x):  # [B, 6, 4]
        x = x + self.position_drop(self.position)
        x = self.window_drop(x.reshape(-1, 2, 4)).reshape(-1, 6, 4)
        return self.fc(self.second_drop(x.transpose(0, 1)).mean(0))


def test_dropout_finds_the_examples_wherever_they_stand():
    model, x = Windows(), torch.randn(5, 6, 4)
    adopt(model, x[:2])
    perturb_at(model, dropout_places(model, "hidden"), "dropout")
    places = perturbed_places(model, x[:2])
    assert [place.size(5) for place in places.values()] == [(5, 3, 2, 4), (5, 6, 4), (1, 6, 4)]
    assert [place.axis for place in places.values()] == [0, 1, None]
    for place in places.values():
        place.factor = torch.rand(place.size(5))
    windows, second, position = (place.factor for place in places.values())
    h = (x + model.position * position) * windows.reshape(5, 6, 4)
    torch.testing.assert_close(model.train()(x), model.fc((h * second).mean(1)))


def test_noise_is_added_where_dropout_stays_a_place_and_keeps_its_draws():
    model, x = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Dropout(0.1), nn.Linear(4, 2)), torch.randn(2, 4)
    adopt(model, x)
    shift_at(model, ["2"], "noise")
    assert dropout_places(model, "hidden") == ["2.then"]
    perturb_at(model, ["2.then"], "dropout")
    places = perturbed_places(model, x)
    assert {name: place.site for name, place in places.items()} == {"2": "2", "2.then": "2"}
    for place in places.values():
        place.factor = torch.rand(2, 4)
    shift, factor = (place.factor for place in places.values())
    expected = model[3]((torch.relu(model[0](x)) + shift) * factor)
    torch.testing.assert_close(model.train()(x), expected)
    torch.testing.assert_close(model.eval()(x), model[3](torch.relu(model[0](x))))


class NormAndActivation(nn.BatchNorm2d):
    """timm's: a norm that holds an activation."""

    def __init__(self, features):
        super().__init__(features)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(super().forward(x))


def test_a_norm_that_holds_an_activation_is_not_replaced():
    model = nn.Sequential(nn.Conv2d(1, 3, 3), NormAndActivation(3), nn.Flatten(), nn.Linear(108, 2))
    adopt(model, torch.randn(2, 1, 8, 8))
    with pytest.raises(UsageError, match="no place for a normalization"):
        Norm(kind="group").build(model)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(108, 2))
    adopt(model, torch.randn(2, 1, 8, 8))
    assert [name for name, _ in norm_places(model)] == ["1"]


def a_library_model(num_classes):
    model = nn.Sequential(nn.Flatten(), nn.Linear(7, num_classes))
    return model


def test_a_librarys_failure_is_one_line(configure):
    with pytest.raises(UsageError, match=r"^model: the forward of Sequential fails on an example of shape \[1, 8, 8\]"):
        examine([configure("model=own", "++model._target_=tests.test_calling.a_library_model")])
    assert _cure(nn.Linear(1, 1), torch.zeros(2, 3, 8, 8)).startswith("; give it images of another size")
    assert _cure(nn.Linear(1, 1), torch.zeros(2, 3)) == ""
    t5 = nn.Linear(1, 1)
    t5.config = SimpleNamespace(is_encoder_decoder=True)
    assert _cure(t5, TOKENS).endswith("take a model of an encoder alone")
    vit = configure("model=own", "++model._target_=torchvision.models.vit_b_16", "++model.image_size=17")
    with pytest.raises(UsageError, match=r"^model: torchvision.models.vit_b_16 cannot be made of image_size: Assert"):
        examine([vit])


class Inner:
    def __init__(self, width: int, activation: str = "ReLU"):
        self.width, self.activation = width, activation

    @classmethod
    def wide(cls, factor: int):
        return cls(8 * factor)


class Outer(nn.Module):
    def __init__(self, inner: Inner, in_features, num_classes):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(in_features, inner.width), getattr(nn, inner.activation)())
        self.out = nn.Linear(inner.width, num_classes)

    def forward(self, x):
        return self.out(self.body(x.flatten(1)))


OUTER = ("model=own", "++model._target_=tests.test_calling.Outer")


def test_arguments_can_be_made_of_nodes_of_their_own(configure):
    node = "++model.inner._target_=tests.test_calling.Inner"
    made = set_up([configure(*OUTER, node, "++model.inner.width=5", "++model.inner.activation=Tanh")]).stack.skeleton
    assert made.body[0].out_features == 5
    assert isinstance(made.body[1], nn.Tanh)
    wide = configure(*OUTER, f"{node}.wide", "++model.inner.factor=2")
    assert set_up([wide]).stack.skeleton.body[0].out_features == 16
    with pytest.raises(UsageError, match=r"^model.inner.widht: unknown key; did you mean model.inner.width"):
        configure(*OUTER, node, "++model.inner.widht=5")
    with pytest.raises(UsageError, match=r"^model.inner.width: needs a value"):
        configure(*OUTER, node)
    with pytest.raises(UsageError, match=r"^model.iner: unknown key; did you mean model.inner"):
        configure(*OUTER, node.replace("inner", "iner"), "++model.iner.width=3")
    assert make({"_target_": "tests.test_calling.Inner", "width": 3}, training_data(), "model").width == 3


def training_data():
    return SimpleNamespace(shape=(1, 8, 8), classes=10, given={}, kind="images")


def test_a_name_is_replaced_where_it_stands():
    model = nn.Sequential(nn.Sequential(nn.ReLU()))
    replace(model, "0.0", nn.Tanh())
    assert isinstance(model[0][0], nn.Tanh)


class Asking(nn.Module):
    """More arguments than the input."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(4, 3)

    def forward(self, x, attention_mask, *, lengths, scale=1.0):
        return self.out(x.float() * attention_mask * scale)


def test_what_a_forward_asks_for_and_cannot_be_given_is_named():
    assert adopt(Asking(), TOKENS)[0].startswith("its forward is given attention_mask, lengths")
    with pytest.raises(UsageError, match="forward of Asking asks for attention_mask, lengths, which these data do not"):
        adopt(Asking(), torch.randn(2, 4))
