"""A rehearsed run can be resumed: its records and key are those of a run without a rehearsal."""

import gc
from contextlib import closing

import pytest
from short_incidents import BOTH, LOUD, run

from meshquake.exporters.fixtures import writing
from meshquake.sim.simulation import Simulation
from meshquake.truth import preview
from meshquake.truth.rehearsal import Rehearsal

LOOKS = {
    "not looked at": lambda rehearsal: None,
    "until it is felt": preview.felt,
    "to its end": preview.loudness,
}


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def written(simulation, folder, rehearsed=None):
    writing.write(simulation, folder, lambda batch: None, rehearsed=rehearsed)
    return files(folder)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Return the fixture of the incident with two faults, without a rehearsal."""
    return written(run(BOTH), tmp_path_factory.mktemp("plain") / "x")


@pytest.mark.parametrize("look", LOOKS)
def test_what_was_looked_at_is_written_as_if_nobody_had(look, plain, tmp_path):
    rehearsal = Rehearsal(run(BOTH), tmp_path)
    LOOKS[look](rehearsal)
    assert written(rehearsal.twins.simulation, tmp_path / "x", rehearsal) == plain


def test_a_look_plays_no_further_than_it_must_and_what_follows_plays_each_second_once(tmp_path, monkeypatch):
    played = []
    strides = Simulation.strides

    def noted(simulation):
        for now in strides(simulation):
            played.append((id(simulation), now))
            yield now

    monkeypatch.setattr(Simulation, "strides", noted)
    rehearsal = Rehearsal(run(LOUD, batch=300), tmp_path)
    assert next(rehearsal.look())
    before = len(played)
    assert before
    written(rehearsal.twins.simulation, tmp_path / "x", rehearsal)
    assert len(set(played)) == len(played) > before
    assert len({each for each, _ in played}) == 2  # the run and its twin


def test_what_was_looked_at_and_dropped_holds_nothing_frozen(alone):
    with closing(Rehearsal(run(LOUD, batch=300))) as rehearsal:
        assert next(rehearsal.look())
        assert gc.get_freeze_count()
    assert not gc.get_freeze_count()
