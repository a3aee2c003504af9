"""Garbage collections pause their process, and metrics and log lines agree with them."""

import re

import polars as pl
import pytest
from recording import record
from stage import Stage, play, topology_of

from meshquake.faults.fault import Extent, Target
from meshquake.faults.kinds.stop import Stop
from meshquake.faults.scenario import Scenario
from meshquake.sim.mesh import Mesh

#: Every second request leaves enough garbage for a collection.
MESH = """
name: station
services:
  station:
    stack: {stack}
    workers: 8
    cpu: 2
    memory: {{limit: 100MiB, collect_at: 10%, garbage: 5MiB}}
    readiness: {{period: 600s}}
    operations: {{serve: {{work: 20ms}}}}
environment: {{collections: {collections}}}
workload: {{rate: 20/s, mix: {{station.serve: 1}}}}
"""


def mesh(collections="{pause: 10ms, sigma: 0}", stack="java/spring-boot"):
    return MESH.format(collections=collections, stack=stack)


def test_all_work_stands_still_meanwhile_and_goes_on_where_it_stood():
    """A collection follows the second answer, at 50 ms, and the fourth."""
    stage = Stage(mesh())
    stage.request(0, 30, 45, 55, 100)
    assert stage.play() == [
        *("0-20 station: success", "30-50 station: success"),
        *("45-75 station: success", "55-80 station: success", "100-120 station: success"),
    ]
    (replica,) = stage.mesh.replicas
    assert replica.collections() == 2 and replica.paused == pytest.approx(0.02)


def test_a_line_says_of_each_collection_what_the_replica_has_and_how_long_it_stood_still():
    played = Mesh(topology_of(mesh("{sigma: 0.6}")), 3, end=20.0)
    played.env.advance(21)
    (replica,) = played.replicas
    found = [
        re.fullmatch(r"GC\((\d+)\) Pause Young .* (\d+)M->(\d+)M\(100M\) ([\d.]+)ms", line.message)
        for line in played.journal.lines
        if line.text.logger == "gc"
    ]
    numbers, before, after, pauses = zip(*(map(float, line.groups()) for line in found), strict=True)
    assert len(found) == replica.collections() > 150
    assert numbers == tuple(range(int(numbers[0]), int(numbers[0]) + len(found)))
    assert sum(pauses) / 1000 == pytest.approx(replica.paused, abs=1e-3)
    assert sorted(pauses)[len(pauses) // 2] == pytest.approx(18, rel=0.15)
    # Half of an idle process's 30 MiB is heap; the requests in progress come on top.
    assert all(
        was - left == pytest.approx(10, abs=1) and 15 <= left < 26 for was, left in zip(before, after, strict=True)
    )


def test_each_process_has_a_heap_of_its_own_at_one_address():
    text = mesh("{sigma: 0.6}", "nodejs/express").replace("workers: 8", "replicas: 3\n    workers: 8")
    played = Mesh(topology_of(text), 3, end=20.0)
    played.env.advance(21)
    heaps = {
        (line.replica, re.match(r"\[1:(0x[0-9a-f]+)\]", line.message)[1])
        for line in played.journal.lines
        if line.text.logger == "v8"
    }
    assert len(heaps) == len({replica for replica, _ in heaps}) == len({heap for _, heap in heaps}) == 3


def test_a_process_that_is_started_again_has_pauses_and_a_heap_of_its_own():
    topology = topology_of(mesh("{sigma: 0.6}", "nodejs/express"))
    stop = Stop(id="s", target=Target("replica", "station", 0), at=Extent(10.0), for_=Extent(1.0))
    run = record(Scenario(name="x", duration=20.0, lead_in=0.0, recovery=0.0, faults=(stop,)), topology)
    (again,) = run.events.filter(type="restart")["at"]
    said = run.logs.filter(logger="v8").with_columns(
        life=pl.col("at") > again,
        heap=pl.col("message").str.extract(r"\[1:(0x[0-9a-f]+)\]"),
        pause=pl.col("message").str.extract(r"([\d.]+) / "),
    )
    one, other = (said.filter(life=life) for life in (False, True))
    assert len(one) > 20 and len(other) > 20
    assert one["heap"].n_unique() == other["heap"].n_unique() == 1 and one["heap"][0] != other["heap"][0]
    assert len({*one["pause"]} & {*other["pause"]}) < 3


def test_pauses_belong_to_the_run_and_not_to_who_else_comes():
    assert (play(topology_of(mesh()), 1, 200)["ended"] == play(topology_of(mesh()), 1, 200)["ended"]).all()


@pytest.mark.parametrize("stack", ["rust/actix", "cpp/grpc", "nginx"])
def test_what_has_no_collector_has_no_garbage(stack):
    played = Mesh(topology_of(mesh(stack=stack)), 1, end=5.0)
    played.env.advance(6)
    (replica,) = played.replicas
    assert replica.handled > 50 and replica.collections() == 0 == replica.paused
    assert replica.memory() == 30 * 2**20 and topology_of(mesh()).services[0].garbage == 5 * 2**20


def test_in_a_calm_mesh_collections_take_no_time():
    stage = Stage(mesh("0s"))
    stage.request(0, 30, 45)
    assert stage.play()[-1] == "45-65 station: success"
    assert stage.mesh.replicas[0].collections() == 1
    calm, none = topology_of(mesh()).calm(), topology_of(mesh("0s"))
    assert (play(calm, 1, 100)["ended"] == play(none, 1, 100)["ended"]).all()
