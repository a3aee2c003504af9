"""A flip of a setting: the configuration push, and its way back."""

import pytest
from stage import Stage, play, topology_of
from twin_runs import compare, simulation

from meshquake.faults.change import Change
from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.flip import Flip
from meshquake.faults.loader import Options, parse
from meshquake.faults.writing import block
from meshquake.sim.policies.compose import CALLER, KEYS, LAST
from meshquake.topology.binder import keys_of
from meshquake.topology.problems import DocumentError
from meshquake.topology.spec import Edge, Service

TWO = """
name: two
defaults: {service: {workers: 1000}, edge: {latency: 1ms}}
services:
  web: {operations: {home: {work: 1ms, calls: db.get}}}
  db: {operations: {get: {work: 10ms}}}
edges: {web -> db: {timeout: 100ms, breaker: {window_calls: 4, open_for: 1s}, pool: {size: 4, connect: 0s}}}
workload: {rate: 400/s, mix: {web.home: 1}}
"""
EDGE = Target("edge", "web", callee="db")


def flipped(**settings):
    return Flip(target=EDGE, set=Change.made_of(Edge, settings))


def test_a_timeout_that_is_halved_holds_for_calls_sent_meanwhile_and_for_no_other():
    stage = Stage(TWO)
    stage.request(0, 5, 30)
    stage.fault(flipped(timeout=0.008), 3, 20)
    assert stage.play() == [
        "0-13 web: success",
        "1-13 web>db: success",
        "2-12 db: success",
        "5-14 web: dependency_failed",
        "6-14 web>db: timeout",
        "7-17 db: success",
        "30-43 web: success",
        "31-43 web>db: success",
        "32-42 db: success",
    ]


def test_it_leaves_the_events_of_a_push_and_of_its_way_back():
    stage = Stage(TWO)
    stage.fault(flipped(timeout=0.008, breaker=None, pool={"size": 1}), 3, 20)
    stage.play(1000)
    assert [
        (round(event.time, 6), event.type, event.service, event.details) for event in stage.mesh.journal.events
    ] == [
        (0.003, "config_change", "web", "edges.web -> db.timeout set to 8ms"),
        (0.003, "config_change", "web", "edges.web -> db.breaker set to none"),
        (0.003, "config_change", "web", "edges.web -> db.pool.size set to 1"),
        (0.02, "config_change", "web", "edges.web -> db.timeout set to 100ms"),
        (0.02, "config_change", "web", "edges.web -> db.breaker set to {window_calls: 4, open_for: 1s}"),
        (0.02, "config_change", "web", "edges.web -> db.pool.size set to 4"),
    ]


def test_two_that_overlap_leave_nothing_behind_whichever_ends_first():
    stage = Stage(TWO)
    edge = stage.mesh.edges[0]
    usual = edge.spec
    stage.fault(flipped(timeout=0.05, retry={"max_attempts": 5}), 0, 20)
    stage.fault(flipped(timeout=0.01), 10, 30)
    seen = []
    for time in (5, 15, 25, 35):
        stage.mesh.env.call_at(time / 1000, lambda _: seen.append((edge.spec.timeout, edge.spec.retry is not None)))
    stage.play(1000)
    assert seen == [(0.05, True), (0.01, True), (0.01, False), (0.1, False)]
    assert edge.spec == usual


def test_a_pool_that_shrinks_keeps_who_waits_waiting_and_nobody_is_lost():
    text = TWO.replace("size: 4", "size: 1")
    rows = play(topology_of(text), 5, 800, [(flipped(pool={"size": 2, "acquire_timeout": 60.0}), Window(0.5, 0.5, 1))])
    calls = rows[rows["site"] == 1]
    assert len(set(calls["number"])) == len(calls) == len(rows) - len(calls)
    assert ((calls["ended"] >= calls["sent"]) & (calls["ended"] <= calls["sent"] + 0.1 + 1e-9)).all()


