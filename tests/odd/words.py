"""Words that a shell passes on and Hydra's grammar may not read; options and values that make no sense."""

from __future__ import annotations

from tests.odd.cases import FAILED, REFUSED, RIGHT, TABLE, Case, table, train

# Names of files and columns that people have.
NAMES = [
    "données",
    "a (1)",
    "a=b",
    "a b",
    "a  b",
    " a",
    "a ",
    "a'b",
    'a"b',
    "a$b",
    "a$HOME",
    "${b}",
    "${oc.env:HOME}",
    "a#b",
    "a!b",
    "a;b",
    "a&b",
    "a|b",
    "a<b",
    "a>b",
    "a*b",
    "a?b",
    "a~b",
    "~a",
    "a%b",
    "a@b",
    "a+b",
    "a:b",
    "a^b",
    "a`b",
    "a[b]",
    "[a]",
    "[]",
    "{a}",
    "a{b",
    "(a)",
    "a)",
    "a\\b",
    "\\a",
    "a\\",
    "\\'",
    "漢字",
    "🎲",
    "null",
    "true",
    "1",
    "1e5",
    "0x1",
    "None",
    "nan",
    "inf",
    "-a",
    "--a",
    "???",
    "a.b.c",
    "1_0",
    "é" * 60,
    "range(3)",
    "choice(a)",
    "price (USD)",
    "e\u0301",
    "a\u00a0b",
    "a\u200bb",
    "ﬁ",
    "ß",
    "İ",
]
COMMAS = ["a,b", "a, b", "[a,b]", "{a:1,b:2}", "choice(a,b)"]


def _label(name: str) -> str:
    return TABLE.replace("label", '"' + name.replace('"', '""') + '"', 1)


def _paths() -> list[Case]:
    cases = []
    for name in NAMES:
        files = {f"{name}.csv": TABLE}
        code = REFUSED if "${" in name else RIGHT  # which refers to another key
        cases.append(table(f"path {name}", code, f"data.path={name}.csv", "data.label=label", files=files))
    for name in COMMAS:
        files = {f"{name}.csv": TABLE}
        cases.append(table(f"path {name}", REFUSED, f"data.path={name}.csv", "data.label=label", files=files))
        quoted = f"data.path='{name}.csv'"
        cases.append(table(f"quoted path {name}", RIGHT, quoted, "data.label=label", files=files))
    cases.append(table("path ~", RIGHT, "data.path=~/x.csv", "data.label=label", files={"x.csv": TABLE}))
    return cases


def _labels() -> list[Case]:
    cases = []
    for name in [n for n in NAMES if n != "null"]:
        code = REFUSED if "${" in name or name in {"???", "range(3)", "choice(a)"} else RIGHT
        files = {"t.csv": _label(name)}
        words = ("data.path=t.csv", f"data.label={name}")
        cases.append(table(f"label {name}", code, *words, files=files))
    return cases


def _run_names() -> list[Case]:
    cases = [train(f"name {name}", -1, f"name={name}") for name in NAMES[::3]]
    cases.append(train("name too long", FAILED, f"name={'a' * 300}"))
    refused = ["../x", "/tmp/x", "a/b", "..", ".", "", "a\nb"]
    return cases + [train(f"name {name[:9]!r}", REFUSED, f"name={name}") for name in refused]


VALUES = {
    "epochs": ["-1", "1.5", "abc", "", "[1]", "{a:1}", "null", "1e3", "nan", "inf", "'1'x", "1e400"],
    "batch_size": ["0", "-1", "1.5", "abc", "null", "[]"],
    "optimizer.lr": ["-1", "abc", "nan", "inf", "-inf", "null", "[0.1]"],
    "seed": ["-1", "1.5", "abc", "null", "[1]"],
    "reg.dropout": ["-0.1", "1.5", "abc", "nan", "inf", "[0.5]", "{rate:2}"],
    "reg.weight_decay": ["-1", "nan", "abc", "inf"],
    "reg.norm": ["abc", "1", "[batch]"],
    "reg.early_stopping": ["-1", "0.5", "abc", "nan"],
    "reg.label_smoothing": ["-1", "1.5", "nan", "abc"],
    "model.widths": ["[[3]]", "[0]", "[-1]", "[1.5]", "[a]", "abc", "5", "[null]", "{a:1}", "null", "[[[1]]]"],
    "data.n_train": ["0", "-1", "1.5", "abc", "100000000", "nan"],
    "device": ["abc", "cuda:99", "null", "1"],
    "model": ["abc", "0.5", "1", "null", "[]", "{}", "../x", "mlp,", "''"],
    "data": ["abc", "0.5", "null", "[]", "../x"],
    "optimizer": ["abc", "0.5", "[]", "1e3"],
    "schedule": ["abc", "0.5", "[]", "1e3"],
    "reg": ["0.5", "abc", "null", "[]", "{}", "{dropout:0.5}"],
    "metrics": ["abc", "[abc]", "[[accuracy]]", "{a:1}", "1"],
    "watch": ["abc", "[abc]", "{a:1}", "1"],
    "task": ["abc", "1", "[]", "a,b"],
    "headline": ["abc"],
    "stack.size": ["0", "-1", "abc", "1.5"],
    "stack.workers": ["-1", "abc", "1.5"],
    "stack.threads": ["0", "-1", "abc", "1.5"],
    "stack.checkpoint": ["-1", "abc"],
}


