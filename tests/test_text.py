"""Texts: from files to numbers, the models that read them, and what is dropped from them."""

import csv
import unicodedata

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from regab.data.split import Division, divide
from regab.data.text import fitter, load, tokenize
from regab.errors import UsageError
from regab.models.parts.attention import rows_of_tokens, sinusoids
from regab.models.places import PerturbedWords, perturbed_places
from regab.models.text_cnn import TextCNN
from regab.models.transformer import Block, Transformer
from regab.records.load import load_result
from regab.regularizers.embedding_dropout import EmbeddingDropout
from regab.regularizers.stochastic_depth import StochasticDepth
from regab.regularizers.word_dropout import WordDropout
from regab.training.assembly.setup import examine
from regab.training.cost import count
from regab.training.noise import Noise
from regab.training.stack import Stack
from tests.conftest import DATA, TRANSFORMER, curves, same, text_data

TEXT_CNN = {"_target_": "regab.models.text_cnn.TextCNN", "width": 4, "windows": [2], "channels": 4}
CPU = torch.device("cpu")
needs_sst2 = pytest.mark.skipif(not (DATA / "sst2").is_dir(), reason=f"no sst2 under {DATA}")


@pytest.fixture
def write(tmp_path):
    def to_file(content, name="texts.tsv"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(file)

    return to_file


def transformer(length=7, vocabulary=20, width=8, heads=2, depth=2):
    torch.manual_seed(0)
    return Transformer((length,), 3, vocabulary, width, heads, depth)


def text_cnn(length=7, vocabulary=20):
    torch.manual_seed(0)
    return TextCNN((length,), 3, vocabulary, 6, [2, 3], 5)


def texts(n=6, length=7):
    """Random tokens of texts of all lengths from 1."""
    tokens = torch.randint(1, 20, (n, length), generator=torch.Generator().manual_seed(1))
    return tokens * (torch.arange(length) <= (torch.arange(n) % length)[:, None])


def test_words_are_runs_of_letters_with_apostrophes_and_single_other_characters():
    assert tokenize("It's the wo n't-do Café, 1990s!") == [
        "it's",
        "the",
        "wo",
        "n't",
        "-",
        "do",
        "café",
        ",",
        "1990s",
        "!",
    ]


def test_the_vocabulary_is_that_of_the_training_texts_and_the_most_frequent_come_first():
    encode, given = fitter(max_length=4, min_count=2)(np.array(["b b a", "a b c", "d"], dtype=object))
    assert given == {"vocabulary": 4}
    encoded = encode(np.array(["a b c e a b", "B!", ""], dtype=object))
    assert encoded.tolist() == [[3, 2, 1], [2, 1, 0], [1, 0, 0]]
    assert encoded.dtype == torch.int64


def test_long_texts_are_cut_off_at_max_length():
    encode, _ = fitter(max_length=2, min_count=1)(np.array(["a b c"], dtype=object))
    assert encode(np.array(["c b a"], dtype=object)).tolist() == [[4, 3]]


def test_words_of_validation_and_test_texts_are_unknown_unless_training_has_them(write):
    source = load(write("".join(f"w{i} w{i}\t{i % 2}\n" for i in range(100))), header=False)
    data = divide(source, Division(val_fraction=0.2, test_fraction=0.2))
    assert data.given == {"vocabulary": 66}
    assert (data.train.x >= 2).all()
    assert (data.val.x == 1).all()
    assert (data.test.x == 1).all()
    assert data.kind == "tokens"


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("good\tyes\nbad\tno\nfine\tyes\nawful\tno\n", {}),
        ("text\tlabel\ngood\tyes\nbad\tno\nfine\tyes\nawful\tno\n", {}),
        ("id,label,text\n1,yes,good\n2,no,bad\n3,yes,fine\n4,no,awful\n", {"text": "text", "label": "label"}),
        ('yes;"good"\nno;bad\nyes;fine\nno;awful\n', {"text": 1, "label": 0}),
        ("\ufeffgood\tyes\n\nbad\tno\nfine\tyes\nawful\tno", {"header": False}),
        ("good|yes\nbad|no\nfine|yes\nawful|no\n", {"delimiter": "|"}),
    ],
)
def test_files_with_and_without_header_and_with_any_delimiter_are_read_alike(write, content, options):
    source = load(write(content), **options)
    assert source.train.x.tolist() == ["good", "bad", "fine", "awful"]
    assert source.train.y.tolist() == [1, 0, 1, 0]
    assert source.classes == 2


