"""Operations of several steps: repeated calls, own work between calls, parallel branches, and feedback."""

import numpy as np
import pytest
from laws import check_counters, check_idle
from scipy import stats
from stage import Stage, play, sites_of, take_rows, topology_of

from meshquake.faults.fault import Target
from meshquake.faults.kinds.fail import Fail
from meshquake.faults.kinds.slow import Slow
from meshquake.faults.kinds.stop import Stop
from meshquake.sim.mesh import Mesh
from meshquake.topology.estimates import offered_load
from meshquake.topology.problems import DocumentError


def text(calls, web="", rate="1/s"):
    """Return a web (10 ms of work) with some steps, and services a (5 ms), b (20 ms) and c (30 ms), without latency."""
    return f"""
name: steps
defaults: {{edge: {{latency: 0s}}}}
services:
  web: {{operations: {{home: {{work: 10ms, calls: {calls}}}}}, {web}}}
  a: {{operations: {{x: {{work: 5ms}}}}}}
  b: {{operations: {{x: {{work: 20ms}}}}}}
  c: {{operations: {{x: {{work: 30ms}}}}}}
workload: {{rate: {rate}, mix: {{web.home: 1}}}}
"""


def seen(calls, web="", faults=(), until_ms=60_000):
    """Return the timeline of one request at 0: a line per span of a callee, and of the web's own."""
    stage = Stage(text(calls, web))
    stage.request(0)
    for fault, start, end in faults:
        stage.fault(fault, start, end)
    lines = [line for line in stage.play(until_ms) if ">" not in line]
    check_idle(stage.mesh)
    return lines


def test_steps_in_a_list_within_a_group_are_taken_in_turn_beside_the_rest_of_it():
    """`[[a, b], c]` as one step: b waits for a but not for c; the next step waits for both branches."""
    assert seen("[[[a.x, b.x], c.x], a.x]") == [
        "0-45 web: success",
        "10-15 a: success",
        "10-40 c: success",
        "15-35 b: success",
        "40-45 a: success",
    ]


def test_lists_nest_as_deep_as_one_likes():
    """A group within a sequence within a group."""
    assert seen("[[[a.x, [b.x, [a.x, a.x]], a.x], c.x]]") == [
        "0-40 web: success",
        "10-15 a: success",
        "10-40 c: success",
        "15-35 b: success",
        "15-20 a: success",
        "20-25 a: success",
        "35-40 a: success",
    ]


def test_own_work_stands_between_calls_after_them_and_beside_them():
    """It holds the worker, and leaves no span."""
    assert seen("[a.x, work: 3ms, a.x, work: 2ms, [b.x, work: 7ms]]") == [
        "0-45 web: success",
        "10-15 a: success",
        "18-23 a: success",
        "25-45 b: success",
    ]


def test_own_work_between_calls_waits_for_a_core():
    """With one core, the second request's first work ends before the first request's second work begins."""
    stage = Stage(text("[a.x, work: 10ms]", web="cpu: 1"))
    stage.request(0, 0)
    assert [line for line in stage.play() if "web:" in line] == ["0-30 web: success", "0-40 web: success"]
    # The first pieces run at 0-10 and 10-20, the second ones at 20-30 and 30-40.


def test_own_work_between_calls_is_slowed_like_the_rest_of_it():
    """A service that works at half speed from 12 ms on takes twice as long for work that it begins after that."""
    slow = Slow(id="slow", target=Target("service", "web"), factor=2.0)
    assert seen("[a.x, work: 3ms]", faults=[(slow, 12, 1000)]) == ["0-21 web: success", "10-15 a: success"]


