"""The on-call brief: the symptoms that users felt, recounted from the traces, and nothing about the cause."""

import re
from datetime import timedelta
from functools import lru_cache

import polars as pl
import pytest
from patience import USUAL, every
from twin_runs import HARMFUL, compare, incident, simulation

from meshquake.faults.kinds import fault_kinds
from meshquake.faults.loader import Options, load, shipped
from meshquake.sim.simulation import DEFAULT_START, Simulation
from meshquake.truth.mechanism import MECHANISMS

SHIPPED = every([("shipped", name) for name in shipped()], [("shipped", name) for name in USUAL])
RUNS = [*SHIPPED, *(("kind", kind) for kind in HARMFUL)]
every_run = pytest.mark.parametrize("run", RUNS, ids=lambda run: run[1], indirect=True)


@lru_cache(maxsize=len(shipped()))
def played(name):
    """Play a shipped scenario with fewer users."""
    return compare(Simulation.of(load(shipped()[name], Options(rate=8, duration=40))))


@pytest.fixture
def run(request):
    source, name = request.param
    return played(name) if source == "shipped" else incident(name)


def known(run):
    """Return user requests by the second in which their outcome could first be known, from the traces."""
    roots = run.frames["traces"].filter(pl.col("parent_span_id").is_null())
    came = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f%:z", time_unit="us")
    failed, late = pl.col("status") == "error", pl.col("duration_ms") > 1000
    took = pl.when(failed).then("duration_ms").otherwise(pl.min_horizontal("duration_ms", 1000.0))
    counted = roots.select(
        entry="operation",
        second=((came - DEFAULT_START).dt.total_microseconds() + (took * 1000).round().cast(pl.Int64)) // 1_000_000,
        failed=failed,
        slow=late & ~failed,
    )
    return counted.filter(pl.col("second") < run.twins.simulation.scenario.length)


def shares(run):
    """Return, by entry ("" for all) and second, the share of bad requests in the last ten seconds if over the limit."""
    counted, found = known(run), {}
    for name in ["", *counted["entry"].unique().sort()]:
        some = counted.filter(entry=name) if name else counted
        for second in range(int(run.twins.simulation.scenario.length)):
            window = some.filter(pl.col("second").is_between(second - 9, second))
            bad = window["failed"].sum() + window["slow"].sum()
            if bad >= 4 and bad > 0.05 * len(window) + 1e-9:
                found[name, second] = bad / len(window)
    return found


def shown(second):
    return f"{DEFAULT_START + timedelta(seconds=second):%Y-%m-%d %H:%M:%S} UTC"


@every_run
def test_the_table_counts_the_requests_of_the_traces(run):
    counted = known(run)
    rows = dict(re.findall(r"^\| (\S+) \| (\d+ \| \d+ \| \d+) \|$", run.brief, re.MULTILINE))
    expected = {
        name: f"{len(some)} | {some['failed'].sum()} | {some['slow'].sum()}"
        for name in rows
        for some in [counted if name == "all" else counted.filter(entry=name)]
    }
    assert rows == expected
    assert "\nRequests whose outcome was known by the end of the recording:\n\n| operation |" in run.brief
    assert len(rows) == len(run.twins.simulation.topology.workload.mix) + 1


@pytest.mark.parametrize("run", [("kind", "delay"), ("kind", "stop"), ("kind", "slow")], ids=str, indirect=True)
def test_when_the_promise_was_broken_for_whom_and_how_badly_is_what_one_counts_in_the_traces(run):
    broken = shares(run)
    seconds = sorted({second for _, second in broken})
    last, length = seconds[-1] + 1, run.twins.simulation.scenario.length
    until = "and still at the end of the recording" if last == length else f"until {shown(last)}"
    assert f"\nThat was broken at {shown(seconds[0] + 1)}, {until}.\n" in run.brief
    title = run.brief.splitlines()[0]
    entries = [f"{entry.service}.{entry.operation}" for entry in run.twins.simulation.topology.workload.mix]
    hit = {name for name, _ in broken if name}
    assert title.partition(": ")[2] == ", ".join(name for name in entries if name in hit)
    # Among equally bad windows, the first; among columns, all requests before single operations, in their order.
    columns = ["", *entries]
    (name, second), share = min(broken.items(), key=lambda item: (-item[1], item[0][1], columns.index(item[0][0])))
    whose = f"the requests for {name}" if name else "all requests"
    assert f"in the 10s before {shown(second + 1)}, {share:.0%} of {whose} failed or came too late" in run.brief


@every_run
def test_it_names_no_service_but_where_users_come_in_no_kind_of_fault_and_no_mechanism(run):
    """Users notice only failed or slow requests, whatever the kind of fault."""
    entries = [f"{entry.service}.{entry.operation}" for entry in run.twins.simulation.topology.workload.mix]
    words = set(re.findall(r"[a-z][a-z_-]*", re.sub("|".join(map(re.escape, entries)), "", run.brief.lower())))
    assert "requests" in words
    assert not words & set(run.key["services"])
    assert not words & (fault_kinds().keys() - {"fail", "slow"})
    assert not words & {run.twins.simulation.scenario.name, *(fault["id"] for fault in run.key["faults"])}
    assert not any(mechanism in run.brief for mechanism in MECHANISMS)


@every_run
def test_somebody_was_paged_if_and_only_if_there_was_an_incident(run):
    assert run.brief.startswith("# Nobody was paged") is not run.key["incident"]


def test_a_page_to_nobody_does_not_tell_a_fault_that_nobody_felt_from_another():
    assert incident("configure").brief == compare(simulation("configure: {target: database}")).brief


def test_failures_are_called_failures():
    assert incident("stop").brief.startswith("# Too many requests fail: api-gateway.browse, ")


def test_slow_answers_are_called_slow():
    run = compare(simulation("delay: {target: api-gateway -> product-service, by: 600ms}"))
    assert run.brief.startswith("# Too many requests are slow: api-gateway.browse, api-gateway.product_page\n")
    assert known(run)["slow"].sum() > known(run)["failed"].sum()
