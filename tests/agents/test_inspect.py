"""Cases as tasks of Inspect: a scripted model is on call over six cases, and its marks are those of `score`."""

import json
import subprocess
import sys
from math import isnan
from pathlib import Path

import pytest
from commandline import call
from small_cases import CASES

inspect_ai = pytest.importorskip("inspect_ai")

from inspect_ai.log import read_eval_log  # noqa: E402
from inspect_ai.model import ModelOutput, ModelUsage, get_model  # noqa: E402
from jsonschema import Draft202012Validator  # noqa: E402

from meshquake.agents.inspect import registry  # noqa: E402
from meshquake.agents.inspect.on_call import GO_ON, REMINDERS  # noqa: E402
from meshquake.agents.inspect.tools import plain  # noqa: E402
from meshquake.agents.inspect.triage import triage  # noqa: E402
from meshquake.exporters.fixtures import answers  # noqa: E402
from meshquake.exporters.reports.way import figures  # noqa: E402
from meshquake.exporters.reports.way.report import report  # noqa: E402
from meshquake.topology.exceptions import MeshquakeError  # noqa: E402


@pytest.fixture(scope="module")
def cases(small_cases):
    return small_cases[0]


def called(tool, **arguments):
    """Return a model's output that calls a tool."""
    return counted(ModelOutput.for_tool_call("mockllm", tool, arguments))


def said(text):
    return counted(ModelOutput.from_content("mockllm", text))


def counted(output):
    """Add token usage to an output, since Inspect would otherwise download a tokeniser."""
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


def scripted(messages, tools, choice, config):
    """Name the service with the highest latency, if anybody was paged; makes one invalid call."""
    answered = [message for message in messages if message.role == "tool"]
    match len(answered):
        case 0:
            return called("get_brief")
        case 1:
            return called("query_metrics", metric="latency")
        case 2:
            return called("query_metrics", metric="latency_p95", step=86_400, aggregate="max")
    if "Nobody was paged" in json.loads(answered[0].text)["brief"]:
        return called("submit", root_causes=[])
    told = json.loads(answered[2].text)
    rows = [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]
    worst = max(rows, key=lambda row: row["points"][-1][1])["service"]
    edges = [{"from": "store", "to": "web", "evidence": ["call:3"]}]
    return called(
        "submit",
        root_causes=[{"service": worst, "evidence": ["call:3"]}],
        affected_services=["store", "web"],
        propagation=edges,
    )


def evaluated(task, outputs, folder, **more):
    model = get_model("mockllm/model", custom_outputs=outputs, memoize=False)
    (log,) = inspect_ai.eval(task, model=model, log_dir=str(folder), display="none", max_samples=1, **more)
    assert log.status == "success", log.error
    return read_eval_log(log.location)


@pytest.fixture(scope="module")
def played(cases, tmp_path_factory):
    """Run the scripted model over all cases; returns Inspect's log, and the folder of the runs."""
    folder = tmp_path_factory.mktemp("inspected")
    log = evaluated(triage(str(cases), runs=str(folder / "runs")), scripted, folder / "logs")
    return log, folder / "runs"


def means(log):
    return {score.name: score.metrics["mean"].value for score in log.results.scores if "mean" in score.metrics}


def test_each_case_is_a_sample_and_each_epoch_a_run(cases, played):
    log, runs = played
    names = sorted(path.name for path in (cases / "telemetry").iterdir())
    assert sorted(sample.id for sample in log.samples) == names and len(names) == CASES
    assert sorted(str(path.relative_to(runs)) for path in runs.glob("*/*")) == [f"{name}/1" for name in names]


def test_the_marks_are_those_of_score(cases, played):
    """Of each run, to the last digit, from its files; and likewise the means over the runs that have one."""
    log, runs = played
    found = report(cases, runs)
    for sample in log.samples:
        (run,) = found.cases[sample.id].runs["runs"]
        marks = sample.scores["way"].value
        assert {name: None if isnan(value) else value for name, value in marks.items()} == figures.of_run(run)
    expected = {name: each.estimate for name, each in found.summary.estimates["runs"].items()}
    assert {name: means(log)[name] for name in expected} == pytest.approx(expected)
    assert 0 < expected["mark"] < 1 and expected["calls"] == 4
    assert any(isnan(sample.scores["way"].value["exact"]) for sample in log.samples), "some have no incident"


