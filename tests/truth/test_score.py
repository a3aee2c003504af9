"""Marks: each figure, for answers that are right, wrong or incomplete."""

import json
from itertools import chain, permutations
from statistics import mean

import pytest
from answer_key import EFFECTS, LATENT, RIGHT, SERVICES, TRACES, at, cause, fault, truth
from hypothesis import given
from hypothesis import strategies as st

from meshquake.sim.telemetry.metrics import signal
from meshquake.truth.floors import Floors
from meshquake.truth.overlap import Overlap
from meshquake.truth.score import Alerts, Detection, mark, since

STORE = fault()
#: A fault of another service that users felt too.
OTHER = fault("cart", "fail", root_cause=cause("cart", "errors"))
FLOORS = Floors(central=("mail", "store", "cart", "stock", "gateway"), worst_symptom=("store", "cart", "mail"))


def marked(answers, *faults, floors=None):
    return mark(truth(*faults), EFFECTS, {"root_causes": [], **answers}, floors)


def ranked(*services, faults=(STORE,), **more):
    return marked({"root_causes": [{"service": service} for service in services]}, *faults, **more)


def at_k(mark):
    return list(mark.accuracy.as_json().values())[:3]


# -- the whole -----------------------------------------------------------------------------------------------------


def test_the_right_answer_has_every_figure_at_its_best():
    found = mark(truth(fault()), EFFECTS, RIGHT, None)
    assert found.accuracy.as_json() == {"AC@1": 1, "AC@3": 1, "AC@5": 1, "Avg@5": 1}
    assert found.details == {"kind": 1, "indicator": 1, "operation": 1, "replica": None}
    assert [each.f1 for each in (found.affected_services, found.propagation, found.harmed)] == [1, 1, 1]
    assert found.alerts == Alerts(matched=2, missed=0, false_alarms=0)
    assert found.detection == Detection(after_start=10, after_visible=9, after_objective=4)


def test_what_was_not_answered_has_no_figure():
    """Neither 0 nor 1: a platform that only names services is marked on those."""
    found = ranked("store")
    assert found.details == dict.fromkeys(("kind", "indicator", "operation", "replica"))
    parts = (found.detection, found.affected_services, found.propagation, found.harmed, found.alerts, found.left_alone)
    assert parts == (None,) * 6


def test_null_says_no_more_than_leaving_it_out():
    empty = dict.fromkeys(("detected_at", "affected_services", "propagation", "verdicts", "alerts"))
    entry = {"service": "store", **dict.fromkeys(("kind", "indicator", "operation", "replica"))}
    assert marked({"root_causes": [entry], **empty}, fault()) == ranked("store")


def test_a_mark_does_not_give_the_answer_away():
    wrong = {"root_causes": [{"service": "mail"}], "affected_services": ["mail"], "alerts": [], "verdicts": []}
    text = json.dumps(marked(wrong, fault(), floors=FLOORS).as_json())
    assert not any(name in text for name in [*SERVICES, *TRACES, "slow", "latency"])


@given(st.lists(st.sampled_from(SERVICES), max_size=8), st.lists(st.sampled_from(SERVICES), min_size=1, max_size=5))
def test_every_accuracy_is_a_share_and_naming_every_service_finds_every_root(services, roots):
    faults = tuple(fault(name) for name in roots)
    assert all(0 <= value <= 1 for value in ranked(*services, faults=faults).accuracy.as_json().values())
    assert ranked(*services, *SERVICES, faults=faults).accuracy.at_5 == 1


# -- root causes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("services", "accuracy"),
    [
        ([], [0, 0, 0]),
        (["store"], [1, 1, 1]),
        (["mail", "store"], [0, 1, 1]),
        (["mail", "mail", "mail", "store"], [0, 1, 1]),
        (["mail", "cart", "stock", "store"], [0, 0, 1]),
        (["mail", "cart"], [0, 0, 0]),
    ],
)
def test_a_root_counts_from_the_rank_at_which_it_is_first_named(services, accuracy):
    assert at_k(ranked(*services)) == accuracy


def test_avg_5_is_the_mean_over_five_ranks():
    assert ranked("mail", "store").accuracy.average == pytest.approx(4 / 5)


@pytest.mark.parametrize(
    ("services", "accuracy"),
    [
        (["store", "cart"], [1, 1, 1]),
        (["store"], [1, 0.5, 0.5]),
        (["mail", "store", "cart"], [0, 1, 1]),
        (["mail", "stock", "cart", "store"], [0, 0.5, 1]),
    ],
)
def test_of_two_roots_each_counts_half_but_at_the_first_rank(services, accuracy):
    assert at_k(ranked(*services, faults=(fault(), OTHER))) == accuracy


