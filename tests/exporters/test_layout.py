"""A case of a data set does what a fixture does, whichever of its two folders it is called by, and keeps them apart."""

import json
from shutil import copytree

import pytest
from click.testing import CliRunner

from exporters import layout
from exporters.fixture import Fixture
from exporters.layout import TELEMETRY, TRUTH
from run import main

DATABASE = "SELECT fixture, scenario, seed, truth FROM fixtures"


def call(*arguments):
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def refusal(*arguments):
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr


@pytest.fixture
def dataset(small_cases, tmp_path):
    """A data set that may be harmed."""
    return copytree(small_cases[0], tmp_path / "set")


@pytest.fixture(params=[TELEMETRY, TRUTH])
def case(request, small_cases):
    """Either folder of a case with an incident."""
    folder, heard, _ = small_cases
    name = next(each.answer["case"] for each in heard if each.answer["incident"])
    return folder / request.param / name


def other(case):
    tree = TRUTH if case.parent.name == TELEMETRY else TELEMETRY
    return case.parent.parent / tree / case.name


# -- where files are ---------------------------------------------------------------------------------------------------


def test_each_file_of_a_case_is_found_by_its_name_in_the_manifest(case):
    for name in (layout.MANIFEST, *json.loads(layout.path(case, layout.MANIFEST).read_text())["files"]):
        assert layout.path(case, name).is_file(), name


def test_a_file_that_is_missing_has_its_place_all_the_same(case):
    assert layout.path(case, "notes.txt").parent.parent.name == TELEMETRY
    assert layout.path(case, "truth/notes.txt").parent.parent.name == TRUTH


def test_a_case_may_be_the_folder_that_one_is_in(case, monkeypatch):
    monkeypatch.chdir(case)
    here = layout.path(case.relative_to(case), layout.MANIFEST)
    assert here.samefile(layout.path(case, layout.MANIFEST))


def test_a_fixture_below_a_folder_of_that_name_is_no_case(incident, tmp_path):
    for tree in (TELEMETRY, TRUTH):
        copytree(incident, tmp_path / tree / "cascade")
    for tree in (TELEMETRY, TRUTH):
        folder = tmp_path / tree / "cascade"
        assert layout.case(folder) is None
        assert layout.path(folder, layout.GROUND_TRUTH) == folder / layout.GROUND_TRUTH


# -- what a fixture does -----------------------------------------------------------------------------------------------


def test_a_case_is_replayed_and_changed_by_either_name(case, tmp_path):
    assert json.loads(call("replay", case, "--json", "--output", tmp_path / "again"))["same"]
    assert "the same to the byte: 7 of 7 files" in call("replay", tmp_path / "again")
    changed = json.loads(call("whatif", case, "--set", "services.store.replicas=3", "--json"))
    assert changed["before"]["requests"] == len((tmp_path / "again" / "truth/verdicts.ndjson").read_text().splitlines())


def test_a_file_of_a_case_that_was_changed_is_told_with_its_path(dataset):
    case = next((dataset / TRUTH).glob("case-*"))
    logs = dataset / TELEMETRY / case.name / "logs.ndjson"
    logs.unlink()
    result = CliRunner().invoke(main, ["replay", str(case), "--quiet"])
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"{logs.resolve()}: missing\n")


def test_a_case_is_explained_and_marked_by_either_name(case, tmp_path):
    answers = tmp_path / "answers.json"
    answers.write_text('{"root_causes": []}')
    assert call("explain", case) == call("explain", other(case))
    trace = next(Fixture(case).traces())["trace_id"]
    assert call("explain", case, trace).startswith(trace)
    assert call("score", case, "--answers", answers) == call("score", other(case), "--answers", answers)


def test_a_case_is_read_from_python_by_either_name(case):
    fixture, same = Fixture(case), Fixture(other(case))
    assert fixture.scenario == case.name
    assert list(fixture.records()) == list(same.records())


# -- what stays apart --------------------------------------------------------------------------------------------------


def test_what_is_exported_of_a_case_is_its_telemetry_and_no_more(case, tmp_path):
    call("export", case, "--format", "ndjson", "--output", tmp_path / "out", "--quiet")
    telemetry = case.parent.parent / TELEMETRY / case.name
    copies = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert len(copies) == 4
    assert all(content == (telemetry / name).read_bytes() for name, content in copies.items())


def test_a_database_gets_a_case_without_the_seed_that_would_give_it_away(case, tmp_path):
    import sqlite3

    def rows():
        with sqlite3.connect(tmp_path / "x.db") as database:
            return database.execute(DATABASE).fetchall()

    into = ("--into", f"sqlite:///{tmp_path / 'x.db'}", "--quiet")
    call("load", case, *into)
    ((fixture, scenario, seed, truth),) = rows()
    assert fixture.startswith(f"{case.name}-")
    assert (scenario, seed, truth) == (case.name, None, 0)
    call("load", other(case), *into, "--with-truth")
    assert rows() == [(fixture, case.name, None, 1)]


def test_a_second_run_never_lands_in_a_folder_of_the_case(case):
    for folder in (case, other(case), other(case) / "below"):
        before = sorted(case.parent.parent.rglob("*"))
        assert "it is the fixture that is run again" in refusal("replay", case, "--output", folder)
        assert sorted(case.parent.parent.rglob("*")) == before


def test_a_case_of_which_the_truth_was_withheld_is_refused_with_the_reason(dataset, tmp_path):
    (dataset / TRUTH).rename(tmp_path / "withheld")
    case = next((dataset / TELEMETRY).iterdir())
    told = f"{case}: has no manifest.json: that of a case of a data set is in its tree of truth, which isn't here\n"
    assert refusal("replay", case) == refusal("whatif", case, "--set", "rate=1/s") == told
    assert refusal("export", case, "--format", "otlp", "--output", tmp_path / "out") == told
    assert refusal("load", case, "--into", f"sqlite:///{tmp_path / 'x.db'}") == told


# -- what is neither ---------------------------------------------------------------------------------------------------


def test_a_folder_that_holds_fixtures_names_one_of_them(small_cases, tmp_path):
    folder = small_cases[0]
    first = min(path.name for path in (folder / TELEMETRY).iterdir())
    told = f"{folder}: a data set: name one of its cases, such as {folder / TELEMETRY / first}\n"
    assert refusal("replay", folder) == refusal("explain", folder) == told
    for tree in (TELEMETRY, TRUTH):
        told = f"{folder / tree}: holds fixtures: name one, such as {folder / tree / first}\n"
        assert refusal("replay", folder / tree) == refusal("explain", folder / tree) == told
    assert refusal("replay", tmp_path) == f"{tmp_path}: not a fixture: it has no manifest.json\n"
