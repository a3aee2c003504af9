"""One run of a study is a pure function of its numbers, and agrees with the records and the answer key."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from meshquake.ensembles import replication
from meshquake.ensembles.analysis import Analysis
from meshquake.ensembles.response_text import response
from meshquake.ensembles.responses import OF_USERS
from meshquake.exporters.ensembles import report
from meshquake.exporters.fixtures import answer_key, replay, writing
from meshquake.sim.simulation import Simulation
from tests.small_mesh import SMALL
from tests.station import BROKEN, study

STORM = """
name: storm
lead_in: 4s
duration: 6s
recovery: 10s
faults: [slow: {target: db, factor: 30, for: 4s}]
"""


def played(asked, replication_=0, **more):
    one = study(asked=asked, **more)
    return dict(zip(one.labels, replication.run(one, 0, replication_).values, strict=True))


def simulation(one):
    return Simulation.of(replication.load(one, 0, one.seed_of(0)))


def test_what_is_asked_of_users_is_what_the_records_say():
    found = played([f"entry.{name}" for name in OF_USERS], scenario=STORM, mesh=SMALL)
    run = simulation(study(scenario=STORM, mesh=SMALL))
    batches = list(run.batches())
    roots = pl.concat([batch.traces for batch in batches]).filter(pl.col("parent_span_id").is_null())
    since = roots["timestamp"].str.to_datetime(time_zone="UTC", time_unit="us") - run.start
    start = since.dt.total_microseconds() / 1e6
    own = roots.filter((start >= 4) & (start < 10))
    assert found["entry.requests"] == len(own) > 100
    assert found["entry.error_rate"] == pytest.approx((own["status"] == "error").mean())
    assert found["entry.latency_mean"] == pytest.approx(own["duration_ms"].mean(), rel=1e-3)
    assert found["entry.latency_p95"] == pytest.approx(own["duration_ms"].quantile(0.95, "linear"), rel=1e-3)
    end = start + roots["duration_ms"] / 1e3
    answered = roots.filter((end >= 4) & (end < 10) & (roots["status"] == "success"))
    assert found["entry.answered"] == pytest.approx(len(answered) / 6, rel=0.01)
    assert found["entry.goodput"] <= found["entry.answered"]
    assert found["entry.bad_rate"] >= found["entry.error_rate"]


def test_what_is_asked_of_the_key_is_what_the_key_says(tmp_path):
    scenario = STORM.replace("recovery: 10s", "recovery: 20s")  # in which users recover
    found = played(["key.harmed", "key.detect", "key.recovery", "key.breach"], scenario=scenario, mesh=SMALL)
    writing.write(simulation(study(scenario=scenario, mesh=SMALL)), tmp_path / "fixture", lambda batch: None)
    key = answer_key.read_ground_truth(tmp_path / "fixture")
    (fault,) = key["faults"]
    start, since, recovered = (
        np.datetime64(each.removesuffix("+00:00"), "us")
        for each in (fault["start"], fault["user_facing"]["since"], fault["recovered"])
    )
    second = np.timedelta64(1, "s")
    assert found["key.harmed"] == key["requests"]["harmed"] > 0
    assert (found["key.detect"], found["key.recovery"]) == ((since - start) / second, (recovered - start) / second)
    assert 0 < found["key.breach"] <= found["key.recovery"] - found["key.detect"] + 1


def test_what_is_asked_of_metrics_and_by_sql_is_what_the_records_say():
    asked = ["depth=max(queue_depth + active_requests) of db@whole", "sum(retry_rate) of web -> cart@whole"]
    asked += ["n=select count(*) from traces where kind = 'server'"]
    found = played(asked, scenario=STORM, mesh=SMALL)
    batches = list(simulation(study(scenario=STORM, mesh=SMALL)).batches())
    metrics = pl.concat([batch.metrics for batch in batches])
    own = metrics.filter(pl.col("replica").is_null() & pl.col("target").is_null(), service="db")
    sums = (
        own.filter(pl.col("metric").is_in(["queue_depth", "active_requests"]))
        .group_by("timestamp")
        .agg(pl.sum("value"))
    )
    assert found["depth"] == sums["value"].max() > 8
    retries = metrics.filter(service="web", target="cart", metric="retry_rate")
    assert found[asked[1]] == pytest.approx(retries["value"].sum())
    assert found["n"] == sum(len(batch.traces.filter(kind="server")) for batch in batches)


def test_what_is_asked_besides_changes_no_answer():
    alone = played(["entry.error_rate"], scenario=BROKEN)
    with_all = played(
        ["entry.error_rate", "key.harmed", "max(queue_depth) of web", "select count(*) from logs"], scenario=BROKEN
    )
    assert alone["entry.error_rate"] == with_all["entry.error_rate"] > 0.3


def test_a_change_that_changes_nothing_differs_by_exactly_nothing_in_every_run():
    """Even where the seed draws confounders and a fault's target: the drawn values stay."""
    scenario = STORM.replace("target: db, factor: 30", "target: any, factor: 5..30") + "\nconfounders: many\n"
    one = study(
        "services.db.workers=8,8.0", scenario=scenario, mesh=SMALL, asked=["entry.error_rate", "entry.latency_p95"]
    )
    one = replace(one, cells=(one.cells[0], replace(one.cells[0], levels=()), one.cells[0]))
    analysis = Analysis(one, [replication.run(one, cell, turn) for turn in range(2) for cell in range(3)])
    for each in analysis.compared:
        assert (each.difference.mean, each.difference.same, each.difference.differs) == (0.0, True, False)
    assert len({run.values for run in analysis.runs}) == 2  # and seeds do differ