def test_two_faults_of_one_service_are_one_root_with_either_kind():
    both = (fault(), fault(kind="fail", root_cause=cause("store", "errors")))
    assert at_k(ranked("store", faults=both)) == [1, 1, 1]
    for kind in ("slow", "fail"):
        assert marked({"root_causes": [{"service": "store", "kind": kind}]}, *both).details["kind"] == 1


def test_the_other_end_of_an_edge_stands_for_the_root_and_takes_no_rank_of_its_own():
    edge = fault("stock", "delay", root_cause=cause("stock", "network", services=["store"]))
    assert at_k(ranked("store", faults=(edge,))) == [1, 1, 1]
    assert at_k(ranked("stock", "store", "cart", faults=(edge, OTHER))) == [1, 1, 1]


def test_a_service_that_stands_for_one_root_and_is_another_is_that_other_one():
    edge = fault("stock", "delay", root_cause=cause("stock", "network", services=["cart"]))
    assert at_k(ranked("cart", faults=(edge, OTHER))) == [1, 0.5, 0.5]
    assert at_k(ranked("cart", "stock", faults=(edge, OTHER))) == [1, 1, 1]


def test_a_latent_fault_is_neither_a_hit_nor_an_error():
    """It takes no rank, and its effects are neither right nor wrong; the mark says so."""
    faults = (fault(), fault("mail", "hog_cpu", **LATENT))
    found = ranked("mail", "store", faults=faults)
    assert (at_k(found), found.roots, found.latent) == ([1, 1, 1], 1, ("mail",))
    touched = {**RIGHT, "affected_services": ["mail", *RIGHT["affected_services"]]}
    touched["propagation"] = [{"from": "mail", "to": "stock"}, *RIGHT["propagation"]]
    found = marked(touched, *faults)
    assert (found.affected_services, found.propagation) == (Overlap(3, 3, 3), Overlap(2, 2, 2))


def test_a_service_with_a_fault_that_was_felt_and_a_latent_one_is_a_root():
    found = ranked("store", faults=(fault(), fault(kind="hog_cpu", **LATENT)))
    assert (at_k(found), found.latent) == ([1, 1, 1], ())


# -- details -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ({"kind": "slow"}, {"kind": 1}),
        ({"kind": "hang"}, {"kind": 0}),
        ({"indicator": "latency"}, {"indicator": 1}),
        ({"indicator": "latency_p99"}, {"indicator": 1}),
        ({"indicator": "query_time_p95"}, {"indicator": 1}),
        ({"indicator": "cpu"}, {"indicator": 0}),
        ({"operation": "select"}, {"operation": 1}),
        ({"operation": "insert"}, {"operation": 0}),
        ({"replica": "store-0"}, {}),
        ({"kind": "slow", "operation": "insert"}, {"kind": 1, "operation": 0}),
    ],
)
def test_details_are_right_or_wrong_where_the_fault_has_one(said, right):
    found = marked({"root_causes": [{"service": "mail", "kind": "fail"}, {"service": "store", **said}]}, fault())
    assert {name: share for name, share in found.details.items() if share is not None} == right


def test_details_of_two_roots_are_a_share_of_those_that_were_found():
    said = [{"service": "store", "kind": "slow"}, {"service": "cart", "kind": "slow"}]
    assert marked({"root_causes": said}, fault(), OTHER).details["kind"] == 0.5
    assert marked({"root_causes": said[:1]}, fault(), OTHER).details["kind"] == 1


def test_details_count_where_a_root_is_first_named():
    said = [{"service": "store", "kind": "hang"}, {"service": "store", "kind": "slow"}]
    assert marked({"root_causes": said}, fault()).details["kind"] == 0


def test_a_percentile_is_of_the_signal_it_is_a_percentile_of():
    assert [signal(word) for word in ("latency_p95", "latency", "error_rate")] == ["latency", "latency", "error_rate"]


# -- when ----------------------------------------------------------------------------------------------------------


def test_detection_is_measured_from_the_first_fault_that_users_felt():
    early = fault("mail", "hog_cpu", **LATENT, start=at(10), visible_onset=at(10))
    late = fault("cart", "fail", start=at(90), visible_onset=at(90), user_facing={"since": at(95)})
    assert since(truth(late, fault(), early)) == at(66)
    assert marked({"detected_at": at(70)}, late, fault(), early).detection == Detection(10, 9, 4)


def test_a_detection_before_anything_was_visible_is_negative():
    assert marked({"detected_at": at(50)}, fault()).detection == Detection(-10, -11, -16)


def test_moments_may_be_in_any_time_zone():
    there = {"detected_at": "2024-01-15T12:31:10+02:00"}
    assert marked(there, fault()).detection == marked({"detected_at": at(70)}, fault()).detection


