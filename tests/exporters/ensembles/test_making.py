"""An ensemble on disk has the same bytes for any number of workers, however often it was stopped."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from meshquake.ensembles.axes import Cell
from meshquake.ensembles.sources import sources
from meshquake.ensembles.stopping import Until
from meshquake.exporters.ensembles import completion, making, manifest, reading, report, runs_file
from meshquake.exporters.ensembles.manifest import EnsembleError
from tests.station import BROKEN, MESH, study

ROOT = Path(__file__).parents[3]
SHORT = BROKEN.replace("5s", "1s").replace("10s", "4s")
QUICK = "{name: calm, lead_in: 0s, duration: 1s, recovery: 0s, confounders: none}"


def make(folder, one, workers=1, resume=False):
    heard = []
    making.make(one, folder, workers, resume, lambda done, total: heard.append((done, total)))
    return heard


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def small(**more):
    return study("rate=40,80", **{"replications": 3, "scenario": QUICK} | more)


def test_an_ensemble_has_a_manifest_a_line_a_run_and_a_marker(tmp_path):
    heard = make(tmp_path / "made", small(asked=["entry.requests", "never=key.detect"]))
    assert heard[0] == (0, 6) and heard[-1] == (6, 6)
    made = content(tmp_path / "made")
    assert list(made) == ["complete.json", "ensemble.json", "runs.ndjson"]
    lines = [json.loads(line) for line in made["runs.ndjson"].splitlines()]
    assert [(each["replication"], each["cell"]) for each in lines] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert lines[0]["values"]["entry.requests"] > 10 and lines[0]["values"]["never"] is None
    assert json.loads(made["complete.json"])["runs"] == 6


def test_the_manifest_is_enough_to_make_the_same_bytes(tmp_path):
    one = small(
        asked=["load=mean(queue_depth) of web"], assignments=("services.web.workers=2",), warm_up="mser", calm=True
    )
    make(tmp_path / "made", one)
    again, _ = manifest.load(tmp_path / "made")
    make(tmp_path / "again", again)
    assert content(tmp_path / "again") == content(tmp_path / "made")


def test_whatever_it_was_stopped_after_it_goes_on_to_the_same_bytes(tmp_path):
    one = small(until=Until("entry.latency_mean", 0.5), replications=10, at_most=12)
    make(tmp_path / "whole", one)
    whole = content(tmp_path / "whole")
    text = whole["runs.ndjson"]
    for size in (0, text.index(b"\n") + 1, len(text) // 2, len(text) - 1):
        folder = tmp_path / str(size)
        shutil.copytree(tmp_path / "whole", folder)
        (folder / completion.NAME).unlink()
        (folder / runs_file.NAME).write_bytes(text[:size])
        heard = make(folder, one, resume=True)
        assert heard[0][0] == min(text[:size].count(b"\n"), 20)
        assert content(folder) == whole


def test_until_makes_as_many_runs_of_each_cell_as_it_takes(tmp_path):
    one = study("rate=20,80", scenario=QUICK, replications=10, until=Until("entry.latency_mean", 0.3), at_most=100)
    make(tmp_path / "made", one)
    found = reading.analysis(tmp_path / "made")
    calm, busy = (len(found.runs_of(cell)) for cell in range(2))
    assert calm <= busy and busy > 10 and found.short() == []
    assert all(each.difference.pairs == min(calm, busy) for each in found.compared)


def test_a_precision_that_is_not_reached_is_given_up_and_told(tmp_path):
    make(tmp_path / "made", small(replications=10, until=Until("entry.latency_mean", 0.001), at_most=15))
    found = reading.analysis(tmp_path / "made")
    assert [len(found.runs_of(cell)) for cell in range(2)] == [15, 15] and found.short() == [0, 1]


def test_a_mean_of_nothing_is_never_known_precisely_and_the_report_says_why(tmp_path):
    never = Until("entry.error_rate", 0.05)
    make(tmp_path / "made", small(asked=[never.response], replications=10, until=never, at_most=15))
    found = reading.analysis(tmp_path / "made")
    assert [len(found.runs_of(cell)) for cell in range(2)] == [15, 15]
    said = [line for line in report.blocks(found, complete=True) if "not reached" in str(line)]
    assert said == [
        f"entry.error_rate within 5%: not reached for {rate} after 15 runs: "
        "the mean is still 0, to which no error is relative."
        for rate in (40, 80)
    ]


def test_nothing_is_written_over_and_nothing_else_is_gone_on_with(tmp_path):
    make(tmp_path / "made", small())
    with pytest.raises(FileExistsError, match="it holds an ensemble: continue with --resume"):
        make(tmp_path / "made", small())
    with pytest.raises(EnsembleError, match=r"another study or version made it \(different: seed\)"):
        make(tmp_path / "made", small(seed=2), resume=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    with pytest.raises(FileExistsError, match=r"it holds notes\.txt, which is not part of an ensemble"):
        make(tmp_path / "other", small())


def test_runs_that_were_changed_are_refused_by_their_line(tmp_path):
    make(tmp_path / "made", small())
    file = tmp_path / "made" / runs_file.NAME
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], lines[1].replace(b'"seed": ', b'"seed": 1')]))
    with pytest.raises(EnsembleError, match=r"runs\.ndjson:2: is not a run of this study: the file was changed"):
        reading.analysis(tmp_path / "made")
    file.write_bytes(lines[0] + lines[0])
    with pytest.raises(EnsembleError, match=r"runs\.ndjson:2: is a run that a line above has, too"):
        reading.analysis(tmp_path / "made")
    (tmp_path / "made" / completion.NAME).unlink()
    file.write_bytes(lines[1])
    with pytest.raises(EnsembleError, match="its runs are out of order"):
        make(tmp_path / "made", small(), resume=True)


@pytest.mark.parametrize("file", [runs_file.NAME, completion.NAME])
def test_a_complete_ensemble_is_what_it_was_when_it_was_completed(tmp_path, file):
    """A changed value or hash, a missing line, and an empty file are all refused, and nothing is written over them."""
    one = small()
    make(tmp_path / "made", one)
    path = tmp_path / "made" / file
    whole = path.read_bytes()
    changed = re.sub(rb"[1-9](?=[^1-9]*$)", b"0", whole, count=1), b"".join(whole.splitlines(keepends=True)[:-1]), b""
    for content_ in changed:
        path.write_bytes(content_)
        for attempt in (lambda: reading.analysis(tmp_path / "made"), lambda: make(tmp_path / "made", one, resume=True)):
            with pytest.raises(EnsembleError, match=r"does not match the sha256 in complete\.json: .* --output DIR"):
                attempt()
        assert path.read_bytes() == content_
    path.write_bytes(whole)
    make(tmp_path / "made", one, resume=True)
    assert reading.analysis(tmp_path / "made").runs


def test_a_disk_that_is_full_leaves_whole_runs_which_are_gone_on_with(tmp_path, monkeypatch):
    one, add, room = small(), runs_file.RunsFile.add, 4

    def full(self, run):
        nonlocal room
        room -= 1
        if room < 0:
            self._file.write(b'{"cell": ')  # as much as there was room for
            raise OSError(errno.ENOSPC, "No space left on device")
        add(self, run)

    monkeypatch.setattr(runs_file.RunsFile, "add", full)
    with pytest.raises(OSError, match="No space left"):
        make(tmp_path / "made", one)
    assert len(reading.analysis(tmp_path / "made").runs) == 4
    assert not completion.is_complete(tmp_path / "made")
    monkeypatch.undo()
    make(tmp_path / "made", one, resume=True)
    make(tmp_path / "whole", one)
    assert content(tmp_path / "made") == content(tmp_path / "whole")


@pytest.mark.skipif(sys.platform == "win32", reason="processes are locked out of a file otherwise there")
def test_two_commands_do_not_write_into_one_ensemble(tmp_path):
    make(tmp_path / "made", small())
    with (
        runs_file.opened(tmp_path / "made", small()),
        pytest.raises(OSError, match="another command is using it"),
    ):
        make(tmp_path / "made", small(), resume=True)


def shared():
    """Return a study that processes share: some ten milliseconds per run."""
    return study(
        "rate=40,80", replications=8, scenario=SHORT, asked=["entry.error_rate", "key.harmed", "entry.latency_p95"]
    )


def test_two_workers_that_were_killed_and_one_that_went_on_write_what_one_does(tmp_path):
    make(tmp_path / "one", shared())
    asked, killed = tmp_path / "asked", tmp_path / "killed"
    asked.mkdir()
    manifest.save(asked, shared())
    command = [sys.executable, "run.py", "ensemble", str(asked), "--output", str(killed), "--workers", "2"]
    while completion.is_complete(killed) or not killed.exists():  # it may finish before the observer looks
        shutil.rmtree(killed, ignore_errors=True)
        kill_after_a_run(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True), killed)
    assert 1 <= (killed / runs_file.NAME).read_bytes().count(b"\n") < 16
    make(killed, shared(), resume=True)
    assert content(tmp_path / "one") == content(killed)


@pytest.mark.slow
def test_one_two_and_four_workers_write_the_same_bytes(tmp_path):
    for workers in (1, 2, 4):
        make(tmp_path / str(workers), shared(), workers)
    assert content(tmp_path / "1") == content(tmp_path / "2") == content(tmp_path / "4")


def kill_after_a_run(process, folder):
    """Kill a command and all its processes once one run is written, or when it has ended."""
    runs = folder / runs_file.NAME
    while not (runs.exists() and b"\n" in runs.read_bytes()) and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_files_of_requests_are_copied_so_that_the_originals_may_go(tmp_path):
    requests = tmp_path / "requests.csv"
    requests.write_text("time,entry\n" + "".join(f"{number / 50},web.home\n" for number in range(40)))
    (tmp_path / "mesh.yaml").write_text(
        MESH.replace("rate: 50/s, mix: {web.home: 1}", "populations: {old: {replay: requests.csv}}")
    )
    (tmp_path / "calm.yaml").write_text(QUICK)
    texts = sources("calm.yaml", "mesh.yaml", tmp_path).texts
    one = replace(small(asked=["entry.requests"]), axes=(), cells=(Cell(()),), **texts)
    make(tmp_path / "made", one)
    requests.unlink()
    again, _ = manifest.load(tmp_path / "made")
    make(tmp_path / "again", again)
    assert reading.analysis(tmp_path / "again").estimates[0][0].interval.estimate == 40
    assert (tmp_path / "again" / "runs.ndjson").read_bytes() == (tmp_path / "made" / "runs.ndjson").read_bytes()
    assert (tmp_path / "again" / "replayed" / "1.csv").is_file()
