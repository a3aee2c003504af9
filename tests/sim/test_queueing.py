"""The simulator against queueing theory: closed forms, and recursions that must hold to the last bit.

A figure is estimated from independent seeds, and theory must lie in the t interval around their mean, at 99.9% so that
the fixed seeds are no lottery. The width of the interval is asserted too; otherwise a wide one would accept anything.
"""

from dataclasses import replace
from heapq import heapreplace
from math import factorial, log, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from stage import drain, play, sites_of, take_rows, topology_of

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.fail import Fail
from meshquake.sim.mesh import Mesh
from meshquake.topology.errors import CODES, SUCCESS
from meshquake.topology.loader import load, shipped

SERVICE_TIME = 0.01
EXPONENTIAL = "{exponential: 10ms}"
SEEDS = range(20)
CONFIDENCE = 0.999


def station(load, workers=1, queue=10_000_000, work=EXPONENTIAL, replicas=1, balance="random"):
    """Return one service at some load (offered work over workers), with no policies."""
    return topology_of(f"""
name: station
services:
  station:
    replicas: {replicas}
    workers: {workers}
    queue: {queue}
    readiness: {{period: 600s}}
    operations: {{serve: {{work: {work}}}}}
workload: {{rate: {load * workers * replicas / SERVICE_TIME:.12g}/s, balance: {balance}, mix: {{station.serve: 1}}}}
""")


def settled(rows):
    """Return the rows in order of arrival, without the first tenth, in which the queue fills."""
    rows = np.sort(rows, order="arrived")
    return rows[len(rows) // 10 :]


def runs(topology, requests):
    """Return the settled rows of one run per seed."""
    return [settled(play(topology, seed, requests)) for seed in SEEDS]


def sojourn(rows):
    """Return the mean time in the system, in service times."""
    return (rows["finished"] - rows["arrived"]).mean() / SERVICE_TIME


def wait(rows):
    """Return the mean time in the queue, in service times."""
    return (rows["started"] - rows["arrived"]).mean() / SERVICE_TIME


def share_that_waits(rows):
    return (rows["started"] > rows["arrived"]).mean()


def loss(rows):
    return (rows["outcome"] == CODES["overloaded"]).mean()


def agrees(estimates, theory, within):
    """Check that theory lies in the t interval around the mean of the estimates, at most +- `within` of it wide."""
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(estimates) - 1) * stats.sem(estimates)
    mean = np.mean(estimates)
    assert half < within * theory, f"{mean:.4g} +- {half:.2g} says little"
    assert abs(mean - theory) < half, f"{mean:.4g} +- {half:.2g}, not {theory:.4g}"


def share_agrees(hits, trials, theory):
    """Check that a share of independent trials is what theory says."""
    assert stats.binomtest(int(hits), int(trials), theory).pvalue > 1 - CONFIDENCE, f"{hits / trials:.4g}, not {theory}"


def erlang_b(servers, erlangs):
    """Return the share of arrivals lost because all servers are busy (Erlang 1917), by the usual recursion."""
    lost = 1.0
    for n in range(1, servers + 1):
        lost = erlangs * lost / (n + erlangs * lost)
    return lost


def erlang_c(servers, erlangs):
    """Return the share of arrivals that find all servers busy, if those wait."""
    top = erlangs**servers / factorial(servers) * servers / (servers - erlangs)
    return top / (sum(erlangs**n / factorial(n) for n in range(servers)) + top)


# -- closed forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workers", "waits", "mean"),
    [(1, 0.800, 5.00), (2, 0.711, 2.78), (5, 0.554, 1.554), (10, 0.409, 1.205), (20, 0.256, 1.064)],
)
def test_one_service_is_an_m_m_c_queue(workers, waits, mean):
    """Erlang C: the share that waits and the time in the system, at a load of .8."""
    probability = erlang_c(workers, 0.8 * workers)
    time = 1 + probability / (workers * (1 - 0.8))
    assert (probability, time) == pytest.approx((waits, mean), rel=2e-3)
    sample = runs(station(0.8, workers), 20_000)
    agrees([share_that_waits(rows) for rows in sample], probability, within=0.08)
    agrees([sojourn(rows) for rows in sample], time, within=0.1)


def test_the_sojourn_in_an_m_m_1_queue_is_exponential():
    """At a load of .5 the mean is 2 service times and the 99th percentile 4.605 times the mean."""
    sample = runs(station(0.5), 15_000)
    agrees([sojourn(rows) for rows in sample], 2, within=0.03)
    p99 = [np.quantile(rows["finished"] - rows["arrived"], 0.99) / SERVICE_TIME for rows in sample]
    agrees(p99, 2 * log(100), within=0.06)


@pytest.mark.parametrize(("load", "lost"), [(0.9, 0.0508), (1.5, 0.3372)])
def test_a_bounded_queue_loses_what_an_m_m_1_k_queue_does(load, lost):
    """K = 10 in the system: one in service and nine in the queue."""
    theory = (1 - load) * load**10 / (1 - load**11)
    assert theory == pytest.approx(lost, rel=1e-3)
    agrees([loss(rows) for rows in runs(station(load, queue=9), 12_000)], theory, within=0.1)


