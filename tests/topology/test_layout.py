"""Columns, orders and positions for the nodes of a layered drawing."""

from itertools import combinations, pairwise

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from meshquake.topology.picture.order import crossings, order
from meshquake.topology.picture.places import Room, places
from meshquake.topology.picture.ranks import ranks

NODES = [f"n{number}" for number in range(9)]
PAIRS = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), unique=True, max_size=25)


def graph(pairs):
    drawn = nx.DiGraph()
    drawn.add_nodes_from(NODES)
    drawn.add_edges_from(pairs)
    return drawn


@st.composite
def columns(draw):
    """Draw columns of slots, and lines between neighbouring columns."""
    layers = [
        [f"{layer}.{place}" for place in range(draw(st.integers(1, 5)))] for layer in range(draw(st.integers(1, 4)))
    ]
    pairs = [(left, right) for before, after in pairwise(layers) for left in before for right in after]
    return layers, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []


def crossed(layers, lines):
    return crossings(layers, {left: [b for a, b in lines if a == left] for layer in layers for left in layer})


# -- columns -----------------------------------------------------------------------------------------------------------


@given(PAIRS)
def test_where_nothing_is_called_in_a_circle_no_call_leads_back(pairs):
    column, against = ranks(graph(sorted(pair) for pair in pairs if pair[0] != pair[1]), ["n0"])
    assert not against
    assert all(column[a] < column[b] for a, b in (sorted(pair) for pair in pairs) if a != b)


@given(PAIRS)
def test_every_call_leads_forward_or_is_one_of_those_against_the_flow(pairs):
    column, against = ranks(graph(pairs), ["n0"])
    assert min(column.values()) == 0
    for caller, callee in pairs:
        if caller != callee:
            assert (column[caller] > column[callee]) == ((caller, callee) in against)
            assert column[caller] != column[callee]


@given(PAIRS)
def test_calls_lead_back_only_within_circles_and_never_most_of_one(pairs):
    drawn = graph(pairs)
    _, against = ranks(drawn, [])
    for knot in nx.strongly_connected_components(drawn):
        inside = [pair for pair in pairs if pair[0] != pair[1] and {*pair} <= knot]
        assert len(against & {*inside}) <= len(inside) / 2
        against -= {*inside}
    assert not against


def test_of_services_that_use_each_other_that_of_the_users_comes_first():
    pairs = [("n1", "n2"), ("n2", "n3"), ("n3", "n1")]
    for first in ("n1", "n2", "n3"):
        column, _ = ranks(graph(pairs), [first])
        assert column[first] == 0


def test_a_service_that_nobody_calls_stands_before_those_it_calls_unless_users_use_it():
    pairs = [("n0", "n1"), ("n1", "n2"), ("n2", "n3"), ("n4", "n3")]
    assert ranks(graph(pairs), ["n0"])[0]["n4"] == 2
    assert ranks(graph(pairs), ["n0", "n4"])[0]["n4"] == 0


# -- order -------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20, unique=True))
def test_crossings_are_the_pairs_of_lines_whose_ends_are_in_opposite_order(pairs):
    left, right = [f"l{i}" for i in range(7)], [f"r{i}" for i in range(7)]
    after = {node: [f"r{b}" for a, b in pairs if f"l{a}" == node] for node in left}
    assert crossings([left, right], after) == sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(pairs, 2))


@settings(max_examples=50)
@given(columns())
def test_an_order_keeps_the_columns_and_no_slot_alone_can_move_to_where_fewer_lines_cross(drawing):
    layers, lines = drawing
    found = order(layers, lines)
    assert [sorted(column) for column in found] == layers
    fewest = crossed(found, lines)
    assert fewest <= crossed(layers, lines)
    for index, column in enumerate(found):
        for slot in column:
            rest = [other for other in column if other != slot]
            for place in range(len(column)):
                moved = [*found[:index], [*rest[:place], slot, *rest[place:]], *found[index + 1 :]]
                assert crossed(moved, lines) >= fewest


@given(st.permutations(range(6)))
def test_lines_that_need_not_cross_do_not(permutation):
    """A matching between two columns, in any initial order."""
    layers = [[f"a{i}" for i in range(6)], [f"b{i}" for i in permutation]]
    assert crossed(order(layers, lines := [(f"a{i}", f"b{i}") for i in range(6)]), lines) == 0


# -- positions ---------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(columns(), st.data())
def test_each_slot_has_its_room_below_those_above_it(drawing, data):
    layers, lines = drawing
    sizes = st.sampled_from([4.0, 20.0, 70.0])
    rooms = {slot: Room(data.draw(sizes), data.draw(sizes)) for column in layers for slot in column}
    levels = places(layers, lines, rooms)
    assert min(levels[column[0]] - rooms[column[0]].above for column in layers) == 0
    for column in layers:
        for upper, lower in pairwise(column):
            assert levels[lower] - levels[upper] >= rooms[upper].below + rooms[lower].above - 1e-6


def test_a_long_line_is_almost_straight():
    layers = [["a"], ["lane 1", "b"], ["lane 2", "c"], ["d"]]
    lines = [("a", "lane 1"), ("lane 1", "lane 2"), ("lane 2", "d"), ("a", "b"), ("b", "c"), ("c", "d")]
    lane, box = Room(10, 10, stiff=True), Room(40, 40)
    levels = places(layers, lines, {slot: lane if " " in slot else box for column in layers for slot in column})
    assert abs(levels["lane 1"] - levels["lane 2"]) < 2
