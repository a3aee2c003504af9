"""Spans inside a process lie within their parent, have the simulated length, and change no other record."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from random_worlds import World
from recording import record
from stage import Stage

from meshquake.faults import loader as scenarios
from meshquake.faults.scenario import Scenario
from meshquake.sim.simulation import DEFAULT_START, Simulation
from meshquake.sim.telemetry.recorder import Recorder
from meshquake.sim.telemetry.spans.inside import _broken, _sticks
from meshquake.sim.telemetry.spans.instrumentation import instrumentations
from meshquake.topology.loader import parse
from meshquake.topology.stacks import STACKS

#: The ten services with plausible stacks.
BUILT = {
    "api-gateway": "nodejs/express",
    "auth-service": "go/net-http",
    "user-service": "python/fastapi",
    "product-service": "java/spring-boot",
    "order-service": "java/spring-boot",
    "payment-service": "dotnet/aspnet",
    "inventory-service": "go/gin",
    "notification-service": "ruby/rails",
    "cache-service": "redis",
    "database": "postgresql",
}
SHOP = """
name: shop
defaults: {edge: {latency: 1ms}}
services:
  shop-service: {stack: java/spring-boot, workers: 1, operations: {buy: {work: 10ms, calls: [stock.take, work: 5ms]}}}
  stock: {stack: go/gin, operations: {take: {work: 4ms, calls: [db.update]}}}
  db: {kind: database, stack: postgresql, operations: {update: {work: 6ms}}}
