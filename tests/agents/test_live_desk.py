"""Tools that observe and act on a live mesh: time passes, and they show what a fixture of that moment would."""

import json

import polars as pl
import pytest
from commandline import call as command
from crawl import asked, crawl
from mending import MENDINGS, OPTIONS

from meshquake.agents import Incident, ToolError
from meshquake.agents.mitigation import LiveDesk, LiveIncident
from meshquake.agents.tools import READING
from meshquake.faults.loader import parse
from meshquake.topology import loader as topology_loader

#: Words that reveal the truth, and occur nowhere else.
WORDS = ("cascade", "slow-1", "takes half the mesh", "factor", "mend")


@pytest.fixture
def cascade():
    """Return a cascade that users feel, and the desk of the person on call."""
    incident = MENDINGS["cascade"].live(takes=10)
    assert incident.until_alert()
    return incident, LiveDesk.of(incident)


def plain(frame):
    """Return a frame with normalised attributes, whatever the formatting of their JSON."""
    if "attributes" not in frame.columns:
        return frame
    return frame.with_columns(pl.col("attributes").map_elements(lambda text: str(json.loads(text)), pl.String))


def test_what_is_seen_is_what_a_recorded_case_shows_at_the_same_moment(tmp_path):
    text = "name: incident\nobservability: poor\nfaults: [{fail: {target: database, share: 70%}}]\n"
    incident = LiveIncident(parse(text, "incident.yaml", OPTIONS), OPTIONS)
    incident.until_alert()
    incident.act("restart", target="order-service[1]")
    incident.wait(8)
    moment = f"+{incident.now:g}s"
    (tmp_path / "saved.yaml").write_text(incident.scenario(), encoding="utf-8")
    command("scenario", tmp_path / "saved.yaml", "--seed", 7, "--output", tmp_path, "--no-truth")
    recorded = Incident(tmp_path / "incidents" / "incident", now=moment)
    live = LiveDesk.of(incident, pace=0.0)
    for name in recorded.view.frames:
        assert plain(live.view.frames[name]).equals(plain(recorded.view.frames[name])), name
    calls = [
        ("get_alerts", {}),
        ("list_services", {}),
        ("list_metrics", {"service": "database"}),
        ("query_metrics", {"metric": "latency_p95"}),
        ("log_patterns", {"level": "ERROR"}),
        ("find_traces", {"status": "error"}),
        ("list_events", {}),
    ]
    for tool, arguments in calls:
        assert live.call(tool, **arguments) == recorded.call(tool, **arguments), tool


def test_time_passes_with_each_look_and_each_remedy_and_none_with_what_is_refused(cascade):
    incident, desk = cascade
    begin, heard = incident.now, []
    for tool, arguments in (
        ("list_services", {}),
        ("query_metrics", {"metric": "nothing"}),
        ("restart", {"target": "databse"}),
        ("restart", {"target": "database[0]"}),
        ("wait", {"seconds": 7}),
        ("list_events", {}),
    ):
        heard.append(json.loads(desk.ask(tool, arguments)[0].text))
    assert [f"(+{begin + passed:g}s)" in each["now"] for passed, each in zip((0, 5, 5, 5, 15, 22), heard, strict=True)]
    assert heard[3] == heard[3] | {"done": "restart", "at_s": begin + 5, "now_s": begin + 15, "left_s": 50 - begin}
    assert incident.now == begin + 27


def test_what_is_done_is_seen_afterwards(cascade):
    _, desk = cascade
    asked = {"type": "scaled", "service": "database"}
    assert desk.call("list_events", **asked)["rows"] == []
    desk.call("scale", target="database", replicas=5)
    (row,) = desk.call("list_events", **asked)["rows"]
    assert "scaled up from 2 to 5 replicas" in str(row)


def test_who_has_finished_may_look_and_do_nothing_more_and_hears_no_mark(cascade):
    incident, desk = cascade
    assert desk.call("finish").keys() == {"now", "start", "finished", "now_s"}
    now = incident.now
    for tool, arguments in (("restart", {"target": "database"}), ("wait", {"seconds": 5})):
        with pytest.raises(ToolError, match="the incident is over"):
            desk.call(tool, **arguments)
    desk.call("list_services")
    assert incident.now == now and incident.finished is None


def test_no_tool_that_looks_or_acts_says_what_is_wrong(cascade):
    incident, desk = cascade
    texts = crawl(asked(desk))
    for service in (row.name for row in incident.simulation.topology.services):
        for tool, arguments in (("toggle_flag", {}), ("restart", {}), ("scale", {"replicas": 3}), ("roll_back", {})):
            texts.append(asked(desk)(tool, {"target": service, **arguments}))
    schemas = json.dumps([[tool.doc, tool.schema] for tool in desk.tools.values()])
    assert not [word for word in WORDS if any(word in text for text in [*texts, schemas])]


def test_remedies_of_a_service_without_a_fault_say_what_those_of_the_right_one_do():
    told = []
    for service in ("database", "cache-service"):
        incident = MENDINGS["cascade"].live(takes=10)
        incident.until_alert()
        told.append(LiveDesk.of(incident).ask("toggle_flag", {"target": service})[0].text)
    assert told[0] == told[1]


def test_tools_that_need_what_is_withheld_are_not_there_and_all_that_act_are(cascade):
    desk = LiveDesk.of(cascade[0], withheld=["logs"])
    assert "search_logs" not in desk.tools
    acting = {name for name, tool in desk.tools.items() if tool.acts}
    named = "restart roll_back scale drain set_policy shift_traffic toggle_flag wait finish"
    assert acting == set(named.split()) == {*desk.tools} - {tool.name for tool in READING}


#: A route with weights, and a bad version released beside the other.
ROUTED = """
name: routed
defaults: {service: {startup: 1s, readiness: {period: 1s}}, edge: {timeout: 500ms}}
services:
  web: {operations: {home: {work: 1ms, calls: reviews.get}}}
  reviews:
    operations: {get: {work: 5ms}}
    versions: {v1: {weight: 0.5}, v2: {weight: 0.5}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""


def test_traffic_is_shifted_away_from_a_version_that_fails_and_nothing_else_averts_more():
    text = "name: incident\nfaults: [{deploy: {target: reviews, deployment: v2, share: 100%, patience: none}}]\n"
    loaded = parse(text, "incident.yaml", OPTIONS, mesh=topology_loader.parse(ROUTED, "routed.yaml"))
    incident = LiveIncident(loaded, OPTIONS, takes=0)
    incident.until_alert()
    desk = LiveDesk.of(incident)
    desk.call("shift_traffic", target="reviews", to_version="v1", from_version="v2")
    found = incident.finish()
    assert found.prospects.best == ("shift", {"target": "reviews", "to": "v1", "from": "v2"})
    assert found.share > 0.8 and found.of_best == pytest.approx(1, abs=0.05)
