"""Log lines: every text of the catalogue can occur, and every line is true."""

import re
from importlib import resources
from itertools import product

import numpy as np
import polars as pl
import pytest
from guarded import write_guarded
from patience import USUAL, every
from recording import play, record
from wordings import read, wordings

from meshquake.faults.fault import Extent, Target
from meshquake.faults.kinds.deploy import Deploy
from meshquake.faults.kinds.leak import Leak
from meshquake.faults.loader import load
from meshquake.faults.release import Budget, Step
from meshquake.faults.scenario import Scenario
from meshquake.sim.engine.call import HIT, MISS, OUTRUN, RETRIED
from meshquake.sim.mesh import Mesh
from meshquake.sim.simulation import DEFAULT_START
from meshquake.sim.telemetry.hosts import checkpoints
from meshquake.sim.telemetry.logs.catalogue import FIELD, Voice, catalogue, events, notices
from meshquake.sim.telemetry.logs.form import LEVELS, SEVERITIES, VALUES
from meshquake.sim.telemetry.logs.lines import Lines
from meshquake.sim.telemetry.requests.particulars import Particulars
from meshquake.sim.telemetry.spans.spans import Spans
from meshquake.sim.telemetry.tables import ERROR_NAMES, STATUS_CODES, Tables
from meshquake.topology.errors import ERRORS
from meshquake.topology.loader import parse
from meshquake.topology.portion import Portion
from meshquake.topology.spec import SERVICE_KINDS

#: A service of each kind, calling the next; the last one by gRPC.
EVERY_KIND = "name: kinds\nservices:\n" + "".join(
    f"  {kind}-one: {{kind: {kind}, operations: {{go: {{calls: [{callee}.go]}}}}}}\n"
    for kind, callee in zip(SERVICE_KINDS, [*(f"{kind}-one" for kind in SERVICE_KINDS[1:]), "last"], strict=True)
)
EVERY_KIND += "  last: {operations: {go: {work: 1ms, rpc: shop.Last/Go}}}\n"
EVERY_KIND += f"workload: {{mix: {{{SERVICE_KINDS[0]}-one.go: 1}}}}\n"


LEAKING = """
name: leaking
services:
  web: {liveness: {period: 200ms, failure_threshold: 100}, memory: 64MiB, operations: {home: {work: 1ms}}}
  app: {startup_probe: {period: 1s}, memory: 64MiB, operations: {get: {work: 1ms}}}
workload: {mix: {web.home: 1, app.get: 1}}
"""
IMPATIENT = """
name: impatient
services: {web: {operations: {home: {work: 100ms}}}}
workload: {populations: {visitors: {users: 1, think_time: 100ms, patience: 10ms, mix: {web.home: 1}}}}
"""
#: Jobs with and without events, and processes that reach their memory threshold within seconds.
AGING = """
name: aging
services:
  web: {replicas: 2, memory: 64MiB, operations: {home: {work: 1ms, calls: [db.insert]}}}
  db: {kind: database, stack: postgresql, operations: {insert: {work: 1ms}}}
environment:
  jobs: [{name: report, every: 5s, takes: 1s}, {name: log-rotation, every: 5s, takes: 1s}]
  memory: {growth: 10000%, recycle_at: 80%}
workload: {mix: {web.home: 1}}
"""


_PARTS = ("handled", "slow", "failed", "retried", "hedged", "gave_up", "missed")


def of_spans():
    """Return the wordings for spans."""
    return wordings({part: catalogue()[part] for part in _PARTS})


def pattern(text):
    """Return a pattern that matches a text, whatever its values."""
    return "^" + "".join(".+" if i % 2 else re.escape(piece) for i, piece in enumerate(FIELD.split(text))) + "$"


def every_span():
    """Return spans of every place, side and outcome, with every note, in three lengths and a few requests each."""
    mesh = Mesh(parse(EVERY_KIND, "kinds").topology, 1, end=1.0)
    tables = Tables(mesh, DEFAULT_START)
    tables.refresh(len(mesh.incarnations))
    rows = np.array(
        list(
            product(
                [site.index for site in mesh.sites],
                [False, True],
                range(len(STATUS_CODES)),
                [0, HIT, MISS, RETRIED, OUTRUN],
                [0, 123_456, 90_000_000],
                range(20),
            )
        ),
        dtype=np.int64,
    )
    rows = rows[(rows[:, 1] == 1) | (tables.site_parent[rows[:, 0]] >= 0)]  # users leave no spans
    site, server, code, notes, length, number = rows.T
    replicas = np.array([site.service.replicas[0].incarnation for site in mesh.sites])
    # The attempt and the process don't matter here.
    spans = Spans(
        start=np.zeros_like(site),
        end=length,
        network=np.full_like(site, -1),
        worked=np.zeros_like(site),
        site=site,
        attempt_path=np.zeros_like(site),
        number=number,
        server=server == 1,
        incarnation=replicas[site],
        code=code,
        notes=notes,
        far=replicas[site],
    )
    return tables, spans


