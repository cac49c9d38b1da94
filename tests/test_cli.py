"""The command line: what it answers, what it refuses, and what it does not import."""

import inspect
import subprocess

import pytest
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from regab.command.app import explain
from regab.errors import UsageError
from regab.regularizers import first_field, methods
from regab.training.assembly.setup import examine
from tests.conftest import SMALL, python

WRONG = {
    "reg.dropuot=0.5": "reg.dropuot: unknown key; did you mean reg.dropout?",
    "model.widhts=[3]": "model.widhts: unknown key; did you mean model.widths?",
    "reg.dropout=abc": "reg.dropout.rate=abc: must be a number",
    "reg.dropout=1.5": "reg.dropout.rate=1.5: must be in [0, 1)",
    "reg.dropout=nan": "reg.dropout.rate=nan: must be a number",
    "model.widths=16": "model.widths=16: must be a list, like [16]",
    "model._target_=nowhere.Net": "model._target_=nowhere.Net: there is no module nowhere; is it in this folder?",
    "data.n_train=100000": "data.n_train=100000: must be from 10 (one example per class) to 1150 (all there are)",
    "reg.dropout=0,0.5": "reg.dropout.rate=0,0.5: several values make a sweep, which needs -m",
    "reg.extra.mine._target_=json.JSONDecoder": "must be a subclass of regab's Regularizer",
    "experiment=dropout": "experiment=dropout: unknown option; did you mean experiment=dropout_after_fc2?",
    "--bogus": "--bogus: unknown option",
    "--seeds=few": "--seeds few: must be a whole number from 1",
    "epochs=[": "epochs=[",
    "epochs=1e1": "epochs=10.0: must be a whole number; write 10",
}
ALIKE = {  # other keys, the same kinds of mistakes
    "+foo=1": "foo: unknown key",
    "reg.dropout.kind=alpha": "reg.dropout.kind=alpha: must be one of standard, spatial, gaussian",
    "model.widths=[0]": "model.widths=[0]: every size must be at least 1",
    "model=rednet": "model=rednet: unknown option; did you mean model=resnet?",
    "device=tpu": "device=tpu: must be auto, cpu, cuda or mps",
    "data.val_fraction=0.0001": "data.val_fraction=0.0001: gives 0 of 1438 examples; choose another share",
    "reg.extra.dropout._target_=a.B": "reg.extra.dropout: regab has one of that name; choose another",
    "modle=cnn": "modle: unknown key; did you mean model?",
    "+model.depth=3": "model.depth: unknown key",
    "+reg.dropout.p=0.1": "reg.dropout.p: unknown key",
    "+data.foo=1": "data.foo: unknown key",
    "reg.early_stopping=0.5": "reg.early_stopping.patience=0.5: must be in [1, inf]",
    "optimizer.lr=-1": "optimizer.lr=-1.0: must be in (0, inf)",
    "optimizer.lr=fast": "optimizer.lr=fast: must be a number",
    "optimizer.lr=null": "optimizer.lr=null: needs a value",
    "batch_size=1.5": "batch_size=1.5: must be a whole number",
    "data.n_train=1e2": "data.n_train=100.0: must be a whole number; write 100",
    "model.widths=[8,x]": "model.widths=[8, 'x']: x must be a whole number",
    "stack.graphs=maybe": "stack.graphs=maybe: must be true or false",
    "stack=5": "stack=5: has keys of its own; set one of those",
    "metrics.names=f1": "metrics.names: must be a list, like [a,b]",
    "headline=[f1]": "headline=['f1']: must be one text",
    "seed=null": "seed: needs a value",
    "optimizer.beta1=1": "optimizer.beta1=1.0: must be in [0, 1)",
    "data=mnits": "data=mnits: unknown option; did you mean data=mnist?",
    "model._target_=json.Net": "model._target_=json.Net: json has no Net",
    "model._target_=Net": "model._target_=Net: must be written package.module.Name",
    "epochs=0": "epochs=0: must be in [1, inf)",
    "seed=-1": "seed=-1: must be in [0, inf)",
    "batch_size=0": "batch_size=0: must be in [1, inf)",
    "stack.size=many": "stack.size=many: must be auto or a whole number from 1",
    "data.n_train=3": "data.n_train=3: must be from 10",
    "data.val_fraction=1": "data.val_fraction=1.0: must be in [0, 1)",
    "data.label_noise=2": "data.label_noise=2.0: must be in [0, 1]",
    "hydra/launcher=slrm": "hydra/launcher=slrm: unknown option",
    "--design=latin": "--design latin: must be one of grid",
}
WRONG_TOGETHER = {
    "model=linear reg.dropout=0.5 reg.dropout.where=hidden": "has no such place for dropout; it has: input, output",
    "model=linear reg.norm=batch": "reg.norm: this model has no place for a normalization",
    "data=wine model=cnn": "model: a CNN needs images, but an input has 13 plain features; use model=mlp",
    "model=mlp batch_size=1 reg.norm=batch": "batch_size=1: batch norm needs at least two training examples",
    "data.val_fraction=0 reg.early_stopping=3": "reg.early_stopping.patience=3.0: needs data.val_fraction above 0",
    "data.val_fraction=0 schedule=plateau": "schedule=plateau: needs data.val_fraction above 0",
    "data=mnist data.root=nowhere data.download=false": "data.root=nowhere: no readable MNIST here",
    "-m reg.dropout=0,1.5 seed=0,1": "must be in [0, 1) (in the run reg.dropout.rate=1.5 seed=0)",
    "-m model=mlp,linear reg.norm=none,batch": "(in the run model=linear reg.norm.kind=batch)",
    "-m reg.l2=interval(0,1)": "reg.l2.strength=interval(0,1): this design needs a list of values",
    "-m seed=range(0)": "has no values, so there is nothing to train",
}  # fmt: skip


