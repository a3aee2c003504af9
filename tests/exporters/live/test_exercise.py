"""An exercise hides its fault until it is over, and then reveals and marks it."""

from dataclasses import replace

import pytest

from meshquake.exporters.live import exercise, plays
from meshquake.exporters.live.exercise import SOON, NoExerciseError, draw, drawn, judge
from meshquake.exporters.live.stage import Seen, Stage
from meshquake.exporters.live.steering import Refused, read
from meshquake.faults.loader import Options, parse
from meshquake.sim.live.session import Session
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader
from meshquake.truth.preview import felt_since

MESH = """
name: two
services:
  web: {operations: {home: {work: 1ms, calls: db.get}}}
  db: {replicas: 2, startup: 1s, operations: {get: {work: 10ms}}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""
TEXT = """
name: exercise
lead_in: 5s
duration: 30s
recovery: 5s
confounders: none
faults:
  - fail: {target: db, share: 60%}
"""


def session(seed):
    options = Options(seed=seed)
    return Session(parse(TEXT, "exercise", options, mesh=topology_loader.parse(MESH, "mesh.yaml")), options)


@pytest.fixture(scope="module")
def verdict():
    """Return the verdict on an exercise whose fault was mended after ten seconds, and web restarted needlessly."""
    played = session(3)
    for _ in range(15):
        played.play()
    played.do("actions", "mend", {"target": "db"})
    for _ in range(5):
        played.play()
    played.do("actions", "restart", {"target": "web", "graceful": False})
    return judge(played.script)


def test_it_tells_what_the_actions_saved_against_doing_nothing(verdict):
    assert verdict["harmed_without"] - verdict["saved"] + verdict["lost"] == verdict["harmed"]
    assert verdict["harmed_without"] == pytest.approx(0.6 * 20 * 30, rel=0.15)
    assert verdict["saved"] == pytest.approx(0.6 * 20 * 20, rel=0.2)
    assert verdict["lost"] > 0


def test_it_tells_the_best_single_remedy_which_none_beats(verdict):
    assert verdict["best"] == {"kind": "mend", "target": "db"}
    assert 0 < verdict["best_harmed"] < verdict["harmed"]


def test_it_tells_the_story(verdict):
    what, done = verdict["story"]
    assert what.startswith("At 10:30:05 db failed requests.") and "It ended at 10:30:15" in what
    assert done.startswith(
        "Operator actions: mend of db at 10:30:15 and restart of web at 10:30:20. Had nobody acted, "
    )
    assert f" instead of {verdict['harmed']}: {verdict['saved']} were saved" in done


def test_until_it_is_over_nobody_learns_of_the_fault_or_adds_one():
    told = []
    stage = Stage(session, 3, lambda: 0.0, judge=lambda script: told.append(script) or {"harmed": 1})
    assert stage.update(Seen())[0]["causes"] == []
    for body in (
        b'{"do": "fault", "kind": "slow", "keys": {"target": "db", "factor": 2}}',
        b'{"do": "action", "kind": "mend", "keys": {"target": "db", "fault": "fail-1"}}',
    ):
        with pytest.raises(Refused):
            stage.steer(read(body))
    with pytest.raises(Refused, match="once it is over"):
        stage.scenario()
    stage.steer(read(b'{"do": "step"}'))
    stage.steer(read(b'{"do": "finish"}'))
    while stage.verdict is None:
        pass
    update = stage.update(Seen())[0]
    assert update["status"]["verdict"] == {"harmed": 1}
    assert [each["id"] for each in update["causes"]] == ["fail-1"]
    assert "fail" in stage.scenario()
    with pytest.raises(Refused, match="is over"):
        stage.steer(read(b'{"do": "step"}'))


def test_each_seed_draws_its_own_fault():
    drawn_faults = [draw(Options(seed=seed), 0).scenario.faults[0] for seed in (1, 2, 3, 1)]
    assert drawn_faults[0] == drawn_faults[3]
    assert len({(each.kind, each.target) for each in drawn_faults}) == 3


#: A shop with an isolated audit service, whose faults nobody feels.
AUDITED = """
name: audited
services:
  web: {operations: {home: {work: 1ms, calls: [db.get, {audit.note: {optional: true}}]}}}
  db: {operations: {get: {work: 5ms}}}
  audit: {operations: {note: {work: 1ms}}}
defaults: {edge: {timeout: 100ms}}
workload: {rate: 4/s, mix: {web.home: 1}}
"""


def test_users_feel_the_fault_soon_or_the_seed_draws_another(tmp_path):
    (tmp_path / "audited.yaml").write_text(AUDITED)
    felt, latent = (Options(seed=seed, topology=tmp_path / "audited.yaml") for seed in (4, 5))

    def soon(exercise):
        begins = exercise.scenario.window(exercise.scenario.faults[0]).start
        return felt_since(Simulation.of(exercise), begins + SOON) is not None

    assert str(draw(latent, 0).scenario.faults[0].target) == "audit" and not soon(draw(latent, 0))
    assert soon(drawn(latent))
    assert drawn(latent).scenario == drawn(latent).scenario
    assert drawn(felt).scenario == draw(felt, 0).scenario


def test_where_users_feel_nothing_that_is_drawn_it_is_told(tmp_path, monkeypatch):
    (tmp_path / "audited.yaml").write_text(AUDITED)
    options = Options(topology=tmp_path / "audited.yaml")
    stage = plays.stage(None, options, 4, 1.0, lambda: 0.0, exercise=True)
    monkeypatch.setattr(exercise, "felt_since", lambda simulation, moment: None)
    with pytest.raises(NoExerciseError, match="try another seed"):
        drawn(replace(options, seed=4))
    before = stage.session
    with pytest.raises(Refused, match="try another seed"):
        stage.steer(read(b'{"do": "restart", "seed": 5}'))
    assert stage.session is before and stage.seed == 4