def rendered(tables, spans):
    """Return the lines of some spans."""
    lines = Lines(Particulars(tables, tables._mesh.topology, 1))
    return lines.frame(lines.written(spans), [])


def test_levels_and_errors_and_kinds_of_the_catalogue_are_those_of_records_and_meshes():
    book = catalogue()
    noted = {log.level for notice in notices().values() for log in notice.logs}
    assert noted | {wording["level"] for wording in of_spans()} <= set(LEVELS)
    assert {notice.event.severity for notice in notices().values() if notice.event} <= set(SEVERITIES)
    for part in ("failed", "retried", "hedged", "gave_up"):
        assert set(book[part]) <= {*ERRORS, "any"}
    for part in ("handled", "slow", "slow_after_ms"):
        assert set(book[part]) == set(SERVICE_KINDS)
    for by_kind in book["failed"].values():
        assert set(by_kind) <= {*SERVICE_KINDS, "any"}


def test_every_value_that_a_text_names_exists_and_every_value_is_explained():
    named = {name for wording in of_spans() for name in FIELD.findall(wording["text"])}
    assert named <= set(VALUES)
    catalogue = resources.files("meshquake.sim.telemetry.logs").joinpath("catalogue.yaml")
    explained = catalogue.read_text().partition("\n\n")[0]
    assert all(re.search(rf"\b{name}\b", explained) for name in named)


def test_every_text_of_a_span_is_written_for_some_span_and_leaves_no_value_open():
    tables, spans = every_span()
    lines = rendered(tables, spans)
    assert lines["message"].null_count() == 0
    assert not lines["message"].str.contains(r"[{}]").any()
    for wording in of_spans():
        alike = lines.filter(level=wording["level"], logger=wording["logger"])
        assert alike["message"].str.contains(pattern(wording["text"])).any(), wording["text"]


def test_no_line_says_that_a_service_answered_a_call_that_it_never_did():
    """Its caller gave up on it, or it never got there, or the process that had it was killed."""
    unanswered = (
        *("timeout", "connection_refused", "connection_timeout", "connection_reset", "no_ready_replica"),
        *("pool_timeout", "circuit_open", "bulkhead_full", "client_throttled", "concurrency_limited", "pool_full"),
    )
    tables, spans = every_span()
    spans = spans.where(~spans.server & np.isin(spans.code, [ERROR_NAMES.index(name) for name in unanswered]))
    lines = rendered(tables, spans)
    assert len(lines) == len(spans)
    assert not lines["message"].str.contains("answered").any()