def test_without_a_queue_the_loss_is_erlang_b():
    """Ten workers offered eight erlangs lose 12.17%."""
    theory = erlang_b(10, 8)
    assert theory == pytest.approx(0.1217, rel=1e-3)
    agrees([loss(rows) for rows in runs(station(0.8, workers=10, queue=0), 10_000)], theory, within=0.06)


def test_the_erlang_b_loss_does_not_depend_on_the_shape_of_the_service_time():
    """Constant and very variable service times lose as many requests as exponential ones (insensitivity)."""
    for work in ("10ms", "{gamma: {mean: 10ms, cv: 2}}"):
        topology = station(0.8, workers=10, queue=0, work=work)
        agrees([loss(rows) for rows in runs(topology, 10_000)], erlang_b(10, 8), within=0.08)


@pytest.mark.parametrize(
    ("cv_squared", "work", "requests"),
    [(0, "10ms", 15_000), (1, EXPONENTIAL, 25_000), (4, "{gamma: {mean: 10ms, cv: 2}}", 40_000)],
)
def test_the_wait_is_that_of_an_m_g_1_queue(cv_squared, work, requests):
    """Pollaczek and Khinchine at a load of .8: 2, 4 and 10 service times."""
    theory = 0.8 / (1 - 0.8) * (1 + cv_squared) / 2
    agrees([wait(rows) for rows in runs(station(0.8, work=work), requests)], theory, within=0.15)


# -- exact recursions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("work, cv_squared", [("10ms", 0.0), ("{exponential: 10ms}", 1.0)])
def test_a_timer_on_an_event_loop_is_as_late_as_the_mean_wait_in_an_m_g_1_queue(work, cv_squared):
    """Pollaczek and Khinchine at a load of .5, in service times: .5 and 1. Timers see time averages (PASTA)."""
    topology = topology_of(f"""
name: loop
services:
  app: {{stack: nodejs/express, workers: 100000, cpu: 1, operations: {{get: {{work: {work}}}}}}}
workload: {{rate: 50/s, mix: {{app.get: 1}}}}
""")

    def lag(seed, seconds=400.0):
        mesh = Mesh(topology, seed, end=seconds)
        mesh.env.advance(seconds)
        return mesh.replicas[0].loop.waited(seconds) / seconds / SERVICE_TIME

    agrees([lag(seed) for seed in SEEDS], 0.5 / 0.5 * (1 + cv_squared) / 2, within=0.06)


@pytest.mark.parametrize("workers", [1, 3])
def test_every_wait_obeys_the_recursion_of_kiefer_and_wolfowitz(workers):
    """An arrival takes the worker that is free first: each start time follows exactly from those before."""
    rows = np.sort(play(station(0.9, workers), seed=1, requests=20_000), order="arrived")
    free = [0.0] * workers
    for row in rows:
        started = max(row["arrived"], free[0])
        assert row["started"] == started
        heapreplace(free, row["finished"])


def test_worker_seconds_are_the_time_that_requests_held_a_worker():
    topology = station(0.9, workers=3)
    mesh = Mesh(topology, seed=1, end=50)
    mesh.env.advance(50)
    drain(mesh)
    rows = take_rows(mesh)
    (replica,) = mesh.replicas
    held = (rows["finished"] - rows["started"]).sum()
    assert replica.busy_time(mesh.now) == pytest.approx(held, rel=1e-9)
    assert replica.core_time(mesh.now) == pytest.approx(held, rel=1e-9)


# -- many replicas, many calls, many attempts --------------------------------------------------------------------------


def test_random_balancing_makes_each_replica_a_queue_of_its_own():
    """At a load of .9 a request takes 10 service times; the replicas are independent, so they form the sample."""
    replicas, rate = 100, 9000
    mesh = Mesh(station(0.9, replicas=replicas), seed=1, end=500_000 / rate)
    mesh.env.advance(mesh.end)
    drain(mesh)
    rows = take_rows(mesh)
    rows = rows[rows["arrived"] > 0.3 * mesh.end]
    agrees([sojourn(rows[rows["replica"] == number]) for number in range(replicas)], 10, within=0.15)


@pytest.mark.parametrize(("load", "theory"), [(0.5, 1.27), (0.9, 2.61)])
def test_the_less_busy_of_two_replicas_makes_the_queues_short(load, theory):
    """Mitzenmacher's two choices, in the limit of many replicas: at a load of .9, 2.61 service times instead of 10."""
    assert sum(load ** (2**n - 2) for n in range(1, 12)) == pytest.approx(theory, abs=0.01)
    rows = settled(play(station(load, replicas=300, balance="least_request"), seed=1, requests=200_000))
    assert sojourn(rows) == pytest.approx(theory, rel=0.04)


