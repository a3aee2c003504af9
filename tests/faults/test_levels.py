"""Levels of difficulty: shares of bands, second faults, kinds and meshes; plan and number determine a case."""

from collections import Counter
from itertools import islice

import pytest

from meshquake.faults import cases, loader
from meshquake.faults.cases import QUIET_EVERY, Plan, case
from meshquake.faults.kinds import fault_kinds, lottery
from meshquake.faults.levels import LEVELS, LOUDEST, ROW, SEVERAL, SILENT, VISIBILITIES, settles
from meshquake.topology.loader import load, shipped

MESHES = tuple(load(shipped()[name]) for name in ("ten-services", "online-boutique", "sock-shop"))
TOPOLOGIES = tuple(mesh.topology for mesh in MESHES)


def plan(level, seed=1, meshes=TOPOLOGIES, words=()):
    return Plan(meshes, seed, words, LEVELS[level])


def incidents(plan, count):
    """Return the first incidents of a set, in order."""
    numbers = iter(range(2 * count + QUIET_EVERY))
    return list(islice((each for number in numbers if not (each := case(plan, number, 0)).quiet), count))


def test_a_level_asks_for_no_more_loudest_roots_than_it_may_have_in_each_row_of_it():
    for level in LEVELS.values():
        assert len(level.bands) == 2 * ROW and {*level.bands} <= {*VISIBILITIES}
        assert all(level.row(number).count(LOUDEST) <= level.most * ROW for number in (0, 1))
        assert [level.row(0), level.row(1)] == [level.row(2), level.row(3)]
    assert (LEVELS["mixed"].most, LEVELS["hard"].most) == (0.7, 0.45)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("seed", [1, 2])
def test_bands_and_second_faults_are_in_the_proportions_of_the_level_in_every_row(level, seed):
    found = incidents(plan(level, seed), 4 * ROW)
    for row in range(4):
        bands = Counter(each.band for each in found[row * ROW : row * ROW + ROW])
        assert bands == Counter(LEVELS[level].row(row))
    for start in (0, 2 * ROW):
        double = [each.text.count("  - any:") == 2 for each in found[start : start + 2 * ROW]]
        assert sum(double) == LEVELS[level].doubles


def test_the_bands_of_a_row_come_in_no_order_that_their_numbers_would_tell():
    assert len({tuple(each.band for each in incidents(plan("hard", seed), ROW)) for seed in range(6)}) > 1


def test_kinds_take_turns_over_all_meshes_and_meshes_are_used_as_often_as_each_other():
    kinds = [kind.kind for kind in lottery()]
    found = incidents(plan("mixed"), 3 * len(kinds))
    assert Counter(each.kind for each in found) == dict.fromkeys(kinds, 3)
    assert max(Counter(each.mesh for each in found).values()) - min(Counter(each.mesh for each in found).values()) <= 1
    quiet = [each.mesh for number in range(3 * QUIET_EVERY) if (each := case(plan("mixed"), number, 0)).quiet]
    assert sorted(quiet) == [0, 1, 2]


def test_a_kind_that_does_not_fit_a_mesh_comes_on_the_others():
    found = incidents(plan("mixed", words=("shrink_pool",)), 6)
    pools = [any(edge.pool for edge in mesh.edges) for mesh in TOPOLOGIES]
    assert all(pools[each.mesh] for each in found)


def test_a_case_depends_on_the_plan_and_its_number_alone():
    whole = [case(plan("hard"), number, attempt) for number in range(30) for attempt in (0, 3)]
    cases._slots.cache_clear()
    assert [case(plan("hard"), 29, attempt) for attempt in (0, 3)] == whole[-2:]
    cases._slots.cache_clear()
    assert case(plan("hard"), 11, 3) == whole[23]


def test_of_a_row_those_roots_are_quietest_that_tell_nothing_any_more():
    order = [SILENT, SEVERAL, LOUDEST]
    found = incidents(plan("hard", 3), 8 * ROW)
    for start in range(0, len(found), ROW):
        row = found[start : start + ROW]
        gone = [order.index(each.band) for each in row if fault_kinds()[each.kind].indicator == "availability"]
        others = [order.index(each.band) for each in row if fault_kinds()[each.kind].indicator != "availability"]
        assert not gone or max(gone) <= min(others)


def test_where_no_draw_of_a_kind_is_quiet_enough_one_comes_whose_root_is_gone():
    for each in incidents(plan("hard"), 2 * ROW):
        number = next(number for number in range(40) if case(plan("hard"), number, 0).name == each.name)
        other = case(plan("hard"), number, 16)
        assert not other.faithful
        assert ("any: {of: [stop, refuse]" in other.text or "any: {of: [refuse, stop]" in other.text) == (
            each.band != LOUDEST
        )


def test_where_no_level_is_asked_for_nothing_is_said_of_loudness_and_no_confounder_is_loud():
    drawn = [case(Plan(TOPOLOGIES[:1], 1), number, 0) for number in range(20)]
    assert {each.band for each in drawn} == {None}
    assert not any("loud" in each.text for each in drawn)


@pytest.mark.parametrize(("level", "low", "high"), [("easy", 0.0, 0.0), ("mixed", 0.3, 0.7), ("hard", 1.0, 1.0)])
def test_harmless_things_are_loud_in_the_share_of_cases_of_a_level(level, low, high):
    loud = ["confounders: loud" in case(plan(level), number, 0).text for number in range(40)]
    assert low <= sum(loud) / len(loud) <= high


def test_every_draw_loads_on_its_mesh_at_about_the_rate_that_the_mesh_is_made_for():
    for number in range(12):
        for attempt in (0, 20):
            drawn = case(plan("hard"), number, attempt)
            loaded = loader.parse(drawn.text, "case.yaml", loader.Options(seed=drawn.seed), mesh=MESHES[drawn.mesh])
            usual = TOPOLOGIES[drawn.mesh].workload.rate
            assert 0.7 * usual < loaded.scenario.rate < 1.3 * usual


def test_a_root_that_is_harder_to_find_than_it_shall_be_will_do_and_an_easier_one_will_not():
    assert [settles(LOUDEST, found) for found in VISIBILITIES] == [True, True, True]
    assert [settles(SEVERAL, found) for found in VISIBILITIES] == [False, True, True]
    assert [settles(SILENT, found) for found in VISIBILITIES] == [False, True, True]
