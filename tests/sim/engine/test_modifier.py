"""Overlapping faults compose, end in any order, and leave nothing behind."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from stage import Stage, play, topology_of

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.delay import Delay
from meshquake.faults.kinds.fail import Fail
from meshquake.faults.kinds.hang import Hang
from meshquake.faults.kinds.hog_cpu import HogCpu
from meshquake.faults.kinds.refuse import Refuse
from meshquake.faults.kinds.slow import Slow
from meshquake.faults.kinds.stop import Stop
from meshquake.sim.engine.modifier import Modifier
from meshquake.sim.mesh import Mesh
from meshquake.topology.errors import CODES, SUCCESS

DB = Target("service", "db")
EDGE = Target("edge", "web", callee="db")
ALONE = """
name: alone
services: {db: {startup: 100ms, operations: {get: {work: 10ms}, put: {work: 10ms}}}}
workload: {rate: 100/s, mix: {db.get: 1, db.put: 1}}
"""
TWO = """
name: two
defaults: {edge: {latency: 1ms}}
services:
  web: {operations: {home: {work: 10ms, calls: [db.get]}}}
  db: {workers: 1, queue: 0, operations: {get: {work: 20ms}}}
workload: {rate: 1/s, mix: {web.home: 1}}
"""


def test_slowdowns_multiply():
    stage = Stage(ALONE)
    stage.fault(Slow(id="one", target=DB, factor=2.0), 0, 100)
    stage.fault(Slow(id="two", target=DB, factor=3.0), 50, 150)
    stage.request(10, 60, 110, 200)
    assert stage.play() == [
        "10-30 db: success",
        "60-120 db: success",
        "110-140 db: success",
        "200-210 db: success",
    ]


def test_what_takes_cpu_takes_it_of_what_is_left():
    stage = Stage(ALONE)
    stage.fault(HogCpu(id="one", target=DB, share=0.5), 0, 100)
    stage.fault(HogCpu(id="two", target=DB, share=0.75), 0, 100)
    stage.request(10, 200)
    assert stage.play() == [
        "10-90 db: success",
        "200-210 db: success",
    ]


def test_delays_add_to_every_message_each_way():
    """Also to the answer of a shed call (the second); an answer sent after the end is on time (the third)."""
    stage = Stage(TWO)
    stage.fault(Delay(id="one", target=EDGE, by=0.010), 0, 100)
    stage.fault(Delay(id="two", target=EDGE, by=0.020), 0, 100)
    stage.request(0, 5, 80, 200)
    assert stage.play() == [
        "0-92 web: success",
        "5-77 web: dependency_failed",
        "10-92 web>db: success",
        "15-77 web>db: overloaded",
        "41-61 db: success",
        "46-46 db: overloaded",
        "80-142 web: success",
        "90-142 web>db: success",
        "121-141 db: success",
        "200-232 web: success",
        "210-232 web>db: success",
        "211-231 db: success",
    ]


def test_a_delay_is_in_the_handshake_of_a_new_connection_too():
    """Three messages out (two of the handshake, and the call) and one back."""
    stage = Stage(TWO.replace("latency: 1ms", "latency: 1ms, pool: {size: 1, connect: 0s}"))
    stage.fault(Refuse(id="down", target=DB), 0, 50)
    stage.fault(Delay(id="far", target=EDGE, by=0.010), 100, 300)
    stage.request(0, 100)
    assert stage.play() == [
        "0-12 web: dependency_failed",
        "10-12 web>db: connection_refused",
        "100-174 web: success",
        "110-174 web>db: success",
        "143-163 db: success",
    ]


@pytest.mark.parametrize("ends", list(permutations([100, 200, 300])))
def test_what_hangs_goes_on_when_the_last_fault_that_holds_it_ends(ends):
    stage = Stage(ALONE)
    for number, end in enumerate(ends):
        stage.fault(Hang(id=f"lock-{number}", target=DB), 0, end)
    stage.request(10, 320)
    assert stage.play() == [
        "10-310 db: success",
        "320-330 db: success",
    ]


@pytest.mark.parametrize("windows", [[(0, 100), (50, 200)], [(50, 200), (0, 100)], [(0, 200), (50, 100)]])
def test_a_process_stays_down_until_the_last_fault_that_stops_it_ends(windows):
    stage = Stage(ALONE)
    for number, (start, end) in enumerate(windows):
        stage.fault(Stop(id=f"crash-{number}", target=DB), start, end)
    stage.request(40, 150, 290, 310)
    assert stage.play() == [
        "40-40 db: connection_refused",
        "150-150 db: connection_refused",
        "290-290 db: connection_refused",
        "310-320 db: success",
    ]
    assert [event for event in stage.events() if event[1] == "restart"] == [(200, "restart", "db-0")]


def test_a_process_that_is_stopped_while_it_starts_does_not_come_up():
    stage = Stage(ALONE)
    stage.fault(Stop(id="one", target=DB), 0, 100)
    stage.fault(Stop(id="two", target=DB), 150, 300)
    stage.request(220, 390, 410)
    assert stage.play() == [
        "220-220 db: connection_refused",
        "390-390 db: connection_refused",
        "410-420 db: success",
    ]


def test_shares_strike_independently():
    """Two faults that fail 30% and 50% fail 65% together; the error is that of the later one."""
    db = Target("service", "db")
    faults = [
        (Fail(id="one", target=db, share=0.3, error="internal"), Window(0, 0, 1e6)),
        (Fail(id="two", target=db, share=0.5, error="unavailable"), Window(0, 0, 1e6)),
    ]
    outcomes = play(topology_of(ALONE), 1, 10_000, faults)["outcome"]
    shares = {SUCCESS: 0.35, CODES["internal"]: 0.15, CODES["unavailable"]: 0.5}
    for outcome, share in shares.items():
        assert stats.binomtest(int((outcomes == outcome).sum()), len(outcomes), share).pvalue > 0.001


def test_a_share_strikes_the_calls_of_one_request_independently():
    """If a service fails half of its calls, both of two calls to it fail for a quarter of the requests."""
    topology = topology_of("""
