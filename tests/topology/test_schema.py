"""The JSON Schema of topology files accepts what the loader accepts, and refuses whatever a schema can refuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from meshquake.topology import loader
from meshquake.topology.problems import DocumentError
from meshquake.topology.schema import topology_schema
from tests.editor import complaints
from tests.topology import test_loader
from tests.topology.test_reference import DOCS, ERRORS, example, filled

ROOT = Path(__file__).parents[2]
SCHEMA = topology_schema()
#: Meshes written by others, where available.
SHARED = ROOT.parent / "shared" / "meshes"
#: Errors beyond a schema: names that must exist elsewhere, calls that must terminate, and constraints on all values of
#: a list or block together.
FOR_THE_LOADER = {
    "calls: bd.select",
    "calls: db.selct",
    "calls: web.other",
    "web->db: {}",
    "web -> dbs: {}",
    "db -> web: {}",
    "web.othr: 1",
    "defaults: {edges_to: {databse: {}}}",
    "work: {mixture: [{weight: 0, constant: 1ms}]}",
    "calls: {db.select: {times: {empirical: [0]}}}",
    "Web: {}",
    "web.v2: {}",
    "calls: {db.select: {hit_rate: 1, on_failure: db.select}}",
    "calls: {db.select: {hit_rate: 1, on_success: db.select}}",
    "route: GET /, rpc: shop.Cart/Get",
    "statement: SELECT 1",
    "cpu: {limit: 250m, scheduling: fifo}",
    "rollout: {max_surge: 0, max_unavailable: 0}",
    "autoscale: {maximum: 3, minimum: 4}",
    "versions: {v1: {weight: 9}, v2: {}}",
    "retry: 3, hedge: 50ms",
}


def cases(test: Any) -> list[str]:
    """Return the texts that a test of the loader is run with."""
    return [text for text, *_ in test.pytestmark[0].args[1]]


def mesh(operation: str) -> str:
    """Return a mesh with a block of an operation, as in the tests of the loader."""
    return (
        f"name: one\nservices:\n  web: {{operations: {{home: {{{operation}}}}}}}\n"
        "  cache: {kind: cache, operations: {get: {}, set: {}}}\n  db: {kind: database, operations: {get: {}}}\n"
        "workload: {mix: {web.home: 1}}\n"
    )


def test_it_is_a_schema_of_the_2020_12_draft() -> None:
    Draft202012Validator.check_schema(SCHEMA)


# -- accepted ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", loader.shipped().values(), ids=list(loader.shipped()))
def test_a_shipped_mesh_is_valid_and_its_first_line_names_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert complaints(SCHEMA, text) == []
    named = re.match(r"# yaml-language-server: \$schema=(.+)\n", text)
    assert named is not None
    assert (path.parent / named[1]).resolve() == ROOT / "topology" / "topology.schema.json"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the meshes of others are not at hand")
def test_a_mesh_of_others_that_the_loader_accepts_is_valid() -> None:
    for path in sorted(SHARED.glob("*.yaml")):
        loader.load(path)
        assert complaints(SCHEMA, path.read_text(encoding="utf-8")) == [], path.name


@pytest.mark.parametrize("name", ["small", "patient"])
def test_a_mesh_of_the_documentation_is_valid(name: str) -> None:
    assert complaints(SCHEMA, example(name)) == []


def test_parts_of_meshes_in_the_documentation_are_valid() -> None:
    works = re.findall(r"^work: (.+)$", DOCS, re.MULTILINE)
    calls = re.findall(r"```yaml\n(calls:\n.*?)```", DOCS, re.DOTALL)
    assert works and calls
    for text in works:
        assert complaints(SCHEMA, filled("operation", f"work: {text}")) == []
    for text in calls:
        lines = ["services:", "  a:", "    operations:", "      x:", *(f"        {line}" for line in text.splitlines())]
        assert complaints(SCHEMA, "\n".join(["name: x", *lines, "workload: {mix: {a.x: 1}}"])) == []


@pytest.mark.parametrize("text", cases(test_loader.test_distributions_have_their_spellings))
def test_every_spelling_of_a_distribution_is_valid(text: str) -> None:
    assert complaints(SCHEMA, mesh(f"work: {text}")) == []


@pytest.mark.parametrize(
    "text", cases(test_loader.test_a_list_of_calls_is_a_sequence_and_a_list_in_it_runs_concurrently)
)
def test_every_spelling_of_calls_is_valid(text: str) -> None:
    assert complaints(SCHEMA, mesh(f"calls: {text}")) == []


@pytest.mark.parametrize("text", cases(test_loader.test_users_are_promised_what_the_workload_says))
def test_every_spelling_of_an_objective_is_valid(text: str) -> None:
    assert complaints(SCHEMA, test_loader.ONE.format(text)) == []


def test_a_whole_mesh_with_every_section_is_valid() -> None:
    text = """\
