"""The worth of cited records: relevant, true or neither, and zero on average if drawn at random."""

from random import Random
from statistics import fmean

import polars as pl
import pytest
from answer_key import LATENT, fault, truth
from twin_runs import compare, incident, simulation

from meshquake.truth.way.citation import log_id, metric_id, span_id
from meshquake.truth.way.departed import COLUMNS
from meshquake.truth.way.evidence import MISSING, NEITHER, RELEVANT, TRUE, Search, claims, evidence, resolved

KINDS = ("traces", "logs", "events", "metrics")


def search(run, *given, calls=None):
    """Look up the citations of some answers."""
    made = [claims(run.key, answers) for answers in given]
    wanted = [
        (claim, [cited for text in texts for cited in resolved(text, calls or {})])
        for each in made
        for claim, texts in each.items()
    ]
    harmed = run.verdicts.filter(pl.col("effect").is_in(["failed", "slowed"]))
    found = Search(run.key, harmed, wanted)
    for kind in KINDS:
        found.take(kind, run.frames[kind].select(COLUMNS[kind]))
    return found, made


def weighed(run, answers, calls=None):
    found, (made,) = search(run, answers, calls=calls)
    return evidence(made, calls or {}, found)


def root(*cited, service="database"):
    return {"root_causes": [{"service": service, "evidence": [*cited]}]}


def first_span(run):
    """Return a span that the key gives as evidence of a step from the database."""
    step = next(each for each in run.key["faults"][0]["mechanism"] if each["from"] == "database")
    return span_id(*step["evidence"][0].values())


def quiet(run):
    """Return a span from before the fault."""
    return span_id(*run.frames["traces"].select("trace_id", "span_id").row(0))


def test_what_shows_the_fault_is_relevant_to_its_root():
    run = incident("slow")
    found = weighed(run, root(first_span(run)))
    assert found.records == {RELEVANT: 1, TRUE: 0, NEITHER: 0, MISSING: 0}
    assert (found.claims, found.cited, found.share) == (1, 1, 1.0) and found.worth == 1.0 > found.base > 0


def test_what_shows_nothing_costs():
    run = incident("slow")
    found = weighed(run, root(first_span(run), quiet(run)))
    assert found.records == {RELEVANT: 1, TRUE: 0, NEITHER: 1, MISSING: 0} and found.worth < 0.5


def test_what_is_true_is_not_relevant_to_a_claim_that_is_wrong():
    run = incident("slow")
    found = weighed(run, root(first_span(run), service="cart-service"))
    assert found.records == {RELEVANT: 0, TRUE: 1, NEITHER: 0, MISSING: 0} and found.worth == 0.0 == found.base


def test_a_wrong_claim_costs_what_the_right_ones_have():
    run = incident("slow")
    right = root(first_span(run))
    wrong = {"root_causes": [*right["root_causes"], {"service": "cart-service", "evidence": [first_span(run)]}]}
    assert weighed(run, wrong).worth == weighed(run, right).worth / 2


def test_what_the_recording_does_not_have_is_missing_and_costs():
    run = incident("slow")
    found = weighed(run, root(f"span:{'1' * 32}/{'2' * 16}", "log:999999999"))
    assert found.records[MISSING] == 2 and found.worth < 0


def test_a_call_is_worth_what_it_returned():
    run = incident("slow")
    calls = {1: [first_span(run)], 2: [first_span(run), quiet(run)], 3: []}
    exact, broad, nothing, none = (weighed(run, root(f"call:{number}"), calls) for number in (1, 2, 3, 4))
    assert exact == weighed(run, root(first_span(run)))
    assert broad.worth == weighed(run, root(first_span(run), quiet(run))).worth
    assert nothing.records == none.records == {RELEVANT: 0, TRUE: 0, NEITHER: 0, MISSING: 1}
    assert nothing.worth == 0.0


def test_the_same_record_twice_is_one_record():
    run = incident("slow")
    assert weighed(run, root(first_span(run), first_span(run))) == weighed(run, root(first_span(run)))


