"""Agents without a model: their answers to an incident, and the files they leave."""

import json
import re

import pytest
from commandline import call, play
from test_layers import ROOT

from meshquake.agents import Incident
from meshquake.agents.solvers.blame import Usual, blame, unlocked
from meshquake.agents.solvers.diagnosis import answers, towards
from meshquake.agents.solvers.running import SOLVERS
from meshquake.exporters.reports import marking


@pytest.fixture(scope="module")
def solved(cascade, tmp_path_factory):
    """Return the folder of the runs of all solvers on the cascade, two of each."""
    folder = tmp_path_factory.mktemp("solved")
    for agent in SOLVERS:
        for _ in range(2):
            ended = call("solve", cascade, "--agent", agent, "--output", folder / agent)
            assert (ended.exit_code, ended.stderr) == (0, "")
    return folder


@pytest.mark.parametrize("agent", SOLVERS)
def test_a_run_leaves_an_answer_that_can_be_marked_and_the_same_bytes_each_time(solved, cascade, agent):
    first, second = (solved / agent / "cascade" / repeat for repeat in ("1", "2"))
    for name in ("answers.json", "audit.ndjson"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert marking.report(cascade, first / "answers.json").content["roots"] == 1
    calls = [json.loads(line) for line in (first / "audit.ndjson").read_text().splitlines()]
    assert (calls[0]["tool"], calls[-1]["tool"]) == ("get_brief", "submit")
    assert all(each["error"] is None for each in calls)


def test_the_oracle_finds_the_root_and_the_way_of_a_cascade(solved, cascade):
    content = marking.report(cascade, solved / "oracle" / "cascade" / "1" / "answers.json").content
    assert content["accuracy"]["AC@1"] == 1.0
    assert content["propagation"]["f1"] > 0.5


def test_every_record_that_the_oracle_cites_is_recorded(solved, cascade):
    given = json.loads((solved / "oracle" / "cascade" / "1" / "answers.json").read_text())
    cited = [each for part in ("root_causes", "propagation") for claim in given[part] for each in claim["evidence"]]
    spans = [json.loads(line) for line in (cascade / "traces.ndjson").read_text().splitlines()]
    assert cited
    assert set(cited) <= {f"span:{span['trace_id']}/{span['span_id']}" for span in spans}


@pytest.mark.parametrize("agent", SOLVERS)
def test_where_nobody_was_paged_a_solver_says_that_nothing_is_wrong(agent, tmp_path):
    play(tmp_path, "normal", "--lead-in", 3, "--duration", 5, "--recovery", 0, "--calm")
    (folder,) = (path.parent for path in tmp_path.rglob("brief.md"))
    assert answers(SOLVERS[agent](Incident(folder))) == {"root_causes": []}


@pytest.mark.parametrize("agent", SOLVERS)
@pytest.mark.parametrize("without", ["traces", "metrics", "logs,events"])
def test_a_solver_makes_do_with_what_it_is_given(agent, without, cascade, tmp_path):
    ended = call("solve", cascade, "--agent", agent, "--without", without, "--now", "alert+5s", "--output", tmp_path)
    assert (ended.exit_code, ended.stderr) == (0, "")
    given = json.loads((tmp_path / "cascade" / "1" / "answers.json").read_text())
    withheld = {"traces": "span:", "metrics": "metric:"}.get(without, "log:")
    assert withheld not in json.dumps(given)


# -- blame: hand-made traces --------------------------------------------------------------------------------------


def span(name, parent, service, kind, *, took=10.0, error=None, peer=None, at=0):
    return {
        "trace_id": "1" * 32,
        "span_id": name,
        "parent_span_id": parent,
        "service": service,
        "operation": f"{peer or service}.go",
        "kind": kind,
        "peer": peer,
        "error_type": error,
        "duration_ms": took,
        "at": at,
    }


def chain(*links):
    """Return nested calls, each given by service, server duration, server error, and error of the call."""
    spans, parent, caller = [], None, None
    for number, (service, took, error, failed) in enumerate(links):
        if caller is not None:
            spans.append(span(f"c{number}", parent, caller, "client", took=took, error=failed, peer=service, at=number))
            parent = f"c{number}"
        if error != "never":
            spans.append(span(f"s{number}", parent, service, "server", took=took, error=error, at=number))
        parent, caller = f"s{number}", service
    return spans


USUAL = Usual(
    {(service, f"{other}.go", kind): 10.0 for service in "abc" for other in "abc" for kind in ("server", "client")}
)
PATHS = [
    # A failure leads to the service it came from.
    (
        chain(
            ("a", 10, "dependency_failed", None),
            ("b", 10, "dependency_failed", "dependency_failed"),
            ("c", 10, "internal", "internal"),
        ),
        "c",
        "internal",
    ),
    # Lost time leads to the service that lost it.
    (chain(("a", 900, None, None), ("b", 890, None, None), ("c", 880, None, None)), "c", "slow"),
    (chain(("a", 900, None, None), ("b", 880, None, None), ("c", 12, None, None)), "b", "slow"),
    # A caller that timed out waits for a callee still at work.
    (chain(("a", 500, "dependency_failed", None), ("b", 900, None, "timeout"), ("c", 880, None, None)), "c", "slow"),
    # A call that never arrived is blamed on its callee.
    (chain(("a", 10, "dependency_failed", None), ("b", 10, "never", "connection_refused")), "b", "connection_refused"),
    # A failure that nothing below explains is the service's own.
    (chain(("a", 10, "internal", None), ("b", 10, None, None)), "a", "internal"),
]


@pytest.mark.parametrize(("spans", "service", "why"), PATHS)
def test_blame_follows_what_was_lost_to_where_it_was_lost(spans, service, why):
    found = blame(spans, USUAL)
    assert (found.service, found.why) == (service, why)


def test_time_lost_on_the_way_to_a_callee_is_blamed_on_the_network_before_it():
    spans = chain(("a", 500, None, None), ("b", 490, None, None))
    spans[-1]["duration_ms"] = 11.0
    found = blame(spans, USUAL)
    assert (found.service, found.why) == ("b", "network")


def test_a_call_that_an_open_breaker_kept_back_is_blamed_on_what_the_calls_before_it_met():
    sent = chain(
        ("a", 9, "dependency_failed", None),
        ("b", 9, "dependency_failed", "dependency_failed"),
        ("c", 9, "internal", "internal"),
    )
    kept = chain(("a", 1, "dependency_failed", None), ("b", 1, "never", "circuit_open"))
    first, second = unlocked([blame(sent, USUAL), blame(kept, USUAL)])
    assert (second.service, second.why) == (first.service, first.why) == ("c", "internal")
    assert [(each["service"], each["peer"]) for each in second.calls] == [("a", "b"), ("b", "c")]


def test_failures_travel_from_a_root_to_all_who_call_it_in_turn_and_were_hit():
    calls = [("a", "b"), ("b", "c"), ("a", "c"), ("x", "c"), ("b", "d")]
    assert towards("c", calls, ["a", "b"]) == [("c", "a"), ("c", "b"), ("b", "a")]


def test_the_loop_of_the_documentation_runs_as_it_stands(cascade, tmp_path):
    page = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"<!-- example: agent loop -->\n```python\n(.*?)```", page, re.DOTALL)
    source = source.replace("cases/telemetry/case-5b0f3c9a17d2", str(cascade)).replace("runs/mine", str(tmp_path))
    asked = iter([("get_brief", {}), ("search_log", {}), ("submit", {"root_causes": [{"service": "database"}]})])
    exec(source, {"model": lambda tools: next(asked)})
    (audit,) = tmp_path.rglob("audit.ndjson")
    assert [json.loads(line)["error"] is None for line in audit.read_text().splitlines()] == [True, False, True]
