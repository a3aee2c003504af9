"""Connections that are reset or cannot be opened, and caches that lose their content."""

import numpy as np
import pytest
from stage import Stage, drain, play, take_rows, topology_of, unfold

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.flush import Flush
from meshquake.faults.kinds.handshake import Handshake
from meshquake.faults.kinds.miss import Miss
from meshquake.faults.kinds.reset import Reset
from meshquake.faults.kinds.restart import Restart
from meshquake.faults.loader import parse
from meshquake.sim.engine.call import HIT, MISS
from meshquake.sim.mesh import Mesh
from meshquake.topology.loader import parse as parse_mesh
from meshquake.topology.problems import DocumentError

EDGE = Target("edge", "web", callee="db")


def pair(edge="{latency: 1ms}", db=""):
    return f"""
name: pair
services:
  web: {{operations: {{home: {{calls: [db.get]}}}}}}
  db: {{startup: 1s, readiness: {{period: 1s}}, {db} operations: {{get: {{work: 50ms}}}}}}
edges: {{web -> db: {edge}}}
workload: {{rate: 1/s, mix: {{web.home: 1}}}}
"""


# -- reset ------------------------------------------------------------------------------------------------------------


def test_callers_lose_the_calls_on_a_connection_that_is_reset_and_the_callee_works_on():
    stage = Stage(pair())
    stage.fault(Reset(id="reset", target=EDGE, every=10.0), 20, 1000)
    stage.request(0, 30)
    assert stage.play() == [
        "0-20 web: dependency_failed",
        "0-20 web>db: connection_reset",
        "1-51 db: success",
        "30-82 web: success",
        "30-82 web>db: success",
        "31-81 db: success",
    ]


def test_after_a_reset_a_pool_opens_its_connections_anew():
    stage = Stage(pair("{latency: 1ms, pool: 4}"))
    stage.fault(Reset(id="reset", target=EDGE, every=10.0), 20, 1000)
    stage.request(0, 1, 100, 101, 102)
    stage.play()
    (edge,) = stage.mesh.edges
    pool = stage.mesh.services["web"].replicas[0].callers[0].policies["pool"]
    assert (edge.opened, pool.in_use, pool.idle) == (3, 0, 3)


def test_of_a_share_of_connections_just_that_share_of_the_calls_is_lost():
    text = pair(db="workers: 9999,").replace("50ms", "10s").replace("1/s", "1000/s")
    mesh = Mesh(topology_of(text.replace("web: {", "web: {workers: 9999, ")), 1, end=2.0)
    mesh.env.process(unfold(mesh, Reset(id="reset", target=EDGE, share=0.3, every=10.0), Window(1.9, 1.9, 5)))
    mesh.env.advance(3)
    lost = take_rows(mesh)
    assert 0.25 < (lost["site"] == 0).sum() / 1900 < 0.35


# -- handshakes -------------------------------------------------------------------------------------------------------


def test_while_no_connection_can_be_made_those_of_a_pool_live_on_until_one_of_them_breaks():
    stage = Stage(pair("{latency: 1ms, pool: 1, timeout: 1s}"))
    stage.fault(Handshake(id="expired", target=EDGE), 100, 60_000)
    stage.fault(Reset(id="reset", target=EDGE, every=100.0), 500, 60_000)
    stage.request(200, 600)
    lines = [line for line in stage.play() if "web>db" in line]
    assert lines == ["200-252 web>db: success", "600-604 web>db: connect_failed"]


def test_without_a_pool_connections_to_a_process_that_began_later_cannot_be_made():
    stage = Stage(pair(db="replicas: 2,"))
    stage.fault(Handshake(id="expired", target=EDGE), 100, 60_000)
    stage.fault(Restart(id="restart", target=Target("replica", "db", replica=1)), 1000, 60_000)
    stage.request(500, 600, 10_000, 10_100)
    results = [line.split()[-1] for line in stage.play() if "web>db" in line]
    assert results[:2] == ["success", "success"]
    assert sorted(results[2:]) == ["connect_failed", "success"]


# -- caches -----------------------------------------------------------------------------------------------------------

CACHED = """
name: cached
services:
  web: {{workers: 100, operations: {{home: {{calls: [cache.get: {{hit_rate: 90%, on_miss: [db.get]}}]}}}}}}
  cache: {{kind: cache, workers: 99, {warm} startup: 1s, readiness: {{period: 1s}}, operations: {{get: {{work: 0s}}}}}}
  db: {{kind: database, workers: 100, operations: {{get: {{work: 1ms}}}}}}
workload: {{rate: 400/s, mix: {{web.home: 1}}}}
"""
CACHE = Target("service", "cache")


def hit_rates(fault, warm=""):
    """Return the hit rate in each of 20 seconds; the fault begins after 5."""
    mesh = Mesh(topology_of(CACHED.format(warm=warm)), 1, end=20.0)
    mesh.env.process(unfold(mesh, fault, Window(5, 5, 15)))
    mesh.env.advance(20)
    drain(mesh)
    rows = take_rows(mesh)
    lookups = rows[(rows["site"] == 1) & (rows["notes"] & (HIT | MISS) > 0)]
    hit = lookups["notes"] & HIT > 0
    second = lookups["ended"].astype(int)
    return np.array([hit[second == each].mean() if (second == each).any() else np.nan for each in range(20)])


def test_a_share_of_the_hits_becomes_misses_while_the_fault_acts():
    rates = hit_rates(Miss(id="miss", target=CACHE, share=0.5))
    assert rates[:5].mean() == pytest.approx(0.9, abs=0.02)
    assert rates[5:15].mean() == pytest.approx(0.45, abs=0.03)
    assert rates[15:].mean() == pytest.approx(0.9, abs=0.02)


def test_a_cache_that_is_flushed_hits_nothing_and_warms_up():
    rates = hit_rates(Flush(id="flush", target=CACHE, warm=4.0))
    seconds = np.arange(15) + 0.5
    assert rates[5:] == pytest.approx(0.9 * (1 - np.exp(-seconds / 4)), abs=0.09)
    assert rates[5] < 0.2


def test_a_cache_that_starts_empty_has_lost_its_hits_after_a_restart_and_another_has_not():
    restart = Restart(id="restart", target=Target("replica", "cache", replica=0))
    cold, kept = hit_rates(restart, "warm_up: 4s,"), hit_rates(restart)
    first = int(np.flatnonzero(~np.isnan(cold[6:]))[0]) + 6
    assert cold[first] < 0.3 and cold[-1] > 0.8
    assert np.nanmin(kept) > 0.8


def test_removing_a_fault_of_the_cache_leaves_every_other_draw_as_it_was():
    """Any lookup that misses at one rate also misses at every higher rate."""

    def missed(share):
        fault = Miss(id="miss", target=CACHE, share=share)
        rows = play(topology_of(CACHED.format(warm="")), 1, 2000, [(fault, Window(0, 0, 9))])
        return set(rows["number"][(rows["site"] == 1) & (rows["notes"] & MISS > 0)].tolist())

    few, more, most = missed(0.2), missed(0.6), missed(1.0)
    assert few < more < most


def test_what_is_not_looked_up_cannot_be_missed():
    with pytest.raises(DocumentError, match="nothing is looked up at web -> db: no call there has a hit_rate"):
        parse("name: x\nfaults: [{miss: {target: web -> db}}]\n", "x.yaml", mesh=parse_mesh(pair(), "mesh.yaml"))
