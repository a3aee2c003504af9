"""The command line, as the people and programs that call it see it."""

import json
import os
import pty
import re
import select
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from meshquake.commands.main import main
from meshquake.topology import picture
from meshquake.topology.loader import load, shipped

ROOT = Path(__file__).parents[2]
TELEMETRY = ["events.ndjson", "logs.ndjson", "manifest.json", "metrics.ndjson", "traces.ndjson"]
FILES = ["brief.md", *TELEMETRY, "truth/ground_truth.json", "truth/verdicts.ndjson"]
#: All eight, with a duration that each of them can have.
SCENARIOS = {
    "normal": ["normal"],
    "incidents/degradation": ["degradation"],
    "incidents/outage": ["outage"],
    "incidents/cascade": ["cascade"],
    "incidents/deployment": ["deployment"],
    "noise/transient": ["noise", "--noise-type", "transient"],
    "noise/high_volume": ["noise", "--noise-type", "high-volume"],
    "noise/intermittent": ["noise", "--noise-type", "intermittent"],
}


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def play(output, *arguments):
    """Play something short into a folder; returns its summary for programs."""
    result = call(*arguments, "--json", "--output", output)
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def files_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


# -- what it writes ------------------------------------------------------------------------------------------------


def test_eight_scenarios_are_laid_out_exactly_so(tmp_path):
    for arguments in SCENARIOS.values():
        play(tmp_path, *arguments, "--rate", "0.5")
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert written == sorted(f"{folder}/{name}" for folder in SCENARIOS for name in FILES)


def test_fixtures_go_to_output_fixtures_unless_told_otherwise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call("normal", "--duration", "1", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert files_of(tmp_path / "output" / "fixtures" / "normal") == FILES
    assert call("list-fixtures").stdout.splitlines()[1].split()[0] == "normal"


def test_options_left_out_are_as_documented(tmp_path):
    defaults = {"interval_s": 1.0, "rate_per_s": 20.0, "severity": 1.0, "confounders": "some"}
    play(tmp_path, "normal")
    found = manifest(tmp_path / "normal")
    assert found["options"] == {"duration_s": 60.0, "lead_in_s": 0.0, "recovery_s": 0.0, **defaults}
    assert (found["seed"], found["start"]) == (42, "2024-01-15T10:30:00.000000+00:00")
    for name, duration in (("cascade", 90.0), ("outage", 60.0)):
        play(tmp_path, name, "--rate", "0.1")
        found = manifest(tmp_path / "incidents" / name)["options"]
        assert (found["duration_s"], found["lead_in_s"], found["recovery_s"]) == (duration, 60.0, 60.0)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("9", 9), ("9s", 9), ("1.5s", 1.5), ("2500ms", 2.5), ("0.1m", 6), ("1e1", 10), ("0.002h", 7.2)],
)
def test_times_are_seconds_or_have_a_unit(written, seconds, tmp_path):
    summary = play(tmp_path, "normal", "--duration", written, "--rate", "1")
    assert summary["options"]["duration_s"] == seconds


def test_lead_in_and_recovery_are_recorded_around_the_incident(tmp_path):
    summary = play(tmp_path, "outage", "--duration", "4s", "--lead-in", "3", "--recovery", "2")
    assert {name: phase["seconds"] for name, phase in summary["entry"].items()} == {
        "before": 3,
        "during": 4,
        "after": 2,
    }
    lines = (tmp_path / "incidents" / "outage" / "metrics.ndjson").read_text().splitlines()
    assert json.loads(lines[-1])["timestamp"] == "2024-01-15T10:30:09.000000+00:00"


def test_interval_is_the_time_between_samples(tmp_path):
    play(tmp_path, "normal", "--duration", "2", "--interval", "500ms")
    lines = (tmp_path / "normal" / "metrics.ndjson").read_text().splitlines()
    times = dict.fromkeys(json.loads(line)["timestamp"][17:26] for line in lines)
    assert list(times) == ["00.500000", "01.000000", "01.500000", "02.000000"]


def test_an_interval_longer_than_the_recording_is_warned_of_since_it_samples_nothing(tmp_path):
    arguments = ("normal", "--duration", "1500ms", "--rate", "1", "--output", tmp_path)
    told = "warning: no metrics are sampled: interval 2s is longer than the recording; 1.5s is the longest\n"
    for more, errors in (
        (["--interval", "2s"], told),
        (["--interval", "2s", "--quiet"], ""),
        (["--interval", "1.5s"], ""),
    ):
        result = call(*arguments, *more)
        assert (result.exit_code, result.stderr) == (0, errors)
    assert manifest(tmp_path / "normal")["files"]["metrics.ndjson"]["records"] > 0


