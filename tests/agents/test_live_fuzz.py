"""Whatever the acting tools are asked, the answer is a page or an error message, and the run replays."""

import json
from datetime import timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from mending import OPTIONS
from twin_runs import frames

from meshquake.agents.answer import MOST
from meshquake.agents.mitigation import LiveDesk, LiveIncident
from meshquake.agents.tools.tool import ToolError
from meshquake.faults.loader import parse
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader

MESH = """
name: two
defaults: {service: {startup: 1s, readiness: {period: 1s}}, edge: {timeout: 300ms, retry: 2}}
services:
  web: {replicas: 2, operations: {home: {work: 1ms, calls: db.get}}}
  db: {replicas: 2, operations: {get: {work: 10ms}}}
workload: {rate: 10/s, mix: {web.home: 1}}
"""
TOOLS = [
    *("restart", "roll_back", "scale", "drain", "set_policy", "shift_traffic", "toggle_flag"),
    *("wait", "finish", "submit"),
]
NAMES = [
    *("target", "replicas", "seconds", "graceful", "settings"),
    *("deployment", "share", "to_version", "from_version", "odd"),
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["web", "db[1]", "web -> db", "db.get", "users", "any", "{any: {}}", "1..3", "none", "x" * 500]),
    st.recursive(st.integers(), lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3)),
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "timeout": st.sampled_from(["200ms", "1s", "none", "-1s", 5]),
        "retry": st.sampled_from(["none", 3, {"max_attempts": 2}, {"max_attempts": []}]),
        "rate_limit": st.sampled_from([{"max_tokens": 2, "fill_interval": "1s"}, "none", {"max_tokens": "any"}]),
        "replicas": ODD,
    },
)
ARGUMENTS = st.dictionaries(
    st.sampled_from(
        [
            "target",
            "replicas",
            "seconds",
            "graceful",
            "settings",
            "deployment",
            "share",
            "to_version",
            "from_version",
            "odd",
        ]
    ),
    ODD | SETTINGS,
    max_size=4,
)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(TOOLS), ARGUMENTS | ODD), max_size=12))
def test_no_call_ends_in_anything_but_a_page_or_an_error_that_says_what_is_wrong(calls):
    text = "name: incident\nfaults: [{fail: {target: db, share: 50%}}]\n"
    loaded = parse(text, "incident.yaml", OPTIONS, mesh=topology_loader.parse(MESH, "two.yaml"))
    incident = LiveIncident(loaded, OPTIONS, takes=1)
    incident.wait(1)
    desk = LiveDesk.of(incident)
    for tool, arguments in calls:
        before = incident.scenario(), incident.now
        page, error = desk.ask(tool, arguments)
        assert len(page.text.encode()) <= MOST and json.loads(page.text)["start"]
        assert error is None or (isinstance(error, ToolError) and all(error.args))
        assert error is None or (incident.scenario(), incident.now) == before
    again = parse(incident.script.text, "again.yaml", OPTIONS, mesh=topology_loader.parse(MESH, "two.yaml"))
    events, now = frames(Simulation.of(again).batches())["events"], incident.simulation.start
    until = (now + timedelta(seconds=incident.now)).isoformat(timespec="microseconds")
    assert incident.events().equals(events.filter(pl.col("timestamp") < until))