@pytest.mark.parametrize(
    "words", [*WRONG, *WRONG_TOGETHER, *(pytest.param(words, marks=pytest.mark.slow) for words in ALIKE)]
)
def test_a_mistake_is_one_line_with_code_2_and_nothing_written(regab, tmp_path, words):
    result = regab("train", *words.split())
    assert (WRONG | WRONG_TOGETHER | ALIKE)[words] in result.err
    assert result.err.startswith("regab: ")
    assert result.err.count("\n") == 1
    assert result.code == 2
    assert result.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", [word for word in ALIKE if not word.startswith(("-", "hydra"))])
def test_so_are_mistakes_alike_without_the_command_line_around_them(configure, word):
    with pytest.raises((UsageError, OmegaConfBaseException, HydraException)) as refused:
        examine([configure(word)])
    told = str(refused.value) if isinstance(refused.value, UsageError) else explain(refused.value)
    assert ALIKE[word] in told
    assert "\n" not in told


@pytest.mark.skipif("__import__('torch').cuda.is_available()", reason="this machine has CUDA")
def test_a_device_that_is_absent_is_refused(regab):
    result = regab("train", "device=cuda")
    assert result.err == "regab: device=cuda: this machine has no such device; use device=auto or device=cpu\n"
    assert result.code == 2


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("seeed: 3\n", "experiment/bad.yaml: seeed: unknown key; did you mean seed?"),
        ("reg: {dropout: {rate: x}}\n", "experiment/bad.yaml: reg.dropout.rate=x: must be a number"),
        ("seed: {3\n", "bad.yaml"),
    ],
)
def test_a_mistake_in_an_experiment_file_is_one_line(regab, tmp_path, file, words):
    folder = tmp_path / "mine" / "experiment"
    folder.mkdir(parents=True)
    (folder / "bad.yaml").write_text(f"# @package _global_\n{file}")
    result = regab("train", "--config-dir", "mine", "experiment=bad")
    assert words in result.err
    assert result.err.count("\n") == 1
    assert result.code == 2


def test_an_experiment_file_without_its_header_is_told_so(regab, tmp_path):
    folder = tmp_path / "mine" / "experiment"
    folder.mkdir(parents=True)
    (folder / "bad.yaml").write_text("seed: 3\n")
    result = regab("train", "--config-dir", "mine", "experiment=bad")
    cure = "must begin with the line: # @package _global_ (saved without a BOM, if there is one)"
    assert result.err == f"regab: experiment/bad.yaml: {cure}\n"


@pytest.mark.slow
def test_experiments_of_the_users_own_are_found(regab, tmp_path):
    folder = tmp_path / "mine" / "experiment"
    folder.mkdir(parents=True)
    text = "# @package _global_\nname: mine\nhydra: {sweeper: {params: {reg.dropout: '0,0.5'}}}\n"
    (folder / "mine.yaml").write_text(text)
    result = regab("train", "-m", "--config-dir", "mine", "experiment=mine", *SMALL)
    assert result.code == 0
    assert result.folder.parent.name == "mine"
    assert len(list(result.folder.glob("dropout.rate=*"))) == 2


class Pressed:
    """Ctrl-C while a class is made."""

    def __set_name__(self, owner, name):
        raise KeyboardInterrupt


class Broken:
    def __set_name__(self, owner, name):
        raise ValueError("broken")


def test_ctrl_c_while_a_class_is_made_is_an_interruption_and_no_crash(regab, monkeypatch):
    """Python 3.11 makes it a RuntimeError; it does so with what is none, which stays one."""
    monkeypatch.setattr("regab.cli.train", lambda words: type("Made", (), {"field": Pressed()}))
    interrupted = regab("train")
    assert (interrupted.code, interrupted.err) == (130, "regab: interrupted\n")
    monkeypatch.setattr("regab.cli.train", lambda words: type("Made", (), {"field": Broken()}))
    with pytest.raises((RuntimeError, ValueError)):
        regab("train")


def test_a_crash_of_ours_keeps_its_traceback(regab, monkeypatch):
    import regab.training.assembly.setup as setup

    monkeypatch.setattr(setup, "build_model", None)
    result = regab("train", *SMALL)
    assert "Traceback" in result.err
    assert result.err.endswith("regab: TypeError: 'NoneType' object is not callable\n")
    assert result.code == 1
    assert "NoneType" in (result.folder / "error.txt").read_text()


