"""Pictures of a mesh."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_meshes import meshes
from small_mesh import SMALL

from meshquake.topology.loader import load, parse, shipped
from meshquake.topology.picture import dot, draw, svg
from meshquake.topology.picture.labels import point
from meshquake.topology.picture.style import width
from meshquake.topology.spec import SERVICE_KINDS, Call, Edge, Entry, Operation, Service, Topology, Workload
from meshquake.topology.units import rate

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def small():
    return parse(SMALL, "small.yaml").topology


@pytest.fixture(scope="module")
def shop():
    return load(shipped()["ten-services"]).topology


def wide(layers, width):
    """Return a mesh of layers of services that each call three of the next layer, and one of the last."""

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


# -- the drawing ------------------------------------------------------------------------------------------------------


def mesh_of(count, calls, entries=("s0",), kinds=None):
    """Return a mesh of services `s0`, `s1`, ..., with calls given by number; a backward call ends there."""
    groups = {a: tuple((Call(f"s{b}", "go" if a < b else "end"),) for x, b in calls if x == a) for a in range(count)}
    services = tuple(
        Service(
            f"s{number}",
            kind=(kinds or {}).get(number, "service"),
            operations=(Operation("go", calls=groups[number]), Operation("end")),
        )
        for number in range(count)
    )
    edges = tuple(Edge(f"s{a}", f"s{b}") for a, b in calls)
    return Topology("drawn", services, edges, Workload(mix=tuple(Entry(name, "go", 1.0) for name in entries)))


@st.composite
def drawn_meshes(draw):
    """Draw meshes of all drawing sizes, with cycles, hubs, self-calls, and leaves."""
    count = draw(st.sampled_from([3, 9, 24, 70]))
    number = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(number, st.one_of(number, st.just(count - 1))), unique=True, max_size=2 * count))
    entries = draw(st.lists(number, min_size=1, max_size=3, unique=True))
    kinds = draw(st.dictionaries(number, st.sampled_from(SERVICE_KINDS)))
    return mesh_of(count, pairs, [f"s{each}" for each in entries], kinds)


def along(line):
    """Yield closely spaced points on a line."""
    for begin in range(0, len(line.curve) - 1, 3):
        yield from (point(line.curve[begin : begin + 4], share / 64) for share in range(65))


def frames(drawing):
    return {box.service: (box.x, box.y, box.right, box.y + box.height) for box in drawing.boxes}


@settings(max_examples=25, deadline=None)
@given(drawn_meshes())
def test_no_line_goes_through_a_box_and_all_is_within_the_drawing(mesh):
    drawing = draw(mesh)
    boxes = frames(drawing)
    for line in drawing.lines:
        others = [frame for name, frame in boxes.items() if name not in (line.caller, line.callee)]
        for x, y in along(line):
            assert -1e-6 <= x <= drawing.width + 1e-6
            assert -1e-6 <= y <= drawing.height + 1e-6
            assert not any(left < x < right and top < y < bottom for left, top, right, bottom in others), line
    for box in drawing.boxes:
        assert box.x >= 0
        assert box.right <= drawing.width
        assert box.y >= 0
        assert box.y + box.height <= drawing.height


@settings(max_examples=25, deadline=None)
@given(drawn_meshes())
def test_no_two_boxes_overlap(mesh):
    for one, other in combinations(frames(draw(mesh)).values(), 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@settings(max_examples=25, deadline=None)
@given(drawn_meshes())
def test_every_call_is_drawn_once_from_the_side_of_its_caller_to_that_of_its_callee(mesh):
    drawing = draw(mesh)
    calls = [(line.caller, line.callee) for line in drawing.lines if line.course != "users"]
    assert calls == [(edge.caller, edge.callee) for edge in mesh.edges]
    assert [line.callee for line in drawing.lines if line.course == "users"] == [
        each.service for each in mesh.workload.mix
    ]
    boxes = frames(drawing)
    for line in drawing.lines:
        for name, (x, y) in ((line.caller, line.curve[0]), (line.callee, line.curve[-1])):
            if name:
                left, top, right, bottom = boxes[name]
                assert left <= x <= right
                assert top <= y <= bottom
                assert x in (left, right) or y in (top, bottom)


@settings(max_examples=25, deadline=None)
@given(drawn_meshes())
def test_calls_lead_to_the_right_but_for_those_against_the_flow_and_within_a_column(mesh):
    drawing = draw(mesh)
    column = {box.service: box.column for box in drawing.boxes}
    for line in drawing.lines:
        if line.course == "forward":
            assert column[line.caller] < column[line.callee]
        elif line.course == "against":
            assert column[line.caller] > column[line.callee]
        elif line.course == "hanging":
            assert column[line.caller] == column[line.callee]
        else:
            assert line.course == ("itself" if line.caller == line.callee else "users")


@settings(max_examples=25, deadline=None)
@given(drawn_meshes())
def test_what_hangs_calls_none_and_has_one_caller_below_which_it_stands(mesh):
    drawing = draw(mesh)
    boxes = {box.service: box for box in drawing.boxes}
    for box in drawing.boxes:
        callers = [edge.caller for edge in mesh.edges if edge.callee == box.service]
        calls = [edge.callee for edge in mesh.edges if edge.caller == box.service]
        single = len(callers) == 1 and not calls and not box.entry
        assert box.hangs_from == (callers[0] if single and len(boxes) > 16 else "")
        if box.hangs_from:
            host = boxes[box.hangs_from]
            assert box.y >= host.y + host.height
            assert host.x <= box.x
            assert box.right == host.right


def test_calls_may_be_others_than_those_of_the_file(small):
    lines = draw(small, {("db", "ads"): 3.0}).lines
    assert [(line.caller, line.callee, line.rate) for line in lines if line.caller] == [("db", "ads", 3.0)]


def test_calls_to_one_service_share_their_way_past_columns():
    """Two callers at the beginning, and a chain of three followed by a service that both call as well."""
    drawing = draw(mesh_of(6, [(0, 2), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5), (1, 5)], ("s0", "s1")))
    lines = {(line.caller, line.callee): line.curve for line in drawing.lines}
    assert lines["s0", "s5"][3:] == lines["s1", "s5"][3:]
    assert lines["s0", "s5"][0] != lines["s1", "s5"][0]


def test_a_call_back_has_a_line_of_its_own_and_enters_from_the_right():
    drawing = draw(mesh_of(2, [(0, 1), (1, 0)]))
    there, back, _ = drawing.lines
    first, second = drawing.boxes
    assert (there.course, back.course) == ("forward", "against")
    assert (back.curve[0][0], back.curve[-1][0]) == (second.x, first.right)
    assert there.curve != back.curve[::-1]


def written(drawing):
    """Yield the frame of each call rate, with the number of its line."""
    high = drawing.style.small * 1.1
    for number, line in enumerate(drawing.lines):
        if line.rate and line.course not in ("hanging", "users"):
            x, y, wide = *line.label, width(rate(line.rate, digits=2), drawing.style.small)
            yield number, (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)


def meet(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_rates_are_written_beside_each_other_where_there_is_room():
    """For a service that calls ten others."""
    labels = [frame for _, frame in written(draw(mesh_of(11, [(0, each) for each in range(1, 11)])))]
    assert len(labels) == 10 and not any(meet(*pair) for pair in combinations(labels, 2))


@pytest.mark.parametrize("name", shipped())
def test_a_rate_stands_on_its_line_and_on_no_box_no_other_rate_and_hardly_another_line(name):
    drawing = draw(load(shipped()[name]).topology)
    labels = dict(written(drawing))
    for one, other in combinations(labels.values(), 2):
        assert not meet(one, other)
    crossed = []
    for number, (left, top, right, bottom) in labels.items():
        assert not any(meet((left, top, right, bottom), frame) for frame in frames(drawing).values())
        met = [
            place
            for place, line in enumerate(drawing.lines)
            if any(left < x < right and top < y < bottom for x, y in along(line))
        ]
        assert number in met
        crossed.append(len(met) - 1)
    assert max(crossed) <= 2
    assert sum(crossed) <= len(crossed) / 2


@pytest.mark.parametrize(
    ("count", "captions", "height"), [(16, True, 54), (17, True, 38), (60, True, 38), (61, False, 22)]
)
def test_boxes_shrink_with_the_number_of_services(count, captions, height):
    drawing = draw(mesh_of(count, [(each, each + 1) for each in range(count - 2)]))
    assert {(box.height, bool(box.caption)) for box in drawing.boxes if not box.hangs_from} == {(height, captions)}


def test_what_is_built_with_a_broker_looks_like_a_queue():
    looks = {box.service: box.look for box in draw(load(shipped()["otel-demo"]).topology).boxes}
    assert looks["kafka"] == "queue"
    assert "database" in looks.values()


# -- svg -------------------------------------------------------------------------------------------------------------


def classed(root, *names):
    return [element for element in root.iter() if {*names} <= {*element.get("class", "").split()}]


def test_the_committed_picture_is_what_the_code_draws(shop):
    """If this fails after a change of the mesh or of the drawing: run.py topology show --svg docs/ten-services.svg."""
    assert (ROOT / "docs" / "ten-services.svg").read_text(encoding="utf-8") == svg(shop)


@settings(max_examples=50)
@given(meshes())
def test_svg_is_xml_with_a_group_for_each_service_and_a_path_for_each_call(mesh):
    root = ElementTree.fromstring(svg(mesh))
    assert [each.get("data-service") for each in classed(root, "service")] == [each.name for each in mesh.services]
    calls = [each for each in classed(root, "call") if "users" not in each.get("class")]
    assert [(each.get("data-caller"), each.get("data-callee")) for each in calls] == [
        (edge.caller, edge.callee) for edge in mesh.edges
    ]
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len({*ids})
    assert all(path.get("marker-end", "")[5:-1] in ids for path in calls)


def test_kinds_are_told_apart_by_a_word_and_by_shape(small):
    root = ElementTree.fromstring(svg(small))
    words = [element.text for element in root.iter(f"{SVG}text")]
    for service in small.services:
        assert f"{service.replicas} \N{MULTIPLICATION SIGN} {service.workers} workers" in words
        assert service.kind in words
    # Once for the service and once in the legend.
    assert len(list(root.iter(f"{SVG}polygon"))) == 2
    assert len([rect for rect in root.iter(f"{SVG}rect") if rect.get("stroke-dasharray")]) == 2


def test_calls_against_the_flow_are_dashed_and_the_legend_says_so():
    root = ElementTree.fromstring(svg(mesh_of(3, [(0, 1), (1, 0), (1, 2)])))
    dashed = [each for each in classed(root, "call") if each.get("stroke-dasharray")]
    assert [(each.get("data-caller"), each.get("data-callee")) for each in dashed] == [("s1", "s0")]
    assert "a call against the flow" in [element.text for element in root.iter(f"{SVG}text")]


def test_hostile_names_are_text():
    name = '<script>alert("1")</script>&\u202egnp'
    mesh = mesh_of(2, [(0, 1)])
    hostile = replace(mesh.services[0], name=name, operations=mesh.services[0].operations)
    entry = replace(mesh.workload, mix=(Entry(name, "go", 1.0),))
    root = ElementTree.fromstring(
        svg(Topology(name, (hostile, mesh.services[1]), (Edge(name, "s1"),), entry)),
    )
    seen = name.replace("\u202e", "\\u202e")
    assert root.find(f"{SVG}title").text == seen
    assert classed(root, "service")[0].get("data-service") == name
    assert not list(root.iter(f"{SVG}script"))


def test_a_long_name_is_shortened_in_the_middle_and_whole_in_the_title():
    names = [f"{'front' * 20}-{'end' * 20}", "s1"]
    mesh = mesh_of(2, [(0, 1)])
    services = (replace(mesh.services[0], name=names[0]), mesh.services[1])
    workload = replace(mesh.workload, mix=(Entry(names[0], "go", 1.0),))
    root = ElementTree.fromstring(svg(Topology("long", services, (Edge(*names),), workload)))
    first = classed(root, "service")[0]
    assert first.find(f"{SVG}title").text == f"{names[0]} (service)"
    label = first.find(f"{SVG}text").text
    assert len(label) == 40
    assert names[0].startswith(label.partition("\N{HORIZONTAL ELLIPSIS}")[0])
    assert names[0].endswith(label.partition("\N{HORIZONTAL ELLIPSIS}")[2])


def test_five_hundred_services_are_drawn_in_seconds():
    begun = time.process_time()
    assert svg(wide(10, 50)).count("<path ") > 1500
    assert time.process_time() - begun < 15


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
