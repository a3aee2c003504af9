"""From folders of runs to marks: a small data set, agents that are right, wrong or silent, and odd folders."""

import json
from functools import cache
from math import nan
from random import Random

import pytest
from commandline import call
from small_cases import CASES

from meshquake.exporters.reports.way.report import report
from meshquake.topology.problems import DocumentError


@pytest.fixture(scope="module")
def cases(small_cases):
    return small_cases[0]


@pytest.fixture(scope="module")
def agents(cases, tmp_path_factory):
    """Return folders of runs, by agent."""
    folder = tmp_path_factory.mktemp("agents")
    for case, truth in keys(cases).items():
        run(folder / "right" / case / "1", right(truth))
        run(folder / "right" / case / "2", right(truth))
        run(folder / "wrong" / case / "1", wrong(truth))
        run(folder / "silent" / case / "1", None)
    return folder


@pytest.fixture(scope="module")
def reported(cases, agents):
    """Return a function that reports on the runs of an agent, beside those of others; each report is made once."""

    @cache
    def made(agent, **others):
        return report(cases, agents / agent, **{role: agents / other for role, other in others.items()})

    return made


def keys(cases):
    paths = sorted((cases / "truth").glob("*/ground_truth.json"))
    return {path.parent.name: json.loads(path.read_text()) for path in paths}


def felt(truth):
    return [fault for fault in truth["faults"] if not fault["latent"]]


def right(truth):
    """Return the complete answer to a case, with spans that the key gives as evidence."""
    if not truth["incident"]:
        return {"root_causes": []}
    steps = [step for fault in felt(truth) for step in fault["mechanism"]]
    return {
        "root_causes": [{"service": name, "evidence": cited} for name, cited in shown(truth).items()],
        "affected_services": [each["service"] for fault in felt(truth) for each in fault["affected"]],
        "propagation": [{"from": step["from"], "to": step["to"]} for step in steps if step["from"] != step["to"]],
    }


def shown(truth):
    """Return the roots, each with the spans that show the first step from there."""
    found = {}
    for fault in felt(truth):
        spans = [f"span:{each['trace_id']}/{each['span_id']}" for each in fault["mechanism"][0]["evidence"]]
        found.setdefault(fault["root_cause"]["service"], []).extend(spans)
    return found


def wrong(truth):
    """Return a false root; where every service is a root, that nothing was wrong."""
    causes = [fault["root_cause"] for fault in felt(truth)]
    accepted = {name for cause in causes for name in (cause["service"], *cause["aliases"]["services"])}
    return {"root_causes": [{"service": name} for name in truth["services"] if name not in accepted][:1]}


def run(folder, answers):
    """Write the files that a run leaves."""
    folder.mkdir(parents=True)
    seen = {"now": "2024-01-15T10:31:20+00:00", "elapsed": 90.0, "bytes": 40, "tokens": 10, "cut": False}
    call = {"tool": "find_traces", "arguments": {"service": "store"}, **seen, "error": None, "records": []}
    (folder / "audit.ndjson").write_text("".join(json.dumps({"call": number, **call}) + "\n" for number in (1, 2)))
    if answers is not None:
        (folder / "answers.json").write_text(json.dumps(answers))


def means(found, agent):
    return {name: each.estimate for name, each in found.summary.estimates[agent].items()}


# -- marks -----------------------------------------------------------------------------------------------------------


def test_an_agent_that_is_right_marks_more_than_one_that_is_wrong_and_than_chance(reported):
    good, bad = reported("right"), reported("wrong")
    assert means(good, "right")["any_root"] == 1 == means(good, "right")["exact"] == means(good, "right")["path"]
    assert means(bad, "wrong")["any_root"] == 0 == means(bad, "wrong")["mark"]
    chance = good.summary.floors["chance"]
    assert 0 < chance["mark"] < means(good, "right")["mark"] and 0 < chance["any_root"] < 1


def test_every_case_and_every_run_has_a_mark(cases, reported):
    found = reported("right")
    assert list(found.cases) == sorted(keys(cases)) and len(found.cases) == CASES
    assert all([run.name for run in case.runs["right"]] == ["1", "2"] for case in found.cases.values())
    assert found.summary.runs == {"right": 2 * CASES} and found.summary.cases == {"right": CASES}


def test_a_run_without_an_answer_marks_nothing_and_is_told_of(reported):
    found = reported("silent")
    assert means(found, "silent")["mark"] == 0 and found.summary.unanswered == {"silent": CASES}
    assert f"silent: {CASES} runs of {CASES} cases; {CASES} of them gave no answer, which scores 0" in found.blocks


def test_two_agents_are_compared_case_by_case(reported):
    found = reported("wrong", against="right").summary.differences["mark"]
    assert found.pairs == CASES and found.mean > 0.5 and found.differs and found.low > 0


def test_an_agent_does_not_differ_from_itself(cases, agents, tmp_path):
    (tmp_path / "again").symlink_to(agents / "right")
    found = report(cases, agents / "right", against=tmp_path / "again").summary.differences
    assert all(each.mean == 0 and not each.differs for each in found.values())


def test_what_an_oracle_does_not_find_is_told_of(cases, reported):
    found = reported("wrong", oracle="right")
    assert found.summary.beyond == [] and found.summary.differences == {}
    blind = reported("right", oracle="silent")
    incidents = [name for name, truth in keys(cases).items() if truth["incident"]]
    assert blind.summary.beyond == incidents
    assert any("the oracle finds no root in" in str(block) for block in blind.blocks)


