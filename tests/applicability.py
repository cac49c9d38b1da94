"""Which method applies to which model, found by trying: ``python -m tests.applicability`` rewrites README's table."""

from __future__ import annotations

import copy
import dataclasses
import re
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from regab.command.cards import formula
from regab.command.plugins import register
from regab.config import CONF, check
from regab.errors import UsageError
from regab.fields import switches
from regab.regularizers import first_field, methods
from regab.training.assembly.setup import examine
from tests.conftest import text_data
from tests.test_contract import preset

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- methods: python -m tests.applicability -->\n", "<!-- end of methods -->\n"

# The kinds of data that each model takes; the first is the one it is usually given.
MODELS = {
    "linear": ("features", "images", "categories"),
    "mlp": ("features", "images", "categories"),
    "cnn": ("images",),
    "resnet": ("images",),
    "transformer": ("tokens",),
    "tabular_mlp": ("categories", "features"),
}
OPTIONS = {"resnet": ["model.width=4"], "mlp": ["model.widths=[16]"], "transformer": ["model.width=16"]}


@cache
def table_of_a_shop() -> str:
    """The path of a table with numbers and categories."""
    path = Path(text_data()["data"]["path"]).with_name("shop.csv")
    rows = [f"{i % 7},{i * 37 % 11},{'abc'[i % 3]},{'xy'[i % 5 > 2]},{'no' if i % 4 else 'yes'}" for i in range(120)]
    path.write_text("\n".join(["price,age,colour,size,sold", *rows]) + "\n")
    return str(path)


@cache
def base(model: str, kind: str) -> dict[str, Any]:
    """A configuration of two steps of training."""
    register(claim=False)
    data = {
        "features": ["data=wine", "data.n_train=60"],
        "images": ["data=digits", "data.n_train=60"],
        "tokens": ["data=text_csv", f"data.path={text_data()['data']['path']}", "data.n_train=60"],
        "categories": ["data=csv", f"data.path={table_of_a_shop()}", "data.label=sold", "data.n_train=60"],
    }[kind]
    words = [*data, f"model={model}", *OPTIONS.get(model, []), "epochs=1", "batch_size=30", "device=cpu"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return check(OmegaConf.to_container(compose("config", words), resolve=True))


def attempts(name: str) -> dict[str, dict[str, Any]]:
    """A method's preset, and what else to try: its other places."""
    values = {key.rpartition(".")[2]: value for key, value in preset(name).items()}
    wheres = [f.metadata["within"].choices for f in dataclasses.fields(methods()[name]) if f.name == "where"]
    return {"✓": values} | {f"`where={word}`": values | {"where": word} for word in (wheres[0] if wheres else ())}


def config(name: str, model: str, kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """A configuration with one method switched on."""
    made = copy.deepcopy(base(model, kind))
    made["reg"][name] |= values
    return check(made)


@cache
def applicable(name: str, model: str) -> dict[str, dict[str, Any]]:
    """By what is said of it, the configurations in which a method acts on a model; empty, if it does not."""
    found: dict[str, dict[str, Any]] = {}
    for said, values in attempts(name).items():
        kinds = {}
        for kind in MODELS[model]:
            tried = config(name, model, kind, values)
            try:
                examine([tried])
                kinds[kind] = tried
            except UsageError:
                continue
        if kinds:
            everywhere = len(kinds) == len(MODELS[model])
            return {said: next(iter(kinds.values()))} if everywhere else kinds
    return found


def row(name: str) -> str:
    """What a method is called, does, and is absent at."""
    cls, first = methods()[name], first_field(methods()[name])
    (neutral,) = {f.default for f in switches(cls) if f.name == first}
    words = formula(cls).replace("|", "\\|")
    return f"| `{name}.{first}` | {words} | {str(neutral).removesuffix('.0')} |"


def table() -> str:
    """All methods, and on which models each acts."""
    heads = [f"`{model}`" for model in MODELS]
    lines = [f"| `reg.…` | what it does | neutral | {' | '.join(heads)} |", "| --- " * (3 + len(heads)) + "|"]
    for name in methods():
        cells = [", ".join(applicable(name, model)) or "–" for model in MODELS]
        lines.append(f"{row(name)} {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def block() -> str:
    """README's table as it stands there."""
    return re.search(f"{re.escape(BEGIN)}(.*?){re.escape(END)}", README.read_text(), re.DOTALL)[1]


if __name__ == "__main__":
    README.write_text(README.read_text().replace(f"{BEGIN}{block()}{END}", f"{BEGIN}{table()}{END}"))
    print(table())
