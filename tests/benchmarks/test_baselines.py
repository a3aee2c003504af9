"""The baselines are no straw men: they play the same mesh as the simulator."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from math import sqrt
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from scipy.stats import ks_2samp

from meshquake.benchmarks import baseline_simpy
from meshquake.benchmarks.baseline import Counts, sampler
from meshquake.benchmarks.baseline_simpy import STATES, Breaker
from meshquake.sim.records import RECORD_KINDS
from meshquake.topology.distributions import (
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Gamma,
    LogNormal,
    Mixture,
    Pareto,
)
from meshquake.topology.loader import DEFAULT, load, shipped
from meshquake.topology.policies import CircuitBreaker, Queue
from meshquake.topology.spec import Call, Entry, Operation, Service, Topology, Workload

DURATION = 10.0
RATE = 100.0
#: Standard errors by which a figure may miss its expectation.
TOLERANCE = 4
#: Calls of requests in flight at the end: about RATE x 50 ms x 7.
UNDER_WAY = 100

Records = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def mesh() -> Topology:
    """Return the default mesh under a load that a short run can measure."""
    topology = load(shipped()[DEFAULT]).topology
    return replace(topology, workload=replace(topology.workload, rate=RATE))


def simpy_counts(topology: Topology, folder: Path) -> Counts:
    return baseline_simpy.run(topology, DURATION, 1, folder)


def ciw_counts(topology: Topology, _: Path) -> Counts:
    pytest.importorskip("ciw", reason="Ciw is an optional dependency, for the benchmark alone")
    from meshquake.benchmarks import baseline_ciw

    return baseline_ciw.run(topology, DURATION, 1)


def read(folder: Path) -> Records:
    return {
        kind: [json.loads(line) for line in (folder / f"{kind}.ndjson").open(encoding="utf-8")] for kind in RECORD_KINDS
    }


def calls_per_request(topology: Topology) -> tuple[float, float]:
    """Return mean and variance of the number of calls per request when nothing fails.

    Parts of a tree are independent: means and variances of a sum add up, and for a part that happens with probability p
    they are pm and pv + p(1 - p)m^2.
    """

    def operation(service: str, name: str) -> tuple[float, float]:
        calls = [call(c) for group in topology.operation(service, name).calls for c in group]
        return 1 + sum(mean for mean, _ in calls), sum(variance for _, variance in calls)

    def call(spec: Call) -> tuple[float, float]:
        mean, variance = operation(spec.service, spec.operation)
        if spec.hit_rate is not None:
            followers = [call(follower) for follower in spec.on_miss]
            more, spread = thin(1 - spec.hit_rate, sum(m for m, _ in followers), sum(v for _, v in followers))
            mean, variance = mean + more, variance + spread
        # One draw gives the number of repeats: the variance of such a sum is that of its parts plus that of the number.
        beyond = spec.times.beyond()
        times = sum(beyond)
        squares = sum((2 * number + 1) * share for number, share in enumerate(beyond))
        return thin(spec.probability, times * mean, times * variance + (squares - times**2) * mean**2)

    def thin(p: float, mean: float, variance: float) -> tuple[float, float]:
        return p * mean, p * variance + p * (1 - p) * mean**2

    mix = topology.workload.mix
    weights = sum(entry.weight for entry in mix)
    entries = [(entry.weight / weights, *operation(entry.service, entry.operation)) for entry in mix]
    mean = sum(share * m for share, m, _ in entries)
    return mean, sum(share * (v + m**2) for share, m, v in entries) - mean**2


@pytest.mark.parametrize("counts_of", [simpy_counts, ciw_counts], ids=["simpy", "ciw"])
def test_load(mesh: Topology, tmp_path: Path, counts_of: Callable[[Topology, Path], Counts]) -> None:
    """Requests arrive at the rate of the workload, and each leads to as many calls as its tree says."""
    counts = counts_of(mesh, tmp_path)
    mean, variance = calls_per_request(mesh)
    assert abs(counts.requests - RATE * DURATION) <= TOLERANCE * sqrt(RATE * DURATION)
    missing = mean * counts.requests - counts.calls
    error = TOLERANCE * sqrt(variance * counts.requests)
    assert -error <= missing <= error + UNDER_WAY


def test_records(mesh: Topology, tmp_path: Path) -> None:
    """Plain SimPy writes valid records of the simulator's kinds, as many as it reports, the same for a seed."""
    (tmp_path / "again").mkdir()
    counts = baseline_simpy.run(mesh, 2, 1, tmp_path)
    assert baseline_simpy.run(mesh, 2, 1, tmp_path / "again") == counts
    records = read(tmp_path)
    assert read(tmp_path / "again") == records
    assert sum(map(len, records.values())) == counts.records
    assert_valid(records)


def assert_valid(records: Records) -> None:
    for name, kind in RECORD_KINDS.items():
        validator = Draft202012Validator(kind.json_schema())
        for record in records[name]:
            assert tuple(record) == kind.names
            validator.validate(record)


