"""`meshquake.ensemble` returns the command's results as frames, and raises its errors as exceptions."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from meshquake import Ensemble, MeshquakeError, ensemble
from meshquake.exporters.ensembles import frames, reading
from tests.station import BROKEN, MESH

SHARE = "faults.fail-1.share"
ASKED = ["entry.error_rate", "harm=key.harmed"]


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    (folder / "mesh.yaml").write_text(MESH)
    (folder / "broken.yaml").write_text(BROKEN + "topology: mesh.yaml\n")
    return folder / "broken.yaml"


@pytest.fixture(scope="module")
def found(scenario) -> Ensemble:
    return ensemble(scenario, vary={SHARE: ["10%", "90%"]}, responses=ASKED, replications=4, calm=True)


def test_its_frames_have_a_row_a_run_a_cell_and_a_comparison(found):
    assert found.runs[SHARE].to_list() == ["10%", "90%"] * 4
    assert found.cells.select(SHARE, "response").rows() == [
        (share, label) for share in ("10%", "90%") for label in ("entry.error_rate", "harm")
    ]
    rate = found.cells.filter(response="entry.error_rate")
    means = found.runs.group_by("cell", maintain_order=True).agg(pl.col("entry.error_rate").mean())
    assert rate["mean"].to_list() == pytest.approx(means["entry.error_rate"].to_list())
    assert (rate["low"] < rate["mean"]).all() and (rate["mean"] < rate["high"]).all()
    (told,) = found.differences.filter(response="entry.error_rate").to_dicts()
    assert told["differs"] and told["difference"] > 0
    assert len(found.effects) == 0


def test_processes_and_a_folder_change_nothing_and_what_was_kept_is_read_again(scenario, found, tmp_path):
    place = tmp_path / "made"
    asked = {"vary": {SHARE: ("10%", "90%")}, "responses": ASKED, "replications": 4, "calm": True, "output": place}
    for more in ({"workers": 2}, {"resume": True}):
        assert_frame_equal(ensemble(scenario, **asked, **more).runs, found.runs)
    assert_frame_equal(frames.cells(reading.analysis(place)), found.cells)
    with pytest.raises(OSError, match="it holds an ensemble"):
        ensemble(scenario, **asked)


def test_a_study_file_says_itself_what_is_asked(scenario, found):
    study = scenario.parent / "study.yaml"
    study.write_text(
        "name: shares\nscenario: broken.yaml\ncalm: true\n"
        f"vary: {{{SHARE}: [10%, 90%]}}\nresponses: {{entry.error_rate: entry.error_rate, harm: key.harmed}}\n"
    )
    assert_frame_equal(ensemble(study, replications=4).runs, found.runs)
    with pytest.raises(MeshquakeError, match="which sets this itself"):
        ensemble(study, calm=True)


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_made(scenario, tmp_path):
    with pytest.raises(MeshquakeError) as told:
        ensemble(scenario, vary={"rate": "1..2..3"}, responses=["entry.eror_rate"], until="x", output=tmp_path / "made")
    assert [line.split(":")[0] for line in str(told.value).splitlines()] == [
        "vary rate=1..2..3",
        "response entry.eror_rate",
        "until x",
    ]
    with pytest.raises(MeshquakeError, match=r"there is no service 'wbe'.*did you mean 'web'"):
        ensemble(scenario, vary={"services.wbe.workers": [1, 2]}, output=tmp_path / "made")
    with pytest.raises(MeshquakeError, match="no such file or shipped scenario"):
        ensemble("casade")
    assert not (tmp_path / "made").exists()
