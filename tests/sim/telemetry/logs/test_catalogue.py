"""Services log in the words of their stack, and every line is true and consistent."""

import csv
import io
import json
import re
from collections import Counter, defaultdict
from dataclasses import replace
from importlib import resources
from itertools import pairwise

import polars as pl
import pytest
import yaml
from recording import Run, record
from wordings import ALONE, PARTS, of, pattern, read, wordings

from meshquake.faults.fault import Extent, Target
from meshquake.faults.kinds.fail import Fail
from meshquake.faults.kinds.stop import Stop
from meshquake.faults.scenario import Scenario
from meshquake.sim.lifecycle.chatter import NAMES as SPOKEN
from meshquake.sim.records import LOG, records
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.logs.callees import CALLEES, STORES, callee, spread
from meshquake.sim.telemetry.logs.catalogue import (
    DRAWN,
    FIELD,
    Voice,
    catalogue,
    chatter,
    notices,
    startup,
)
from meshquake.sim.telemetry.logs.form import VALUES, VITALS, misfit
from meshquake.sim.telemetry.logs.values import NAMES
from meshquake.sim.telemetry.requests.drawing import Rule
from meshquake.topology.loader import parse
from meshquake.topology.stacks import STACKS

FILES = {
    path.name.removesuffix(".yaml"): yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in resources.files("meshquake.sim.telemetry.logs").joinpath("catalogue").iterdir()
}
MESH = """
name: shop
defaults:
  service: {replicas: 2, workers: 8}
  edge: {timeout: 200ms, retry: {max_attempts: 2, base: 5ms}}
  edges_to: {db: {pool: {size: 6}}}
services:
  edge: {kind: gateway, stack: envoy, operations: {browse: {calls: [catalog.list]}, checkout: {calls: [order.create]}}}
  catalog:
    stack: python/django
    operations: {list: {work: 4ms, calls: [cache.get: {hit_rate: 60%, on_miss: [db.select]}]}}
  order: {stack: java/spring-boot, startup: 2s, operations: {create: {work: 6ms, calls: [payment.charge, db.insert]}}}
  payment: {stack: go/gin, operations: {charge: {work: 9ms}}}
  cache: {kind: cache, stack: redis, operations: {get: {work: 1ms}}}
  db: {kind: database, stack: postgresql, operations: {select: {work: {exponential: 30ms}}, insert: {work: 5ms}}}
workload: {rate: 40/s, mix: {edge.browse: 3, edge.checkout: 2}}
"""
MOMENT = {"at": Extent(8.0), "for_": Extent(6.0)}
FAULTS = (
    Fail(id="fail", target=Target("service", "payment"), share=0.3, error="internal", **MOMENT),
    Stop(id="stop", target=Target("replica", "order", 0), at=Extent(10.0), for_=Extent(3.0)),
)
SCENARIO = Scenario(name="busy", duration=30.0, lead_in=0.0, recovery=0.0, seed=1, faults=FAULTS)


@pytest.fixture(scope="module")
def run() -> Run:
    return record(SCENARIO, parse(MESH, "shop").topology)


# -- the files --------------------------------------------------------------------------------------------------------


def test_braces_that_stand_for_themselves_come_in_pairs():
    """As in JSON; a single one is left over from a value."""
    for book in FILES.values():
        for each in wordings(book):
            text = FIELD.sub("", each["text"])
            assert text.count("{") == text.count("}"), text


def test_there_are_four_hundred_texts_and_more():
    texts = {(each["level"], each["logger"], each["text"]) for book in FILES.values() for each in wordings(book)}
    assert len(texts) >= 400


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_well_formed_and_of_a_stack_or_a_language_or_what_others_are_like(name):
    book = {key: value for key, value in FILES[name].items() if key != "like"}
    assert not misfit(name, book)
    stacks = {stack.replace("/", "-") for stack in STACKS}
    languages = {stack.language for stack in STACKS.values()}
    assert name in stacks | languages | {"common", "written", "grpc"}


