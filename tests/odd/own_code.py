"""The user's own models, methods, metrics and tasks, and their configuration files, with mistakes in them."""

from __future__ import annotations

from tests.odd.cases import REFUSED, RIGHT, Case, train

HEAD = "import sys, os, torch, numpy as np\nfrom torch import nn\n"
MODEL = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        {init}
        self.layer = nn.Linear(64, classes)

    def forward(self, x):
        {before}
        out = self.layer(x.flatten(1))
        {after}
        return out
"""
)
ATTACKS = {
    "sys.exit()": "sys.exit()",
    "sys.exit(0)": "sys.exit(0)",
    "sys.exit(1)": "sys.exit(1)",
    "exit text": "sys.exit('bye')",
    "quit()": "raise SystemExit",
    "1/0": "1/0",
    "name": "nothing",
    "type": "1 + 'a'",
    "key": "{}['a']",
    "index": "[][1]",
    "assert": "assert False, 'why'",
    "lines": "raise ValueError('a\\nb\\nc')",
    "empty": "raise ValueError",
    "attribute": "self.nothing",
    "notimpl": "raise NotImplementedError",
    "stop": "raise StopIteration",
    "recursion": "self.forward = self.forward; f = lambda: f(); f()",
    "memory": "raise MemoryError",
    "os": "open('nothing')",
    "control": "raise ValueError('\\x1b[31m')",
    "tensor": "torch.zeros(2) @ torch.zeros(3)",
    "pipe": "raise BrokenPipeError",
    "long": "raise ValueError('x' * 10000)",
    "group": "raise ExceptionGroup('many', [ValueError(1)])",
    "own": "raise type('Odd', (Exception,), {})('x')",
}
OUTPUTS = {
    "numpy": "out = out.detach().numpy()",
    "list": "out = [1, 2]",
    "none": "out = None",
    "int": "out = 3",
    "text": "out = 'a'",
    "too few columns": "out = out[:, :3]",
    "too many columns": "out = torch.cat([out, out], 1)",
    "one column": "out = out[:, 0]",
    "three dims": "out = out[:, :, None]",
    "fewer rows": "out = out[:-1]",
    "more rows": "out = torch.cat([out, out])",
    "mean": "out = out.mean()",
    "integers": "out = out.long()",
    "double": "out = out.double()",
    "bool": "out = out > 0",
    "complex": "out = out + 1j",
    "detached": "out = out.detach()",
    "dict": "out = {'a': out}",
    "tuple of none": "out = (None,)",
    "half": "out = out.half()",
    "transposed": "out = out.T",
}
NET = "import torch\nclass Net(torch.nn.Module):\n"
IMPORTS = {
    "syntax": "def f(:\n",
    "indent": "def f():\nx = 1\n",
    "quote": "x = 'a\n",
    "null byte": "x = 1\0\n",
    "latin": b"# -*- coding: utf-8 -*-\nx = '\xe9'\n",
    "unknown coding": b"# -*- coding: nothing -*-\nx = 1\n",
    "import": "import nothing_of_that_name\n",
    "from": "from torch import nothing\n",
    "exit": "import sys; sys.exit()\n",
    "exit 0": "import sys; sys.exit(0)\n",
    "exit text": "import sys; sys.exit('bye')\n",
    "1/0": "1/0\n",
    "name": "nothing\n",
    "empty": "",
    "binary": bytes(range(256)),
    "itself": "import {module}; {module}.Net\n",
    "interrupt": "raise ValueError('a\\nb')\n",
    "Net is a number": "Net = 3\n",
    "Net is None": "Net = None\n",
    "Net is a module": "import os as Net\n",
    "Net takes nothing": "class Net: pass\n",
    "Net returns nothing": "def Net(shape, classes): pass\n",
    "Net returns a number": "def Net(shape, classes): return 3\n",
    "Net returns a class": "import torch\ndef Net(shape, classes): return torch.nn.Linear\n",
    "tabs": "if 1:\n\tx = 1\n        y = 2\n",
    "no super": NET + "    def __init__(self, shape, classes):\n" + "        self.x = torch.nn.Linear(64, classes)\n",
    "no parameters": NET
    + "    def __init__(self, shape, classes):\n"
    + "        super().__init__()\n"
    + "    def forward(self, x): return x.flatten(1)[:, :10]\n",
    "no forward": NET
    + "    def __init__(self, shape, classes):\n"
    + "        super().__init__()\n"
    + "        self.x = torch.nn.Linear(64, classes)\n",
    "no init": NET + "    def forward(self, x): return x.flatten(1)[:, :10]\n",
    "other words": NET + "    def __init__(self, a, b, c):\n" + "        super().__init__()\n",
    "bad hint": NET
    + "    def __init__(self, shape: 'Nothing', classes: 'Nope', x: 'Odd' = 3):\n"
    + "        super().__init__()\n",
    "bad default": NET + "    def __init__(self, shape, classes, x: int = 'a'):\n" + "        super().__init__()\n",
}

REGULARIZER = """
import sys, numpy as np, torch
from dataclasses import dataclass
from regab.regularizers.base import Regularizer
@dataclass
class Own(Regularizer):
    strength: float = 0.0
    {body}