def test_a_first_line_taken_for_names_is_said_and_a_number_among_numbers_is_none(write):
    numbers = write("".join(f"w{i}\t{i * 1.25}\n" for i in range(30)))
    assert len(load(numbers).train) == 30
    named = load(write("text\tscore\n" + "".join(f"w{i}\t{i * 1.25}\n" for i in range(30))))
    assert len(named.train) == 30
    assert "the first line, 'text', 'score', is taken for names of columns (else data.header=false)" in named.said
    rare = load(write("odd\tmeh\n" + "".join(f"w{i}\t{'ab'[i % 2]}\n" for i in range(30))))
    assert "the first line, 'odd', 'meh', is taken" in " ".join(rare.said)


def test_whether_a_test_file_has_a_header_is_seen_by_the_labels_of_training(write):
    train = write("".join(f"w{i}\t{'ab'[i % 2]}\n" for i in range(30)))
    single = load(train, write("w1\ta\nw2\tb\n", "test.tsv"))
    assert list(single.test.x) == ["w1", "w2"]
    named = load(train, write("text\tlabel\nw2\tb\n", "test.tsv"))
    assert list(named.test.x) == ["w2"]
    assert "the first line of data.test_path=" in " ".join(named.said)
    headed = load(write("text\tlabel\nw1\ta\nw2\tb\n", "headed.tsv"), write("text\tlabel\nw2\tb\n", "test.tsv"))
    assert list(headed.test.x) == ["w2"]


def test_columns_that_are_not_used_are_said(write):
    path = write("id,when,what,kind\n" + "".join(f"{i},{i % 9},w{i},{'ab'[i % 2]}\n" for i in range(30)))
    assert "not used: the columns id" in load(path, text="what", label="kind", order="when").said
    assert not [words for words in load(path, text=2, label=3, group="id").said if "used: the columns id" in words]
    assert "not used: the columns id, when" in load(path, text=2, label=3).said


def test_quotes_between_tabs_are_quotes_where_the_lines_show_it(write):
    frame = pd.DataFrame({"text": ['say "a"', "two\nlines", "a\ttab", "plain"] * 3, "label": ["x", "y"] * 6})
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL):
        source = load(write(frame.to_csv(sep="\t", index=False, quoting=quoting)))
        assert list(source.train.x) == frame.text.tolist()
        assert source.names == ("x", "y")
    raw = write('"one\ta\ntwo\n"three\ta\nfour\tb\n')  # lines in which quotes would join what is not together
    with pytest.raises(UsageError, match="line 2: has 1 cells"):
        load(raw)


WORDS = {
    "यह अच्छी फिल्म है": ["यह", "अच्छी", "फिल्म", "है"],
    "שָׁלוֹם עולם": ["שָׁלוֹם", "עולם"],
    "می\u200cخواهم": ["می\u200cخواهم"],
    "Naïve cafe\u0301s": ["naïve", "cafés"],
    "好电影 x1。": ["好", "电", "影", "x1", "。"],
    "ดีมาก": ["ดี", "ม", "า", "ก"],
    "すごいよ": ["す", "ご", "い", "よ"],
    "한국어 좋다": ["한국어", "좋다"],
    "«Don’t»\n👍🏽 ❤️": ["«", "don’t", "»", "👍🏽", "❤️"],
}


@pytest.mark.parametrize("text", WORDS)
def test_words_are_those_of_the_script(text):
    assert tokenize(text) == [unicodedata.normalize("NFC", word) for word in WORDS[text]]
    if "\n" not in text:
        assert tokenize(text + " it's") == [*tokenize(text), "it's"]


def test_texts_that_say_nothing_are_said(write):
    source = load(write("".join(f"{['', 'NA', 'good film'][i % 3]}\t{'ab'[i % 2]}\n" for i in range(30))))
    assert "20 of 30 texts say nothing (empty, 'NA')" in source.said


