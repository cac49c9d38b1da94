"""What a device that is not the CPU is asked for, and when: waiting for it costs more than what is waited for.

On PyTorch's ``meta`` device tensors have shapes and no numbers: whatever reads one, or mixes devices, fails there.
"""

from collections import Counter
from functools import partial

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from regab.config import digest
from regab.data.split import Data, Split
from regab.errors import UsageError
from regab.measured import metrics_of
from regab.metrics import metrics
from regab.models.mlp import MLP
from regab.tasks.classification import Classification
from regab.tasks.regression import Regression
from regab.training.assembly.setup import examine, set_up
from regab.training.evaluate import chunk_size, evaluate, weight_metrics
from regab.training.graphs import WARM_UP, Graphs, obstacle, with_graphs
from regab.training.loop import train
from regab.training.optimizer import muon
from regab.training.optimizer.classic import Adam
from regab.training.schedule import Plateau
from regab.training.stack import Stack
from regab.workers import trainer
from tests.conftest import SMALL

READS = ("cpu", "item", "tolist", "numpy", "__bool__", "__float__", "__int__", "__index__", "nonzero")
META = torch.device("meta")


class Reads(TorchFunctionMode):
    """Counts by name what would wait for a GPU."""

    def __init__(self):
        super().__init__()
        self.found = Counter()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        self.found[name] += name in READS
        return function(*args, **(kwargs or {}))


def test_an_epochs_values_are_read_by_one_copy(small):
    trained = set_up([small({"metrics": {"names": ["accuracy", "log_loss", "top5"], "extra": {}}})])
    next(train(trained))
    with Reads() as reads:
        measured = evaluate(trained.stack, trained.data, trained.task, trained.metrics)
        trained.watch.note(0, measured, trained.stack.state)
    assert len(measured) >= 8
    assert +reads.found == {"cpu": 1, "numpy": 1}


@pytest.mark.slow  # torch takes 3 s to learn the shapes
@pytest.mark.parametrize(
    ("task", "names"),
    [(Classification(), ["accuracy", "log_loss", "top5"]), (Regression(), ["rmse", "mae", "r2", "pinball"])],
)
def test_a_device_is_asked_for_nothing_while_it_evaluates(task, names, configure):
    classes = 7 if isinstance(task, Classification) else 1
    y = torch.arange(700) % 7 if classes > 1 else torch.linspace(-1, 1, 700)
    cpu = Data(*[Split(torch.randn(700, 5), y)] * 3, classes, task=task)
    metrics = metrics_of(configure(f"metrics=[{','.join(names)}]"), cpu)
    stack = Stack(
        [MLP((5,), classes, [8])], torch.zeros(3, dtype=torch.long), torch.randn(2, 5), vmapped=True, device=META
    )
    found = evaluate(stack, cpu.to(META), task, metrics) | weight_metrics(stack.values)
    assert {tuple(value.shape) for value in found.values()} == {(3,)}
    assert {value.device for value in found.values()} == {META}
    assert {f"test_{name}" for name in ("loss", *names)} <= found.keys()


def mlp_stack(device):
    return Stack([MLP((6,), 5, [8])], torch.zeros(3, dtype=torch.long), torch.randn(2, 6), vmapped=True, device=device)


SPLIT = Split(torch.randn(700, 6), torch.arange(700) % 5)


def test_a_gpu_evaluates_as_many_examples_at_once_as_there_is_room_for(monkeypatch):
    stack = mlp_stack(META)
    assert 8 + 8 + 5 <= stack.activations <= 64  # of a layer, its ReLU, and the outputs; places count what they pass on
    each = 3 * (6 + stack.activations + 1)  # of three runs, inputs and targets included
    found = []
    for room in (2**30, each * 650, 1):
        monkeypatch.setattr("regab.training.evaluate.ROOM", room)
        found.append([chunk_size(SPLIT, stack), chunk_size(SPLIT, mlp_stack(torch.device("cpu")))])
    assert found == [[700, 512], [650, 512], [512, 512]]


def test_a_split_has_the_same_values_in_one_pass(monkeypatch):
    data, task = Data(SPLIT, SPLIT, SPLIT, 5), Classification()
    measured = {name: metrics()[name]() for name in ("accuracy", "f1")}
    stack = mlp_stack(torch.device("cpu"))
    parts = evaluate(stack, data, task, measured)
    monkeypatch.setattr("regab.training.evaluate.chunk_size", lambda *_: 700)
    torch.testing.assert_close(evaluate(stack, data, task, measured), parts)


