"""Lines that processes write by themselves.

None are made where nobody reads them, and nothing else changes; what they say is true of their process.
"""

import re
from collections import Counter, defaultdict

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from recording import record
from wordings import ALONE, of, pattern, wordings

from meshquake.faults.fault import Extent, Target
from meshquake.faults.kinds.stop import Stop
from meshquake.faults.loader import Options, parse
from meshquake.faults.scenario import Scenario
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.logs.catalogue import FIELD, Voice, catalogue
from meshquake.topology.loader import DEFAULT, load, shipped
from meshquake.topology.loader import parse as parse_mesh
from meshquake.topology.stacks import STACKS
from meshquake.truth.watch import Watch

TEXT = (
    "name: x\nlead_in: 4s\nduration: 8s\nrecovery: 4s\nconfounders: none\nfaults: [stop: {target: database, for: 2s}]\n"
)
LOADED = parse(TEXT, "my.yaml", Options(rate=10), mesh=load(shipped()[DEFAULT]))


def records(hushed):
    simulation = Simulation.of(LOADED)
    if hushed:
        simulation.hush()
    batches = list(simulation.batches())
    return {
        kind: pl.concat(getattr(batch, kind) for batch in batches) for kind in ("metrics", "logs", "traces", "events")
    }


def test_a_run_of_which_nobody_reads_the_lines_has_the_same_calls_metrics_and_events_and_fewer_lines():
    heard, hushed = records(False), records(True)
    for kind in ("metrics", "traces", "events"):
        assert_frame_equal(heard[kind], hushed[kind])
    of_requests = [logs.filter(pl.col("trace_id").is_not_null()) for logs in (heard["logs"], hushed["logs"])]
    assert_frame_equal(*of_requests)
    assert len(hushed["logs"]) < len(heard["logs"])


def test_a_run_that_is_only_compared_says_nothing_and_one_that_is_recorded_does():
    for recorded in (True, False):
        watch = Watch(Simulation.of(LOADED), recorded=recorded)
        assert watch.simulation.mesh.chatter.heard is recorded


# -- what they say ----------------------------------------------------------------------------------------------------

#: The drawn numbers of a text, which are different each time.
NUMBERS = re.compile(r"\{(\w+:-?[\d.]+)\}")
#: Processes with pools, probes and statistics in several languages, of which some end and are started again.
TALKING = """
name: talking
defaults:
  service: {replicas: 2, workers: 4, startup: 500ms}
  edges_to: {db: {pool: {size: 5}}}
services:
  front: {kind: gateway, stack: nginx, operations: {home: {calls: [shop.list, stock.get, pay.charge, mail.send]}}}
  shop: {stack: java/spring-boot, operations: {list: {work: 4ms, calls: [db.select]}}}
  stock: {stack: go/gin, operations: {get: {work: 4ms, calls: [db.select]}}}
  pay: {stack: nodejs/express, operations: {charge: {work: 4ms, calls: [db.select]}}}
  mail: {stack: rust/actix, operations: {send: {work: 4ms, calls: [db.select]}}}
  db: {kind: database, stack: postgresql, workers: 8, operations: {select: {work: 20ms}}}
workload: {rate: 12/s, mix: {front.home: 1}}
"""
STOPS = tuple(
    Stop(id=f"{name}-{at}", target=Target("replica", name, 0), at=Extent(at), for_=Extent(1.0))
    for name in ("db", "stock", "shop")
    for at in (50.0, 100.0)
)


@pytest.fixture(scope="module")
def talking():
    scenario = Scenario(name="talking", duration=150.0, lead_in=0.0, recovery=0.0, seed=3, faults=STOPS)
    return record(scenario, parse_mesh(TALKING, "talking").topology)


@pytest.fixture(scope="module")
def said(talking):
    """Return what processes said: service, replica, life (0 for the first), text, and the values in it, by name."""
    starts = {
        replica: own["at"].to_list()
        for (replica,), own in talking.events.filter(type="restart").group_by("replica", maintain_order=True)
    }
    voices = {service.name: Voice.of(service) for service in talking.topology.services}
    found = []
    for row in talking.logs.filter(pl.col("trace_id").is_null()).iter_rows(named=True):
        life = sum(row["at"] >= start for start in starts.get(row["replica"], []))
        for _, level, logger, text in of(voices[row["service"]], *ALONE):
            if (level, logger) == (row["level"], row["logger"]):
                values = pattern(text).fullmatch(row["message"])
                if values is not None:
                    found.append((row["service"], row["replica"], life, text, values.groupdict()))
                    break
    assert len(found) > 1000
    return found