LINE = {"level": "INFO", "logger": "x", "text": "y"}


@pytest.mark.parametrize(
    ("book", "message"),
    [
        ({"gave_up": {"timeout": {"shop": LINE}}}, "gave_up.timeout.shop: must be one of gateway, service, external, "),
        ({"gave_up": {"timeout": {"cache": {"text": "y"}}}}, "gave_up.timeout.cache must be a wording: "),
        ({"called": {"disk": LINE}}, "called.disk: must be one of gateway, service, external, grpc, database, nosql, "),
        ({"startup": [{**LINE, "at": 0.5, "killed": "yes"}]}, "startup[0].killed must be true or false"),
        ({"startup": [{**LINE, "at": 0.5, "calls": "disk"}]}, "startup[0].calls must be one of gateway, service, "),
        ({"chatter": {"a": {"job": 3, "lines": LINE}}}, "chatter.a.job must be the name of a job"),
        ({"chatter": {"a": {"every": "5s", "probe": 1, "lines": LINE}}}, "chatter.a.probe must be true, or left out"),
        (
            {"chatter": {"a": {"every": "3s", "calls": "disk", "lines": LINE}}},
            "chatter.a.calls must be one of gateway, ",
        ),
    ],
)
def test_a_mistake_in_a_catalogue_is_told_with_its_place(book, message):
    assert misfit("book", book).startswith(message)


@pytest.mark.parametrize("stack", STACKS)
def test_each_stack_says_something_of_its_own(stack):
    voice = Voice(stack)
    assert catalogue(voice)["handled"] != catalogue()["handled"]
    assert len(chatter(voice)) >= 2
    assert startup(voice)
    assert notices(voice).keys() == notices().keys()


def test_what_texts_may_name_is_what_can_be_made():
    assert set(VALUES) == set(NAMES)
    assert set(VITALS) == set(SPOKEN)
    named = {name for book in FILES.values() for each in wordings(book) for name in FIELD.findall(each["text"])}
    assert {name for name in named if DRAWN.fullmatch(name) is None} - set(VALUES) <= set(VITALS) | _of_notices()


def _of_notices():
    return {name for notice in catalogue()["notices"].values() for each in notice.values() for name in _fields(each)}


def _fields(entry):
    return FIELD.findall(entry["text"])


def test_a_value_that_is_drawn_lies_within_its_bounds_and_has_its_digits():
    assert Rule.of("took:1.20..14.80").at(0.0) == "1.20"
    assert Rule.of("took:1.20..14.80").at(0.999999) == "14.80"
    assert Rule.of("took:1..100").at(0.5) == "10"  # as often above as below
    assert Rule.of("lag:0..96").at(0.5) == "48"  # 0 has no logarithm
    assert [Rule.of("state:a|b|c").at(u) for u in (0.0, 0.5, 0.99)] == ["a", "b", "c"]


#: Words of HTTP, and of clients that speak only that.
HTTP = re.compile(
    r"\{status_code\}|\b(?:429|50[0-4])\b|answered|status|HTTP|[Rr]est|Remote|upstream|urllib3|httpx|requests\.|faraday|undici|body"
)


def test_nobody_says_that_a_store_speaks_http():
    """Neither its clients, in any language, nor the store itself."""
    checked = 0
    for stack in ("", *(name for name, each in STACKS.items() if each.language)):
        book = catalogue(Voice(stack))
        of_calls = [book[part][error] for part in ("retried", "hedged", "gave_up") for error in book[part]]
        for each in (*of_calls, book.get("called", {})):
            for store in STORES:
                for wording in wordings(each.get(store, [])):
                    assert not HTTP.search(wording["text"]), (stack, store, wording)
                    assert not HTTP.search(wording["logger"]), (stack, store, wording)
                    checked += 1
    for stack in ("", *(name for name, each in STACKS.items() if each.system)):
        for said in catalogue(Voice(stack))["failed"].values():
            for kind in STACKS[stack].kinds if stack else ("cache", "database"):
                for wording in wordings(said.get(kind, said["any"])):
                    assert not HTTP.search(wording["text"]), (stack, kind, wording)
                    checked += 1
    assert checked > 1000


