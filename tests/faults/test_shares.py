"""Shares and distributions of slow work and slow networks, messages lost in one direction, and isolated replicas."""

from math import log

import numpy as np
import pytest
from stage import Stage, play, topology_of

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.delay import Delay
from meshquake.faults.kinds.drop import Drop
from meshquake.faults.kinds.reset import Reset
from meshquake.faults.kinds.slow import Slow
from meshquake.faults.kinds.surge import Surge
from meshquake.faults.loader import Options, parse
from meshquake.faults.targets import parse_target
from meshquake.faults.writing import block
from meshquake.topology.distributions import Exponential, LogNormal
from meshquake.topology.errors import CODES

TWO = """
name: two
defaults: {service: {workers: 1000}, edge: {latency: 1ms, connect_timeout: 500ms}}
services:
  web: {operations: {home: {work: 1ms, calls: db.get}}}
  db: {replicas: 2, operations: {get: {work: 10ms}}}
workload: {rate: 400/s, mix: {web.home: 1}}
"""
MESH = topology_of(TWO)
DB, EDGE = Target("service", "db"), Target("edge", "web", callee="db")
WAYS = ("requests", "answers")
ALWAYS = Window(0, 0, 1e9)


def calls(*faults, requests=4000):
    """Return the rows of the calls to the db."""
    rows = play(MESH, 5, requests, [(fault, ALWAYS) for fault in faults])
    rows = rows[rows["site"] == 1]
    return rows[np.argsort(rows["number"])]


def served(rows):
    """Return how long the db took for each, in milliseconds."""
    return 1000 * (rows["finished"] - rows["started"])


def test_a_share_of_the_requests_is_slow_and_a_larger_one_has_the_same_and_more():
    some, more = (calls(Slow(target=DB, factor=20, share=share)) for share in (0.1, 0.3))
    slow = [set(rows["number"][served(rows) > 100]) for rows in (some, more)]
    assert set(np.round(served(some), 6)) == {10.0, 200.0}
    assert len(slow[0]) == pytest.approx(400, abs=60)
    assert slow[0] < slow[1]


def test_no_factor_that_is_drawn_makes_a_request_faster():
    usual, rows = served(calls()), served(calls(Slow(target=DB, factor=Exponential(1.0))))
    assert np.round(rows / usual, 9).min() == 1
    assert np.mean(rows > usual + 1e-9) == pytest.approx(np.exp(-1), abs=0.03)  # P(x > 1)
    assert np.mean(rows / usual) == pytest.approx(1 + np.exp(-1), rel=0.03)  # E[max(x, 1)]
    assert Slow(target=DB, factor=Exponential(1.0)).effect(1.0).slowdown == pytest.approx(1 + np.exp(-1), rel=0.001)


def test_half_of_the_calls_get_a_delay_both_ways():
    rows = calls(Delay(target=EDGE, by=3.5, share=0.5))
    waited = np.round(rows["ended"] - rows["sent"], 6)
    assert set(waited) == {0.012, 7.012}
    assert np.mean(waited > 1) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("only", ["requests", "answers", None])
def test_a_delay_of_one_way_adds_its_time_once_and_to_the_messages_of_that_way(only):
    rows = calls(Delay(target=EDGE, by=5.0, only=only), requests=100)
    there, back = rows["arrived"] - rows["sent"], rows["ended"] - rows["finished"]
    assert there == pytest.approx(0.001 + 5 * (only != "answers"))
    assert back == pytest.approx(0.001 + 5 * (only != "requests"))


def test_jitter_of_one_way_is_that_of_this_way_where_both_have_it():
    both, out, back = (calls(Delay(target=EDGE, by=Exponential(0.2), only=only)) for only in (None, *WAYS))
    assert out["arrived"] == pytest.approx(both["arrived"])
    assert back["ended"] - back["finished"] == pytest.approx(both["ended"] - both["finished"])


