"""Do the verdicts keep their promises? Thousands of simulated sweeps, judged by the lines that judge real ones.

    python -m tests.benchmarks.calibration [--sweeps 10000]

prints, each time for Student's t with Holm's adjustment (as before) and for what regab does: how often something is
called better or worse where nothing differs; how often each interval covers; what is found; the same for whole pages of
factorial sweeps; and what adding seeds until it is clear costs, and how often that says something false of them. ``!``
marks what breaks its promise by more than three standard errors of the simulation.
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np

from regab.analysis.baseline import Variants
from regab.analysis.verdicts.contrasts import design, pairs
from regab.analysis.verdicts.family import gatekept, holm
from regab.analysis.verdicts.looks import automatic
from regab.analysis.verdicts.paired import LEVEL, paired
from regab.analysis.verdicts.variances import p_value
from tests.benchmarks.simulated import KINDS, Rates, add_seeds, judge, simulate, steps

SWEEPS = 10_000
VARIANTS, SEEDS = (2, 3, 5, 12, 30), (3, 4, 5, 10)
EFFECTS = (1.0, 1.5, 2.0, 3.0)
GRIDS = {"2^4": (2, 2, 2, 2), "3x2x2": (3, 2, 2)}


def table(sweeps: int) -> None:
    print("False: sweeps with a false verdict. Covers: the intervals of the variants that cover least and most often.")
    print(f"{'kind':27} {'variants':>8} {'seeds':>5} {'false, old':>10} {'new':>8} {'covers':>14}")
    for kind, variants, seeds in product(KINDS, VARIANTS, SEEDS):
        rates = judge(simulate(kind, variants, seeds, sweeps))
        covers = f"{rates.covers_least:.1%} to {rates.covers_most:.1%}"
        print(f"{kind:27} {variants:8} {seeds:5} {rates.old:10.1%} {rates.new:8.1%}{_mark(rates, sweeps)} {covers:>17}")


def _mark(rates: Rates, sweeps: int) -> str:
    broken = rates.new > most(sweeps) or rates.covers_least < 0.92 or rates.covers_most > 0.99
    return "!" if broken else " "


def most(sweeps: int) -> float:
    """Five per cent and three standard errors."""
    return LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / sweeps)


def power(sweeps: int) -> None:
    print("\nPower: variants found to help when all do by so many paired standard deviations (normal): old, new")
    print(f"{'variants':>8} {'seeds':>5} " + " ".join(f"{effect:>13}" for effect in EFFECTS))
    for variants, seeds in product(VARIANTS, SEEDS):
        values = simulate("normal", variants, seeds, sweeps, seed=1)
        found = [judge(values, effect * np.sqrt(2)) for effect in EFFECTS]
        print(f"{variants:8} {seeds:5} " + " ".join(f"{r.old_power:6.0%} {r.power:6.0%}" for r in found))


def grid(levels: tuple[int, ...]) -> Variants:
    """A full grid; the last factor moves fastest."""
    return {str(at): {str(f): str(level) for f, level in enumerate(at)} for at in product(*map(range, levels))}


def adjusted(values: np.ndarray, levels: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """The adjusted p-values ``[sweeps, …]`` of a grid's main effects and of everything else on its page."""
    variants, reference = grid(levels), {str(f): "0" for f in range(len(levels))}
    weights = [design(variants, reference, order).weights for order in (1, 2)]
    weights.append(pairs(np.zeros((1, len(variants))), 0).weights)
    p = []
    for rows in weights:
        found = paired(np.einsum("jv,svr->sjr", rows, values), 1e-9)
        p.append(p_value(found, np.sqrt(np.square(rows).sum(1) / 2)))
    both = [gatekept(first, np.concatenate(then)) for first, *then in zip(*p, strict=True)]
    return tuple(np.array(part) for part in zip(*both, strict=True))


def separate(values: np.ndarray, levels: tuple[int, ...]) -> float:
    """How often a table of main effects, of interactions or of variants has a false verdict, each with its own Holm."""
    variants, reference = grid(levels), {str(f): "0" for f in range(len(levels))}
    rows = [design(variants, reference, order).weights for order in (1, 2)]
    rows.append(pairs(np.zeros((1, len(variants))), 0).weights)
    found = [holm(paired(np.einsum("jv,svr->sjr", each, values), 1e-9).p).min(1) < LEVEL for each in rows]
    return float(np.any(found, axis=0).mean())