#: Words of HTTP that have no place in lines about calls by gRPC.
NOT_GRPC = re.compile(
    r"\{(?:status_code|method|path|route)\}|[Hh]ttp\b|HTTP|urllib3|httpx|requests\.|faraday|RestClient"
)


@pytest.mark.parametrize("stack", ["", *(name for name, each in STACKS.items() if each.language)])
def test_nobody_says_that_a_call_by_grpc_is_one_by_http(stack):
    """Neither those who call, in any language, nor the frameworks that answer."""
    book = catalogue(Voice(stack))
    said = [book[part][error].get("grpc", []) for part in ("retried", "hedged", "gave_up") for error in book[part]]
    said.append(book.get("called", {}).get("grpc", []))
    if stack.endswith(("/grpc", "/tonic")):
        said += [book["handled"]["service"], book["slow"]["service"], book.get("remarks", {})]
        said += [each.get("service", []) for each in book["failed"].values()]
    found = wordings(said)
    assert len(found) > 5
    for wording in found:
        assert not NOT_GRPC.search(f"{wording['logger']} {wording['text']}"), (stack, wording)


def test_lines_about_a_call_by_grpc_name_the_status_of_its_span():
    """On both sides."""
    text = """
name: calls
services:
  web: {stack: java/spring-boot, operations: {home: {work: 1ms, calls: [stock.check]}}}
  stock: {stack: go/grpc, operations: {check: {work: 1ms}}}
workload: {rate: 50/s, mix: {web.home: 1}}
"""
    fail = Fail(
        id="fail", target=Target("service", "stock"), share=0.3, error="internal", at=Extent(4.0), for_=Extent(4.0)
    )
    run = record(replace(SCENARIO, duration=10.0, faults=(fail,)), parse(text, "calls").topology)
    lines = run.logs.join(run.traces.filter(pl.col("operation").str.contains("check")), on="span_id")
    for service, ok, internal in (
        ("web", "closed with OK|returned OK", r"io\.grpc\.StatusRuntimeException: INTERNAL"),
        ("stock", r"grpc\.code=OK", r"panic recovered|grpc\.code=INTERNAL"),
    ):
        own = lines.filter(service=service)
        assert own.filter(pl.col("error_type").is_null())["message"].str.contains(ok).any()
        wrong = own.filter(pl.col("error_type") == "internal")["message"]
        assert len(wrong) > 5
        assert wrong.str.contains(internal).any()
        assert not wrong.str.contains("OK").any()
        assert not own["message"].str.contains("http").any()


def test_a_database_and_its_client_report_the_same_error():
    """Each operation always has the same of several texts, on both sides."""
    servers = [catalogue(Voice(stack))["failed"]["database_error"]["database"] for stack in ("postgresql", "mysql")]
    clients = [
        book["gave_up"]["database_error"]["database"]
        for book in (catalogue(Voice(name)) for name, each in STACKS.items() if each.language)
        if "database" in book["gave_up"].get("database_error", {})
    ]
    assert len(clients) >= 10
    for texts in (*servers, *clients):
        assert [bool(re.search("[Dd]eadlock", each["text"])) for each in texts] == [False, True]


def test_a_text_that_begins_with_a_severity_has_it():
    said = {"FATAL": "FATAL", "ERROR": "ERROR", "WARNING": "WARN", "NOTE": "INFO", "PANIC": "FATAL", "SYSTEM": "INFO"}
    checked = 0
    for each in [each for stack in ("", *STACKS) for each in wordings(catalogue(Voice(stack))) if "level" in each]:
        found = re.match(r"\W*(FATAL|ERROR|WARNING|Warning|Note|NOTE|PANIC|System)\W", each["text"])
        if found is not None:
            assert each["level"] == said[found[1].upper()], each
            checked += 1
    assert checked > 20


