"""Names as real systems have them, from the topology through a run to its exports."""

import csv
import json

import pytest
from exported import records

from meshquake.exporters.fixtures import writing
from meshquake.exporters.formats.registry import FORMATS
from meshquake.faults.loader import parse
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader

MESH = """
name: real-names
services:
  frontend:
    kind: gateway
    operations:
      "GET /api/products/{id}":
        route: "GET /api/products/{id}"
        calls: product_catalog.oteldemo.ProductCatalogService/GetProduct
  product_catalog: {operations: {oteldemo.ProductCatalogService/GetProduct: {work: 1ms, calls: "Store.find: one"}}}
  Store: {kind: database, system: mongodb, operations: {"find: one": {command: find products}}}
workload: {rate: 20/s, mix: {"frontend.GET /api/products/{id}": 1}}
"""
SCENARIO = """
name: named
lead_in: 5s
duration: 5s
recovery: 0s
faults:
  - fail: {target: product_catalog.oteldemo.ProductCatalogService/GetProduct, share: 50%}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the fixture of a run, and its exports in some formats."""
    mesh = loader.parse(MESH, "mesh.yaml")
    simulation = Simulation.of(parse(SCENARIO, "named.yaml", mesh=mesh))
    place = tmp_path_factory.mktemp("names") / "named"
    formats = [FORMATS[name] for name in ("otlp", "zipkin", "jaeger", "rcaeval", "openrca")]
    writing.write(simulation, place, lambda batch: None, formats=formats)
    return place


def test_names_with_spaces_slashes_dots_and_braces_are_called_entered_and_targeted(folder):
    """The fault acts on the operation that its target names, and the key names the same."""
    key = json.loads((folder / "truth" / "ground_truth.json").read_text(encoding="utf-8"))
    assert key["faults"][0]["target"]["service"] == "product_catalog"
    assert key["faults"][0]["target"]["operation"] == "oteldemo.ProductCatalogService/GetProduct"
    failed = {span["operation"] for span in records(folder, "traces") if span["status"] == "error"}
    assert failed == {
        "frontend.GET /api/products/{id}",
        "product_catalog.oteldemo.ProductCatalogService/GetProduct",
    }


@pytest.mark.parametrize(
    ("file", "name"),
    [("otlp/traces.jsonl", "name"), ("jaeger/traces.json", "operationName"), ("zipkin/spans.json", "name")],
)
def test_spans_have_the_names_that_real_ones_have(folder, file, name):
    """A route, a method of the callee, and a command; Zipkin has lower case throughout."""
    text = (folder / file).read_text(encoding="utf-8")
    for expected in (
        "GET /api/products/{id}",
        "product_catalog/oteldemo.ProductCatalogService/GetProduct",
        "find products",
    ):
        assert f'"{name}":{json.dumps(expected.lower() if "zipkin" in file else expected)}' in text


def test_rcaeval_has_hyphens_in_place_of_underscores(folder):
    """RCAEval splits names at their first underscore."""
    with (folder / "rcaeval" / "simple_metrics.csv").open(encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file))
    assert {column.split("_")[0] for column in columns[1:]} == {"frontend", "product-catalog", "Store"}
    assert set(json.loads((folder / "rcaeval" / "metrics.json").read_text(encoding="utf-8"))) <= set(columns)
    with (folder / "rcaeval" / "traces.csv").open(encoding="utf-8", newline="") as file:
        spans = list(csv.DictReader(file))
    assert {span["serviceName"] for span in spans} == {"frontend", "product-catalog", "Store"}
    assert {span["methodName"] for span in spans} >= {"GET /api/products/{id}", "find: one"}