@pytest.mark.parametrize(("calls", "share"), [(10, 0.096), (100, 0.634)])
def test_a_request_that_fans_out_is_as_slow_as_its_slowest_call(calls, share):
    """With 1% slow calls, 9.6% of requests that make ten calls are slow, and 63.4% of those that make a hundred."""
    topology = topology_of(f"""
name: fan
defaults: {{edge: {{latency: 0s}}}}
services:
  web: {{workers: 100000, operations: {{home: {{calls: [[{", ".join(["leaf.get"] * calls)}]]}}}}}}
  leaf:
    workers: 100000
    operations: {{get: {{work: {{mixture: [{{weight: 99, constant: 1ms}}, {{weight: 1, constant: 100ms}}]}}}}}}
workload: {{rate: 100/s, mix: {{web.home: 1}}}}
""")
    assert 1 - 0.99**calls == pytest.approx(share, abs=1e-3)
    rows = play(topology, seed=1, requests=200_000 // calls)
    users = rows[rows["site"] == 0]
    slow = users["finished"] - users["arrived"] > 0.05
    share_agrees(slow.sum(), len(users), 1 - 0.99**calls)


RETRIES = """
name: retries
defaults: {edge: {latency: 0s, retry: {max_attempts: 4, base: 0s, on: [unavailable, dependency_failed]}}}
services:
  web: {operations: {home: {work: 1ms, calls: [shop.home]}}}
  shop: {operations: {home: {work: 1ms, calls: [stock.home]}}}
  stock: {operations: {home: {work: 1ms, calls: [db.get]}}}
  db: {workers: 1000, operations: {get: {work: 1ms}}}
workload: {rate: 100/s, mix: {ENTRY: 1}}
"""


def failing(share):
    """Return a fault by which the db fails a share of its requests throughout."""
    return [(Fail(id="bug", target=Target("service", "db"), share=share, error="unavailable"), Window(0, 0, 1e6))]


@pytest.mark.parametrize(("p", "load", "success"), [(0.1, 1.111, 0.9999), (0.5, 1.875, 0.9375), (1.0, 4.0, 0.0)])
def test_three_retries_multiply_the_load_and_the_success(p, load, success):
    """With independent failures at rate p, the load is (1 - p^4)/(1 - p) and the success rate 1 - p^4."""
    rows = play(topology_of(RETRIES.replace("ENTRY", "stock.home")), 1, 10_000, failing(p))
    users, calls = rows[rows["site"] == 0], rows[rows["site"] == 1]
    if p < 1:
        share_agrees((calls["result"] == SUCCESS).sum(), len(calls), 1 - p)
    if success not in (0.0, 1.0):
        share_agrees((users["outcome"] == SUCCESS).sum(), len(users), 1 - p**4)
    attempts = np.bincount(calls["number"], minlength=len(users))
    spread = 3.29 * attempts.std() / sqrt(len(users))
    assert attempts.mean() == pytest.approx(load, abs=spread + 1e-3)
    assert (users["outcome"] == SUCCESS).mean() == pytest.approx(success, abs=0.01)


def test_three_layers_of_four_attempts_make_64_calls_of_a_request_that_fails():
    rows = play(topology_of(RETRIES.replace("ENTRY", "web.home")), 1, 20, failing(1.0))
    users, calls = rows[rows["site"] == 0], rows[rows["site"] == 3]
    assert np.bincount(calls["number"]).tolist() == [64] * len(users)
    assert (users["outcome"] == CODES["dependency_failed"]).all()


# -- the whole mesh ----------------------------------------------------------------------------------------------------


def test_littles_law_holds_at_every_service_of_the_ten():
    """The average that gauges see there equals the arrival rate times the mean time of a request.

    Gauges look at the mesh 500 times a second, spans know nothing of them.
    """
    topology = load(Path(shipped()["ten-services"])).topology
    topology = replace(topology, workload=replace(topology.workload, rate=100.0))
    mesh = Mesh(topology, seed=1, end=100.0)
    seen = {name: [] for name in mesh.services}
    for tick in range(50_000):
        mesh.env.advance(tick / 500)
        for name, service in mesh.services.items():
            seen[name].append(sum(replica.active + len(replica.queue) for replica in service.replicas))
    drain(mesh)
    rows = take_rows(mesh)
    for name in mesh.services:
        spans = rows[np.isin(rows["site"], sites_of(mesh, name)) & (rows["arrived"] >= 0)]
        rate, time = len(spans) / mesh.end, (spans["finished"] - spans["arrived"]).mean()
        batches = np.reshape(seen[name], (20, -1)).mean(axis=1)
        begun = np.histogram(spans["arrived"], 20, (0, mesh.end), weights=spans["finished"] - spans["arrived"])[0]
        # Batch means of the difference: the common part, the load of the moment, cancels.
        differences = batches - begun / (mesh.end / 20)
        half = stats.t.ppf((1 + CONFIDENCE) / 2, 19) * stats.sem(differences)
        assert np.mean(seen[name]) == pytest.approx(rate * time, abs=half), name
        assert half < 0.15 * rate * time, name
