"""Errors of a full or failing disk name the place, which the system's own error doesn't."""

import errno
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from commandline import call
from incident import short

from meshquake import Fixture
from meshquake.exporters.fixtures import manifest, writing
from meshquake.exporters.fixtures.manifest import ManifestError
from meshquake.truth import sample_file, spill_file

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("incident") / "cascade"
    writing.write(short(), folder, lambda batch: None)
    return folder


def test_a_second_run_that_finds_no_room_names_where_it_was_written(folder, tmp_path):
    done = subprocess.run(
        [sys.executable, "run.py", "replay", str(folder)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    place = re.escape(str(tmp_path))
    assert re.fullmatch(rf"{place}/\w+: cannot be read or written: File too large\n", done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_a_fixture_on_a_disk_that_fails_is_named(folder, monkeypatch):
    def fails(*given, **options):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(manifest, "verified", fails)
    with pytest.raises(ManifestError, match=f"^{re.escape(str(folder))}: cannot be read: Input/output error$"):
        Fixture(folder)


@pytest.mark.parametrize(
    "command", [["score", "--answers"], ["whatif", "--without", "slow-1"]], ids=lambda each: each[0]
)
def test_a_command_that_finds_no_room_for_what_it_sets_aside_names_the_folder(folder, tmp_path, monkeypatch, command):
    answer = tmp_path / "answer.json"
    answer.write_text('{"root_causes": [{"service": "database"}]}')
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(spill_file, "WAITING", 1)

    def full(*given, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    done = call(*command, *([answer] if command[0] == "score" else []), folder)
    assert (done.exit_code, done.stderr) == (2, f"{tmp_path}: cannot be written: No space left on device\n")


def test_a_run_that_finds_no_room_for_what_it_sets_aside_names_its_output(tmp_path, monkeypatch):
    """A run spools next to where the fixture will be."""
    monkeypatch.setattr(sample_file, "PIECE", 1)
    found = []

    def full(*given, dir=None):
        found.append(dir)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    done = call("cascade", "--duration", "5s", "--quiet", "--output", tmp_path / "fixtures")
    folder = tmp_path / "fixtures" / "incidents" / "cascade"
    assert (done.exit_code, done.stderr) == (2, f"{folder}: cannot be written: No space left on device\n")
    assert found[0].parent == folder.parent
    assert not (tmp_path / "fixtures").exists()
