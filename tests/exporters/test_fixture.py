"""Fixtures read from Python."""

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from exporters.fixture import Fixture, ManifestError
from exporters.timeline import KINDS

ROOT = Path(__file__).parents[2]
HEAVY = ("polars", "numpy", "scipy", "simpy", "networkx", "yaml", "sim", "faults", "topology")


@pytest.fixture(scope="module")
def fixture(incident):
    return Fixture(incident)


@pytest.fixture(scope="module")
def all_records(incident):
    """All records by kind, read with nothing but `json`."""
    return {
        kind: [json.loads(line) for line in (incident / f"{kind}.ndjson").read_text(encoding="utf-8").splitlines()]
        for kind in KINDS
    }


@pytest.fixture
def spoiled(incident, tmp_path):
    """A fixture of one's own to spoil."""
    return shutil.copytree(incident, tmp_path / "fixture")


def example(name):
    """An example of the page on fixtures."""
    page = (ROOT / "docs/fixture-api.md").read_text(encoding="utf-8")
    return re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", page, re.DOTALL)[1]


class Stopwatch:
    """A clock on which time passes by waiting only."""

    def __init__(self):
        self.waits = []

    def monotonic(self):
        return 1000.0 + sum(self.waits)

    def sleep(self, seconds):
        self.waits.append(seconds)


# -- reading -------------------------------------------------------------------------------------------------------


def test_each_kind_is_read_as_its_file_has_it(fixture, all_records):
    assert {kind: list(getattr(fixture, kind)()) for kind in KINDS} == all_records


def test_records_are_all_four_in_order_of_time(fixture, all_records):
    read = list(fixture.records())
    assert read == sorted(read, key=lambda pair: (pair[1]["timestamp"], KINDS.index(pair[0])))
    assert {kind: [record for of, record in read if of == kind] for kind in KINDS} == all_records


def test_a_fixture_says_when_it_began_and_how_long_it_is(fixture):
    assert (fixture.scenario, fixture.start) == ("cascade", datetime(2024, 1, 15, 10, 30, tzinfo=UTC))
    assert fixture.length == 20.0
    assert fixture.manifest["seed"] == 42


def test_start_is_included_and_end_is_not(fixture, all_records):
    moment = all_records["traces"][1000]["timestamp"]
    late = [span for span in all_records["traces"] if span["timestamp"] >= moment]
    assert list(fixture.traces(start=moment)) == late
    assert [*fixture.traces(end=moment), *late] == all_records["traces"]


def test_a_moment_may_be_seconds_or_a_time_or_a_text(fixture):
    expected = list(fixture.logs(start=2.5, end=3))
    assert expected
    began = fixture.start
    east = timezone(timedelta(hours=2))
    for start, end in [
        ("2024-01-15T10:30:02.500000+00:00", "2024-01-15T12:30:03+02:00"),
        ("2024-01-15T10:30:02.5", "2024-01-15T10:30:03Z"),
        (began + timedelta(seconds=2.5), (began + timedelta(seconds=3)).astimezone(east)),
        ((began + timedelta(seconds=2.5)).replace(tzinfo=None), 3),
    ]:
        assert list(fixture.logs(start=start, end=end)) == expected


def test_filters_hold_together(fixture, all_records):
    span = next(span for span in all_records["traces"] if span["service"] == "database")
    trace, service = span["trace_id"], span["service"]
    found = list(fixture.records(trace_id=trace))
    assert {kind for kind, _ in found} == {"logs", "traces"}
    for kind in KINDS:
        assert list(getattr(fixture, kind)(service=service)) == [
            record for record in all_records[kind] if record["service"] == service
        ]
        assert [record for of, record in found if of == kind] == [
            record for record in all_records[kind] if record.get("trace_id") == trace
        ]
        both = [
            record for record in all_records[kind] if (record.get("trace_id"), record["service"]) == (trace, service)
        ]
        assert list(getattr(fixture, kind)(trace_id=trace, service=service, start=0, end="2024-01-15T11:00")) == both