def test_a_failure_ends_its_branch_and_fails_the_caller_once_the_others_are_done():
    """The failed sequence goes no further; its neighbour is awaited; an optional failure is ignored."""
    fail = Fail(id="fail", target=Target("service", "a"), share=1.0)
    assert seen("[[[a.x, b.x], c.x], b.x]", faults=[(fail, 0, 1000)]) == [
        "0-40 web: dependency_failed",
        "10-15 a: internal",
        "10-40 c: success",
    ]
    assert seen("[[[a.x: {optional: true}, b.x], c.x]]", faults=[(fail, 0, 1000)])[0] == "0-40 web: success"


def test_a_fallback_is_called_in_place_of_what_fails():
    """Its calls run in sequence when the call has failed, and then the caller goes on; otherwise they don't run."""
    fail = Fail(id="fail", target=Target("service", "a"), share=1.0)
    calls = "[a.x: {on_failure: [b.x, c.x]}, b.x]"
    assert seen(calls, faults=[(fail, 0, 1000)]) == [
        "0-85 web: success",
        "10-15 a: internal",
        "15-35 b: success",
        "35-65 c: success",
        "65-85 b: success",
    ]
    assert seen(calls) == ["0-35 web: success", "10-15 a: success", "15-35 b: success"]


def test_a_fallback_that_fails_fails_the_caller():
    """Unless it is optional, like any call."""
    fail = Fail(id="fail", target=Target("service", "a"), share=1.0)
    faults = [(fail, 0, 1000)]
    assert seen("[a.x: {on_failure: a.x}, b.x]", faults=faults)[0] == "0-20 web: dependency_failed"
    assert seen("[a.x: {on_failure: {a.x: {optional: true}}}, b.x]", faults=faults)[0] == "0-40 web: success"


FAIL = (Fail(id="fail", target=Target("service", "a"), share=1.0), 0, 1000)


def test_own_work_may_take_the_place_of_what_fails():
    """A default is assembled in 3 ms, and the caller goes on; without a failure it isn't assembled."""
    calls = "[a.x: {on_failure: {work: 3ms}}, b.x]"
    assert seen(calls, faults=[FAIL]) == ["0-38 web: success", "10-15 a: internal", "18-38 b: success"]
    assert seen(calls) == ["0-35 web: success", "10-15 a: success", "15-35 b: success"]


def test_what_follows_on_a_success_is_done_where_there_was_one_and_passed_over_where_there_was_none():
    """An answer is processed for 3 ms, then c is asked; if an optional call gives no answer, neither happens."""
    calls = "[a.x: {optional: true, on_success: [work: 3ms, c.x, work: 1ms]}, b.x]"
    assert seen(calls) == ["0-69 web: success", "10-15 a: success", "18-48 c: success", "49-69 b: success"]
    assert seen(calls, faults=[FAIL]) == ["0-35 web: success", "10-15 a: internal", "15-35 b: success"]


def test_one_call_may_be_followed_by_one_thing_or_another():
    calls = "[a.x: {on_success: {work: 1ms}, on_failure: [work: 2ms, b.x, work: 4ms]}]"
    assert seen(calls)[0] == "0-16 web: success"
    assert seen(calls, faults=[FAIL]) == ["0-41 web: success", "10-15 a: internal", "17-37 b: success"]


def test_a_failure_in_what_follows_on_a_success_fails_the_caller_unless_it_is_optional():
    """Nothing after it runs."""
    assert seen("[b.x: {on_success: [a.x, work: 9ms]}]", faults=[FAIL])[0] == "0-35 web: dependency_failed"
    assert seen("[b.x: {on_success: [a.x: {optional: true}, work: 9ms]}]", faults=[FAIL])[0] == "0-44 web: success"


def test_work_follows_on_a_miss_and_not_on_a_hit():
    assert seen("[a.x: {hit_rate: 0, on_miss: [b.x, work: 2ms]}]")[0] == "0-37 web: success"
    assert seen("[a.x: {hit_rate: 1, on_miss: [b.x, work: 2ms]}]")[0] == "0-15 web: success"