def test_clients_are_those_of_the_product_or_else_of_the_kind():
    text = """
name: stores
services:
  web: {operations: {home: {calls: [a.get, b.get, c.get, d.get, e.get, f.get, web2.get, rpc.get, rpc2.get, rest.get]}}}
  a: {kind: database, operations: {get: {work: 1ms}}}
  b: {kind: database, system: mongodb, operations: {get: {work: 1ms}}}
  c: {kind: database, system: redis, operations: {get: {work: 1ms}}}
  d: {kind: cache, stack: memcached, operations: {get: {work: 1ms}}}
  e: {kind: external, stack: kafka, operations: {get: {work: 1ms}}}
  f: {kind: database, stack: mysql, operations: {get: {work: 1ms}}}
  web2: {stack: go/gin, operations: {get: {work: 1ms}}}
  rpc: {stack: java/grpc, operations: {get: {work: 1ms}}}
  rpc2: {stack: go/gin, operations: {get: {work: 1ms, rpc: shop.Rpc/Get}}}
  rest: {stack: go/grpc, operations: {get: {work: 1ms, route: GET /it}}}
workload: {mix: {web.home: 1}}
"""
    found = {each.name: callee(each) for each in parse(text, "stores").topology.services}
    assert found == {
        "web": "service",
        "a": "database",
        "b": "nosql",
        "c": "cache",
        "d": "cache",
        "e": "queue",
        "f": "database",
        "web2": "service",
        "rpc": "grpc",
        "rpc2": "grpc",
        "rest": "service",
    }


def test_the_words_for_any_callee_give_way_to_those_for_stores_and_these_to_those_for_one():
    found = spread({"any": 1, "store": 2, "cache": 3})
    assert found == {
        **dict.fromkeys(("gateway", "service", "external", "grpc", "any"), 1),
        **dict.fromkeys(("database", "nosql", "queue"), 2),
        "cache": 3,
    }
    flat = {"level": "INFO", "logger": "x", "text": "y"}
    assert spread(flat) == dict.fromkeys((*CALLEES, "any"), flat)
    assert spread({"service": 1}) == {"service": 1, "grpc": 1}
    assert spread({"service": 1, "grpc": 2}) == {"service": 1, "grpc": 2}


# -- lines ------------------------------------------------------------------------------------------------------------


def test_every_line_of_a_span_is_in_the_words_of_its_service_and_true_of_the_span(run):
    noted = {
        log.logger
        for service in run.topology.services
        for each in notices(Voice.of(service)).values()
        for log in each.logs
    }
    parts = Counter()
    for row, ways in read(run.logs, run.traces, run.topology):
        right = [
            values
            for values in ways
            if abs(float(values.get("duration_ms", row["duration_ms"])) - row["duration_ms"]) <= 0.05 + 1e-9
            and int(values.get("status_code", row["status_code"])) == row["status_code"]
            and int(values.get("attempt", row["attempt"])) == row["attempt"]
            and values.get("peer", row["peer"] or "user") == (row["peer"] or "user")
            and values.get("operation", row["operation"].partition(".")[2]) == row["operation"].partition(".")[2]
            and float(values.get("timeout_ms", 200)) == 200
        ]
        assert right or row["logger"] in noted, row
        parts.update(values["part"] for values in right[:1])
    assert {"handled", "failed", "retried", "gave_up", "missed", "called", "steps", "remarks"} <= set(parts)


def test_every_line_lies_within_its_span(run):
    beside = run.logs.join(run.traces.select("span_id", begin="at", end="end"), on="span_id")
    assert len(beside) == run.logs["span_id"].count() > 3000
    assert beside.filter((pl.col("at") < pl.col("begin")) | (pl.col("at") > pl.col("end"))).is_empty()