def test_nothing_is_read_before_it_is_asked_for(spoiled):
    fixture = Fixture(spoiled, verify=False)
    metrics = fixture.metrics()
    (spoiled / "metrics.ndjson").unlink()
    with pytest.raises(FileNotFoundError):
        next(metrics)


@pytest.mark.parametrize("moment", ["yesterday", 1e300, float("nan"), "0001-01-01T00:00:00+02:00"])
def test_a_moment_that_cannot_be_is_refused_at_once(fixture, moment):
    with pytest.raises(ValueError):
        fixture.events(start=moment)


def test_an_unknown_filter_is_refused_at_once(fixture):
    with pytest.raises(TypeError, match="unknown filter 'serivce'"):
        fixture.metrics(serivce="database")


# -- replay --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_a_replay_gives_each_record_when_it_is_due(fixture, speed):
    clock = Stopwatch()
    for _, record in fixture.replay(clock, speed):
        due = (datetime.fromisoformat(record["timestamp"]) - fixture.start).total_seconds() / speed
        assert clock.monotonic() - 1000 == pytest.approx(due, abs=1e-6)
    assert sum(clock.waits) * speed >= fixture.length


def test_a_replay_from_a_later_start_begins_there(fixture):
    clock = Stopwatch()
    kind, first = next(fixture.replay(clock, start=5.0))
    assert (kind, first["timestamp"], clock.waits) == ("metrics", "2024-01-15T10:30:05.000000+00:00", [])


def test_a_reader_that_comes_late_gets_what_is_due_at_once(fixture):
    clock = Stopwatch()
    replay = fixture.replay(clock)
    next(replay)
    clock.sleep(7.0)
    waits = len(clock.waits)
    missed = [next(replay) for _ in fixture.records(end=7.0)][:-1]
    assert len(missed) > 100
    assert len(clock.waits) <= waits + 1


def test_time_does_not_stand_still_in_a_replay(fixture):
    with pytest.raises(ValueError, match="speed must be above 0, not 0"):
        fixture.replay(speed=0)


def test_the_examples_of_the_page_work(incident, tmp_path, monkeypatch):
    (tmp_path / "output/fixtures/incidents").mkdir(parents=True)
    (tmp_path / "output/fixtures/incidents/cascade").symlink_to(incident)
    monkeypatch.chdir(tmp_path)
    names = {}
    for name in ("reading", "replay", "clock"):
        exec(example(name), names)
    assert len(names["story"]) > 5
    assert names["first_minute"] == [record for _, record in Fixture(incident).records()]


# -- what is refused -----------------------------------------------------------------------------------------------


def cut(folder):
    with (folder / "traces.ndjson").open("r+b") as file:
        file.truncate(1000)


def edit(folder):
    path = folder / "logs.ndjson"
    path.write_bytes(path.read_bytes().replace(b"cache", b"cadhe", 1))


def spoil_manifest(folder):
    (folder / "manifest.json").write_text('{"format": 1}')


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (cut, r"isn't what its manifest says: traces.ndjson has 1000 bytes, not \d+"),
        (edit, "isn't what its manifest says: logs.ndjson was changed"),
        (lambda folder: (folder / "events.ndjson").unlink(), "isn't what its manifest says: events.ndjson is missing"),
        (lambda folder: (folder / "manifest.json").unlink(), "not a fixture: it has no manifest.json"),
        (spoil_manifest, "isn't the manifest of a fixture"),
    ],
)
def test_a_fixture_that_is_not_as_its_manifest_says_is_refused(spoiled, spoil, why):
    spoil(spoiled)
    with pytest.raises(ManifestError, match=why):
        Fixture(spoiled)


def test_without_verifying_only_sizes_are_compared(spoiled):
    edit(spoiled)
    assert sum(1 for _ in Fixture(spoiled, verify=False).logs())
    cut(spoiled)
    with pytest.raises(ManifestError):
        Fixture(spoiled, verify=False)


def test_reading_a_fixture_imports_nothing_but_python(incident):
    code = f"""if True:
        import sys
        from exporters.fixture import Fixture
        assert sum(1 for _ in Fixture({str(incident)!r}).records())
        print(*{{name.split(".")[0] for name in sys.modules}} & set({HEAVY!r}))
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
