"""Any scenario on any mesh: the run ends, loses nothing, and its records agree with each other.

The name of a test gives the seeds of its block. `MESHQUAKE_FUZZ_SEED` shifts all of them, to play other worlds.
"""

import os
from collections import Counter, defaultdict

import pytest
from laws import check_counters
from random_worlds import World
from stage import RESULTS, unpacked

from meshquake.faults import loader as scenarios
from meshquake.sim.engine.call import NEVER
from meshquake.sim.engine.engine import CallEngine
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as meshes
from meshquake.topology.errors import CODES, FOLLOWED
from meshquake.topology.review import remarks

BASE = int(os.environ.get("MESHQUAKE_FUZZ_SEED", "0"))
WORLDS, BLOCK = 500, 25
UNFINISHED = CODES["unfinished"]


@pytest.fixture
def counted(monkeypatch):
    """Count arrivals independently of the rows: requests, calls on each edge, and calls that reach each service."""
    came = {"requests": Counter(), "edges": Counter(), "services": Counter()}
    enter, send, arrive = CallEngine.enter, CallEngine.send, CallEngine.arrive

    def entering(engine, site, number):
        came["requests"][site.entry] += 1
        enter(engine, site, number)
        if not site.ready:  # shed before it reached a replica
            came["services"][site.service.spec.name] += 1

    def sending(engine, parent, site, attempt, former=None):
        came["edges"][parent.site.service.spec.name, site.service.spec.name] += parent.followed
        send(engine, parent, site, attempt, former)

    def arriving(engine, call):
        followed = call.followed
        arrive(engine, call)
        came["services"][call.site.service.spec.name] += followed and call.arrived != NEVER

    for name, function in (("enter", entering), ("send", sending), ("arrive", arriving)):
        monkeypatch.setattr(CallEngine, name, function)
    return came


def play(seed):
    """Play a world to its end; returns the run, its rows, and its records."""
    world = World(seed)
    mesh = meshes.parse(world.mesh, "mesh.yaml")
    loaded = scenarios.parse(world.scenario, "scenario.yaml", scenarios.Options(seed=seed % 2**63), mesh=mesh)
    assert all(warning.line for warning in remarks(mesh))
    simulation = Simulation.of(loaded)
    rows, records = [], defaultdict(list)
    for cut in simulation.cuts():
        rows.append(cut.rows)
        batch = simulation.recorder.batch(cut)
        for kind in ("traces", "logs", "metrics", "events"):
            records[kind] += batch.records(kind)
    return simulation, b"".join(rows), records


def check_ends(simulation):
    """Check that every call in flight at the end of the recording is over soon, or recorded as unfinished."""
    mesh = simulation.mesh
    assert not mesh.engine.live and not mesh.engine.count
    assert mesh.now <= simulation.scenario.length + FOLLOWED + 1
    check_counters(mesh)


def check_conserved(simulation, rows, came):
    """Check that every request, call at a service and call on an edge has exactly one outcome."""
    sites = simulation.mesh.sites
    ended = {"requests": Counter(), "edges": Counter(), "services": Counter()}
    for row in rows:
        site = sites[row["site"]]
        if site.parent is None:
            ended["requests"][site.entry] += 1
        else:
            assert row["ended"] >= row["sent"]
            ended["edges"][site.parent.service.spec.name, site.service.spec.name] += 1
        if row["arrived"] != NEVER:
            assert row["finished"] >= row["arrived"]
            ended["services"][site.service.spec.name] += 1
    assert ended == {what: +counts for what, counts in came.items()}
    came_at = {request(sites, row): row["sent"] for row in rows if sites[row["site"]].parent is None}
    left = {
        request(sites, row): max(row["finished"], row["ended"])
        for row in rows
        if UNFINISHED in (row["outcome"], row["result"])
    }
    assert len(left) == simulation.unfinished
    assert all(end == came_at[which] + FOLLOWED for which, end in left.items())


def request(sites, row):
    """Return the request that a row belongs to."""
    return sites[row["site"]].entry, int(row["number"])


def check_agree(rows, records):
    """Check that each trace has one root and all its parents, each line has a span, and records agree with rows."""
    spans = {span["span_id"]: span for span in records["traces"]}
    assert len(spans) == len(records["traces"])
    outcomes = Counter(int(row["outcome"]) for row in rows if row["arrived"] != NEVER)
    outcomes += Counter(int(row["result"]) for row in rows if row["ended"] != NEVER)
    assert Counter(span["error_type"] or "success" for span in spans.values()) == Counter(
        {RESULTS[code]: count for code, count in outcomes.items()}
    )
    roots = Counter(span["trace_id"] for span in spans.values() if span["parent_span_id"] is None)
    assert set(roots.values()) <= {1} and set(roots) == {span["trace_id"] for span in spans.values()}
    for span in spans.values():
        assert span["duration_ms"] >= 0
        if span["parent_span_id"] is not None:
            parent = spans[span["parent_span_id"]]
            assert parent["trace_id"] == span["trace_id"] and parent["timestamp"] <= span["timestamp"]
    for line in records["logs"]:
        assert line["span_id"] is None or line["span_id"] in spans
    for kind, own in records.items():
        assert [each["timestamp"] for each in own] == sorted(each["timestamp"] for each in own), kind


@pytest.mark.parametrize("first", range(BASE, BASE + WORLDS, BLOCK))
def test_any_run_ends_with_an_outcome_for_all_that_came_and_records_that_agree(first, counted):
    print(f"worlds {first} to {first + BLOCK - 1}; MESHQUAKE_FUZZ_SEED={first} repeats them first")
    for seed in range(first, first + BLOCK):
        for counts in counted.values():
            counts.clear()
        try:
            simulation, packed, records = play(seed)
            rows = unpacked(packed)
            check_ends(simulation)
            check_conserved(simulation, rows, counted)
            check_agree(rows, records)
        except BaseException as error:
            error.add_note(f"in world {seed}: MESHQUAKE_FUZZ_SEED={seed} plays it first")
            raise