def test_a_schedule_goes_on_from_a_state_where_it_has_begun():
    schedule = Plateau()
    schedule.start(torch.ones(2, device=META), 5, 5)
    schedule.load({name: torch.zeros(2) for name in schedule.state()})
    assert {name: str(value.device) for name, value in schedule.state().items()} == {
        "base": "meta", "best": "cpu", "bad": "cpu", "cooling": "cpu",
    }  # fmt: skip


REFUSED = ("_local_scalar_dense", "nonzero", "masked_select", "lift_fresh", "uniform_", "normal_", "rand")


class Tape(TorchDispatchMode):
    """Records as a CUDA graph does, on the CPU: every operation with the memory and the numbers that it was given.

    Recording works once, to know the shapes, and then puts ``kept`` tensors back where they were. Refused is what CUDA
    refuses: numbers and shapes that depend on numbers, tensors made of Python's, and draws of generators that it does
    not know.
    """

    def __init__(self, kept, most=10**6):
        super().__init__()
        self.kept, self.most, self.run_first = kept, most, 0  # how many operations of a step it can record

    def run(self, function, inputs):
        self.run_first += 1
        return function(*inputs)

    def record(self, function, inputs):
        tensors = [t.clone() for t in self.kept]
        self.done, self.whole = [], False
        try:
            with self:
                outputs = function(*inputs)
            self.whole = True
        finally:
            for tensor, was in zip(self.kept, tensors, strict=True):
                tensor.copy_(was)
            if not self.whole:
                raise RuntimeError("operation failed due to a previous error during capture")
        return partial(repeat, self.done), outputs

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name, kwargs = str(function), kwargs or {}
        by_truth = "index" in name and any(getattr(t, "dtype", 0) == torch.bool for t in tree_leaves(args[1:2]))
        if by_truth or any(word in name for word in REFUSED):
            raise RuntimeError(f"{name} while a step is recorded")
        if len(self.done) == self.most:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.done.append((function, args, kwargs, function(*args, **kwargs)))
        return self.done[-1][-1]


@torch.no_grad()
def repeat(done):
    for function, args, kwargs, found in done:
        for old, new in zip(tree_leaves(found), tree_leaves(function(*args, **kwargs)), strict=True):
            if old is not None and old.data_ptr() != new.data_ptr():  # neither a view nor in place
                old.copy_(new)


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """What is done otherwise on a CPU is done as on a GPU."""
    monkeypatch.setattr("regab.training.stack.written_out", lambda *_: False)
    monkeypatch.setattr("regab.training.assembly.setup.drawn_ahead", lambda chain, device: [*chain.methods])
    monkeypatch.setattr(Adam, "_row_by_row", lambda self, s, v, g, lr: self._as_one(s, v, g, lr[:, None]))
    monkeypatch.setattr(muon, "orthogonalized", muon._newton_schulz)


def with_tape(trained, **options):
    kept = [*trained.stack.state, trained.stack.gradients, *tree_leaves(trained.optimizer_state)]
    tape = Tape([tensor for tensor in kept if isinstance(tensor, torch.Tensor)], **options)
    trained.graphs = Graphs(trained.noise, tape, trained.notes)
    return trained


STEPS = {
    "batches of one size": "data.n_train=160",
    "linear": "reg.dropout.rate=0.3 reg.dropout.during=linear reg.l2.strength=0.01 reg.l2.during=linear",
    "one seed for all": "seed=0 optimizer=sgd",
}
MORE = {
    "one cycle and muon": "optimizer=muon schedule=one_cycle",
    "plateau, nadam and clipping": "optimizer=nadam schedule=plateau schedule.patience=0 reg.gradient_clipping.limit=1",
    "warm-up and rates by layer": "optimizer=sgd schedule.warmup=0.3 optimizer.layer_decay=0.5 reg.norm.kind=batch",
    "cosine": "reg.gradient_noise.eta=1e-4 reg.gradient_noise.during=cosine reg.sam.rho=0.05 reg.sam.during=cosine",
    "off after": "reg.max_norm.limit=1 reg.max_norm.during=off_after reg.mixup.alpha=0.2 reg.mixup.during=off_after",
    "averages": "reg.ema.beta=0.9 reg.norm.kind=batch reg.weight_noise.deviation=0.01",
    "of images": "reg.shift_flip_crop.shift=1 reg.cutmix.alpha=1 reg.random_erasing.probability=0.5",
    "of outputs": "reg.label_smoothing.strength=0.1 reg.confidence_penalty.strength=0.1 task.focus=1",
}