@pytest.mark.parametrize(("at_once", "end"), [("false", 10 + 4 * 8), ("true", 10 + 5 + 3)])
def test_work_per_answer_follows_on_each_of_repeated_calls(at_once, end):
    """Four answers of 3 ms each: sequential calls are each followed by their own, concurrent ones use a core each."""
    assert seen(f"[a.x: {{times: 4, at_once: {at_once}, on_success: {{work: 3ms}}}}]")[0] == f"0-{end} web: success"


def test_what_follows_on_repeated_calls_is_that_of_the_call_written_so_often():
    one = "a.x: {on_success: [work: {exponential: 3ms}, b.x], on_failure: {work: 1ms}}"
    again = one.replace("{on_success", "{times: 3, on_success")
    rows = [play(topology_of(text(calls)), 7, 100) for calls in (f"[{one}, {one}, {one}]", f"[{again}]")]
    assert rows[0].tobytes() == rows[1].tobytes()


def test_work_that_follows_on_a_call_leaves_the_draws_of_all_other_work_as_they_were():
    """Both the work in the other steps of the operation and the work of the callees."""
    exponential = "work: {exponential: 5ms}"
    plain, more = (
        play(topology_of(text(f"[a.x{keys}, {exponential}, b.x]")), 3, 200)
        for keys in ("", f": {{on_success: {{{exponential}}}}}")
    )
    took = [rows[rows["site"] == 0] for rows in (plain, more)]
    took = [np.sort(rows, order="number") for rows in took]
    added = (took[1]["finished"] - took[1]["sent"]) - (took[0]["finished"] - took[0]["sent"])
    assert added.min() >= -1e-9
    assert added.mean() == pytest.approx(0.005, rel=0.2)
    assert stats.kstest(added, stats.expon(scale=0.005).cdf).pvalue > 0.001


def test_cores_are_busy_for_all_work_that_follows_and_estimates_know_it():
    """10 ms, then a call and 40 ms for half of the requests: 30 ms of work each on average."""
    topology = topology_of(text("[a.x: {probability: 50%, on_success: {work: 40ms}}]", web="cpu: 4", rate="20/s"))
    assert offered_load(topology)["web"].cores == pytest.approx(20 * 0.030 / 4)
    mesh = Mesh(topology, 1, end=20.0)
    mesh.env.advance(21)
    sites = take_rows(mesh)["site"]
    assert mesh.replicas[0].core_time(mesh.now) == pytest.approx(
        0.010 * (sites == 0).sum() + 0.040 * (sites == 1).sum()
    )
    check_idle(mesh)


def test_a_caller_that_is_killed_or_cancelled_drops_the_work_that_follows():
    stop = Stop(id="stop", target=Target("service", "web"))
    assert seen("[a.x: {on_success: {work: 50ms}}, b.x]", faults=[(stop, 30, 40)])[0] == "0-30 web: connection_reset"


@pytest.mark.parametrize(
    ("calls", "complaint"),
    [
        ("[a.x: {hit_rate: 0.5, on_success: b.x}]", "on_success: a successful lookup is a hit or a miss: use on_miss"),
        ("[a.x: {on_success: {work: 3}}]", "on_success.work: needs a unit, as in 3ms or 3s"),
        ("[a.x: {on_success: {b.x: {times: 3}}}]", "times: does not apply to a call that follows another"),
        ("[a.x: {on_failure: {b.x: {on_success: c.x}}}]", "on_success: does not apply to a call that follows another"),
        ("[a.x: {on_success: [work: 3ms, d.x]}]", "there is no service 'd'"),
    ],
)
def test_what_cannot_follow_on_a_call_is_refused(calls, complaint):
    with pytest.raises(DocumentError) as refused:
        topology_of(text(calls))
    assert complaint in str(refused.value)


def test_a_killed_process_takes_its_parts_with_it():
    """Work between calls and parallel branches end with their process, and every resource is given back."""
    stop = Stop(id="stop", target=Target("service", "web"))
    assert seen("[[work: 50ms, [a.x, work: 50ms, b.x]]]", faults=[(stop, 30, 40)]) == [
        "0-30 web: connection_reset",
        "10-15 a: success",
    ]