def test_from_the_shell_an_agent_without_a_model_leaves_the_runs_that_solve_leaves(cases, tmp_path):
    """Inspect finds the task and the solver by the package's entry point."""
    command = [Path(sys.executable).with_name("inspect"), "eval", "meshquake/triage", "-T", f"dataset={cases}"]
    solver = ["--solver", "meshquake/scripted", "-S", "agent=breadth-first", "-S", f"runs={tmp_path / 'runs'}"]
    rest = ["--model", "none", "--max-samples", "1", "--display", "none", "--log-dir", str(tmp_path / "logs")]
    subprocess.run([*command, *solver, *rest], check=True, capture_output=True, timeout=300)
    assert call("solve", cases, "--agent", "breadth-first", "--output", tmp_path / "solved").exit_code == 0
    (log,) = (tmp_path / "logs").iterdir()
    found = report(cases, tmp_path / "solved")
    for sample in read_eval_log(str(log)).samples:
        (run,) = found.cases[sample.id].runs["solved"]
        assert sample.scores["way"].value["mark"] == run.diagnosis.mark
        for name in ("answers.json", "audit.ndjson"):
            left, expected = (tmp_path / each / sample.id / "1" / name for each in ("runs", "solved"))
            assert left.read_bytes() == expected.read_bytes()


def test_an_agent_that_there_is_not_is_told_with_the_nearest():
    with pytest.raises(MeshquakeError, match="did you mean 'loudest'"):
        registry.scripted("loudst")


def test_what_a_model_did_wrong_is_told_to_it_with_what_would_be_right(played):
    log, _ = played
    wrong = [message for message in log.samples[0].messages if message.role == "tool" and message.error]
    assert len(wrong) == 1 and "no metric is called 'latency'" in wrong[0].error.message


def test_no_message_of_a_sample_says_what_was_wrong(cases, played):
    """Nor does its log, before scoring: marks are the only information about the truth."""
    log, _ = played
    for sample in log.samples:
        key = json.loads((cases / "truth" / sample.id / "ground_truth.json").read_text())
        told = " ".join(message.text for message in sample.messages)
        assert not any(fault["id"] in told for fault in key["faults"])
        assert sample.target == ""


def test_a_model_that_calls_nothing_is_reminded_and_marks_nothing(cases, tmp_path):
    case = sorted((cases / "telemetry").iterdir())[0]
    log = evaluated(triage(str(case)), lambda *asked: said("All is well."), tmp_path)
    (sample,) = log.samples
    reminders = [
        message for message in sample.messages if message.role == "user" and message.text == GO_ON.format("submit")
    ]
    assert len(reminders) == REMINDERS
    assert sample.scores["way"].value["mark"] == 0 and sample.store["answers"] is None


def test_calls_are_limited(cases, tmp_path):
    case = sorted((cases / "telemetry").iterdir())[0]
    log = evaluated(triage(str(case), calls=5), lambda *asked: called("get_brief"), tmp_path)
    assert log.samples[0].scores["way"].value["calls"] == 5


def test_a_data_set_without_its_truth_cannot_be_marked(cases, tmp_path):
    (tmp_path / "telemetry").symlink_to(cases / "telemetry")
    with pytest.raises(MeshquakeError, match="withheld"):
        triage(str(tmp_path))
    with pytest.raises(MeshquakeError, match="no such folder"):
        triage(str(tmp_path / "nothing"))


def test_what_inspect_is_told_of_an_argument_accepts_what_the_desk_does():
    """Inspect's description is shorter but otherwise equivalent: null is omitted instead."""
    schema, whole = plain(answers.json_schema()), answers.json_schema()
    for given in ({"root_causes": [{"service": "a", "evidence": ["log:1"]}], "propagation": []}, {"root_causes": []}):
        assert Draft202012Validator(whole).is_valid(given) and Draft202012Validator(schema).is_valid(given)
    assert not Draft202012Validator(schema).is_valid({"root_causes": "database"})
