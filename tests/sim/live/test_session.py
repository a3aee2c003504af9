"""A mesh steered by hand: the file that it writes replays to the byte, and only the actions change the run."""

from dataclasses import replace
from math import isnan, nan

import mendable
import polars as pl
import pytest
from twin_runs import frames

from meshquake.faults.loader import Options, load, parse
from meshquake.sim.live.script import free_play
from meshquake.sim.live.second import OF_EDGES, OF_SERVICES
from meshquake.sim.live.session import Session
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader
from meshquake.topology.problems import DocumentError

MESH = """
name: two
defaults: {service: {workers: 8, startup: 1s, readiness: {period: 1s}}, edge: {latency: 1ms, timeout: 300ms, retry: 2}}
services:
  web: {replicas: 2, operations: {home: {work: 1ms, calls: db.get}}}
  db: {replicas: 2, rollout: in_place, operations: {get: {work: 10ms}}}
edges: {web -> db: {breaker: {window_calls: 10, minimum_calls: 5, open_for: 2s}}}
workload: {rate: 30/s, mix: {web.home: 1}}
"""
#: Seeded choices, times given as shares, confounders and telemetry faults: everything that a file can hold.
TEXT = """
name: evening
lead_in: 5s
duration: 20s
recovery: 5s
confounders: some
observability: typical
faults:
  - slow: {target: any, factor: 2..4, at: 10%, for: 20%, ramp: 5%}
background:
  - restart: {target: {role: entry, replica: 0}, at: 1s}
"""
OPTIONS = Options(seed=5)
#: The actions, and the seconds after which they are taken.
DONE = [
    (3, "faults", "fail", {"target": "db.get", "share": "50%", "for": "8s"}),
    (3, "actions", "drain", {"target": "db[0]", "for": "4s"}),
    (9, "faults", "surge", {"target": "users", "factor": 3, "for": "5s"}),
    (9, "actions", "change", {"target": "web -> db", "set": {"retry": "none", "breaker": {"open_for": "1s"}}}),
    (12, "faults", "deploy", {"target": "db", "version": "2.0.0", "share": "60%", "patience": "none"}),
    (17, "actions", "rollback", {"target": "db"}),
    (18, "background", "restart", {"target": "web[1]"}),
    (19, "actions", "mend", {"target": "db"}),
]


def loaded(text=TEXT, options=OPTIONS):
    return parse(text, "evening.yaml", options, mesh=topology_loader.parse(MESH, "mesh.yaml"))


def played(done=DONE, text=TEXT, settle=lambda second: False):
    """Return a session with actions, played to its end, and its records by kind."""
    batches = []
    session = Session(loaded(text), OPTIONS, on_batch=batches.append)
    for second in range(1000):
        if session.play() is None:
            break
        if settle(second):
            session.settle()
        for at, section, kind, keys in done:
            if at == second + 1:
                session.do(section, kind, keys)
    return session, frames(batches)


def again(session):
    """Return the records of the scenario that a session wrote, played by the ordinary loader and simulation."""
    return frames(Simulation.of(loaded(session.script.text)).batches())


def same(one, other):
    return all(one[kind].equals(other[kind]) for kind in RECORD_KINDS)


@pytest.fixture(scope="module")
def by_hand():
    return played()


def test_what_was_done_by_hand_replays_to_the_byte(by_hand):
    session, records = by_hand
    assert same(records, again(session))
    assert {cause.id for cause in session.script.scenario.actions} == {"drain-1", "change-1", "rollback-1", "mend-1"}
    assert set(records["events"]["type"]) >= {"taken_out", "config_change", "deployment", "rollback"}


@pytest.mark.parametrize("kind", mendable.KINDS)
def test_whatever_was_broken_by_hand_is_mended_by_hand(kind):
    target, keys = mendable.FAULTS[kind]
    options, mesh = Options(seed=5), topology_loader.parse(mendable.MESH, "mesh.yaml")
    batches = []
    session = Session(parse(free_play("three", 15.0), "live", options, mesh=mesh), options, on_batch=batches.append)
    for second in range(1000):
        if session.play() is None:
            break
        if second == 3:
            fault = session.do("faults", kind, {"target": target, **keys})
        if second == 6:
            session.do("actions", "mend", {"target": mendable.where(kind)})
    assert session.simulation.acted(fault).end == 7.0
    assert not session.simulation.mesh.under_way
    last = frames(batches)["traces"].filter(frames(batches)["traces"]["timestamp"].str.slice(11, 8) > "10:30:12")
    assert last["status"].unique().to_list() == ["success"]
    replayed = Simulation.of(parse(session.script.text, "live", options, mesh=mesh))
    assert same(frames(batches), frames(replayed.batches()))


def test_nothing_done_is_the_scenario_as_it_was():
    session, records = played(done=[])
    assert same(records, frames(Simulation.of(loaded()).batches()))
    assert same(records, again(session))


def test_when_records_are_made_and_how_often_changes_nothing(by_hand):
    assert same(by_hand[1], played(settle=lambda second: second % 2)[1])


def test_what_is_done_begins_with_the_next_millisecond_and_no_two_at_once(by_hand):
    scenario = by_hand[0].script.scenario
    begins = [scenario.window(cause).start for cause in (*scenario.faults[1:], *scenario.actions)]
    assert begins == pytest.approx([3.0, 9.0, 12.0, 3.001, 9.001, 17.0, 19.0], abs=1e-9)


