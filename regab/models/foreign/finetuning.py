"""Beginning from weights that were trained before, and what of a model is not trained."""

from __future__ import annotations

import difflib
import fnmatch
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from regab.errors import UsageError, first_line

Tensors = dict[str, Tensor]
WRAPPED = ("state_dict", "model_state_dict", "model")  # what checkpoints of other programs call the weights


@dataclass
class FineTuning:
    """What a model begins with, and what of it stays as it is.

    ``weights``: a file of tensors by name (``.pt``, ``.pth``, ``.bin`` of ``torch.save``, or ``.safetensors``), all of
    which the model must have, and no others. Only the output layer may be missing or of another number of classes: it
    then keeps its initial weights. ``freeze``: parameters that are not trained, by names or patterns (``layer1``, for
    all that begins with ``layer1.``; ``*.bias``). The batch norms among them keep their running statistics too;
    ``freeze_norms``: all batch norms do, and normalize by them in training (Chollet's advice for fine-tuning on few
    examples).
    """

    weights: str | None = None
    freeze: list[str] = field(default_factory=list)
    freeze_norms: bool = False

    def __call__(self, model: nn.Module, outputs: int) -> list[str]:
        """Change the model; what was done, in sentences. Raises UsageError where file or names do not fit."""
        notes = [] if self.weights is None else [load_weights(model, Path(self.weights), outputs)]
        frozen = [name for pattern in self.freeze for name in _matching(model, pattern, "model.freeze")]
        for name in frozen:
            model.get_parameter(name).requires_grad_(False)
        norms = {n: m for n, m in model.named_modules() if isinstance(m, _BatchNorm) and self._keeps(m, set(frozen), n)}
        for norm in norms.values():
            norm.train = partial(_stay_in_evaluation, norm)  # type: ignore[method-assign, assignment]
            norm.eval()
        return notes

    def _keeps(self, norm: nn.Module, frozen: set[str], name: str) -> bool:
        own = {f"{name}.{key}".lstrip(".") for key, _ in norm.named_parameters(recurse=False)}
        return self.freeze_norms or (bool(own) and own <= frozen)


def _stay_in_evaluation(norm: nn.Module, mode: bool = True) -> nn.Module:
    return nn.Module.train(norm, False)


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern means a parameter: it is its name, a part of the model that it is in, or fits it with ``*``."""
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name, f"{pattern}.*")


def _matching(model: nn.Module, pattern: str, key: str) -> list[str]:
    names = [name for name, _ in model.named_parameters(remove_duplicate=False)]  # what is shared by each of its names
    found = [name for name in names if matches(name, pattern)]
    if not found:
        parts = [name for name, _ in model.named_modules() if name]
        near = difflib.get_close_matches(pattern, [*parts, *names], 1) or names[:1]
        raise UsageError(f"{key}={pattern}: no parameter of this model is called so; there is {near[0]}")
    return found


def load_weights(model: nn.Module, path: Path, outputs: int) -> str:
    """Put a file's tensors into the model; what was done, in a sentence. ``outputs`` is the length of the logits.

    Raises UsageError where the file cannot be read, or its tensors are others than the model's.
    """
    saved, own = _without_prefix(_read(path), model), model.state_dict()
    head = {n for n, t in own.items() if t.ndim and len(t) == outputs and (n not in saved or _other_head(saved[n], t))}
    shared = {t.data_ptr() for n, t in own.items() if n in saved and t.numel()}
    missing = [n for n, t in own.items() if n not in saved and n not in head and t.data_ptr() not in shared]
    wrong = [n for n, t in own.items() if n in saved and n not in head and saved[n].shape != t.shape]
    problems = {"it lacks": missing, "the model has no": [n for n in saved if n not in own], "of another shape": wrong}
    found = [f"{words} {names[0]}{_more(names)}" for words, names in problems.items() if names]
    if found:
        raise UsageError(f"model.weights={path}: does not fit {type(model).__name__}: {'; '.join(found)}")
    model.load_state_dict({n: t for n, t in saved.items() if n not in head}, strict=False)
    new = f"; new, as for {outputs} outputs: {', '.join(sorted(head))}" if head else ""
    return f"{len(saved.keys() - head)} tensors from {path}{new}"


def _other_head(saved: Tensor, own: Tensor) -> bool:
    return saved.ndim == own.ndim and saved.shape[1:] == own.shape[1:] and len(saved) != len(own)


def _more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _read(path: Path) -> Tensors:
    if not path.is_file():
        raise UsageError(f"model.weights={path}: there is no such file")
    try:
        saved = _safetensors(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"model.weights={path}: cannot be read as tensors by name ({first_line(error)})") from error
    inner = next((saved[key] for key in WRAPPED if isinstance(saved, dict) and isinstance(saved.get(key), dict)), saved)
    if not (isinstance(inner, dict) and inner and all(isinstance(tensor, Tensor) for tensor in inner.values())):
        raise UsageError(f"model.weights={path}: holds no tensors by name; save model.state_dict()")
    return inner


def _safetensors(path: Path) -> Any:
    try:
        from safetensors.torch import load_file
    except ModuleNotFoundError as error:
        raise UsageError(f"model.weights={path}: needs safetensors; pip install 'regab[zoo]'") from error
    return load_file(path)


def _without_prefix(saved: Tensors, model: nn.Module) -> Tensors:
    """Names as the model has them, where DistributedDataParallel or torch.compile put something before all of them."""
    for prefix in ("module.", "_orig_mod."):
        if all(name.startswith(prefix) for name in saved) and not any(n.startswith(prefix) for n in model.state_dict()):
            return {name.removeprefix(prefix): tensor for name, tensor in saved.items()}
    return saved