def test_rate_is_requests_a_second(tmp_path):
    few, many = (play(tmp_path, "normal", "--rate", rate)["entry"]["during"]["requests"] for rate in (5, 50))
    assert few == pytest.approx(60 * 5, rel=0.25) and many == pytest.approx(60 * 50, rel=0.08)


@pytest.mark.parametrize(
    ("option", "written", "key", "value"),
    [
        ("--rate", "6/m", "rate_per_s", 0.1),
        ("--rate", "360/h", "rate_per_s", 0.1),
        ("--rate", "0.1/s", "rate_per_s", 0.1),
        ("--severity", "50%", "severity", 0.5),
        ("--severity", "1", "severity", 1.0),
    ],
)
def test_rates_and_shares_are_written_as_in_files(option, written, key, value, tmp_path):
    assert play(tmp_path, "normal", "--duration", "1", option, written)["options"][key] == value


def test_severity_scales_the_fault_and_the_seed_changes_the_requests(tmp_path):
    short = ("outage", "--duration", "10", "--lead-in", "0", "--recovery", "0")
    mild, full = (play(tmp_path, *short, "--severity", s)["entry"]["during"] for s in (0.05, 1))
    assert mild["error_share"] < 0.2 < full["error_share"]
    assert play(tmp_path, *short, "--seed", "43")["entry"]["during"] != full
    assert play(tmp_path, *short)["entry"]["during"] == full


@pytest.mark.parametrize(
    ("written", "start"),
    [
        ("2025-02-03T04:05:06Z", "2025-02-03T04:05:06.000000+00:00"),
        ("2025-02-03T04:05:06", "2025-02-03T04:05:06.000000+00:00"),
        ("2025-02-03T04:05:06.25+05:30", "2025-02-02T22:35:06.250000+00:00"),
        ("2025-02-03", "2025-02-03T00:00:00.000000+00:00"),
    ],
)
def test_start_is_iso_8601_and_utc_unless_it_says_otherwise(written, start, tmp_path):
    assert play(tmp_path, "normal", "--duration", "1", "--start", written)["start"] == start
    first = json.loads((tmp_path / "normal" / "metrics.ndjson").read_text().splitlines()[0])
    end = datetime.fromisoformat(start) + timedelta(seconds=1)
    assert first["timestamp"] == end.isoformat(timespec="microseconds")


def test_start_may_be_now(tmp_path):
    before = datetime.now(UTC)
    start = datetime.fromisoformat(play(tmp_path, "normal", "--duration", "1", "--start", "now")["start"])
    assert before <= start <= datetime.now(UTC)


def test_a_topology_of_ones_own_takes_the_place_of_the_scenarios(tmp_path):
    mesh = tmp_path / "tiny.yaml"
    mesh.write_text("name: tiny\nservices: {a: {operations: {x: {}}}}\nworkload: {rate: 5/s, mix: {a.x: 1}}\n")
    summary = play(tmp_path, "normal", "--duration", "3", "--topology", mesh)
    assert summary["topology"] == "tiny"
    result = call("outage", "--topology", mesh, "--output", tmp_path)
    assert result.exit_code == 2
    assert "outage.yaml:" in result.stderr and "unknown service 'database' (valid: a)" in result.stderr


def test_a_scenario_file_of_ones_own_is_played_into_the_folder_of_its_group(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "name: my-storm\nduration: 3s\nlead_in: 0\nrecovery: 0\nfaults: [drop: {target: order-service -> database}]"
    )
    summary = play(tmp_path, "scenario", mine)
    assert summary["folder"] == str(tmp_path / "incidents" / "my-storm")
    assert files_of(tmp_path / "incidents" / "my-storm") == FILES


def test_without_truth_there_is_telemetry_alone_and_the_same(tmp_path):
    play(tmp_path / "with", "outage", "--duration", "3", "--lead-in", "2", "--recovery", "2")
    play(tmp_path / "without", "outage", "--duration", "3", "--lead-in", "2", "--recovery", "2", "--no-truth")
    folders = [tmp_path / each / "incidents" / "outage" for each in ("with", "without")]
    assert [files_of(folder) for folder in folders] == [FILES, TELEMETRY]
    for name in TELEMETRY[:2] + TELEMETRY[3:]:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


