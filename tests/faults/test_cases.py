"""Cases of a data set: each kind of fault in turn, one of five quiet, and every case independent of the others."""

import re
from collections import Counter

import pytest

from meshquake.faults import loader
from meshquake.faults.cases import QUIET_EVERY, Plan, case
from meshquake.faults.kinds import harmful, lottery
from meshquake.topology import loader as topology_loader
from meshquake.topology.loader import DEFAULT, shipped

MESH = topology_loader.load(shipped()[DEFAULT])


def loaded(drawn):
    return loader.parse(drawn.text, "case.yaml", loader.Options(seed=drawn.seed), mesh=MESH).scenario


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_of_each_five_cases_is_quiet(seed):
    quiet = [case(Plan((MESH.topology,), seed), number, 0).quiet for number in range(60)]
    assert [sum(quiet[i : i + QUIET_EVERY]) for i in range(0, 60, QUIET_EVERY)] == [1] * 12
    assert len({quiet[i : i + QUIET_EVERY].index(True) for i in range(0, 60, QUIET_EVERY)}) > 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_kind_of_the_lottery_comes_as_often_as_the_others(seed):
    kinds = [kind.kind for kind in lottery()]
    drawn = [case(Plan((MESH.topology,), seed), number, 0) for number in range(QUIET_EVERY * len(kinds))]
    counts = Counter(loaded(each).faults[0].kind for each in drawn if not each.quiet)
    assert counts == dict.fromkeys(kinds, QUIET_EVERY - 1)


@pytest.mark.parametrize(("words", "kinds"), [(("flip", "pause"), ["flip", "pause"]), (("all",), None)])
def test_kinds_that_are_asked_for_take_turns_and_a_second_fault_is_of_one_of_them_too(words, kinds):
    kinds = kinds or [kind.kind for kind in harmful()]
    drawn = [case(Plan((MESH.topology,), 1, words), number, 0) for number in range(QUIET_EVERY * len(kinds))]
    loud = [loaded(each).faults for each in drawn if not each.quiet]
    assert Counter(faults[0].kind for faults in loud) == dict.fromkeys(kinds, QUIET_EVERY - 1)
    later = [loaded(case(Plan((MESH.topology,), 1, words), number, 16)).faults for number in range(30)]
    assert {fault.kind for faults in (*loud, *later) if faults for fault in faults[1:]} <= set(kinds)
    assert [each.quiet for each in drawn] == [
        case(Plan((MESH.topology,), 1), number, 0).quiet for number in range(len(drawn))
    ]


def test_every_attempt_loads_and_is_another_one():
    drawn = [case(Plan((MESH.topology,), 1), number, attempt) for number in range(5) for attempt in range(8)]
    assert len({each.text for each in drawn}) == len({each.seed for each in drawn}) == len(drawn)
    assert all(loaded(each).name == each.name for each in drawn)


def test_kinds_that_fit_nothing_in_a_mesh_are_left_out():
    text = shipped()[DEFAULT].read_text(encoding="utf-8")
    mesh = topology_loader.parse(re.sub(r"pool: \{[^}]*\}, ", "", text), "mesh.yaml")
    drawn = [case(Plan((mesh.topology,), 1), number, 0).text for number in range(60)]
    assert not any("shrink_pool" in text for text in drawn)
    assert any("shrink_pool" in case(Plan((MESH.topology,), 1), number, 0).text for number in range(60))


def test_names_tell_nothing_and_differ():
    names = [case(Plan((MESH.topology,), 1), number, 0).name for number in range(60)]
    assert len(set(names)) == 60
    # 48 bits: of fifty thousand sets of a hundred thousand cases, one has a duplicate name.
    assert all(re.fullmatch("case-[0-9a-f]{12}", name) for name in names)
    assert names == [case(Plan((MESH.topology,), 1), number, 5).name for number in range(60)]
    assert names[0] != case(Plan((MESH.topology,), 2), 0, 0).name


def test_the_same_seed_draws_the_same_case():
    assert case(Plan((MESH.topology,), 9), 3, 1) == case(Plan((MESH.topology,), 9), 3, 1)


def test_a_kind_gives_way_after_four_draws_of_each_of_its_targets_and_sixteen_at_most():
    """Users as a whole are one target, and they call five operations."""
    plan = Plan((MESH.topology,), 1, ("surge",))
    found = set()
    for number in range(2 * QUIET_EVERY):
        drawn = [case(plan, number, attempt) for attempt in range(20)]
        if not drawn[0].quiet:
            faithful = [each.faithful for each in drawn]
            assert faithful == sorted(faithful, reverse=True)
            found.add(('target: "users"' in drawn[0].text, sum(faithful)))
    assert found == {(True, 4), (False, 16)}