def test_the_same_user_and_order_are_named_along_a_whole_trace(run):
    said = defaultdict(set)
    services = defaultdict(set)
    for row, ways in read(run.logs, run.traces, run.topology):
        for name in ("user_id", "order_id", "session_id", "client_address", "amount"):
            if ways and name in ways[0]:
                said[row["trace_id"], name].add(ways[0][name])
                services[row["trace_id"], name].add(row["service"])
    assert all(len(values) == 1 for values in said.values())
    assert sum(len(places) > 1 for places in services.values()) > 1000


def test_a_listing_returns_no_more_than_it_finds(run):
    """Often it finds just what it returns."""
    said = [ways[0] for _, ways in read(run.logs, run.traces, run.topology) if ways and "matches" in ways[0]]
    assert len(said) > 100
    assert all(int(values["rows"]) <= int(values["matches"]) for values in said)
    assert any(int(values["rows"]) == int(values["matches"]) for values in said)
    assert len({values["matches"] for values in said}) > 50


def test_of_what_fails_no_line_says_that_it_was_done(run):
    """A failed request only has the lines with which its work begins."""
    failed = run.traces.filter(kind="server", status="error")
    done = [text for part, _, _, text in of(Voice("go/gin"), "steps") if part == "steps" and "authorized" in text]
    lines = run.logs.join(failed.select("span_id"), on="span_id")
    assert lines["message"].str.contains("charge started").any()
    assert done
    assert not lines["message"].str.contains("charge authorized").any()


def test_lines_are_in_order_and_the_same_however_they_are_made(run):
    """With other batch sizes, and when rendered again."""
    assert run.logs["at"].is_sorted()
    short = replace(SCENARIO, duration=6.0, faults=())
    mesh = parse(MESH, "shop").topology
    made = [pl.concat([b.logs for b in Simulation(short, mesh, batch=batch).batches()]) for batch in (500, 500, 32_000)]
    assert made[0].equals(made[1])
    assert made[0].equals(made[2])


def test_where_calls_go_and_how_long_they_take_depends_on_no_words():
    short = replace(SCENARIO, duration=6.0)
    plain = re.sub(r"stack: [\w/-]+(, )?", "", MESH)
    rows = [
        b"".join(cut.rows for cut in Simulation(short, parse(text, "shop").topology).cuts()) for text in (MESH, plain)
    ]
    assert rows[0] == rows[1]


# -- lines of processes -----------------------------------------------------------------------------------------------


def alone(run, service):
    return run.logs.filter(pl.col("trace_id").is_null(), service=service)


def test_a_process_says_each_thing_on_a_schedule_of_its_own(run):
    """Every five seconds or a little more, and no two replicas at the same time."""
    probes = alone(run, "payment").filter(pl.col("message").str.contains("/healthz"))
    for _, own in probes.group_by("replica"):
        gaps = own["at"].diff().drop_nulls() / 1e6
        assert ((gaps >= 5) & (gaps <= 5.02)).all()
        assert len(own) == 6
    assert probes["at"].n_unique() == len(probes) == 12


def test_running_numbers_of_a_process_only_grow():
    """Those of connections and clients, which products count upwards."""
    text = """
name: counting
services:
  edge: {kind: gateway, stack: nginx, operations: {home: {calls: [proxy.home]}}}
  proxy: {stack: envoy, operations: {home: {calls: [store.find, keys.get]}}}
  store: {kind: database, stack: mongodb, operations: {find: {work: 1ms}}}
  keys: {kind: cache, stack: redis, operations: {get: {work: 1ms}}}
workload: {rate: 2/s, mix: {edge.home: 1}}
"""
    run = record(replace(SCENARIO, duration=900.0, faults=()), parse(text, "counting").topology)
    number = pl.col("message").str.extract(r"(?:^\*|^\[C|connectionId:|Client id=)(\d+)").cast(pl.Int64)
    said = run.logs.with_columns(number=number).drop_nulls("number")
    assert set(said["service"]) == {"edge", "proxy", "store", "keys"}
    for (service,), own in said.group_by("service"):
        assert own["number"].is_sorted(), service
        assert own["number"].n_unique() > 1


