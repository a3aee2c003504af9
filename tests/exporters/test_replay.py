"""A fixture can be run again from its manifest alone, and every byte that differs is told apart by where it changed."""

import hashlib
import json
import re
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import CliRunner

from exporters import manifest
from exporters.manifest import ManifestError
from exporters.replay import Outcome, reload
from faults.loader import shipped
from run import main
from sim.records import KINDS

SHORT = "--duration 6 --lead-in 3 --recovery 2 --rate 12 --seed 11"
FILES = [f"{kind}.ndjson" for kind in KINDS]


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def made(output, *arguments):
    """A fixture; returns its folder."""
    result = call(*arguments, "--json", "--output", output)
    assert (result.exit_code, result.stderr) == (0, "")
    return output / json.loads(result.stdout)["folder"]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    options = f"{SHORT} --severity 0.5 --interval 2 --start 2025-06-01T12:00+02 --confounders many"
    return made(tmp_path_factory.mktemp("output"), "outage", *options.split())


@pytest.fixture
def folder(original, tmp_path):
    """A copy of a fixture, to be changed."""
    return copytree(original, tmp_path / "outage")


def edit(folder, *keys, to):
    """Change a value in the manifest of a fixture."""
    content = json.loads((folder / manifest.NAME).read_text(encoding="utf-8"))
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    manifest.save(folder, content)


def problems(result):
    """What is said of each file in a report for programs."""
    return {each["file"]: each["problem"] for each in json.loads(result.stdout)["files"]}


# -- the same ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_comes_out_the_same(name, tmp_path):
    folder = made(tmp_path, "scenario", shipped()[name], "--rate", "1")
    result = call("replay", folder)
    assert (result.exit_code, result.stderr) == (0, "")
    *files, last = result.stdout.splitlines()
    assert {line.split(maxsplit=1)[1] for line in files} == {"the same"}
    assert last == f"the same to the byte: {len(files)} of {len(files)} files"


