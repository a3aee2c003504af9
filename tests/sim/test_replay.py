"""The same seed gives the same bytes, and a change to a run changes only its consequences."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from functools import cache
from inspect import signature
from pathlib import Path

import polars as pl
import pytest
from patience import USUAL, every

from meshquake.exporters.fixtures import manifest, writing
from meshquake.exporters.formats.ndjson import encode
from meshquake.faults.loader import Options, load, shipped
from meshquake.sim.api import prepare
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.simulation import DEFAULT_START, Simulation
from meshquake.topology.distributions import Exponential
from meshquake.topology.placement import NODES
from meshquake.topology.spec import Call, Entry, Operation, Service

SIGNALS = tuple(RECORD_KINDS)
#: Faults of many sorts, short enough to be played many times.
SHORT = Options(duration=15.0, lead_in=10.0, recovery=10.0)


@cache
def loaded(name, seed=42):
    return load(shipped()[name], replace(SHORT, seed=seed))


def play(name, scenario=lambda scenario: scenario, topology=lambda topology: topology, seed=42, **settings):
    """Return the frames of a run, by kind; `scenario` and `topology` change what is played."""
    given = loaded(name, seed)
    simulation = Simulation(scenario(given.scenario), topology(given.topology), **settings)
    batches = list(simulation.batches())
    return {kind: pl.concat([batch.frame(kind) for batch in batches]) for kind in SIGNALS}


def lines(frames):
    """Return the lines of the files of a run, by kind."""
    return {kind: encode(RECORD_KINDS[kind], frame) for kind, frame in frames.items()}


def digests(frames):
    return {kind: hashlib.sha256(text).hexdigest() for kind, text in lines(frames).items()}


@cache
def usual(name):
    """Return digests of the unchanged run."""
    return digests(play(name))


def over_by(frames, seconds):
    """Return everything that was over before a moment: spans that had ended, and all other records."""
    moment = DEFAULT_START + timedelta(seconds=seconds)
    stamp = moment.isoformat(timespec="microseconds")
    before = {kind: frame.filter(pl.col("timestamp") < stamp) for kind, frame in frames.items()}
    began = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f%z")
    ended = began + pl.duration(microseconds=(pl.col("duration_ms") * 1000).round().cast(pl.Int64))
    return before | {"traces": before["traces"].filter(ended < moment)}


# -- the same run -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", every(shipped(), USUAL))
def test_batches_of_any_size_are_the_same_records_in_the_same_order(name):
    for batch in (1, 3000, 10**9):
        assert digests(play(name, batch=batch)) == usual(name)


DIGEST = """
import hashlib
from meshquake.exporters.formats.ndjson import encode
from meshquake import simulate
from meshquake.sim.records import RECORD_KINDS
digests = {kind: hashlib.sha256() for kind in RECORD_KINDS}
for batch in simulate("cascade", duration=15, lead_in=10, recovery=10, seed=42):
    for name, kind in RECORD_KINDS.items():
        digests[name].update(encode(kind, batch.frame(name)))
