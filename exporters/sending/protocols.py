"""The protocols for pushing records. The module of a protocol is imported on use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from meshquake.topology.exceptions import MeshquakeError

if TYPE_CHECKING:
    from meshquake.exporters.formats.context import Context
    from meshquake.sim.records import Batch


class DeliveryError(MeshquakeError):
    """Raised for an invalid address, or a receiver that can't be reached or refuses."""


@dataclass(frozen=True)
class Request:
    """A request to post.

    Attributes
    ----------
    path
        Path to append to the receiver's address; empty for none.
    headers
        Headers that the protocol needs.
    body
        The body, encoded and compressed.
    items
        Number of records, samples or data points in it.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    items: int


@dataclass(frozen=True)
class Answer:
    """The receiver's answer: how many items it accepted and rejected, why, and what to send again."""

    accepted: int
    rejected: int = 0
    why: str = ""
    again: Request | None = None

    def __add__(self, later: Answer) -> Answer:
        """Add counts up; what to send again is that of the later answer."""
        accepted, rejected = self.accepted + later.accepted, self.rejected + later.rejected
        return Answer(accepted, rejected, self.why or later.why, later.again)


class Speaker(Protocol):
    """Speaks a protocol: encodes batches in order of time, and parses answers.

    The same batches always give the same requests, so that sending can resume after the last accepted one.
    """

    #: Status codes on which a request may be retried.
    retried: frozenset[int]
    #: Most bytes in the body of a successful response; 0 if its status is enough.
    longest: int

    def requests(self, batch: Batch) -> Iterable[Request]:
        """Encode a batch as requests."""

    def answer(self, request: Request, content: bytes) -> Answer:
        """Parse the body of a successful response; ValueError if it doesn't follow the protocol."""


@dataclass(frozen=True)
class Push:
    """A protocol.

    Attributes
    ----------
    name
        Its name on the command line.
    module
        Its module, with a function `speaker(context: Context, source: str) -> Speaker`, where `source` identifies the
        fixture.
    path
        Path of the address if it's given without one.
    """

    name: str
    module: str
    path: str

    def speaker(self, context: Context, source: str) -> Speaker:
        """Return its speaker; `exporters.extras.MissingExtraError` if a library that it needs isn't installed."""
        from meshquake.exporters import extras

        speaker: Speaker = extras.load(self.module, "send", f"send by {self.name}").speaker(context, source)
        return speaker


#: All protocols, by name.
PROTOCOLS: dict[str, Push] = {
    each.name: each
    for each in (
        Push("otlp-http", "meshquake.exporters.sending.otlp_http", ""),
        Push("remote-write", "meshquake.exporters.sending.remote_write", "/api/v1/write"),
        Push("loki", "meshquake.exporters.sending.loki", "/loki/api/v1/push"),
        Push("elasticsearch", "meshquake.exporters.sending.elasticsearch", "/_bulk"),
    )
}
