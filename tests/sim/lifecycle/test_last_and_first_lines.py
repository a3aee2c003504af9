"""What a log says of the end of a process and of the start of the next, and of the jobs in between."""

import re

import polars as pl
import pytest
from recording import record

from meshquake.faults.fault import Extent, Target
from meshquake.faults.kinds.leak import Leak
from meshquake.faults.kinds.restart import Restart
from meshquake.faults.kinds.stop import Stop
from meshquake.faults.scenario import Scenario
from meshquake.topology.loader import parse

STORE = """
name: store
services:
  web: {{operations: {{home: {{calls: [db.select]}}}}}}
  db: {{kind: database, stack: {stack}, startup: 2s, operations: {{select: {{work: 2ms}}}}}}
workload: {{rate: 2/s, mix: {{web.home: 1}}}}
"""
#: What stores say after they were killed, and after they were not.
RECOVERY = {
    "postgresql": ("not properly shut down; automatic recovery", "database system was shut down"),
    "mysql": ("Starting crash recovery", "InnoDB initialization has ended"),
    "mongodb": ("Detected unclean shutdown", "Opening WiredTiger"),
    "kafka": ("no clean shutdown file was found", "since clean shutdown file was found"),
}


def played(mesh, *faults, duration=30.0):
    scenario = Scenario(name="x", duration=duration, lead_in=0.0, recovery=0.0, seed=1, faults=faults)
    return record(scenario, parse(mesh, "mesh").topology)


def messages(run, service):
    return run.logs.filter(pl.col("trace_id").is_null(), service=service)["message"].to_list()


@pytest.mark.parametrize("stack", RECOVERY)
def test_a_store_recovers_only_after_it_was_killed(stack):
    db, mesh = Target("service", "db"), STORE.format(stack=stack)
    crash, clean = RECOVERY[stack]
    killed = "\n".join(messages(played(mesh, Stop(id="s", target=db, at=Extent(5.0), for_=Extent(2.0))), "db"))
    assert crash in killed
    ended = "\n".join(messages(played(mesh, Restart(id="r", target=db, at=Extent(5.0))), "db"))
    assert clean in ended
    assert crash not in ended


@pytest.mark.parametrize("stack", ["java/spring-boot", "nodejs/express", "go/gin"])
def test_a_process_without_memory_says_so_before_the_next_one_says_that_it_starts(stack):
    mesh = f"""
name: leaking
services: {{app: {{stack: {stack}, memory: 64MiB, startup: 1s, operations: {{get: {{work: 1ms}}}}}}}}
workload: {{rate: 2/s, mix: {{app.get: 1}}}}
"""
    run = played(mesh, Leak(id="leak", target=Target("service", "app"), rate=10 * 2**20))
    said = [line for line in messages(run, "app") if re.search("emory|terminated|^Starting version", line)]
    said = [line for line in said if not re.search(r"MiB of|rss|Heap and native", line)]
    kinds = [
        "start" if line.startswith("Starting version") else "end" if "terminated" in line else "memory" for line in said
    ]
    assert kinds.count("start") >= 2
    for before, after in zip(["start", *kinds], kinds, strict=False):
        assert (before, after) in {("start", "memory"), ("memory", "end"), ("end", "start")}, said


def test_a_database_reports_the_jobs_it_runs_in_its_own_words_and_when_it_runs_them():
    jobs = "environment: {jobs: [{name: autovacuum, every: 60s, takes: 6s}, {name: checkpoint, every: 60s}]}\n"
    run = played(STORE.format(stack="postgresql") + jobs, duration=300.0)
    lines = run.logs.filter(service="db")
    assert not lines["message"].str.contains("autovacuum:|checkpoint:").any()
    vacuumed = lines.filter(pl.col("message").str.starts_with("automatic vacuum"))
    assert 9 <= len(vacuumed) <= 18
    gaps = (vacuumed["at"].diff().drop_nulls() / 1e6).to_list()
    assert all(gap < 6 or 48 - 6 <= gap <= 72 for gap in gaps)
    begun = lines.filter(message="checkpoint starting: time")
    assert 3 <= len(begun) <= 6
    ended = lines.filter(pl.col("message").str.contains("checkpoint complete:.* write="))
    for start, end, text in zip(begun["at"], ended["at"], ended["message"], strict=False):
        assert float(re.search(r"write=([\d.]+) s", text)[1]) == pytest.approx((end - start) / 1e6, abs=0.001)


def test_without_the_job_a_database_vacuums_on_its_own_schedule():
    run = played(STORE.format(stack="postgresql"), duration=600.0)
    lines = run.logs.filter(service="db")["message"]
    assert lines.str.starts_with("automatic vacuum").any()
    assert not lines.str.contains("checkpoint starting: time").any()


def test_only_services_that_call_a_database_speak_of_one():
    """Not those that call a cache, nor those that call nothing, whatever they are written in."""
    stacks = ("java/spring-boot", "java/grpc", "dotnet/aspnet", "go/gin", "python/django", "rust/actix")
    services = "".join(
        f"  a{number}: {{stack: {stack}, operations: {{list: {{work: 1ms, calls: [cache.get]}}}}}}\n"
        f"  b{number}: {{stack: {stack}, operations: {{change: {{work: 1ms}}}}}}\n"
        for number, stack in enumerate(stacks)
    )
    mix = ", ".join(f"a{number}.list: 1, b{number}.change: 1" for number in range(len(stacks)))
    mesh = (
        "name: cached\ndefaults: {edges_to: {cache: {pool: {size: 4}}}}\nservices:\n"
        f"{services}  cache: {{kind: cache, stack: redis, operations: {{get: {{work: 1ms}}}}}}\n"
        f"workload: {{rate: 120/s, mix: {{{mix}}}}}\n"
    )
    restarts = tuple(
        Restart(id=f"r{n}{word}", target=Target("service", f"{word}{n}"), at=Extent(5.0 + n))
        for n in range(len(stacks))
        for word in "ab"
    )
    run = played(mesh, *restarts, duration=120.0)
    words = r"Hikari|ibernate|SQL|EntityF|SaveChanges|Npgsql|sqlalchemy|sqlx|[Tt]ransaction|scan column|igrations"
    said = run.logs.filter(pl.col("service") != "cache").with_columns(
        line=pl.concat_str("logger", "message", separator=" ")
    )
    assert len(said) > 5000
    assert said.filter(pl.col("line").str.contains(words))["line"].unique().to_list() == []