def test_pool_statistics_are_those_of_the_pool(run):
    form = r"Pool stats \(total=(\d+), active=(\d+), idle=(\d+), waiting=(\d+)\)"
    said = alone(run, "order").select(pl.col("message").str.extract_groups(form)).unnest("message").drop_nulls()
    assert len(said) > 0
    for total, active, idle, _ in said.cast(pl.Int64).iter_rows():
        assert total == active + idle <= 6


def test_a_store_names_as_many_connections_as_its_callers_pools_have_open(run):
    said = alone(run, "db")["message"].str.extract(r"pg_stat_activity: (\d+) backends").drop_nulls().cast(pl.Int64)
    assert len(said) > 0
    # Two pools of six at each of two callers, for two replicas; plus a call or two beyond one's even share.
    assert 2 * 2 * 6 / 2 - 6 <= said.max() <= 2 * 2 * 6 / 2 + 2


def test_a_process_that_is_down_says_nothing_and_one_that_starts_says_how_it_comes_up(run):
    own = alone(run, "order").filter(replica="order-0")
    (down,) = run.events.filter(type="replica_stopped", replica="order-0")["at"]
    (up,) = run.events.filter(type="restart", replica="order-0")["at"]
    assert own.filter((pl.col("at") > down) & (pl.col("at") < up), pl.col("logger") != "kubelet").is_empty()
    ready = up + 2_000_000
    begun = own.filter(pl.col("at") > up)["message"]
    (last,) = begun.str.starts_with("Started version 1.0.0 in 2 seconds").arg_true()
    coming = begun[:last].to_list()
    texts = [each.log.text for each in startup(Voice("java/spring-boot"))]
    assert [next(i for i, text in enumerate(texts) if pattern(text).fullmatch(line)) for line in coming] == list(
        range(len(texts))
    )
    assert own.filter(
        pl.col("at") < ready, pl.col("message").str.starts_with("Tomcat started"), pl.col("at") > up
    ).is_empty()


#: That a process takes connections, in the words of several stacks.
OPEN = re.compile(
    r"(?i)\blistening\b|running on http|Running mode|ready to handle|Tomcat started|Responding at|to STARTED"
    r"|Waiting for connections"
)


@pytest.mark.parametrize("stack", STACKS)
def test_no_process_says_that_it_listens_before_it_takes_connections(stack):
    """Until its start-up ends they are refused."""
    early = [each for each in startup(Voice(stack)) if OPEN.search(each.log.text) and each.at < 1]
    assert not early


def test_many_stacks_say_that_they_listen():
    assert sum(any(OPEN.search(each.log.text) for each in startup(Voice(stack))) for stack in STACKS) > 20


# -- the mix ----------------------------------------------------------------------------------------------------------


def test_levels_and_chatter_are_in_the_proportions_of_a_healthy_mesh():
    mesh = parse(MESH.replace("40/s", "12/s"), "shop").topology
    healthy = record(replace(SCENARIO, duration=120.0, faults=()), mesh).logs
    share = dict(healthy["level"].value_counts(normalize=True).iter_rows())
    assert 0.936 <= share["INFO"] <= 0.968
    assert 0.026 <= share["WARN"] <= 0.052
    assert 0.003 <= share["ERROR"] <= 0.01
    assert 0.05 <= healthy["trace_id"].is_null().mean() <= 0.6


def test_drain_finds_about_as_many_templates_as_the_catalogue_has_used(run):
    """Drain (He et al., ICWS 2017) with its usual settings, message by message.

    A text with a value of few words becomes several templates, and texts that differ in a word or two become one:
    between half and twice as many in all. It finds 225 in ten minutes of the ten services with stacks, which use 202.
    """
    miner = pytest.importorskip("drain3").TemplateMiner()
    voices = {service.name: Voice.of(service) for service in run.topology.services}
    used = set()
    for service, level, logger, message in run.logs.select("service", "level", "logger", "message").iter_rows():
        miner.add_log_message(message)
        texts = [text for _, *where, text in of(voices[service], *PARTS, *ALONE) if where == [level, logger]]
        used |= {text for text in texts if pattern(text).fullmatch(message)}
    assert len(used) > 60
    assert len(used) / 2 <= len(miner.drain.clusters) <= 2 * len(used)


