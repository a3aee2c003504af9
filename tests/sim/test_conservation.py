"""At any moment every arrival has succeeded, failed or is in flight, and every resource taken is given back."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import balance, check_answers, check_attempts, check_busy_time, check_counters, check_deciding, check_idle
from patience import USUAL, every
from stage import drain, take_rows, topology_of, unfold

from meshquake.faults.change import Change
from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds import fault_kinds
from meshquake.faults.loader import load, shipped
from meshquake.sim.engine.call import HEDGE, NEVER, RETRIED
from meshquake.sim.engine.call_site import ATTEMPT
from meshquake.sim.mesh import Mesh
from meshquake.sim.simulation import Simulation
from meshquake.topology.counts import Observed
from meshquake.topology.distributions import Constant, Exponential
from meshquake.topology.errors import CODES
from meshquake.topology.outlier import Outlier
from meshquake.topology.policies import (
    AdaptiveConcurrency,
    Bulkhead,
    CircuitBreaker,
    ClientThrottle,
    Hedge,
    Pool,
    Queue,
    RateLimit,
    Readiness,
    Retry,
    RetryBreaker,
    RetryBucket,
    RetryBudget,
    RetryTokens,
)
from meshquake.topology.spec import (
    Call,
    Cpu,
    Edge,
    Entry,
    Memory,
    Operation,
    Sequence,
    Service,
    Topology,
    Work,
    Workload,
)


@dataclass
class Watch:
    """Counts of a mesh at some moments: users who arrived, calls at each replica, and calls on each edge."""

    mesh: Mesh
    moments: list = field(default_factory=list)

    def look(self):
        mesh = self.mesh
        at_replicas = {replica.name: replica.calls for replica in mesh.replicas}
        on_edges = {
            (link.caller.spec.name, link.callee.spec.name): sum(
                replica.callers[link.index].under_way for replica in link.caller.replicas
            )
            for link in mesh.edges
        }
        self.moments.append((mesh.now, at_replicas, on_edges))
        check_counters(mesh)

    def check(self, rows):
        """At each of those moments the rows satisfy arrived = succeeded + failed + in flight, everywhere."""
        mesh = self.mesh
        at_replicas, on_edges = defaultdict(list), defaultdict(list)
        for row in rows:
            site = mesh.sites[row["site"]]
            if row["replica"] >= 0:
                name = mesh.incarnations[row["replica"]][0].name
                at_replicas[name].append((row["arrived"], row["finished"], row["outcome"]))
            if row["ended"] != NEVER:
                edge = (site.parent.service.spec.name, site.service.spec.name)
                on_edges[edge].append((row["sent"], row["ended"], row["result"]))
        check_deciding(mesh, rows)
        check_attempts(mesh, rows)
        check_answers(mesh, rows)
        check_busy_time(mesh, rows)
        for now, held, sent in self.moments:
            for name, in_flight in held.items():
                assert balance(at_replicas[name], now) == in_flight, (name, now)
            for edge, in_flight in sent.items():
                assert balance(on_edges[edge], now) == in_flight, (edge, now)


# -- the shipped scenarios ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", every(shipped(), USUAL))
def test_calls_are_conserved_in_each_shipped_scenario_and_everything_comes_back(name):
    loaded = load(shipped()[name])
    mesh = Simulation.of(loaded).mesh
    watch = Watch(mesh)
    for second in range(1, int(loaded.scenario.length), 7):
        mesh.env.advance(second)
        watch.look()
    mesh.env.advance(mesh.end)
    drain(mesh)
    watch.look()
    watch.check(take_rows(mesh))
    mesh.env.advance(mesh.now + 120)  # a rollback may still be running
    check_idle(mesh)


# -- any mesh, any faults ----------------------------------------------------------------------------------------------

#: Parameters with which each kind of fault has an effect within seconds.
BITING = {
    "configure": {},
    "drop": {"share": 0.5},
    "delay": {"by": 0.05},
    "deploy": {"share": 0.3, "unhealthy": 0.5, "patience": 0.5},
    "fail": {"share": 0.5, "error": "unavailable"},
    "flip": {},
    "flush": {"warm": 0.5},
    "handshake": {"share": 0.5},
    "hang": {"share": 0.3},
    "hog_cpu": {"share": 0.8},
    "job": {"share": 0.5},
    "leak": {"rate": 300 * 2**20},
    "miss": {"share": 0.5},
    "pause": {"length": 0.1, "every": 0.3},
    "probe": {"share": 0.5, "by": 0.5},
    "refuse": {"share": 0.5},
    "reset": {"share": 0.5, "every": 0.1},
    "restart": {},
    "scale": {"to": 3},
    "shrink_pool": {"to": 0.1},
    "slow": {"factor": 10.0},
    "stop": {},
    "surge": {"factor": 3.0},
    "throttle": {"to": 0.1},
}


def biting(kind, target):
    """Return the other keys of a fault of a kind; the settings that are pushed are those of the target."""
    if kind != "flip":
        return BITING[kind]
    edge = {"timeout": 0.03, "pool": {"size": 1}, "breaker": {"window_calls": 4, "open_for": 0.2}, "bulkhead": None}
    edge |= {"hedge": None, "overall_timeout": 0.1, "outlier": None}
    if target.level == "edge":
        return {"set": Change.made_of(Edge, edge)}
    return {"set": Change.made_of(Service, {"queue": {"limit": 1}})}


WORK = st.sampled_from([Exponential(0.02), Constant(0.02)])
OFTEN = st.sampled_from([1.0, 1.0, 0.5])


@st.composite
def small_meshes(draw):
    """Draw up to four services whose workers, queues and policies are small enough to reach their limits."""
    names = [f"s{number}" for number in range(draw(st.integers(2, 4)))]
    services, pairs = [], {}
    for place, name in enumerate(names):
        groups = []
        for callee in names[place + 1 :]:
            if callee == names[place + 1] or draw(st.booleans()):
                hit_rate = draw(st.sampled_from([None, None, 0.5]))
                on_miss = (Call(callee, "op"),) if hit_rate else ()
                call = Call(callee, "op", draw(OFTEN), draw(st.booleans()), hit_rate, on_miss)
                groups.append(draw(st.sampled_from(steps(call))))
                pairs[name, callee] = None
        services.append(
            Service(
                name,
                replicas=draw(st.integers(1, 2)),
                workers=draw(st.integers(1, 4)),
                queue=Queue(
                    draw(st.integers(0, 4)), draw(st.sampled_from(["fifo", "fifo", "lifo", "codel", "priority"]))
                ),
                cpu=draw(st.sampled_from([Cpu(), Cpu(1), Cpu(1, "fair"), Cpu(0.5)])),
                memory=Memory(limit=512.0 * 2**20),
                handlers=draw(st.sampled_from(["threads", "threads", "async"])),
                rate_limit=draw(st.sampled_from([None, None, RateLimit(5, 0.1, 3)])),
                startup=0.25,
                readiness=Readiness(period=0.3, failure_threshold=draw(st.integers(1, 2))),
                operations=(
                    Operation("op", draw(st.sampled_from([Exponential(0.02), Constant(0.02)])), tuple(groups)),
                ),
            )
        )
    edges = tuple(draw(biting_edges(*pair)) for pair in pairs)
    return Topology("random", tuple(services), edges, Workload(rate=60.0, mix=(Entry("s0", "op", 1.0),)))


def steps(call):
    """Draw a way of making calls: once, twice at once, repeatedly, or in sequence with own work beside another."""
    again = replace(call, times=Observed((0, 1, 3)))
    return [(call,), (call, call), (again, call), (Sequence(((call,), (Work(Constant(0.01)),), (call, again))), call)]


def biting_edges(caller, callee):
    """Draw an edge whose policies reach their limits."""
    return st.builds(
        Edge,
        st.just(caller),
        st.just(callee),
        latency=st.sampled_from([Constant(0.001), Constant(0.0)]),
        timeout=st.sampled_from([None, 0.03, 0.2]),
        connect_timeout=st.just(0.1),
        balance=st.sampled_from(["round_robin", "random", "least_request"]),
        retry=st.none()
        | st.builds(
            Retry,
            st.integers(2, 4),
            budget=st.none() | st.just(RetryBudget(minimum=2.0)),
            concurrent=st.sampled_from([None, 2]),
            tokens=st.none() | st.just(RetryTokens(4.0)),
            bucket=st.none() | st.just(RetryBucket(20.0)),
            breaker=st.none() | st.just(RetryBreaker(0.5, 1.0)),
        ),
        overall_timeout=st.sampled_from([None, 0.05, 0.3]),
        avoid_tried=st.booleans(),
        throttle=st.none() | st.just(ClientThrottle(1.1, 1.0)),
        adaptive_concurrency=st.none() | st.just(AdaptiveConcurrency(samples=5, remeasure=1.0, most=20)),
        outlier=st.none()
        | st.builds(Outlier, st.integers(1, 5), interval=st.just(0.5), panic=st.sampled_from([0.0, 0.5])),
        inherit_deadline=st.booleans(),
        cancellation=st.booleans(),
        breaker=st.none()
        | st.just(CircuitBreaker(window_time=1.0, minimum_calls=3, open_for=0.5, half_open_calls=2))
        | st.just(CircuitBreaker(window_calls=5, minimum_calls=5, open_for=0.2, half_open_calls=1)),
        bulkhead=st.none() | st.just(Bulkhead(2)),
        pool=st.none()
        | st.builds(
            Pool,
            st.integers(1, 10),
            st.sampled_from([0.0, 0.02, 1.0]),
            pending=st.sampled_from([None, 0, 2]),
            streams=st.sampled_from([1, 3]),
            notices=st.booleans(),
        ),
    ).flatmap(lambda edge: st.sampled_from([edge, replace(edge, retry=None, hedge=Hedge(0.01, 3))]))


@st.composite
def troubles(draw, topology):
    """Draw a fault of any kind on any target it can have, with its window in the first four seconds."""
    kind = draw(st.sampled_from(list(fault_kinds())))
    cls = fault_kinds()[kind]
    service = draw(st.sampled_from(topology.services))
    edge = draw(st.sampled_from(topology.edges))
    targets = {
        "users": Target("users"),
        "service": Target("service", service.name),
        "replica": Target("replica", service.name, draw(st.integers(0, service.replicas - 1))),
        "operation": Target("operation", "s0" if kind == "surge" else service.name, operation="op"),
        "edge": Target("edge", edge.caller, callee=edge.callee),
    }
    start = draw(st.floats(0, 3))
    length = draw(st.floats(0.1, 1.5))
    ramp = draw(st.sampled_from([0.0, 0.5, 1.0]))
    number, target = draw(st.integers(0, 2)), targets[draw(st.sampled_from(cls.levels))]
    fault = cls(
        id=f"{kind}-{number}",
        target=target,
        severity=draw(OFTEN),
        **biting(kind, target),
    )
    return fault, Window(start, start + ramp * length, start + length)


def run_and_check(topology, faults, moments, seed=1):
    """Play faults of the first seconds on a mesh and check every law of this file; returns the rows."""
    mesh = Mesh(topology, seed, end=4.0)
    for fault, window in faults:
        mesh.env.process(unfold(mesh, fault, window))
    watch = Watch(mesh)
    for moment in moments:
        mesh.env.advance(moment)
        watch.look()
    mesh.env.advance(mesh.now + 5)
    drain(mesh)
    watch.look()
    rows = take_rows(mesh)
    watch.check(rows)
    mesh.env.advance(mesh.now + 80)  # a rollout waits up to half a minute for hung requests
    check_idle(mesh)
    return rows


BUSY = topology_of("""
name: busy
defaults:
  service: {replicas: 2, workers: 4, queue: 4, startup: 250ms, readiness: {period: 300ms}}
  edge:
    timeout: 200ms
    connect_timeout: 100ms
    retry: {max_attempts: 3, budget: 50%}
    breaker: {window_time: 1s, minimum_calls: 5, open_for: 500ms, half_open_calls: 2}
    bulkhead: 6
    pool: {size: 4, acquire_timeout: 100ms}
