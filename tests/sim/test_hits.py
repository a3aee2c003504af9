"""Services are reported as hit whatever the time scale of the symptoms, and not by chance."""

from math import log2

import numpy as np
import polars as pl
import pytest

from meshquake.exporters.fixtures import answer_key, writing
from meshquake.faults.loader import Options, parse
from meshquake.sim.hits import _NOTHING, Hits, _Service, _Stretch
from meshquake.sim.simulation import DEFAULT_START, Simulation
from meshquake.sim.summary import Summary
from meshquake.topology.loader import parse as parse_mesh

#: One request in twenty-five goes to `pay`, about one in five seconds.
MESH = parse_mesh(
    """
name: quiet-shop
services:
  web: {kind: gateway, operations: {home: {work: 2ms}, checkout: {work: 2ms, calls: pay.charge}}}
  pay: {operations: {charge: {work: {exponential: 5ms}}}}
workload: {rate: 5/s, mix: {web.home: 24, web.checkout: 1}}
""",
    "quiet-shop.yaml",
)


def simulation(fault, seed=42, **options):
    text = f"name: x\nconfounders: none\nfaults: [{fault}]\n"
    return Simulation.of(parse(text, "x.yaml", Options(seed=seed, **options), mesh=MESH))


def summed_up(run, on_spans=lambda spans: None):
    summary = Summary(run.scenario, DEFAULT_START)
    for batch in run.batches():
        summary.take(batch)
        on_spans(batch.traces)
    summary.finish()
    return summary


def ends(spans, service, since):
    """Return the ends of a service's server spans that began at or after a time, in seconds since the incident."""
    own = pl.concat(spans).filter(kind="server", service=service)
    begun = (pl.col("timestamp").str.to_datetime(time_zone="UTC") - DEFAULT_START).dt.total_microseconds() / 1e6
    own = own.with_columns(begun=begun - since, end=begun - since + pl.col("duration_ms") / 1000)
    return own.filter(pl.col("begun") >= 0)


# -- hits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_a_service_that_fails_each_of_its_few_requests_is_hit_since_the_first_of_them(seed):
    spans = []
    summary = summed_up(simulation("fail: {target: pay, share: 100%}", seed), spans.append)
    failed = ends(spans, "pay", 60).filter(status="error")
    assert len(failed) < 25
    (hit,) = [hit for hit in summary.hits if hit.service == "pay"]
    assert (hit.onset, hit.sign) == (pytest.approx(failed["end"].min(), abs=1e-6), "100% errors")


def test_so_is_one_that_is_slow_and_has_few_requests():
    spans = []
    summary = summed_up(simulation("slow: {target: pay, factor: 60}"), spans.append)
    (hit,) = [hit for hit in summary.hits if hit.service == "pay"]
    slow = ends(spans, "pay", 60).filter(pl.col("duration_ms") > 60)
    assert hit.onset == pytest.approx(slow["end"].min(), abs=1e-6)
    assert hit.sign.startswith("p95 ")


@pytest.mark.parametrize("at", [0, 700, 1500])
def test_a_bad_minute_is_found_wherever_in_half_an_hour_it_is(at):
    fault = f"fail: {{target: pay, share: 100%, at: {at}s, for: 60s}}"
    hits = summed_up(simulation(fault, lead_in=300, duration=1800)).hits
    (hit,) = [hit for hit in hits if hit.service == "pay"]
    assert at <= hit.onset < at + 60


def test_the_summary_names_the_root_of_the_key_and_nobody_whom_the_key_does_not(tmp_path):
    run = simulation("fail: {target: pay, share: 100%}")
    summary = Summary(run.scenario, DEFAULT_START)
    writing.write(run, tmp_path / "x", summary.take)
    summary.finish()
    (fault,) = answer_key.read_ground_truth(tmp_path / "x")["faults"]
    hit = {hit.service for hit in summary.hits}
    assert fault["root_cause"]["service"] in hit
    assert hit <= {each["service"] for each in fault["affected"]}


# -- no hits ---------------------------------------------------------------------------------------------------------


def requests(random, services, rate, failing, slow=0.0):
    """Return a slice of requests to some services, with given shares failed and slow."""
    counts = random.poisson(rate, services)
    names = np.repeat([f"service-{number}" for number in range(services)], counts)
    times = random.exponential(5.0, len(names)) * np.where(random.random(len(names)) < slow, 20.0, 1.0)
    failed = random.random(len(names)) < failing
    return pl.DataFrame(
        {"service": names, "duration_ms": times, "failed": failed, "end": np.zeros(len(names))},
        schema={"service": pl.String, "duration_ms": pl.Float64, "failed": pl.Boolean, "end": pl.Float64},
    )


@pytest.mark.parametrize(("rate", "failing", "slow"), [(0.5, 0.1, 0.0), (3.0, 0.04, 0.02), (20.0, 0.045, 0.045)])
def test_of_runs_in_which_nothing_changes_hardly_any_has_a_hit(rate, failing, slow):
    """At most one run in a hundred, whatever the usual error rate: four in forty would happen once in 1,000 times."""
    random = np.random.default_rng(3)
    wrong = 0
    for _ in range(40):
        hits = Hits(slices=12)
        hits.learn(requests(random, 10, 12 * rate, failing, slow))
        for _ in range(12):
            hits.look(requests(random, 10, rate, failing, slow))
        wrong += bool(hits.found)
    assert wrong < 4


def test_a_service_unknown_before_the_incident_is_hit_by_errors_but_nobody_knows_what_is_slow_for_it():
    random = np.random.default_rng(1)
    for failing, slow, hit in ((0.0, 1.0, False), (0.01, 0.0, False), (0.5, 0.0, True)):
        hits = Hits(slices=8)
        for _ in range(8):
            hits.look(requests(random, 1, 10.0, failing, slow))
        assert bool(hits.found) == hit


# -- the stretches ---------------------------------------------------------------------------------------------------


def stretches(slices):
    """Return the first and last slice of each stretch, counting slices from 0."""
    service, found = _Service(), []
    for number in range(slices):
        for stretch in service.stretches(_Stretch(1, 0, np.array([float(number)]), 0.0, 0.0)):
            within = sorted(stretch.slow.astype(int).tolist())
            assert within == list(range(within[0], number + 1))
            assert stretch.requests == len(within)
            found.append((within[0], number))
    return found


@pytest.mark.parametrize("slices", [1, 2, 24, 64, 70])
def test_stretches_are_no_more_than_are_corrected_for(slices):
    assert len(stretches(slices)) <= slices * (1 + log2(slices) / 2)


def test_in_any_time_lies_a_stretch_a_third_as_long_and_one_is_all_there_was():
    found = stretches(70)
    assert {(0, last) for last in range(70)} <= {*found}
    for begin in range(70):
        for end in range(begin, 70):
            longest = max(last - first + 1 for first, last in found if begin <= first and last <= end)
            assert 3 * longest >= end - begin + 1


def test_of_a_long_time_little_is_remembered():
    service = _Service()
    for _ in range(5000):
        for _ in service.stretches(_NOTHING):
            pass
    assert len(service.blocks) <= 13
    assert sum(length for length, _ in service.blocks) == 5000
