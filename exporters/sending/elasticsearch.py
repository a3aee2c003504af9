"""Elasticsearch's bulk API (https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk): all records.

Each kind of record goes to an index of its own, such as `mesh-traces`. A record becomes a document, with its
`timestamp` renamed to `@timestamp`. The id of a document is derived from the fixture and the number of the record, so
sending it twice stores it once.
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

#: Most documents in a request, which then has a few megabytes.
_DOCUMENTS = 5_000
_HEADERS = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
_STAMP = b'{"timestamp"'


def speaker(context: Context, source: str) -> Elasticsearch:
    """Return the speaker for Elasticsearch."""
    return Elasticsearch(source)


class Elasticsearch:
    """Sends all records of a batch."""

    retried = frozenset({429, 502, 503, 504})
    #: One result for each document, of up to 3 kB: an error may quote the document.
    longest = 16 * 2**20

    def __init__(self, source: str) -> None:
        self._source = source
        self._numbers: Counter[str] = Counter()

    def requests(self, batch: Batch) -> Iterator[Request]:
        """Yield requests of limited size."""
        pairs = [pair for name in RECORD_KINDS for pair in self._pairs(batch, name)]
        for begin in range(0, len(pairs), _DOCUMENTS):
            yield _request(pairs[begin : begin + _DOCUMENTS])

    def _pairs(self, batch: Batch, name: str) -> Iterator[bytes]:
        """Yield the action line and the document of each record."""
        for line in encode(RECORD_KINDS[name], batch.frame(name)).splitlines():
            number = self._numbers[name]
            self._numbers[name] += 1
            action = f'{{"create":{{"_index":"mesh-{name}","_id":"{self._source}-{name}-{number}"}}}}'
            yield b'%b\n{"@timestamp"%b\n' % (action.encode(), line.removeprefix(_STAMP))

    def answer(self, request: Request, content: bytes) -> Answer:
        """Count the results: an existing document was sent before, and one refused with 429 is sent again."""
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
