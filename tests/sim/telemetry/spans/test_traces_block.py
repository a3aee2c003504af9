"""A `telemetry:` block selects which spans inside processes, and which attributes, are recorded."""

import json

import polars as pl
import pytest
from small_mesh import SMALL

from meshquake.faults import loader as scenario_loader
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.spans.span_attributes import NAMES
from meshquake.topology import loader as topology_loader
from meshquake.topology.problems import DocumentError
from meshquake.truth.twins import Twins

BUILT = (
    SMALL.replace("  cart:\n", "  cart:\n    stack: java/spring-boot\n", 1)
    .replace("kind: gateway\n", "kind: gateway\n    stack: nodejs/express\n", 1)
    .replace("{kind: database,", "{kind: database, stack: postgresql,", 1)
)
SCENARIO = (
    "name: x\nlead_in: 1s\nduration: 2s\nrecovery: 0s\nconfounders: none\nfaults: [slow: {target: db, factor: 40}]\n"
)


def run(block="", scenario_block=""):
    mesh = topology_loader.parse(BUILT + block, "mesh.yaml")
    return Simulation.of(scenario_loader.parse(SCENARIO + scenario_block, "scenario.yaml", mesh=mesh))


def spans(*blocks):
    return pl.concat([batch.traces for batch in run(*blocks).batches()])


def attributes(traces):
    return [None if text is None else json.loads(text) for text in traces["attributes"]]


@pytest.fixture(scope="module")
def usual():
    return spans()


def test_without_internal_spans_the_others_are_as_they_were_and_none_hangs_in_the_air(usual):
    found = spans("telemetry: {traces: {internal: false}}")
    others = usual.filter(pl.col("kind") != "internal")
    assert len(others) < len(usual)
    assert found.drop("parent_span_id").equals(others.drop("parent_span_id"))
    assert {*found["parent_span_id"].drop_nulls()} <= {*found["span_id"]}
    assert found.equals(spans("", "telemetry: {traces: {internal: false}}"))


def test_attributes_are_left_out_and_called_otherwise_and_nothing_else_changes(usual):
    block = "telemetry: {traces: {attributes: {user.id: enduser.id, session.id: none, 'url.*': none}}}"
    found = spans(block)
    assert found.drop("attributes").equals(usual.drop("attributes"))
    gone = {"session.id", "url.path", "url.full"}
    renamed = [
        told and {{"user.id": "enduser.id"}.get(name, name): value for name, value in told.items() if name not in gone}
        for told in attributes(usual)
    ]
    assert attributes(found) == [told or None for told in renamed]


def test_no_attribute_needs_to_be_recorded(usual):
    found = spans("telemetry: {traces: {attributes: {'*': none}}}")
    assert found["attributes"].null_count() == len(found)
    assert {name for told in attributes(usual) if told for name in told} <= {*NAMES}


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("attributes: {user.ids: x}", "no span attribute is called 'user.ids' (did you mean 'user.id'?)"),
        ("attributes: {user.*: x}", "must be none, not 'x': it matches several attributes"),
        (
            "attributes: {user.id: a b}",
            "must be a name: up to 200 letters, digits and any of _ : . -, not starting with a digit, or none",
        ),
        ("attributes: {user.id: session.id}", "user.id and session.id would all be called 'session.id'"),
        ("internals: false", "unknown key 'internals' (did you mean 'internal'?)"),
    ],
)
def test_a_mistake_is_told(block, message):
    with pytest.raises(DocumentError) as refused:
        run(f"telemetry: {{traces: {{{block}}}}}")
    assert [problem.message for problem in refused.value.problems] == [message]


def test_the_verdicts_on_requests_do_not_depend_on_it():
    found = []
    for block in ("", "telemetry: {traces: {internal: false}, metrics: {'*': none}}"):
        verdicts = []
        for _ in Twins(run(block), verdicts.append).cuts():
            pass
        found.append(pl.concat(verdicts))
    assert found[0].equals(found[1]) and found[0]["effect"].drop_nulls().len()
