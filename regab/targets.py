"""Config nodes that name what they configure: ``_target_: package.module.Thing`` and its keyword arguments."""

from __future__ import annotations

import copy
import difflib
import importlib
import inspect
import json
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import Any, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from regab import fields
from regab.blame import WHOLE, users_code
from regab.declared import hints_of, plain, schema_of
from regab.errors import UsageError
from regab.mistyped import mistyped

# What Hugging Face's models ask of a configuration whether or not it declares it.
TOKENS = (*(f"{kind}_token_id" for kind in ("pad", "bos", "eos", "sep", "decoder_start")), "tie_word_embeddings")


def flat(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a node and of those in it, by dotted keys that begin with ``path``."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def locate(node: dict[str, Any], path: str) -> Any:
    """What a node's ``_target_`` names: ``package.module.Name``, or an attribute of that (a class method).

    Raises UsageError where there is no such thing.
    """
    target = node.get("_target_")
    module, _, name = str(target).rpartition(".")
    if not module:
        raise UsageError(f"{path}._target_={target}: must be written package.module.Name")
    try:
        with users_code(f"{path}._target_={target}"):
            return getattr(_holder(module), name)
    except SyntaxError as error:  # of bytes that are no text; it names no file
        if WHOLE:
            raise
        raise UsageError(f"{path}._target_={target}: {module} cannot be read ({error.msg})") from error
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(error.name + ".")):
            raise
        raise UsageError(f"{path}._target_={target}: there is no module {error.name}; is it in this folder?") from error
    except AttributeError as error:
        raise UsageError(f"{path}._target_={target}: {module} has no {name}") from error


def _holder(dotted: str) -> Any:
    """A module, or a class in one."""
    try:
        return importlib.import_module(dotted)
    except ModuleNotFoundError as error:
        module, _, name = dotted.rpartition(".")
        if error.name != dotted or not module:
            raise
        holder = _holder(module)
        if not isinstance(getattr(holder, name, None), type):
            raise
        return getattr(holder, name)


def is_node(value: Any) -> bool:
    """Whether a value names something to be made."""
    return isinstance(value, dict) and "_target_" in value


def options(node: dict[str, Any], path: str, given: Iterable[str] = ()) -> dict[str, Any]:
    """The keyword arguments in a node, converted to the types that the target declares, with its defaults filled in.

    ``given`` are the parameters that the caller supplies. Arguments that are nodes themselves are treated likewise.
    Raises UsageError for a key that the target does not take, for one that it needs and has not got, for a value of a
    wrong type, and (dataclasses) for one out of range.
    """
    target = locate(node, path)
    if not callable(target):
        raise UsageError(f"{path}._target_={node['_target_']}: must be a class or a function, not {target!r:.40}")
    inner = {k: _inner(v, f"{path}.{k}", given) for k, v in node.items() if is_node(v)}
    arguments = {k: v for k, v in node.items() if k != "_target_" and k not in inner}
    _check_keywords(target, inner, path)
    if _is_hugging_face_config(target):
        _check_keywords(target, arguments, path)
        return arguments | inner
    values = json.loads(_typed(target, json.dumps(arguments), path, (*given, *inner)))
    if is_dataclass(target):
        fields.check(cast(type, target), values, path)
    return values | inner


def _inner(node: dict[str, Any], path: str, given: Iterable[str]) -> dict[str, Any]:
    return {"_target_": node["_target_"]} | options(node, path, [name for name in given if name not in node])


def keywords(target: Any) -> list[str]:
    """The keyword arguments that a target takes by name."""
    parameters = inspect.signature(target).parameters.values()
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if not _is_hugging_face_config(target):
        return named
    settable = [n.lstrip("_") for n in dir(target) if isinstance(getattr(target, n, None), property)]
    return [*named, *target.attribute_map, *settable, *TOKENS]


def _is_hugging_face_config(target: Callable[..., Any]) -> bool:
    """These keep any keyword that they do not know, and declare types that only they can resolve."""
    return isinstance(target, type) and hasattr(target, "attribute_map") and hasattr(target, "from_pretrained")


def _check_keywords(target: Callable[..., Any], arguments: Iterable[str], path: str) -> None:
    known = _known(target)
    for key in arguments:
        if known is not None and key not in known:
            raise UsageError(unknown("key", f"{path}.", key, known))