def test_quotes_are_ordinary_characters_between_tabs_and_quotes_between_commas(write):
    assert load(write('"a\t0\nb"\t1\n"c"\t0\nd\t1\n')).train.x.tolist() == ['"a', 'b"', '"c"', "d"]
    assert load(write('"a, ""b""",0\nc,1\nd,0\ne,1\n', "t.csv")).train.x.tolist() == ['a, "b"', "c", "d", "e"]


BAD = {
    "missing": (None, {}, "data.path=there.tsv: cannot be read (No such file or directory)"),
    "empty": ("", {}, "texts.tsv: is empty"),
    "no such name": ("words,label\na,0\nb,1\n", {"text": "word"}, "data.text=word: unknown column; did you mean"),
    "no such position": ("a\t0\nb\t1\n", {"label": 2}, "data.label=2: there are 2 columns, from 0"),
    "one column": ("a\nb\n", {}, "data.label=1: there are 1 columns"),
    "one class": ("a\t0\nb\t0\n", {}, "data.label=1: is '0' in all rows"),
    "ragged": ("a\t0\nb\t1\nc\t0\t1\n", {}, "texts.tsv, line 3: has 3 cells, but the first line has 2"),
    "no label": ("a\t0\nb\t1\nc\t\nd\t0\n", {}, "texts.tsv, line 3: has no label"),
    "not UTF-8": (b"caf\xe9\t0\nb\t1\n", {}, "texts.tsv, line 1: is not a text file in UTF-8 (byte 3)"),
    "only a header": ("text\tlabel\n", {}, "has a first line, which names the columns, and nothing below it"),
    "max_length": ("a\t0\nb\t1\na\t0\n", {"max_length": 0}, "data.max_length=0: must be at least 1"),
    "min_count": ("a\t0\nb\t1\na\t0\n", {"min_count": 0}, "data.min_count=0: must be at least 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_described_in_one_line(write, case):
    content, options, line = BAD[case]
    with pytest.raises(UsageError) as complaint:
        load("there.tsv" if content is None else write(content), **options)
    assert line in str(complaint.value)
    assert "\n" not in str(complaint.value)


def test_a_test_label_that_training_lacks_is_refused(write):
    train, test = write("a\t0\nb\t1\nc\t0\nd\t1\n"), write("a\t0\nb\t2\nc\t2\nd\t0\n", "test.tsv")
    with pytest.raises(UsageError, match=r"data.test_path=.*, line 2: label is '2', which the training data do not"):
        load(train, test)


@pytest.mark.parametrize("padding_too", [False, True])
def test_a_block_is_torchs_encoder_layer_with_norms_first(padding_too):
    torch.manual_seed(0)
    ours, tokens = Block(8, 2), texts()
    theirs = nn.TransformerEncoderLayer(8, 2, 32, 0.0, "gelu", batch_first=True, norm_first=True)
    a, f = theirs.self_attn, ours.feed_forward
    pairs = [(a.in_proj_weight, ours.attention.project[1].weight), (a.in_proj_bias, ours.attention.project[1].bias)]
    pairs += [(a.out_proj.weight, ours.attention.combine[0].weight), (a.out_proj.bias, ours.attention.combine[0].bias)]
    for layer, own in ((theirs.linear1, f[1]), (theirs.linear2, f[3])):
        pairs += [(layer.weight, own.weight), (layer.bias, own.bias)]
    with torch.no_grad():
        for to, of in pairs:
            to.copy_(of)
    x, padding = torch.randn(6, 7, 8), tokens == 0
    bias = torch.where(padding, -torch.inf, 0.0)[:, None, None]
    expected = theirs(x, src_key_padding_mask=padding)
    found = ours(x, bias, None if padding_too else rows_of_tokens(tokens))
    torch.testing.assert_close(found[~padding], expected[~padding])


def test_positions_are_the_papers_sines_and_cosines():
    found = sinusoids(50, 6)
    for position in (0, 1, 17, 49):
        for i in range(3):
            angle = position / 10000 ** (2 * i / 6)
            assert found[position, 2 * i].item() == pytest.approx(np.sin(angle), abs=1e-5)
            assert found[position, 2 * i + 1].item() == pytest.approx(np.cos(angle), abs=1e-5)


def test_the_transformer_averages_its_normalized_tokens_and_begins_as_xavier_says():
    net, tokens = transformer(), texts()
    last = {}
    net.norm.register_forward_hook(lambda module, inputs, output: last.update(tokens=output))
    logits = net(tokens)
    for row, text, logit in zip(last["tokens"], tokens, logits, strict=True):
        torch.testing.assert_close(net.output(row[text != 0].mean(0)), logit)
    for layer in (m for m in net.modules() if isinstance(m, nn.Linear | nn.Embedding)):
        bound = (6 / sum(layer.weight.shape)) ** 0.5
        assert 0.5 * bound < layer.weight.abs().max() <= bound
        assert isinstance(layer, nn.Embedding) or not layer.bias.any()


def test_the_text_cnn_is_kims():
    net, tokens = text_cnn(), texts()
    for text, logit in zip(tokens, net(tokens), strict=True):
        embedded = [net.embedding.weight[t] for t in text if t] + [torch.zeros(6)] * 2
        features = []
        for convolution in net.convolutions:
            size = convolution.kernel_size[0]
            windows = [torch.stack(embedded[i : i + size], 1) for i in range(len(embedded) - 2)]
            responses = [(convolution.weight * w).sum((1, 2)) + convolution.bias for w in windows]
            features.append(torch.stack(responses).max(0).values.relu())
        torch.testing.assert_close(net.output(torch.cat(features)), logit)


@pytest.mark.parametrize("model", [transformer, text_cnn])
def test_padding_does_not_matter(model):
    tokens = texts()
    longer = torch.cat([tokens, torch.zeros(6, 4, dtype=torch.int64)], 1)
    torch.testing.assert_close(model(7)(tokens), model(11)(longer))
    net = model(7)
    net(tokens).square().sum().backward()
    assert not net.embedding.weight.grad[0].any()
    assert net.embedding.weight.grad[tokens.unique()[1:]].any(1).all()


@pytest.mark.parametrize("model", [transformer, text_cnn])
def test_texts_go_through_a_batched_forward_pass_as_one_by_one(model):
    tokens, chain = texts().expand(3, -1, -1), EmbeddingDropout(torch.tensor([0.0, 0.3, 0.6]))
    found = []
    for vmapped in (False, True):
        nets = [model(), model()]
        for net in nets:
            chain.build(net)
        stack = Stack(nets, torch.tensor([0, 1, 1]), tokens[0], vmapped=vmapped, device=CPU)
        noise = Noise([0, 1, 1], CPU)
        factors = {name: chain.perturb(6, place, noise.of("x")) for name, place in stack.places.items()}
        logits = stack(tokens, factors)
        stack.backward(logits.square().sum((1, 2)))
        found.append((logits.detach(), [stack.state_dict(run, [stack.gradients, *stack.buffers]) for run in range(3)]))
    torch.testing.assert_close(*found)


def test_the_saved_weights_load_into_the_model():
    stack = Stack([transformer()], torch.tensor([0]), texts(), vmapped=False, device=CPU)
    other = Transformer((7,), 3, 20, 8, 2, 2)
    other.load_state_dict(stack.state_dict(0))
    torch.testing.assert_close(other(texts()), stack(texts(), shared=True)[0])


def test_word_dropout_makes_words_unknown_at_its_rate_and_padding_never():
    x = texts(5000).expand(2, -1, -1)
    dropped = WordDropout(torch.tensor([0.25, 0.0])).augment(x, Noise([3, 3], CPU).of("word_dropout"))
    assert torch.equal(dropped[1], x[1])
    assert set(dropped[0][x[0] == 0].tolist()) == {0}
    known = x[0] > 1
    changed = dropped[0][known] != x[0][known]
    assert set(dropped[0][known][changed].tolist()) == {1}
    assert changed.double().mean().item() == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / known.sum().item()) ** 0.5)