services:
  s0: {operations: {op: {work: {exponential: 5ms}, calls: [[s1.op, s2.op: {optional: true}]]}}}
  s1: {operations: {op: {work: {exponential: 20ms}, calls: [s2.op: {hit_rate: 50%, on_miss: [s2.op]}]}}}
  s2: {operations: {op: {work: {exponential: 20ms}}}}
workload: {rate: 60/s, mix: {s0.op: 1}}
""")
TARGETS = {
    "users": [Target("users")],
    "service": [Target("service", name) for name in ("s0", "s1", "s2")],
    "replica": [Target("replica", name, 1) for name in ("s0", "s1", "s2")],
    "operation": [Target("operation", name, operation="op") for name in ("s0", "s1", "s2")],
    "edge": [Target("edge", "s0", callee="s1"), Target("edge", "s1", callee="s2")],
}


IMPATIENT = topology_of("""
name: impatient
services:
  s0: {workers: 100, operations: {op: {calls: [[s1.op, s2.op: {optional: true}]]}}}
  s1: {workers: 100, operations: {op: {work: {exponential: 5ms}, calls: [s3.op]}}}
  s2: {rate_limit: {max_tokens: 10, tokens_per_fill: 3, fill_interval: 100ms}, operations: {op: {work: 1ms}}}
  s3: {replicas: 3, workers: 2, operations: {op: {work: {exponential: 20ms}}}}
