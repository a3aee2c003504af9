"""Elasticsearch's bulk API (https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk): all records.

Each kind goes to an index of its name, `mesh-traces`; a record is a document, its `timestamp` called `@timestamp`.
Documents have ids made of the fixture and of their number, so what is sent twice is there once.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from typing import Any

from meshquake.exporters import strict_json
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.ndjson import encode
from meshquake.exporters.sending.protocols import Answer, Request
from meshquake.sim.records import RECORD_KINDS, Batch

#: Documents a request at most: a few megabytes.
_DOCUMENTS = 5_000
_HEADERS = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
_STAMP = b'{"timestamp"'


def speaker(context: Context, source: str) -> Elasticsearch:
    """What speaks to Elasticsearch."""
    return Elasticsearch(source)


class Elasticsearch:
    """Sends all records of a batch."""

    retried = frozenset({429, 502, 503, 504})
    #: An object a document, 3 kB each: what is wrong with one may quote it.
    longest = 16 * 2**20

    def __init__(self, source: str) -> None:
        self._source = source
        self._numbers: Counter[str] = Counter()

    def requests(self, batch: Batch) -> Iterator[Request]:
        """Requests with so many documents at most."""
        pairs = [pair for name in RECORD_KINDS for pair in self._pairs(batch, name)]
        for begin in range(0, len(pairs), _DOCUMENTS):
            yield _request(pairs[begin : begin + _DOCUMENTS])

    def _pairs(self, batch: Batch, name: str) -> Iterator[bytes]:
        """For each record the line that says what to do with it, and its own."""
        for line in encode(RECORD_KINDS[name], batch.frame(name)).splitlines():
            number = self._numbers[name]
            self._numbers[name] += 1
            action = f'{{"create":{{"_index":"mesh-{name}","_id":"{self._source}-{name}-{number}"}}}}'
            yield b'%b\n{"@timestamp"%b\n' % (action.encode(), line.removeprefix(_STAMP))

    def answer(self, request: Request, content: bytes) -> Answer:
        """What became of each document: one that is there was sent before, and one it was too busy for goes again."""
        body = strict_json.parse(content)
        if not body["errors"]:
            return Answer(request.items)
        results = [result for item in body["items"] for result in item.values()]
        busy = [number for number, result in enumerate(results) if result["status"] == 429]
        wrong = [result for result in results if result["status"] not in (200, 201, 409, 429)]
        again = None
        if busy:
            lines = gzip.decompress(request.body).splitlines(keepends=True)
            again = _request([b"".join(lines[2 * number : 2 * number + 2]) for number in busy])
        return Answer(len(results) - len(busy) - len(wrong), len(wrong), _why(wrong), again)


def _why(results: list[dict[str, Any]]) -> str:
    return f"{results[0]['error']['type']}: {results[0]['error']['reason']}" if results else ""


def _request(pairs: list[bytes]) -> Request:
    return Request("", _HEADERS, gzip.compress(b"".join(pairs), 1, mtime=0), len(pairs))
