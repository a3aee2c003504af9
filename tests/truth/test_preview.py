"""A preview of a run agrees with its recording and key, and stops once the case can't meet its requirements."""

import json

import pytest
from short_incidents import BOTH, GONE, LOUD, SHIFTED, UNFELT, run

from meshquake.exporters.fixtures import answer_key, writing
from meshquake.exporters.reports import marking
from meshquake.faults.levels import LOUDEST, SEVERAL, SILENT
from meshquake.truth import preview
from meshquake.truth.preview import FLOOR
from meshquake.truth.rehearsal import Rehearsal


@pytest.mark.parametrize(
    ("text", "observability", "band"),
    [(LOUD, None, LOUDEST), (GONE, None, SILENT), (BOTH, None, LOUDEST), (LOUD, "poor", LOUDEST)],
)
def test_it_says_what_the_key_says_and_what_the_floor_finds_in_the_recording(text, observability, band, tmp_path):
    found = preview.loudness(Rehearsal(run(text, observability)))
    writing.write(run(text, observability), tmp_path / "x", lambda batch: None)
    truth = answer_key.read_ground_truth(tmp_path / "x")
    (tmp_path / "nothing.json").write_text(json.dumps({"root_causes": []}))
    mark = marking.mark_fixture(tmp_path / "x", tmp_path / "nothing.json")
    assert (found.incident, found.roots, found.whole) == (truth["incident"], mark.roots, True)
    assert (found.band == LOUDEST) == (mark.floors[FLOOR].at_1 == 1.0)
    assert found.band == band


def test_a_run_that_cannot_be_what_is_wanted_is_not_played_to_its_end():
    assert preview.loudness(Rehearsal(run(LOUD)), SEVERAL) == preview.Preview(incident=True, band=LOUDEST)
    early = preview.loudness(Rehearsal(run(GONE)), LOUDEST)
    assert (early.band == LOUDEST, early.whole) == (False, False)
    assert preview.loudness(Rehearsal(run(LOUD)), LOUDEST).whole


def test_what_keeps_the_promise_is_felt_by_nobody():
    for text, felt in ((LOUD, True), (GONE, True), (UNFELT, False), (BOTH, True)):
        assert preview.felt(Rehearsal(run(text))).incident == felt
        assert preview.kept(run(text)) == (not felt)


def test_a_background_that_users_feel_is_told():
    found = preview.felt(Rehearsal(run(SHIFTED)))
    assert (found.incident, found.upset) == (False, True)
    assert not preview.kept(run(SHIFTED))
    early = preview.loudness(Rehearsal(run(SHIFTED)), LOUDEST)
    assert (early.upset, early.whole) == (True, False)


@pytest.mark.parametrize("batch", [300, 32_000])
def test_no_more_is_played_than_until_users_feel_it(batch):
    played = run(LOUD, batch=batch)
    assert preview.felt(Rehearsal(played)) == preview.Preview(incident=True)
    assert (played.mesh.now < 30) == (batch == 300)