def test_every_notice_of_a_process_is_written_in_some_run(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINT", 2.0**17)
    web = Target("service", "web")
    leak = Leak(id="leak", target=web, targets=(web, Target("service", "app")), rate=10 * 2**20)
    leaking = record(
        Scenario(name="leaking", duration=30.0, lead_in=0.0, recovery=0.0, seed=1, faults=(leak,)),
        parse(LEAKING, "leaking").topology,
    )
    trouble = load(write_guarded(tmp_path))
    guarded = record(trouble.scenario, trouble.topology)
    released = record(
        Scenario(
            name="released",
            duration=30.0,
            lead_in=0.0,
            recovery=0.0,
            seed=1,
            faults=(
                Deploy(id="hand", target=Target("service", "web"), canary=Portion(1), rollback_after=7.0),
                Deploy(id="steps", target=Target("service", "web"), at=Extent(8.0), steps=(Step(0.5, None),)),
                Deploy(
                    id="budget", target=Target("service", "web"), at=Extent(15.0), share=1.0, error_budget=Budget(0.1)
                ),
            ),
        ),
        parse(LEAKING, "leaking").topology,
    )
    impatient = record(
        Scenario(name="impatient", duration=2.0, lead_in=0.0, recovery=0.0, seed=1),
        parse(IMPATIENT, "impatient").topology,
    )
    aging = record(
        Scenario(name="aging", duration=30.0, lead_in=0.0, recovery=0.0, seed=1), parse(AGING, "aging").topology
    )
    runs = (play("cascade"), play("deployment"), leaking, guarded, released, impatient, aging)
    messages = pl.concat([each.logs["message"] for each in runs])
    voices = {Voice.of(service) for each in runs for service in each.topology.services}
    for name in notices():
        texts = [[pattern(log.text) for log in notices(voice)[name].logs] for voice in voices]
        assert any(all(messages.str.contains(text).any() for text in each) for each in texts), name
    assert leaking.logs.filter(level="FATAL")["message"].unique().to_list() == [
        "Out of memory: limit of 64 MiB reached, process killed"
    ]


def test_every_type_of_event_has_one_meaning():
    types = {notice.event.type for notice in notices().values() if notice.event}
    assert types == set(events())


# -- truth ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=every(["cascade", "degradation", "deployment", "outage"], USUAL))
def run(request):
    return play(request.param)


def test_every_line_of_a_span_has_a_text_of_its_services_catalogue_and_says_what_the_span_is(run):
    """To a tenth of a millisecond; the lines name operations without their services."""
    timeouts = {(edge.caller, edge.callee): edge.timeout * 1000 for edge in run.topology.edges}
    noted = {log.logger for notice in notices().values() for log in notice.logs}
    checked = 0
    for row, ways in read(run.logs, run.traces, run.topology):
        if row["logger"] in noted and not ways:
            continue  # a process's own note on a call
        assert any(agrees(row, values, timeouts) for values in ways), (row, ways)
        checked += 1
    assert checked > 1000


def agrees(row, values, timeouts):
    """Return whether a line agrees with its span."""
    said = {
        "duration_ms": lambda text: abs(float(text) - row["duration_ms"]) <= 0.05 + 1e-9,
        "status_code": lambda text: int(text) == row["status_code"],
        "attempt": lambda text: int(text) == row["attempt"],
        "peer": lambda text: text == (row["peer"] or "user"),
        "operation": lambda text: text == row["operation"].partition(".")[2],
        "timeout_ms": lambda text: (
            float(text) == timeouts[row["service"], row["peer"]]
            and row["error_type"] == "timeout"
            and abs(float(text) - row["duration_ms"]) <= 0.002
        ),
    }
    return all(holds(values[name]) for name, holds in said.items() if name in values)


def test_a_line_says_that_another_attempt_follows_exactly_if_one_does(run):
    place = ["trace_id", "parent_span_id", "peer", "operation"]
    asked = run.traces.filter(kind="client")
    # If a request makes the same call several times, the attempts can't be told apart.
    asked = asked.filter((pl.col("attempt") == 1).sum().over(place) == 1)
    last = asked.group_by(place).agg(last=pl.col("attempt").max())
    parts = {row["span_id"]: {values["part"] for values in ways} for row, ways in read(run.logs, asked, run.topology)}
    told = asked.filter(status="error").join(last, on=place).filter(pl.col("span_id").is_in(list(parts)))
    for span, attempt, latest in told.select("span_id", "attempt", "last").iter_rows():
        assert ("retried" in parts[span]) == (attempt < latest)


def test_an_exhausted_pool_is_as_large_as_the_topology_says_and_all_in_use():
    run = play("cascade")
    sizes = {edge.caller: edge.pool.size for edge in run.topology.edges if edge.pool}
    form = r"^Connection pool exhausted \((\d+)/(\d+) in use, (\d+) waiting\): no connection to database$"
    lines = (
        run.logs.filter(logger="pool").select("service", pl.col("message").str.extract_groups(form)).unnest("message")
    )
    assert len(lines) == len(run.asked("database").filter(error_type="pool_timeout")) > 0
    for service, used, size, waiting in lines.iter_rows():
        assert int(used) == int(size) == sizes[service]
        assert int(waiting) >= 0


def test_a_call_that_is_given_up_at_a_deadline_says_how_long_it_waited():
    """Not the length of its own timeout, 2 s, of which a second is left to the second attempt."""
    mesh = parse(
        """
name: late
defaults: {edge: {latency: 0ms}}
services:
  web: {operations: {home: {calls: [db.read]}}}
  db: {operations: {read: {work: 7s}}}
edges: {web -> db: {timeout: 2s, overall_timeout: 3s, retry: {max_attempts: 2, base: 0ms}}}
workload: {rate: 1/s, mix: {web.home: 1}}
""",
        "late",
    ).topology
    run = record(Scenario(name="late", duration=3.0, lead_in=0.0, recovery=0.0, seed=1, faults=()), mesh)
    said = run.logs.filter(logger="client")["message"].unique().sort().to_list()
    assert said == [
        "Timeout after 1000.0 ms calling db.read (attempt 2)",
        "Timeout after 2000.0 ms calling db.read, attempt 1; retrying",
    ]
