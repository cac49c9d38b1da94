"""Imports all that a report needs, for those who have time to do so before there is anything to report."""

import pandas  # noqa: F401
import scipy.special  # noqa: F401

import regab.report.report  # noqa: F401
