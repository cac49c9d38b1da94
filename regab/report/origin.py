"""How results came about: commands that reproduce them, what ran them, and what a reader should be warned of."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from regab.analysis.merge import configuration
from regab.metrics import measured_by
from regab.records.columns import words
from regab.records.load import load_json
from regab.records.log import HIDDEN
from regab.records.results import REPLICATE, SOURCE, is_begun, row_of
from regab.report.study import Study, made_elsewhere
from regab.report.variant import Variant
from regab.script import own_part
from regab.tasks.classification import imbalance_words


def command_of(variant: Variant) -> str:
    """A command line that trains this variant again, with all its seeds and folds; none for what was made elsewhere."""
    first = Path(variant.rows[0]["folder"])
    if (first.parent / SOURCE).is_file():
        return ""
    given = row_of(first)["overrides"] if is_begun(first) else variant.levels
    words = [f"{key}={value}" for key, value in given.items() if key not in REPLICATE]
    words = [f"+{word}" if word.startswith("reg.extra.") else word for word in words]
    seeds = sorted({int(row["seed"]) for row in variant.rows})
    folds = sorted({int(row["fold"]) for row in variant.rows if str(row["fold"]).isdigit()})
    for key, values in (("seed", seeds), ("data.fold", folds)):
        if values:
            words.append(f"{key}={','.join(map(str, values))}")
    many = ["-m"] if len(seeds) > 1 or len(folds) > 1 else []
    return shlex.join(["regab", "train", *_options(first.parent), *many, *words])


def _options(root: Path) -> list[str]:
    """Where the sweep's command looked for configurations of the user's own."""
    words = made_by(root)
    return [w for i, w in enumerate(words) if "--config-dir" in (w.partition("=")[0], words[i - 1] if i else "")]


@cache
def made_by(root: Path) -> tuple[str, ...]:
    """The words of the command that made a sweep; none where that is not known."""
    return tuple((load_json(root / HIDDEN / "command.json") or {}).get("words", ()))


def config_of(variant: Variant) -> dict[str, Any]:
    """The resolved configuration of a variant's first run; empty if it is not there, or that of a script."""
    return own_part(configuration(variant.rows[0]["folder"]))


def provenance(study: Study) -> list[tuple[str, str]]:
    """How it was run: label and value."""
    results = sampled(study)
    commands = [shlex.join(["regab", "train", *words]) for root in study.folders if (words := made_by(root))]
    versions = [", ".join(f"{k} {v}" for k, v in (r.get("versions") or {}).items()) for r in results]
    facts = [
        ("command", commands),
        ("results from", [f for root in study.folders for f in (load_json(root / SOURCE) or {}).get("files", ())]),
        ("folder", [str(root) for root in study.folders]),
        ("runs", [_runs(study)]),
        ("finished", [str(max((r.get("finished") or "" for r in results), default=""))]),
        ("device", [str(r.get("device")) for r in results]),
        ("precision", [str(r["precision"]) for r in results if r.get("precision")]),
        ("versions", versions),
        ("git commit of your code", [str(r["git_commit"]) for r in results if r.get("git_commit")]),
    ]
    return [(label, "\n".join(dict.fromkeys(values))) for label, values in facts if any(values)]


def _runs(study: Study) -> str:
    rows = [row for variant in study.variants for row in variant.rows]
    seeds = sorted({int(row["seed"]) for row in rows})
    folds = {row["fold"] for row in rows if str(row["fold"]).isdigit()}
    variants = f"{len(study.variants)} variant{'s' * (len(study.variants) != 1)}"
    text = f"{len(rows)}: {variants}, seed{'s' * (len(seeds) != 1)} {_numbers(seeds)}"
    return f"{text}, {len(folds)} folds" if folds else text


def _numbers(values: list[int]) -> str:
    whole = values == list(range(values[0], values[-1] + 1)) and len(values) > 2
    return f"{values[0]} to {values[-1]}" if whole else ", ".join(map(str, values))


def sampled(study: Study) -> list[dict[str, Any]]:
    """``result.json`` of each variant's first finished run."""
    return [result for v in study.variants if (result := study.sample_of(v))]


def warnings(study: Study) -> list[str]:
    """What is missing or mixed, one sentence each."""
    rows = [row for variant in study.variants for row in variant.rows]
    failed = [row for row in rows if row["status"] == "failed"]
    found = [f"{Path(row['folder']).name} failed: {row['reason']}" for row in failed[:20]]
    if len(failed) > 20:
        found.append(f"and {len(failed) - 20} more failed")
    if unfinished := sum(row["status"] not in ("failed", "finished") for row in rows):
        found.append(f"{unfinished} runs have not finished and are not in the numbers.")
    lost = sum(row["folder"] not in study.curves for row in rows if row["status"] == "finished")
    if lost and not made_elsewhere(study):
        found.append(f"Of {lost} finished runs metrics.csv is missing or damaged: their curves are not shown.")
    if missing := int(study.comparisons["missing"].sum()):
        found.append(f"{missing} pairs are incomplete, because one of their two runs is missing; they are left out.")
    return [*found, *imbalanced(study), *_collapsed(study), *_mixed(sampled(study))]


def imbalanced(study: Study) -> list[str]:
    """What accuracy is worth where a class is rare, a sentence for each data set that has one."""
    found = (result.get("imbalance") for result in sampled(study))
    little = ", so accuracy tells little" if measured_by(study.metric)[1] == "accuracy" else ""
    return [*dict.fromkeys(imbalance_sentence(rare, little) for rare in found if rare)]


def imbalance_sentence(rare: Mapping[str, Any], so: str = "") -> str:
    """Of the rare class in a run's result, and what follows."""
    return f"Imbalanced classes: {imbalance_words(rare)}{so}."


def _collapsed(study: Study) -> list[str]:
    """How many runs collapsed, and of which variants; nothing where none did."""
    bad = {v.short: count for v in study.variants if (count := int(v.effect["collapsed"]))}
    if not bad:
        return []
    names = "; ".join([*bad][:4]) + (f"; and {len(bad) - 4} more" if len(bad) > 4 else "")
    count, metric = sum(bad.values()), words(study.metric)
    who = f"1 run collapsed: its {metric}" if count == 1 else f"{count} runs collapsed: their {metric}"
    more = "A mean says little about these, and three seeds are too few."
    return [f"{who} is far from that of the others of the variant ({names}). {more}"]


def _mixed(results: list[dict[str, Any]]) -> list[str]:
    found = []
    for what in ("versions", "device", "precision", "git_commit"):
        values = {json.dumps(result.get(what), sort_keys=True) for result in results}
        if len(values) > 1:
            found.append(
                f"Variants were trained with different {what.replace('_', ' ')}: {' and '.join(sorted(values))}."
            )
    return found
