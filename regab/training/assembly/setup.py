"""From configurations of one structure to a stack that is ready to be trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch
from torch import nn

from regab import fields
from regab.config import digest, regularizers, trajectory
from regab.data.split import Data
from regab.errors import UsageError
from regab.measured import check_measured, metrics_of, own_measures, task_and_values, with_libraries
from regab.metrics import measure_of
from regab.models.foreign.alike import check_alike
from regab.models.foreign.places import is_foreign
from regab.own_code import own_code
from regab.regularizers.base import Chain, Regularizer
from regab.stacking import lanes_for
from regab.targets import arguments, locate
from regab.tasks.base import Task
from regab.training.ahead import drawn_ahead
from regab.training.assembly.build import build_model
from regab.training.assembly.data import load_data
from regab.training.assembly.facts import Facts
from regab.training.assembly.forward import TRIED, choose_forward_mode, origin
from regab.training.assembly.own_draws import seed_own
from regab.training.cost import count
from regab.training.device import device_of
from regab.training.explicit.model import written_out
from regab.training.graphs import with_graphs
from regab.training.loop import Training, batches
from regab.training.noise import Noise
from regab.training.optimizer.joined import examine_optimizers, join_optimizers, parts_in
from regab.training.stack import Stack
from regab.training.stopping import Stopping
from regab.training.watch import Watch

Config = dict[str, Any]


def set_up(configs: list[Config], ids: list[str] | None = None) -> Training:
    """A stack for these runs. They must agree in structure (``regab.config.structure``); ``ids`` are their digests,
    where these are known.

    Runs of equal trajectory, which differ in stopping rules alone, share a lane.
    """
    ids = ids or [digest(config) for config in configs]
    paths = [*map(trajectory, configs, ids)]
    order = list(dict.fromkeys(paths))
    lanes = dict(zip(reversed(paths), reversed(configs), strict=True))
    config, device = configs[0], device_of(configs[0])
    unused = lanes_for(len(order), device.type) - len(order)
    in_lanes = [lanes[path] for path in [*order, *order[-1:] * unused]]
    data = load_data(config["data"], device, config["task"], config["stack"]["memory"])
    chain = join_regularizers(in_lanes, device)
    chain.prepare(data)
    noise = Noise([c["seed"] for c in in_lanes], device, drawn_ahead(chain, device))
    built = [build_model(config, data, chain, seed) for seed in noise.seeds]
    example = data.train.x[:2].cpu()
    if is_foreign(built[0].model):
        check_alike([model for model, _ in built], example)
    mode = choose_forward_mode(
        built[0].model, data.train.x[:TRIED].cpu(), _answers(data), device, origin(config["data"])
    )
    stack = Stack(
        [model for model, _ in built],
        noise.run_to_seed.cpu(),
        example,
        vmapped=mode.vmapped,
        device=device,
        bf16=config["precision"] == "bf16",
        channels_last=mode.channels_last,
        draws=noise.of("forward", torch.device("cpu")) if mode.draws else None,
    )
    if any(method.keeps_start for method in chain.methods.values()):
        stack.keep_start()
    notes = built[0].notes + mode.notes + parts_in(config["optimizer"]).apply(stack, example)
    optimizer = join_optimizers([c["optimizer"] for c in in_lanes], stack)
    run_to_lane, task = np.array([order.index(path) for path in paths]), join_task(in_lanes, data, device)
    seed_own([*chain.methods.items(), ("task", task)], noise)
    training = Training(
        ids=ids,
        stack=stack,
        data=data,
        task=task,
        metrics=with_libraries(metrics_of(config, data)),
        chain=chain,
        optimizer=optimizer,
        schedule=_schedule(config),
        noise=noise,
        watch=Watch(stack, Stopping(configs), run_to_lane, config["epochs"]),
        lr=optimizer.lr,
        epochs=config["epochs"],
        batch_size=config["batch_size"],
        code=own_code(config),
        notes=notes,
    )
    return with_graphs(training, config["stack"]["graphs"])


def _schedule(config: Config) -> Any:
    schedule = locate(config["schedule"], "schedule")(**arguments(config["schedule"]))
    if monitor := getattr(schedule, "monitor", ""):
        schedule.upwards = measure_of(monitor, own_measures(config)).upwards
    return schedule


def _answers(data: Data) -> list[tuple[int, ...]]:
    return data.task.answers(data.train.y, data.classes)


def join_task(configs: list[Config], data: Data, device: torch.device) -> Task:
    """The task of these runs, its numbers ``[V]``."""
    named = [task_and_values(config["task"]) for config in configs]
    if named[0] is None:
        data.task.prepare(data.train.y, data.classes, data.names)
        return data.task
    task: Task = fields.join(named[0][0], [one[1] for one in named if one], _to(device))
    task.prepare(data.train.y, data.classes, data.names)
    return task


def examine(configs: list[Config], seeds: Collection[int] = ()) -> Facts:
    """What runs of one structure are like, which have these seeds, of which one stands for all in ``configs``.

    Raises UsageError where data, model, regularizers and device do not go together, so that nothing is trained before
    all of a sweep is known to fit.
    """
    config, device, cpu = configs[0], device_of(configs[0]), torch.device("cpu")
    data = load_data(config["data"], cpu, config["task"], config["stack"]["memory"])
    for each in configs:
        _check_methods(each, data)
        check_measured(each, data, _monitors(each))
        join_task([each], data, cpu)
    chain = join_regularizers(configs, cpu)
    chain.prepare(data)
    model, _ = build_model(config, data, chain, config["seed"])
    mode = choose_forward_mode(model, data.train.x[:TRIED], _answers(data), device, origin(config["data"]))
    if is_foreign(model) and (others := [seed for seed in seeds if seed != config["seed"]][:1]):
        check_alike([model, *(build_model(config, data, chain, seed).model for seed in others)], data.train.x[:2])
    _check_batch_norm(model, len(data.train), config["batch_size"])
    stackable = examine_optimizers(
        [c["optimizer"] for c in configs], (join_regularizers([c], cpu) for c in configs), model, data.train.x[:2]
    )
    flops, activations = count(model, data.train.x[: 64 if data.kind == "tokens" else 2])  # texts differ in length
    parameters = sum(p.numel() for p in model.parameters())
    n = len(data.train)
    batch = min(config["batch_size"], n)
    return Facts(
        stacked=stackable and (mode.vmapped or written_out(model, data.train.x.shape[1:], device)),
        device=device.type,
        gpus=torch.cuda.device_count() if device.type == "cuda" else 0,
        flops=flops,
        n_train=n,
        n_evaluated=n + len(data.val) + len(data.test),
        data_fingerprint=data.fingerprint,
        code=own_code(config),
        said=data.said,
        columns=data.columns,
        # values, gradients, two optimizer means and an update; activations, as many gradients and factors
        bytes=4 * (5 * parameters + 3 * batch * (activations + math.prod(data.shape))),
        data_bytes=data.nbytes,
    )


def join_regularizers(configs: list[Config], device: torch.device) -> Chain:
    """The methods that at least one run uses, with strengths ``[V]``.

    The others, being neutral, are left out, and so are stopping rules (see ``stopping``).
    """
    runs = [regularizers(config) for config in configs]
    joined = {}
    for name, (cls, _) in runs[0].items():
        values = [run[name][1] for run in runs]
        if not cls.reads_curves_only() and not all(fields.is_neutral(cls, v) for v in values):
            joined[name] = fields.join(cls, values, _to(device))
    return Chain(joined)


def _check_methods(config: Config, data: Data) -> None:
    for name, (cls, values) in regularizers(config).items():
        if not fields.is_neutral(cls, values):
            if reason := data.task.refuses(cls):
                raise UsageError(f"reg.{name}: {reason}")
            _check_inputs(name, cls, "categories" if data.given.get("categories") else data.kind)


def _monitors(config: Config) -> dict[str, str]:
    """What stopping rules in use and the schedule go by, by their keys."""
    nodes = {
        f"reg.{n}": values for n, (cls, values) in regularizers(config).items() if not fields.is_neutral(cls, values)
    }
    nodes["schedule"] = config["schedule"]
    return {f"{key}.monitor": node["monitor"] for key, node in nodes.items() if "monitor" in node}


def _check_inputs(name: str, cls: type[Regularizer], kind: str) -> None:
    if cls.inputs and kind not in cls.inputs:
        raise UsageError(f"reg.{name}: acts on {' or '.join(cls.inputs)}, but the inputs of this data set are {kind}")


def _check_batch_norm(model: nn.Module, n_train: int, batch_size: int) -> None:
    smallest = min(part.stop - part.start for part in batches(n_train, batch_size))
    if smallest == 1 and any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules()):
        raise UsageError(f"batch_size={batch_size}: batch norm needs at least two training examples in every batch")


def _to(device: torch.device) -> Callable[[list[float]], torch.Tensor]:
    return lambda values: torch.tensor(values, device=device)