def test_a_repeated_call_is_the_same_as_that_call_written_so_often():
    """Draw for draw: `times: 3` gives the bytes of three calls in sequence, alone and as one branch of a group."""
    for short, long in [
        ("a.x: {times: 3}, b.x", "a.x, a.x, a.x, b.x"),
        ("[a.x: {times: 3}, b.x]", "[[a.x, a.x, a.x], b.x]"),
        ("[a.x: {times: 3, at_once: true}, b.x]", "[a.x, a.x, a.x, b.x]"),
    ]:
        rows = [play(topology_of(text(f"[{calls}]", rate="50/s")), 7, 100) for calls in (short, long)]
        assert rows[0].tobytes() == rows[1].tobytes()


@pytest.mark.parametrize(
    ("times", "chance"),
    [
        ("{poisson: {mean: 2, maximum: 12}}", lambda n: stats.poisson.pmf(n, 2)),
        ("{geometric: {again: 50%, maximum: 12}}", lambda n: stats.geom.pmf(n, 0.5)),
        ("{empirical: [0, 1, 1, 4]}", lambda n: np.array([1, 2, 0, 0, 1] + [0] * 8)[n] / 4),
    ],
)
def test_counts_follow_their_distribution(times, chance):
    """The number of repeated calls follows the distribution in the file (chi-square at 0.1%)."""
    topology = topology_of(text(f"[a.x: {{times: {times}}}]", rate="200/s"))
    mesh = Mesh(topology, 3, 0.0)
    rows = play(topology, 3, 4000)
    requests = np.unique(rows["number"]).size
    made = np.bincount(
        np.bincount(rows["number"][np.isin(rows["site"], sites_of(mesh, "a"))], minlength=requests), minlength=13
    )
    expected = np.array([chance(n) for n in range(13)]) * requests
    common = expected > 5
    assert made[~common].sum() < 60
    statistic = ((made[common] - expected[common]) ** 2 / expected[common]).sum()
    assert statistic < stats.chi2.ppf(0.999, common.sum())


def test_a_call_that_may_lie_within_itself_comes_to_an_end():
    """With a bound of 3 on the cycle: a, b, a, b, a, b, a; the fourth call back isn't made."""
    stage = Stage("""
name: cycle
defaults: {edge: {latency: 0s}}
services:
  a: {operations: {x: {work: 1ms, calls: b.y}}}
  b: {operations: {y: {work: 1ms, calls: [a.x: {depth: 3}]}}}
workload: {rate: 1/s, mix: {a.x: 1}}
""")
    stage.request(0)
    lines = [line for line in stage.play() if ">" not in line]
    assert [line.split("-")[0] + line.split()[1] for line in lines] == [f"{n}{'ab'[n % 2]}:" for n in range(8)]


def test_any_steps_in_any_trouble_leave_nothing_behind():
    """Counters stay in range while processes die, and every resource is given back."""
    topology = topology_of(
        text("[[[a.x, work: 4ms], [b.x: {times: 3}, c.x: {times: {poisson: 1}}]], work: 5ms]", "cpu: 2", "60/s")
    )
    mesh = Mesh(topology, 5, end=4.0)
    stage = Stage(text("[a.x]"))
    stage.mesh = mesh
    stage.fault(Stop(id="stop", target=Target("service", "web")), 1000, 1500)
    stage.fault(Stop(id="stop-b", target=Target("service", "b")), 2500, 2700)
    stage.fault(Slow(id="slow", target=Target("service", "web"), factor=4.0), 500, 3000)
    while mesh.now < 12 or mesh.engine.live:
        mesh.env.advance(mesh.now + 0.25)
        check_counters(mesh)
    check_idle(mesh)
    assert len(take_rows(mesh)) > 500