print({name: digest.hexdigest() for name, digest in digests.items()})
"""


@pytest.mark.parametrize(
    ("hash_seed", "locale", "zone"),
    [("0", "C", "UTC"), ("1", "C.UTF-8", "Asia/Tokyo"), ("4242", "tr_TR.UTF-8", "America/New_York")],
)
def test_bytes_depend_neither_on_the_hash_seed_nor_on_the_locale_nor_on_the_time_zone(hash_seed, locale, zone):
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "LC_ALL": locale, "TZ": zone, "PYTHONPATH": str(root)}
    printed = subprocess.run([sys.executable, "-c", DIGEST], env=environment, cwd=root, capture_output=True, check=True)
    assert printed.stdout.decode().strip() == str(usual("cascade"))


@pytest.mark.parametrize("made", [Simulation, Simulation.of, writing.write, manifest.manifest])
def test_a_run_takes_seed_severity_and_rate_from_its_scenario_and_from_nowhere_else(made):
    assert not {"seed", "severity", "rate"} & signature(made).parameters.keys()


def test_a_run_has_the_seed_that_its_scenario_was_drawn_with_also_without_its_faults():
    run = prepare("cascade", seed=3, rate=5.0)
    for each in (run, run.without([fault.id for fault in run.scenario.faults])):
        assert (each.scenario.seed, each.mesh.seed, each.topology.workload.rate) == (3, 3, 5.0)


def test_another_seed_gives_other_records_of_every_kind():
    one, other = lines(play("cascade", seed=1)), lines(play("cascade", seed=2))
    assert all(one[kind] != other[kind] for kind in SIGNALS)


# -- changes without effect --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interval", [0.05, 0.3, 7.0])
def test_sampling_at_another_interval_changes_no_span_no_line_and_no_event(interval):
    other = digests(play("cascade", interval=interval))
    assert {kind for kind in SIGNALS if other[kind] != usual("cascade")[kind]} == {"metrics"}


@pytest.mark.parametrize("place", [0, 5, 10])
def test_a_service_that_nobody_calls_changes_no_record_of_the_others(place):
    def with_spare(topology):
        calls = ((Call("database", "select"),),)
        spare = Service("spare", replicas=2, operations=(Operation("idle", Exponential(0.01), calls),))
        services = (*topology.services[:place], spare, *topology.services[place:])
        edge = replace(topology.edges[0], caller="spare", callee="database")
        return replace(topology, services=services, edges=(*topology.edges[:place], edge, *topology.edges[place:]))

    def others(frames):
        """Remove it, and the nodes, one of which runs it."""
        return {kind: frame.filter(~pl.col("service").is_in(["spare", NODES])) for kind, frame in frames.items()}

    frames = play("cascade", topology=with_spare)
    assert digests(others(frames)) == digests(others(play("cascade")))
    assert len(frames["traces"].filter(service="spare")) == 0
    assert len(frames["metrics"].filter(service="spare")) > 0


@pytest.mark.parametrize("place", [0, 2, 5])
def test_an_entry_without_weight_changes_nothing(place):
    def with_entry(topology):
        mix = topology.workload.mix
        idle = Entry("order-service", "list", 0.0)
        return replace(topology, workload=replace(topology.workload, mix=(*mix[:place], idle, *mix[place:])))

    assert digests(play("cascade", topology=with_entry)) == usual("cascade")


def test_the_order_of_the_mix_changes_nothing():
    def reordered(topology):
        mix = tuple(reversed(topology.workload.mix))
        return replace(topology, workload=replace(topology.workload, mix=mix))

    assert digests(play("cascade", topology=reordered)) == usual("cascade")


def test_a_policy_that_is_never_reached_changes_nothing():
    """A timeout of a day instead of none."""

    def patient(topology):
        return replace(topology, edges=tuple(replace(edge, timeout=None, retry=None) for edge in topology.edges))

    def very_patient(topology):
        return replace(topology, edges=tuple(replace(edge, timeout=86_400.0, retry=None) for edge in topology.edges))

    assert digests(play("normal", topology=patient)) == digests(play("normal", topology=very_patient))


# -- changes that affect only what comes after -------------------------------------------------------------------------


@pytest.mark.parametrize("name", every(["cascade", "degradation", "deployment", "outage", "transient"], USUAL))
def test_removing_a_fault_changes_nothing_before_its_start(name):
    scenario = loaded(name).scenario
    whole = play(name)
    for fault in scenario.faults:
        start = scenario.window(fault).start
        others = tuple(other for other in scenario.faults if other is not fault)
        without = play(name, scenario=lambda given, others=others: replace(given, faults=others))
        assert digests(over_by(without, start)) == digests(over_by(whole, start))
        assert len(over_by(whole, start)["traces"]) > 50
        assert lines(without) != lines(whole)


@pytest.mark.parametrize("name", every(["cascade", "deployment", "high_volume"], USUAL))
def test_a_longer_recording_begins_with_the_shorter_one(name):
    """Except for requests in flight at its end, when users stopped coming."""
    end = loaded(name).scenario.length
    longer = play(name, scenario=lambda given: replace(given, recovery=given.recovery + 10))
    assert digests(over_by(longer, end)) == digests(over_by(play(name), end))
    assert len(over_by(longer, end)["traces"]) < len(longer["traces"])


def test_what_users_ask_for_does_not_depend_on_what_goes_wrong():
    """The same requests arrive at the same times in every scenario of one length and seed."""
    arrivals = [
        play(name)["traces"].filter(pl.col("parent_span_id").is_null()).select("timestamp", "trace_id", "operation")
        for name in ("cascade", "outage", "deployment", "normal")
    ]
    assert all(other.equals(arrivals[0]) for other in arrivals[1:])