def _values() -> list[Case]:
    return [train(f"{key}={value}", REFUSED, f"{key}={value}") for key, values in VALUES.items() for value in values]


SHAPES = [
    "~epochs",
    "~epochs=1",
    "~reg",
    "~reg.dropout",
    "~model",
    "~nothing",
    "+epochs=2",
    "++nothing=1",
    "+nothing=1",
    "nothing=1",
    "epoch=1",
    "reg.dropuot=0.5",
    "reg.dropout.rates=1",
    "reg.dropout.rate.x=1",
    "epochs",
    "=1",
    "=",
    "epochs==1",
    "--nothing",
    "-x",
    "epochs:1",
    "epochs =1",
    "epochs= 1 2",
    "model@x=mlp",
    "model@=mlp",
    ".epochs=1",
    "epochs.=1",
    "a..b=1",
    "'epochs'=1",
    "épochs=1",
    "epochs=1;2",
    "epochs=${seed}",
    "epochs=${nothing}",
    "epochs=${epochs}",
    "epochs=${oc.env:NOTHING}",
    "epochs=${",
    "epochs=glob(*)",
    "epochs=1,2",
    "seed=range(3)",
    "reg.dropout=0,0.5",
    "reg.dropout=interval(0,1)",
    "epochs=[1,2]",
    "--config-name=abc",
    "--config-dir=nowhere",
    "--config-path=nowhere",
    "--package=x",
    "hydra.run.dir=",
    "hydra.run.dir=null",
    "hydra.run.dir=${nothing}",
    "hydra/launcher=abc",
    "hydra.nothing=1",
    "hydra=abc",
    "experiment=abc",
    "experiment=../x",
    "experiment=",
    "hydra.job.chdir=abc",
    "hydra/sweeper=abc",
    "--cfg=abc",
    "--cfg",
    "--info=abc",
    "--resume",
    "--resume=",
    "--run",
]
SWEEPS = [
    "--seeds 0",
    "--seeds -1",
    "--seeds 1.5",
    "--seeds abc",
    "--seeds",
    "--seeds=",
    "--seeds 1000000000",
    "--seeds 3 --seeds 3",
    "--seeds auto:0",
    "--seeds auto:x",
    "--seeds 3 seed=1,2",
    "--folds 1",
    "--folds 0",
    "--folds abc",
    "--folds 3 data.folds=4",
    "--design",
    "--design abc",
    "--design random",
    "--design random --n 0",
    "--n 3",
    "--n abc --design random",
    "--practical inf reg.dropout=0,0.5",
    "--practical nan reg.dropout=0,0.5",
    "--practical -1 reg.dropout=0,0.5",
    "--practical abc reg.dropout=0,0.5",
    "--budget 0",
    "--budget -1m",
    "--budget abc",
    "--budget inf",
    "--budget nan",
    "--looks 0",
    "--looks -1",
    "--looks abc",
    "--looks 1.5",
    "-m reg.dropout=",
    "-m reg.dropout=,",
    "-m reg.dropout=0,,1",
    "-m reg.dropout=0,abc",
    "-m reg.dropout=0,2",
    "-m model=mlp,abc",
    "-m seed=range(0)",
    "-m seed=range(a)",
    "-m seed=range(1000000000)",
    "-m reg.dropout=range(0,1,0)",
    "-m seed=0,0",
    "-m epochs=1,0.5",
    "-m seed=1 seed=2",
    "-m reg.dropout=0.1 reg.dropout.rate=0.2",
    "-m model.widths=[4],[[4]]",
    "-m metrics=accuracy,loss",
    "-m hydra.sweep.dir=",
    "-m device=cpu,abc",
    "-m reg=0.5,1",
    "-m ~seed",
    "-m name=a,b",
    "-m 'name=../x' seed=0,1",
    "--dry-run --resume x",
]


FINE = {"~reg", "--package=x", "--run", "-m seed=0,0", "-m metrics=accuracy,loss", "-m name=a,b"}


def _shapes() -> list[Case]:
    cases = [train(word, RIGHT if word in FINE else REFUSED, word) for word in SHAPES]
    return cases + [train(f, RIGHT if f in FINE else REFUSED, *f.replace("'", "").split(" ")) for f in SWEEPS]


def _others() -> list[Case]:
    lines = [
        "report",
        "report nowhere",
        "report .",
        "report '' ",
        "report x.csv",
        "report --metric",
        "report . --metric x",
        "report --nothing",
        "list nothing",
        "list --nothing",
        "list reg nothing",
        "data data=csv",
        "data data=csv data.path=x",
        "data nothing",
        "data data=digits nothing=1",
        "data -m data=digits,csv",
        "data data=csv data.path=.",
        "data data=csv data.path=/dev/null",
        "data data=csv data.path=/dev/zero",
        "nothing",
        "--nothing",
        "Train",
        "train --resume nowhere",
        "train --resume .",
        "train --resume x.csv",
        "train --resume /dev/null",
        "-m",
        "=",
        "train --resume nowhere --resume nowhere",
    ]
    files = {"x.csv": "a,b\n1,2\n"}
    return [Case(f"regab {line}", tuple(line.replace("''", " ").split()), REFUSED, files=files) for line in lines]


CASES = _paths() + _labels() + _run_names() + _values() + _shapes() + _others()
