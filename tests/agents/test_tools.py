"""The tools of an incident answer from the records up to now, in pages, and errors say what would be valid."""

import json
import re
from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest
from crawl import asked, crawl
from hypothesis import given, settings
from hypothesis import strategies as st

from meshquake.agents import Incident, ToolError, promise
from meshquake.agents.answer import MOST
from meshquake.agents.clock import stand
from meshquake.agents.desk import Desk
from meshquake.agents.tools import READING
from meshquake.topology.exceptions import MeshquakeError

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")


def rows(content):
    return [dict(zip(content["columns"], row, strict=True)) for row in content["rows"]]


def lines(folder, kind):
    return [json.loads(line) for line in (folder / f"{kind}.ndjson").read_text().splitlines()]


def test_a_crawl_of_all_tools_gives_pages_of_json_and_no_errors(whole):
    for text in crawl(asked(whole)):
        assert len(text.encode()) <= MOST
        assert "error" not in json.loads(text)


def test_every_log_line_is_shown_once_by_going_from_page_to_page(whole, cascade):
    found, more = [], True
    while more:
        content = whole.call("search_logs", offset=len(found), limit=200, full=True)
        found += rows(content)
        more = f"ask with offset={len(found)} for the next ones" in content["cut"]
    end = whole.view.end.isoformat()
    wanted = [line["message"] for line in lines(cascade, "logs") if line["timestamp"] <= end]
    assert [row["message"] for row in found] == wanted


def test_a_series_in_single_samples_is_what_was_recorded(whole, cascade):
    content = whole.call("query_metrics", metric="latency_p95", service="database", step=1)
    wanted = [
        sample["value"]
        for sample in lines(cascade, "metrics")
        if (sample["service"], sample["metric"], sample["replica"]) == ("database", "latency_p95", None)
    ]
    (row,) = rows(content)
    assert [value for _, value in row["points"]] == wanted
    assert (row["min"], row["max"]) == (min(wanted), max(wanted))


def test_calls_of_the_dependency_graph_are_the_client_spans(whole, cascade):
    counted = {}
    for span in lines(cascade, "traces"):
        if span["kind"] == "client":
            edge = span["service"], span["peer"]
            counted[edge] = counted.get(edge, 0) + 1
    told = {(row["caller"], row["callee"]): row["calls"] for row in rows(whole.call("get_dependency_graph"))}
    assert told.keys() == counted.keys()
    # Spans that end after the recording are not visible.
    assert all(counted[edge] - 20 <= told[edge] <= counted[edge] for edge in counted)


def test_a_trace_is_shown_as_the_tree_that_its_spans_are(whole, cascade):
    trace = rows(whole.call("find_traces", limit=1))[0]["trace_id"]
    shown = rows(whole.call("get_trace", trace_id=trace))
    spans = {span["span_id"]: span for span in lines(cascade, "traces") if span["trace_id"] == trace}
    assert {row["span_id"] for row in shown} == spans.keys()
    above = []
    for row in shown:
        above[row["depth"] :] = [row["span_id"]]
        parent = spans[row["span_id"]]["parent_span_id"]
        assert parent == (above[-2] if row["depth"] else None)


def test_the_brief_made_from_recorded_requests_is_the_one_that_came_with_the_case(whole, cascade):
    given = (cascade / "brief.md").read_text()
    assert whole.call("get_brief")["brief"] == given
    assert promise.page(replace(whole.view, brief=None)) == given


