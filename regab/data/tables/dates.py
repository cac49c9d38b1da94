"""Dates and times as numbers: days since 1970, or for times of day the share of the day that has passed."""

from __future__ import annotations

import re
from itertools import product

import numpy as np

from regab.lazy import pandas as pd

EPOCH = np.datetime64("1970-01-01", "us")
_DAY = re.compile(r"[0-9]{1,4}([-/. ])([0-9]{1,2}|[A-Za-z]{3,9})\1[0-9]{1,4}(?![0-9])")
_NAMED = re.compile(r"[0-9]{1,2}\.?[ -][A-Za-z]{3,9}|[A-Za-z]{3,9}\.? [0-9]{1,2}(,|\b)")
_MONTH = re.compile(r"[0-9]{4}[-/][0-9]{1,2}|[0-9]{1,2}/[0-9]{4}|[A-Za-z]{3,9}\.?[ -][0-9]{4}")
_TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}")
_TIMES = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", " %H:%M:%S.%f")
_DAY_FIRST = [f"%d{s}%m{s}{year}" for s, year in product("/.-", ("%Y", "%y"))]
_MONTH_FIRST = [f"%m{s}%d{s}{year}" for s, year in product("/-", ("%Y", "%y"))]  # nobody does so with points
_YEAR_FIRST = ["%Y/%m/%d", "%Y.%m.%d"]
_MONTHS = ["%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y", "%B-%Y"]  # as their first days
_IN_WORDS = [
    *(f"%d{s}{month}{s}{year}" for s, month, year in product(" -/", ("%b", "%B"), ("%Y", "%y"))),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d. %B %Y", "%d. %b %Y", "%a, %d %b %Y", "%a %b %d %Y"),
]


def date_numbers(cells: list[str], form: str) -> np.ndarray:
    """Days, NaN where a cell is no date of this form (see ``date_forms``)."""
    iso = form == "ISO8601"
    found = pd.to_datetime(pd.Series(cells, dtype=str), format=form, errors="coerce", utc=True)
    if iso:  # which takes years, and what could be a plain number, for dates
        found = found.where([bool(_DAY.match(cell)) for cell in cells])
    instants = found.dt.tz_localize(None).dt.as_unit("us").to_numpy()  # nanoseconds end in 2262
    since = instants.astype("datetime64[D]") if "%Y" not in form and "%y" not in form and not iso else EPOCH
    return (instants - since) / np.timedelta64(24 * 3600 * 10**6, "us")


def in_words(form: str) -> str:
    """What cells of this form are, and the years that two digits stand for."""
    if form != "ISO8601" and "%Y" not in form and "%y" not in form:
        return "times"
    return "dates with years from 1969 to 2068, in days" if "%y" in form else "dates, in days"


def date_forms(cells: list[str], day_first: bool | None) -> list[str]:
    """The forms by which most of the distinct cells are dates, the best first; none where less than nine in ten are.

    Two forms are left only where the cells are other dates by the day first than by the month first, and ``day_first``
    does not say which.
    """
    known = any(_DAY.match(c) or _NAMED.match(c) or _TIME.match(c) or _MONTH.fullmatch(c) for c in cells[:10])
    if not known:
        return []
    likely = [form for form in _candidates(cells, day_first) if _dates(cells[:50], form) >= len(cells[:50]) / 2]
    scores = {form: _dates(cells, form) for form in likely}
    most = max(scores.values(), default=0)
    best = [form for form, score in scores.items() if score == most]
    if most < 0.9 * len(cells) or not most:
        return []
    first = date_numbers(cells, best[0])
    other = [form for form in best if not np.array_equal(date_numbers(cells, form), first, equal_nan=True)]
    return [best[0], *other[:1]]


def _dates(cells: list[str], form: str) -> int:
    return int(np.isfinite(date_numbers(cells, form)).sum())


def _candidates(cells: list[str], day_first: bool | None) -> list[str]:
    numeric = (_DAY_FIRST if day_first in (True, None) else []) + (_MONTH_FIRST if day_first in (False, None) else [])
    days = [*_YEAR_FIRST, *numeric] if any(_DAY.match(cell) for cell in cells[:10]) else []
    days += _IN_WORDS if any(re.search("[A-Za-z]{3}", cell) for cell in cells[:10]) else []
    months = _MONTHS if any(_MONTH.fullmatch(cell) for cell in cells[:10]) else []
    timed = [form for form in _TIMES if any(":" in cell for cell in cells[:10]) == bool(form)]
    times = [form.strip() for form in timed if form]
    return ["ISO8601", *times, *months, *(f"{day}{time}" for day in days for time in timed)]
