"""Tests of whether two variants differ, from runs of both with the same seeds: one test for each kind of difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtri, stdtr

from meshquake.ensembles.intervals import t_quantile

Floats = NDArray[np.float64]

#: Differences that differ by less than this, relative to what is compared, are equal: the rest is rounding.
_ROUNDING = 1e-14


class PairTest(Protocol):
    """A test of no difference."""

    @property
    def p(self) -> float:
        """The two-sided p-value of no difference."""

    def interval(self, confidence: float) -> tuple[float, float]:
        """A confidence interval of the mean difference: its ends."""


@dataclass(frozen=True)
class Student:
    """Student's test of pairs, for differences that vary: their number, their mean, and its standard error."""

    pairs: int
    mean: float
    error: float

    @property
    def p(self) -> float:
        """From Student's t."""
        return float(2 * stdtr(self.pairs - 1, -abs(self.mean) / self.error))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Around the mean."""
        half = t_quantile(confidence, self.pairs - 1) * self.error
        return self.mean - half, self.mean + half


@dataclass(frozen=True)
class Sign:
    """The sign test, for pairs that all differ by the same: how many, and by how much.

    There is no variance to compare the difference with, but by chance alone each would have either sign.
    """

    pairs: int
    difference: float

    @property
    def p(self) -> float:
        """From the binomial distribution; 1 if there is no difference."""
        return 2 * 0.5**self.pairs if self.difference else 1.0

    def interval(self, confidence: float) -> tuple[float, float]:
        """The difference, for all that is known of how it varies."""
        return self.difference, self.difference


@dataclass(frozen=True)
class McNemar:
    """McNemar's exact test, for runs that say yes or no: how many pairs, and in how many of them only one says yes.

    Without a difference, either is as likely to be that one (Q. McNemar, "Note on the sampling error of the difference
    between correlated proportions or percentages", Psychometrika 12, 1947).
    """

    pairs: int
    only_first: int
    only_other: int

    @property
    def p(self) -> float:
        """Twice the smaller tail of the binomial distribution, at most 1."""
        fewer, all_of_them = min(self.only_first, self.only_other), self.only_first + self.only_other
        return min(1.0, 2 * float(bdtr(fewer, all_of_them, 0.5)))

    def interval(self, confidence: float) -> tuple[float, float]:
        """By A. Agresti and Y. Min ("Simple improved confidence intervals for comparing matched proportions",
        Statistics in Medicine 24, 2005): a half is added to each of the four cells of the paired table.
        """
        pairs = self.pairs + 2
        one_sided, difference = self.only_first + self.only_other + 1, self.only_other - self.only_first
        mean, error = difference / pairs, (one_sided - difference**2 / pairs) ** 0.5 / pairs
        half = float(ndtri((1 + confidence) / 2)) * error
        return max(-1.0, mean - half), min(1.0, mean + half)


def pair_test(first: Floats, other: Floats, shares: bool) -> PairTest:
    """The test for the values of two variants.

    Parameters
    ----------
    first, other
        At least two finite values, of runs with the same seeds at the same positions.
    shares
        Whether each is 1 or 0: a run says yes or no.
    """
    difference = other - first
    count, mean = len(difference), float(difference.mean())
    if shares:
        return McNemar(count, int(np.sum(difference < 0)), int(np.sum(difference > 0)))
    rounding = _ROUNDING * max(np.abs(first).max(), np.abs(other).max())
    if np.abs(difference).max() <= rounding:
        return Sign(count, 0.0)
    error = float(difference.std(ddof=1)) / count**0.5
    if np.ptp(difference) <= rounding or not error:
        return Sign(count, mean)
    return Student(count, mean, error)
