"""Lists of fixtures."""

import json
import shutil

import pytest
from click.testing import CliRunner

from exporters.listing import find
from run import main
from sim.records import KINDS
from topology.units import parse_size


def play(output, *arguments):
    result = CliRunner().invoke(main, [*arguments, "--rate", "1", "--quiet", "--output", str(output)])
    assert (result.exit_code, result.output) == (0, "")


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    output = tmp_path_factory.mktemp("output")
    play(output, "normal", "--duration", "5")
    play(output, "cascade", "--seed", "7", "--duration", "20")
    play(output, "noise", "--noise-type", "high-volume", "--start", "2025-01-01T00:00:00+01:00")
    return output


@pytest.fixture
def output(generated, tmp_path):
    """Three fixtures of one's own to spoil."""
    return shutil.copytree(generated, tmp_path / "fixtures")


def listing(output, *arguments):
    result = CliRunner().invoke(main, ["list-fixtures", "--output", str(output), *arguments])
    return result.exit_code, result.stdout.splitlines(), result.stderr.splitlines()


def test_each_fixture_is_a_line_with_scenario_seed_time_records_and_size(output):
    status, lines, errors = listing(output)
    assert (status, errors) == (0, [])
    assert lines[0].split() == [
        "fixture",
        "scenario",
        "seed",
        "start",
        "length",
        "metrics",
        "logs",
        "traces",
        "events",
        "size",
    ]
    rows = [line.split() for line in lines[1:]]
    assert [row[:5] for row in rows] == [
        ["incidents/cascade", "cascade", "7", "2024-01-15T10:30:00Z", "140s"],
        ["noise/high_volume", "high_volume", "42", "2024-12-31T23:00:00Z", "1m"],
        ["normal", "normal", "42", "2024-01-15T10:30:00Z", "5s"],
    ]
    for row in rows:
        counts = [len((output / row[0] / f"{kind}.ndjson").read_bytes().splitlines()) for kind in lines[0].split()[5:9]]
        assert list(map(int, row[5:9])) == counts
        files = [path for path in (output / row[0]).rglob("*") if path.is_file() and path.name != "manifest.json"]
        size = sum(path.stat().st_size for path in files)
        assert parse_size(row[9]) == pytest.approx(size, rel=0.005)


def test_for_programs_it_is_json(output):
    status, lines, errors = listing(output, "--json")
    entries = json.loads("\n".join(lines))
    assert (status, errors) == (0, [])
    manifest = json.loads((output / "normal" / "manifest.json").read_text())
    assert entries[2] == {
        "folder": str(output / "normal"),
        "scenario": "normal",
        "seed": 42,
        "start": "2024-01-15T10:30:00.000000+00:00",
        "seconds": 5.0,
        "records": {kind: manifest["files"][f"{kind}.ndjson"]["records"] for kind in KINDS},
        "bytes": sum(file["bytes"] for file in manifest["files"].values()),
        "problem": None,
    }
    assert [entry["scenario"] for entry in entries] == ["cascade", "high_volume", "normal"]


def test_a_file_that_is_missing_or_cut_off_is_told_and_the_status_is_2(output):
    (output / "normal" / "logs.ndjson").unlink()
    traces = output / "normal" / "traces.ndjson"
    size = traces.stat().st_size
    traces.write_bytes(traces.read_bytes()[:-1])
    status, lines, _ = listing(output)
    assert status == 2
    assert lines[4:] == [
        f"normal: not whole: logs.ndjson is missing; traces.ndjson has {size - 1} bytes, not {size}",
    ]
    status, lines, _ = listing(output, "--json")
    assert status == 2
    assert [entry["problem"] is None for entry in json.loads("\n".join(lines))] == [True, True, False]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read: "),
        ('{"format": 9}', "of format 9; this version reads format 1"),
        ('{"format": 1}', "isn't the manifest of a fixture"),
        ('{"format": 1, "files": [], "options": 3}', "isn't the manifest of a fixture"),
    ],
)
def test_a_manifest_that_cannot_be_read_hides_no_other_fixture(content, message, output):
    path = output / "normal" / "manifest.json"
    path.write_text(content)
    status, lines, (error,) = listing(output)
    assert status == 2
    assert [line.split()[0] for line in lines] == ["fixture", "incidents/cascade", "noise/high_volume"]
    assert error.startswith(f"{path}: {message}")


def test_a_folder_without_fixtures_has_none_and_one_that_is_missing_is_an_error(tmp_path):
    assert listing(tmp_path) == (0, [f"no fixtures in {tmp_path}"], [])
    assert listing(tmp_path, "--json") == (0, ["[]"], [])
    missing = tmp_path / "nowhere"
    assert listing(missing) == (
        2,
        [],
        [f"{missing}: no such folder; fixtures are made by, for example, `python run.py cascade`"],
    )


def test_what_a_writer_is_at_work_on_is_not_listed(output):
    shutil.copytree(output / "normal", output / ".normal.partial-1")
    assert len(listing(output)[1]) == 4


def test_a_fixture_that_was_moved_aside_by_a_writer_that_is_gone_is_put_back(output):
    (output / "normal").rename(output / ".normal.previous-999999999")
    entries, unreadable = find(output)
    assert [entry.scenario for entry in entries] == ["cascade", "high_volume", "normal"]
    assert unreadable == []
    assert not list(output.glob(".*"))