# -- where and whom ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "figures"),
    [
        (["store", "stock", "gateway"], (1, 1, 1)),
        (["store", "store"], (1, 1 / 3, 1 / 2)),
        (["store", "mail"], (1 / 2, 1 / 3, 2 / 5)),
        (["mail"], (0, 0, 0)),
        ([], (None, 0, 0)),
    ],
)
def test_affected_services_have_precision_recall_and_f1(named, figures):
    found = marked({"affected_services": named}, fault()).affected_services
    assert (found.precision, found.recall, found.f1) == pytest.approx(figures)


def test_propagation_runs_from_callee_to_caller():
    backwards = [{"from": "stock", "to": "store"}, {"from": "stock", "to": "gateway"}]
    assert marked({"propagation": backwards}, fault()).propagation == Overlap(right=1, named=2, true=2)


def test_harmed_are_those_that_failed_or_were_slowed_and_what_is_left_out_was_not():
    said = [{"trace_id": trace, "harmed": harmed} for trace, harmed in zip(TRACES, [1, 1, 0, 0, 1, 1], strict=False)]
    assert marked({"verdicts": said}, fault()).harmed == Overlap(right=2, named=4, true=4)


# -- alerts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fired", "alerts"),
    [
        ([], Alerts(0, 2, 0)),
        ([(66, "gateway", "error_rate")], Alerts(1, 1, 0)),
        ([(130, "gateway", "error_rate")], Alerts(1, 1, 0)),
        ([(65, "gateway", "error_rate")], Alerts(0, 2, 1)),
        ([(131, "gateway", "error_rate")], Alerts(0, 2, 1)),
        ([(70, "gateway", "cpu_usage")], Alerts(0, 2, 1)),
        ([(70, "mail", "error_rate")], Alerts(0, 2, 1)),
        ([(70, "gateway", "error_rate"), (80, "gateway", "error_rate")], Alerts(1, 1, 0)),
        ([(70, "store", "latency_p99"), (70, "gateway", "error_rate")], Alerts(2, 0, 0)),
    ],
)
def test_an_alert_is_right_from_its_earliest_time_until_recovery(fired, alerts):
    said = [{"at": at(second), "service": service, "indicator": indicator} for second, service, indicator in fired]
    assert marked({"alerts": said}, fault()).alerts == alerts


@pytest.mark.parametrize(
    ("fired", "alerts"),
    [
        ((130, "store", "latency_p95"), Alerts(1, 1, 0)),
        ((150, "store", "latency_p95"), Alerts(1, 1, 0)),
        ((151, "store", "latency_p95"), Alerts(0, 2, 1)),
        ((131, "gateway", "error_rate"), Alerts(0, 2, 1)),
        ((131, "stock", "latency_p95"), Alerts(0, 2, 1)),
    ],
)
def test_an_alert_on_a_root_is_right_while_its_fault_acts_even_if_users_are_well_before(fired, alerts):
    second, service, indicator = fired
    said = [{"at": at(second), "service": service, "indicator": indicator}]
    assert marked({"alerts": said}, fault(end=at(150))).alerts == alerts


@pytest.mark.parametrize(("second", "false_alarms"), [(60, 1), (61, 0), (130, 0), (131, 1)])
def test_an_alert_on_what_departed_in_a_service_that_was_reached_is_neither_right_nor_false(second, false_alarms):
    """From when the service was affected until users had recovered."""
    said = [{"at": at(second), "service": "stock", "indicator": "latency_p95"}]
    assert marked({"alerts": said}, fault()).alerts == Alerts(0, 2, false_alarms)


ON_ROOTS = [
    {"type": "cause", "service": service, "indicator": indicator, "target": target, "earliest": at(61)}
    for service, indicator, target in (
        ("store", "latency_p95", None),
        ("store", "cpu_usage", None),
        ("stock", "timeout_rate", "store"),
    )
]


@pytest.mark.parametrize(
    ("fired", "alerts"),
    [
        ([], Alerts(0, 1, 0)),
        ([("store", "cpu_usage")], Alerts(1, 0, 0)),
        ([("stock", "timeout_rate")], Alerts(1, 0, 0)),
        ([("store", "cpu_usage"), ("store", "latency_p99"), ("stock", "timeout_rate")], Alerts(1, 0, 0)),
        ([("store", "queue_depth")], Alerts(0, 1, 1)),
    ],
)
def test_of_the_alerts_on_what_a_root_shows_any_will_do(fired, alerts):
    said = [{"at": at(70), "service": service, "indicator": indicator} for service, indicator in fired]
    assert marked({"alerts": said}, fault(alerts=ON_ROOTS)).alerts == alerts


