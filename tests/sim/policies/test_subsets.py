"""Versions with weights are separate clusters to a caller, as subsets are to Envoy behind Istio's routes."""

from collections import Counter

import numpy as np
import pytest
from laws import check_counters, check_deciding, check_idle
from stage import Stage, drain, take_rows, topology_of, unfold

from meshquake.faults.change import Change
from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds import fault_kinds
from meshquake.sim.mesh import Mesh
from meshquake.topology.errors import CODES
from meshquake.topology.spec import Edge


def mesh(edge, weights=(50, 50), replicas=4, more=""):
    """Return a mesh in which web calls app, of which two versions run."""
    versions = ", ".join(
        f"v{number}: {{replicas: {replicas}{'' if weight is None else f', weight: {weight}'}}}"
        for number, weight in enumerate(weights, 1)
    )
    return f"""
name: subsets
defaults: {{edge: {{latency: 0ms}}, service: {{readiness: {{period: 10m}}}}}}
services:
  web: {{workers: 1000, operations: {{home: {{calls: [app.get]}}}}}}
  app: {{workers: 100, operations: {{get: {{work: 1ms}}}}, versions: {{{versions}}}}}
edges: {{web -> app: {edge}}}
workload: {{rate: 200/s, mix: {{web.home: 1}}}}
{more}"""


def failing(replica, share=1.0):
    """Return a fault that fails the requests of one replica of app."""
    return fault_kinds()["fail"](id=f"f{replica}", target=Target("replica", "app", replica), share=share)


def play(text, seconds, faults=()):
    """Return the mesh after some seconds, with faults active from the first second on."""
    running = Mesh(topology_of(text), 1, end=seconds)
    for fault in faults:
        running.env.process(unfold(running, fault, Window(1, 1, seconds)))
    running.env.advance(seconds)
    return running


def ejected(running):
    """Return the replicas that were ejected, in order."""
    return [event.attributes["host"] for event in running.journal.events if event.type == "outlier_ejected"]


def state(running):
    return running.services["web"].replicas[0].callers[0]


def test_each_version_has_a_limit_on_ejections_of_its_own():
    """10% of four replicas but at least one: one per version, where a single Service of eight allows one in all."""
    bad = [failing(0), failing(1), failing(5)]
    weighted = play(mesh("{outlier: {interval: 1h}}"), 5, bad)
    assert sorted(ejected(weighted))[-1] == "app-5" and len(ejected(weighted)) == 2
    assert sum(each.ejected for each in state(weighted).named("outlier")) == 2
    plain = play(mesh("{outlier: {interval: 1h}}", (None, None)), 5, bad)
    assert len(ejected(plain)) == 1


def test_success_rates_are_compared_within_a_version():
    """In v1 one of five fails 30%, in v2 all do: v1's is an outlier in its own version, and nobody in v2 is."""
    faults = [failing(replica, 0.3) for replica in (0, 5, 6, 7, 8, 9)]
    rule = "{outlier: {consecutive: none, interval: 10s, success_rate: {requests: 50}}}"
    assert ejected(play(mesh(rule, replicas=5), 11, faults)) == ["app-0"]


def test_a_version_panics_by_itself():
    """Both of v1's replicas are ejected, and so both are used again; v2 goes on without its bad one."""
    faults = [failing(0), failing(1), failing(2)]
    running = play(mesh("{outlier: {most: 100%, interval: 1h}}", replicas=2), 10, faults)
    drain(running)
    rows = take_rows(running)
    late = rows[(rows["caller"] >= 0) & (rows["sent"] > 5)]
    names = Counter(running.incarnations[each][0].name for each in late["replica"])
    assert sorted(ejected(running)) == ["app-0", "app-1", "app-2"]
    assert names["app-2"] == 0 and names["app-3"] > 400
    assert names["app-0"] + names["app-1"] == pytest.approx(names["app-3"], rel=0.2)