def test_embedding_dropout_multiplies_all_occurrences_of_a_word_alike_in_each_text():
    net, tokens = transformer(vocabulary=20), torch.tensor([[5, 3, 5, 3, 7, 5, 0], [5, 3, 5, 3, 7, 5, 0]])
    method = EmbeddingDropout(torch.tensor([0.5]))
    method.build(net)
    (place,) = perturbed_places(net, tokens).values()
    assert isinstance(place, PerturbedWords)
    noise = Noise([0], CPU)
    draws = torch.cat([method.perturb(2, place, noise.of("words")) for _ in range(500)])
    assert draws.shape == (500, 2, 20)
    assert set(draws.flatten().tolist()) == {0.0, 2.0}
    assert draws.mean().item() == pytest.approx(1, abs=4 / (500 * 40) ** 0.5)
    assert (draws[:, 0] != draws[:, 1]).any()
    place.factor, x = draws[0], torch.randn(2, 7, 8)
    for b in range(2):
        for position, token in enumerate(tokens[b].tolist()):
            torch.testing.assert_close(place(x, tokens)[b, position], draws[0, b, token] * x[b, position])
    assert torch.equal(place.eval()(x, tokens), x)


def test_every_norm_goes_before_the_relu_of_a_text_cnn(small):
    (plain,) = curves(small(text_data() | {"model": TEXT_CNN}))
    for kind in ("batch", "layer", "group"):
        (normed,) = curves(small(text_data() | {"model": TEXT_CNN, "reg.norm.kind": kind}))
        assert not same(plain, normed)
        assert np.isfinite(normed["train_loss"]).all()