# -- what it prints ------------------------------------------------------------------------------------------------


def test_json_is_all_that_the_table_says_and_more(tmp_path):
    summary = play(tmp_path, "cascade", "--duration", "30", "--seed", "3")
    content = manifest(tmp_path / "incidents" / "cascade")
    figures = {"seconds", "requests", "errors", "error_share", "p50_ms", "p95_ms", "p99_ms"}
    assert list(summary) == (
        [
            "scenario",
            "topology",
            "seed",
            "start",
            "options",
            "folder",
            "records",
            "entry",
            "hit",
            "breakers_opened",
            "files",
            "formats",
        ]
    )
    assert (summary["scenario"], summary["topology"], summary["seed"]) == ("cascade", "ten-services", 3)
    for name in ("start", "options", "files"):
        assert summary[name] == content[name]
    assert summary["records"] == {
        name.removesuffix(".ndjson"): file["records"] for name, file in content["files"].items() if name in TELEMETRY
    }
    assert list(summary["entry"]) == ["before", "during", "after"]
    assert all(set(phase) == figures for phase in summary["entry"].values())
    assert summary["hit"][0]["service"] == "database"
    assert all(set(hit) == {"service", "onset_s", "sign"} for hit in summary["hit"])
    assert all(set(each) == {"service", "target", "count"} for each in summary["breakers_opened"])