def test_what_is_not_changed_keeps_what_it_has_learned():
    stage = Stage(TWO)
    state = stage.mesh.replicas[0].callers
    breaker, pool = (state[0].policies[name] for name in ("breaker", "pool"))
    stage.fault(flipped(timeout=0.01, breaker={"window_calls": 7}), 1, 10_000)
    stage.play(100)
    assert state[0].policies["pool"] is pool
    assert state[0].policies["breaker"] is not breaker


def test_a_service_has_another_queue_and_another_probe():
    stage = Stage(TWO)
    change = Change.made_of(Service, {"queue": {"limit": 1}, "readiness": {"period": 0.5}})
    stage.fault(Flip(target=Target("service", "db"), set=change), 1, 50)
    db = stage.mesh.services["db"]
    seen = []
    for time in (10, 60):
        stage.mesh.env.call_at(
            time / 1000, lambda _: seen.append((db.replicas[0].queue.limit, db.spec.readiness.period))
        )
    stage.play(1000)
    assert seen == [(1, 0.5), (64, 5.0)]


def loaded(fault):
    return parse(f"name: x\nconfounders: none\nfaults: [{{{fault}}}]\n", "x.yaml", Options(seed=3))


REFUSED = {
    "target: database, set: {workers: 2}": "set.workers: cannot change while its processes run: only queue,",
    "target: order-service -> database, set: {latency: 2ms}": "set.latency: is the network's, and no setting:",
    "target: order-service -> database, set: {timeout: 2}": "set.timeout: needs a unit, as in 2ms or 2s",
    "target: database, set: {}": "set: must set something, as in {timeout: 200ms}",
    "target: order-service -> database, set: {retries: 2}": "set: unknown key 'retries' (did you mean 'retry'?)",
}


@pytest.mark.parametrize(("keys", "complaint"), REFUSED.items())
def test_what_cannot_be_set_is_refused_where_it_stands(keys, complaint):
    with pytest.raises(DocumentError) as caught:
        loaded(f"flip: {{{keys}}}")
    (problem,) = [each for each in caught.value.problems if not each.warning]
    assert str(problem).startswith(f"x.yaml:3: faults[0].flip.{complaint}")


def test_it_is_written_as_a_file_has_it():
    fault = loaded(
        "flip: {target: order-service -> database, at: 0s..9s, set: {timeout: 200ms, breaker: none, pool: {size: 2}}}"
    ).scenario.faults[0]
    assert block(fault)["set"] == {"timeout": "200ms", "breaker": "none", "pool": {"size": "2"}}


def test_the_key_names_the_caller_whose_setting_it_was_and_the_event_of_the_push():
    key = compare(simulation("flip: {target: order-service -> database, set: {timeout: 2ms}}")).key
    (fault,) = key["faults"]
    assert (fault["root_cause"]["service"], fault["root_cause"]["indicator"]) == ("order-service", "config")
    assert fault["event"]["type"] == "config_change"
    assert fault["parameters"]["set"] == {"timeout": "2ms"}
    assert not fault["latent"]
    assert any(step["mechanism"] == "timeout" for step in fault["mechanism"])


def test_what_a_policy_is_made_of_are_keys_of_an_edge_so_that_a_change_of_them_makes_it_anew():
    names = [*CALLER, *LAST]
    assert {key for name in names for key in KEYS.get(name, (name,))} <= set(keys_of(Edge))
    assert set(KEYS) <= set(names)


def test_edges_and_services_are_not_flipped_together():
    with pytest.raises(DocumentError, match="its targets must be all edges or all services"):
        loaded("flip: {targets: [database, api-gateway -> order-service], set: {queue: 3}}")


def test_retries_and_hedges_on_one_edge_are_refused():
    with pytest.raises(DocumentError, match="would have a retry and a hedge: set one to none"):
        loaded("flip: {target: api-gateway -> order-service, set: {retry: 3, hedge: {delay: 10ms}}}")
