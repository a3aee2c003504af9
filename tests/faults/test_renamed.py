"""A renamed kind of fault: `drop` was `cut`. Files may still use the old name, and no draw changes."""

import json
import re

import pytest
from answer_key import cause, fault, truth

from meshquake.exporters.fixtures import answer_key, answers
from meshquake.faults.cases import Plan, case
from meshquake.faults.kinds import fault_kinds, renamed
from meshquake.faults.kinds.drop import Drop
from meshquake.faults.loader import Options, parse
from meshquake.faults.recipe import Recipe
from meshquake.topology.loader import DEFAULT, load, shipped
from meshquake.topology.problems import DocumentError

MESH = load(shipped()[DEFAULT])
EDGE = "target: order-service -> database"


def loaded(*blocks, seed=1):
    text = "name: x\nconfounders: none\nfaults:\n" + "\n".join(f"  - {block}" for block in blocks)
    return parse(text, "my.yaml", Options(seed=seed), mesh=MESH)


def ids(*blocks, seed=1):
    return [fault.id for fault in loaded(*blocks, seed=seed).scenario.faults]


def said(found):
    return [str(problem) for problem in found.scenario_document.problems]


def test_the_old_name_means_the_same_and_a_note_says_so_once_a_file():
    found = loaded(f"cut: {{{EDGE}}}", "any: {of: [cut, slow]}", f"cut: {{{EDGE}, share: 20%}}")
    assert [type(fault) for fault in found.scenario.faults[::2]] == [Drop, Drop]
    assert said(found) == ["my.yaml:4: warning: faults[0].cut: cut is now called drop"]
    assert said(loaded(f"drop: {{{EDGE}}}")) == []
    assert said(loaded("any: {of: [cut]}")) == ["my.yaml:4: warning: faults[0].any.of[0]: cut is now called drop"]


def test_a_fault_is_called_as_its_file_says_it_and_as_before_if_it_was_drawn():
    """An id addresses the draws of a fault, so another id would be another run."""
    assert ids(f"cut: {{{EDGE}}}", f"cut: {{{EDGE}}}") == ["cut-1", "cut-2"]
    assert ids(f"drop: {{{EDGE}}}", f"drop: {{{EDGE}}}") == ["drop-1", "drop-2"]
    assert ids("any: {of: [drop]}", f"cut: {{{EDGE}}}", f"drop: {{{EDGE}}}") == ["cut-1", "cut-2", "drop-3"]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_drawn_does_not_depend_on_which_name_is_said(seed):
    of = [loaded(f"any: {{of: [{name}, delay, slow]}}", seed=seed).scenario.faults for name in ("cut", "drop")]
    assert of[0] == of[1]


def test_the_seed_draws_what_it_drew_before_the_kind_was_renamed():
    """As earlier versions drew it."""
    text = ("any: {}", "any: {of: [cut, delay, slow]}")
    drawn = {
        seed: [(each.id, each.kind, str(each.target)) for each in loaded(*text, seed=seed).scenario.faults]
        for seed in (10, 29)
    }
    assert drawn == {
        10: [("fail-1", "fail", "product-service[0]"), ("cut-1", "drop", "api-gateway -> product-service")],
        29: [("cut-1", "drop", "product-service -> inventory-service"), ("slow-1", "slow", "api-gateway[0]")],
    }
    assert loaded(*text, seed=10).scenario.faults[1].share == 0.503
    assert loaded(*text, seed=29).scenario.faults[0].share == 0.22


def test_kinds_take_turns_in_a_data_set_as_they_did_before():
    found = [re.search(r"of: \[(\w+)\]", case(Plan((MESH.topology,), 1), number, 0).text) for number in range(16)]
    assert [each and each[1] for each in found] == [
        *("surge", None, "deploy", "hog_cpu", "refuse", "slow", "leak", "hang"),
        *("shrink_pool", None, "stop", "delay", None, "drop", "fail", "hog_cpu"),
    ]


def test_changes_find_a_fault_by_its_id_whichever_name_its_file_says():
    text = f"name: x\nfaults: [any: {{of: [cut]}}, cut: {{{EDGE}}}, drop: {{{EDGE}}}]"
    recipe = Recipe(text, MESH.topology.source, Options(), "x")
    for number, name in enumerate(("cut-1", "cut-2", "drop-3")):
        changed = recipe.load_with([f"faults.{name}.share=12%"]).scenario
        assert [fault.id for fault in changed.faults] == ["cut-1", "cut-2", "drop-3"]
        assert changed.faults[number].share == 0.12
    assert [fault.id for fault in recipe.load_with(without=["cut-1"]).scenario.faults] == ["cut-2", "drop-3"]


def test_an_answer_may_say_either(tmp_path):
    key = truth(fault(kind="drop"))
    for name in ("cut", "drop"):
        content = {"root_causes": [{"service": "store", "kind": name}]}
        checked = answers.check(tmp_path / "answer.json", content, key, {})
        assert checked["root_causes"] == [{"service": "store", "kind": "drop"}]


def test_a_key_that_is_older_than_the_name_is_read_in_the_words_of_today(tmp_path):
    (tmp_path / "traces.ndjson").touch()
    (tmp_path / "truth").mkdir()
    content = truth(fault(kind="cut", root_cause=cause("store")))
    (tmp_path / "truth" / "ground_truth.json").write_text(json.dumps(content))
    assert [each["kind"] for each in answer_key.read_ground_truth(tmp_path)["faults"]] == ["drop"]


def test_a_name_of_before_is_suggested_to_nobody():
    with pytest.raises(DocumentError) as refused:
        loaded(f"cutt: {{{EDGE}}}")
    assert "cut," not in str(refused.value) and "'cut'" not in str(refused.value)
    assert not renamed().keys() & fault_kinds().keys()
