"""Citations of records: every spelling is parsed as written, and an invalid one is refused with the right form."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.truth.way.citation import Citation, event_id, log_id, metric_id, parse, problem, span_id

AT = "2024-01-15T10:31:20.441896+00:00"
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_.:-]{0,20}", fullmatch=True)


@given(NAMES, NAMES, st.none() | NAMES, st.none() | NAMES)
def test_a_sample_is_cited_by_its_series_and_its_time(service, metric, target, replica):
    cited = metric_id(service, metric, target, replica, AT)
    assert parse(cited) == Citation("metrics", cited.removeprefix("metric:"))


@given(st.integers(-23, 23), st.integers(0, 59))
def test_a_moment_is_the_same_in_whichever_zone_it_is_written(hours, minutes):
    zone = timezone(timedelta(hours=hours, minutes=minutes if hours >= 0 else -minutes))
    elsewhere = datetime.fromisoformat(AT).astimezone(zone).isoformat()
    assert parse(f"metric:web/error_rate@{elsewhere}") == parse(f"metric:web/error_rate@{AT}")


@given(st.integers(1, 10**12 - 1))
def test_lines_and_events_are_cited_by_their_number(number):
    assert parse(log_id(number)) == Citation("logs", f"{number}")
    assert parse(event_id(number)) == Citation("events", f"{number}")


def test_a_span_is_cited_by_its_trace_and_its_id():
    assert parse(span_id("1" * 32, "2" * 16)) == Citation("traces", f"{'1' * 32}/{'2' * 16}")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("", "write span:TRACE_ID/SPAN_ID, log:N, event:N, metric:SERVICE/METRIC@TIME or call:N"),
        ("trace:12", "cites no record"),
        ("span:12/34", "32 and 16 hexadecimal digits"),
        ("log:0", "from 1 on, as in log:17"),
        ("call:x", "as in call:17"),
        ("metric:web@2024-01-15T10:31:20Z", "write metric:SERVICE/METRIC"),
        ("metric:web/error_rate@noon", "does not end with a timestamp"),
        ("metric:web/error_rate@2024-01-15T10:31:20", "needs an offset"),
    ],
)
def test_what_cites_no_record_is_told_with_what_would_be_right(text, right):
    assert right in problem(text)
    with pytest.raises(ValueError, match=r"write|does not end with"):
        parse(text)
