"""Spontaneous changes in the number of users, which leave everything else unchanged."""

import numpy as np
import pytest
from stage import play, take_rows, topology_of

from meshquake.sim.environment.fluctuating import Fluctuating
from meshquake.sim.mesh import Mesh
from meshquake.topology.environment.fluctuation import Fluctuation, high

MESH = """
name: inn
services: {{web: {{workers: 100000, readiness: {{period: 600s}}, operations: {{home: {{}}, pay: {{}}}}}}}}
workload: {workload}
environment: {environment}
"""
OPEN = "{rate: 30/s, mix: {web.home: 1, web.pay: 1}}"
FIVE = 300.0


def mesh(environment="{users: 30%}", workload=OPEN, seed=1, seconds=600.0):
    return Mesh(topology_of(MESH.format(environment=environment, workload=workload)), seed, seconds)


def sent(*arguments, **more):
    """Return the times of requests."""
    played = mesh(*arguments, **more)
    played.env.advance(played.end)
    return np.sort(take_rows(played)["sent"])


def five_minutes(parts, seed, buckets=2000):
    """Return means over five minutes."""
    amount = Fluctuating(seed, "users", parts)
    passed, at = [0.0], 0.0
    for end in np.arange(1, buckets + 1) * FIVE:
        moments = np.linspace(at, end, 61)[:-1] + FIVE / 120
        passed.append(float(amount.amounts(moments).mean()))
        at = end
    return np.array(passed[1:])


@pytest.mark.parametrize(
    "parts",
    [[Fluctuation(0.25, 180.0)], [Fluctuation(0.2, 60.0)], [Fluctuation(0.4, 1200.0)]],
    ids=["3m", "1m", "20m"],
)
def test_means_over_five_minutes_vary_as_much_as_was_asked(parts):
    means = np.concatenate([five_minutes(parts, seed) for seed in range(3)])
    assert means.mean() == pytest.approx(1, abs=0.03)
    assert means.std() / means.mean() == pytest.approx(parts[0].cv, rel=0.05)


def test_time_scales_multiply():
    """The logarithms add up, and so do their variances; for small CVs, their squares nearly do."""
    parts = [Fluctuation(0.15, 60.0), Fluctuation(0.2, 600.0)]
    means = np.concatenate([five_minutes(parts, seed) for seed in range(3)])
    assert means.std() / means.mean() == pytest.approx(0.25, rel=0.06)


def test_neighbours_in_time_are_alike_and_the_likeness_falls_by_e_in_the_time_of_correlation():
    amount = Fluctuating(5, "users", [Fluctuation(0.2, 60.0)])
    logarithms = np.log(amount.amounts(np.arange(0, 200_000, 60.0)))
    assert np.corrcoef(logarithms[:-1], logarithms[1:])[0, 1] == pytest.approx(np.exp(-1), abs=0.05)


def test_nothing_goes_further_than_three_deviations():
    parts = [Fluctuation(0.3, 60.0)]
    amounts = Fluctuating(2, "users", parts).amounts(np.arange(0, 100_000, 2.0))
    assert amounts.max() == pytest.approx(high(parts))
    assert amounts.min() == pytest.approx(high(parts, -3.0))


def test_a_time_after_which_so_much_has_passed_is_the_inverse_of_what_passes():
    amount = Fluctuating(3, "users", [Fluctuation(0.4, 100.0)])
    ends, at = [], 7.0
    for _ in range(200):
        at = amount.after(at, 2.5)
        ends.append(at)
    assert amount.times(2.5 * np.arange(1, 201), 7.0) == pytest.approx(ends)
    midpoints = np.arange(7.0, at, 0.01) + 0.005
    assert amount.amounts(midpoints).sum() * 0.01 == pytest.approx(500, rel=1e-3)


def test_requests_come_as_often_as_the_amount_says():
    """Given the rate, the counts per minute are Poisson: their squared deviations, normalised, are 1 on average."""
    found = []
    for seed in range(3):
        played = mesh(seed=seed, seconds=1200.0)
        played.env.advance(played.end)
        counts = np.histogram(take_rows(played)["sent"], np.arange(0, 1201, 60))[0]
        amount = Fluctuating(seed, "arrivals", [Fluctuation(0.3)])
        expected = amount.amounts(np.arange(0, 1200, 0.1) + 0.05).reshape(-1, 600).mean(axis=1) * 30 * 60
        found.append((counts - expected) ** 2 / expected)
    assert np.mean(found) == pytest.approx(1, abs=0.45)


def test_the_requests_are_those_of_the_calm_mesh_only_earlier_or_later():
    topology = topology_of(MESH.format(environment="{users: 30%}", workload=OPEN))
    lively, calm = (play(each, 1, 3000) for each in (topology, topology.calm()))
    for rows in (lively, calm):
        assert set(rows["number"]) == set(range(rows["number"].max() + 1))
    assert abs(len(lively) - len(calm)) > 100


def test_a_population_that_is_there_by_the_hour_comes_and_goes_besides():
    """Arrivals follow both: half of the spontaneous rate while the square wave is low."""
    workload = (
        "{populations: {them: {rate: 50/s, mix: {web.home: 1}, over_time: {on_off: {on: 60s, off: 60s, low: 50%}}}}}"
    )
    times = sent(workload=workload, seconds=1200.0)
    counts = np.histogram(times, np.arange(0, 1201, 60))[0]
    amount = Fluctuating(1, "arrivals", [Fluctuation(0.3)])
    usual = amount.amounts(np.arange(0, 1200, 0.1) + 0.05).reshape(-1, 600).mean(axis=1) * 50 * 60
    assert counts[0::2].sum() / usual[0::2].sum() == pytest.approx(1, abs=0.05)
    assert counts[1::2].sum() / usual[1::2].sum() == pytest.approx(0.5, abs=0.05)


def test_of_closed_users_so_many_are_there_as_the_amount_says():
    workload = "{populations: {them: {users: 40, think_time: 1s, mix: {web.home: 1}}}}"
    counts = np.histogram(sent(workload=workload, seconds=900.0), np.arange(0, 901, 60))[0] / 60
    amount = Fluctuating(1, "arrivals", [Fluctuation(0.3)])
    there = amount.amounts(np.arange(0, 900, 0.1) + 0.05).reshape(-1, 600).mean(axis=1) * 40
    assert counts[1:] == pytest.approx(there[1:], rel=0.08)
    assert counts.std() / counts.mean() > 0.1


def test_a_surge_is_one_of_those_who_are_there():
    played = mesh(seconds=600.0)
    played._crowds.surge("crowd", None, 2.0, None, 600.0)
    played.env.advance(600.0)
    rows = take_rows(played)
    surge, usual = rows[rows["number"] >= 2**40]["sent"], rows[rows["number"] < 2**40]["sent"]
    ratios = np.histogram(surge, np.arange(0, 601, 60))[0] / np.histogram(usual, np.arange(0, 601, 60))[0]
    assert ratios == pytest.approx(np.full(10, 2.0), rel=0.12)
