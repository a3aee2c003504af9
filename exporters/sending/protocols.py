"""Every protocol that records can be pushed by: a line each. What speaks it is imported when it's used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from meshquake.topology.exceptions import MeshquakeError

if TYPE_CHECKING:
    from meshquake.exporters.formats.context import Context
    from meshquake.sim.records import Batch


class DeliveryError(MeshquakeError):
    """A receiver that can't be reached, or refuses, or an address that is none."""


@dataclass(frozen=True)
class Request:
    """Something to post.

    Attributes
    ----------
    path
        Behind the address that was given; empty for none.
    headers
        Those that the protocol wants.
    body
        As it's sent.
    items
        How many records, samples or data points are in it.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    items: int


@dataclass(frozen=True)
class Answer:
    """What a receiver says of a request: how many items it took, how many not and why, and what to send again."""

    accepted: int
    rejected: int = 0
    why: str = ""
    again: Request | None = None

    def __add__(self, later: Answer) -> Answer:
        """Both, of which the later one says what to send again."""
        accepted, rejected = self.accepted + later.accepted, self.rejected + later.rejected
        return Answer(accepted, rejected, self.why or later.why, later.again)


class Speaker(Protocol):
    """Speaks a protocol: encodes batches in order of time, and understands answers.

    The same batches always make the same requests, so that sending can go on after the last one that was taken.
    """

    #: Statuses after which a request may be sent again.
    retried: frozenset[int]
    #: Bytes that the body of a successful response has at most; 0 if its status says all.
    longest: int

    def requests(self, batch: Batch) -> Iterable[Request]:
        """What to send of a batch."""

    def answer(self, request: Request, content: bytes) -> Answer:
        """What the body of a successful response says; ValueError if it isn't one of this protocol."""


@dataclass(frozen=True)
class Push:
    """A protocol.

    Attributes
    ----------
    name
        As the command line has it.
    module
        Has a function `speaker(context: Context, source: str) -> Speaker`, where `source` tells fixtures apart.
    path
        Of the address if it's given without one.
    """

    name: str
    module: str
    path: str

    def speaker(self, context: Context, source: str) -> Speaker:
        """What speaks it; `exporters.extras.MissingExtraError` if a library that it needs isn't installed."""
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