def test_a_record_at_an_end_of_an_edge_is_relevant_to_it_and_one_elsewhere_is_not():
    run = incident("slow")
    step = next(each for each in run.key["faults"][0]["mechanism"] if each["from"] == "database" != each["to"])
    at_edge = span_id(*step["evidence"][0].values())
    far = next(
        each
        for each in run.key["faults"][0]["moved"]
        if {each["service"], each["target"]}.isdisjoint({"database", step["to"]}) and each["metric"] == "latency_p95"
    )
    elsewhere = f"metric:{far['service']}/latency_p95@{far['onset']}"
    edge = {"from": "database", "to": step["to"], "evidence": [at_edge, elsewhere]}
    found = weighed(run, {"root_causes": [], "propagation": [edge]})
    assert found.records == {RELEVANT: 1, TRUE: 1, NEITHER: 0, MISSING: 0}


def drawn(run, kind, random, count):
    """Return citations of random records of a kind since the fault began."""
    begin = run.key["faults"][0]["start"]
    records = run.frames[kind].with_row_index("number", offset=1).filter(pl.col("timestamp") >= begin)
    rows = [records.row(random.randrange(len(records)), named=True) for _ in range(count)]
    match kind:
        case "traces":
            return [span_id(row["trace_id"], row["span_id"]) for row in rows]
        case "metrics":
            names = ("service", "metric", "target", "replica", "timestamp")
            return [metric_id(*(row[name] for name in names)) for row in rows]
    return [log_id(row["number"]) for row in rows]


@pytest.mark.parametrize("kind", ["traces", "logs", "metrics"])
def test_citing_at_random_has_the_base_rate_and_pays_nothing(kind):
    """The mean share of relevant records is the base rate and the mean worth 0, within four standard errors.

    A thousand answers name the right root and cite four random records each.
    """
    run, random = incident("slow"), Random(1)
    given = [root(*drawn(run, kind, random, 4)) for _ in range(1000)]
    found, made = search(run, *given)
    weighed = [evidence(each, {}, found) for each in made]
    base = weighed[0].base
    assert 0.05 < base < 0.6
    shares, worths = [each.share for each in weighed], [each.worth for each in weighed]
    assert fmean(shares) == pytest.approx(base, abs=4 * deviation(shares) / 1000**0.5)
    assert fmean(worths) == pytest.approx(0.0, abs=4 * deviation(worths) / 1000**0.5)


def deviation(values):
    mean = fmean(values)
    return fmean((each - mean) ** 2 for each in values) ** 0.5


def test_all_records_of_a_kind_together_are_worth_nothing():
    """Citing everything since the fault began scores exactly the base rate."""
    run = incident("slow")
    begin = run.key["faults"][0]["start"]
    events = run.frames["events"].with_row_index("number", offset=1).filter(pl.col("timestamp") >= begin)
    found = weighed(run, root(*(f"event:{number}" for number in events["number"])))
    assert found.share == pytest.approx(found.base) and found.worth == pytest.approx(0.0)


def test_citing_records_from_before_the_fault_costs():
    run = incident("slow")
    early = run.frames["traces"].select("trace_id", "span_id").head(20).rows()
    assert weighed(run, root(*(span_id(*row) for row in early))).worth < 0


def test_what_only_a_latent_fault_explains_is_no_claim():
    latent = fault("mail", id="slow-2", mechanism=[{"from": "mail", "to": "cart", "mechanism": "errors"}], **LATENT)
    given = {
        "root_causes": [{"service": "mail"}, {"service": "store"}, {"service": "store"}, {"service": "cart"}],
        "propagation": [{"from": "mail", "to": "cart"}, {"from": "store", "to": "stock"}],
    }
    made = claims(truth(fault(), latent), given)
    assert {claim.about: claim.faults for claim in made} == {("store",): {0}, ("cart",): set(), ("store", "stock"): {0}}


def test_where_there_was_no_fault_nothing_departs():
    run = compare(simulation())
    events = [f"event:{number}" for number in range(1, len(run.frames["events"]) + 1)]
    found = weighed(run, root(quiet(run), "log:1", *drawn_from(run), *events))
    assert found.worth == 0.0 == found.base and found.records == {
        RELEVANT: 0,
        TRUE: 0,
        NEITHER: 3 + len(events),
        MISSING: 0,
    }


def drawn_from(run):
    """Return the citations of a sample."""
    names = ("service", "metric", "target", "replica", "timestamp")
    return [metric_id(*run.frames["metrics"].select(names).row(0))]