def test_a_run_is_what_whatif_plays_on_a_fixture_with_its_seed(tmp_path):
    """With confounders that the seed draws for the times of the scenario, and not for those that are set."""
    scenario = STORM + "confounders: many\n"
    one = study("services.db.workers=4,8", scenario=scenario, mesh=SMALL, assignments=("lead_in=6s",))
    plain = Simulation.of(one.recipe(one.seed_of(1)).load())
    writing.write(plain, tmp_path / "fixture", lambda batch: None, truth=False)
    changed = replay.reload(tmp_path / "fixture").recipe.load_with(("lead_in=6s", "services.db.workers=8"))
    own = replication.load(one, 1, one.seed_of(1))
    assert changed.scenario.causes == own.scenario.causes and len(own.scenario.background) > 1
    assert (changed.scenario.lead_in, changed.topology) == (6.0, own.topology)
    assert changed.scenario.seed == own.scenario.seed


def test_replications_have_seeds_of_their_own_which_all_cells_share():
    one = study("rate=20,40", replications=50)
    assert len({one.seed_of(turn) for turn in range(50)}) == 50
    assert replication.run(one, 0, 7).seed == replication.run(one, 1, 7).seed == one.seed_of(7)
    assert one.seed_of(0) != study(seed=2).seed_of(0)


def test_one_run_alone_tells_by_its_sections_how_sure_it_is():
    one = study(scenario="{name: long, lead_in: 1s, duration: 40s, recovery: 0s, confounders: none}", replications=1)
    run = replication.run(one, 0, 0)
    (row,) = Analysis(one, [run]).estimates
    assert len(run.sections[0]) == 20 and row[0].interval.method == "batches"
    assert row[0].interval.low < 20 < row[0].interval.high


@pytest.mark.parametrize("seconds", [40, 47])
def test_the_interval_of_a_total_is_that_of_its_rate_times_the_length(seconds):
    """Also where sections have unequal numbers of samples, as with 47 of them in 20 sections."""
    scenario = f"{{name: long, lead_in: 1s, duration: {seconds}s, recovery: 0s, confounders: none}}"
    asked = ["entry.requests", "sum(active_requests) of web", "mean(active_requests) of web"]
    one = study(scenario=scenario, replications=1, asked=asked)
    run = replication.run(one, 0, 0)
    requests, total, mean = (row.interval for row in Analysis(one, [run]).estimates[0])
    assert [total.estimate, total.low, total.high] == pytest.approx(
        [seconds * each for each in (mean.estimate, mean.low, mean.high)]
    )
    assert 0 < mean.half < mean.estimate
    assert np.mean(run.sections[0]) == pytest.approx(requests.estimate)
    assert requests.low < 50 * seconds < requests.high  # 50 a second
    # Poisson: 1.96 * sqrt(50 * seconds), up to a factor for the chance in 20 sections
    assert 0.5 < requests.half / (1.96 * (50 * seconds) ** 0.5) < 1.7


