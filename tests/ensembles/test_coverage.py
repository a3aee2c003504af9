"""Confidence intervals of studies cover the truth as often as they claim: M/M/1, with known mean sojourn, 200 times.

Slow: a minute each.
"""

import numpy as np
import pytest

from meshquake.ensembles import replication
from meshquake.ensembles.analysis import Analysis
from tests.station import study

pytestmark = pytest.mark.slow
STUDIES = 200
#: Milliseconds: 10 ms of work at a load of .5.
TRUTH = 20.0


def scenario(seconds):
    return f"{{name: calm, lead_in: 2s, duration: {seconds}s, recovery: 0s, confounders: none}}"


def share_that_holds(scenario, replications):
    """Return the share of studies, one per seed, whose interval covers the truth, without the first two seconds."""
    held = []
    for seed in range(STUDIES):
        one = study(scenario=scenario, replications=replications, seed=seed)
        runs = [replication.run(one, 0, turn) for turn in range(replications)]
        ((estimate,),) = Analysis(one, runs).estimates
        held.append(estimate.interval.low <= TRUTH <= estimate.interval.high)
    return np.mean(held)


def test_intervals_over_runs_hold_the_mean_sojourn_of_an_m_m_1_queue_in_95_of_100_studies():
    assert 0.91 <= share_that_holds(scenario(20), 10) <= 0.98


def test_intervals_by_batches_of_one_long_run_do_too():
    """Twenty batches of 20 s: a thousand requests each, hardly correlated with the batch before."""
    assert 0.91 <= share_that_holds(scenario(400), 1) <= 0.98
