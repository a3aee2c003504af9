"""A token bucket admits exactly its rate, and callers return when they are told to."""

import numpy as np
import pytest
from stage import Stage, play, topology_of

from meshquake.sim.engine.tape import PAUSE
from meshquake.topology.errors import CODES, SUCCESS

LIMITED = CODES["rate_limited"]


def mesh(limit, retry="{max_attempts: 2, on: rate_limited, base: 0s}", rate="1/s"):
    return f"""
name: limited
defaults: {{service: {{workers: 100}}, edge: {{latency: 0s}}}}
services:
  web: {{operations: {{home: {{calls: [api.get]}}}}}}
  api: {{rate_limit: {limit}, operations: {{get: {{work: 1ms}}}}}}
edges: {{web -> api: {{retry: {retry}}}}}
workload: {{rate: {rate}, mix: {{web.home: 1}}}}
"""


def results(stage):
    """Return the results as seen by the callers, in order: time of sending in ms, and result."""
    lines = [line.split() for line in stage.play() if "web>api" in line]
    return [(float(span.split("-")[0]), line[-1]) for span, *line in lines]


def test_a_full_bucket_lets_a_burst_through_and_then_as_many_as_each_filling_adds():
    """Envoy's own example adds 1 token a second to a bucket of several: here three at once, then one a second."""
    stage = Stage(mesh("{max_tokens: 3, fill_interval: 1s}", "none"))
    stage.request(0, 1, 2, 3, 4, 1001, 1002, 2001, 5001, 5002, 5003, 5004)
    ok, no = "success", "rate_limited"
    assert [result for _, result in results(stage)] == [ok, ok, ok, no, no, ok, no, ok, ok, ok, ok, no]


def test_a_caller_comes_again_after_the_time_that_it_was_told_and_up_to_half_as_much_more():
    """The next token comes after 4.6 s: `Retry-After: 5`, and Envoy's pause is uniform in [5 s, 7.5 s)."""
    stage = Stage(mesh("{max_tokens: 1, fill_interval: 5s}"))
    stage.request(0, 400)
    root = stage.mesh.roots[0]
    ((site,),) = (group for group, _ in root.steps)
    draw = site.tape.draws(1)[PAUSE]
    assert [time for time, _ in results(stage)] == pytest.approx([0, 400, 400 + 5000 * (1 + draw / 2)], abs=0.01)


@pytest.mark.parametrize(
    ("retry", "limit"),
    [("{max_attempts: 2, on: rate_limited, base: 0s, retry_after: 1s}", "{max_tokens: 1, fill_interval: 5s}"),
     ("{max_attempts: 2, on: rate_limited, base: 0s, retry_after: none}", "{max_tokens: 1, fill_interval: 5s}"),
     ("{max_attempts: 2, on: rate_limited, base: 0s}", "{max_tokens: 1, fill_interval: 5s, retry_after: false}")],
)  # fmt: skip
def test_a_time_that_is_too_long_or_not_told_is_not_waited_for(retry, limit):
    stage = Stage(mesh(limit, retry))
    stage.request(0, 400)
    assert [time for time, _ in results(stage)] == [0, 400, 400]


def test_a_caller_does_not_retry_what_was_limited_unless_it_says_so():
    stage = Stage(mesh("{max_tokens: 1, fill_interval: 5s}", "3"))
    stage.request(0, 400)
    assert results(stage) == [(0, "success"), (400, "rate_limited")]


def test_over_time_as_many_pass_as_tokens_come_and_no_other_work_is_done():
    """Offered 200/s against 50/s and a burst of 20, 1,020 pass in 20 seconds."""
    rows = play(
        topology_of(mesh("{max_tokens: 20, tokens_per_fill: 5, fill_interval: 100ms}", "none", "200/s")), 1, 4000
    )
    calls = rows[rows["site"] == 1]
    assert set(np.unique(calls["outcome"])) == {SUCCESS, LIMITED}
    passed = (calls["outcome"] == SUCCESS).sum()
    assert passed == pytest.approx(1020, abs=6)
    assert (calls["started"][calls["outcome"] == LIMITED] < 0).all()
