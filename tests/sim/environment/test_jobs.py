"""Background jobs run on schedule, cost what the file says, and show in the telemetry."""

import pytest
from stage import topology_of, unfold

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.stop import Stop
from meshquake.sim.mesh import Mesh


def mesh_of(jobs, end=600.0, seed=1, kind="service", replicas=1, rate=1):
    """Return a cache, a service that asks it, and jobs."""
    return Mesh(
        topology_of(f"""
name: jobs
services:
  app:
    {{replicas: {replicas}, kind: {kind}, cpu: 1,
     operations: {{get: {{work: 1ms, calls: [store.get: {{hit_rate: 100%}}]}}}}}}
  store: {{kind: cache, cpu: 1, operations: {{get: {{work: 1ms}}}}}}
environment: {{jobs: {jobs}}}
workload: {{rate: {rate}/s, mix: {{app.get: 1}}}}
"""),
        seed,
        end,
    )


def runs(mesh):
    """Return start and end of each job run that leaves events, by replica."""
    return [(f"{each.target.service}-{each.target.replica}", each.start, each.end) for each in mesh.journal.happened]


TIDY = "[{name: tidy, on: app, every: 60s, takes: 10s, cores: 40%}]"


def test_a_job_runs_so_often_for_so_long_and_takes_its_share_of_the_cores():
    mesh = mesh_of(TIDY, end=6000.0)
    replica = mesh.services["app"].replicas[0]
    mesh.env.advance(1.0)
    shares = []
    for second in range(2, 6001):
        mesh.env.advance(second)
        shares.append(replica.ambient)
    took = [end - start for _, start, end in runs(mesh) if end is not None]
    gaps = [later - sooner for (_, sooner, _), (_, later, _) in zip(runs(mesh), runs(mesh)[1:], strict=False)]
    assert 99 <= len(took) <= 101 and sum(took) / len(took) == pytest.approx(10, rel=0.05)
    assert 48 <= min(gaps) < 55 and 65 < max(gaps) <= 72
    assert {round(share, 9) for share in shares} == {0.0, 0.4}
    assert sum(share > 0 for share in shares) == pytest.approx(sum(took), abs=30)


def test_replicas_run_it_at_times_of_their_own_that_nothing_else_changes():
    """Other jobs, other replicas, and a replica that was down for a run don't change them."""
    alone = runs(mesh := mesh_of(TIDY, replicas=2)) or (mesh.env.advance(600), runs(mesh))[1]
    starts = [start % 60 for name, start, _ in alone if name == "app-0"]
    others = [start % 60 for name, start, _ in alone if name == "app-1"]
    assert abs(sum(starts) / len(starts) - sum(others) / len(others)) > 2
    both = mesh_of(TIDY[:-1] + ", {name: other, every: 30s, takes: 1s}]", replicas=2)
    both.env.process(unfold(both, Stop(id="down", target=Target("replica", "app", 1)), Window(100, 100, 200)))
    both.env.advance(600)
    tidy = [each for each, told in zip(runs(both), both.journal.happened, strict=True) if told.id.startswith("tidy")]
    assert [each for each in tidy if each[0] == "app-0"] == [each for each in alone if each[0] == "app-0"]
    missed = {each[:2] for each in alone} - {each[:2] for each in tidy}
    assert missed and all(name == "app-1" and 90 < start < 210 for name, start in missed)


def test_what_a_job_evicts_is_missed_until_the_cache_has_it_again():
    mesh = mesh_of("[{name: purge, on: cache, every: 10m, takes: 1s, evicts: 50%}]", end=900.0)
    (store,) = mesh.services["store"].replicas
    missing = []
    for second in range(1, 901):
        mesh.env.advance(second)
        missing.append(1.0 - store.warmth(mesh.now) if store.emptied >= 0.0 else 0.0)
    ends = [end for _, _, end in runs(mesh)]
    assert len(ends) >= 1
    for end in ends:
        assert missing[int(end) + 1] == pytest.approx(0.5, abs=0.15)
        assert missing[int(end) + 6] == pytest.approx(0.5 / 2.718, abs=0.1)
    assert missing.count(0) > 800


def test_events_and_log_lines_tell_of_a_job_and_of_a_quiet_one_log_lines_alone():
    mesh = mesh_of("[{name: loud, every: 5m, takes: 1s}, {name: still, every: 5m, takes: 1s, quiet: true}]")
    mesh.env.advance(600)
    assert {(event.type, event.attributes["job"]) for event in mesh.journal.events} == {("scheduled_job", "loud")}
    lines = {line.message.split(" after")[0].split(", took")[0] for line in mesh.journal.lines}
    assert lines == {"Job loud started", "Job loud finished", "still: starting", "still: complete"}
    assert {each.id for each in mesh.journal.happened} == set(mesh.journal.first)


def test_everyone_knows_jobs_of_each_kind_of_service():
    mesh = mesh_of("[usual, {name: eviction, cores: 20%}]", kind="database")
    environment = mesh.topology.environment
    ours = {job.name: job for job in environment.jobs_of("app", "database")}
    theirs = {job.name: job for job in environment.jobs_of("store", "cache")}
    assert set(ours) == {"checkpoint", "autovacuum", "compaction", "backup", "log-rotation"}
    assert set(theirs) == {"snapshot", "eviction", "log-rotation"}
    assert (theirs["eviction"].cores, theirs["eviction"].every) == (0.2, 180.0)
    assert not environment.jobs_of("bank", "external")


def test_a_recording_may_begin_within_a_run():
    """With a one-hour job every two hours, some replica of four is usually running it when the recording begins."""
    begun = 0
    for seed in range(10):
        mesh = mesh_of("[{name: j, every: 2h, takes: 1h}]", seed=seed, replicas=4)
        mesh.env.advance(0.1)
        begun += any(replica.ambient for replica in mesh.replicas)
        assert not mesh.journal.happened
    assert begun >= 5
