"""Which part may import which, read from the files."""

import ast
import graphlib
import subprocess
from functools import cache
from pathlib import Path

import pytest

import regab
from regab.tasks import tasks
from tests.conftest import SMALL, python

ROOT = Path(regab.__file__).parent
FILES = {".".join(["regab", *f.relative_to(ROOT).with_suffix("").parts]): f for f in sorted(ROOT.rglob("*.py"))}
TORCH = ("torch", "torchvision")
SLOW = ("pandas", "scipy", "sklearn", "matplotlib")  # 0.2 s and more, which a run of embedded data does without
LIGHT = [*(f"command.{m}" for m in ("app", "cards", "compose", "listing", "plugins", "shorthands", "showing"))]
LIGHT += [*(f"sweep.{m}" for m in ("design", "folders", "fraction", "listeners", "preview", "session", "sweep"))]
LIGHT += ["watchers"]
LIGHT += [*(f"workers.{m}" for m in ("crew", "events", "foreman", "plan", "store"))]
ABOVE = ("regab.command", "regab.sweep", "regab.workers")
HYDRA = ("hydra",)

# part: what it may not import, at the top of its files or anywhere in them
FORBIDDEN_ANYWHERE = {
    "regab.analysis": (*TORCH, *HYDRA, "regab.training", *ABOVE, "regab.models", "regab.data"),
    "regab.report": (*TORCH, *HYDRA, "regab.training", *ABOVE, "regab.models", "regab.data"),
    "regab.workers": ("regab.command", "regab.sweep", "regab.watchers"),
    "regab.watchers": (*TORCH, *HYDRA, *ABOVE, "regab.training", "regab.report", "regab.analysis", "regab.models"),
    "regab.sweep": ("regab.command",),
    "regab.records": (*TORCH, *HYDRA, "regab.training", *ABOVE, "regab.report", "regab.analysis"),
    "regab.training": (*HYDRA, *ABOVE, "regab.report", "regab.analysis", "regab.records"),
    "regab.models": (*HYDRA, *ABOVE, "regab.training", "regab.report", "regab.regularizers"),
    "regab.data": (*HYDRA, *ABOVE, "regab.training", "regab.report", "regab.regularizers"),
    **{
        f"regab.data.{room}": tuple(f"regab.data.{other}" for other in above.split())
        for room, above in {
            "inputs": "tables own division unseen split",
            "tables": "own unseen split",
            "division": "inputs tables own unseen",
        }.items()
    },
    "regab.metrics": (*HYDRA, *ABOVE, "regab.training", "regab.report", "regab.data", "regab.regularizers", *TORCH),
    "regab.tasks": (*HYDRA, *ABOVE, "regab.training", "regab.report", "regab.data", "regab.metrics", *TORCH),
    "regab.regularizers": (*HYDRA, *ABOVE, "regab.training", "regab.report", "regab.data", *TORCH),
}
FORBIDDEN_AT_THE_TOP = {
    "regab.api": TORCH,
    "regab.cli": (*TORCH, *HYDRA, "regab.training", "regab.report"),
    "regab.config": (*TORCH, *HYDRA, "regab.training", "regab.data"),
    "regab.command.listing": TORCH,
    "regab.targets": TORCH,
    "regab.measured": TORCH,
    **{
        f"regab.{module}": (*TORCH, "regab.training.assembly.setup", "regab.training.loop", "regab.command.one_run")
        for module in LIGHT
    },
    "regab.training.assembly.facts": TORCH,
    "regab.training.optimizer": TORCH,
    "regab.training.schedule": TORCH,
    "regab.regularizers": ("regab.models",),
    "regab.data.own.loaded": SLOW,
    "regab.data.division.groups": SLOW,
    "regab.data.split": SLOW,
    "regab.data.tables.rows": SLOW,
    "regab.training": SLOW,
    "regab.workers": SLOW,
}


@cache
def imports(file, everywhere):
    """Modules that are imported when the program runs: not those that only annotations name."""
    tree = ast.parse(file.read_text())
    for node in [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test)]:
        node.body = []
    names = []
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module)
    return names


def violations(rules, everywhere):
    for part, forbidden in rules.items():
        for module, file in FILES.items():
            if f"{module}.".startswith(f"{part}."):
                for name in imports(file, everywhere):
                    if any(f"{name}.".startswith(f"{f}.") for f in forbidden):
                        yield f"{module} imports {name}"


@pytest.mark.parametrize(
    ("rules", "everywhere"), [(FORBIDDEN_ANYWHERE, True), (FORBIDDEN_AT_THE_TOP, False)], ids=["anywhere", "top"]
)
def test_imports_run_downward(rules, everywhere):
    assert list(violations(rules, everywhere)) == []


def test_packages_import_each_other_in_no_circle():
    def part(module):
        return module.split(".")[1] if "." in module else ""

    above = {part(module): set() for module in FILES}
    for module, file in FILES.items():
        names = [name for name in imports(file, True) if name and name.startswith("regab.")]
        above[part(module)] |= {part(name) for name in names} - {part(module)}
    order = graphlib.TopologicalSorter(above)
    order.prepare()  # raises CycleError, which names the circle


def test_a_method_imports_the_base_and_no_other_method():
    for module, file in FILES.items():
        if module.startswith("regab.regularizers.") and module != "regab.regularizers.base":
            names = [n for n in imports(file, True) if n.startswith("regab.regularizers.")]
            assert all(name.endswith(".base") or name.startswith("regab.regularizers._") for name in names), module


def test_only_tasks_and_what_is_for_some_of_them_call_a_task_by_its_name():
    """Whoever else must know what a task reads or is measured as asks the task."""
    rooms = ("regab.tasks.", "regab.metrics.", "regab.regularizers.")
    for module, file in FILES.items():
        if not module.startswith(rooms):
            words = {n.value for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Constant)}
            assert not words & {*tasks()}, module


def test_files_stay_small():
    assert {module: n for module, file in FILES.items() if (n := file.read_text().count("\n")) > 250} == {}


def test_configuration_files_are_short_and_say_what_they_are():
    for file in (ROOT.parent / "conf").glob("*/*.yaml"):
        lines = file.read_text().splitlines()
        assert len(lines) <= 25, file
        assert [line for line in lines[:2] if line.startswith("# ") and "@package" not in line], file


@pytest.mark.slow
def test_the_main_process_of_a_sweep_never_imports_torch(tmp_path):
    script = "import sys, regab.cli, atexit; atexit.register(lambda: print('torch' in sys.modules)); regab.cli.main()"
    words = ("train", "-m", *SMALL, "seed=0,1", "stack.workers=2")
    done = subprocess.run(python("-c", script, *words), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_training_on_plain_data_imports_nothing_that_takes_long_but_torch():
    script = "import sys, regab.workers.trainer; print({'pandas', 'matplotlib', 'scipy'} & {*sys.modules})"
    done = subprocess.run(python("-c", script), capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
