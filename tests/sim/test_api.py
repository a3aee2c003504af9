"""The Python API returns the same content as the files."""

import json
from datetime import datetime, timedelta, timezone

import polars as pl
import pytest
from click.testing import CliRunner
from patience import every

import meshquake
from meshquake.commands.main import main
from meshquake.faults.loader import shipped
from meshquake.sim.records import RECORD_KINDS
from meshquake.topology.problems import DocumentError

SHORT = {"duration": 6, "lead_in": 2, "recovery": 2, "seed": 7}


def lines(folder, kind):
    return [json.loads(line) for line in (folder / f"{kind}.ndjson").read_text(encoding="utf-8").splitlines()]


FUNCTIONS = [
    (meshquake.normal, [], ["normal"], "normal"),
    (meshquake.degradation, [], ["degradation"], "incidents/degradation"),
    (meshquake.outage, [], ["outage"], "incidents/outage"),
    (meshquake.cascade, [], ["cascade"], "incidents/cascade"),
    (meshquake.deployment, [], ["deployment"], "incidents/deployment"),
    (meshquake.noise, ["high-volume"], ["noise", "--noise-type", "high-volume"], "noise/high_volume"),
    (meshquake.noise, ["intermittent"], ["noise", "--noise-type", "intermittent"], "noise/intermittent"),
]


@pytest.mark.parametrize("case", every(FUNCTIONS, (FUNCTIONS[0], FUNCTIONS[-1])), ids=lambda case: case[3])
def test_a_function_returns_the_records_of_the_files_as_lists_of_plain_dicts(case, tmp_path):
    function, arguments, command, folder = case
    options = ["--duration", "6", "--lead-in", "2", "--recovery", "2", "--seed", "7"]
    result = CliRunner().invoke(main, [*command, *options, "--quiet", "--output", str(tmp_path)])
    assert (result.exit_code, result.output) == (0, "")
    records = function(*arguments, **SHORT)
    for kind, found in zip(RECORD_KINDS, records, strict=True):
        assert type(found) is list and all(type(record) is dict for record in found)
        assert found == lines(tmp_path / folder, kind)
        names = list(RECORD_KINDS[kind].names)
        assert all(list(record) in (names, [*names, "attributes"]) for record in found)
    assert records.traces and records.logs and records.metrics


def test_batches_in_bounded_memory_put_together_are_the_lists():
    metrics, logs, traces, events = meshquake.outage(**SHORT)
    batches = list(meshquake.simulate("outage", batch=200, **SHORT))
    assert len(batches) > 3
    for kind, expected in zip(RECORD_KINDS, (metrics, logs, traces, events), strict=True):
        assert [record for batch in batches for record in batch.records(kind)] == expected
    clocks = [batch.clock for batch in batches]
    assert clocks == sorted(clocks)
    assert all(isinstance(batch.frame(kind), pl.DataFrame) for batch in batches for kind in RECORD_KINDS)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"durations": 6}, TypeError, "there is no setting 'durations' (did you mean 'duration'?)"),
        ({"seed": -1}, ValueError, "seed must be a whole number from 0 to 2^63 - 1, not -1"),
        ({"seed": 1.5}, ValueError, "seed must be a whole number from 0 to 2^63 - 1, not 1.5"),
        ({"rate": 0}, ValueError, "rate must be more than 0 and at most 1e+06, not 0"),
    ],
)
def test_a_setting_that_there_isnt_or_that_cant_be_is_refused_before_anything_is_played(settings, error, message):
    with pytest.raises(error) as refused:
        meshquake.simulate("normal", **settings)
    assert str(refused.value) == message


def test_a_scenario_file_may_be_given_in_place_of_a_name(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_bytes(shipped()["outage"].read_bytes())
    for given in (file, str(file)):
        (batch,) = meshquake.simulate(given, duration=1, lead_in=0, recovery=0)
        (same,) = meshquake.simulate("outage", duration=1, lead_in=0, recovery=0)
        assert batch.traces.equals(same.traces)


def test_a_start_without_a_zone_is_utc_and_one_with_a_zone_is_told_in_utc():
    starts = [datetime(2025, 3, 1, 12), datetime(2025, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))]
    first, second = (meshquake.normal(duration=2, start=start) for start in starts)
    assert first.metrics[0]["timestamp"] == "2025-03-01T12:00:01.000000+00:00"
    assert first == second


def test_settings_mean_what_the_options_mean():
    calm = meshquake.outage(**SHORT, severity=0.01)
    loud = meshquake.outage(**SHORT, rate=60, interval=0.5)
    roots = [sum(span["parent_span_id"] is None for span in each.traces) for each in (calm, loud)]
    assert 2 * roots[0] < roots[1]
    failed = [sum(span["status"] == "error" for span in each.traces) for each in (calm, loud)]
    assert failed[0] < failed[1] / 10
    assert len({record["timestamp"] for record in loud.metrics}) == 20


def test_an_interval_longer_than_the_recording_is_warned_of():
    with pytest.warns(UserWarning, match="the interval of 30s is longer than the recording of 10s"):
        assert not meshquake.normal(**SHORT, rate=1, interval=30).metrics


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: meshquake.simulate("cascad"), ValueError, "unknown scenario 'cascad' .did you mean 'cascade'"),
        (lambda: meshquake.noise("transent"), ValueError, "unknown noise 'transent' .did you mean 'transient'"),
        (lambda: meshquake.cascade(duration=0), ValueError, "duration must be more than 0"),
        (lambda: meshquake.cascade(severity=2), ValueError, "severity must be more than 0 and at most 1, not 2"),
        (lambda: meshquake.cascade(interval=0), ValueError, "interval must be at least 0.001"),
        (lambda: meshquake.cascade(topology="nowhere.yaml"), DocumentError, "nowhere.yaml: no such file"),
        (lambda: meshquake.simulate("nowhere.yaml"), DocumentError, "nowhere.yaml: no such file"),
    ],
)
def test_what_is_wrong_is_told_at_the_call(call, error, message):
    with pytest.raises(error, match=message):
        call()
