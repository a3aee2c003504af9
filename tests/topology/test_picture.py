"""Pictures of a mesh."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from random_meshes import meshes
from small_mesh import SMALL

from meshquake.topology.loader import load, parse, shipped
from meshquake.topology.picture import dot, svg
from meshquake.topology.spec import Call, Edge, Entry, Operation, Service, Topology, Workload

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def small():
    return parse(SMALL, "small.yaml").topology


@pytest.fixture(scope="module")
def shop():
    return load(shipped()["ten-services"]).topology


def wide(layers, width):
    """A mesh of layers of services that each call three of the next layer, and one of the last."""

    def calls(layer, place):
        targets = [(layer + 1, (place + step) % width) for step in (0, 1, 7) if layer < layers - 1]
        targets += [(layers - 1, place)] if layer < layers - 2 else []
        return tuple((Call(f"service-{a}-{b}", "go"),) for a, b in dict.fromkeys(targets))

    services = tuple(
        Service(f"service-{layer}-{place}", operations=(Operation("go", calls=calls(layer, place)),))
        for layer in range(layers)
        for place in range(width)
    )
    edges = dict.fromkeys((s.name, call.service) for s in services for group in s.operations[0].calls for call in group)
    mix = tuple(Entry(f"service-0-{place}", "go", 1.0) for place in range(width))
    return Topology("wide", services, tuple(Edge(*pair) for pair in edges), Workload(mix=mix))


# -- dot -------------------------------------------------------------------------------------------------------------


def test_dot_has_a_node_for_each_service_and_an_edge_for_each_pair(small):
    assert (
        dot(small)
        == """digraph "small" {
  rankdir=LR;
  node [fontname="Helvetica"];
  edge [fontname="Helvetica", fontsize=10];
  "web" [label="web\\n2 x 16 workers", shape=octagon];
  "cart" [label="cart\\n1 x 16 workers", shape=box];
  "ads" [label="ads\\n1 x 16 workers", shape=box3d];
  "cache" [label="cache\\n1 x 16 workers", shape=component];
  "db" [label="db\\n1 x 8 workers", shape=cylinder];
  "web" -> "cart" [label="40/s"];
  "web" -> "ads" [label="30/s"];
  "web" -> "db" [label="15/s"];
  "cart" -> "cache" [label="44/s"];
  "cart" -> "db" [label="4/s"];
}
"""
    )


@pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not installed")
def test_graphviz_reads_it_whatever_the_mesh_is_called(small):
    odd = Topology('a "quoted" \\ name\\', small.services, small.edges, small.workload)
    done = subprocess.run(["dot", "-Tplain"], input=dot(odd), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert sum(line.startswith("node ") for line in done.stdout.splitlines()) == 5


# -- svg -------------------------------------------------------------------------------------------------------------


def test_the_committed_picture_is_what_the_code_draws(shop):
    """If this fails after a change of the mesh or of the drawing: run.py topology show --svg docs/ten-services.svg."""
    assert (ROOT / "docs" / "ten-services.svg").read_text(encoding="utf-8") == svg(shop)


@settings(max_examples=50)
@given(meshes())
def test_svg_is_xml_that_names_every_service_and_draws_every_edge_inside_its_frame(mesh):
    root = ElementTree.fromstring(svg(mesh))
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert all(words.count(service.name) == 1 for service in mesh.services)
    arrows = [path for path in root.iter(f"{SVG}path") if path.get("marker-end")]
    assert len(arrows) == len(mesh.edges) + len({entry.service for entry in mesh.workload.mix}) + 1
    width, height = float(root.get("width")), float(root.get("height"))
    for element in root.iter(f"{SVG}text"):
        assert 0 < float(element.get("x")) < width
        assert 0 < float(element.get("y")) < height


def test_kinds_are_told_apart_by_a_word_and_by_shape(small):
    root = ElementTree.fromstring(svg(small))
    words = [element.text for element in root.iter(f"{SVG}text")]
    for service in small.services:
        assert f"{service.kind}, {service.replicas} \N{MULTIPLICATION SIGN} {service.workers} workers" in words
        assert service.kind in words
    # Once for the service and once in the legend.
    assert len(list(root.iter(f"{SVG}polygon"))) == 2
    assert len([rect for rect in root.iter(f"{SVG}rect") if rect.get("stroke-dasharray")]) == 2


def test_names_are_escaped():
    text = "{name: '<b>&', services: {a: {operations: {go: {}}}}, workload: {mix: {a.go: 1}}}"
    mesh = parse(text, "odd.yaml").topology
    assert ElementTree.fromstring(svg(mesh)).find(f"{SVG}title").text == "<b>&"


def test_a_long_name_widens_its_box():
    def box(name):
        text = f"{{name: n, services: {{{name}: {{operations: {{go: {{}}}}}}}}, workload: {{mix: {{{name}.go: 1}}}}}}"
        root = ElementTree.fromstring(svg(parse(text, "n.yaml").topology))
        return max(float(rect.get("width")) for rect in root.iter(f"{SVG}rect") if rect.get("rx") == "9")

    assert box("a" * 60) > box("a" * 40) > box("a") > 100


def test_a_thousand_services_are_drawn_in_seconds():
    begun = time.process_time()
    assert svg(wide(10, 100)).count("<path ") > 3000
    assert time.process_time() - begun < 20


# -- all of them -----------------------------------------------------------------------------------------------------


def test_pictures_and_warnings_do_not_depend_on_hash_order():
    program = (
        "from meshquake.topology.loader import load, shipped\n"
        "from meshquake.topology.picture import dot, svg\n"
        "from meshquake.topology.review import review\n"
        "mesh = load(shipped()['ten-services']).topology\n"
        "print(dot(mesh), svg(mesh), review(mesh))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-X", "utf8", "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1
