"""Which variants differ, and by how much: paired differences, all at once.

Runs of two variants with one seed use the same draws (common random numbers), so they are compared run by run: what
both have in common cancels. Among many comparisons, a few are large by chance; Holm's step-down procedure (S. Holm, "A
simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979) keeps the
probability of falsely calling any of them different below 1 - confidence, whatever their dependence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from meshquake.ensembles.intervals import CONFIDENCE
from meshquake.ensembles.pair_tests import PairTest, Sign, pair_test

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """How much more another variant has than a first one.

    Attributes
    ----------
    pairs
        Runs of the same seed in which both have a value.
    mean
        The mean of the differences.
    same
        Whether both have the same value in each of these runs.
    test
        The test of whether they differ; None for fewer than two pairs.
    reduction
        The factor by which the variance of the mean difference is smaller than with unrelated seeds: that many times
        fewer runs are enough. Infinite if all pairs differ by the same; nan if unknown.
    adjusted, low, high, differs
        After Holm, among all comparisons: the p-value, the interval at the level of the test, and whether they differ.
        The interval contains 0 if they do not, and otherwise goes no further than to 0.
    """

    pairs: int
    mean: float
    same: bool = False
    test: PairTest | None = None
    reduction: float = np.nan
    adjusted: float = np.nan
    low: float = np.nan
    high: float = np.nan
    differs: bool = False

    @property
    def p(self) -> float:
        """The p-value of no difference, by itself; nan if unknown."""
        return np.nan if self.test is None else self.test.p


def paired(first: Floats, other: Floats, shares: bool = False) -> Difference:
    """Compare two variants.

    Parameters
    ----------
    first, other
        The values of runs with the same seeds at the same positions; nan where there is none.
    shares
        Whether a value is 1 or 0: a run says yes or no.
    """
    there = np.isfinite(first) & np.isfinite(other)
    first, other = first[there], other[there]
    difference = other - first
    count = len(difference)
    mean = float(difference.mean()) if count else np.nan
    if count < 2:
        return Difference(count, mean)
    test = pair_test(first, other, shares)
    variance = 0.0 if isinstance(test, Sign) else float(difference.var(ddof=1))
    apart = float(first.var(ddof=1) + other.var(ddof=1))
    reduction = apart / variance if variance else np.inf if apart else np.nan
    return Difference(count, mean, not difference.any(), test, reduction)


@dataclass(frozen=True)
class Verdict:
    """The result of Holm's procedure for one of several tests.

    `adjusted` is its p-value, `level` the level at which it was tested, and `rejected` whether chance is ruled out.
    Values are nan, and the test is never rejected, if it could not be made.
    """

    adjusted: float = np.nan
    level: float = np.nan
    rejected: bool = False


def holm(p: Sequence[float], confidence: float = CONFIDENCE) -> list[Verdict]:
    """Step down through the p-values of some tests, nan where one could not be made."""
    verdicts = [Verdict()] * len(p)
    known = sorted((place for place in range(len(p)) if np.isfinite(p[place])), key=lambda place: p[place])
    adjusted, level, rejecting = 0.0, 1 - confidence, True
    for step, place in enumerate(known):
        left = len(known) - step
        adjusted = max(adjusted, min(1.0, left * p[place]))
        if rejecting:  # once one is not rejected, none of the rest is: they are reported at its level
            level = (1 - confidence) / left
            rejecting = p[place] <= level
        verdicts[place] = Verdict(adjusted, level, rejecting)
    return verdicts


def together(differences: Sequence[Difference], confidence: float = CONFIDENCE) -> list[Difference]:
    """The same differences, tested as one family."""
    verdicts = holm([each.p for each in differences], confidence)
    return [_judged(each, verdict) for each, verdict in zip(differences, verdicts, strict=True)]


def _judged(difference: Difference, verdict: Verdict) -> Difference:
    """A difference with its verdict, and an interval that agrees with it."""
    if difference.test is None:
        return difference
    # An interval need not be the inverse of its test, as for shares: then they may disagree about 0.
    low, high = difference.test.interval(1 - verdict.level)
    if not verdict.rejected:
        low, high = min(low, 0.0), max(high, 0.0)
    elif difference.mean > 0:
        low = max(low, 0.0)
    else:
        high = min(high, 0.0)
    return replace(difference, adjusted=verdict.adjusted, low=low, high=high, differs=verdict.rejected)


def letters(count: int, differing: Sequence[tuple[int, int]]) -> list[str]:
    """Letters for some variants: two share no letter if and only if they differ.

    By insertion and absorption (H.-P. Piepho, "An algorithm for a letter-based representation of all-pairwise
    comparisons", Journal of Computational and Graphical Statistics 13(2), 2004).

    Parameters
    ----------
    count
        How many variants there are.
    differing
        The pairs that differ, by number.
    """
    columns = [frozenset(range(count))]
    for one, other in differing:
        split: list[frozenset[int]] = []
        for column in columns:
            split += [column - {one}, column - {other}] if {one, other} <= column else [column]
        columns = [each for each in dict.fromkeys(split) if not any(each < wider for wider in split)]
    columns.sort(key=lambda column: sorted(column))
    return ["".join(_letter(place) for place, column in enumerate(columns) if row in column) for row in range(count)]


def _letter(place: int) -> str:
    """a to z, then a1 and so on."""
    turn, letter = divmod(place, 26)
    return f"{chr(ord('a') + letter)}{turn or ''}"