"""


def own(kind: str, name: str, text: str | bytes, code: int, says: str = "") -> Case:
    module = f"odd_{kind}_{''.join(c if c.isalnum() else '_' for c in name)}"
    text = text.replace("{module}", module) if isinstance(text, str) else text
    words = {
        "model": ("data=digits", f"model._target_={module}.Net"),
        "reg": (f"reg.extra.own._target_={module}.Own", "reg.extra.own.strength=0.5"),
        "metric": (f"metrics.extra.own._target_={module}.Own",),
        "task": (f"task._target_={module}.Own",),
    }
    case = train(
        f"{kind}: {name}", code, *words[kind.split(" ")[0].split("_")[0]], says=says, files={f"{module}.py": text}
    )
    if kind.startswith("model"):
        kept = tuple(w for w in case.words if w not in {"model=mlp", "model.widths=[4]", "data=digits"})
        return Case(case.name, kept, code, says, case.files)
    return case


def _models() -> list[Case]:
    cases = [own("model", name, text, -1) for name, text in IMPORTS.items()]
    for place in ("init", "before"):
        for name, text in list(ATTACKS.items())[:: 1 if place == "before" else 3]:
            body = MODEL.format(**({"init": "pass", "before": "pass", "after": "pass"} | {place: text}))
            cases.append(own(f"model_{place}", name, body, -1))
    for name, text in OUTPUTS.items():
        cases.append(own("model_out", name, MODEL.format(init="pass", before="pass", after=text), -1))
    right = MODEL.format(init="pass", before="pass", after="pass")
    late = MODEL.format(init="pass", before="if self.training and torch.is_grad_enabled(): sys.exit()", after="pass")
    return [*cases, own("model", "right", right, RIGHT), own("model", "exits in training only", late, REFUSED)]


METRIC = """
import sys, numpy as np, torch
from regab.metrics.base import Metric
class Own(Metric):
    {direction}
    def of(self, outputs, targets):
        {body}
"""
TASK = """
import sys, numpy as np, torch
from regab.tasks.classification import Classification
class Own(Classification):
    def {hook}(self, *args):
        {body}
