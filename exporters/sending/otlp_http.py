"""OTLP over HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp): traces, logs with the events, and metrics.

Requests are gzipped protobuf. Each signal has its path below the address: `/v1/traces`, `/v1/logs`, `/v1/metrics`.
Items that a receiver rejects from an accepted request (`partialSuccess`) are never sent again, as the protocol demands.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from meshquake.exporters.formats import otlp
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.otlp_protobuf import encode
from meshquake.exporters.sending.protocols import Answer, Request
from meshquake.sim.records import Batch

_HEADERS = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}


def speaker(context: Context, source: str) -> OtlpHttp:
    """Return the speaker for OTLP over HTTP."""
    return OtlpHttp(context)


class OtlpHttp:
    """Sends all records of a batch, by signal."""

    retried = frozenset({429, 502, 503, 504})
    #: A response has two counts and a sentence.
    longest = 2**20

    def __init__(self, context: Context) -> None:
        self._requests = otlp.Requests(context)

    def requests(self, batch: Batch) -> Iterator[Request]:
        """Yield a request for each signal."""
        for each in (*self._requests.take(batch), *self._requests.finish()):
            body = gzip.compress(encode(each), 1, mtime=0)
            yield Request(f"/v1/{each.signal}", _HEADERS, body, each.records)

    def answer(self, request: Request, content: bytes) -> Answer:
        """Parse how many items were rejected, and why."""
        try:
            rejected, why = _partial_success(request.path, content)
        except DecodeError as error:
            raise ValueError(str(error)) from None
        return Answer(request.items - rejected, rejected, why)


def _partial_success(path: str, content: bytes) -> tuple[int, str]:
    if path == "/v1/traces":
        traces = ExportTraceServiceResponse.FromString(content).partial_success
        return traces.rejected_spans, traces.error_message
    if path == "/v1/logs":
        logs = ExportLogsServiceResponse.FromString(content).partial_success
        return logs.rejected_log_records, logs.error_message
    metrics = ExportMetricsServiceResponse.FromString(content).partial_success
    return metrics.rejected_data_points, metrics.error_message
