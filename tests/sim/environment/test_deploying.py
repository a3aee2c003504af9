"""Good versions roll out now and then, where a replica can be spared."""

import pytest
from stage import drain, take_rows, topology_of, unfold

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.deploy import Deploy
from meshquake.sim.mesh import Mesh

TEXT = """
name: deploys
defaults: {service: {startup: 1s}}
services:
  web: {kind: gateway, replicas: 3, operations: {home: {work: 1ms, calls: [cart.get, single.get]}}}
  cart: {replicas: 2, version: 1.4.9, operations: {get: {work: 1ms}}}
  single: {operations: {get: {work: 1ms}}}
environment: {deploys: EVERY}
workload: {rate: 20/s, mix: {web.home: 1}}
"""


def mesh_of(every, seed=1, end=0.0):
    return Mesh(topology_of(TEXT.replace("EVERY", every)), seed, end)


def test_they_come_as_often_as_the_file_says_and_never_to_a_service_that_has_one_replica():
    deployed = []
    for seed in range(8):
        mesh = mesh_of("5m", seed)
        mesh.env.advance(6000)
        deployed += [event.service for event in mesh.journal.events if event.type == "deployment"]
    assert len(deployed) == pytest.approx(8 * 20, rel=0.25)
    assert set(deployed) == {"web", "cart"} and deployed.count("web") == pytest.approx(len(deployed) / 2, rel=0.3)


def test_each_is_a_patch_of_the_version_before_and_harms_nobody():
    mesh = mesh_of("40s", end=300.0)
    mesh.env.advance(300)
    drain(mesh)
    rows = take_rows(mesh)
    assert len(rows) > 15_000 and not rows["outcome"].any()
    versions = [
        event.version for event in mesh.journal.events if event.type == "deployment" and event.service == "cart"
    ]
    assert versions[:3] == ["1.4.10", "1.4.11", "1.4.12"]
    assert not any(replica.modifiers for replica in mesh.replicas)
    assert {mesh.journal.first[each.id].type for each in mesh.journal.happened} == {"deployment"}


def test_they_leave_alone_what_a_fault_deploys():
    mesh = mesh_of("10s", end=300.0)
    bad = Deploy(id="bad", target=Target("service", "cart"), version="2.0.0", share=0.5, patience=None)
    mesh.env.process(unfold(mesh, bad, Window(0.01, 0.01, 300)))
    mesh.env.advance(300)
    assert {replica.version for replica in mesh.services["cart"].replicas} == {"2.0.0"}
    assert any(event.type == "deployment" and event.service == "web" for event in mesh.journal.events)
