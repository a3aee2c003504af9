"""Places for the nodes of a layered drawing."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from meshquake.topology.picture.layout import arrange, crossings

NODE, LANE = 80.0, 20.0


@st.composite
def drawings(draw):
    """Layers of nodes, and edges between any of them."""
    depths = {f"n{i}": draw(st.integers(0, 4)) for i in range(draw(st.integers(1, 12)))}
    pair = st.tuples(st.sampled_from(sorted(depths)), st.sampled_from(sorted(depths)))
    return depths, draw(st.lists(pair, unique=True, max_size=25))


@given(drawings())
def test_nodes_and_passing_edges_keep_their_distances_within_the_extent(drawing):
    depths, edges = drawing
    layout = arrange(depths, edges, NODE, LANE)
    taken = [(layer, layout.across[node], NODE) for node, layer in depths.items()]
    taken += [(layer, across, LANE) for lanes in layout.lanes.values() for layer, across in lanes]
    for layer, across, height in taken:
        assert across - height / 2 >= -1e-6
        assert across + height / 2 <= layout.extent + 1e-6, layer
    for (layer, across, height), (other_layer, other, other_height) in combinations(taken, 2):
        if layer == other_layer:
            assert abs(across - other) >= (height + other_height) / 2 - 1e-6


@given(drawings())
def test_an_edge_has_a_lane_in_each_layer_that_it_passes_over(drawing):
    depths, edges = drawing
    layout = arrange(depths, edges, NODE, LANE)
    assert list(layout.lanes) == edges
    for (source, target), lanes in layout.lanes.items():
        assert [layer for layer, _ in lanes] == list(range(depths[source] + 1, depths[target]))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20, unique=True))
def test_crossings_are_the_pairs_of_edges_whose_ends_are_in_opposite_order(pairs):
    left, right = [f"l{i}" for i in range(7)], [f"r{i}" for i in range(7)]
    after = {node: [f"r{b}" for a, b in pairs if f"l{a}" == node] for node in left}
    assert crossings([left, right], after) == sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(pairs, 2))


@given(st.permutations(range(6)))
def test_edges_that_need_not_cross_do_not(order):
    """A matching between two layers, whatever order they come in."""
    depths = {**{f"a{i}": 0 for i in range(6)}, **{f"b{i}": 1 for i in order}}
    across = arrange(depths, [(f"a{i}", f"b{i}") for i in range(6)], NODE, LANE).across
    assert sorted(range(6), key=lambda i: across[f"a{i}"]) == sorted(range(6), key=lambda i: across[f"b{i}"])


@settings(max_examples=20)
@given(st.integers(1, 6))
def test_a_long_edge_between_two_chains_has_no_sharp_bends(length):
    depths = {f"n{i}": i for i in range(length + 2)}
    chain = [(f"n{i}", f"n{i + 1}") for i in range(length + 1)]
    lanes = arrange(depths, [*chain, ("n0", f"n{length + 1}")], NODE, LANE).lanes["n0", f"n{length + 1}"]
    places = [across for _, across in lanes]
    assert max(places) - min(places) < LANE