edges: {stock -> db: {pool: {size: 1, connect: 0s}}}
workload: {rate: 10/s, mix: {shop-service.buy: 1}}
"""
#: A short run of the ten services.
SHORT = scenarios.Options(seed=3, lead_in=2.0, duration=8.0, recovery=2.0)
QUIET = Scenario(name="quiet", duration=10.0, lead_in=0.0, recovery=0.0, seed=1)


def traces(stage):
    """Return all spans of a stage, with `from` and `to`, milliseconds since it began."""
    recorder = Recorder(stage.mesh, DEFAULT_START, 10**9)
    return lambda: timed(recorder.batch(recorder.cut(last=True)).traces)


def timed(frame):
    begun = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f%:z") - pl.lit(DEFAULT_START)
    start = (begun / timedelta(milliseconds=1)).round(3).alias("from")
    return frame.with_columns(start).with_columns(to=(pl.col("from") + pl.col("duration_ms")).round(3))


def ten_services():
    """Return the ten services with stacks."""
    topology = scenarios.load(scenarios.shipped()["cascade"]).topology
    return replace(topology, services=tuple(replace(each, stack=BUILT[each.name]) for each in topology.services))


@pytest.fixture(scope="module")
def cascade():
    loaded = scenarios.load(scenarios.shipped()["cascade"], SHORT)
    batches = list(Simulation(loaded.scenario, ten_services()).batches())
    return timed(pl.concat(batch.traces for batch in batches))


def below(frame, **which):
    """Return spans of a kind beside the spans that enclose them (columns with `_outer`)."""
    outer = frame.select("span_id", pl.exclude("span_id").name.suffix("_outer"))
    return frame.filter(**which).join(outer, left_on="parent_span_id", right_on="span_id", how="left")


# -- nesting -------------------------------------------------------------------------------------------------------


def test_each_is_within_its_parent_of_the_same_process_and_has_an_id_of_its_own(cascade):
    inside = below(cascade, kind="internal")
    assert len(inside) > len(cascade) / 2 and inside["from_outer"].null_count() == 0
    assert inside.filter(pl.col("from") < pl.col("from_outer") - 1e-6).is_empty()
    assert inside.filter(pl.col("to") > pl.col("to_outer") + 1e-6).is_empty()
    assert (inside["service"] == inside["service_outer"]).all() and (
        inside["trace_id"] == inside["trace_id_outer"]
    ).all()
    assert inside["replica"].equals(inside["replica_outer"]) and inside["version"].equals(inside["version_outer"])
    assert cascade["span_id"].is_unique().all()


def test_calls_are_made_within_what_makes_them_after_all_that_comes_before_calls(cascade):
    calls = below(cascade, kind="client")
    assert set(calls["kind_outer"]) == {"internal"}
    assert calls.filter((pl.col("from") < pl.col("from_outer")) | (pl.col("to") > pl.col("to_outer") + 1e-6)).is_empty()
    first = calls.group_by("parent_span_id").agg(first=pl.col("from").min(), last=pl.col("to").max())
    pieces = cascade.filter(kind="internal").join(first, on="parent_span_id")
    stores = pieces["operation"].str.contains("Repository|sql\\.|gorm|Session")
    assert ((pieces["to"] <= pieces["first"]) | (pieces["from"] >= pieces["last"]) | stores).all()


def test_parts_of_one_span_follow_each_other(cascade):
    parts = cascade.filter(kind="internal").filter(~pl.col("operation").str.contains("Repository|sql\\.|gorm|Session"))
    after = parts.sort("parent_span_id", "from", "to").with_columns(before=pl.col("to").shift().over("parent_span_id"))
    assert after.filter(pl.col("from") < pl.col("before") - 1e-6).is_empty()


def test_what_begins_at_once_is_told_in_the_order_of_causes(cascade):
    rows = cascade.with_row_index()
    outer = rows.select(parent_span_id="span_id", place="index")
    ordered = rows.join(outer, on="parent_span_id")
    assert (ordered["place"] < ordered["index"]).all()


# -- length --------------------------------------------------------------------------------------------------------


def test_a_whole_trace():
    stage = Stage(SHOP)
    told = traces(stage)
    stage.request(0)
    stage.mesh.env.advance(1)
    frame = told()
    exact = {
        ("shop-service.buy", "server"): (0, 29),
        ("shop-service.ShopController.buy", "internal"): (None, 29),
        ("stock.take", "client"): (10, 24),
        ("stock.take", "server"): (11, 23),
        ("stock.handlers.Take", "internal"): (None, 23),
        ("stock.gorm.Update", "internal"): (15, 23),
        ("db.update", "client"): (15, 23),
        ("db.update", "server"): (16, 22),
        ("shop-service.MappingJackson2HttpMessageConverter.write", "internal"): (24, 29),
    }
    spans = {
        (name, kind): (start, end) for name, kind, start, end in frame.select("operation", "kind", "from", "to").rows()
    }
    for name, (start, end) in exact.items():
        assert spans[name][1] == end and start in (None, spans[name][0])
    assert {name for name, _ in spans} - {name for name, _ in exact} == {
        "shop-service.security filterchain before",
        "shop-service.authorize request",
        "shop-service.ShopService.buy",
        "stock.gin.Recovery",
        "stock.middleware.Auth",
        "stock.gin.ShouldBindJSON",
        "stock.stock.Take",
    }


def test_the_wait_for_a_worker_and_the_wait_for_a_connection_are_those_of_the_simulation():
    stage = Stage(SHOP.replace("workers: 1", "workers: 2"))
    told = traces(stage)
    stage.request(0, 1, 2)
    stage.mesh.env.advance(1)
    waits = told().filter(kind="internal").filter(pl.col("operation").str.contains("queue|wait"))
    # The third request waits for the first of two workers; the second query for the first one's connection, 8 ms long.
    assert waits.select("operation", "from", "to").rows() == [
        ("shop-service.http-nio-8080-exec queue", 2, 29),
        ("stock.sql.conn.wait", 16, 23),
    ]


def test_a_request_that_gave_up_in_the_queue_has_waited_until_then_and_done_nothing():
    text = SHOP.replace("workers: 1", "workers: 1, queue: {limit: 5, discipline: codel, target: 5ms, interval: 10ms}")
    stage = Stage(text)
    told = traces(stage)
    stage.request(0, 1, 2, 3)
    stage.mesh.env.advance(2)
    frame = told()
    shed = frame.filter(kind="server", error_type="shed")
    assert len(shed)
    inside = frame.filter(pl.col("parent_span_id").is_in(shed["span_id"].implode()))
    assert inside.select("from", "to", "error_type").rows() == shed.select("from", "to", "error_type").rows()


def test_attempts_at_a_store_are_made_in_one_span():
    text = SHOP.replace("pool: {size: 1, connect: 0s}", "timeout: 3ms, retry: {max_attempts: 3, base: 2ms}")
    stage = Stage(text)
    told = traces(stage)
    stage.request(0)
    stage.mesh.env.advance(1)
    frame = told()
    attempts = frame.filter(operation="db.update", kind="client")
    assert attempts["attempt"].to_list() == [1, 2, 3]
    around = frame.filter(operation="stock.gorm.Update").row(0, named=True)
    assert set(attempts["parent_span_id"]) == {around["span_id"]}
    assert (around["from"], around["to"]) == (attempts["from"].min(), attempts["to"].max())
    assert around["error_type"] == "timeout"


def test_pieces_take_the_shares_that_the_data_say_on_average_and_are_beta_distributed():
    shares = np.array([[0.1, 0.0, 0.3, 0.4, 0.2]])
    words = np.arange(20_000, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    cuts = _broken(words, np.full(len(words), 10**6), np.repeat(_sticks(shares), len(words), axis=0))
    pieces = np.diff(cuts, axis=1) / 1e6
    assert (cuts[:, 0] == 0).all() and (cuts[:, -1] == 10**6).all() and (pieces >= 0).all()
    assert pieces.mean(axis=0) == pytest.approx(shares[0], abs=0.005)
    # Beta(1, 9): as many are below x as 1 - (1 - x)^9.
    assert (pieces[:, 0] < 0.1).mean() == pytest.approx(1 - 0.9**9, abs=0.01)


# -- independence --------------------------------------------------------------------------------------------------


def test_everything_else_is_as_it_is_without_them():
    built = ten_services()
    plain = replace(built, services=tuple(replace(each, internal_spans=False) for each in built.services))
    with_them, without = record(QUIET, built), record(QUIET, plain)
    for kind in ("metrics", "logs", "events"):
        assert_frame_equal(getattr(with_them, kind), getattr(without, kind))
    others = with_them.traces.filter(pl.col("kind") != "internal")
    assert len(others) < len(with_them.traces) / 2
    kept = pl.exclude("parent_span_id")
    assert_frame_equal(others.select(kept).sort("span_id"), without.traces.select(kept).sort("span_id"))
    assert set(without.traces["kind"]) == {"client", "server"}


def test_how_large_batches_are_changes_nothing(cascade):
    loaded = scenarios.load(scenarios.shipped()["cascade"], SHORT)
    batches = list(Simulation(loaded.scenario, ten_services(), batch=2000).batches())
    assert len(batches) > 4
    assert_frame_equal(timed(pl.concat(batch.traces for batch in batches)), cascade)


@pytest.mark.parametrize("seed", range(5))
def test_in_any_world_all_that_is_said_of_where_they_are_holds(seed):
    world = World(seed)
    loaded = scenarios.parse(world.scenario, "scenario.yaml", mesh=parse(world.mesh, "mesh.yaml"))
    choice = Random(seed)
    services = tuple(
        replace(each, stack=choice.choice([name for name, stack in STACKS.items() if each.kind in stack.kinds]))
        for each in loaded.topology.services
    )
    built = replace(loaded.topology, services=services)
    batches = list(Simulation(loaded.scenario, built, batch=500).batches())
    frame = timed(pl.concat(batch.traces for batch in batches)).with_row_index()
    assert frame["span_id"].is_unique().all()
    inside = below(frame, kind="internal")
    calls = below(frame, kind="client")
    assert inside["from_outer"].null_count() == calls["from_outer"].null_count() == 0
    for each in (inside, calls):
        assert each.filter(
            (pl.col("from") < pl.col("from_outer")) | (pl.col("to") > pl.col("to_outer") + 1e-6)
        ).is_empty()
        assert (each["service"] == each["service_outer"]).all() and (each["index"] > each["index_outer"]).all()
    plain = pl.concat(batch.traces for batch in Simulation(loaded.scenario, loaded.topology).batches())
    kept = [name for name in plain.columns if name not in ("parent_span_id", "attributes")]
    others = frame.filter(pl.col("kind") != "internal").select(kept).sort("span_id")
    assert_frame_equal(others, plain.select(kept).sort("span_id"))


# -- the data ------------------------------------------------------------------------------------------------------


def test_everything_that_people_write_themselves_has_spans_inside_and_leaves_work_to_its_handler():
    written = {name for name, stack in STACKS.items() if stack.language}
    assert written <= set(instrumentations()) <= set(STACKS)
    for name in written:
        each = instrumentations()[name]
        assert each.handler and each.waiting and each.store and each.connection
        assert 2 <= 1 + len(each.before) + len(each.inside) + len(each.after) <= 8
        assert each.own >= 0.2


@pytest.mark.parametrize("stack", sorted(instrumentations()))
def test_names_are_those_of_the_operation(stack):
    text = SHOP.replace("java/spring-boot", stack).replace("buy: {", 'buy: {route: "GET /buy/{id}", ')
    stage = Stage(text)
    told = traces(stage)
    stage.request(0)
    stage.mesh.env.advance(1)
    found = told().filter(kind="internal", service="shop-service")["operation"]
    assert (
        len(found)
        and not found.str.replace("{id}", "", literal=True).str.contains("[{}]").any()
        and found.str.starts_with("shop-service.").all()
    )
