"""Those who share a run never have the same requests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import take_rows, topology_of

from meshquake.sim.mesh import Mesh
from meshquake.sim.users import crowds, visitors
from meshquake.sim.users.arrivals import Arrivals
from meshquake.sim.users.blocks import Blocks
from meshquake.topology.addresses import address
from meshquake.topology.exceptions import MeshquakeError

NAMES = [f"surge-{number}" for number in range(40)]


@given(st.permutations(NAMES[:8]), st.integers(0, 100))
def test_no_two_names_share_a_block_and_each_keeps_its_own(names, seed):
    blocks = Blocks(seed, "surge", 8)
    given_out = {name: blocks.of(name) for name in names}
    assert sorted(given_out.values()) == list(range(8))
    assert {name: blocks.of(name) for name in reversed(names)} == given_out
    with pytest.raises(MeshquakeError, match="one more: the requests of at most 8 populations"):
        blocks.of("one more")


def test_a_name_has_the_block_of_its_hash_unless_another_has_it():
    blocks = Blocks(1, "surge", 2**20)
    assert [blocks.of(name) for name in NAMES] == [address(1, "surge", name) % 2**20 for name in NAMES]


MESH = """
name: shop
services: {web: {workers: 1000, operations: {home: {work: 1ms}}}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""


def same_block(count):
    """Return two names that have the same hash, among so many blocks."""
    seen = {}
    for name in NAMES:
        hashed = address(1, "surge", name) % count
        if hashed in seen:
            return seen[hashed], name
        seen[hashed] = name
    raise AssertionError("no two collide")


def test_two_surges_whose_names_collide_are_of_different_requests(monkeypatch):
    monkeypatch.setattr(crowds, "_SURGES", 64)
    mesh = Mesh(topology_of(MESH), 1, 20.0)
    for name in same_block(64):
        mesh._crowds.surge(name, None, 2.0, None, 20.0)
    mesh.env.advance(20.0)
    numbers = take_rows(mesh)["number"]
    assert len(numbers) > 1500
    assert len(np.unique(numbers)) == len(numbers)
    assert len(np.unique(numbers >> 40)) == 3


def test_a_surge_at_two_entries_has_one_block():
    text = MESH.replace("home: {work: 1ms}", "home: {}, cart: {}").replace("home: 1", "home: 1, web.cart: 1")
    mesh = Mesh(topology_of(text), 1, 20.0)
    for entry in ("web.home", "web.cart"):
        mesh._crowds.surge("a", entry, 2.0, None, 20.0)
    mesh.env.advance(20.0)
    rows = take_rows(mesh)
    surge = rows[rows["number"] >= 2**40]
    assert len(np.unique(surge["site"])) == 2 and len(np.unique(surge["number"] >> 40)) == 1


SESSIONS = """
name: shop
services: {web: {workers: 1000, operations: {home: {work: {exponential: 20ms}}, pay: {work: 1ms, error_rate: 40%}}}}
workload:
  populations:
    them: {rate: 30/s, journey: [web.home, web.pay], think_time: 10ms, retry: 50%, returns: 50%, away: 500ms}
"""


def visits_from(monkeypatch, first):
    """Return the requests of a run whose users are numbered from `first` on."""
    monkeypatch.setattr(visitors, "Arrivals", lambda env, key, _, *rest: Arrivals(env, key, first, *rest))
    mesh = Mesh(topology_of(SESSIONS), 1, 30.0)
    mesh.env.advance(30.0)
    return np.sort(take_rows(mesh), order="sent")


def test_users_beyond_the_first_million_are_others(monkeypatch):
    """Sessions go on across the limit of the narrow numbers as before it, and no number comes twice."""
    limit = 2**20
    rows = visits_from(monkeypatch, limit - 400)
    beyond = rows["number"] & 2**61 > 0
    assert 300 < beyond.sum() < len(rows) - 300
    assert len(np.unique(rows["number"])) == len(rows)
    alone = visits_from(monkeypatch, 0)
    assert len(rows) == pytest.approx(len(alone), rel=0.1)
    assert rows["outcome"].mean() > 0  # some are tried again, and come back
    again = visits_from(monkeypatch, limit - 400)
    assert (again == rows).all()


def test_nobody_comes_back_whose_numbers_are_used_up(monkeypatch):
    """A user of the last that there can be has numbers for 32 steps: 16 sessions of two."""
    monkeypatch.setattr(visitors, "most_steps", lambda users: 4)
    rows = visits_from(monkeypatch, 0)
    steps = rows["number"] & 2**26 - 1
    assert steps.max() == 3
    whole = {}
    for number in rows["number"].tolist():
        whole.setdefault(number >> 26 & 2**20 - 1, set()).add(number & 2**26 - 1)
    assert sum(len(found) > 2 for found in whole.values()) > 50