edges:
  s0 -> s1: {timeout: 60ms, cancellation: true, retry: {max_attempts: 3, base: 1ms}}
  s0 -> s2: {retry: {max_attempts: 2, on: rate_limited, base: 1ms, retry_after: none}}
  s1 -> s3: {timeout: 100ms, inherit_deadline: true, cancellation: true, hedge: {delay: 20ms, max_attempts: 3}}
workload: {rate: 60/s, mix: {s0.op: 1}}
""")


def test_calls_are_conserved_that_are_hedged_cancelled_and_limited():
    """Every attempt is a call, a retry or a hedge, and each one has a row."""
    fail = fault_kinds()["fail"](id="fail", target=Target("service", "s3"), share=0.2, error="unavailable")
    rows = run_and_check(IMPATIENT, [(fail, Window(1, 1, 3))], [step / 10 for step in range(1, 50)])
    calls = rows[rows["caller"] >= 0]
    firsts = (calls["attempt_path"] & ATTEMPT == 0).sum()
    retries, hedges = ((calls["notes"] & note > 0).sum() for note in (RETRIED, HEDGE))
    outcomes = Counter(calls["outcome"].tolist())
    assert min(outcomes[CODES["cancelled"]], outcomes[CODES["rate_limited"]], retries, hedges) > 20
    assert len(calls) == firsts + retries + hedges


def test_every_kind_of_fault_is_tried():
    assert set(BITING) == set(fault_kinds())


@pytest.mark.parametrize("kind", fault_kinds())
def test_calls_are_conserved_under_each_kind_of_fault_and_under_two_that_overlap(kind):
    cls = fault_kinds()[kind]
    for level in cls.levels:
        for target in TARGETS[level]:
            if cls.misfit(target, BUSY):
                continue
            one, other = (cls(id=f"{kind}-{number}", target=target, **biting(kind, target)) for number in (1, 2))
            moments = [0.9 + step / 50 for step in range(100)]
            run_and_check(BUSY, [(one, Window(1, 1, 2)), (other, Window(1.5, 2, 2.5))], moments)


@given(st.data())
@settings(max_examples=150, derandomize=True)
def test_calls_are_conserved_in_any_mesh_under_any_faults_and_everything_comes_back(data):
    topology = data.draw(small_meshes())
    faults = data.draw(st.lists(troubles(topology), min_size=1, max_size=4, unique_by=lambda each: each[0].id))
    moments = sorted(data.draw(st.lists(st.floats(0.1, 5), min_size=3, max_size=6)))
    run_and_check(topology, faults, moments, seed=data.draw(st.integers(0, 9)))