def test_every_option_of_the_run_counts(original):
    result = call("replay", original, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    report = json.loads(result.stdout)
    assert (report["folder"], report["same"], report["versions_differ"]) == (str(original), True, [])
    said = manifest.load(original)["files"]
    assert set(FILES) <= {each["file"] for each in report["files"]}
    assert [each["file"] for each in report["files"]] == list(said)
    for each in report["files"]:
        assert each["problem"] is None
        assert set(each["sha256"].values()) == {said[each["file"]]["sha256"]}


def test_files_of_ones_own_are_not_needed_any_more(tmp_path):
    """The scenario, and the topology that it names by a relative path, are in the manifest."""
    (tmp_path / "meshes").mkdir()
    mesh, mine = tmp_path / "meshes" / "tiny.yaml", tmp_path / "mine.yaml"
    mesh.write_text("name: tiny\nservices: {a: {operations: {x: {}}}}\nworkload: {rate: 5/s, mix: {a.x: 1}}\n")
    mine.write_text("name: mine\ntopology: meshes/tiny.yaml\nfaults: [fail: {target: a, share: 10%..90%}]\n")
    folder = made(tmp_path / "output", "scenario", mine)
    mesh.unlink()
    mine.unlink()
    result = call("replay", folder)
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_fixture_without_an_answer_key_is_run_again_without_one(tmp_path):
    folder = made(tmp_path, "cascade", *SHORT.split(), "--no-truth")
    result = call("replay", folder, "--output", tmp_path / "again")
    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(content(tmp_path / "again")) == sorted([*FILES, manifest.NAME])


def test_the_second_run_is_kept_where_it_is_told_to(original, tmp_path):
    again = tmp_path / "again"
    assert call("replay", original, "--output", again).exit_code == 0
    assert content(again) == content(original)


def test_without_an_output_nothing_is_left_behind(original, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = content(original)
    assert call("replay", original).exit_code == 0
    assert content(original) == before
    assert list(tmp_path.iterdir()) == []


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_ctrl_c_leaves_nothing_behind_and_ends_with_status_130(original, tmp_path, monkeypatch):
    def interrupted(sink):
        assert list(tmp_path.rglob("*.ndjson"))
        raise KeyboardInterrupt

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("exporters.ndjson.NdjsonSink.close", interrupted)
    result = call("replay", original)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "Interrupted: nothing half-written is left.\n"
    assert list(tmp_path.iterdir()) == []


def test_quiet_says_nothing_if_all_is_the_same(original):
    result = call("replay", original, "--quiet")
    assert (result.exit_code, result.output) == (0, "")


# -- what differs ------------------------------------------------------------------------------------------------------


def test_a_file_that_was_changed_since_is_told_apart(folder):
    with (folder / "logs.ndjson").open("a") as file:
        file.write("{}\n")
    (folder / "events.ndjson").unlink()
    result = call("replay", folder, "--json")
    assert result.exit_code == 1
    differing = {"logs.ndjson": "changed on disk since", "events.ndjson": "missing"}
    assert {file: problem for file, problem in problems(result).items() if problem} == differing


def test_a_run_that_gives_other_bytes_is_told_apart(folder):
    """Another seed in the manifest: every file that has a draw in it is another."""
    edit(folder, "seed", to=12)
    (folder / "logs.ndjson").write_text("")
    result = call("replay", folder, "--json")
    assert result.exit_code == 1
    found = problems(result)
    assert found["traces.ndjson"] == found["metrics.ndjson"] == "the run gives other bytes"
    assert found["logs.ndjson"] == "changed on disk since; the run gives other bytes"


def test_if_the_versions_agree_the_manifest_or_the_program_was_changed(folder):
    edit(folder, "options", "severity", to=0.25)
    result = call("replay", folder)
    assert (result.exit_code, result.stderr) == (1, "")
    *_, count, reason = result.stdout.splitlines()
    assert count.startswith("the same to the byte: ") and " of " in count
    assert reason == "likely why: the manifest or the program was changed: the versions agree"


def test_other_versions_are_a_warning_and_the_likely_reason_if_bytes_differ(folder):
    edit(folder, "versions", "numpy", to="1.0.0")
    edit(folder, "versions", "abacus", to="3")
    now = manifest.versions()["numpy"]
    differing = f"numpy 1.0.0 then, {now} now, abacus 3 then, none now"
    result = call("replay", folder)
    assert result.exit_code == 0
    assert result.stderr == f"{folder}: warning: made with other versions: {differing}\n"
    assert "likely why" not in result.stdout
    edit(folder, "files", "traces.ndjson", "sha256", to="0" * 64)
    assert call("replay", folder).stdout.splitlines()[-1] == f"likely why: {differing}"
    report = json.loads(call("replay", folder, "--json", "--quiet").stdout)
    assert report["versions_differ"] == [f"numpy 1.0.0 then, {now} now", "abacus 3 then, none now"]


def test_quiet_still_says_what_differs(folder):
    (folder / "events.ndjson").unlink()
    result = call("replay", folder, "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"{folder / 'events.ndjson'}: missing\n")


def test_a_file_that_only_one_of_both_runs_has_is_told_apart(folder):
    content = manifest.load(folder)
    del content["files"]["events.ndjson"]
    content["files"]["notes.txt"] = content["files"]["logs.ndjson"]
    manifest.save(folder, content)
    found = problems(call("replay", folder, "--json"))
    assert found["events.ndjson"] == "the run writes it, and the manifest doesn't have it"
    assert found["notes.txt"] == "missing; the run doesn't write it"


@pytest.mark.parametrize(
    ("manifest", "disk", "run", "problem"),
    [
        ("a", "a", "a", ""),
        ("a", "b", "a", "changed on disk since"),
        ("a", "a", "b", "the run gives other bytes"),
        ("a", "b", "b", "changed on disk since; the run gives other bytes"),
        ("a", None, "a", "missing"),
        ("a", None, "b", "missing; the run gives other bytes"),
        ("a", "a", None, "the run doesn't write it"),
        (None, None, "a", "the run writes it, and the manifest doesn't have it"),
    ],
)
def test_what_is_said_of_a_file_follows_from_its_three_hashes(manifest, disk, run, problem):
    assert Outcome("x", manifest, disk, run).problem == problem


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "to", "message"),
    [
        (("format",), 99, "of format 99; this version reads format"),
        (("seed",), True, "seed must be a whole number, not true"),
        (("seed",), "x", 'seed must be a whole number, not "x"'),
        (("start",), "yesterday", "yesterday"),
        (("start",), "2024-01-15T10:30:00", "start must be a time with its zone"),
        (("options", "duration_s"), -1, "duration must be more than 0 and at most 3.16224e+07, not -1"),
        (("options", "rate_per_s"), float("nan"), "rate must be more than 0"),
        (("options", "severity"), 2, "severity must be more than 0 and at most 1, not 2"),
        (("options", "interval_s"), 0, "options.interval_s must be from 0.001 to 86400, not 0"),
        (("options", "lead_in_s"), "3s", 'options.lead_in_s must be a number, not "3s"'),
        (("options", "confounders"), "lots", "confounders can't be 'lots'"),
        (("options",), {}, "isn't the manifest of a fixture: options.duration_s is missing"),
        (("scenario", "text"), "name: x", "the text of the scenario doesn't have the sha256 beside it"),
        (("topology", "text"), "name: \ud800", "surrogates not allowed"),
        (("versions",), [], "versions must be an object, not []"),
        (("files", "traces.ndjson"), {}, "files.traces.ndjson.sha256 is missing"),
        (("files", "../x"), {"sha256": "0"}, "files: '../x' is no file in the folder of a fixture"),
        (("files", "/etc/passwd"), {"sha256": "0"}, "files: '/etc/passwd' is no file in the folder of a fixture"),
    ],
)
def test_a_manifest_that_cannot_be_right_is_refused_with_its_place(folder, keys, to, message):
    content = json.loads((folder / manifest.NAME).read_text(encoding="utf-8"))
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    (folder / manifest.NAME).write_text(json.dumps(content))
    with pytest.raises(ManifestError) as refused:
        reload(folder)
    assert str(refused.value).startswith(f"{folder / manifest.NAME}: ") and message in str(refused.value)
    result = call("replay", folder)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{refused.value}\n"


def test_a_folder_that_is_no_fixture_is_refused(tmp_path):
    result = call("replay", tmp_path)
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path}: not a fixture: it has no manifest.json\n")


