"""The documentation of topology files agrees with the loader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meshquake.faults.fault import Fault
from meshquake.faults.scenario import Scenario
from meshquake.topology import distributions, loader, policies, spec
from meshquake.topology.binder import keys_of
from meshquake.topology.distributions import DISTRIBUTIONS, Exponential
from meshquake.topology.problems import DocumentError
from meshquake.topology.reference import table

PATH = Path(__file__).parents[2] / "docs" / "topology.md"
DOCS = PATH.read_text(encoding="utf-8")

#: A mesh with places for a mistake, one for each first column of the table of errors.
FORM = """\
name: t
services:
  web: {operations: {home: {calls: db.select}, other: {%(operation)s }}, %(service)s }
  db: {kind: database, operations: {select: {}}, %(never)s }
  %(services)s
edges: {web -> db: {%(edge)s }, %(edges)s }
workload: {mix: {web.home: 1, %(mix)s }, %(workload)s }
%(top)s
"""
PLACES = ("operation", "service", "services", "edge", "edges", "mix", "workload", "top")
ERRORS = re.findall(r"^\| (\w+) \| `(.+?)` \| (.+?) \| (?:`(.+?)` )?\|$", DOCS.split("## Errors")[1], re.MULTILINE)


def example(name: str) -> str:
    """Return a YAML example of the documentation."""
    return DOCS.split(f"<!-- example: {name} -->\n```yaml\n")[1].split("```")[0]


def filled(place: str, text: str) -> str:
    """Return the form with a text in one place."""
    return FORM % {**dict.fromkeys((*PLACES, "never"), ""), place: text}


def test_a_table_has_a_row_for_each_key() -> None:
    """Value, default, bounds and meaning, in Markdown."""
    assert table(Exponential) == (
        "| key | value | default | bounds | meaning |\n"
        "|---|---|---|---|---|\n"
        "| `mean` | duration | required | more than 0s to 24h | the mean "
        "(short form: this value alone) |\n"
    )


def test_every_type_of_the_grammar_has_its_table() -> None:
    """No key of a topology file is left out."""
    types = {
        value
        for module in (spec, policies, distributions, loader)
        for value in vars(module).values()
        if isinstance(value, type) and hasattr(value, "__dataclass_fields__") and keys_of(value)
    }
    assert {f"{cls.__module__}.{cls.__name__}" for cls in types} <= set(re.findall(r"<!-- keys of (\S+) -->", DOCS))


def test_the_small_mesh_loads_and_has_fifteen_lines() -> None:
    """The first example of the documentation works, and is short."""
    text = example("small")
    mesh = loader.parse(text, "small.yaml").topology
    assert len(text.splitlines()) <= 15
    assert [(edge.caller, edge.callee) for edge in mesh.edges] == [
        ("web", "accounts"),
        ("web", "items"),
        ("accounts", "db"),
        ("items", "db"),
    ]


def test_every_distribution_is_shown_as_it_may_be_written() -> None:
    """The examples of distributions load, and all words are among them."""
    examples = re.findall(r"^work: (.+)$", DOCS, re.MULTILINE)
    for text in examples:
        loader.parse(filled("operation", f"work: {text}"), "x")
    assert all(any(word in text for text in examples) for word in DISTRIBUTIONS)


def test_the_broken_file_gives_the_output_shown() -> None:
    """Every problem at once, word for word."""
    with pytest.raises(DocumentError) as caught:
        loader.parse(example("broken"), "broken.yaml")
    assert f"{caught.value}\n" == DOCS.split("<!-- output: broken -->\n```text\n")[1].split("```")[0]


def test_the_form_itself_is_in_order() -> None:
    """So every error below is due to the mistake."""
    loader.parse(filled("never", ""), "x")
    assert len(ERRORS) > 50


@pytest.mark.parametrize(("place", "mistake", "message", "right"), ERRORS)
def test_mistakes_are_reported_and_put_right_as_the_table_says(
    place: str, mistake: str, message: str, right: str
) -> None:
    """The mistake gives exactly one error with that message, and the suggested correction is accepted."""
    with pytest.raises(DocumentError) as caught:
        loader.parse(filled(place, mistake), "x")
    (problem,) = caught.value.problems
    assert problem.message == message or (place == "top" and problem.message.startswith(message))
    loader.parse(filled(place, right), "x")


def test_a_block_that_says_nothing_by_default_has_no_default() -> None:
    """Not Python's text for it; defaults that are times or shares are shown as such."""
    assert "Telemetry(" not in table(Scenario)
    assert "| `at` | see text | 0s |" in table(Fault)
