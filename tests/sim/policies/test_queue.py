"""Which calls wait, which is next and which is shed; and what each discipline achieves under overload."""

import pytest
from stage import Stage, play, topology_of

from meshquake.sim.mesh import Mesh
from meshquake.topology.errors import CODES, SUCCESS


def stage_of(queue, work="10ms"):
    """Return a stage with one worker, and an entry of each criticality."""
    return Stage(f"""
name: one
services:
  s:
    workers: 1
    queue: {queue}
    operations:
      plus: {{work: {work}, criticality: critical_plus}}
      usual: {{work: {work}}}
      batch: {{work: {work}, criticality: sheddable}}
workload: {{rate: 1/s, mix: {{s.plus: 1, s.usual: 1, s.batch: 1}}}}
""")


PLUS, USUAL, BATCH = 0, 1, 2


# -- order ------------------------------------------------------------------------------------------------------------


def test_first_come_is_first_served_and_one_too_many_is_shed():
    stage = stage_of(2)
    stage.request(0, 1, 2, 3, entry=USUAL)
    assert stage.play() == [
        "0-10 s: success",
        "1-20 s: success (from 10)",
        "2-30 s: success (from 20)",
        "3-3 s: overloaded",
    ]


def test_last_come_is_first_served():
    stage = stage_of("{limit: 2, discipline: lifo}")
    stage.request(0, 1, 2, 3, entry=USUAL)
    assert stage.play() == [
        "0-10 s: success",
        "1-30 s: success (from 20)",
        "2-20 s: success (from 10)",
        "3-3 s: overloaded",
    ]


def test_the_most_critical_goes_first_and_takes_the_place_of_the_least_critical_when_the_queue_is_full():
    stage = stage_of("{limit: 2, discipline: priority}")
    stage.request(0, 1, entry=USUAL)
    stage.request(2, 3, entry=BATCH)  # the second one finds the queue full of calls that matter as much or more
    stage.request(4, entry=PLUS)
    stage.request(5, entry=USUAL)  # no waiting call matters less
    assert stage.play() == [
        "0-10 s: success",
        "1-30 s: success (from 20)",
        "2-4 s: shed",
        "3-3 s: overloaded",
        "4-20 s: success (from 10)",
        "5-5 s: overloaded",
    ]


def test_criticality_travels_with_the_calls_that_follow_until_one_says_otherwise():
    topology = topology_of("""
name: travels
services:
  web: {operations: {home: {criticality: sheddable_plus, calls: [a.x, b.y: {criticality: sheddable}]}}}
  a: {operations: {x: {calls: [c.z, d.w]}}}
  b: {operations: {y: {calls: c.z}}}
  c: {operations: {z: {}}}
  d: {operations: {w: {criticality: critical_plus}}}
workload: {rate: 1/s, mix: {web.home: 1, a.x: 1}}
""")
    sites = Mesh(topology, 1, 0.0).sites
    assert [(site.service.spec.name, site.criticality) for site in sites] == [
        ("web", 2), ("a", 2), ("c", 2), ("d", 0), ("b", 3), ("c", 3), ("a", 1), ("c", 1), ("d", 0)
    ]  # fmt: skip


# -- controlled delay -------------------------------------------------------------------------------------------------


def test_a_queue_that_stands_for_an_interval_sheds_what_has_waited_for_the_target():
    """20 ms of work: calls in the first 100 ms may wait for 100 ms, later ones for 5 ms."""
    stage = stage_of("{limit: 100, discipline: codel}", "20ms")
    stage.request(0, 1, 2, 3, 4, 5, 6, 101.5, 102, 118, entry=USUAL)
    assert stage.play() == [
        "0-20 s: success",
        "1-40 s: success (from 20)",
        "2-60 s: success (from 40)",
        "3-80 s: success (from 60)",
        "4-100 s: success (from 80)",
        "5-120 s: success (from 100)",
        "6-118 s: shed",  # its 100 ms are over; the next arrival finds that out
        "101.5-118 s: shed",
        "102-118 s: shed",
        "118-140 s: success (from 120)",
    ]


def test_the_newest_goes_first_while_the_queue_stands():
    stage = stage_of("{limit: 100, discipline: codel, target: 100ms, interval: 50ms, newest_first: true}", "20ms")
    stage.request(0, 1, 2, 33, 34, 70, entry=USUAL)
    assert stage.play() == [
        "0-20 s: success",
        "1-40 s: success (from 20)",
        "2-60 s: success (from 40)",
        "33-100 s: shed",  # its 50 ms are over
        "34-80 s: success (from 60)",  # the queue has not been empty since 1 ms
        "70-100 s: success (from 80)",
    ]


OVERLOAD = """
name: overload
services:
  web: {{workers: 10000, operations: {{home: {{calls: [s.do]}}}}}}
  s:
    workers: 4
    queue: {queue}
    readiness: {{looks_at: process}}
    operations: {{do: {{work: {{exponential: 20ms}}}}}}
edges: {{web -> s: {{timeout: 200ms, latency: 0s}}}}
workload: {{rate: {rate}/s, mix: {{web.home: 1}}}}
"""
CAPACITY = 200


def goodput(queue, rate):
    """Return the requests answered in time per second, over 10 seconds without the first two."""
    rows = play(topology_of(OVERLOAD.format(queue=queue, rate=rate)), 3, 10 * rate)
    users = rows[(rows["site"] == 0) & (rows["sent"] > 2)]
    return (users["outcome"] == SUCCESS).sum() / 8


def test_at_twice_the_capacity_a_long_fifo_queue_serves_nobody_in_time_and_the_others_nearly_all_they_can():
    limit = "{{limit: 5000, discipline: {}}}"
    assert goodput(limit.format("fifo"), 2 * CAPACITY) < 0.05 * CAPACITY
    for discipline in ("lifo", "codel", "codel, newest_first: true"):
        assert goodput(limit.format(discipline), 2 * CAPACITY) > 0.85 * CAPACITY, discipline


def test_below_capacity_controlled_delay_sheds_hardly_anything():
    assert goodput("{limit: 5000, discipline: codel}", CAPACITY // 2) > 0.99 * CAPACITY / 2


def test_under_overload_what_matters_is_served_and_what_does_not_is_shed():
    """Of three times the capacity, three quarters are batch work; nearly all the rest, at 0.75 of it, succeeds."""
    topology = topology_of("""
name: shedding
services:
  s:
    workers: 4
    queue: {limit: 16, discipline: priority}
    readiness: {looks_at: process}
    operations: {do: {work: {exponential: 20ms}}, batch: {work: {exponential: 20ms}, criticality: sheddable}}
workload: {rate: 600/s, mix: {s.do: 1, s.batch: 3}}
""")
    rows = play(topology, 1, 4000)
    kinds = [rows[rows["site"] == site] for site in (0, 1)]
    shares = [(each["outcome"] == SUCCESS).mean() for each in kinds]
    assert shares[0] > 0.98
    assert shares[1] == pytest.approx((200 - 150) / 450, abs=0.05)
    assert set(kinds[1]["outcome"].tolist()) == {SUCCESS, CODES["shed"], CODES["overloaded"]}