def test_what_is_wrong_changes_nothing_and_says_what_would_be_right():
    session = Session(loaded(), OPTIONS)
    session.play()
    before = session.script.text
    for section, kind, keys, message in (
        ("faults", "slwo", {"target": "db"}, "unknown kind of fault 'slwo' .did you mean 'slow'"),
        ("faults", "slow", {"target": "dbb", "factor": 3}, "unknown service 'dbb'"),
        ("faults", "slow", {"target": "db", "factor": [1, {"a": {}}]}, "factor"),
        ("faults", "slow", {"target": "db", "factor": 2, "for": "9h"}, "outside the recording"),
        ("actions", "restart", {"target": "db[4]"}, "the last replica of db"),
        ("actions", "mend", {"target": "db", "fault": "x"}, "there is no fault 'x'"),
    ):
        with pytest.raises(DocumentError, match=message):
            session.do(section, kind, keys)
    assert session.script.text == before
    while session.play():
        pass
    with pytest.raises(ValueError, match="has ended"):
        session.do("actions", "restart", {"target": "db"})


def test_a_free_play_is_saved_with_the_length_that_it_needs():
    options = replace(OPTIONS, topology=None)
    batches = []
    session = Session(loaded(free_play("two"), options), options, on_batch=batches.append)
    for _ in range(6):
        session.play()
    session.do("faults", "slow", {"target": "db", "factor": 5, "for": "4s"})
    session.do("faults", "stop", {"target": "web[0]", "for": "2500ms"})
    for _ in range(6):
        session.play()
    session.settle()
    text = session.script.until(session.now)
    short = loaded(text)
    assert (short.scenario.length, session.script.scenario.length) == (12.0, 3600.0)
    records = frames(Simulation.of(short).batches())
    until = "2024-01-15T10:30:11"  # calls in flight at its end go on in one recording, and end in the other
    for kind, seen in frames(batches).items():
        one, other = (each.filter(each["timestamp"] < until) for each in (seen, records[kind]))
        assert len(one) and one.equals(other)


def test_a_second_shows_what_the_records_say():
    session, records = played(text=TEXT.replace("observability: typical\n", ""))
    roots = records["traces"].filter(records["traces"]["parent_span_id"].is_null())
    *seconds, last = session.seconds
    assert sum(second.entry[0] for second in session.seconds) == len(roots)
    assert sum(second.entry[1] for second in session.seconds) == len(roots.filter(status="error"))
    # The last second also has the calls in flight at the end of the recording, which have no samples.
    told = {}
    for row in records["metrics"].filter(pl.col("replica").is_null()).iter_rows(named=True):
        told[row["timestamp"][17:26], row["service"], row["target"], row["metric"]] = row["value"]
    services = [service.name for service in session.simulation.topology.services]
    (edge,) = session.simulation.topology.edges
    for number, second in enumerate(seconds, 1):
        at = f"{number:02}.000000"
        for row, service in zip(second.services, services, strict=True):
            for metric, value in zip(OF_SERVICES[:6], row[:6], strict=True):
                assert value == pytest.approx(told.get((at, service, None, metric), nan), abs=2e-3, nan_ok=True), metric
        of_edge = dict(zip(OF_EDGES, second.edges[0], strict=True))
        metrics = {"retries": "retry_rate", "timeouts": "timeout_rate", "breaker": "circuit_breaker_state"}
        for column, metric in metrics.items():
            assert of_edge[column] == told[at, edge.caller, edge.callee, metric]
    attempts = records["traces"].filter(kind="client")
    assert sum(second.edges[0, 0] for second in session.seconds) == len(attempts)
    assert sum(second.edges[0, 1] for second in session.seconds) == len(attempts.filter(status="error"))
    drained = [second.services[services.index("db"), OF_SERVICES.index("ready")] for second in seconds]
    assert (drained[2], drained[3], drained[7]) == (2, 1, 2)
    assert max(second.edges[0, 4] for second in seconds) == 2
    assert len(seconds) + 1 == last.time // 1


def test_a_second_shows_the_connections_of_all_pools_of_a_service():
    text = MESH.replace("breaker:", "pool: 3, breaker:")
    options = Options(seed=5)
    session = Session(parse(free_play("two"), "live", options, mesh=topology_loader.parse(text, "mesh.yaml")), options)
    session.do("faults", "hang", {"target": "db"})
    pools = [session.play().services[:, OF_SERVICES.index("pool_in_use")] for _ in range(3)]
    assert pools[-1][0] == 6 and isnan(pools[-1][1])


def test_what_is_remembered_is_bounded(by_hand):
    session, _ = by_hand
    recent = session.recent
    assert 0 < len(recent.events) <= 300 and 0 < len(recent.traces) <= 80
    assert recent.lines.keys() == {"web", "db"} and all(0 < len(lines) <= 60 for lines in recent.lines.values())
    assert all(spans and len(spans) <= 300 for spans in recent.traces.values())
    assert any(record["level"] == "ERROR" for record in recent.lines_of([], 200))
    times = [record["timestamp"] for record in recent.lines_of(["db"], 20)]
    assert times == sorted(times) and len(times) == 20
    assert {record["service"] for record in recent.lines_of(["db"], 20)} == {"db"}


def test_a_shipped_scenario_on_ten_services_replays_too():
    from meshquake.faults.loader import shipped

    options = Options(seed=3, lead_in=4.0, duration=8.0, recovery=2.0, rate=20.0)
    source = load(shipped()["cascade"], options)
    batches = []
    session = Session(source, options, on_batch=batches.append)
    while session.play():
        if session.now == 7.0:
            session.do("actions", "scale", {"target": "database", "to": 2})
    bare = parse(session.script.text, "saved.yaml", Options(seed=3))
    assert same(frames(batches), frames(Simulation.of(bare).batches()))
