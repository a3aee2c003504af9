"""The span at which two runs of one request diverge, in plays whose timing is fully known."""

import pytest
from twin_runs import Play, incident

from meshquake.faults.fault import Target
from meshquake.faults.kinds.delay import Delay
from meshquake.faults.kinds.drop import Drop
from meshquake.faults.kinds.fail import Fail
from meshquake.faults.kinds.hang import Hang
from meshquake.faults.kinds.hog_cpu import HogCpu
from meshquake.faults.kinds.refuse import Refuse
from meshquake.faults.kinds.slow import Slow
from meshquake.faults.kinds.stop import Stop
from meshquake.truth.calls import Tree, parting

A, B, C = (Target("service", name) for name in "abc")
AB, BC = Target("edge", "a", callee="b"), Target("edge", "b", callee="c")


def chain(latency="1ms", a="10ms", b="10ms", c="10ms", edge="timeout: 1s", calls="b.get", more=""):
    """Return a gateway a that calls b, which calls c."""
    return f"""
name: chain
defaults: {{edge: {{latency: {latency}, {edge}}}}}
services:
  a: {{operations: {{home: {{work: {a}, calls: [{calls}]}}}}}}
  b: {{operations: {{get: {{work: {b}, calls: [c.get]}}}}, workers: 1{more}}}
  c: {{operations: {{get: {{work: {c}}}}}}}
workload: {{rate: 1/s, mix: {{a.home: 1}}}}
"""


def depths(sites):
    found = []
    for site in sites:
        found.append(0 if site.parent is None else found[site.parent.index] + 1)
    return found


def parted(text, fault, *requests):
    """Describe the span in which a request and its twin diverge."""
    play = Play(text, fault, *(requests or (1,)))
    return play.span(parting(play.sites, depths(play.sites), play.fact, play.other))


@pytest.mark.parametrize(
    ("fault", "span"),
    [
        (Slow(target=A, factor=3), "a"),
        (Slow(target=B, factor=3), "b"),
        (Slow(target=C, factor=3), "c"),
        (HogCpu(target=B, share=0.5), "b"),
        (Hang(target=C), "c"),
        (Fail(target=A, share=1), "a"),
        (Fail(target=C, share=1), "c"),
        (Refuse(target=B), "a>b"),
        (Refuse(target=C), "b>c"),
        (Stop(target=C), "b>c"),
        (Drop(target=BC), "b>c"),
        (Drop(target=AB), "a>b"),
        (Delay(target=BC, by=0.05), "b>c"),
        (Delay(target=AB, by=0.05), "a>b"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.kind} {value.target}",
)
@pytest.mark.parametrize("latency", ["1ms", "0s"])
def test_the_runs_part_where_the_fault_acts(fault, span, latency):
    """Also where the network takes no time, so that several things happen at once."""
    assert parted(chain(latency), fault) == span


@pytest.mark.parametrize("fault", [Refuse(target=B), Stop(target=B), Drop(target=AB)], ids=lambda fault: fault.kind)
def test_the_runs_part_in_a_span_of_both_though_all_that_follows_takes_no_time(fault):
    """Calls that only the twin makes have no span in the actual run."""
    assert parted(chain("0s", "0s", "0s", "0s"), fault) == "a>b"


def test_the_runs_part_where_a_request_waits_longer_behind_others():
    """The one worker of b is busy with the previous request, which c holds up."""
    assert parted(chain(), Slow(target=C, factor=10), 1, 50) == "b"


def test_an_answer_that_came_too_late_parts_them_where_it_was_missing_first():
    """The timeout comes at 1 s, but the twin had c's answer after 34 ms, so the answer was missing first."""
    assert parted(chain(), Slow(target=C, factor=1000)) == "c"


def test_what_a_call_that_fails_at_once_leads_to_does_not_hide_it():
    """A failed lookup is a miss: at the same moment the next call goes out, which the twin doesn't make."""
    calls = "b.get: {optional: true, hit_rate: 100%, on_miss: [c.get]}"
    text = chain("0s", calls=calls).replace("work: 10ms, calls: [c.get]", "work: 10ms")
    assert parted(text, Refuse(target=B)) == "a>b"


def test_a_request_that_is_made_in_one_run_only_parts_at_its_entry():
    play = Play(chain(), Slow(target=C, factor=10), 1)
    half = parting(play.sites, depths(play.sites), play.fact, Tree(play.sites, []))
    assert play.span(half) == "a"


def test_runs_that_are_equal_do_not_part():
    play = Play(chain(), Slow(target=C, factor=1), 1)
    with pytest.raises(ValueError):
        parting(play.sites, depths(play.sites), play.fact, play.other)


def test_attempts_are_in_order_by_the_site_that_they_are_made_at():
    edge = "timeout: 100ms, retry: {max_attempts: 3, base: 1ms}"
    play = Play(chain(edge=edge), Slow(target=C, factor=1000), 1)
    (attempts,) = play.fact.attempts(play.fact.root(play.sites)).values()
    assert len(attempts) == 3
    assert [row.sent for row in attempts] == sorted(row.sent for row in attempts)
    assert all(play.fact.get(row) is row for row in attempts)
    assert [play.other.get(row) is not None for row in attempts] == [True, False, False]


def test_in_an_incident_a_refused_call_is_where_most_requests_part():
    """Not at the refusing service, which never saw them; the calls it admitted may take longer or shorter there."""
    run = incident("refuse")
    entered = [run.spans[span] for span in run.changed["entered_at"]]
    at_the_database = [span for span in entered if "database" in (span["service"], span["peer"])]
    assert len(at_the_database) > 0.3 * len(entered)
    let_in = [span for span in at_the_database if span["kind"] == "server"]
    assert len(let_in) < 0.02 * len(at_the_database)
    assert not [span for span in let_in if span["error_type"]]