def test_a_mesh_of_hundreds_of_services_and_entries_is_told_of_in_pages_too(whole):
    """With names of maximal length and width."""
    names = [f"service-{number:03d}-{'x' * 40}" for number in range(600)]
    brief = "# Too many requests fail\n" + "".join(f"| {name}.\U0001f600 | 1 | 0 | 0 |\n" for name in names)
    samples = pl.concat([whole.view.samples[:1]] * 600).with_columns(service=pl.Series(names))
    frames = {**whole.view.frames, "metrics": samples}
    services = tuple(replace(whole.view.services[0], name=name) for name in names)
    view = replace(whole.view, services=services, entries=tuple(names), brief=brief, frames=frames)
    desk = Desk(lambda: view, READING)
    for tool in ("get_brief", "list_services", "get_dependency_graph", "list_metrics", "get_alerts"):
        page, error = desk.ask(tool, {})
        assert error is None
        assert len(page.text.encode()) <= MOST
    assert "characters more" in desk.call("get_brief")["brief"]
    (metric,) = rows(desk.call("list_metrics"))
    assert (metric["count"], metric["services"]) == (600, names[:20])


def test_wrong_arguments_are_told_within_a_page_however_wide_and_many_they_are(whole):
    page, error = whole.ask("search_logs", {"\U0001f600" * 300 + str(number): "\u6f22" * 900 for number in range(20)})
    assert error is not None
    assert len(page.text.encode()) <= MOST
    assert "more like these" in page.content["error"][-1]


@pytest.mark.parametrize("now", ["+8s", "alert", "alert+3s"])
def test_nothing_later_than_now_is_seen(cascade, now):
    incident = Incident(cascade, now=now)
    seen = incident.view.now
    for text in crawl(asked(incident)):
        assert all(datetime.fromisoformat(each) <= seen for each in ISO.findall(text))
        content = json.loads(text)
        moments = [
            row[content["columns"].index("at_s")] for row in content.get("rows", []) if "at_s" in content["columns"]
        ]
        assert all(moment <= incident.view.elapsed for moment in moments)


def test_what_is_seen_at_a_moment_is_the_same_whatever_comes_later(cascade):
    early, later = Incident(cascade, now="+10s"), Incident(cascade, now="+20s")
    asks = {"since": "0", "until": "+10s", "limit": 200}
    for tool in ("search_logs", "list_events"):
        assert early.call(tool, **asks)["rows"] == later.call(tool, **asks)["rows"]


def test_a_span_is_seen_when_it_has_ended_and_not_before(cascade):
    incident = Incident(cascade, now="+12s")
    ended = incident.view.spans.select((pl.col("at") + pl.col("duration_ms") * 1000).max()).item()
    assert ended <= 12_000_001
    assert incident.view.spans["at"].max() > 11_000_000


def test_time_passes_with_each_call_at_a_pace_and_ends_with_the_recording(cascade):
    incident = Incident(cascade, now="+30s", pace=4)
    seen = [incident.call("get_brief")["now"] for _ in range(4)]
    assert [each.partition(" ")[2] for each in seen] == ["(+30s)", "(+34s)", "(+38s)", "(+40s)"]


def test_what_is_withheld_has_no_tools_and_is_told_of_nowhere(cascade):
    incident = Incident(cascade, without=("traces", "logs"))
    assert {"search_logs", "log_patterns", "find_traces", "get_trace"}.isdisjoint(incident.tools)
    with pytest.raises(ToolError, match="search_logs is not available: this incident is without logs"):
        incident.call("search_logs")
    trace = incident.view.requests["trace_id"][0]
    texts = crawl(asked(incident), without=("traces", "logs"))
    assert not any(trace in text for text in texts)
    assert rows(incident.call("get_dependency_graph")), "metrics of edges tell who calls whom"


