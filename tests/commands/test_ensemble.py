"""`ensemble`: run, resume, report, and errors."""

import csv
import errno
import json
import os
import shutil
import sys

import polars as pl
import pytest
from commandline import call

from meshquake.exporters.ensembles import completion
from meshquake.exporters.ensembles.runs_file import RunsFile
from tests.station import BROKEN, MESH

ASKED = ["--response", "entry.error_rate", "--response", "key.harmed"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a small ensemble of two variants, one with a fault."""
    folder = tmp_path_factory.mktemp("ensemble")
    (folder / "mesh.yaml").write_text(MESH)
    (folder / "broken.yaml").write_text(BROKEN + "topology: mesh.yaml\n")
    made = run(
        folder, "--vary", "faults.fail-1.share=10%,90%", "--replications", 4, *ASKED, "--output", folder / "made"
    )
    assert (made.exit_code, made.stderr.count("\n")) == (0, made.stderr.count("warning")), made.stderr
    (folder / "made.txt").write_text(made.stdout)
    return folder


def run(folder, *arguments):
    return call("ensemble", folder / "broken.yaml", "--workers", 1, *arguments)


def test_what_comes_of_it_says_what_changed_by_how_much_and_how_sure_that_is(folder):
    text = (folder / "made.txt").read_text()
    assert text.startswith("broken: 2 cells, 4 runs each, seed 1\n")
    (told,) = [line for line in text.splitlines() if line.split()[:3] == ["entry.error_rate", "10%", "90%"]]
    assert "differs" in told and "(+7" in told
    assert "comparisons (Holm)" in text and "not distinguishable may still differ" in text


def test_the_report_has_tables_for_programs_and_plots_with_every_run(folder):
    done = call("ensemble", folder / "made", "--report", "--quiet")
    assert (done.exit_code, done.output) == (0, "")
    place = folder / "made" / "report"
    names = [f"{table}.{kind}" for table in ("cells", "differences", "runs") for kind in ("csv", "parquet")]
    assert sorted(path.name for path in place.iterdir()) == sorted([*names, "plot.html", "plot.png", "plot.svg"])
    runs = pl.read_parquet(place / "runs.parquet")
    assert len(runs) == 8 and runs["faults.fail-1.share"].to_list()[:2] == ["10%", "90%"]
    with (place / "cells.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["response"] == "entry.error_rate"]
    for row, cell in zip(rows, (0, 1), strict=True):
        own = runs.filter(cell=cell)["entry.error_rate"]
        assert float(row["mean"]) == pytest.approx(own.mean()) and float(row["low"]) < own.mean() < float(row["high"])
    assert [row["group"] for row in rows] == ["a", "b"]
    assert (place / "plot.svg").read_text().startswith("<svg")
    page = (place / "plot.html").read_text()
    assert "<script" in page and 'src="http' not in page


def test_json_has_the_same_tables(folder):
    told = json.loads(call("ensemble", folder / "made", "--json", "--quiet").stdout, parse_constant=pytest.fail)
    assert told["complete"] is True and len(told["runs"]) == 8
    assert {each["response"] for each in told["differences"] if each["differs"]} >= {"entry.error_rate"}


def test_without_the_library_of_plots_there_are_tables_and_a_line_that_says_so(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "altair", None)
    monkeypatch.delitem(sys.modules, "meshquake.exporters.ensembles.chart", raising=False)
    done = call("ensemble", folder / "made", "--report", "--quiet")
    assert done.exit_code == 0
    assert done.stderr == "warning: a plot needs altair: pip install 'meshquake[report]'\n"


def test_what_is_complete_is_shown_though_not_all_is_and_gone_on_with(folder, tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    (made / "ensemble.json").write_bytes((folder / "made" / "ensemble.json").read_bytes())
    whole = (folder / "made" / "runs.ndjson").read_bytes()
    (made / "runs.ndjson").write_bytes(b"".join(whole.splitlines(keepends=True)[:5]))
    told = call("ensemble", made)
    assert told.exit_code == 0
    assert told.stdout.startswith("broken: 2 cells, 2 to 3 runs each, seed 1 (incomplete: continue with --resume)")
    assert call("ensemble", made, "--resume", "--workers", 1, "--quiet").exit_code == 0
    assert (made / "runs.ndjson").read_bytes() == whole and completion.is_complete(made)


def test_a_study_is_a_file_too(folder, tmp_path):
    (folder / "study.yaml").write_text(
        "{name: both, scenario: broken.yaml, vary: {rate: [20, 40]}, responses: [entry.requests], replications: 2}"
    )
    done = call("ensemble", folder / "study.yaml", "--workers", 1, "--output", tmp_path / "made", "--seed", 7, "--json")
    told = json.loads(done.stdout)
    assert [each["mean"] for each in told["cells"]] == [pytest.approx(200, rel=0.2), pytest.approx(400, rel=0.2)]
    assert {each["replication"] for each in told["runs"]} == {0, 1}


def test_a_hypercube_says_which_parameter_moves_what(folder, tmp_path):
    options = [
        "--vary",
        "faults.fail-1.share=1%..90%",
        "--vary",
        "workload.balance=random,least_request",
        "--sample",
        12,
    ]
    done = run(folder, *options, "--replications", 1, "--response", "entry.error_rate", "--output", tmp_path / "made")
    assert done.exit_code == 0, done.stderr
    told = {line.split()[1]: line for line in done.stdout.splitlines() if line.startswith("entry.error_rate  ")}
    assert "has an effect" in told["faults.fail-1.share"] and "may be chance" in told["workload.balance"]
    assert call("ensemble", tmp_path / "made", "--report", "--quiet").exit_code == 0
    assert (tmp_path / "made" / "report" / "effects.csv").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--vary", "services.wbe.workers=1,2"],
            "--vary services.wbe.workers=1,2: there is no service 'wbe' (did you mean 'web'?)",
        ),
        (["--vary", "nothing"], "--vary nothing: must be PATH=a,b,c or PATH=lo..hi:n"),
        (["--set", "nothing"], "--set nothing: must be PATH=VALUE"),
        (["--response", "entry.eror_rate"], "--response entry.eror_rate: there is no figure 'entry.eror_rate'"),
        (["--until", "entry.error_rate"], "--until entry.error_rate: must be RESPONSE:RELATIVE"),
        (["--until", "latency:5%"], "--until latency:5%: there is no response 'latency'"),
        (["--until", "entry.error_rate:5%", "--at-most", "15"], "--at-most 15: must be at least 20: so many runs are"),
        (["--until", "entry.error_rate:5%", "--replications", "3"], "--replications 3: must be at least 10 to reach"),
        (["--at-most", "5"], "--at-most 5: needs --until, the precision to reach"),
        (["--response", "seed=entry.requests"], "--response seed: is a column of the table of runs already"),
        (["--response", "a=entry.requests", "--response", "a=key.harmed"], "--response a: is given twice"),
        (["--vary", "rate=1,2", "--response", "rate=entry.requests"], "--response rate: is a column of the table of"),
        (["--vary", "rate=1,2", "--set", "rate=3"], "--vary rate: replaces what --set rate=3 sets"),
        (["--warm-up", "20s"], "--warm-up 20s: leaves nothing of the recording, which is 20s long"),
        (["--warm-up", "soon"], "--warm-up soon: must be a time such as 30s, or mser"),
        (["--topology", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["--report"], "--report works on an ensemble that was made: give its folder"),
    ],
)
def test_what_cannot_be_is_one_clear_line_and_nothing_is_written(folder, tmp_path, options, message):
    done = run(folder, *options, "--output", tmp_path / "made")
    assert done.exit_code == 2
    told = [line for line in done.stderr.splitlines() if "warning" not in line]
    assert told[0].startswith(message) and len(told) <= 2
    assert not (tmp_path / "made").exists()


def test_all_that_is_wrong_is_told_at_once(folder, tmp_path):
    asked = ["--vary", "services.wb.replicas=1,2", "--vary", "rate=1..9", "--vary", "servces.web.replicas=1"]
    asked += [
        "--response",
        "entry.eror_rate",
        "--until",
        "foo:5%",
        "--set",
        "nothing",
        "--topology",
        folder / "mesh.yaml",
    ]
    done = run(folder, *asked, "--output", tmp_path / "made")
    assert [line.partition(": ")[0] for line in done.stderr.splitlines() if "warning" not in line] == [
        "--response entry.eror_rate",
        "--set nothing",
        "--vary rate",
        "--until foo:5%",
        "--vary services.wb.replicas=1,2",
        "--vary servces.web.replicas=1",
    ]
    assert done.exit_code == 2 and not (tmp_path / "made").exists()


def test_an_output_that_cannot_be_is_named(folder, tmp_path):
    (tmp_path / "file").touch()
    done = run(folder, "--output", tmp_path / "file" / "made", "--quiet")
    assert (done.exit_code, done.stderr) == (2, f"{tmp_path}/file/made: cannot be written: Not a directory\n")
    done = run(folder, "--quiet")
    assert (done.exit_code, done.stderr) == (2, "--output: give a folder for the ensemble\n")


def test_a_file_where_a_folder_should_be_is_told(folder, tmp_path):
    (tmp_path / "file").touch()
    done = run(folder, "--output", tmp_path / "file", "--quiet")
    assert (done.exit_code, done.stderr) == (2, f"{tmp_path}/file: cannot be written: it is a file, not a folder\n")
    shutil.copytree(folder / "made", tmp_path / "made", ignore=shutil.ignore_patterns("report"))
    (tmp_path / "made" / "report").touch()
    done = call("ensemble", tmp_path / "made", "--report", "--quiet")
    assert (done.exit_code, done.stderr) == (
        2,
        f"{tmp_path}/made/report: cannot be written: it is a file, not a folder\n",
    )
    done = call("ensemble", tmp_path / "none", "--report")
    assert (done.exit_code, done.stderr) == (2, f"{tmp_path}/none: no such folder\n")


def test_cells_with_one_run_each_are_not_compared_and_the_report_says_so(folder, tmp_path):
    done = run(
        folder,
        "--vary",
        "rate=10,20",
        "--replications",
        1,
        "--response",
        "entry.requests",
        "--output",
        tmp_path / "made",
    )
    assert done.stdout.startswith("broken: 2 cells, 1 run each, seed 1\n")
    assert "Cells with one run each are not compared: that takes at least two replications." in done.stdout


def test_of_a_full_disk_it_is_said_that_what_is_complete_stays_and_it_does(folder, tmp_path, monkeypatch):
    options = ["--replications", 3, "--response", "entry.error_rate", "--quiet", "--output", tmp_path / "made"]
    add, left = RunsFile.add, [2]

    def full(file, run):
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left[0] -= 1
        add(file, run)

    with monkeypatch.context() as patch:
        patch.setattr(RunsFile, "add", full)
        done = run(folder, *options)
    said = "cannot be written: No space left on device; complete runs are kept: continue with --resume"
    assert (done.exit_code, done.stderr) == (2, f"{tmp_path}/made: {said}\n")
    made = []
    monkeypatch.setattr(RunsFile, "add", lambda file, run: (made.append(run), add(file, run)))
    assert call("ensemble", tmp_path / "made", "--resume", "--workers", 1, "--quiet").exit_code == 0
    assert [each.replication for each in made] == [2]
    assert run(folder, *options[:-1], tmp_path / "whole").exit_code == 0
    assert (tmp_path / "made/runs.ndjson").read_bytes() == (tmp_path / "whole/runs.ndjson").read_bytes()


def test_a_folder_that_is_none_and_one_that_is_settled_are_told(folder, tmp_path):
    done = call("ensemble", tmp_path)
    assert (done.exit_code, done.stderr) == (2, f"{tmp_path}: is not an ensemble: it has no ensemble.json\n")
    done = call("ensemble", folder / "made", "--replications", 9)
    assert (done.exit_code, done.stderr) == (
        2,
        f"{folder}/made: holds an ensemble, whose study is settled (--output DIR runs it again)\n",
    )
    done = run(folder, "--output", folder / "made", "--quiet")
    assert (done.exit_code, done.stderr) == (
        2,
        f"{folder}/made: cannot be written: it holds an ensemble: continue with --resume\n",
    )
