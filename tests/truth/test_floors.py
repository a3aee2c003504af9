"""The three floors: chance in closed form, and two rankings of telemetry small enough to check by eye."""

from itertools import permutations

import polars as pl
import pytest
from answer_key import at
from hypothesis import given
from hypothesis import strategies as st

from meshquake.sim.records import TRACE
from meshquake.truth.floors import Calls, Loudness, chance, floors

COLUMNS = ("timestamp", "service", "duration_ms", "status", "status_code", "kind", "peer")
SCHEMA = {column: TRACE.frame_schema[column] for column in COLUMNS}


def frame(rows):
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def centrality(*pieces):
    calls = Calls()
    for spans in pieces:
        calls.take(spans)
    return calls.centrality()


def symptoms(spans, since):
    loudness = Loudness(since)
    loudness.take(spans)
    return loudness.ranked()


def served(service, second, duration=10.0, status="success"):
    return (at(second), service, duration, status, {"success": 200, "error": 500}[status], "server", None)


def called(caller, callee):
    return (at(0), caller, 1.0, "success", 200, "client", callee)


# -- chance --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("roots", [[{0}], [{0, 1}], [{0}, {1}], [{0, 1, 2}, {3}], [{0}, {1}, {2, 3}]])
def test_chance_is_the_mean_over_all_orders_of_the_services(roots):
    def found(order, k):
        # A service that stands for a root takes no rank once another has found it.
        hits = [
            any(service in root for root in roots)
            for place, service in enumerate(order)
            if all(service not in root or root.isdisjoint(order[:place]) for root in roots)
        ]
        return sum(hits[:k]) / min(k, len(roots))

    orders = list(permutations(range(5)))
    counted = [sum(found(order, k) for order in orders) / len(orders) for k in range(1, 6)]
    meanings = [[number] for number, root in enumerate(roots) for _ in root]
    assert chance(meanings, 5, 5) == pytest.approx(counted)


@given(st.integers(1, 40), st.integers(1, 10))
def test_one_of_n_services_is_among_the_first_k_with_chance_k_of_n(services, depth):
    assert chance([[0]], services, depth) == pytest.approx([min(k / services, 1) for k in range(1, depth + 1)])


def test_many_roots_are_counted_out_in_no_time():
    """Thirty of forty services are roots, ten of them at either end of an edge."""
    meanings = [[number] for number in range(20)] + [[20 + number] for number in range(10) for _ in range(2)]
    counted = chance(meanings, 50, 5)
    assert counted[0] == pytest.approx(40 / 50)
    assert counted == sorted(counted, reverse=True)


# -- the most central service --------------------------------------------------------------------------------------


def test_what_everybody_depends_on_is_the_most_central():
    calls = [("gateway", "cart"), ("gateway", "stock"), ("cart", "store"), ("stock", "store")]
    ranked = centrality(frame([called(*call) for call in calls] + [served("store", 1)]))
    assert [name for name, _ in ranked] == ["store", "cart", "stock", "gateway"]


def test_services_that_are_called_alike_are_equally_central_and_in_order_of_name():
    ranked = centrality(frame([called("gateway", name) for name in ("c", "a", "b") for _ in range(3)]))
    assert [name for name, _ in ranked] == ["a", "b", "c", "gateway"]
    assert len({rank for _, rank in ranked[:3]}) == 1


# -- the worst symptom ---------------------------------------------------------------------------------------------


def steady(service, **after):
    """Return a request a second, of another kind from second 60 on."""
    return [served(service, second, **(after if second >= 60 else {})) for second in range(120)]


def test_a_service_is_as_loud_as_what_grew_most():
    """Ten times the latency counts 10; all requests failing where none did counts 1.01 to 0.01."""
    spans = frame(
        [
            *steady("same"),
            *steady("slow", duration=100.0),
            *steady("failing", status="error"),
            *steady("both", duration=2000.0, status="error"),
            *steady("faster", duration=1.0),
        ]
    )
    assert symptoms(spans, at(60)) == [
        ("both", pytest.approx(200)),
        ("failing", pytest.approx(101)),
        ("slow", pytest.approx(10)),
        ("faster", pytest.approx(1)),
        ("same", pytest.approx(1)),
    ]


def test_trouble_that_began_before_users_felt_it_is_compared_with_the_time_before_the_trouble():
    assert symptoms(frame(steady("slow", duration=100.0)), at(66)) == [("slow", pytest.approx(10))]


def test_a_long_recovery_does_not_hide_a_short_incident():
    short = [served("store", second, 100.0 if 60 <= second < 64 else 10.0) for second in range(60 * 20)]
    assert symptoms(frame(short), at(60)) == [("store", pytest.approx(10))]


def test_a_service_without_requests_before_or_after_is_as_loud_as_one_that_is_unchanged():
    spans = frame([served("gone", 1), *steady("same"), served("new", 70, 1000.0)])
    assert symptoms(spans, at(60)) == [("gone", 1.0), ("new", 1.0), ("same", 1.0)]


@pytest.mark.parametrize("since", [at(0), at(59), at(119)])
def test_wherever_it_begins_every_service_has_its_place(since):
    spans = frame([*steady("one"), *steady("other", duration=20.0)])
    assert sorted(name for name, _ in symptoms(spans, since)) == ["one", "other"]


def test_a_recording_without_requests_has_no_symptoms_and_no_centre():
    assert (symptoms(frame([]), at(60)), centrality(frame([]))) == ([], [])


@pytest.mark.parametrize("count", [1, 7, 100])
def test_spans_that_come_in_pieces_give_the_same(count):
    spans = frame([*steady("slow", duration=100.0), *steady("same"), called("slow", "same")]).sort("timestamp")
    ranked = floors(spans.iter_slices(count), at(60))
    assert ranked == floors([spans], at(60))
    assert ranked.worst_symptom == ("slow", "same")
    assert ranked.central == ("same", "slow")


@given(
    st.lists(st.integers(0, 10**7), min_size=1, max_size=50), st.lists(st.integers(0, 10**7), min_size=1, max_size=50)
)
def test_latencies_are_compared_at_the_nearest_rank_of_their_95th_percentile(before, after):
    rows = [served("store", 0, micros / 1000) for micros in before] + [
        served("store", 60, micros / 1000) for micros in after
    ]
    p95 = [max(pl.Series(micros).quantile(0.95, "nearest") / 1000, 0.001) for micros in (before, after)]
    assert symptoms(frame(rows), at(60)) == [("store", max(p95[1] / p95[0], 1.0))]