def test_the_table_says_what_happened(tmp_path):
    summary = play(tmp_path, "cascade", "--duration", "30")
    result = call("cascade", "--duration", "30", "--output", tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    title, header, *phases = result.stdout.splitlines()[:5]
    assert title == "cascade on ten-services, seed 42: A slow database takes half the mesh with it"
    assert header.split() == ["at", "the", "entry", "requests", "errors", "p50", "ms", "p95", "ms", "p99", "ms"]
    for line, (name, phase) in zip(phases, summary["entry"].items(), strict=True):
        latencies = [f"{phase[f'p{q}_ms']:.0f}" for q in (50, 95, 99)]
        assert line.split()[0] == name
        assert line.split()[2:] == [str(phase["requests"]), f"{phase['error_share']:.1%}", *latencies]
    facts = dict(line.split(maxsplit=1) for line in result.stdout.splitlines()[5:])
    assert list(facts) == ["hit", "breakers", "records", "speed", "folder"]
    assert re.findall(r"([\w-]+) at", facts["hit"]) == [hit["service"] for hit in summary["hit"]]
    assert facts["breakers"].split(", ") == (
        [f"{each['service']} -> {each['target']} x{each['count']}" for each in summary["breakers_opened"]]
    )
    assert facts["records"] == ", ".join(f"{count} {kind}" for kind, count in summary["records"].items())
    assert re.fullmatch(r"\d+ simulated seconds a second", facts["speed"])
    assert facts["folder"] == str(tmp_path / "incidents" / "cascade")


def test_one_record_is_told_as_one(tmp_path):
    summary = play(tmp_path, "normal", "--duration", "5", "--rate", "1")
    result = call("normal", "--duration", "5", "--rate", "1", "--output", tmp_path)
    assert summary["records"]["events"] == 1
    assert re.search(r"^records .* traces, 1 event$", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("arguments", SCENARIOS.values(), ids=list(SCENARIOS))
def test_quiet_prints_nothing(arguments, tmp_path):
    result = call(*arguments, "--rate", "0.2", "--quiet", "--output", tmp_path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


ODD = """
name: odd
services:
  a: {operations: {x: {}}}
  idle: {operations: {y: {}}}
workload: {rate: 5/s, mix: {a.x: 1}}
"""


def test_warnings_go_to_standard_error_and_quiet_leaves_them_out(tmp_path):
    (tmp_path / "odd.yaml").write_text(ODD)
    arguments = ("normal", "--duration", "1", "--topology", tmp_path / "odd.yaml", "--output", tmp_path)
    for more, lines in (([], 1), (["--json"], 1), (["--quiet"], 0)):
        result = call(*arguments, *more)
        assert result.exit_code == 0
        assert result.stderr.count(": warning: ") == len(result.stderr.splitlines()) == lines


# -- topology ------------------------------------------------------------------------------------------------------


def test_topology_check_says_ok_and_the_counts():
    mesh = load(shipped()["ten-services"]).topology
    result = call("topology", "check", shipped()["ten-services"])
    operations = sum(len(service.operations) for service in mesh.services)
    assert result.exit_code == 0
    assert result.stdout == (
        f"ok: ten-services: 10 services, {operations} operations, {len(mesh.edges)} edges, 5 entry operations\n"
    )


def test_topology_check_reports_every_problem_with_its_line_and_ends_with_status_2(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "name: bad\nservices:\n  a: {workers: 0, operations: {x: {calls: [b.y]}}}\nworkload: {mix: {a.z: 1}}\n"
    )
    result = call("topology", "check", bad)
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == [f"{bad}:3", f"{bad}:3", f"{bad}:4"]


def test_topology_check_passes_what_is_merely_odd_with_a_warning(tmp_path):
    (tmp_path / "odd.yaml").write_text(ODD)
    result = call("topology", "check", tmp_path / "odd.yaml")
    assert result.exit_code == 0
    assert result.stdout == "ok: odd: 2 services, 2 operations, 0 edges, 1 entry operation\n"
    assert result.stderr.startswith(f"{tmp_path / 'odd.yaml'}:5: warning: ")


@pytest.mark.parametrize("file", [[], ["ten-services"], [shipped()["ten-services"]]])
def test_topology_show_prints_the_mesh_as_text(file):
    result = call("topology", "show", *file)
    assert result.exit_code == 0
    assert result.stdout.rstrip("\n") == picture.text(load(shipped()["ten-services"]).topology).rstrip("\n")


def test_topology_show_writes_pictures_and_then_no_text(tmp_path):
    mesh = load(shipped()["ten-services"]).topology
    dot, svg = tmp_path / "mesh.dot", tmp_path / "mesh.svg"
    result = call("topology", "show", "--dot", dot, "--svg", svg)
    assert (result.exit_code, result.output) == (0, "")
    assert (dot.read_text(encoding="utf-8"), svg.read_text(encoding="utf-8")) == (picture.dot(mesh), picture.svg(mesh))
    assert call("topology", "show", "--dot", "-").stdout == picture.dot(mesh)


def test_a_picture_that_cannot_be_written_is_an_error(tmp_path):
    result = call("topology", "show", "--svg", tmp_path / "nowhere" / "mesh.svg")
    assert (result.exit_code, result.stderr) == (
        2,
        f"{tmp_path / 'nowhere' / 'mesh.svg'}: cannot be written: No such file or directory\n",
    )


def test_version_tells_what_decides_the_bytes_as_a_manifest_does(tmp_path):
    play(tmp_path, "normal", "--duration", "1", "--rate", "1")
    result = call("--version")
    name, python, *libraries = (line.split() for line in result.stdout.splitlines())
    assert (result.exit_code, result.stderr) == (0, "")
    assert python == ["Python", ".".join(map(str, sys.version_info[:3]))]
    assert dict([name, *libraries]) == manifest(tmp_path / "normal")["versions"]


# -- what it refuses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["normal", "--duration", "0"], "must be from 1ms to 8784h, not 0"),
        (["normal", "--duration", "-5"], "must be from 1ms to 8784h, not -5"),
        (["normal", "--duration", "1w"], "must be a duration such as 90, 250ms or 2m, not '1w'"),
        (["normal", "--duration", "nan"], "must be a duration"),
        (["normal", "--duration", "2y"], "must be a duration"),
        (["normal", "--interval", "0"], "must be from 1ms to 24h, not 0"),
        (["normal", "--rate", "0"], "must be above 0"),
        (["normal", "--rate", "nan"], "must be a rate such as 20/s, 90/m or 5/h, not 'nan'"),
        (["normal", "--rate", "2000000"], "must be above 0 and at most 1000000/s, not 2000000"),
        (["normal", "--rate", "20s"], "must be a rate such as 20/s, 90/m or 5/h, not '20s'"),
        (["normal", "--severity", "1.5"], "must be above 0 and at most 100%, not 1.5"),
        (["normal", "--severity", "0%"], "must be above 0 and at most 100%, not 0%"),
        (["serve", "somewhere", "--speed", "10x"], "must be a number such as 0.6, not '10x'"),
        (["normal", "--seed", "-1"], "-1 is not in the range"),
        (["normal", "--start", "yesterday"], "must be ISO 8601, as in 2024-01-15T10:30:00Z, or now; not 'yesterday'"),
        (["normal", "--start", "9999-12-31T23:59:59-12:00"], "must be a year from 1970 to 9000"),
        (["normal", "--start", "0001-01-01T00:00:00+12:00"], "must be a year from 1970 to 9000"),
        (["noise"], "Missing option '--noise-type'"),
        (["noise", "--noise-type", "loud"], "'loud' is not one of 'transient', 'high-volume', 'intermittent'"),
        (["scenario", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["scenario", "."], ".: is a folder, not a file"),
        (["normal", "--topology", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["normal", "--topology", "ten-servces"], "ten-servces: no such file or shipped mesh (did you mean 'ten-serv"),
        (["topology", "check", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["topology", "show", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["cascde"], "No such command 'cascde'"),
        (["cascade", "--sed", "1"], "No such option"),
    ],
    ids=" ".join,
)
def test_what_is_asked_for_wrongly_ends_with_status_2_and_says_why(arguments, message, tmp_path):
    arguments = (
        [*arguments, "--output", str(tmp_path)] if arguments[0] in ("normal", "noise", "scenario") else arguments
    )
    result = call(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert result.stdout == "" and not list(tmp_path.iterdir())


# -- the real thing ------------------------------------------------------------------------------------------------


def test_help_answers_without_loading_what_only_runs_need():
    heavy = "numpy polars scipy simpy networkx yaml rich"
    look = f"import sys\ntry: main()\nfinally: print(*(set({heavy!r}.split()) & set(sys.modules)), file=sys.stderr)"
    for arguments in (["--help"], ["cascade", "--help"], ["topology", "--help"]):
        code = f"import sys; sys.argv[1:] = {arguments}; from run import main\n{look}"
        result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert result.stdout.startswith("Usage: ")
        assert result.stderr == "\n"


def test_in_a_pipe_there_are_no_control_characters_whatever_the_environment_says(tmp_path):
    colourful = os.environ | {
        "FORCE_COLOR": "1",
        "TERM": "xterm-256color",
        "TTY_INTERACTIVE": "1",
        "TTY_COMPATIBLE": "1",
    }
    result = subprocess.run(
        [sys.executable, "run.py", "cascade", "--duration", "20", "--output", str(tmp_path)],
        cwd=ROOT,
        env=colourful,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.startswith("cascade on ten-services, seed 42: ") and result.stderr == ""
    assert result.stdout.replace("\n", "").isprintable()


def on_a_terminal(command, streams):
    """Run a command with some of its streams on a terminal; returns what appears there, and the rest of its output."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        **{name: slave if name in streams else subprocess.PIPE for name in ("stdout", "stderr")},
    )
    os.close(slave)
    seen = b""
    while select.select([master], [], [], 30)[0]:
        try:
            seen += os.read(master, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
    os.close(master)
    rest = b"".join(filter(None, process.communicate(timeout=30)))
    assert process.returncode == 0
    return seen.decode(), rest.decode()


def test_on_a_terminal_there_is_a_bar_of_simulated_time_on_standard_error(tmp_path):
    command = [sys.executable, "run.py", "normal", "--duration", "5m", "--output", str(tmp_path)]
    seen, piped = on_a_terminal(command, ["stderr"])
    assert "normal" in seen and "\x1b[" in seen
    shares = [int(share) for share in re.findall(r"(\d+)%", seen)]
    assert shares == sorted(shares) and 0 < shares[len(shares) // 2] < 100
    assert piped.startswith("normal on ten-services") and piped.replace("\n", "").isprintable()


def test_on_a_terminal_the_table_is_on_standard_output(tmp_path):
    command = [sys.executable, "run.py", "normal", "--duration", "3", "--output", str(tmp_path)]
    seen, piped = on_a_terminal(command, ["stdout"])
    assert "normal on ten-services, seed 42: Nothing goes wrong" in seen and "during (3s)" in seen
    assert piped == ""


def test_quiet_is_quiet_on_a_terminal_too(tmp_path):
    command = [sys.executable, "run.py", "normal", "--duration", "3", "--quiet", "--output", str(tmp_path)]
    assert on_a_terminal(command, ["stdout", "stderr"]) == ("", "")