name: 2024
defaults:
  service: {replicas: 2, memory: {limit: 1GiB, base: 10%}, readiness: {period: 2s}}
  edge: {timeout: 1s, latency: 1ms, retry: 3}
  edges_from: {gateway: {retry: {budget: none}}, web: {retry: {budget: 0.2, on: timeout}}}
  edges_to: {database: {retry: none, latency: {exponential: 1ms}}}
services:
  web: {kind: gateway, workers: 4, cpu: 2, queue: 0, version: 1.10, operations: {home: {work: 0, calls: [db.get]}}}
  db: {startup: 1m, operations: {get: {work: {mixture: [{weight: 1, constant: 1ms}]}}, 7: {}}}
edges:
  web -> db: {timeout: none, pool: 5, bulkhead: "7", balance: random, breaker: {failure_rate: 0.25}}
workload: {rate: 90/m, balance: least_request, mix: {web.home: 3, db.7: 50%}}
"""
    loader.parse(text, "m.yaml")
    assert complaints(SCHEMA, text) == []


@pytest.mark.parametrize(("place", "right"), [(place, right) for place, _, _, right in ERRORS])
def test_what_the_documentation_calls_right_is_valid(place: str, right: str) -> None:
    assert complaints(SCHEMA, filled(place, right)) == []


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "mistake"), [(place, mistake) for place, mistake, *_ in ERRORS])
def test_a_mistake_of_the_documentation_is_refused_if_a_schema_can_see_it(place: str, mistake: str) -> None:
    assert (complaints(SCHEMA, filled(place, mistake)) == []) == (mistake in FOR_THE_LOADER)


def test_the_broken_mesh_of_the_documentation_is_refused_where_a_schema_can_see_it() -> None:
    places = {complaint.split(":")[0] for complaint in complaints(SCHEMA, example("broken"))}
    assert places == {
        "$.defaults.edge.timeout",
        "$.defaults.edge.retry",
        "$.services.web.workers",
        "$.services.db.kind",
    }


@pytest.mark.parametrize("text", cases(test_loader.test_a_promise_that_cannot_be_judged_is_refused))
def test_an_objective_that_cannot_be_judged_is_refused(text: str) -> None:
    """Except for a window in fractions of a second."""
    assert (complaints(SCHEMA, test_loader.ONE.format(text)) == []) == ("1500ms" in text)


@pytest.mark.parametrize("text", cases(test_loader.test_what_is_no_mesh_is_refused))
def test_what_is_no_mesh_is_refused(text: str) -> None:
    """Except for a mix whose weights are all 0."""
    assert (complaints(SCHEMA, text) == []) == ("a.x: 0" in text)


@pytest.mark.parametrize(
    "text",
    [
        "defaults: {service: {workers: 0}}",
        "defaults: {edge: {timeout: 5}}",
        "defaults: {edges_to: {database: {pool: {size: 0}}}}",
        "defaults: {edges_to: {external: {timeout: soon}}}",
        "edges: [web -> db]",
        "services: [web]",
    ],
)
def test_a_mistake_in_a_section_is_refused(text: str) -> None:
    word = text.split(":")[0]
    rest = "name: x\nservices: {web: {operations: {home: {}}}}\nworkload: {mix: {web.home: 1}}\n"
    lines = [line for line in rest.splitlines() if not line.startswith(word)]
    with pytest.raises(DocumentError):
        loader.parse("\n".join([*lines, text]), "m.yaml")
    assert complaints(SCHEMA, "\n".join([*lines, text]))
