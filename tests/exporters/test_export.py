"""Formats: each is written while simulating or from a fixture, to the same bytes, and whole or not at all."""

import json
import socket
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import CliRunner
from incident import short

from exporters import formats, manifest, writing
from exporters.extras import MissingExtraError
from exporters.formats import FORMATS, Format
from run import main
from topology.units import parse_size

OTHERS = [name for name in FORMATS if name != "ndjson"]


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """The incident, written in all formats in one pass, and in other batches than the fixture."""
    folder = tmp_path_factory.mktemp("together") / "cascade"
    try:
        writing.write(short(batch=3000), folder, 1.0, lambda batch: None, False, tuple(FORMATS.values()))
    except MissingExtraError as error:
        pytest.skip(str(error))
    return folder


@pytest.mark.parametrize("name", OTHERS)
def test_a_format_written_while_simulating_is_the_same_to_the_byte_as_one_made_from_the_fixture(
    name, together, incident, tmp_path
):
    result = call("export", incident, "--format", name, "--output", tmp_path / name, "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    written = content(tmp_path / name)
    assert written and sorted(written) == sorted(content(together / name))
    for file, data in written.items():
        assert (together / name / file).read_bytes() == data, file


def test_a_fixture_says_which_formats_it_holds_and_is_the_same_otherwise(together, incident):
    with_formats, without = manifest.load(together), manifest.load(incident)
    assert (with_formats.pop("formats"), without.pop("formats")) == (OTHERS, [])
    telemetry = {name: each for name, each in without["files"].items() if each.get("records") and "/" not in name}
    assert with_formats == without | {"files": telemetry}


def test_the_format_of_fixtures_gives_their_own_files_again(incident, tmp_path):
    result = call("export", incident, "--format", "ndjson", "--output", tmp_path / "again", "--json")
    files = content(tmp_path / "again")
    assert {incident / name: data for name, data in files.items()} == {
        incident / name: (incident / name).read_bytes() for name in files
    }
    summary = {"format": "ndjson", "folder": str(tmp_path / "again"), "files": {n: len(d) for n, d in files.items()}}
    assert (result.exit_code, json.loads(result.stdout)) == (0, summary)


def test_a_fixture_with_formats_is_written_over_and_ndjson_is_no_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setitem(FORMATS, "old", Format("old", "written before", "exporters.old"))
    short_run = ("normal", "--duration", "1", "--quiet", "--output", tmp_path)
    assert call(*short_run).exit_code == 0
    (tmp_path / "normal" / "old").mkdir()
    assert call(*short_run, "--format", "ndjson").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "normal").iterdir() if path.is_dir()) == ["truth"]
    assert manifest.load(tmp_path / "normal")["formats"] == []


def test_for_people_it_is_a_line_a_file_with_a_size_that_is_never_nothing(incident, tmp_path):
    result = call("export", incident, "--format", "ndjson", "--output", tmp_path / "again")
    told = dict(line.split("  ") for line in result.stdout.splitlines())
    assert {Path(name).name: parse_size(size) for name, size in told.items()} == {
        path.name: pytest.approx(path.stat().st_size, rel=0.005) for path in (tmp_path / "again").iterdir()
    }


# -- what goes wrong -----------------------------------------------------------------------------------------------


class Broken:
    """A format whose disk is full after the first batch."""

    def __init__(self, target):
        self.file = (target / "half.txt").open("w")

    def write(self, batch):
        self.file.write("half")
        raise OSError(28, "No space left on device")

    def close(self):
        raise AssertionError

    def discard(self):
        self.file.close()


@pytest.fixture
def broken(monkeypatch):
    """The names of formats, with one more that breaks."""
    monkeypatch.setitem(FORMATS, "broken", Format("broken", "breaks", "exporters.broken"))
    monkeypatch.setattr(formats.Format, "sink", lambda self, target, context: Broken(target))


def test_an_export_that_breaks_says_why_and_leaves_nothing(broken, incident, tmp_path):
    result = call("export", incident, "--format", "broken", "--output", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{tmp_path / 'out'}: cannot be read or written: No space left on device\n"
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_breaks_while_simulating_takes_the_fixture_with_it(broken, tmp_path):
    result = call("normal", "--duration", "1", "--format", "broken", "--output", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{tmp_path / 'normal'}: cannot be written: No space left on device\n"
    assert list(tmp_path.iterdir()) == []


def test_a_library_that_is_missing_is_named_with_its_extra(incident, tmp_path, monkeypatch):
    monkeypatch.setitem(FORMATS, "fancy", Format("fancy", "needs more", "no_such_library", "fancy"))
    message = "format fancy needs no_such_library: pip install 'meshquake[fancy]'\n"
    for arguments in (["export", incident], ["normal", "--duration", "1"]):
        result = call(*arguments, "--format", "fancy", "--output", tmp_path / "out")
        assert (result.exit_code, result.output) == (2, message)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_unknown_format_is_refused_with_the_nearest_name(incident, tmp_path):
    result = call("export", incident, "--format", "ndjsn", "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert "no format is called 'ndjsn' (did you mean 'ndjson'?)" in result.stderr


def test_a_format_without_a_place_for_the_truth_is_not_given_it(incident, tmp_path):
    result = call("export", incident, "--format", "ndjson", "--output", tmp_path / "out", "--with-truth")
    message = "format ndjson has no place for what was wrong: leave out --with-truth\n"
    assert (result.exit_code, result.output) == (2, message)


def test_to_an_address_it_is_sent_by_the_protocol_of_the_format(incident, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    for name, path in (("otlp", "/v1/traces"), ("openmetrics", "/api/v1/write")):
        result = call("export", incident, "--format", name, "--output", address)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"{address}{path}: cannot be reached")
    result = call("export", incident, "--format", "csv", "--output", address)
    message = f"{address}: format csv is one of files; to an address go otlp and openmetrics\n"
    assert (result.exit_code, result.output) == (2, message)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(incident, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    result = call("export", incident, "--format", "ndjson", "--output", tmp_path)
    message = f"{tmp_path}: cannot be written: it is there already, and isn't empty\n"
    assert (result.exit_code, result.output) == (2, message)
    assert content(tmp_path) == {"mine.txt": b"mine"}


def test_a_fixture_that_was_changed_is_not_exported(incident, tmp_path):
    folder = copytree(incident, tmp_path / "changed")
    (folder / "logs.ndjson").write_text("")
    result = call("export", folder, "--format", "ndjson", "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{folder}: isn't what its manifest says: logs.ndjson has 0 bytes, not ")
    assert [path.name for path in tmp_path.iterdir()] == ["changed"]
