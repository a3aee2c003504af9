"""Commands that play a scenario: their files and their output."""

import json
import re

import pytest
from commandline import ODD, call, files_of, manifest, play
from patience import every

TELEMETRY = ["events.ndjson", "logs.ndjson", "manifest.json", "metrics.ndjson", "traces.ndjson"]
FILES = ["brief.md", *TELEMETRY, "truth/ground_truth.json", "truth/verdicts.ndjson"]
#: All eight, with a duration that each of them accepts.
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
#: Long enough that breakers open.
CASCADE = ("cascade", "--duration", "30", "--seed", "3")


def test_eight_scenarios_are_laid_out_exactly_so(tmp_path):
    for arguments in SCENARIOS.values():
        around = () if arguments == ["normal"] else ("--lead-in", "1", "--recovery", "1")
        play(tmp_path, *arguments, "--rate", "0.5", "--duration", "24", *around)
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
    told = "warning: no metrics are sampled: the interval of 2s is longer than the recording of 1.5s\n"
    for more, errors in (
        (["--interval", "2s"], told),
        (["--interval", "2s", "--quiet"], ""),
        (["--interval", "1.5s"], ""),
    ):
        result = call(*arguments, *more)
        assert (result.exit_code, result.stderr) == (0, errors)
    assert manifest(tmp_path / "normal")["files"]["metrics.ndjson"]["records"] > 0


def test_rate_is_requests_a_second(tmp_path):
    few, many = (play(tmp_path, "normal", "--calm", "--rate", rate)["entry"]["during"]["requests"] for rate in (5, 50))
    assert few == pytest.approx(60 * 5, rel=0.25) and many == pytest.approx(60 * 50, rel=0.08)


def test_severity_scales_the_fault_and_the_seed_changes_the_requests(tmp_path):
    short = ("outage", "--duration", "10", "--lead-in", "0", "--recovery", "0")
    mild, full = (play(tmp_path, *short, "--severity", s)["entry"]["during"] for s in (0.05, 1))
    assert mild["error_share"] < 0.2 < full["error_share"]
    assert play(tmp_path, *short, "--seed", "43")["entry"]["during"] != full
    assert play(tmp_path, *short)["entry"]["during"] == full


def test_a_topology_of_ones_own_takes_the_place_of_the_scenarios(tmp_path):
    mesh = tmp_path / "tiny.yaml"
    mesh.write_text("name: tiny\nservices: {a: {operations: {x: {}}}}\nworkload: {rate: 5/s, mix: {a.x: 1}}\n")
    summary = play(tmp_path, "normal", "--duration", "3", "--topology", mesh)
    assert summary["topology"] == "tiny"
    result = call("outage", "--topology", mesh, "--output", tmp_path)
    assert result.exit_code == 2
    assert result.stderr == (
        "outage: faults[0].slow.target: tiny has no database; its services are of kind service. For this mesh, write a "
        "scenario and run it: python run.py scenario FILE (docs/scenarios.md)\n"
    )


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


# -- output --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cascade(tmp_path_factory):
    """Return a cascade of half a minute: its folder, and its machine-readable summary."""
    output = tmp_path_factory.mktemp("cascade")
    return output, play(output, *CASCADE)


def test_json_is_all_that_the_table_says_and_more(cascade):
    output, summary = cascade
    content = manifest(output / "incidents" / "cascade")
    figures = {"seconds", "requests", "errors", "error_share", "p50_ms", "p95_ms", "p99_ms"}
    assert list(summary) == (
        [
            "scenario",
            "topology",
            "seed",
            "start",
            "options",
            "targets",
            "folder",
            "records",
            "entry",
            "unfinished",
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
    assert summary["targets"] == [{"fault": "slow-1", "role": "{kind: database}", "target": "database"}]
    assert summary["hit"][0]["service"] == "database"
    assert all(set(hit) == {"service", "onset_s", "sign"} for hit in summary["hit"])
    assert all(set(each) == {"service", "target", "count"} for each in summary["breakers_opened"])


def test_the_table_says_what_happened(cascade, tmp_path):
    _, summary = cascade
    result = call(*CASCADE, "--output", tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    title, header, *phases = result.stdout.splitlines()[:5]
    assert title == "cascade on ten-services, seed 3: A slow database takes half the mesh with it"
    assert header.split() == ["at", "the", "entry", "requests", "errors", "p50", "ms", "p95", "ms", "p99", "ms"]
    for line, (name, phase) in zip(phases, summary["entry"].items(), strict=True):
        latencies = [f"{phase[f'p{q}_ms']:.0f}" for q in (50, 95, 99)]
        assert line.split()[0] == name
        assert line.split()[2:] == [str(phase["requests"]), f"{phase['error_share']:.1%}", *latencies]
    facts = dict(line.split(maxsplit=1) for line in result.stdout.splitlines()[5:])
    assert list(facts) == ["targets", "hit", "breakers", "records", "speed", "folder"]
    assert facts["targets"] == "database ({kind: database})"
    assert re.findall(r"([\w-]+) at", facts["hit"]) == [hit["service"] for hit in summary["hit"]]
    assert facts["breakers"].split(", ") == (
        [f"{each['service']} -> {each['target']} x{each['count']}" for each in summary["breakers_opened"]]
    )
    assert facts["records"] == ", ".join(f"{count} {kind}" for kind, count in summary["records"].items())
    assert re.fullmatch(r"\d+ simulated seconds per second", facts["speed"])
    assert facts["folder"] == str(tmp_path / "incidents" / "cascade")


@pytest.mark.parametrize(
    ("observability", "said"),
    [
        ("perfect", None),
        (
            "typical",
            "traces: those that failed or took over 1s, and 20% of the rest; the figures above are of what is kept",
        ),
        ("poor", "5% of all traces; the figures above are of what is kept"),
    ],
)
def test_what_the_figures_are_of_is_told_where_traces_are_sampled(tmp_path, observability, said):
    result = call("normal", "--duration", "2", "--no-truth", "--observability", observability, "--output", tmp_path)
    facts = dict(line.split(maxsplit=1) for line in result.stdout.splitlines()[3:])
    assert facts.get("sampled") == said


def test_one_record_is_told_as_one(tmp_path):
    summary = play(tmp_path, "normal", "--duration", "5", "--rate", "1")
    result = call("normal", "--duration", "5", "--rate", "1", "--output", tmp_path)
    assert summary["records"]["events"] == 1
    assert re.search(r"^records .* traces, 1 event$", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("arguments", every(SCENARIOS.values(), (["normal"],)), ids=list(SCENARIOS))
def test_quiet_prints_nothing(arguments, tmp_path):
    result = call(*arguments, "--rate", "0.2", "--quiet", "--output", tmp_path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_warnings_go_to_standard_error_and_quiet_leaves_them_out(tmp_path):
    (tmp_path / "odd.yaml").write_text(ODD)
    arguments = ("normal", "--duration", "1", "--topology", tmp_path / "odd.yaml", "--output", tmp_path)
    for more, lines in (([], 1), (["--json"], 1), (["--quiet"], 0)):
        result = call(*arguments, *more)
        assert result.exit_code == 0
        assert result.stderr.count(": warning: ") == len(result.stderr.splitlines()) == lines