@pytest.mark.parametrize(("only", "crossings"), [(None, 3), ("requests", 2), ("answers", 1)])
def test_a_connection_that_is_opened_is_delayed_once_each_way_before_the_request(only, crossings):
    """The handshake is a message there and one back; then the request goes."""
    stage = Stage(TWO + "edges: {web -> db: {pool: {size: 1, connect: 0ms}}}\n")
    stage.fault(Reset(target=EDGE), 0, 10)  # the initial pools are open
    stage.fault(Delay(target=EDGE, by=0.1, only=only), 20, 10_000)
    stage.request(100)
    arrived = stage.play()[2].split("-")[0]
    assert float(arrived) == pytest.approx(104 + 100 * crossings)  # 1 ms of work, and 3 of network


def test_jitter_has_the_distribution_that_it_is_given_each_way_on_its_own():
    rows = calls(Delay(target=EDGE, by=Exponential(0.2)))
    there, back = rows["arrived"] - rows["sent"] - 0.001, rows["ended"] - rows["finished"] - 0.001
    for added in (there, back):
        assert added.mean() == pytest.approx(0.2, rel=0.05)
        assert np.quantile(added, 0.99) == pytest.approx(0.2 * log(100), rel=0.12)
    assert abs(np.corrcoef(there, back)[0, 1]) < 0.06


def test_a_distribution_of_factors_gives_each_request_its_own_and_severity_scales_them():
    whole, half = (
        served(calls(Slow(target=DB, factor=LogNormal(20, 0.5), severity=severity))) / 10 for severity in (1.0, 0.5)
    )
    assert np.median(whole) == pytest.approx(20, rel=0.04)
    assert np.log(whole).std() == pytest.approx(0.5, rel=0.05)
    assert half == pytest.approx(1 + (whole - 1) / 2)


def test_lost_answers_leave_the_work_done_and_the_caller_waiting():
    stage = Stage(TWO)
    stage.request(0)
    stage.fault(Drop(target=EDGE, lost="answers"), 0, 10_000)
    assert stage.play() == [
        "0-512 web: dependency_failed",
        "1-512 web>db: connection_timeout",
        "2-12 db[1]: success",
    ]


@pytest.mark.parametrize("lost", ["requests", "answers"])
def test_one_replica_is_cut_off_and_the_others_are_reached(lost):
    rows = calls(Drop(target=parse_target("web -> db[0]"), lost=lost), requests=400)
    gone = rows["result"] == CODES["connection_timeout"]
    assert gone.mean() == pytest.approx(0.5, abs=0.01)  # round robin
    arrived = rows["arrived"] >= 0
    assert (arrived[gone] == (lost == "answers")).all()


def test_one_replica_of_the_caller_is_cut_off():
    text = TWO.replace("web: {operations", "web: {replicas: 2, operations")
    rows = play(topology_of(text), 5, 400, [(Drop(target=parse_target("web[1] -> db")), ALWAYS)])
    rows = rows[rows["site"] == 1]
    assert (rows["result"] != 0).mean() == pytest.approx(0.5, abs=0.01)


def test_with_a_surge_below_one_that_share_of_the_usual_requests_comes_and_with_none_nobody():
    users = Target("users")
    usual, few, nobody = (
        {int(row["number"]) for row in play(MESH, 5, 4000, [(Surge(target=users, factor=factor), ALWAYS)])}
        for factor in (1.0, 0.3, 0.0)
    )
    assert few < usual
    assert len(few) == pytest.approx(0.3 * len(usual), rel=0.1)
    assert not nobody


def test_a_dip_at_half_its_severity_keeps_half_as_many_away():
    came = play(MESH, 5, 4000, [(Surge(target=Target("users"), factor=0.0, severity=0.5), ALWAYS)])
    assert len(set(came["number"])) == pytest.approx(2000, rel=0.06)


def test_what_was_drawn_of_such_a_fault_is_written_as_a_file_has_it_and_reads_back():
    text = (
        "name: x\nconfounders: none\nfaults: [{slow: {target: database, at: 0s..9s, share: 10%, "
        "factor: {mixture: [{weight: 9, constant: 2}, {weight: 1, lognormal: {median: 30, sigma: 1}}]}}}]\n"
    )
    fault = parse(text, "x.yaml", Options(seed=3)).scenario.faults[0]
    written = block(fault)
    kind = written.pop("kind")
    again = parse(f"name: x\nconfounders: none\nfaults: [{{{kind}: {written}}}]".replace("'", ""), "y.yaml")
    assert again.scenario.faults == (fault,)