# -- multi-line messages ----------------------------------------------------------------------------------------------


def test_a_stack_trace_is_one_line_of_several_with_frames_of_the_services_own_code(run):
    traces = run.logs.filter(pl.col("message").str.contains("\n"))
    assert len(traces) > 20
    panics = traces.filter(service="payment", level="ERROR")["message"]
    assert panics.str.contains(r"\n\t/src/payment/charge\.go:\d+ ").all()
    # Code fails at the same place each time.
    assert panics.str.extract(r"charge\.go:(\d+)").n_unique() == 1


#: A file and a line of it, and the function before or after them, in the stack traces of several languages.
PLACES = (
    r"at (?P<function>[\w.$<>]+)\((?P<file>\w+\.java):(?P<line>\d+)\)",
    r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\w+)',
    r"at (?P<function>[\w.]+)\([^)]*\) in (?P<file>\S+\.cs):line (?P<line>\d+)",
    r"(?P<function>main\.\S+)\([^)]*\)\n\t(?P<file>\S+\.go):(?P<line>\d+)",
    r"at (?P<function>\w+) \((?P<file>/app/\S+\.js):(?P<line>\d+):",
)
TRACES = """
name: traces
defaults: {edges_to: {db: {pool: {size: 6}}}}
services:
  a: {stack: java/spring-boot, operations: {create: &two {work: 1ms, calls: [db.insert, db.select]}, change: *two}}
  b: {stack: python/django, operations: {create: *two, change: *two}}
  c: {stack: dotnet/aspnet, operations: {create: *two, change: *two}}
  d: {stack: go/gin, operations: {create: *two, change: *two}}
  e: {stack: nodejs/express, operations: {create: *two, change: *two}}
  db: {kind: database, stack: postgresql, operations: {select: {work: 1ms}, insert: {work: 1ms}}}
workload:
  rate: 300/s
  mix: {a.create: 1, a.change: 1, b.create: 1, b.change: 1, c.create: 1, c.change: 1, d.create: 1, d.change: 1,
    e.create: 1, e.change: 1}
"""


def test_a_place_in_the_code_has_one_line_and_functions_of_a_file_do_not_overlap():
    failing = [("db", "internal"), ("db", "database_error"), *((name, "internal") for name in "abcde")]
    faults = tuple(
        Fail(id=f"f{at}", target=Target("service", name), share=0.2, error=error, at=Extent(at), for_=Extent(2.0))
        for at, (name, error) in enumerate(failing)
    )
    run = record(replace(SCENARIO, duration=10.0, faults=faults), parse(TRACES, "traces").topology)
    found = defaultdict(lambda: defaultdict(set))
    for service, text in run.logs.select("service", "message").iter_rows():
        for place in PLACES:
            for frame in re.finditer(place, text):
                found[service, frame["file"]][frame["function"]].add(int(frame["line"]))
    assert len({service for service, _ in found}) == 5
    for functions in found.values():
        extents = sorted((min(at), max(at)) for at in functions.values())
        assert all(last - first <= 45 for first, last in extents)
        assert all(before[1] < after[0] for before, after in pairwise(extents)), functions


def test_a_message_of_several_lines_survives_where_a_record_is_a_line_of_text(run):
    several = run.logs.filter(pl.col("message").str.contains("\n"))["message"].to_list()
    frame = run.logs.select(LOG.names)
    ndjson = [json.loads(line)["message"] for line in frame.write_ndjson().splitlines()]
    table = [row["message"] for row in csv.DictReader(io.StringIO(frame.write_csv(), newline=""))]
    assert ndjson == table == frame["message"].to_list()
    assert several == [message for message in ndjson if "\n" in message]
    assert [each["message"] for each in records(LOG, frame)] == ndjson
