"""The key of a run whose users act on their answers: compared by user and step."""

import polars as pl
import pytest
from stage import topology_of
from twin_runs import compare, simulation

from meshquake.faults import loader as scenario_loader
from meshquake.faults.loader import Options
from meshquake.faults.recipe import Recipe
from meshquake.topology import loader as topology_loader

SHOP = """
name: shop
services:
  web: {kind: gateway, workers: 200, operations: {home: {work: 2ms, calls: db.get}, pay: {work: 2ms, calls: db.get}}}
  db: {kind: database, workers: 40, queue: 1000, operations: {get: {work: {exponential: 10ms}}}}
workload:
  populations:
    them:
      users: 30
      think_time: {exponential: 500ms}
      journey: [web.home, web.pay]
      patience: 900ms
      reload: 50%
"""
OPTIONS = Options(lead_in=10, duration=10, recovery=15, confounders="none")


@pytest.fixture(scope="module")
def slow():
    return compare(simulation("slow: {target: db, factor: 150}", mesh=SHOP, options=OPTIONS))


def test_requests_that_come_later_than_in_the_twin_are_compared_all_the_same(slow):
    twin = dict(zip(slow.verdicts["trace_id"], slow.verdicts["twin_duration_ms"], strict=True))
    made = [duration for duration in twin.values() if duration is not None]
    assert len(made) > 0.9 * len(twin) - slow.key["requests"]["abandoned"]
    assert max(made) < 900
    late = slow.verdicts.filter(pl.col("timestamp") > slow.key["faults"][0]["end"])
    assert late["twin_duration_ms"].is_not_null().mean() > 0.9


def test_the_key_counts_whom_it_harmed_who_left_and_what_was_never_asked(slow):
    requests, fault = slow.key["requests"], slow.key["faults"][0]
    assert requests["total"] == len(slow.verdicts)
    assert requests["abandoned"] > 100
    assert requests["unmade"] > 200  # users wait where they would have gone on
    assert requests["harmed"] >= requests["abandoned"] - requests["background"]
    assert (fault["root_cause"]["service"], fault["latent"]) == ("db", False)
    assert {(step["from"], step["to"], step["mechanism"]) for step in fault["mechanism"]} >= {
        ("db", "db", "slow work"),
        ("db", "web", "slow answer"),
    }


def test_metrics_of_those_who_wait_are_those_of_their_spans(slow):
    metrics = slow.frames["metrics"]
    sums = {
        name: round(metrics.filter(metric=name, service="web")["value"].sum())
        for name in ("goodput", "abandonment_rate")
    }
    assert sums["abandonment_rate"] == pytest.approx(slow.key["requests"]["abandoned"], abs=3)
    good = slow.verdicts.filter(outcome="success").height - slow.key["requests"]["abandoned"]
    assert sums["goodput"] == pytest.approx(good, abs=3)


def test_the_access_log_has_a_line_of_each_user_who_left_within_the_span(slow):
    lines = slow.frames["logs"].filter(pl.col("message").str.starts_with("Client closed the connection"))
    assert len(lines) == slow.key["requests"]["abandoned"]
    spans = slow.frames["traces"].filter(pl.col("parent_span_id").is_null())
    both = lines.join(spans, on="span_id", how="inner", suffix="_span")
    assert len(both) == len(lines)
    assert (both["timestamp"] > both["timestamp_span"]).all()


def test_a_goodput_that_falls_should_raise_an_alert_on_the_service_that_has_it():
    key = compare(simulation("slow: {target: web, factor: 900}", mesh=SHOP, options=OPTIONS)).key
    found = {each["indicator"] for each in key["faults"][0]["alerts"] if each["type"] == "cause"}
    assert {"goodput", "abandonment_rate"} & found


def test_a_mesh_whose_users_do_not_wait_counts_none_of_it():
    key = compare(simulation("slow: {target: database, factor: 4, for: 2s}")).key
    assert set(key["requests"]) == {"total", "harmed", "spared", "background"}


CASCADE = Recipe(
    scenario_loader.shipped()["cascade"].read_text(encoding="utf-8"),
    topology_loader.shipped()["ten-services"].read_text(encoding="utf-8"),
    Options(duration=90, lead_in=60, recovery=60, rate=30, confounders="none"),
    "manifest.json",
)


def test_what_if_other_users_came_besides_and_the_usual_ones_as_they_did():
    crowd = "workload.populations.crowd={users: 40, think_time: 1s, mix: {api-gateway.checkout: 1}}"
    workload = CASCADE.load_with([crowd, "workload.populations.crowd.users=50"]).topology.workload
    scenario_rate = CASCADE.load_with([crowd]).scenario.rate
    assert sum(workload.usual().values()) == pytest.approx(30)
    assert [each.users for each in workload.populations] == [None, 50]
    assert scenario_rate == pytest.approx(30 + 40 / 1.004, rel=0.02)


def test_a_shape_and_a_flip_are_reached_too():
    text = "name: x\nconfounders: none\nfaults: [{flip: {target: order-service -> database, set: {timeout: 20ms}}}]\n"
    recipe = Recipe(text, CASCADE.topology, Options(rate=20), "manifest.json")
    fault = recipe.load_with(["faults.flip-1.set.timeout=10ms", "faults.flip-1.set.breaker=none"]).scenario.faults[0]
    assert fault.set.texts() == {"timeout": "10ms", "breaker": "none"}
    slow = CASCADE.load_with(["faults.slow-1.shape.sine.period=20s", "faults.slow-1.share=50%"]).scenario.faults[0]
    assert (slow.shape.period, slow.share) == (20.0, 0.5)


def test_the_text_of_the_mesh_above_is_whole():
    assert topology_of(SHOP).workload.answers_matter