def test_no_process_says_that_a_probe_passed_while_it_fails_them():
    text = "name: x\nlead_in: 20s\nduration: 40s\nrecovery: 20s\nconfounders: none\nfaults: [hang: {target: FRONT}]\n"
    for service in ("product-service", "api-gateway", "user-service"):
        run = Simulation.of(parse(text.replace("FRONT", service), "my.yaml", Options(), mesh=load(shipped()[DEFAULT])))
        batches = list(run.batches())
        events, logs = (pl.concat(getattr(batch, kind) for batch in batches) for kind in ("events", "logs"))
        failed = events.filter(type="health_check_failed", service=service)
        probed = logs.filter(pl.col("message").str.contains(r"(?i)health\S* .*200|200 .*/health"), service=service)
        assert len(failed) > 5 and len(probed) > 5
        times = failed.group_by("replica").agg(pl.col("timestamp").min().alias("first"), pl.last("timestamp"))
        while_failing = probed.join(times, on="replica", suffix="_last")
        assert while_failing.filter(pl.col("timestamp").is_between("first", "timestamp_last")).is_empty()


def test_a_process_draws_other_values_than_the_one_before_it(said):
    """Ports, keys and times are its own; in what it says there are enough of them to tell."""
    drawn = defaultdict(list)
    for _, replica, life, text, values in said:
        numbers = [values[re.sub(r"\W", "_", field)] for field in NUMBERS.findall(text)]
        if numbers:
            drawn[replica, text, life].append(numbers)
    again = [
        (values, drawn[replica, text, later])
        for (replica, text, life), values in drawn.items()
        for later in range(life + 1, 3)
        if (replica, text, later) in drawn
    ]
    assert len(again) > 40
    # Numbers from short ranges may be equal by chance.
    assert sum(before[: len(after)] == after[: len(before)] for before, after in again) < len(again) / 10


def test_what_does_not_change_is_the_same_in_all_processes_of_a_service(said):
    fixed = defaultdict(set)
    for service, _, _, text, values in said:
        for field in FIELD.findall(text):
            if "#" in field:
                fixed[service, text, field].add(values[re.sub(r"\W", "_", field)])
    assert len(fixed) > 10
    assert all(len(values) == 1 for values in fixed.values()), fixed


def test_no_text_says_of_a_value_drawn_anew_each_time_that_it_is_unchanged():
    books = [catalogue(Voice(stack)) for stack in STACKS]
    texts = {each["text"] for book in books for each in wordings({part: book.get(part, {}) for part in ALONE})}
    unchanged = [text for text in texts if re.search(r"unchanged|no change|nothing changed|changed=0", text)]
    assert len(unchanged) >= 6
    assert not [text for text in unchanged if re.search(r"\{\w+:", text)]


def test_the_parts_of_statistics_add_up(said):
    sums = (
        ("pool_open", ("pool_in_use", "pool_idle"), int.__eq__),
        ("pool_size", ("pool_in_use", "pool_idle"), int.__ge__),
        ("connections", ("busy", "connections_idle"), int.__eq__),
        ("connections", ("busy", "queued"), int.__ge__),
    )
    checked = Counter()
    for *_, text, values in said:
        for whole, parts, holds in sums:
            if {whole, *parts} <= values.keys():
                assert holds(int(values[whole]), sum(int(values[part]) for part in parts)), (text, values)
                checked[whole, parts] += 1
    assert all(checked[whole, parts] >= 10 for whole, parts, _ in sums), checked


def test_goroutines_are_as_many_as_the_metric_of_threads_has(said, talking):
    counted = [int(values["threads"]) for service, *_, values in said if service == "stock" and "threads" in values]
    threads = talking.metrics.filter(pl.col("replica").is_not_null(), service="stock", metric="threads")["value"]
    own = threads.filter(threads > 0).min()
    assert counted
    assert own <= min(counted) <= max(counted) <= own + 4  # workers