def test_marks_do_not_depend_on_which_other_runs_are_marked(reported):
    """The records are read once for all runs of a case; each is marked as if alone."""
    alone = reported("right").content["cases"]
    beside = reported("wrong", against="right").content["cases"]
    for name in alone:
        assert beside[name]["runs"]["right"] == alone[name]["runs"]["right"]


def test_random_citations_leave_the_mean_mark_of_a_right_answer_as_it_is(cases, tmp_path):
    """A hundred runs name the root of an incident; a hundred more also cite five random spans from after its onset."""
    case, truth = next((name, truth) for name, truth in keys(cases).items() if truth["incident"])
    begin, random = felt(truth)[0]["start"], Random(2)
    lines = (cases / "telemetry" / case / "traces.ndjson").read_text().splitlines()
    spans = [span for span in map(json.loads, lines) if span["timestamp"] >= begin]
    root = felt(truth)[0]["root_cause"]["service"]
    for number in range(100):
        drawn = [random.choice(spans) for _ in range(5)]
        cited = [f"span:{each['trace_id']}/{each['span_id']}" for each in drawn]
        run(tmp_path / "citing" / f"{number}", {"root_causes": [{"service": root, "evidence": cited}]})
        run(tmp_path / "plain" / f"{number}", {"root_causes": [{"service": root}]})
    found = report(cases / "telemetry" / case, tmp_path / "citing")
    plain = means(report(cases / "telemetry" / case, tmp_path / "plain"), "plain")["mark"]
    interval = found.summary.estimates["citing"]["mark"]
    assert interval.low < plain < interval.high and interval.half < 0.02


# -- output ----------------------------------------------------------------------------------------------------------


def test_the_command_prints_the_marks_for_people_and_for_programs(cases, agents, reported):
    shown = call("score", cases, "--answers", agents / "wrong", "--against", agents / "right", "--process")
    assert shown.exit_code == 0 and "right minus wrong, case by case" in shown.output
    told = json.loads(call("score", cases, "--answers", agents / "right", "--process", "--json").output)
    assert told == reported("right").content
    assert told["means"]["right"]["mark"]["low"] <= told["means"]["right"]["mark"]["mean"]
    assert nan not in told["means"]["right"]["mark"].values()


def test_no_mark_gives_the_answer_away(cases, agents):
    """Neither the services at fault nor the affected ones."""
    for name in ("wrong", "silent"):
        result = call("score", cases, "--answers", agents / name, "--process", "--json")
        assert not {"store", "web"} & {*result.output.replace('"', " ").split()}


def test_the_plot_shows_every_figure_of_every_agent(cases, agents, tmp_path):
    result = call(
        "score",
        cases,
        "--answers",
        agents / "wrong",
        "--against",
        agents / "right",
        "--process",
        "--plot",
        tmp_path / "plot",
    )
    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "plot").iterdir()) == ["plot.html", "plot.png", "plot.svg"]
    drawn = (tmp_path / "plot" / "plot.svg").read_text()
    assert all(word in drawn for word in ("roots F1", "any root", "evidence", "wrong", "right"))


@pytest.mark.parametrize("option", ["--against", "--oracle", "--plot"])
def test_what_is_of_runs_asks_for_process(cases, option):
    result = call("score", cases, "--answers", cases, option, cases)
    assert (result.exit_code, result.stderr) == (2, f"{option} applies to runs: add --process\n")


# -- folders -----------------------------------------------------------------------------------------------------------


def refused(*arguments, **more):
    with pytest.raises(DocumentError) as error:
        report(*arguments, **more)
    return [str(problem) for problem in error.value.problems]


def test_runs_of_one_case_may_stand_alone(cases, agents):
    case = next(iter(keys(cases)))
    alone = report(cases / "telemetry" / case, agents / "right" / case)
    within = report(cases / "telemetry" / case, agents / "right")
    assert [each.diagnosis for each in alone.cases[case].runs[case]] == [
        each.diagnosis for each in within.cases[case].runs["right"]
    ]


def test_runs_of_what_is_no_case_are_told_with_the_nearest_name(cases, agents, tmp_path):
    case = next(iter(keys(cases)))
    run(tmp_path / "runs" / f"{case}x" / "1", {"root_causes": []})
    (problem,) = refused(cases, tmp_path / "runs")
    assert f"there is no such case (did you mean '{case}'?)" in problem


def test_a_folder_without_runs_and_a_file_are_told_what_runs_are(cases, tmp_path):
    assert "holds no runs: they are CASE/REPEAT/answers.json" in refused(cases, tmp_path)[0]
    (tmp_path / "file").write_text("{}")
    assert "must be a folder of runs" in refused(cases, tmp_path / "file")[0]


def test_all_that_is_wrong_with_all_runs_is_told_at_once(cases, tmp_path):
    first, second = list(keys(cases))[:2]
    run(tmp_path / "runs" / first / "1", {"root_causes": [{"service": "store", "evidence": ["line 7"]}]})
    run(tmp_path / "runs" / second / "1", {"root_cause": []})
    with (tmp_path / "runs" / second / "1" / "audit.ndjson").open("a") as file:
        file.write("[]\n")
    told = refused(cases, tmp_path / "runs")
    assert len(told) == 4
    assert "root_causes[0].evidence[0]: 'line 7' cites no record" in told[0]
    assert any("audit.ndjson:3: must be an object" in each for each in told)
