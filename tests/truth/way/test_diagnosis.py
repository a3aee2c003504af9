"""The mark of a diagnosis: each part, their combination, and the mark expected by chance."""

from statistics import fmean

import pytest
from answer_key import LATENT, RIGHT, SERVICES, cause, fault, truth
from hypothesis import given
from hypothesis import strategies as st

from meshquake.truth.way.diagnosis import PARTS, chance, diagnosis, guess
from meshquake.truth.way.evidence import Evidence

STORE = fault()
OTHER = fault("cart", "fail", root_cause=cause("cart", "errors"))
EDGES = [{"from": "store", "to": "stock"}, {"from": "stock", "to": "gateway"}]


def marked(*faults, evidence=None, **answers):
    return diagnosis(truth(*faults or (STORE,)), {"root_causes": [], **answers}, evidence)


def roots(*services):
    return [{"service": service} for service in services]


def worth(value):
    return Evidence(claims=1, cited=1, records={}, share=1.0, base=0.0, worth=value)


def test_the_right_answer_with_evidence_that_holds_marks_one():
    found = diagnosis(truth(STORE), RIGHT, worth(1.0))
    assert found.mark == 1.0 and found.exact and found.any_root and found.reached and found.path
    assert found.parts == dict.fromkeys(PARTS, 1.0)


def test_without_evidence_a_fifth_is_missing():
    assert diagnosis(truth(STORE), RIGHT, None).mark == pytest.approx(0.8)


def test_what_is_left_out_counts_as_nothing():
    found = marked(root_causes=roots("store"))
    assert found.parts == {"roots": 1.0, "nodes": 0.0, "edges": 0.0, "path": 0.0, "evidence": 0.0}
    assert found.mark == pytest.approx(0.2)


def test_root_causes_are_a_set_and_false_ones_cost():
    both = marked(STORE, OTHER, root_causes=roots("store", "cart"))
    one = marked(STORE, OTHER, root_causes=roots("store"))
    more = marked(STORE, OTHER, root_causes=roots("store", "cart", "mail"))
    none = marked(STORE, OTHER, root_causes=roots("mail"))
    assert [each.exact for each in (both, one, more, none)] == [True, False, False, False]
    assert [each.any_root for each in (both, one, more, none)] == [True, True, True, False]
    assert [each.parts["roots"] for each in (both, one, more, none)] == pytest.approx([1, 2 / 3, 4 / 5, 0])


def test_naming_a_latent_fault_costs_nothing():
    latent = fault("mail", "slow", affected=[], mechanism=[], **LATENT)
    assert marked(STORE, latent, root_causes=roots("mail", "store")).exact


@pytest.mark.parametrize(
    ("edges", "reached", "path"),
    [
        (EDGES, True, True),
        (EDGES[:1], False, False),
        ([EDGES[0], {"from": "stock", "to": "cart"}, {"from": "cart", "to": "gateway"}], True, False),
        ([*EDGES, {"from": "mail", "to": "gateway"}], True, True),
        ([{"from": "store", "to": "gateway"}], True, False),
        ([{"from": "gateway", "to": "stock"}, {"from": "stock", "to": "store"}], False, False),
        ([], False, False),
    ],
)
def test_a_path_leads_from_a_root_to_where_users_felt_it_and_its_edges_are_true(edges, reached, path):
    found = marked(root_causes=roots("store"), propagation=edges)
    assert (found.reached, found.path) == (reached, path)


def test_no_path_leads_from_a_root_that_was_not_found():
    found = marked(root_causes=roots("stock"), propagation=EDGES)
    assert (found.reached, found.path) == (False, False)


def test_a_root_at_which_users_feel_it_needs_no_edge():
    gateway = fault("gateway", mechanism=[], affected=[{"service": "gateway"}])
    found = marked(gateway, root_causes=roots("gateway"), affected_services=["gateway"], evidence=worth(1.0))
    assert found.path and found.parts["edges"] is None and found.mark == 1.0


def test_where_only_the_promise_for_all_broke_it_is_felt_where_anybody_was_harmed():
    felt = {"moved": True, "since": STORE["user_facing"]["since"], "entries": []}
    entries = [
        {"entry": "gateway.a.b", "requests": 9, "harmed": 2, "share": 0.2},
        {"entry": "mail.x", "requests": 9, "harmed": 0, "share": 0.0},
    ]
    blast = {"requests": 2, "share": 0.2, "entries": entries}
    assert marked(fault(user_facing=felt, blast_radius=blast), root_causes=roots("store"), propagation=EDGES).path


@pytest.mark.parametrize(
    ("answers", "mark"),
    [
        ({}, 1.0),
        ({"root_causes": roots("mail")}, 0.0),
        ({"affected_services": ["mail"]}, 0.0),
        ({"detected_at": STORE["start"]}, 0.0),
        ({"affected_services": [], "propagation": None}, 1.0),
    ],
)
def test_where_nothing_was_wrong_saying_so_is_right_and_any_claim_is_false(answers, mark):
    found = marked(fault(**LATENT), **answers)
    assert found.mark == mark and found.parts == dict.fromkeys(PARTS)


def test_no_answer_marks_nothing_even_where_nothing_was_wrong():
    for key in (truth(), truth(STORE)):
        assert diagnosis(key, None, None).mark == 0.0


@given(st.lists(st.sampled_from(SERVICES), min_size=1, max_size=3, unique=True))
def test_chance_is_the_mean_over_every_answer_that_names_one_service_or_none(broken):
    """It is also the average mark of a random agent."""
    key = truth(*(fault(name, root_cause=cause(name)) for name in broken))
    drawn = [guess(key, service) for service in [*SERVICES, None]]
    expected = chance(key)
    assert expected["mark"] == pytest.approx(fmean(each.mark for each in drawn))
    assert expected["any_root"] == pytest.approx(len(broken) / 6)
    assert expected["exact"] == pytest.approx((1 / 6) if len(broken) == 1 else 0)


def test_chance_abstains_rightly_now_and_then():
    assert chance(truth())["mark"] == pytest.approx(1 / 6)
