"""Prometheus remote write 1.0 (https://prometheus.io/docs/specs/prw/remote_write_spec/): the metrics.

A request is a `WriteRequest` of Prometheus' protobuf (prompb/remote.proto and types.proto), in Snappy's block format.
Only series with labels and samples are used. Series are those of `exporters.formats.prometheus_names`; times are in
milliseconds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import cramjam
import polars as pl

from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.prometheus_names import Samples
from meshquake.exporters.sending.protocols import Answer, Request
from meshquake.sim.records import Batch

_HEADERS = {
    "content-type": "application/x-protobuf",
    "content-encoding": "snappy",
    "x-prometheus-remote-write-version": "0.1.0",
}
_LABELS = ("name", "replica", "service", "target")


def speaker(context: Context, source: str) -> RemoteWrite:
    """Return the speaker for remote write."""
    return RemoteWrite(context)


class RemoteWrite:
    """Sends the samples of a batch, each series' in order of time."""

    #: The specification says to retry 5xx, allows retries on 429, and forbids them on other 4xx.
    retried = frozenset({429, *range(500, 600)})
    longest = 0

    def __init__(self, context: Context) -> None:
        self._samples = Samples(context)

    def requests(self, batch: Batch) -> Iterator[Request]:
        """Yield a request with all samples of a batch, unless there are none."""
        samples = self._samples.take(batch)
        if not len(samples):
            return
        series = (
            samples.with_columns(at=pl.col("at") // 1000)
            .group_by(*_LABELS, maintain_order=True)
            .agg("at", "value")
            .iter_rows()
        )
        body = b"".join(_field(1, _series(labels, at, values)) for *labels, at, values in series)
        yield Request("", _HEADERS, bytes(cramjam.snappy.compress_raw(body)), len(samples))

    def answer(self, request: Request, content: bytes) -> Answer:
        """Count all items as accepted: version 1.0 has no partial success."""
        return Answer(request.items)


def _series(labels: list[str | None], times: list[int], values: list[float]) -> bytes:
    # Labels must be sorted by name; __name__ sorts before lower-case letters.
    named = zip(("__name__", *_LABELS[1:]), labels, strict=True)
    parts = [
        _field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in named if value is not None
    ]
    for time, value in zip(times, values, strict=True):
        sample = struct.pack("<Bd", 1 << 3 | 1, value) + bytes((2 << 3,)) + _varint(time)
        parts.append(_field(2, sample))
    return b"".join(parts)


def _field(number: int, content: bytes) -> bytes:
    """Encode a length-delimited protobuf field."""
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)