@pytest.mark.parametrize(
    "words", [*STEPS.values(), *(pytest.param(words, marks=pytest.mark.slow) for words in MORE.values())]
)
@pytest.mark.usefixtures("as_on_a_gpu")
def test_a_recorded_step_repeats_what_steps_do(words, configure):
    configs = [configure(*SMALL, "epochs=5", f"seed={seed}", *words.split()) for seed in (0, 1)]
    launched, recorded = set_up(configs), with_tape(set_up(configs))
    assert not obstacle(recorded)
    for records, others in zip(train(launched), train(recorded), strict=True):
        assert all(map(torch.equal, launched.stack.state, recorded.stack.state))
        assert [r.values | {"seconds": 0} for r in records] == [r.values | {"seconds": 0} for r in others]
    assert len(recorded.graphs.recorded) == 2
    assert recorded.graphs.recorder.run_first == 2 * WARM_UP


@pytest.mark.parametrize("most", [0, 40, 130, pytest.param(250, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("as_on_a_gpu")
def test_steps_that_cannot_be_recorded_are_taken_once_and_a_note_says_why(most, configure):
    words = "reg.dropout.rate=0.3 reg.norm.kind=batch reg.sam.rho=0.05 reg.l2.strength=0.01 reg.l2.during=linear"
    configs = [configure(*SMALL, "epochs=3", f"seed={seed}", *words.split()) for seed in (0, 1)]
    launched, refused = set_up(configs), with_tape(set_up(configs), most=most)
    for records, others in zip(train(launched), train(refused), strict=True):
        assert all(map(torch.equal, launched.stack.state, refused.stack.state))
        assert [r.values | {"seconds": 0} for r in records] == [r.values | {"seconds": 0} for r in others]
    why = "CUDA cannot record them (RuntimeError: operation not permitted when stream is capturing)"
    assert refused.notes == [*launched.notes, f"stack.graphs: steps are launched from Python: {why}"]


@pytest.mark.usefixtures("as_on_a_gpu")
def test_a_note_that_comes_of_a_step_is_shown_and_kept(regab, monkeypatch):
    monkeypatch.setattr(trainer, "set_up", lambda *given: with_tape(set_up(*given), most=0))
    result = regab("train", *SMALL)
    assert result.code == 0
    assert result.out.count("steps are launched from Python: CUDA cannot record them") == 1
    assert "CUDA cannot record them" in (result.folder / "result.json").read_text()


WAITING = {
    "reg.l1_ball=20": "reg.l1_ball",
    "reg.rand_augment.probability=1": "reg.rand_augment",
    "task=quantile data=diabetes data.n_train=150": "task",
}


@pytest.mark.parametrize(("words", "key"), WAITING.items())
@pytest.mark.usefixtures("as_on_a_gpu")
def test_what_waits_for_a_gpu_in_a_step_cannot_be_recorded(words, key, configure):
    recorded = with_tape(set_up([configure(*SMALL, *words.split())]))
    assert obstacle(recorded) == f"{key} waits for the GPU in every step"
    [*train(recorded)]
    assert "while a step is recorded" in recorded.notes[-1]


OTHERS = {
    "optimizer waits for the GPU in every step": {"optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1}},
    "model is not regab's own": {"model": {"_target_": "tests.foreign.Plain"}},
    "the model takes one run after the other": {
        "model": {"_target_": "regab.models.cnn.CNN", "channels": [4], "widths": [8]}
    },
}


@pytest.mark.parametrize(("reason", "values"), OTHERS.items())
def test_steps_that_are_not_recorded_say_why(reason, values, small):
    trained = with_graphs(set_up([small(values)]), asked=True)
    assert trained.graphs is None
    assert trained.notes[-1] == f"stack.graphs: steps are launched from Python: {reason}"


def test_graphs_are_refused_where_there_are_none(configure):
    config = configure(*SMALL, "device=cpu", "stack.graphs=true")
    with pytest.raises(UsageError, match=r"stack\.graphs=true: only CUDA has them, and device=cpu not; leave it out$"):
        examine([config])
    assert digest(config) == digest(configure(*SMALL, "device=cpu"))
