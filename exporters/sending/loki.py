"""Loki's push API (https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs): log lines and events.

Labels define streams, so they are few and of low cardinality: `service_name`, `level`, and `source` (logs or events).
The rest is structured metadata, which Loki accepts by default since 3.0: trace, span, replica and logger of a line;
type, version, replica and attributes of an event. Service names are those of OTLP, by which Grafana finds the lines of
a span.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from typing import Any

from meshquake.exporters.formats.context import Context
from meshquake.exporters.sending.protocols import Answer, Request
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.timestamps import microseconds

_HEADERS = {"content-type": "application/json", "content-encoding": "gzip"}
#: Severities of events as levels of log lines.
_LEVELS = {"info": "INFO", "warning": "WARN", "error": "ERROR", "critical": "FATAL"}
#: Most lines in a request. Loki's default limit is 4 MB, and a line with all its metadata has a few hundred bytes.
_LINES = 5_000


def speaker(context: Context, source: str) -> Loki:
    """Return the speaker for Loki."""
    return Loki({service.name: service.title for service in context.topology.services})


class Loki:
    """Sends the log lines and the events of a batch, each stream's in order of time."""

    retried = frozenset({429, *range(500, 600)})
    longest = 0

    def __init__(self, titles: Mapping[str, str]) -> None:
        self._titles = titles

    def requests(self, batch: Batch) -> Iterator[Request]:
        """Yield requests of limited size."""
        entries = [*_logs(batch, self._titles), *_events(batch, self._titles)]
        entries.sort(key=lambda entry: int(entry[1][0]))
        for begin in range(0, len(entries), _LINES):
            some = entries[begin : begin + _LINES]
            streams: dict[tuple[str, ...], list[list[Any]]] = {}
            for labels, value in some:
                streams.setdefault(labels, []).append(value)
            content = [
                {"stream": dict(zip(("service_name", "level", "source"), labels, strict=True)), "values": values}
                for labels, values in streams.items()
            ]
            body = json.dumps({"streams": content}, ensure_ascii=False, separators=(",", ":")).encode()
            yield Request("", _HEADERS, gzip.compress(body, 1, mtime=0), len(some))

    def answer(self, request: Request, content: bytes) -> Answer:
        """Count all items as accepted: Loki answers with an error if it rejects any."""
        return Answer(request.items)


_Entry = tuple[tuple[str, ...], list[Any]]


def _logs(batch: Batch, titles: Mapping[str, str]) -> Iterator[_Entry]:
    for time, log in zip(_nanoseconds(batch, "logs"), batch.records("logs"), strict=True):
        more = {key: log[key] for key in ("trace_id", "span_id", "replica", "logger") if log[key] is not None}
        yield (titles[log["service"]], log["level"], "logs"), [time, log["message"], more]


def _events(batch: Batch, titles: Mapping[str, str]) -> Iterator[_Entry]:
    for time, event in zip(_nanoseconds(batch, "events"), batch.records("events"), strict=True):
        more = {key: event[key] for key in ("type", "version", "replica") if event[key] is not None}
        more |= {key: str(value) for key, value in event["attributes"].items()}
        yield (titles[event["service"]], _LEVELS[event["severity"]], "events"), [time, event["details"], more]


def _nanoseconds(batch: Batch, kind: str) -> Iterator[str]:
    return (f"{time}000" for time in batch.frame(kind).select(microseconds()).to_series())
