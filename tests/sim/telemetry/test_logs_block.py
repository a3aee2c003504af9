"""A `telemetry:` block says how log lines are written, and nothing else of a run changes."""

import json

import polars as pl
import pytest
from small_mesh import SMALL

from meshquake.faults import loader as scenario_loader
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader
from meshquake.topology.problems import DocumentError

SCENARIO = """
name: x
lead_in: 1s
duration: 3s
recovery: 0s
confounders: none
faults: [slow: {target: db, factor: 40}, restart: {target: 'web[0]', at: 0.5s}]
"""


def frames(block="", scenario_block=""):
    """The records of a short run in which something fails, by kind."""
    mesh = topology_loader.parse(SMALL + block, "mesh.yaml")
    loaded = scenario_loader.parse(SCENARIO + scenario_block, "scenario.yaml", mesh=mesh)
    batches = list(Simulation.of(loaded).batches())
    return {kind: pl.concat([batch.frame(kind) for batch in batches]) for kind in RECORD_KINDS}


@pytest.fixture(scope="module")
def usual():
    return frames()


def lines(found):
    return found["logs"].to_dicts()


JSON = '{"at": "{timestamp}", "lvl": "{severity}", "from": "{service}/{logger}", "trace": "{trace_id}", "msg": {json}}'


def test_a_format_of_ones_own_has_all_that_a_line_had_and_changes_nothing_else(usual):
    found = frames(f"telemetry: {{logs: {{format: '{JSON}'}}}}")
    for kind in ("metrics", "traces", "events"):
        assert found[kind].equals(usual[kind])
    assert found["logs"].drop("message").equals(usual["logs"].drop("message"))
    assert [json.loads(line["message"]) for line in lines(found)] == [
        {
            "at": line["timestamp"],
            "lvl": line["level"].lower(),
            "from": f"{line['service']}/{line['logger']}",
            "trace": line["trace_id"] or "",
            "msg": line["message"],
        }
        for line in lines(usual)
    ]


def test_of_two_formats_the_later_one_counts_and_that_of_the_scenario_is_later(usual):
    mesh = "telemetry: {logs: {format: [{line: 'A {message}', service: w*}, {line: 'B {message}', service: web}]}}"
    found = frames(mesh, "telemetry: {logs: {format: {line: 'C {message} {replica}', service: db}}}")
    marks = {"web": "B {message}", "db": "C {message} {replica}"}
    assert [line["message"] for line in lines(found)] == [
        marks.get(line["service"], "{message}").format(**line | {"replica": line["replica"] or ""})
        for line in lines(usual)
    ]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("format: '{messages}'", "there is no value {messages} (did you mean 'message'?)"),
        ("format: {line: x, service: wbe}", "no service is called like 'wbe' (did you mean 'web'?)"),
        ("format: []", "must have at least one value"),
        ("formats: x", "unknown key 'formats' (did you mean 'format'?)"),
    ],
)
def test_a_mistake_is_told(block, message):
    with pytest.raises(DocumentError) as refused:
        frames(f"telemetry: {{logs: {{{block}}}}}")
    assert [problem.message for problem in refused.value.problems] == [message]
