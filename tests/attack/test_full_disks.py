"""A disk that is full, or fails: what is told names the place, which the system's own error doesn't."""

import errno
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from incident import short

from meshquake import Fixture
from meshquake.exporters.fixtures import manifest, writing
from meshquake.exporters.fixtures.manifest import ManifestError

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