"""
VALUES = {
    "numpy": "return np.ones(len(outputs))",
    "number": "return 0.5",
    "none": "return None",
    "text": "return 'a'",
    "every example": "return outputs.argmax(-1) == targets",
    "one too many": "return torch.ones(len(outputs) + 1)",
    "scalar": "return torch.tensor(0.5)",
    "nan": "return torch.full((len(outputs),), torch.nan)",
    "integers": "return torch.ones(len(outputs), dtype=torch.int64)",
    "bool": "return torch.ones(len(outputs), dtype=torch.bool)",
    "complex": "return torch.ones(len(outputs)) + 1j",
    "right": "return (outputs.argmax(-1) == targets).float().mean(1)",
}
BAD = ("sys.exit()", "exit text", "1/0", "name", "lines", "tensor")


def _rest() -> list[Case]:
    cases = []
    for hook in ("def __post_init__(self): {a}", "def penalty(self, *a, **k): {a}", "{a}"):
        for name in BAD:
            body = hook.replace("{a}", ATTACKS[name])
            cases.append(own("reg", f"{hook[:16]} {name}", REGULARIZER.replace("{body}", body), -1))
    up = 'direction = "up"'
    for name, body in VALUES.items() | {(name, ATTACKS[name]) for name in BAD}:
        code = RIGHT if name == "right" else -1
        cases.append(own("metric", name, METRIC.format(direction=up, body=body), code))
    for direction in ("pass", "direction = 3", "direction = 'sideways'", f"{up}; form = 'x'", f"{up}; range = 'x'"):
        cases.append(own("metric", direction, METRIC.format(direction=direction, body=VALUES["right"]), -1))
    for hook in ("typed", "outputs", "targets", "loss", "losses", "scale"):
        for name in BAD[::2]:
            cases.append(own("task", f"{hook} {name}", TASK.format(hook=hook, body=ATTACKS[name]), -1))
        for name, body in {"list": "return [1]", "none": "return None", "text": "return 'a'"}.items():
            cases.append(own("task", f"{hook} {name}", TASK.format(hook=hook, body=body), -1))
    return sorted(cases, key=lambda case: case.name)


YAML = {
    "itself": "# @package _global_\ndefaults:\n  - /experiment: own\n  - _self_\nepochs: 1\n",
    "itself overridden": "# @package _global_\ndefaults:\n  - override /experiment: own\nepochs: 1\n",
    "itself, short": "# @package _global_\ndefaults:\n  - own\n",
    "no package": "epochs: 1\n",
    "empty": "",
    "list": "- 1\n- 2\n",
    "text": "hello\n",
    "number": "3\n",
    "binary": bytes(range(256)),
    "latin": b"# @package _global_\nname: " + b"\xe9\n",
    "utf16": "# @package _global_\nepochs: 1\n".encode("utf-16"),
    "bom": b"\xef\xbb\xbf# @package _global_\nepochs: 1\n",
    "crlf": "# @package _global_\r\nepochs: 1\r\n",
    "tab": "# @package _global_\n\tepochs: 1\n",
    "unclosed": "# @package _global_\nepochs: [1\n",
    "twice": "# @package _global_\nepochs: 1\nepochs: 1\n",
    "unknown key": "# @package _global_\nepoch: 1\n",
    "unknown group": "# @package _global_\ndefaults:\n  - override /modle: mlp\n",
    "unknown option": "# @package _global_\ndefaults:\n  - override /model: nothing\n",
    "defaults text": "# @package _global_\ndefaults: mlp\n",
    "defaults number": "# @package _global_\ndefaults: [3]\n",
    "anchor": "# @package _global_\nepochs: *x\n",
    "python tag": "# @package _global_\nepochs: !!python/object/apply:os.system ['true']\n",
    "null": b"# @package _global_\nepochs: 1\0\n",
    "interpolation": "# @package _global_\nepochs: ${nothing}\n",
    "circle": "# @package _global_\nepochs: ${batch_size}\nbatch_size: ${epochs}\n",
    "wrong type": "# @package _global_\nepochs: abc\n",
    "node for value": "# @package _global_\nepochs: {a: 1}\n",
    "value for node": "# @package _global_\nmodel: 3\n",
    "null node": "# @package _global_\nreg: null\n",
    "two documents": "# @package _global_\nepochs: 1\n---\nepochs: 1\n",
    "merge": "# @package _global_\n<<: {epochs: 1}\n",
    "bad package": "# @package nothing.here\nepochs: 1\n",
    "params bad": "# @package _global_\nhydra:\n  sweeper:\n    params: 3\n",
    "hydra": "# @package _global_\nhydra: 3\n",
}


def _files() -> list[Case]:
    cases = []
    for name, text in YAML.items():
        where = {"conf/experiment/own.yaml": text}
        kept = tuple(w for w in train("", 0).words if not w.startswith(("epochs", "batch")))
        for more in ((), ("-m", "seed=0,1"))[: 2 if len(cases) % 3 else 1]:
            label = f"experiment {name}{' swept' if more else ''}"
            cases.append(Case(label, (*kept, "--config-dir", "conf", "experiment=own", *more), -1, files=where))
    model = "_target_: regab.models.mlp.MLP\nwidths: [3]\n"
    for name, text in {
        "binary": bytes(range(256)),
        "empty": "",
        "list": "- 1\n",
        "no target": "widths: [3]\n",
        "right": model,
    }.items():
        files = {"conf/model/mine.yaml": text}
        words = (
            "train",
            "--config-dir",
            "conf",
            "model=mine",
            "data.n_train=60",
            "epochs=1",
            "stack.workers=0",
            "curves=false",
        )
        cases.append(Case(f"model file {name}", words, RIGHT if name == "right" else REFUSED, files=files))
    return cases


CASES = _models() + _rest() + _files()