name: twice
services:
  web: {operations: {home: {calls: [[db.get: {optional: true}, db.get: {optional: true}]]}}}
  db: {operations: {get: {work: 1ms}}}
workload: {rate: 100/s, mix: {web.home: 1}}
""")
    fault = Fail(id="bug", target=DB, share=0.5)
    rows = play(topology, 1, 10_000, [(fault, Window(0, 0, 1e6))])
    struck = {site: set(rows["number"][(rows["site"] == site) & (rows["outcome"] != SUCCESS)]) for site in (1, 2)}
    requests = len(set(rows["number"]))
    assert stats.binomtest(len(struck[1] & struck[2]), requests, 0.25).pvalue > 0.001


def test_a_fault_of_one_operation_spares_the_others():
    stage = Stage(ALONE)
    stage.fault(Slow(id="index", target=Target("operation", "db", operation="put"), factor=3.0), 0, 100)
    stage.request(0, entry=0)
    stage.request(1, entry=1)
    assert stage.play() == [
        "0-10 db: success",
        "1-31 db: success",
    ]


def test_a_ramp_grows_from_nothing_to_the_whole_strength_and_stays_there():
    stage = Stage(ALONE)
    stage.fault(Slow(id="growing", target=DB, factor=5.0), 0, 1000, ramp_ms=800)
    stage.request(0, 200, 400, 800, 900, 1001)
    assert stage.play() == [
        "0-10 db: success",
        "200-220 db: success",
        "400-430 db: success",
        "800-850 db: success",
        "900-950 db: success",
        "1001-1011 db: success",
    ]


MESH = Mesh(topology_of(TWO), seed=1, end=0.0)


@given(st.integers(0, 2**40), st.integers(0, 2**16), st.floats(0, 1), st.floats(0, 1), st.integers(0, 3))
def test_a_larger_share_strikes_the_same_calls_and_more(number, attempt_path, one, other, purpose):
    modifier = Modifier(Fail(id="bug", target=DB, share=1.0), 7, None)
    place = MESH.roots[0].address
    small, large = sorted((one, other))
    assert modifier.strikes(small, place, purpose, number, attempt_path) <= modifier.strikes(
        large, place, purpose, number, attempt_path
    )
    assert not modifier.strikes(0.0, place, purpose, number, attempt_path)
    assert modifier.strikes(1.0, place, purpose, number, attempt_path)


def test_an_effect_that_nobody_sets_changes_nothing():
    assert Fail(id="bug", target=DB, share=0.5).effect(0.0) == Effect()
