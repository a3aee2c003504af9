"""Spontaneous failures and stalls of calls: their share, their length, and that nothing else changes."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from laws import check_answers, check_attempts, check_deciding
from stage import play, sites_of, take_rows, topology_of

from meshquake.faults.fault import Extent, Target, Window
from meshquake.faults.kinds.slow import Slow
from meshquake.sim.engine.tape import LAPSE, WORK
from meshquake.sim.environment.calendar import Calendar
from meshquake.sim.environment.fluctuating import Fluctuating
from meshquake.sim.environment.lapses import Failures, Lapses, Stalls
from meshquake.sim.mesh import Mesh
from meshquake.topology.addresses import uniforms
from meshquake.topology.environment.errors import BaseErrors
from meshquake.topology.environment.fluctuation import Fluctuation
from meshquake.topology.environment.slow_mode import SlowMode
from meshquake.topology.errors import BY_CODE, CODES, SUCCESS

MESH = """
name: shop
defaults: {{service: {{workers: 1000}}, edge: {{latency: 1ms}}}}
services:
  web: {{kind: gateway, operations: {{home: {{work: 2ms, calls: [cart.get: {{optional: true}}, db.read]}}}}}}
  cart: {{operations: {{get: {{work: 3ms}}}}}}
  db: {{kind: database, operations: {{read: {{work: 4ms}}}}}}
edges: {{web -> db: {{retry: {{max_attempts: 2, base: 1ms}}}}}}
workload: {{rate: 100/s, mix: {{web.home: 1}}}}
environment: {environment}
"""


PLACE = ["number", "site", "attempt_path"]
VARIES = Fluctuation(0.6, 180.0)


def mesh(environment):
    return topology_of(MESH.format(environment=environment))


def at(topology, rows, service):
    """Return the rows of calls at a service."""
    return rows[np.isin(rows["site"], sites_of(Mesh(topology, 1, 1.0), service))]


def stalled(topology, rows, service, usual):
    """Return the additional time of stalled calls, in seconds."""
    taken = at(topology, rows, service)
    longer = taken["finished"] - taken["started"] - usual
    return longer[longer > 1e-6]


def within(count, expected):
    """Return whether a count of independent events is within four standard deviations of its expectation."""
    return abs(count - expected) <= 4 * np.sqrt(expected)


@pytest.mark.parametrize("service", ["cart", "db"])
def test_so_many_calls_fail_with_the_errors_of_their_kind(service):
    topology = mesh("{errors: {share: 2%, database: 4%}}")
    rows = at(topology, play(topology, 1, 20_000), service)
    errors = dict(topology.environment.errors)[service].of(topology.service(service).kind, entry=False)
    found = Counter(BY_CODE[code].name for code in rows["outcome"] if code != SUCCESS)
    assert set(found) == set(errors)
    assert all(within(found[error], share * len(rows)) for error, share in errors.items())


def test_an_entry_that_fails_answers_its_users():
    topology = mesh("{errors: {web: 5%, service: 3%}}")
    entries = replace(topology, workload=replace(topology.workload, mix=(replace(topology.workload.mix[0]),)))
    rows = at(entries, play(entries, 1, 5000), "web")
    assert {BY_CODE[code].name for code in rows["outcome"] if code} == {"unavailable", "internal"}


def test_an_error_may_be_said_for_all_or_for_one():
    topology = mesh("{errors: {db: {share: 5%, error: overloaded}}}")
    rows = play(topology, 1, 2000)
    assert {BY_CODE[code].name for code in at(topology, rows, "db")["outcome"] if code} == {"overloaded"}
    assert not at(topology, rows, "cart")["outcome"].any()


def test_what_fails_is_retried_and_an_attempt_fails_for_itself():
    topology = mesh("{errors: {db: {share: 20%, error: unavailable}}}")
    rows = play(topology, 1, 10_000)
    calls = at(topology, rows, "db")
    first, second = (calls[calls["attempt_path"] == attempt] for attempt in (0, 1))
    failed = (first["outcome"] == CODES["unavailable"]).sum()
    assert within(failed, 0.2 * len(first))
    assert len(second) == failed
    assert within((second["outcome"] != SUCCESS).sum(), 0.2 * len(second))


def test_calls_fail_and_nothing_else_changes():
    """Calls that don't fail, in requests without a failure, keep their times to the bit."""
    lively = mesh("{errors: 1%}")
    fact, calm = (play(each, 3, 3000) for each in (lively, lively.calm()))
    hit = set(fact["number"][fact["outcome"] != SUCCESS])
    assert 20 < len(hit) < 300
    spared = [np.sort(rows[~np.isin(rows["number"], list(hit))], order=PLACE) for rows in (fact, calm)]
    assert np.array_equal(*spared)


