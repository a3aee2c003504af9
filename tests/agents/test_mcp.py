"""`mcp`: the package's own client drives an incident over standard input and output, and over HTTP."""

import json

import anyio
import pytest
from commandline import call
from crawl import asked, crawl

from meshquake.agents import Incident
from meshquake.agents.answer import MOST

pytest.importorskip("mcp")

from mcp_client import SLOWLY_OVER_HTTP, TRANSPORTS, drive, over_stdio, text_of


@TRANSPORTS
def test_a_client_is_told_of_the_tools_and_hears_what_python_would(connected, cascade, whole, tmp_path):
    calls = [
        ("get_brief", {}),
        ("list_services", {}),
        ("get_dependency_graph", {"service": "database"}),
        ("get_alerts", {}),
        ("list_metrics", {"service": "database"}),
        ("query_metrics", {"metric": "query_time_p95", "aggregate": "max"}),
        ("search_logs", {"level": "ERROR", "limit": 5}),
        ("log_patterns", {"since": "+20s"}),
        ("find_traces", {"status": "error"}),
        ("get_trace", {"trace_id": whole.view.requests["trace_id"][0]}),
        ("list_events", {}),
        ("query_metrics", {"metric": "latency"}),
        ("search_logs", {"limit": 0}),
        ("fix_it", {}),
    ]

    async def steps(client):
        listed = (await client.list_tools()).tools
        return listed, [await text_of(client, *call) for call in calls]

    listed, heard = drive(connected, [cascade, "--output", tmp_path], steps)
    assert {tool.name: tool.input_schema for tool in listed} == {name: t.schema for name, t in whole.tools.items()}
    for (tool, arguments), (text, wrong) in zip(calls, heard, strict=True):
        page, error = whole.ask(tool, arguments)
        assert (text, wrong) == (page.text, error is not None)


@SLOWLY_OVER_HTTP
def test_now_and_without_hold_for_a_client(connected, cascade, tmp_path):
    arguments = [cascade, "--now", "+9s", "--without", "traces, logs", "--output", tmp_path]

    async def steps(client):
        names = {tool.name for tool in (await client.list_tools()).tools}
        return names, await text_of(client, "get_brief", {}), await text_of(client, "get_trace", {"trace_id": "1" * 32})

    names, (brief, _), (refused, wrong) = drive(connected, arguments, steps)
    assert {"search_logs", "log_patterns", "find_traces", "get_trace"}.isdisjoint(names)
    assert json.loads(brief)["now"].endswith("(+9s)")
    assert wrong
    assert "this incident is without traces" in refused


@SLOWLY_OVER_HTTP
def test_an_answer_is_kept_and_marked_beside_its_audit_and_nothing_of_that_is_told(connected, cascade, tmp_path):
    run = tmp_path / "cascade" / "1"

    async def steps(client):
        heard = [
            await text_of(client, "submit", {"root_causes": [{"service": "databas"}]}),
            await text_of(client, "submit", {"root_causes": [{"service": "database", "kind": "slow"}]}),
            await text_of(client, "submit", {"root_causes": []}),
        ]
        with anyio.fail_after(60):  # a client that leaves at once may stop the judge while it marks
            while not (run / "score.json").exists():
                await anyio.sleep(0.05)
        return heard

    bad, good, again = drive(connected, [cascade, "--output", tmp_path], steps)
    assert [wrong for _, wrong in (bad, good, again)] == [True, False, True]
    assert {*json.loads(good[0])} == {"now", "start", "submitted", "root_causes"}
    assert json.loads((run / "answers.json").read_text()) == {"root_causes": [{"service": "database", "kind": "slow"}]}
    assert json.loads((run / "score.json").read_text())["accuracy"]["AC@1"] == 1.0
    calls = [json.loads(line) for line in (run / "audit.ndjson").read_text().splitlines()]
    assert [(each["call"], each["tool"], each["error"] is None) for each in calls] == [
        (1, "submit", False),
        (2, "submit", True),
        (3, "submit", False),
    ]


def test_two_hundred_wild_calls_in_one_session_are_answered_within_a_page(cascade, tmp_path):
    words = ["database", "latency_p95", "+3s", "now", "ERROR", "(", "\u2028", "x" * 5_000, "", "0" * 32]
    values = [None, True, -1, 3, 10**30, 1.5, *words, [], ["a"], {}, {"a": {"b": []}}]
    keys = ["service", "metric", "since", "limit", "offset", "trace_id", "pattern", "root_causes", "nothing"]
    names = [tool.name for tool in Incident(cascade).tools.values()]
    calls = [
        (
            names[number % len(names)],
            {keys[(number * k) % len(keys)]: values[(number + 7 * k) % len(values)] for k in (1, 2)},
        )
        for number in range(200)
    ]

    async def steps(client):
        return [await text_of(client, *call) for call in calls]

    heard = drive(over_stdio, [cascade, "--output", tmp_path], steps)
    assert all(len(text.encode()) <= MOST for text, _ in heard)
    assert all(("error" in json.loads(text)) == wrong for text, wrong in heard)
    assert not any("Traceback" in text for text, _ in heard)
    assert len({wrong for _, wrong in heard}) == 2
    audit = (tmp_path / "cascade" / "1" / "audit.ndjson").read_text().splitlines()
    assert len(audit) == 200


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--now", "+1h"], "--now +1h: must be within the recording, which is 40s long"),
        (["--without", "trace"], "--without trace: there are no such records (did you mean 'traces'?)"),
    ],
)
def test_what_cannot_be_served_is_told_in_a_line_and_leaves_no_run(cascade, tmp_path, arguments, told):
    ended = call("mcp", cascade, "--output", tmp_path / "runs", *arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert told in ended.stderr
    assert not (tmp_path / "runs").exists()


def test_a_crawl_over_the_protocol_is_byte_for_byte_that_of_python(cascade, tmp_path):
    texts = crawl(asked(Incident(cascade, now="+21s")))

    async def steps(client):
        heard = []
        for line in (tmp_path / "python" / "audit.ndjson").read_text().splitlines():
            call = json.loads(line)
            heard.append((await text_of(client, call["tool"], call["arguments"]))[0])
        return heard

    recorded = Incident(cascade, now="+21s", output=tmp_path / "python")
    assert crawl(asked(recorded)) == texts
    assert drive(over_stdio, [cascade, "--now", "+21s", "--output", tmp_path / "runs"], steps) == texts
