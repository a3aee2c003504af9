"""Folders that appear whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from exporters.staging import recover, staged

ROOT = Path(__file__).parents[2]
#: Larger than any process's.
GONE = 999_999_999


def put(target, text):
    with staged(target) as stage:
        (stage / "file").write_text(text)


def content(folder):
    """Every file below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_folder_takes_the_place_of_the_one_before_when_it_is_complete(tmp_path):
    target = tmp_path / "a" / "b"
    put(target, "old")
    with staged(target) as stage:
        (stage / "file").write_text("new")
        assert (target / "file").read_text() == "old"
    assert content(tmp_path) == {"a/b/file": "new"}


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("before", [{}, {"t/file": "old"}])
def test_whatever_stops_the_writer_all_stays_as_it_was(error, before, tmp_path):
    if before:
        put(tmp_path / "t", "old")
    with pytest.raises(error), staged(tmp_path / "t") as stage:
        (stage / "file").write_text("half")
        raise error
    assert content(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["t"] * bool(before)


DIES_BETWEEN_THE_RENAMES = """
import os, signal, sys
from pathlib import Path
from exporters.staging import staged

rename = Path.rename

def die_at_the_second(path, to):
    if "partial" in path.name:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(path, to)

Path.rename = die_at_the_second
with staged(Path(sys.argv[1])) as stage:
    (stage / "file").write_text("new")
"""


def test_a_writer_killed_between_the_two_renames_leaves_what_the_next_one_puts_back(tmp_path):
    target = tmp_path / "t"
    put(target, "old")
    killed = subprocess.run([sys.executable, "-c", DIES_BETWEEN_THE_RENAMES, target], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not target.exists()
    recover(target)
    assert (target / "file").read_text() == "old"
    put(target, "newer")
    assert content(tmp_path) == {"t/file": "newer"}


def test_a_second_rename_that_fails_puts_the_folder_before_back(tmp_path, monkeypatch):
    target = tmp_path / "t"
    put(target, "old")
    rename = Path.rename

    def fail(path, to):
        if "partial" in path.name:
            raise OSError("no")
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="no"):
        put(target, "new")
    assert content(tmp_path) == {"t/file": "old"}


@pytest.mark.parametrize("before", [True, False])
def test_of_two_writers_that_finish_together_the_last_one_stays(before, tmp_path, monkeypatch):
    """The other's folder appears just when this one's should."""
    target = tmp_path / "t"
    if before:
        put(target, "old")
    other = tmp_path / "other"
    put(other, "other")
    rename = Path.rename

    def interfere(path, to):
        if "partial" in path.name and other.exists():
            rename(other, target)
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", interfere)
    put(target, "new")
    assert content(tmp_path) == {"t/file": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_what_killed_writers_left_is_swept_and_what_others_are_at_work_on_is_not(tmp_path):
    for name in (f".t.partial-{GONE}", f".t.previous-{GONE}", f".t.partial-{os.getppid()}", ".u.partial-1"):
        (tmp_path / name).mkdir()
    put(tmp_path / "t", "old")
    put(tmp_path / "t", "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [f".t.partial-{os.getppid()}", ".u.partial-1", "t"]
    )


def test_a_name_that_looks_like_a_pattern_is_just_a_name(tmp_path):
    for target in ("t[1]", "t*"):
        (tmp_path / f".{target}.partial-{GONE}").mkdir()
        (tmp_path / f".{target}.previous-{GONE}").mkdir()
        (tmp_path / f".{target}.previous-{GONE}" / "file").write_text("old")
    recover(tmp_path / "t[1]")
    assert content(tmp_path) == {"t[1]/file": "old", f".t*.previous-{GONE}/file": "old"}
    put(tmp_path / "t*", "new")
    assert content(tmp_path) == {"t[1]/file": "old", "t*/file": "new"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".t[1].partial-{GONE}", "t*", "t[1]"]


def test_what_a_writer_at_work_has_moved_aside_is_left_to_it(tmp_path):
    aside = tmp_path / f".t.previous-{os.getppid()}"
    aside.mkdir()
    recover(tmp_path / "t")
    assert aside.is_dir()


def test_a_file_in_the_place_is_not_replaced(tmp_path):
    (tmp_path / "t").write_text("mine")
    with pytest.raises(NotADirectoryError, match="is in the way: it is not a folder"):
        put(tmp_path / "t", "new")
    assert content(tmp_path) == {"t": "mine"}


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_the_folder_that_it_leads_to_is_renewed(exists, tmp_path):
    real, link = tmp_path / "far" / "real", tmp_path / "t"
    link.symlink_to(real)
    if exists:
        put(real, "old")
    put(link, "new")
    assert link.is_symlink()
    assert content(tmp_path / "far") == {"real/file": "new"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["far", "t"]
