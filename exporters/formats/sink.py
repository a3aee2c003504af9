"""Sinks of records: the protocol that every format implements, and a sink that writes to several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from meshquake.sim.records import Batch


class Sink(Protocol):
    """Takes batches in order of time, then is closed or discarded. It closes only what it opened."""

    def write(self, batch: Batch) -> None:
        """Take a batch."""

    def close(self) -> None:
        """Write out everything; raises OSError if that fails."""

    def discard(self) -> None:
        """Abandon the output and close what is open; a closed sink may be discarded too."""


class Sinks:
    """Several sinks as one, which all take the same batches."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks

    def write(self, batch: Batch) -> None:
        """Pass a batch to each sink."""
        for sink in self._sinks:
            sink.write(batch)

    def close(self) -> None:
        """Close each sink."""
        for sink in self._sinks:
            sink.close()

    def discard(self) -> None:
        """Discard each sink."""
        for sink in self._sinks:
            sink.discard()