WRONG = [
    ("query_metrics", {"metric": "latncy_p95"}, "no metric is called 'latncy_p95' (did you mean 'latency_p95'?)"),
    ("query_metrics", {}, "missing key 'metric'"),
    ("query_metrics", {"metric": "latency_p95", "step": 0}, "step: must be at least 0.001, not 0"),
    (
        "query_metrics",
        {"metric": "latency_p95", "agregate": "max"},
        "agregate: unknown key (did you mean 'aggregate'?)",
    ),
    ("search_logs", {"service": "databse"}, "this mesh has no service 'databse' (did you mean 'database'?)"),
    ("search_logs", {"level": "error"}, "level: cannot be 'error'"),
    ("search_logs", {"pattern": "("}, "pattern: '(' is not a valid regular expression"),
    ("search_logs", {"since": "yesterday"}, "since: 'yesterday' is not a moment: write +90s"),
    ("search_logs", {"since": "+20s", "until": "+10s"}, "until: +10s is before since: +20s"),
    ("search_logs", {"since": "+1h"}, "since: +1h is later than now"),
    ("search_logs", {"limit": 201}, "limit: must be at most 200, not 201"),
    ("search_logs", {"limit": "5"}, "limit: must be a whole number, not '5'"),
    ("get_trace", {"trace_id": "0" * 31}, "trace_id: must be a text such as"),
    ("get_trace", {"trace_id": "1" * 32}, "no trace 11111111111111111111111111111111 has been recorded until now"),
    ("find_traces", {"error_type": "time_out"}, "(did you mean 'timeout'?)"),
    ("list_event", {}, "there is no tool 'list_event' (did you mean 'list_events'?)"),
    ("get_brief", {"a": 1}, "get_brief takes no arguments"),
    ("get_brief", [], "must be an object, not a list"),
    ("search_logs", {"text": "\ud800"}, "texts in Unicode"),
    ("find_traces", {"min_duration_ms": float("nan")}, "finite numbers"),
    ("submit", {"root_causes": [{"service": "databse"}]}, "did you mean 'database'?"),
    ("submit", {"root_causes": [], "fixture": "0" * 12}, "is this the answer to another fixture?"),
    ("submit", {"root_causes": [{"service": "database", "kind": "slwo"}]}, "(did you mean 'slow'?)"),
]


@pytest.mark.parametrize(("tool", "arguments", "told"), WRONG)
def test_what_is_asked_wrongly_is_told_with_what_would_be_right(whole, tool, arguments, told):
    page, error = whole.ask(tool, arguments)
    assert error is not None
    assert told in "\n".join(page.content["error"])


@pytest.mark.parametrize("now", ["+1h", "tomorrow", "alert-1h", "-1h", "2024-01-15"])
def test_a_now_that_is_not_within_the_recording_is_refused(cascade, now):
    with pytest.raises(MeshquakeError, match=r"--now|not a moment"):
        Incident(cascade, now=now)


def test_after_an_alert_is_the_end_where_there_was_none_or_the_recording_ends_before(cascade):
    incident = Incident(cascade, now="alert+1h")
    assert incident.view.now == incident.view.end
    start, end = incident.view.start, incident.view.end
    assert stand("alert+10s", start, end, None) == end


def test_an_unknown_kind_of_record_cannot_be_withheld(cascade):
    with pytest.raises(MeshquakeError, match=r"--without trace: .*did you mean 'traces'"):
        Incident(cascade, without=("trace",))


TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["database", "latency_p95", "+10s", "-5s", "now", "ERROR", "timeout", ".*", "2024-01-15T10:30:05Z"]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 300), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
KEYS = sorted({name for tool in READING for name in (*tool.required, *tool.optional)} | {"root_causes"})
ARGUMENTS = st.one_of(VALUES, st.dictionaries(st.one_of(st.sampled_from(KEYS), TEXTS), VALUES, max_size=5))
NAMES = st.one_of(st.sampled_from([*(tool.name for tool in READING), "submit"]), TEXTS)


@settings(max_examples=200)
@given(tool=NAMES, arguments=ARGUMENTS)
def test_whatever_is_asked_is_answered_within_a_page_or_told_to_be_wrong(whole, tool, arguments):
    whole.answers = None  # `submit` may occur repeatedly
    page, error = whole.ask(tool, arguments)
    assert len(page.text.encode()) <= MOST
    assert (error is not None) == ("error" in page.content)
