"""The JSON Schema of scenario files accepts what the loader accepts, and refuses whatever a schema can refuse."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from meshquake.faults.cases import Plan, case
from meshquake.faults.edits import write_out
from meshquake.faults.kinds import fault_kinds
from meshquake.faults.loader import Options, parse, shipped
from meshquake.faults.schema import scenario_schema
from meshquake.topology import loader as topology_loader
from tests.editor import complaints
from tests.faults.test_draws import BAD as BAD_DRAWS
from tests.faults.test_draws import BLOCKS
from tests.faults.test_loader import BAD_FAULTS, BAD_FILES, with_fault

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
SCHEMA = scenario_schema()
MESH = topology_loader.load(topology_loader.shipped()[topology_loader.DEFAULT])
#: Errors that only show on the mesh, in the recording, or in a combination of two values.
FOR_THE_LOADER = {
    "no such mesh",
    "no such service",
    "no such replica",
    "no such operation",
    "no such caller",
    "no such edge",
    # Only the list of services shows where a service's name ends, since names may have dots.
    "an operation's replica",
    "a target of a list that does not fit",
    "an edge of one that calls nobody",
    "a surge of what users do not ask for",
    "a range in a block that is upside down",
    "a pool where there is none",
    "an end after that of the recording",
    "a beginning before that of the recording",
    "a window of no length",
    "a reset that users would see",
    "a release that resets connections of users",
    "a hold without a canary",
    "a canary larger than the service",
    "a shape that is never more than nothing",
    "a ramp longer than the window",
    # A schema sees only sign and unit of a number with an exponent.
    "an absurd time",
    "an upside-down range",
    "a target of a list that is not there",
    "a target that is not there",
    "a target for which there is no kind",
}


def valid(fault):
    """Return whether a schema accepts a scenario with such a fault."""
    return complaints(SCHEMA, with_fault(fault)) == []


def test_it_is_a_schema_of_the_2020_12_draft():
    Draft202012Validator.check_schema(SCHEMA)


# -- accepted ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_scenario_is_valid_and_its_first_line_names_the_schema(name):
    text = shipped()[name].read_text(encoding="utf-8")
    assert complaints(SCHEMA, text) == []
    named = re.match(r"# yaml-language-server: \$schema=(.+)\n", text)[1]
    assert (shipped()[name].parent / named).resolve() == ROOT / "faults" / "scenario.schema.json"


@pytest.mark.parametrize("name", ["slow-payments", "a-bad-day"])
def test_a_scenario_of_the_documentation_is_valid(name):
    text = re.search(rf"example: {name} -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)[1]
    assert complaints(SCHEMA, text) == []


def test_the_scenario_of_the_readme_is_valid():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert complaints(SCHEMA, re.search(r"```yaml\n(# slow-users.yaml\n.*?)```", text, re.DOTALL)[1]) == []


def test_every_key_of_a_scenario_and_of_a_fault_may_be_there():
    text = """
        name: 2024
        summary: A try
        group: noise
        topology: ten-services
        duration: 2m
        lead_in: 30s
        recovery: 0
        rate: 90/m
        faults:
          - slow: {id: lock, target: database, factor: 4, at: -25%, for: 40s, ramp: 10s, severity: 0.5}
          - slow: {target: "database[1]", factor: "4", at: 0}
          - slow: {target: database.select, factor: 4.5}
          - cut: {target: order-service->database}
          - surge: {target: users, factor: 2}
        background:
          - job: {target: auth-service, name: 7}
        confounders: none
        """
    parse(text, "x.yaml")
    assert complaints(SCHEMA, text) == []


@pytest.mark.parametrize(
    "fault",
    [
        "slow: {target: database, factor: 10..80}",
        "fail: {target: any, share: 20%..60%, error: [internal, unavailable], at: -10s..20s, severity: 50% .. 100%}",
        'slow: {target: [database, "auth-service[0]"], factor: 2..3, for: 10%..20%, ramp: 0s..1s}',
        "any: {}",
        "any: {of: slow}",
        "any: {of: all, severity: 50%..100%}",
        "any: {of: [slow], factor: 4..5}",
        "any: {of: [slow, fail], target: database}",
        "any: {of: [fail, deploy], target: database, error: internal, share: 20%..30%}",
    ],
)
def test_what_is_left_to_the_seed_is_valid(fault):
    parse(with_fault(fault), "x.yaml")
    assert valid(fault)


@settings(max_examples=40)
@given(BLOCKS)
def test_whatever_the_seed_may_choose_among_is_valid(fault):
    assert valid(fault)


@pytest.mark.parametrize("number", range(20))
def test_a_case_of_a_data_set_is_valid_and_so_is_what_was_drawn_for_it(number):
    drawn = case(Plan((MESH.topology,), 1), number, 0)
    assert complaints(SCHEMA, drawn.text) == []
    scenario = parse(drawn.text, "x.yaml", Options(seed=drawn.seed), mesh=MESH).scenario
    assert complaints(SCHEMA, write_out(drawn.text, scenario, MESH.topology)) == []


@pytest.mark.parametrize("kind", fault_kinds())
def test_a_kind_says_what_it_is(kind):
    assert SCHEMA["$defs"][f"kind.{kind}"]["description"]


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_if_a_schema_can_see_it(name):
    assert (complaints(SCHEMA, BAD_FILES[name][0]) == []) == (name in FOR_THE_LOADER)


@pytest.mark.parametrize("name", BAD_FAULTS)
def test_a_bad_fault_is_refused_if_a_schema_can_see_it(name):
    assert valid(BAD_FAULTS[name][0]) == (name in FOR_THE_LOADER)


@pytest.mark.parametrize("name", BAD_DRAWS)
def test_what_cannot_be_drawn_is_refused_if_a_schema_can_see_it(name):
    assert valid(BAD_DRAWS[name][0]) == (name in FOR_THE_LOADER)


@settings(max_examples=40)
@given(st.sampled_from(sorted(fault_kinds())), st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8))
def test_a_kind_has_no_keys_but_its_own(kind, word):
    known = SCHEMA["$defs"][f"kind.{kind}"]["properties"]
    shown = [line for line in complaints(SCHEMA, with_fault(f"{kind}: {{{word}: 1}}")) if f"'{word}'" in line]
    assert bool(shown) == (word not in known)