def test_a_text_that_this_version_refuses_is_told_with_its_line(folder):
    text = "name: outage\nfaults:\n  - explode: {target: database}\n"
    edit(folder, "scenario", to={"name": "outage", "sha256": sha256(text), "text": text})
    result = call("replay", folder)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{folder / manifest.NAME} (scenario):3: faults[0].explode: unknown kind of fault")


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("below", ["", "again"])
def test_the_second_run_does_not_take_the_place_of_the_first(original, below):
    before = content(original)
    result = call("replay", original, "--output", original / below)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "it is the fixture that is run again" in result.stderr
    assert content(original) == before


def test_a_fixture_reloads_to_what_was_played(original):
    found = reload(original)
    scenario = found.loaded.scenario
    assert (scenario.name, scenario.lead_in, scenario.duration, scenario.recovery) == ("outage", 3, 6, 2)
    assert (found.seed, found.interval, found.start.isoformat()) == (11, 2, "2025-06-01T10:00:00+00:00")
    assert {fault.severity for fault in scenario.faults} == {0.5}
    assert found.simulation(found.loaded).topology.workload.rate == 12


# -- the page ----------------------------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "replay.md").read_text(encoding="utf-8")


def test_the_page_shows_what_is_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("cascade", *SHORT.split(), "--quiet").exit_code == 0
    folder = Path("output/fixtures/incidents/cascade")
    shown = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert call("replay", folder).stdout == shown[0]
    with (folder / "logs.ndjson").open("a") as file:
        file.write("{}\n")
    assert call("replay", folder).stdout == shown[1]


def test_a_confounder_that_a_change_leaves_no_time_for_is_said_to_be_left_out(original):
    early = [each for each in manifest.load(original)["drawn"] if each["at"].startswith("-")]
    result = call("whatif", original, "--set", "lead_in=0s", "--json")
    assert result.exit_code == 0
    assert [line.split(":")[:2] for line in result.stderr.splitlines()] == [[each["id"], " warning"] for each in early]
    assert early


def test_every_change_on_the_page_can_be_made_to_a_cascade(original, tmp_path):
    recipe = reload(made(tmp_path, "cascade", *SHORT.split())).recipe
    changes = re.findall(r"--set '([^']+)'", PAGE)
    assert len(changes) > 10
    for change in changes:
        loaded = recipe.load()
        changed = recipe.load_with([change])
        assert (changed.scenario, changed.topology) != (loaded.scenario, loaded.topology), change
