"""Where torch or Hydra lack a name that they never promised, the public one gives the same numbers."""

import subprocess

import pytest
import torch
from hydra._internal.utils import get_args_parser

from regab import private
from regab.command import flags
from regab.errors import UsageError
from tests.conftest import SMALL, TRANSFORMER, curves, python, same
from tests.processes import rows

RUNS = [{"seed": 0, "reg.dropout.rate": 0.3}, {"seed": 1, "reg.dropout.rate": 0.3}]
MODELS = {
    "mlp": {},
    "narrow, with norms": {"model.widths": [3], "reg.norm.kind": "batch"},
    "convolutions": {"model": {"_target_": "regab.models.cnn.CNN", "channels": [4], "widths": [8]}},
    "transformer": TRANSFORMER,
}


@pytest.mark.parametrize("model", MODELS)
def test_torchs_public_vmap_gives_the_same_bits(small, monkeypatch, model):
    configs = [small(MODELS[model] | run) for run in RUNS]
    usual = curves(*configs)
    monkeypatch.setattr(private, "HAS_FUNCTORCH", False)
    assert all(same(a, b) for a, b in zip(curves(*configs), usual, strict=True))


def test_what_is_batched_is_known_without_functorch(monkeypatch):
    seen = []

    def look(x, w):
        seen.append((private.is_batched(x), private.is_batched(x @ w)))
        return x @ w

    for has in (True, False):
        monkeypatch.setattr(private, "HAS_FUNCTORCH", has and private.HAS_FUNCTORCH)
        torch.func.vmap(look, in_dims=(None, 0))(torch.ones(2, 3), torch.ones(4, 3, 2))
    assert seen == [(False, True)] * 2


def test_recurrent_layers_without_a_second_list_are_called_the_public_way():
    torch.manual_seed(0)
    for layer in (torch.nn.LSTM(3, 4, batch_first=True), torch.nn.GRU(3, 4, num_layers=2, bidirectional=True)):
        x, usual, own = torch.randn(2, 5, 3), [], dict(layer.named_parameters())
        for has in (True, False):
            tensors = {name: (p.detach() * 2).requires_grad_() for name, p in own.items()}
            for name, tensor in tensors.items():
                layer._parameters[name] = tensor
            recurrent = [layer] if has else [object()]  # has no names of parameters
            out = private.called(layer, recurrent, x)[0]
            usual.append([out, *torch.autograd.grad(out.square().sum(), list(tensors.values()))])
        assert all(torch.equal(a, b) and bool(a.any()) for a, b in zip(*usual, strict=True))


def test_adam_without_torchs_kernel_takes_the_same_steps(small, monkeypatch):
    configs = [small(run | {"optimizer.lr": 1e-2, "epochs": 3}) for run in RUNS]
    usual = curves(*configs)
    monkeypatch.delattr(torch, "_fused_adam_")
    others = curves(*configs)
    for a, b in zip(others, usual, strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-5)
    assert same(others[1], curves(configs[1])[0])  # and a run alone is what it is in a stack


LINES = [
    "a=1 -m b=2", "--cfg job a=1", "a=1 -c all --resolve", "--info", "-i plugins a=1", "--config-dir mine experiment=x",
    "-cd mine -m a=1,2", "--multirun --config-name=x a=1 b=2", "--hydra-help", "-sc install=bash", "a=1 -p x --cfg job",
    "--help", "reg.l1=1", "",
]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_words_are_sorted_as_by_hydras_own_parser(monkeypatch, line):
    usual = flags.flags_first(line.split())
    assert sorted(usual) == sorted(line.split())
    monkeypatch.setattr(flags, "_parser", flags.like_hydras)
    assert flags.flags_first(line.split()) == usual


def test_the_flags_are_hydras(monkeypatch):
    def options(parser):
        return {(*sorted(a.option_strings), a.nargs) for a in parser._actions if a.option_strings}

    assert options(flags.like_hydras()) == options(get_args_parser())
    monkeypatch.setattr(flags, "_parser", flags.like_hydras)
    with pytest.raises(UsageError, match="--mutlirun: unknown option; did you mean --multirun"):
        flags.flags_first(["--mutlirun", "a=1"])


@pytest.mark.slow
def test_a_run_without_any_of_these_names_has_the_same_numbers(tmp_path):
    hide = (
        "import sys, hydra._internal.utils as utils, torch, torch.func; sys.modules['torch._C._functorch'] = None; "
        "del utils.get_args_parser; from regab.cli import main; main()"
    )
    words = ("train", *SMALL, "optimizer=sgd", "reg.dropout=0.2", "curves=false")
    for code, folder in (("from regab.cli import main; main()", "usual"), (hide, "without")):
        command = python("-c", code, *words, f"hydra.run.dir={folder}")
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    usual, without = (rows(tmp_path / folder / "metrics.csv") for folder in ("usual", "without"))
    assert [row | {"seconds": ""} for row in without] == [row | {"seconds": ""} for row in usual]