@pytest.mark.parametrize(
    ("edge", "error"), [("{bulkhead: 5}", "bulkhead_full"), ("{pool: {size: 5, pending: 0}}", "pool_full")]
)
def test_a_version_that_hangs_fills_its_own_limit_and_leaves_the_other_its_own(edge, error):
    """Envoy's circuit breakers apply to a cluster: max_requests, and max_connections with max_pending_requests."""
    hangs = [fault_kinds()["hang"](id=f"h{n}", target=Target("replica", "app", n)) for n in range(4)]
    for weights, spared in (((50, 50), True), ((None, None), False)):
        running = play(mesh(edge, weights), 10, hangs)
        rows = take_rows(running)
        late = rows[(rows["sent"] > 5) & (rows["caller"] >= 0)]
        worked = (late["result"] == 0).mean()
        assert worked == pytest.approx(0.5, abs=0.06) if spared else worked < 0.05
        assert CODES[error] in late["result"]


def test_what_is_a_clients_is_one_for_all_versions():
    """resilience4j's breaker is keyed by service name; so are retry budgets, throttles and gradients."""
    edge = "{timeout: 1s, retry: {max_attempts: 2, budget: {}}, breaker: {}, adaptive_concurrency: {}, outlier: {}}"
    whole = state(play(mesh(edge), 1))
    one, other = whole.parts.values()
    same = {name for name in one.policies if one.policies[name] is other.policies[name]}
    assert same == {"budget", "breaker", "adaptive_concurrency", "retry", "timeout"}
    assert set(one.policies) - same == {"outlier"}


def test_turns_are_taken_within_a_version():
    rows = take_rows(play(mesh("{}", (90, 10)), 20))
    asked = Counter(rows["replica"][rows["caller"] >= 0])
    first, second = sorted(asked.values())[4:], sorted(asked.values())[:4]
    assert max(first) - min(first) <= 1 and max(second) - min(second) <= 1


def test_settings_that_change_meanwhile_change_for_each_version_and_what_is_the_same_goes_on():
    stage = Stage(mesh("{outlier: {interval: 1h}, bulkhead: 50}"))
    before = [dict(part.policies) for part in state(stage.mesh).parts.values()]
    edge = stage.mesh.services["web"].edges["app"]
    stage.mesh._configuration.make(edge, Change.made_of(Edge, {"bulkhead": {"max_concurrent": 7}}))
    after = [part.policies for part in state(stage.mesh).parts.values()]
    assert [each["bulkhead"].limit for each in after] == [7, 7]
    assert [each["outlier"] for each in after] == [each["outlier"] for each in before]


def test_nothing_is_lost_where_versions_have_pools_and_hedges_and_settings_change_under_way():
    edge = "{timeout: 300ms, hedge: {delay: 20ms, max_attempts: 3}, pool: {size: 3}, outlier: {}, cancellation: true}"
    text = mesh(edge, (70, 30)).replace("work: 1ms", "work: {exponential: 20ms}")
    change = Change.made_of(Edge, {"pool": None})
    flips = [
        fault_kinds()["flip"](id="f", target=Target("edge", "web", callee="app"), set=change),
        failing(1),
        fault_kinds()["stop"](id="s", target=Target("replica", "app", 4)),
    ]
    running = Mesh(topology_of(text), 1, end=8)
    for fault, start in zip(flips, (2, 3, 4), strict=True):
        running.env.process(unfold(running, fault, Window(start, start, start + 2)))
    for moment in range(1, 80):
        running.env.advance(moment / 10)
        check_counters(running)
    running.env.advance(8)
    drain(running)
    check_deciding(running, take_rows(running))
    running.env.advance(running.now + 700)
    check_idle(running)


def test_users_are_shared_out_by_weights_too():
    text = mesh("{}", (80, 20)).replace("web.home: 1", "app.get: 1")
    running = play(text, 20)
    rows = take_rows(running)
    versions = np.array([running.incarnations[each][1] for each in rows["replica"]])
    assert (versions == "v2").mean() == pytest.approx(0.2, abs=0.03)