def test_two_roots_should_each_have_an_alert_on_what_they_show():
    there = [{"type": "cause", "service": "cart", "indicator": "error_rate", "target": None, "earliest": at(61)}]
    faults = fault(alerts=ON_ROOTS), fault("cart", "fail", root_cause=cause("cart", "errors"), alerts=there)
    said = [{"at": at(70), "service": "store", "indicator": "cpu_usage"}]
    assert marked({"alerts": said}, *faults).alerts == Alerts(1, 1, 0)


def test_an_incident_that_is_never_over_has_right_alerts_to_the_end():
    said = [{"at": at(180), "service": "gateway", "indicator": "error_rate"}]
    assert marked({"alerts": said}, fault(recovered=None)).alerts == Alerts(1, 1, 0)


def test_an_alert_on_a_latent_fault_is_right_and_nobody_misses_it():
    silent = fault("mail", "hog_cpu", **LATENT)
    said = [{"at": at(70), "service": "mail", "indicator": "latency_p95"}]
    assert marked({"alerts": said}, silent).alerts == Alerts(0, 0, 0)
    assert marked({"alerts": []}, silent).alerts == Alerts(0, 0, 0)


# -- no incident ---------------------------------------------------------------------------------------------------

LATENT_ONLY = (fault("mail", "hog_cpu", **LATENT),)


@pytest.mark.parametrize(
    ("answers", "faults", "alone"),
    [
        ({}, (), True),
        ({"alerts": []}, (), True),
        ({"root_causes": [{"service": "store"}]}, (), False),
        ({"detected_at": at(70)}, (), False),
        ({"alerts": [{"at": at(70), "service": "mail", "indicator": "latency_p95"}]}, (), False),
        ({"alerts": [{"at": at(70), "service": "mail", "indicator": "latency_p95"}]}, LATENT_ONLY, False),
        ({"root_causes": [{"service": "mail"}]}, LATENT_ONLY, False),
        ({"alerts": []}, LATENT_ONLY, True),
        ({"root_causes": [{"service": "store"}]}, LATENT_ONLY, False),
    ],
)
def test_where_there_is_no_incident_it_counts_that_it_was_left_alone(answers, faults, alone):
    found = marked(answers, *faults, floors=FLOORS)
    assert (found.left_alone, found.accuracy, found.floors, found.detection) == (alone, None, {}, None)


# -- floors --------------------------------------------------------------------------------------------------------


def test_floors_are_marked_as_the_answer_is():
    found = ranked("mail", floors=FLOORS).floors
    assert {name: [floor.at_1, floor.at_3, floor.at_5] for name, floor in found.items()} == {
        "chance": pytest.approx([1 / 5, 3 / 5, 1]),
        "most central": [0, 1, 1],
        "worst symptom first": [1, 1, 1],
    }


def test_a_floor_that_names_a_root_at_once_makes_a_fixture_easy():
    assert ranked("mail", floors=FLOORS).easy == ("worst symptom first",)
    assert ranked("store", floors=Floors(("mail",), ("cart", "store"))).easy == ()


@pytest.mark.parametrize(
    "stand_ins",
    [
        {"store": ["cart"], "stock": ["cart"]},
        {"store": ["stock"], "stock": ["store"]},
        {"store": ["stock"], "stock": []},
        {"store": ["stock"], "stock": ["cart"], "cart": ["store"]},
        {"store": ["stock", "cart"], "cart": ["mail", "stock"]},
        {"gateway": SERVICES[1:], "store": []},
        {name: [] for name in SERVICES},
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [3, 5])
def test_chance_is_the_mean_of_the_marks_of_all_orders_of_the_services(stand_ins, count):
    """Even where a service stands for two roots, or a root is one end of an edge: no share exceeds 1."""
    services = SERVICES if count == 5 else sorted({*stand_ins, *chain(*stand_ins.values())})
    faults = [fault(name, root_cause=cause(name, services=others)) for name, others in stand_ins.items()]
    key = {**truth(*faults), "services": services}

    def marked(order):
        return mark(key, {}, {"root_causes": [{"service": name} for name in order]}, FLOORS)

    orders = [marked(order).accuracy for order in permutations(services)]
    expected = marked([]).floors["chance"]
    for name in ("at_1", "at_3", "at_5", "average"):
        assert getattr(expected, name) == pytest.approx(mean(getattr(each, name) for each in orders))
        assert getattr(expected, name) <= 1 + 1e-9


def test_chance_has_better_odds_where_more_services_stand_for_the_root_and_fewer_are_to_choose_from():
    edge = fault("stock", "delay", root_cause=cause("stock", "network", services=["store"]))
    assert ranked(faults=(edge,), floors=FLOORS).floors["chance"].at_1 == pytest.approx(2 / 5)
    assert ranked(faults=(fault(), *LATENT_ONLY), floors=FLOORS).floors["chance"].at_1 == pytest.approx(1 / 4)
