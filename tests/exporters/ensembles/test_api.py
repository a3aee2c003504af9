"""`meshquake.ensemble` returns the command's results as frames, and raises its errors as exceptions."""

import numpy as np
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


def test_responses_may_be_given_with_labels_or_alone(scenario):
    asked = {"changes": ["duration=1s"], "replications": 2, "seed": 3}
    labelled = ensemble(scenario, responses={"late or not": "entry.latency_p99 > 10"}, **asked)
    assert labelled.runs.columns[-1] == "late or not" and labelled.runs["seed"][0] != labelled.runs["seed"][1]
    assert ensemble(scenario, responses="entry.requests", **asked).runs.columns[-1] == "entry.requests"


def test_numbers_and_lists_of_numpy_are_as_good_as_any(scenario):
    asked = {"changes": ["duration=1s"], "responses": "entry.requests"}
    plain = ensemble(scenario, vary={"rate": [10, 20]}, replications=2, seed=3, **asked).runs
    found = ensemble(scenario, vary={"rate": np.array([10, 20])}, replications=np.int64(2), seed=np.uint8(3), **asked)
    assert_frame_equal(found.runs, plain)


def test_a_folder_is_opened_gone_on_with_or_made_again(scenario, tmp_path):
    asked = {"changes": ["duration=1s"], "responses": ["entry.requests"], "replications": 3}
    made = ensemble(scenario, output=tmp_path / "made", **asked).runs
    assert_frame_equal(ensemble(tmp_path / "made").runs, made)
    assert_frame_equal(ensemble(str(tmp_path / "made"), output=tmp_path / "again").runs, made)
    (tmp_path / "made" / "complete.json").unlink()
    runs = tmp_path / "made" / "runs.ndjson"
    runs.write_bytes(runs.read_bytes().splitlines(keepends=True)[0])
    assert len(ensemble(tmp_path / "made").runs) == 1
    assert_frame_equal(ensemble(tmp_path / "made", resume=True).runs, made)
    with pytest.raises(MeshquakeError, match="whose study is settled: leave out calm, replications"):
        ensemble(tmp_path / "made", replications=3, calm=True)
    with pytest.raises(MeshquakeError, match=r"is not an ensemble: it has no ensemble\.json"):
        ensemble(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": 0}, "workers: must be a whole number from 1 to 256, not 0"),
        ({"workers": "2"}, "workers: must be a whole number from 1 to 256, not '2'"),
        ({"workers": None}, "workers: must be a whole number from 1 to 256, not None"),
        ({"scenario": None}, "scenario: must be a name or a path, not None"),
        ({"replications": "3"}, "replications: must be a whole number from 1 to 100000, not '3'"),
        ({"replications": 0}, "replications: must be a whole number from 1 to 100000, not 0"),
        ({"replications": True}, "replications: must be a whole number from 1 to 100000, not True"),
        ({"seed": -1}, "seed: must be a whole number from 0 to 9223372036854775807, not -1"),
        ({"sample": 1.5}, "sample: must be a whole number from 1 to 10000, not 1.5"),
        ({"vary": {"rate": 10}}, "vary rate: must be a list of values, or a range such as '10..30:3', not 10"),
        ({"vary": ["rate=10"]}, "vary: must be a dict of paths with their values, not ['rate=10']"),
        ({"vary": {"rate": []}}, "vary rate: has no value"),
        ({"vary": {"rate": [None]}}, "vary rate: a value must be a text, a number, True or False, not None"),
        ({"until": {"m": 0.2}}, "until: must be a text such as 'entry.error_rate:5%', not {'m': 0.2}"),
        ({"warm_up": 3}, "warm_up: must be a text such as '30s' or 'mser', not 3"),
        ({"responses": [1]}, "responses: must be a list of texts such as 'entry.error_rate', or a dict of labels"),
        ({"changes": "rate=3"}, "changes: must be a list of 'PATH=VALUE', not 'rate=3'"),
        ({"calm": "yes"}, "calm: must be True or False, not 'yes'"),
        ({"topology": 5}, "topology: must be a name or a path, not 5"),
        ({"at_most": 5}, "at_most 5: needs until, the precision to reach"),
    ],
)
def test_an_argument_of_the_wrong_kind_is_named(scenario, tmp_path, arguments, message):
    with pytest.raises(MeshquakeError) as told:
        ensemble(**{"scenario": scenario, "output": tmp_path / "made"} | arguments)
    assert str(told.value).startswith(message) and "\n" not in str(told.value)
    assert not (tmp_path / "made").exists()


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