@pytest.mark.slow
def test_flags_may_stand_anywhere(regab):
    assert regab("train", "epochs=1", "-m", *SMALL[:3], "seed=0,1").code == 0


def test_help_version_and_list_answer(regab):
    assert "regab train" in regab("--help").out
    assert regab("--version").out.startswith("regab 0.")
    listed = regab("list").out
    for word in ("digits", "regularized_cnn", "reg.dropout.rate", "Srivastava", "dropout_after_fc2", "one_cycle"):
        assert word in listed
    assert "mnist" in regab("list", "data").out
    assert regab("list", "dat").code == 2
    assert regab().code == 2
    assert regab("trian").err.startswith("regab: trian: unknown command")
    text = regab("train", "--help").out
    for word in ("reg.<method>=<value>", "regularized_cnn", "patience: .inf", "batch_size: 64"):
        assert word in text


def test_a_card_says_all_about_a_method(regab):
    cards = regab("list", "reg", "--long").out.split("\nreg.")
    assert len(cards) == len(methods())
    (mixup,) = [card for card in cards if card.startswith("mixup:")]
    for words in ("Keys: alpha=0.0", "reg=mixup: alpha=0.2", "For: images", "λ·x + (1-λ)·x'"):
        assert words in mixup
    for words in ("Range: alpha in [0, inf)", "Neutral: 0", "Helps", "Costs", "Interactions:", "Paper: Zhang"):
        assert words in mixup
    assert regab("list", "data", "--long").err.startswith("regab: list data --long: only methods have cards")


LOOKS = ("--help", "--version", "list", "train --help", "train --cfg job", "train reg.l2=1 --cfg job", "-sc query=bash")


def test_looking_does_not_import_torch_and_writes_nothing(tmp_path):
    code = (
        "import sys, os; os.environ['COMP_LINE'] = 'regab train reg.dropout.'\n"
        "from regab.cli import main\n"
        f"for words in {LOOKS!r}:\n"
        "    try: main(words.split())\n"
        "    except SystemExit as stop: assert not stop.code, (words, stop.code)\n"
        "    heavy = {'torch', 'torchvision', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "    assert not heavy, (words, heavy)\n"
        "    assert not os.listdir(), words"
    )
    done = subprocess.run(python("-c", code), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("regab ", ["list", "train"]),
        ("regab tr", ["train"]),
        ("regab train reg.dropout.", ["reg.dropout.kind=", "reg.dropout.rate=", "reg.dropout.where="]),
        ("regab train model=", ["model=cnn", "model=mlp"]),
    ],
)
def test_tab_completes_commands_groups_and_keys(regab, monkeypatch, line, words):
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    out = regab("-sc", "query=bash").out.split()
    assert set(words) <= set(out)


def test_python_dash_m_works(tmp_path):
    done = subprocess.run(python("-m", "regab", "--version"), capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.startswith("regab ")


@pytest.mark.parametrize("command", ["", "train", "data", "report", "ls", "watch", "predict", "list"])
def test_help_is_asked_for_before_and_behind_a_command(regab, command):
    before, behind = regab("help", *command.split()), regab(*command.split(), "--help")
    assert (before.code, behind.code) == (0, 0)
    assert before.out == behind.out
    assert "regab" in before.out.splitlines()[0]


def test_a_list_of_what_is_no_group_prints_nothing_else(regab):
    done = regab("list", "reg", "--long", "--json")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("regab: list --json: unknown group; there is: data, model")


def test_list_has_help(regab):
    for option in ("-h", "--help"):
        done = regab("list", option)
        assert (done.code, done.err) == (0, "")
        assert "regab list [data | model" in done.out


def test_citations_are_listed_whole(regab):
    listed = {line.split()[0]: line for line in regab("list", "reg").out.splitlines()}
    assert listed["reg.word_dropout.rate"].endswith("Dai, Jozefowicz & Bengio 2016, CoNLL, section 3.1]")
    for name, cls in methods().items():
        line = listed[f"reg.{name}.{first_field(cls)}"]
        assert line.endswith("]")
        assert " ".join(inspect.getdoc(cls).split()).count(line.rpartition(" [")[2][:-1].removeprefix("no paper")) >= 1


@pytest.mark.parametrize("cause", [{}, {"OC_CAUSE": "1"}])
def test_a_mistake_in_a_file_is_one_line_though_its_error_is_its_own_cause(regab, tmp_path, monkeypatch, cause):
    for name, value in cause.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    (tmp_path / "mine" / "experiment" / "bad.yaml").write_text("# @package _global_\nreg:\n  dropuot:\n    rate: 0.5\n")
    done = regab("train", "--config-dir", "mine", "experiment=bad")
    assert done.code == 2
    assert done.err.startswith("regab: experiment/bad.yaml: reg.dropuot: unknown key; did you mean reg.dropout?")
    assert done.err.count("\n") == 1
