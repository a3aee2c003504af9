"""Units that a file may give are exported as base units, with the same amounts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.sim.telemetry.metrics import METRICS
from meshquake.topology.telemetry.base_units import PLAIN, base_unit, exported_name, exported_unit

# Unit, base unit in names, its code and that of the unit itself, and the base units that one unit has.
UNITS = [
    ("%", "ratio", "1", "%", 0.01),
    ("ratio", "ratio", "1", "1", 1),
    ("ppm", "ratio", "1", "[ppm]", 1e-6),
    ("ns", "seconds", "s", "ns", 1e-9),
    ("us", "seconds", "s", "us", 1e-6),
    ("µs", "seconds", "s", "us", 1e-6),
    ("milliseconds", "seconds", "s", "ms", 1e-3),
    ("s", "seconds", "s", "s", 1),
    ("min", "seconds", "s", "min", 60),
    ("h", "seconds", "s", "h", 3600),
    ("days", "seconds", "s", "d", 86400),
    ("B", "bytes", "By", "By", 1),
    ("By", "bytes", "By", "By", 1),
    ("kB", "bytes", "By", "kBy", 1e3),
    ("KB", "bytes", "By", "kBy", 1e3),
    ("MB", "bytes", "By", "MBy", 1e6),
    ("GB", "bytes", "By", "GBy", 1e9),
    ("TB", "bytes", "By", "TBy", 1e12),
    ("megabytes", "bytes", "By", "MBy", 1e6),
    ("KiB", "bytes", "By", "KiBy", 1024),
    ("MiB", "bytes", "By", "MiBy", 1024**2),
    ("GiB", "bytes", "By", "GiBy", 1024**3),
    ("gibibytes", "bytes", "By", "GiBy", 1024**3),
    ("bit", "bytes", "By", "bit", 1 / 8),
    ("Mbit", "bytes", "By", "Mbit", 125_000),
    ("Mbps", "bytes_per_second", "By/s", "Mbit/s", 125_000),
    ("B/s", "bytes_per_second", "By/s", "By/s", 1),
    ("kB per minute", "bytes_per_second", "By/s", "kBy/min", 1000 / 60),
    ("1/s", "per_second", "1/s", "1/s", 1),
    ("1/h", "per_second", "1/s", "1/h", 1 / 3600),
    ("requests/min", "requests_per_second", "{requests}/s", "{requests}/min", 1 / 60),
    ("requests/core", "requests_core", "{requests_core}", "{requests_core}", 1),
    ("millicores", "millicores", "{millicores}", "{millicores}", 1),
    ("RPM", "rpm", "{rpm}", "{rpm}", 1),
    ("1", "", "", "", 1),
    ("{requests}", "", "{requests}", "{requests}", 1),
    ("€", "", "", "", 1),
]


@pytest.mark.parametrize(("unit", "word", "code", "own", "base"), UNITS)
def test_a_unit_is_exported_as_its_base_unit(unit, word, code, own, base):
    found = base_unit(unit)
    assert (found.word, found.code, found.own) == (word, code, own)
    assert 1 / found.divisor == pytest.approx(base, rel=1e-12)


@given(st.text(max_size=30), st.text(alphabet="abc_.-", min_size=1, max_size=9))
def test_whatever_the_unit_names_are_valid_and_codes_are_printable(unit, name):
    found = base_unit(unit)
    assert re.fullmatch(r"([a-z0-9]+(_[a-z0-9]+)*)?", found.word)
    assert re.fullmatch(r"m[abc_]*(_[a-z0-9_]+)?", exported_name(f"m{name}", found, False))
    assert all(each.isascii() and each.isprintable() for each in (found.code, found.own))


def test_a_name_that_ends_with_its_unit_or_as_a_counter_does_not_get_it_twice():
    seconds, size = base_unit("ms"), base_unit("B")
    assert exported_name("latency_p95_seconds", seconds, False) == "latency_p95_seconds"
    assert exported_name("sent.bytes_total", size, True) == "sent_bytes"
    assert exported_name("restarts_total", PLAIN, True) == "restarts"


def test_a_counter_counts_what_is_measured_whatever_unit_its_rate_is_recorded_in():
    assert exported_unit("kB/s", "B/s", True) == exported_unit("rpm", "B/s", True) == base_unit("B")
    assert exported_unit("1/min", "1/s", True) == PLAIN


def test_the_names_of_the_catalogue_say_what_is_counted():
    """Nothing is added to `queue_depth` (requests), until a file gives it another unit."""
    for metric in METRICS.values():
        found = exported_unit(metric.unit, metric.unit, False)
        assert not found.noun, metric.name
    assert exported_unit("jobs", "requests", False).word == "jobs"
