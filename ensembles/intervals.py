"""Confidence intervals: Student's t over independent runs, the bootstrap, and sections of one long run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr, ndtri, stdtrit

from meshquake.topology.addresses import uniforms

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
#: Samples of a bootstrap: the ends of a 95% interval are about the 50th from each side.
RESAMPLES = 2000
#: Runs that a bootstrap needs: with fewer, its intervals are too short.
FEWEST = 10
#: Sections of a long run. More of them are less independent, and beyond twenty there is little to gain (B. Schmeiser,
#: "Batch size effects in the analysis of simulation output", Operations Research 30(3), 1982).
SECTIONS = 20


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval; both ends are nan if the uncertainty is unknown.

    `method` says in a word or two how the interval was computed.
    """

    estimate: float
    low: float
    high: float
    method: str

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


def t_interval(values: Floats, confidence: float = CONFIDENCE) -> Interval:
    """The mean of independent values, with Student's interval."""
    count, mean = len(values), _mean(values)
    if count < 2:
        return Interval(mean, np.nan, np.nan, "one run" if count else "no run")
    half = t_quantile(confidence, count - 1) * float(np.std(values, ddof=1)) / count**0.5
    return Interval(mean, mean - half, mean + half, "t")


def bootstrap(values: Floats, key: int, confidence: float = CONFIDENCE) -> Interval:
    """The mean of independent values of a skewed kind, such as percentiles, with a bootstrap interval.

    This is the bias-corrected and accelerated interval (B. Efron, "Better bootstrap confidence intervals", JASA 82,
    1987), from `RESAMPLES` samples. With fewer than `FEWEST` values it is Student's interval.

    Parameters
    ----------
    values
        One value per run.
    key
        The address of the draws (`topology.addresses.address`).
    confidence
        The confidence level of the interval.
    """
    count = len(values)
    if count < FEWEST:
        return t_interval(values, confidence)
    mean = _mean(values)
    if np.all(values == values[0]):
        return Interval(mean, mean, mean, "bootstrap")
    columns = -(-count // 4) * 4  # draws come in fours
    chosen = (uniforms(key, 0, RESAMPLES, columns)[:, :count] * count).astype(np.int64)
    means = np.sort(values[chosen].mean(axis=1))
    below = (np.sum(means < mean) + np.sum(means == mean) / 2) / RESAMPLES
    bias = ndtri(np.clip(below, 0.5 / RESAMPLES, 1 - 0.5 / RESAMPLES))
    # The jackknife's means less their mean are these, up to a factor that the quotient cancels.
    jackknife = values.mean() - values
    acceleration = -np.sum(jackknife**3) / (6 * np.sum(jackknife**2) ** 1.5)
    ends = ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    shares = ndtr(bias + (bias + ends) / (1 - acceleration * (bias + ends)))
    low, high = np.quantile(means, shares)
    return Interval(mean, float(low), float(high), "bootstrap")


def share_interval(values: Floats, confidence: float = CONFIDENCE) -> Interval:
    """The share of runs that say yes (1, not 0), with the exact binomial interval (Clopper and Pearson 1934).

    It is informative even if all runs say the same: no yes in 20 runs means that the share is at most 17%.
    """
    count, mean = len(values), _mean(values)
    if not count:
        return Interval(mean, np.nan, np.nan, "no run")
    yes, tail = float(values.sum()), (1 - confidence) / 2
    low = float(betaincinv(yes, count - yes + 1, tail)) if yes else 0.0
    high = float(betaincinv(yes + 1, count - yes, 1 - tail)) if yes < count else 1.0
    return Interval(mean, low, high, "exact")


def sectioned(whole: float, sections: Floats, confidence: float = CONFIDENCE) -> Interval:
    """A figure of one long run, with an interval from its sections: batch means, and batch percentiles.

    The interval is around the figure of the whole run, which has less bias than the mean of the sections unless it is a
    mean itself (S. Asmussen and P. W. Glynn, "Stochastic Simulation", 2007, section III.5a: sectioning).

    Parameters
    ----------
    whole
        The figure of the whole run.
    sections
        What it would be if all of the run were like each of its consecutive sections of equal length: the figure of the
        section, which is scaled up if it is a total. nan where there is none; empty if a section says nothing about the
        whole.
    confidence
        The confidence level of the interval.
    """
    if not len(sections):
        return Interval(whole, np.nan, np.nan, "whole run")
    if not np.all(np.isfinite([whole, *sections])):
        return Interval(whole, np.nan, np.nan, "empty section")
    count = len(sections)
    error = float(np.sqrt(np.sum((sections - whole) ** 2) / (count - 1) / count))
    half = t_quantile(confidence, count - 1) * error
    return Interval(whole, whole - half, whole + half, "batches")


def t_quantile(confidence: float, degrees: int) -> float:
    """The half-width of a two-sided interval in standard errors."""
    return float(stdtrit(degrees, (1 + confidence) / 2))


def spread(values: Sequence[float]) -> float:
    """The standard deviation of some values; nan for fewer than two."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else np.nan


def _mean(values: Floats) -> float:
    return float(np.mean(values)) if len(values) else np.nan