@pytest.mark.parametrize(("service", "usual", "at_ms"), [("cart", 0.003, 92), ("db", 0.004, 40)])
def test_so_many_calls_stall_for_so_long(service, usual, at_ms):
    topology = mesh("{slow_mode: {share: 3%, varies: none}}")
    rows = play(topology, 1, 20_000)
    longer = stalled(topology, rows, service, usual)
    assert within(len(longer), 0.03 * len(at(topology, rows, service)))
    assert np.median(longer) * 1000 == pytest.approx(at_ms, rel=0.03)
    assert np.log(longer).std() == pytest.approx(0.1, rel=0.12)


def buckets(failures, stalls):
    """Yield the draws of one call site with its lapses applied, for 400 intervals of five minutes."""
    calendar, page = Calendar(None), 7_500
    calendar.note(0, 25.0, 0.0)
    lapses = Lapses(failures, stalls, False, calendar)
    for bucket in range(400):
        draws = uniforms(7, bucket * page, page, 8)
        draws[:, WORK] = 0.0
        lapses.fall_on(draws, bucket * page)
        yield draws


def beyond_chance(shares):
    """Return the coefficient of variation of shares, less the part that chance causes with so many draws."""
    chance = shares.mean() * (1.0 - shares.mean()) / 7_500
    return np.sqrt(shares.var() - chance) / shares.mean()


def test_the_share_that_stalls_varies_over_five_minutes_as_much_as_was_asked_and_keeps_its_mean():
    """Apart from chance, whose variance falls with the number of requests."""
    stalls = Stalls(1, topology_of(MESH.format(environment="{}")).service("cart"), SlowMode(0.05, varies=VARIES))
    found = []
    for draws in buckets(None, stalls):
        stalled = draws[:, WORK] > 0.0
        found.append((stalled.mean(), draws[stalled, WORK].mean()))
    shares, longer = np.array(found).T
    assert np.corrcoef(shares, longer)[0, 1] > 0.9
    assert (shares * longer).mean() == pytest.approx(SlowMode(0.05, varies=VARIES).expectation("service"), rel=0.15)
    assert shares.mean() == pytest.approx(0.05, rel=0.06)
    assert beyond_chance(shares) == pytest.approx(VARIES.cv, rel=0.1)
    assert np.corrcoef(shares[:-1], shares[1:])[0, 1] > 0.2


def test_the_share_that_fails_varies_over_five_minutes_as_much_as_was_asked_and_keeps_its_mean():
    """Apart from chance; and which error a call gets does not depend on how many fail."""
    cart = topology_of(MESH.format(environment="{}")).service("cart")
    failures = Failures(1, cart, BaseErrors(0.05, varies=VARIES))
    codes = [CODES[error] for error in failures.shares(entry=False)]
    errors = np.array([[(draws[:, LAPSE] == code).mean() for code in codes] for draws in buckets(failures, None)])
    shares = errors.sum(axis=1)
    assert shares.mean() == pytest.approx(0.05, rel=0.06)
    assert errors.mean(axis=0) / shares.mean() == pytest.approx([0.5, 0.3, 0.2], rel=0.03)
    assert beyond_chance(shares) == pytest.approx(VARIES.cv, rel=0.1)


