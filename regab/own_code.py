"""Which code of the user's own a run depends on, so that results of two versions are not taken for those of one."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

FOREIGN = {Path(path).resolve() for name, path in sysconfig.get_paths().items() if name.endswith(("lib", "stdlib"))}
OURS = Path(__file__).resolve().parent


def is_regabs(cls: type) -> bool:
    """Whether a class is regab's, and not the user's own or a library's."""
    return cls.__module__.startswith("regab.")


def own_code(config: dict[str, Any]) -> dict[str, str]:
    """Fingerprints by module: of those that the classes of a configuration come from, and those that these import.

    Left out are regab, the standard library and what is installed. A fingerprint is of the code as Python reads it:
    comments and layout do not count.
    """
    found: dict[str, str] = {}
    todo = [target.rpartition(".")[0] for target in _targets(config)]
    while todo:
        name = todo.pop()
        if name not in found and (path := _own_file(name)) and (read := _read(name, path)):
            found[name] = read[0]
            todo += read[1]
    return dict(sorted(found.items()))


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("_target_"), str):
            yield node["_target_"]
        for child in node.values():
            yield from _targets(child)


def _own_file(name: str) -> Path | None:
    file = getattr(sys.modules.get(name), "__file__", None)
    path = Path(file).resolve() if file and file.endswith(".py") else None
    if path is None or path.is_relative_to(OURS):
        return None
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return None if installed or any(path.is_relative_to(folder) for folder in FOREIGN) else path


@cache  # what is loaded is what it was when it was loaded
def _read(name: str, path: Path) -> tuple[str, list[str]] | None:
    """The fingerprint of a module, and the names of those that it may import."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:16], list(_imported(name, path, tree))


def _imported(name: str, path: Path, tree: ast.AST) -> Iterator[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            if node.level:
                base = importlib.util.resolve_name(base, package) if package else base.lstrip(".")
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
