"""A run that is stopped leaves a whole fixture or none, and a fixture that was there before stays."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep

import pytest
from click.testing import CliRunner

from meshquake.commands.main import main
from meshquake.exporters.fixtures.listing import find

ROOT = Path(__file__).parents[1]
RUN = [sys.executable, "run.py"]
FILES = ["events.ndjson", "logs.ndjson", "manifest.json", "metrics.ndjson", "traces.ndjson"]


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def content(folder):
    """Return every file below a folder, hidden ones too, with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def output(tmp_path):
    """Return an output folder with a fixture in it."""
    assert call("cascade", "--duration", "5", "--seed", "1", "--quiet", "--output", tmp_path).exit_code == 0
    return tmp_path


@contextmanager
def half_way(output):
    """Start a long run; yields its process once it has written some of its records."""
    command = [*RUN, "cascade", "--duration", "5h", "--output", str(output)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    patience = monotonic() + 30
    try:
        while not any(path.stat().st_size for path in output.glob("incidents/.cascade.partial-*/*")):
            assert process.poll() is None and monotonic() < patience
            sleep(0.02)
        yield process
    finally:
        process.kill()
        process.communicate()


# -- stopped -------------------------------------------------------------------------------------------------------


def test_ctrl_c_half_way_leaves_all_as_it_was_and_ends_with_status_130(output):
    before = content(output)
    with half_way(output) as process:
        process.send_signal(signal.SIGINT)
        printed, error = process.communicate(timeout=30)
    assert (process.returncode, printed, error) == (130, "", "Interrupted: no partial output is left.\n")
    assert content(output) == before
    assert [path.name for path in (output / "incidents").iterdir()] == ["cascade"]


def test_a_killed_run_leaves_no_half_fixture_that_looks_whole_and_the_next_one_sweeps_up(output):
    before = content(output)
    with half_way(output) as process:
        process.kill()
        process.wait(timeout=30)
    (leftover,) = (path for path in (output / "incidents").iterdir() if path.name.startswith("."))
    assert "manifest.json" not in {path.name for path in leftover.iterdir()}
    assert {path: data for path, data in content(output).items() if leftover.name not in path} == before
    assert [entry.folder.name for entry in find(output)[0]] == ["cascade"]
    assert call("cascade", "--duration", "5", "--seed", "1", "--quiet", "--output", output).exit_code == 0
    assert content(output) == before


# -- out of space --------------------------------------------------------------------------------------------------


@contextmanager
def mounted(folder, options):
    """Mount a file system of its own, where mounting is allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("cannot mount a file system here")
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told_and_leaves_the_fixture_that_was_there(tmp_path):
    with mounted(tmp_path / "small", "size=3m") as small:
        assert (
            call(
                "cascade", "--duration", "5", "--lead-in", "0", "--recovery", "0", "--quiet", "--output", small
            ).exit_code
            == 0
        )
        before = content(small)
        result = call("cascade", "--output", small)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"{small}/incidents/cascade: cannot be written: No space left on device\n"
        assert content(small) == before
        assert [path.name for path in (small / "incidents").iterdir()] == ["cascade"]


@pytest.mark.parametrize("blocks", [1, 200])
def test_a_limit_on_the_size_of_files_is_told_and_leaves_the_fixture_that_was_there(blocks, output):
    before = content(output)
    limited = ["sh", "-c", 'ulimit -f "$0" && exec "$@"', str(blocks), *RUN]
    command = [*limited, "cascade", "--duration", "30", "--output", str(output)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"{output}/incidents/cascade: cannot be written: File too large\n"
    assert content(output) == before


FULL = "standard output: cannot be written: No space left on device\n"


def into(stdout, *arguments):
    """Run the command with a given standard output; returns its status and standard error."""
    command = [*RUN, *map(str, arguments)]
    result = subprocess.run(command, cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    return result.returncode, result.stderr


@pytest.fixture
def full():
    """Yield a device that is always full."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with Path("/dev/full").open("w") as device:
        yield device


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_summary_that_cannot_be_written_is_told_and_the_fixture_is_whole(more, full, tmp_path):
    assert into(full, "normal", "--duration", "2", "--output", tmp_path, *more) == (2, FULL)
    (entry,) = find(tmp_path)[0]
    assert entry.problem == ""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return an output folder with a fixture in it, for tests that only read it."""
    output = tmp_path_factory.mktemp("made")
    assert call("normal", "--duration", "1", "--quiet", "--output", output).exit_code == 0
    return output


#: Commands that print, with `{}` for the output folder.
PRINTED = (
    "--help",
    "cascade --help",
    "topology show",
    "list-fixtures --output {}",
    "explain {}/normal",
    pytest.param(
        "serve {}/normal --port 0",
        marks=pytest.mark.skipif(find_spec("uvicorn") is None, reason="uvicorn is not installed"),
    ),
)


@pytest.mark.parametrize("command", PRINTED)
def test_what_cannot_be_printed_is_told_in_a_line_with_status_2(command, full, made):
    assert into(full, *command.format(made).split()) == (2, FULL)


@pytest.mark.parametrize("command", [*PRINTED, "normal --duration 1 --output {}/new", "replay {}/normal --json"])
def test_a_reader_that_goes_away_gets_no_traceback(command, made):
    reader, writer = os.pipe()
    os.close(reader)
    assert into(writer, *command.format(made).split()) == (1, "")
    os.close(writer)


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_stream_that_is_closed_from_the_start_is_done_without(closed, tmp_path):
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *RUN, "normal", "--duration", "1", "--output", str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("normal on ten-services") == (closed == "2>&-")


# -- places that won't do ------------------------------------------------------------------------------------------


def test_an_output_folder_that_may_not_be_written_is_told(tmp_path):
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        result = call("normal", "--output", tmp_path)
        assert result.stderr == f"{tmp_path}/normal: cannot be written: Permission denied\n"
    else:  # as root, whom no permission stops
        with mounted(tmp_path / "read-only", "ro") as folder:
            result = call("normal", "--output", folder)
        assert result.stderr == f"{folder}/normal: cannot be written: Read-only file system\n"
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("file", ["out", "out/incidents", "out/incidents/cascade"])
def test_a_file_on_the_way_is_told_and_stays(file, tmp_path):
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    result = call("cascade", "--rate", "1", "--output", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{tmp_path}/out/incidents/cascade: cannot be written: ")
    assert content(tmp_path) == {file: b"mine"}


def test_a_folder_with_files_of_another_kind_is_not_replaced(tmp_path):
    """`--output ~` must not cost anybody their folder `~/normal`."""
    (tmp_path / "normal").mkdir()
    (tmp_path / "normal" / "thesis.txt").write_text("mine")
    result = call("normal", "--output", tmp_path)
    assert result.exit_code == 2
    assert result.stderr == (
        f"{tmp_path}/normal: cannot be written: it holds thesis.txt, which is not part of a fixture\n"
    )
    assert content(tmp_path) == {"normal/thesis.txt": b"mine"}


def test_an_output_folder_may_be_a_link_and_so_may_a_fixture(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    assert call("normal", "--duration", "2", "--quiet", "--output", tmp_path / "link").exit_code == 0
    (tmp_path / "disk" / "normal").rename(tmp_path / "elsewhere")
    (tmp_path / "disk" / "normal").symlink_to(tmp_path / "elsewhere")
    assert call("normal", "--duration", "1", "--quiet", "--output", tmp_path / "link").exit_code == 0
    assert json.loads((tmp_path / "elsewhere" / "manifest.json").read_text())["options"]["duration_s"] == 1.0
    assert [entry.seconds for entry in find(tmp_path / "link")[0]] == [1.0]
    assert (tmp_path / "disk" / "normal").is_symlink()


def test_a_ring_of_links_is_told(tmp_path):
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    result = call("normal", "--output", tmp_path / "ring")
    assert result.exit_code == 2
    assert "cannot be written: " in result.stderr and len(result.stderr.splitlines()) == 1


def test_a_scenario_whose_name_is_a_folder_of_fixtures_does_not_replace_them(output):
    before = content(output)
    mine = output / "mine.yaml"
    mine.write_text("name: incidents\ngroup: normal\nlead_in: 0\nduration: 1s\nrecovery: 0\n")
    result = call("scenario", mine, "--output", output)
    mine.unlink()
    assert result.exit_code == 2
    assert "it holds cascade, which is not part of a fixture" in result.stderr
    assert content(output) == before


# -- company -------------------------------------------------------------------------------------------------------


def test_of_two_runs_to_one_place_at_once_one_is_there_in_the_end_and_whole(tmp_path):
    alone = {}
    for seed in (1, 2):
        call("normal", "--duration", "10", "--seed", seed, "--quiet", "--output", tmp_path / str(seed))
        alone[seed] = content(tmp_path / str(seed))
    command = [*RUN, "normal", "--duration", "10", "--quiet", "--output", str(tmp_path / "both")]
    processes = [
        subprocess.Popen([*command, "--seed", str(seed)], cwd=ROOT, stderr=subprocess.PIPE, text=True) for seed in alone
    ]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert ([process.returncode for process in processes], errors) == ([0, 0], ["", ""])
    assert content(tmp_path / "both") in alone.values()


def test_what_the_locale_cannot_write_is_written_by_number(tmp_path):
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text(
        "name: Größe本\nservices: {a: {operations: {x: {}}}}\nworkload: {mix: {a.x: 1}}\n", encoding="utf-8"
    )
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    for command in ("check", "show"):
        shown = subprocess.run(
            [*RUN, "topology", command, str(mesh)], cwd=ROOT, env=environment, capture_output=True, check=True
        )
        assert b"Gr\xf6\xdfe\\u672c: 1 service," in shown.stdout
        assert shown.stderr == b""