def test_of_one_run_a_section_says_nothing_of_extremes_and_last_values_nor_of_the_key_and_records():
    asked = [f"{each}(active_requests) of web" for each in ("min", "max", "last")]
    asked += ["key.harmed", "n=select count(*) from logs", "entry.requests > 5"]
    scenario = BROKEN.replace("duration: 10s", "duration: 20s")
    one = study(scenario=scenario, replications=1, asked=asked)
    analysis = Analysis(one, [replication.run(one, 0, 0)])
    for row in analysis.estimates[0]:
        assert np.isfinite(row.interval.estimate) and np.isnan(row.interval.low) and row.interval.method == "whole run"
    (said,) = [line for line in report.blocks(analysis, complete=True) if "No interval" in str(line)]
    assert all(label in said for label in one.labels)


def test_what_is_cut_off_is_not_looked_at():
    asked = ["entry.requests@whole", "entry.requests@before"]
    assert played(asked, warm_up=0.0)[asked[1]] > 0
    cut = played(asked, warm_up=1.0)
    assert np.isnan(cut[asked[1]]) and cut[asked[0]] == played(["entry.requests"])["entry.requests"]


def test_an_empty_queue_at_the_beginning_is_found_to_be_warm_up_or_not_but_never_looked_at():
    one = study(warm_up="mser", asked=["entry.requests@whole", "all=select count(*) from traces where kind = 'server'"])
    run = replication.run(one, 0, 0)
    assert run.values[0] <= run.values[1] and 0 <= run.warm_up < 5


def test_a_metric_that_is_not_there_has_no_value():
    assert np.isnan(played(["max(replicas_desired) of web"])["max(replicas_desired) of web"])


def test_a_response_is_of_its_entry_alone():
    whole, home, cart = (
        response(text) for text in ("entry.requests", "entry.requests of web.home", "entry.requests of web.cart")
    )
    one = replace(study(scenario=STORM, mesh=SMALL), responses=(whole, home, cart))
    every, *parts = replication.run(one, 0, 0).values
    assert every == sum(parts) and min(parts) > 0


def test_calls_of_a_request_are_all_that_services_make_meanwhile():
    found = played(["entry.calls@whole", "entry.calls of web.cart@whole"], scenario=STORM, mesh=SMALL)
    batches = list(simulation(study(scenario=STORM, mesh=SMALL)).batches())
    traces = pl.concat([batch.traces for batch in batches])
    calls, requests = len(traces.filter(kind="client")), len(traces.filter(pl.col("parent_span_id").is_null()))
    assert found["entry.calls@whole"] == pytest.approx(calls / requests, rel=0.02)
    assert 1 < found["entry.calls of web.cart@whole"] < found["entry.calls@whole"]


def test_a_bound_asks_whether_it_is_so_and_the_mean_is_the_share_of_runs():
    asked = [
        "entry.error_rate > 0.45",
        "entry.error_rate < 0.45",
        "never=key.detect < 5",
        "sum(queue_depth) of web > -1",
    ]
    one = study(asked=asked, replications=10, scenario=BROKEN.replace("duration: 10s", "duration: 1s"))
    analysis = Analysis(one, [replication.run(one, 0, turn) for turn in range(10)])
    over, under, _, queue = (row.interval for row in analysis.estimates[0])
    assert 0 < over.estimate < 1 and over.estimate + under.estimate == 1 and over.method == "exact"
    assert (queue.estimate, queue.high) == (1, 1) and queue.low < 0.8