def test_a_transformer_has_places_for_dropout_and_stochastic_depth_in_every_branch(small):
    net = transformer()
    StochasticDepth(torch.tensor([0.5])).build(net)
    places = perturbed_places(net, texts())
    assert [(place.shape, place.depth) for place in places.values()] == [((7, 8), depth / 4) for depth in (1, 2, 3, 4)]
    values = {"reg.dropout.rate": 0.2, "reg.dropout.where": "hidden", "reg.stochastic_depth.rate": 0.2}
    (plain,), (active,) = curves(small(TRANSFORMER)), curves(small(TRANSFORMER | values))
    assert not same(plain, active)


def test_what_a_transformer_costs_counts_products_and_no_look_ups():
    flops, _ = count(transformer(length=7, width=8, heads=2, depth=2), torch.full((3, 7), 5))
    assert flops == 2 * (2 * 7 * 12 * 64 + 4 * 7 * 7 * 8) + 2 * 8 * 3


def test_a_text_run_trains_and_is_the_same_alone_and_beside_others(small):
    runs = [small(TRANSFORMER | {"seed": s, "epochs": 6, "optimizer.lr": 3e-3}) for s in (0, 1)]
    alone, together = [curves(run)[0] for run in runs], curves(*runs)
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))
    assert together[0]["test_accuracy"][-1] > 0.9


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (text_data(), "model: MLP reads no text, as it takes no vocabulary; use model=transformer or text_cnn"),
        ({"model": TRANSFORMER["model"]}, "model: Transformer reads text, but this data set has images; use data=text"),
        (TRANSFORMER | {"model.heads": 3}, "model.width=16: must be a multiple of model.heads=3"),
        (
            text_data() | {"model": TEXT_CNN | {"windows": []}},
            "model.windows=[]: must have at least one size, like [3]",
        ),
        (TRANSFORMER | {"reg.norm.kind": "batch"}, "reg.norm: this model has no place for a normalization (a tr"),
        ({"reg.embedding_dropout.rate": 0.1}, "reg.embedding_dropout: "),
        ({"reg.word_dropout.rate": 0.1}, "reg.word_dropout: acts on "),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(small, values, line):
    with pytest.raises(UsageError) as complaint:
        examine([small(values)])
    assert str(complaint.value).startswith(line)


@pytest.mark.slow
@needs_sst2
def test_the_issues_command_reaches_its_accuracy_on_sst2(regab):
    paths = f"data.path={DATA}/sst2/train.tsv", f"data.test_path={DATA}/sst2/dev.tsv"
    result = regab("train", "data=text_csv", *paths, "model=transformer", "reg=strong")
    assert result.code == 0
    assert load_result(result.folder)["selected"]["test_accuracy"] >= 0.76
