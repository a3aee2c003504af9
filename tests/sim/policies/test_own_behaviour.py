"""Behaviour of operations without faults: base errors, contention, and asynchronous waiting."""

import numpy as np
import pytest
from laws import check_counters, check_idle
from scipy import stats
from stage import Stage, play, topology_of

from meshquake.faults.fault import Target
from meshquake.faults.kinds.stop import Stop
from meshquake.topology.errors import CODES


def test_a_base_error_rate_fails_that_share_of_requests_by_draws_of_their_own():
    """The share lies within the binomial's bounds; a larger one fails the same requests and more."""
    failed = {}
    for share in (0.05, 0.1):
        rows = play(
            topology_of(f"""
name: failing
services: {{web: {{operations: {{home: {{work: 1ms, error_rate: {share}, error: unavailable}}}}}}}}
workload: {{rate: 200/s, mix: {{web.home: 1}}}}
"""),
            1,
            4000,
        )
        failed[share] = set(rows["number"][rows["outcome"] == CODES["unavailable"]])
        low, high = stats.binom.interval(0.999, len(rows), share)
        assert low <= len(failed[share]) <= high
    assert failed[0.05] < failed[0.1]


def test_a_request_that_fails_by_itself_has_done_its_work_and_calls_nobody():
    stage = Stage("""
name: failing
defaults: {edge: {latency: 0s}}
services:
  web: {operations: {home: {work: 10ms, error_rate: 100%, calls: db.get}}}
  db: {operations: {get: {work: 20ms}}}
workload: {rate: 1/s, mix: {web.home: 1}}
""")
    stage.request(0)
    assert stage.play() == ["0-10 web: internal"]


def test_work_takes_longer_by_a_share_for_each_request_that_is_at_it():
    """With 50%, the second of three concurrent requests takes half as long again, and the third twice as long."""
    stage = Stage("""
name: contended
services: {web: {operations: {home: {work: 10ms, contention: 50%}}}}
workload: {rate: 1/s, mix: {web.home: 1}}
""")
    stage.request(0, 0, 0, 30)
    assert stage.play() == [
        "0-10 web: success",
        "0-15 web: success",
        "0-20 web: success",
        "30-40 web: success",
    ]


@pytest.mark.parametrize(
    ("handlers", "last"),
    [("threads", ["0-25 web: success", "0-30 web: success"]), ("async", ["0-25 web: success", "0-25 web: success"])],
)
def test_work_between_calls_is_lengthened_by_the_others_that_hold_workers_when_it_begins(handlers, last):
    """Two at once: main work of 10 and 15 ms, no time for the call, then 10 ms each.

    The first goes on at 10 ms beside the second, for 15 ms. So does the second at 15 ms, unless the first has released
    its worker: then the second has no company.
    """
    stage = Stage(f"""
name: contended
defaults: {{edge: {{latency: 0s}}}}
services:
  web: {{handlers: {handlers}, operations: {{home: {{work: 10ms, contention: 50%, calls: [db.get, work: 10ms]}}}}}}
  db: {{operations: {{get: {{work: 0}}}}}}
workload: {{rate: 1/s, mix: {{web.home: 1}}}}
""")
    stage.request(0, 0)
    assert [line for line in stage.play() if "web:" in line] == last


def waiting(handlers, web=""):
    """Return a web with one worker (10 ms of work) that waits 100 ms for a slow service."""
    return f"""
name: waiting
defaults: {{edge: {{latency: 0s}}}}
services:
  web: {{workers: 1, handlers: {handlers}, {web} operations: {{home: {{work: 10ms, calls: slow.get}}}}}}
  slow: {{operations: {{get: {{work: 100ms}}}}}}
workload: {{rate: 1/s, mix: {{web.home: 1}}}}
"""


@pytest.mark.parametrize(
    ("handlers", "expected"),
    [
        ("threads", ["0-110 web: success", "0-220 web: success (from 110)"]),
        ("async", ["0-110 web: success", "0-120 web: success (from 10)"]),
    ],
)
def test_async_handlers_give_their_worker_back_while_they_wait(handlers, expected):
    """The second request begins once the first one waits; with blocking handlers, once it is answered."""
    stage = Stage(waiting(handlers))
    stage.request(0, 0)
    assert [line for line in stage.play() if " web:" in line] == expected
    check_idle(stage.mesh)


def test_async_handlers_leave_nothing_behind_when_their_process_dies():
    """Counters stay in range while requests wait without a worker, and every resource is given back."""
    stage = Stage(waiting("async", "startup: 1ms,"))
    stage.request(*range(0, 200, 5))
    stage.fault(Stop(id="stop", target=Target("service", "web")), 95, 130)
    for moment in range(5, 400, 5):
        stage.mesh.env.advance(moment / 1000)
        check_counters(stage.mesh)
    stage.play(20_000)
    check_idle(stage.mesh)


def test_a_network_with_feedback_is_as_jackson_has_it():
    """Each of a request's visits takes 1/(mu - lambda/(1-p)), and 1/(1-p) visits are made on average.

    J. R. Jackson, "Networks of waiting lines", Operations Research 5 (1957): an M/M/1 queue to which a share p of the
    served requests returns at once, here at load .6 (lambda 42/s, p .3, 10 ms). Nobody holds a worker while waiting.
    """
    topology = topology_of("""
name: feedback
defaults: {edge: {latency: 0s}}
services:
  station:
    workers: 1
    queue: 1000000
    handlers: async
    readiness: {period: 600s}
    operations: {serve: {work: {exponential: 10ms}, calls: [station.serve: {probability: 30%, depth: 14}]}}
workload: {rate: 42/s, mix: {station.serve: 1}}
""")
    sojourns, visits = [], []
    for seed in range(10):
        rows = np.sort(play(topology, seed, 4000), order="arrived")
        rows = rows[len(rows) // 10 :]
        roots = rows[rows["site"] == 0]
        sojourns.append((roots["finished"] - roots["arrived"]).mean())
        visits.append(len(rows) / len(roots))
    for estimates, theory in ((visits, 1 / 0.7), (sojourns, 1 / 0.7 / (100 - 60))):
        half = stats.t.ppf(0.9995, len(estimates) - 1) * stats.sem(estimates)
        assert half < 0.12 * theory
        assert abs(np.mean(estimates) - theory) < half
