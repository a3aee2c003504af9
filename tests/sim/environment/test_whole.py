"""With all background activity at once, the laws of any mesh hold."""

from laws import check_answers, check_attempts, check_busy_time, check_counters, check_deciding
from small_mesh import SMALL
from stage import drain, take_rows, topology_of, unfold

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.stop import Stop
from meshquake.sim.mesh import Mesh

LIVELY = f"""{SMALL}
environment:
  load: {{cores: 30%, workers: 40%}}
  jobs:
    - usual
    - {{name: eviction, every: 10s, takes: 1s, evicts: 30%}}
    - {{name: tidy, every: 20s, takes: 4s, cores: 40%}}
  memory: {{growth: 2000%}}
  connections: 10s
  deploys: 15s
"""


def test_nothing_is_lost_and_what_was_taken_comes_back():
    mesh = Mesh(topology_of(LIVELY), 1, end=60.0)
    mesh.env.process(unfold(mesh, Stop(id="down", target=Target("replica", "web", 0)), Window(20, 20, 30)))
    for moment in range(1, 61):
        mesh.env.advance(moment)
        check_counters(mesh)
    drain(mesh)
    rows = take_rows(mesh)
    for check in (check_deciding, check_attempts, check_answers, check_busy_time):
        check(mesh, rows)
    assert {event.type for event in mesh.journal.events} >= {"scheduled_job", "deployment", "restart"}


def test_what_cores_are_in_use_for_is_never_more_than_there_are():
    mesh = Mesh(topology_of(LIVELY), 2, end=60.0)
    before = dict.fromkeys(mesh.replicas, 0.0)
    for moment in range(1, 61):
        mesh.env.advance(moment)
        for replica in mesh.replicas:
            used = replica.core_seconds(mesh.now)
            assert -1e-9 <= used - before.get(replica, 0.0) <= replica.service.spec.cores + 1e-9
            before[replica] = used