def test_requests_come_when_their_calendar_says():
    for environment in ("{users: 30%}", "{}"):
        topology = mesh(environment)
        played = Mesh(topology, 2, 60.0)
        played._crowds.surge("crowd", None, 1.0, None, 60.0)
        played.env.advance(60.0)
        rows = at(topology, take_rows(played), "web")
        calendar = played._crowds.calendars["web.home"]
        for block in (rows["number"] < 2**40, rows["number"] >= 2**40):
            numbers, first = np.sort(rows["number"][block]), int(rows["number"][block].min())
            came = rows["sent"][block][np.argsort(rows["number"][block])]
            assert np.abs(calendar.times(first, len(numbers)) - came).max() < 4.5
    assert calendar.times(2**62 + 5, 4) is None


def test_services_stall_more_or_less_each_at_its_own_times():
    topology = mesh("{slow_mode: {share: 5%, at: 50ms, varies: {cv: 80%, over: 2m}}}")
    rows = play(topology, 2, 20_000)
    found = []
    for service, usual in (("cart", 0.003), ("db", 0.004)):
        calls = at(topology, rows, service)
        slow = calls["finished"] - calls["started"] > usual + 1e-4
        minutes = (calls["sent"] / 40).astype(int)
        found.append(np.bincount(minutes, slow)[:5] / np.bincount(minutes)[:5])
    chance = np.sqrt(0.05 * 0.95 / 4000)
    assert np.abs(found[0] - found[1]).max() > 5 * chance


@pytest.mark.parametrize("environment", ["{errors: 2%, slow_mode: 3%}", "{users: 40%, errors: 1%, slow_mode: 2%}"])
def test_laws_hold_with_all_of_it(environment):
    topology = mesh(environment)
    played = Mesh(topology, 4, 20.0)
    fault = Slow(id="slow-1", target=Target("service", "db"), for_=Extent(1.0), factor=5.0)
    rows = play(topology, 4, 2000, [(fault, Window(5.0, 5.0, 10.0))])
    check_deciding(played, rows)
    check_attempts(played, rows)
    check_answers(played, rows)


def test_a_run_with_a_fault_and_one_without_have_the_same_lapses():
    """Everything is the same to the bit until the fault; after it, the same calls fail and stall spontaneously."""
    topology = mesh("{users: 30%, errors: 2%, slow_mode: 3%}")
    fault = Slow(id="slow-1", target=Target("service", "db"), for_=Extent(1.0), factor=3.0)
    fact, twin = (play(topology, 5, 3000, faults) for faults in ([(fault, Window(10.0, 10.0, 20.0))], []))
    fact, twin = (np.sort(rows, order=PLACE) for rows in (fact, twin))
    assert np.array_equal(*(rows[np.maximum(rows["ended"], rows["finished"]) < 9.5] for rows in (fact, twin)))
    failed = [
        {tuple(row) for row in rows[["number", "site", "attempt_path", "outcome"]] if row["outcome"]}
        for rows in (fact, twin)
    ]
    assert failed[0] == failed[1]
    longer = [stalled(topology, rows, "cart", 0.003) for rows in (fact, twin)]
    assert longer[0] == pytest.approx(longer[1])


def test_a_page_of_draws_may_begin_before_the_first_number_of_those_who_come():
    """A surge numbers its requests far from those of the usual users, and not from the start of a page."""
    pace = Fluctuating(1, "users", (VARIES,))
    calendar = Calendar(pace)
    calendar.note(0, 20.0, 0.0)
    calendar.note(2**40, 5.0, 100.0)
    times = calendar.times(2**40 - 3, 23)
    assert times[:4] == pytest.approx(100.0) and (np.diff(times[3:]) > 0).all()
    assert times[3:] == pytest.approx(pace.times(np.arange(20) / 5.0, 100.0))