@cache
def _known(target: Callable[..., Any]) -> list[str] | None:
    """The keyword arguments that a target takes; None if it takes any."""
    parameters = inspect.signature(target).parameters.values()
    return None if any(p.kind is p.VAR_KEYWORD for p in parameters) else keywords(target)


def complete(node: dict[str, Any], path: str, given: Iterable[str] = ()) -> dict[str, Any]:
    """A node with all options of its target. Raises UsageError as ``options`` does."""
    return {"_target_": node.get("_target_"), **options(node, path, given)}


def declared_elsewhere(nodes: dict[str, Any], path: str, known: Iterable[str], base: type) -> dict[str, Any]:
    """The user's own subclasses of ``base`` under a node ``extra``, by name, complete. Raises UsageError."""
    return {name: _own(node, f"{path}.{name}", name in known, base) for name, node in nodes.items()}


def _own(node: Any, path: str, taken: bool, base: type) -> dict[str, Any]:
    if taken:
        raise UsageError(f"{path}: regab has one of that name; choose another")
    cls = locate(node if isinstance(node, dict) else {}, path)
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise UsageError(f"{path}._target_={node['_target_']}: must be a subclass of regab's {base.__name__}")
    return complete(node, path)


@cache  # the runs of a sweep share most of their nodes
def _typed(target: Callable[..., Any], arguments: str, path: str, given: tuple[str, ...]) -> str:
    declared, left = schema_of(target, path, given)
    schema, values = copy.deepcopy(declared), json.loads(arguments)
    if schema is None:
        return arguments
    known = [key for key in schema if key != "_target_"]
    for key, value in values.items():
        if key not in known:
            raise UsageError(unknown("key", f"{path}.", key, known))
        if OmegaConf.is_list(schema._get_node(key)) and not isinstance(value, list):
            raise UsageError(
                f"{path}.{key}: needs a list"
                if value is None
                else f"{path}.{key}={value}: must be a list, like [{value}]"
            )
        _check_flat(schema._get_node(key), value, f"{path}.{key}")
        try:
            OmegaConf.update(schema, key, value)
        except OmegaConfBaseException as error:
            raise UsageError(mistyped(f"{path}.{key}", error, "null" if value is None else value)) from error
    missing = sorted(OmegaConf.missing_keys(schema))
    if missing:
        raise UsageError(f"{path}.{missing[0]}: needs a value")
    found = cast(dict[str, Any], OmegaConf.to_container(schema))
    return json.dumps({k: v for k, v in found.items() if k in values or k not in left}, default=plain)


def _check_flat(node: Any, value: Any, key: str) -> None:
    """A list of numbers or words has no lists in it, which OmegaConf lets pass."""
    element = node._metadata.element_type if OmegaConf.is_list(node) else None
    if element in (int, float, str, bool) and any(isinstance(each, list | dict) for each in value):
        raise UsageError(f"{key}={value}: must be a plain list of {element.__name__} values, without lists in it")


def arguments(node: dict[str, Any]) -> dict[str, Any]:
    """A node's keyword arguments; paths and enumerations' members as such, where the target declares them."""
    given = {key: value for key, value in node.items() if key != "_target_"}
    if not any(isinstance(value, str) for value in given.values()):
        return given
    hints = hints_of(locate(node, ""))
    return {key: _as_declared(value, hints.get(key)) for key, value in given.items()}


def _as_declared(value: Any, hint: Any) -> Any:
    kinds = [kind for kind in (hint, *typing.get_args(hint)) if isinstance(kind, type)]
    if not isinstance(value, str) or str in kinds:
        return value
    for kind in kinds:
        if issubclass(kind, PurePath):
            return kind(value)
        if issubclass(kind, Enum):
            return kind[value]
    return value


def unknown(what: str, prefix: str, name: str, known: Iterable[str]) -> str:
    """The sentence for something that does not exist, with the nearest that does: ``reg.dropuot: unknown key; …``."""
    known = [str(k) for k in known]
    near = difflib.get_close_matches(str(name), known, 1) or [k for k in known if k.startswith(str(name))]
    hint = f"did you mean {prefix}{near[0]}?" if near else f"there is: {', '.join(known) or 'nothing'}"
    return f"{prefix}{name}: unknown {what}; {hint}"