def test_traces_are_trees(mesh: Topology, tmp_path: Path) -> None:
    """An answered request left one tree of spans, in which client and server halves alternate."""
    counts = simpy_counts(mesh, tmp_path)
    traces: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    servers = 0
    for span in read(tmp_path)["traces"]:
        traces[span["trace_id"]][span["span_id"]] = span
        servers += span["kind"] == "server"
    assert servers == counts.calls
    answered = 0
    for spans in traces.values():
        roots = [span for span in spans.values() if span["parent_span_id"] is None]
        if roots:
            answered += 1
            assert [span["kind"] for span in roots] == ["server"]
            assert all(
                {span["kind"], spans[span["parent_span_id"]]["kind"]} == {"client", "server"}
                for span in spans.values()
                if span["parent_span_id"] is not None
            )
    assert counts.requests - UNDER_WAY <= answered <= counts.requests


def test_policies(mesh: Topology, tmp_path: Path) -> None:
    """Callers with too short a timeout give up, retry and open their breakers, while the callee keeps working."""
    impatient = replace(mesh, edges=tuple(replace(edge, timeout=0.002) for edge in mesh.edges))
    baseline_simpy.run(impatient, 7, 1, tmp_path)
    records = read(tmp_path)
    assert_valid(records)
    clients = [span for span in records["traces"] if span["kind"] == "client"]
    assert {span["error_type"] for span in clients} >= {"timeout", "circuit_open"}
    assert {span["attempt"] for span in clients} == {1, 2, 3}
    assert max(span["duration_ms"] for span in clients) <= 2
    unwanted = {span["span_id"] for span in clients if span["error_type"] == "timeout"}
    assert any(span["parent_span_id"] in unwanted and span["status"] == "success" for span in records["traces"])
    events = Counter(event["type"] for event in records["events"])
    assert events["circuit_breaker_open"] > 0


def test_breaker() -> None:
    """A breaker opens when its share of calls fails, and closes when the trial calls after its pause succeed."""
    log: list[str] = []
    policy = CircuitBreaker(window_time=10.0, minimum_calls=2, failure_rate=0.5, open_for=5.0, half_open_calls=2)
    breaker = Breaker(policy, lambda state, reason: log.append(f"{STATES[state]}: {reason}"))
    for time, failed in [(0.0, False), (1.0, True)]:
        assert breaker.permits(time)
        breaker.record(time, failed)
    assert not breaker.permits(5.9)
    assert [breaker.permits(6.0) for _ in range(3)] == [True, True, False]
    for failed in (True, True):
        breaker.record(6.5, failed)
    assert not breaker.permits(11.4)
    assert [breaker.permits(11.5) for _ in range(2)] == [True, True]
    for failed in (False, False):
        breaker.record(12.0, failed)
    assert breaker.permits(12.0)
    assert log == [
        "open: 1 of 2 calls failed",
        "half_open: trial calls begin",
        "open: 2 of 2 calls failed",
        "half_open: trial calls begin",
        "closed: trial calls succeeded",
    ]


def test_loss(tmp_path: Path) -> None:
    """Without a queue, a replica of ten workers offered eight erlangs sheds the share that Erlang's B formula gives."""
    service = Service("a", workers=10, queue=Queue(0), operations=(Operation("x", Exponential(0.01)),))
    workload = Workload(rate=800.0, mix=(Entry("a", "x", 1),))
    baseline_simpy.run(Topology("loss", (service,), (), workload), 20, 1, tmp_path)
    errors = [span["error_type"] for span in read(tmp_path)["traces"]]
    assert errors.count("overloaded") / len(errors) == pytest.approx(0.1217, abs=0.015)


@pytest.mark.parametrize(
    "distribution",
    [
        Exponential(0.02),
        LogNormal(0.004, 0.8),
        Gamma(0.06, 0.3),
        Gamma(0.06, 2.0),
        Pareto(0.001, 1.5, maximum=0.05),
        Empirical((0.003, 0.001, 0.01, 0.002)),
        Mixture((95, 0, 5), (LogNormal(0.03, 0.4), Constant(9.0), LogNormal(0.09, 0.2))),
    ],
    ids=repr,
)
def test_sampler(distribution: Distribution) -> None:
    """Times drawn by a baseline have the distribution of those drawn by the simulator (Kolmogorov and Smirnov)."""
    count = 10_000
    draw = sampler(distribution, Random(7))
    ours = distribution.quantile(np.random.default_rng(7).random(count))
    assert ks_2samp([draw() for _ in range(count)], ours).pvalue > 0.01


def test_constant() -> None:
    """A constant is drawn unchanged."""
    assert sampler(Constant(0.25), Random(1))() == 0.25


def test_unknown_distribution() -> None:
    """A distribution unknown to the baselines is refused rather than replaced."""
    with pytest.raises(TypeError, match="no sampler for a Distribution"):
        sampler(Distribution(), Random(1))