def pages(sweeps: int) -> None:
    print(
        "\nWhole pages of grids in which nothing differs: a false word anywhere, old, new; and how often a main effect"
    )
    print("(and each variant that has it alone) is found, by its size in paired standard deviations of a variant")
    for (name, levels), seeds in product(GRIDS.items(), SEEDS):
        values = simulate("normal", int(np.prod(levels)), seeds, sweeps)
        false = (np.concatenate(adjusted(values, levels), axis=1) < LEVEL).any(1).mean()
        shares = [f"{effect}: {_main_effect(values, levels, effect)}" for effect in EFFECTS]
        print(f"{name:6} {seeds:5} seeds {separate(values, levels):6.1%} {false:6.1%}   {'   '.join(shares)}")


def _main_effect(values: np.ndarray, levels: tuple[int, ...], effect: float) -> str:
    at = np.array([cell[str(len(levels) - 1)] == "1" for cell in grid(levels).values()])
    shifted = values + effect * np.sqrt(2) * at[:, None]
    first, _ = adjusted(shifted[:2000], levels)
    alone = judge(shifted[:, [0, *range(1, len(at))]]).power / at[1:].mean()
    return f"{(first[:, -1] < LEVEL).mean():.0%} ({alone:.0%})"


def auto(sweeps: int, most_seeds: int = 30) -> None:
    print(f"\n--seeds auto up to {most_seeds}, looks and levels {automatic(most_seeds)}")
    print(
        "False: a verdict anywhere where nothing differs. Then, if all differ: found, runs per sweep, and the runs of"
    )
    print("the fixed number of seeds that finds as many")
    for variants in (2, 5, 12):
        false = {kind: add_seeds(simulate(kind, variants, most_seeds, sweeps), 0.0).any for kind in KINDS}
        worst = max(false, key=false.__getitem__)
        mark = "!" if false[worst] > most(sweeps) else ""
        print(f"{variants:3} variants: false {false['normal']:.1%}, at most {false[worst]:.1%} ({worst}){mark}")
        values = simulate("normal", variants, most_seeds, sweeps, seed=2)
        for effect in (1.0, 1.5, 2.0):
            found = add_seeds(values, effect * np.sqrt(2))
            fixed = fixed_number(values, effect, found.power) * variants
            print(f"    {effect}: {found.power:.2%}, {found.runs:.1f} runs of {fixed:.1f}: {found.runs / fixed:.0%}")


def auto_pages(sweeps: int) -> None:
    print("\nPages of grids in which nothing differs, with --seeds auto: a false word anywhere, at any look")
    for name, levels in ({"2x2": (2, 2), "2^3": (2, 2, 2)} | GRIDS).items():
        false = {kind: false_at_any_look(kind, levels, sweeps) for kind in KINDS}
        worst = max(false, key=false.__getitem__)
        mark = "!" if false[worst] > most(sweeps) else ""
        print(f"{name:6} {false['normal']:.1%}, at most {false[worst]:.1%} ({worst}){mark}", flush=True)


def false_at_any_look(kind: str, levels: tuple[int, ...], sweeps: int, most_seeds: int = 30) -> float:
    """A share of pages. One in which nothing differs has a false word only where a factor has one: with what that
    passes on, all else is tested."""
    variants = grid(levels)
    weights = design(variants, {str(f): "0" for f in range(len(levels))}, 1).weights
    runs, size = simulate(kind, len(variants), most_seeds, sweeps), np.sqrt(np.square(weights).sum(1) / 2)
    effects, step, false = np.einsum("jv,svr->sjr", weights, runs), steps(runs) * size, np.zeros(sweeps, bool)
    for seeds, level in automatic(most_seeds):
        p = p_value(paired(effects[..., :seeds], step), size)
        false |= (p * len(weights) < level).any(1)
    return float(false.mean())


def fixed_number(values: np.ndarray, effect: float, power: float) -> int:
    """The least number of seeds that finds at least as large a share of comparisons; all where none does."""
    counts = range(3, values.shape[2] + 1)
    found = (n for n in counts if judge(values[:, :, :n], effect * np.sqrt(2)).power >= power)
    return next(found, values.shape[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=SWEEPS, help="simulated sweeps per line")
    sweeps = parser.parse_args().sweeps
    print(f"{sweeps:,} sweeps each; at most {most(sweeps):.2%} is five per cent within three standard errors\n")
    for part in (table, power, pages, auto, auto_pages):
        part(sweeps)


if __name__ == "__main__":
    main()
