"""Which records depart from what they would have been without a fault, as far as the key and the verdicts tell.

A sample departs while the key says that its series has. A span does if its request was harmed, and it failed or took
longer than any like it before the first fault began, when the run and its twin are the same to the byte. A log line
does if its span does and had shown it by then; one of a span that was not recorded, if it is a warning or worse; one
outside any request, if none of its form was written before the first fault. An event does if the service that it is
of, or about, was reached by then, unless the like of it happened before, or it comes with something that happened
besides and is no fault.

So what is called a departure is one, but for chance; a record that is not called so may have departed by a little.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from meshquake.sim.records import EVENT, LOG, METRIC, TRACE
from meshquake.truth.reach import service_in
from meshquake.truth.way.citation import series_key

#: What is looked at of each kind of record.
COLUMNS = {
    TRACE.name: (
        *("timestamp", "trace_id", "span_id", "service", "operation"),
        *("duration_ms", "status", "kind", "peer"),
    ),
    LOG.name: ("timestamp", "service", "level", "message", "trace_id", "span_id"),
    EVENT.name: ("timestamp", "type", "service", "attributes"),
    METRIC.name: ("timestamp", "service", "metric", "replica", "target"),
}
_ALIKE = ("service", "operation", "kind", "peer")
#: Of a message, what is different each time: numbers and ids.
_VARIES = r"[0-9a-f]{8,}|[0-9]+(?:\.[0-9]+)?"
_LOUD = ("WARN", "ERROR", "FATAL")
_TIME = "%Y-%m-%dT%H:%M:%S%.6f%:z"


class Departed:
    """Tells of records, some at a time and in order of time, whether they depart.

    Spans come before log lines: a line departs with its span.

    Parameters
    ----------
    truth
        The answer key, as `ground_truth.json` has it.
    harmed
        The requests that were harmed: `trace_id` and `caused_by`, as verdicts have them.

    Attributes
    ----------
    because
        For each fault of the key, the name of the column that tells whether a record departs because of it.
    """

    def __init__(self, truth: Mapping[str, Any], harmed: pl.DataFrame) -> None:
        self._truth = truth
        self._faults: list[Mapping[str, Any]] = truth["faults"]
        self.because = [f"because_{number}" for number in range(len(self._faults))]
        self._begins = min((fault["start"] for fault in self._faults), default=truth["recording"]["end"])
        causes = {
            name: pl.col("caused_by").list.contains(fault["id"])
            for name, fault in zip(self.because, self._faults, strict=True)
        }
        self._harmed = harmed.select("trace_id", **causes)
        self._reached = [{*_reached(fault)} for fault in self._faults]
        self._over = [_over(truth, fault) for fault in self._faults]
        #: The longest of each kind of span before the first fault.
        self._longest = pl.DataFrame(schema={**dict.fromkeys(_ALIKE, pl.String), "longest": pl.Float64})
        #: Of the spans of harmed requests: from when on they show that they depart, if they do, and because of what.
        flags = dict.fromkeys(self.because, pl.Boolean)
        self._spans = [pl.DataFrame(schema={"span_id": pl.String, "shown": pl.Datetime("us", "UTC"), **flags})]
        self._known: dict[str, set[tuple[str, str]]] = {LOG.name: set(), EVENT.name: set()}
        self._numbered = {LOG.name: 0, EVENT.name: 0}
        self._moved = _moved(self._faults, self.because)
        self._judges: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
            TRACE.name: self._judge_spans,
            LOG.name: self._judge_lines,
            EVENT.name: self._judge_events,
            METRIC.name: self._judge_samples,
        }

    def judge(self, kind: str, records: pl.DataFrame) -> pl.DataFrame:
        """Judge some records of a kind, of which there are the columns in `COLUMNS`.

        Returns
        -------
        pl.DataFrame
            A row a record: `timestamp`; `key`, as in a citation; `service`; `other`, the service at the other side of
            the edge that it is about; and whether it departs `because` of each fault.
        """
        return self._judges[kind](records).select("timestamp", "key", "service", "other", *self.because)

    # -- spans and log lines -------------------------------------------------------------------------------------------

    def _judge_spans(self, spans: pl.DataFrame) -> pl.DataFrame:
        early = spans.filter(pl.col("timestamp") < self._begins)
        if len(early):
            early = early.filter(_after("timestamp", pl.col("duration_ms")) < _moment(pl.lit(self._begins)))
            longest = early.group_by(_ALIKE).agg(longest=pl.col("duration_ms").max())
            self._longest = pl.concat([self._longest, longest]).group_by(_ALIKE).agg(pl.col("longest").max())
        shows = (pl.col("status") == "error") | (pl.col("duration_ms") > pl.col("longest")).fill_null(False)
        found = (
            spans.join(self._longest, on=_ALIKE, how="left", nulls_equal=True, maintain_order="left")
            .join(self._harmed, on="trace_id", how="left", maintain_order="left")
            .with_columns(
                *(pl.col(name).fill_null(False) & shows for name in self.because),
                key=pl.concat_str("trace_id", pl.lit("/"), "span_id"),
                other=pl.when(kind="client").then("peer"),
            )
        )
        of_harmed = found.filter(pl.col("trace_id").is_in(self._harmed["trace_id"].implode()))
        taken = pl.min_horizontal("duration_ms", "longest")  # until then it was like others
        self._spans.append(of_harmed.select("span_id", _after("timestamp", taken).alias("shown"), *self.because))
        return found

    def _judge_lines(self, lines: pl.DataFrame) -> pl.DataFrame:
        lines = self._number(LOG.name, lines)
        forms = lines.select("service", pl.col("message").str.replace_all(_VARIES, "#"))
        outside = lines["trace_id"].is_null()
        new = self._is_new(LOG.name, lines["timestamp"], forms, outside) & outside
        spans = pl.concat(self._spans)
        of_request = lines.join(self._harmed, on="trace_id", how="left", maintain_order="left")
        of_span = lines.select("span_id", "timestamp").join(spans, on="span_id", how="left", maintain_order="left")
        unrecorded = of_span["shown"].is_null() & lines["level"].is_in(_LOUD)
        since = _true(of_span.select(_moment(pl.col("timestamp")) >= pl.col("shown")).to_series())
        return lines.with_columns(
            pl.Series(
                name,
                (_true(of_span[name]) & since)
                | (_true(of_request[name]) & unrecorded)
                | (new & self._within(number, lines)),
            )
            for number, name in enumerate(self.because)
        ).with_columns(other=pl.lit(None, pl.String))

    # -- events and samples --------------------------------------------------------------------------------------------

    def _judge_events(self, events: pl.DataFrame) -> pl.DataFrame:
        events = self._number(EVENT.name, events)
        events = events.with_columns(other=pl.col("attributes").str.json_path_match("$.target"))
        everywhere = pl.repeat(True, len(events), eager=True)
        new = self._is_new(EVENT.name, events["timestamp"], events.select("service", "type"), everywhere)
        new &= ~self._besides(events)
        return events.with_columns(
            pl.Series(name, (new & self._within(number, events)) | self._own(fault, events))
            for (number, fault), name in zip(enumerate(self._faults), self.because, strict=True)
        )

    def _own(self, fault: Mapping[str, Any], events: pl.DataFrame) -> pl.Series:
        """Which event is the one that the fault left itself."""
        own = fault["event"] or dict.fromkeys(("type", "service", "timestamp"))
        return events.select(pl.all_horizontal(pl.col(name).eq_missing(own[name]) for name in own)).to_series()

    def _besides(self, events: pl.DataFrame) -> pl.Series:
        """Which events come with something that happened besides."""
        came = [
            (pl.col("service") == service) & pl.col("timestamp").is_between(pl.lit(each["start"]), pl.lit(each["end"]))
            for each in self._truth["background"]
            for service in _services(each["target"], self._truth["services"])
        ]
        return events.with_columns(came=pl.any_horizontal(pl.lit(False), *came))["came"]

    def _judge_samples(self, samples: pl.DataFrame) -> pl.DataFrame:
        series = ("service", "metric", "target")
        found = samples.with_row_index("row").join(self._moved, on=series, how="left", nulls_equal=True)
        within = pl.col("timestamp").is_between(pl.col("onset"), pl.col("until")).fill_null(False)
        judged = (
            found.group_by("row").agg(*((within & pl.col(name)).any().alias(name) for name in self.because)).sort("row")
        )
        keys = [
            series_key(*row) for row in samples.select("service", "metric", "target", "replica", "timestamp").rows()
        ]
        return samples.select("timestamp", "service", pl.Series("key", keys, pl.String), other="target").with_columns(
            judged.select(self.because)
        )

    # -- what they have in common --------------------------------------------------------------------------------------

    def _number(self, kind: str, records: pl.DataFrame) -> pl.DataFrame:
        first = self._numbered[kind] + 1
        self._numbered[kind] += len(records)
        return records.with_columns(key=pl.int_range(first, first + len(records)).cast(pl.String))

    def _is_new(self, kind: str, times: pl.Series, forms: pl.DataFrame, looked_at: pl.Series) -> pl.Series:
        """Which records are of a form that there was none of before the first fault."""
        known = self._known[kind]
        known.update(forms.filter(looked_at & (times < self._begins)).unique().rows())
        return pl.Series([form not in known for form in forms.rows()], dtype=pl.Boolean)

    def _within(self, number: int, records: pl.DataFrame) -> pl.Series:
        """Which records are of services that a fault reached, from when it began until it was over."""
        fault, reached = self._faults[number], self._reached[number]
        where = pl.col("service").is_in(reached)
        if "other" in records.columns:
            where |= pl.col("other").is_in(reached).fill_null(False)
        return records.select(
            where & pl.col("timestamp").is_between(pl.lit(fault["start"]), pl.lit(self._over[number]))
        ).to_series()


def _moment(text: pl.Expr) -> pl.Expr:
    return text.str.to_datetime(_TIME)


def _after(start: str, milliseconds: pl.Expr) -> pl.Expr:
    return _moment(pl.col(start)) + pl.duration(microseconds=(milliseconds * 1000).round())


def _true(flags: pl.Series) -> pl.Series:
    return flags.fill_null(False)


def _reached(fault: Mapping[str, Any]) -> Iterator[str]:
    yield fault["root_cause"]["service"]
    yield from (each["service"] for each in fault["affected"])


def _over(truth: Mapping[str, Any], fault: Mapping[str, Any]) -> str:
    """When a fault acted no more and users were well."""
    recovered = fault["start"] if fault["latent"] else fault["recovered"] or truth["recording"]["end"]
    over: str = max(fault["end"], recovered)
    return over


def _moved(faults: Iterable[Mapping[str, Any]], because: list[str]) -> pl.DataFrame:
    """The series that faults moved, as they are recorded, from when until when, and which fault did."""
    rows = [
        {
            "service": each["service"],
            "metric": each.get("recorded", each["metric"]),
            "target": each["target"],
            "onset": each["onset"],
            "until": each["until"],
            **{name: name == mine for name in because},
        }
        for mine, fault in zip(because, faults, strict=True)
        for each in fault["moved"]
    ]
    texts = dict.fromkeys(("service", "metric", "target", "onset", "until"), pl.String)
    return pl.DataFrame(rows, schema={**texts, **dict.fromkeys(because, pl.Boolean)})


def _services(target: str, services: Collection[str]) -> list[str]:
    """The services in a target as a scenario names it: of an edge both."""
    sides = (service_in(re.sub(r"\[[0-9]+\]$", "", side), services) for side in target.split(" -> "))
    return [side for side in sides if side]
