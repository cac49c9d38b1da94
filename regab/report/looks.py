"""Each time that results are concluded is a look at them, and may spend a part of the five per cent."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from regab.analysis.table import variant_names
from regab.analysis.verdicts.compare import sweep_of
from regab.analysis.verdicts.doubts import doubted
from regab.analysis.verdicts.judgement import Judgement, judge
from regab.analysis.verdicts.looks import automatic, spending, tested
from regab.analysis.verdicts.words import bounded
from regab.errors import CannotWrite, UsageError
from regab.records.looks import Looks, Seeds, load_looks, save_looks, seeds_of

if TYPE_CHECKING:
    from pandas import DataFrame

NOTHING = 1e-12  # what may be spent where nothing is left
COUNTED = ["", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]


def looks_at(folders: Sequence[Path], results: DataFrame) -> Looks:
    """The looks at these sweeps until now, the present one among them.

    Of several sweeps those of the one that was looked at most often; that they are put together is a further look where
    it gives seeds to variants that had some already. Where seeds are added until it is clear, looks are planned, and
    taken while it trains: another one sees what they have found.
    """
    known = max((load_looks(folder) for folder in folders), key=lambda looks: len(looks.seen))
    if known.most:
        return known
    if len(folders) > 1 and known.seen and not _extended(results):
        known = replace(known, seen=known.seen[:-1])
    return known.at(finished(results))


def that_spend(looks: Looks, results: DataFrame) -> Looks:
    """Without those at which there was nothing to test yet."""
    return replace(looks, seen=tested(looks.seen, max(results["fold"].nunique(), 1)))


def planned(looks: Looks, count: int | None, results: DataFrame) -> Looks:
    """The looks, if it is said at the first that there will be one only. Raises UsageError."""
    if count is None or count == looks.planned:
        return looks
    if count != 1:
        raise UsageError(f"--looks {count}: a report can only be said to be the one look, by --looks 1")
    seen = len(that_spend(looks, results).seen)
    if looks.most or seen > 1:
        raise UsageError(f"--looks {count}: this sweep was looked at {seen} times already")
    return replace(looks, planned=count)


def keep(folder: Path, looks: Looks) -> None:
    """Remember looks in the sweep's folder, if that can be written to."""
    with suppress(CannotWrite):
        save_looks(folder, looks)


def judge_at(
    results: DataFrame, looks: Looks, baseline: str | None, metric: str | None, practical: float, at: str
) -> Judgement:
    """The page's tables at the present look: what it may spend, and what earlier ones have found."""
    looks = that_spend(looks, results)
    seeds, levels = finished(results), _levels(looks)
    now = looks.seen.index(seeds) if seeds in looks.seen else len(looks.seen)
    before = [(seen, level) for seen, level in zip(looks.seen[:now], levels, strict=False) if _any_left(seen, seeds)]
    sweep = sweep_of(results, baseline, metric, at)
    judged = doubted(judge(sweep, practical, [*levels, NOTHING][now], before), sweep)
    return Judgement(*(bounded(table, sweep.upwards, practical) for table in judged))


def _any_left(seen: Seeds, now: Seeds) -> bool:
    return any(set(seeds) & set(now.get(variant, ())) for variant, seeds in seen.items())


def _levels(looks: Looks) -> list[float]:
    """What each look may spend."""
    counts = [max(map(len, seeds.values()), default=0) for seeds in looks.seen]
    if looks.most:
        steps = automatic(looks.most)
        return [next((level for step, level in steps if step >= n), NOTHING) for n in counts]
    return [level or NOTHING for level in spending(counts, looks.planned)]


def one_step(results: DataFrame) -> float:
    """The smallest difference that the metric can show, as one example of a test set."""
    return sweep_of(results).step


def look_words(looks: Looks) -> str:
    """Which of the looks that spend this is, and what that means; nothing for the first."""
    count = len(looks.seen)
    if count < 2:
        return ""
    if looks.most:
        later = f"{count - 1} look{'s' * (count > 2)}"
        return f"Seeds were added at {later}, as planned; each may spend its part of the 5 %."
    which = COUNTED[count] if count < len(COUNTED) else f"{count}th"
    if looks.planned and count > looks.planned:
        only = "one look was" if looks.planned == 1 else f"{looks.planned} looks were"
        return (
            f"This is the {which} look, but only {only} planned: it can find nothing new; what was found then stands."
        )
    left = 100 * _levels(looks)[-1]
    return (
        f"This is the {which} look at this sweep; it may spend {left:.2g} of the 5 %, and what was found before stands."
    )


def finished(results: DataFrame) -> Seeds:
    """The seeds of each variant's finished runs."""
    done = (results["status"] == "finished").to_numpy()
    names = [name for name, d in zip(variant_names(results), done, strict=True) if d]
    return seeds_of(zip(names, results["seed"][done], strict=True))


def _extended(results: DataFrame) -> bool:
    """Whether more than one variant (the baseline that they share) has runs of several sweeps."""
    roots = results["folder"].map(lambda folder: str(Path(folder).parent))
    return int((roots.groupby(variant_names(results)).nunique() > 1).sum()) > 1
