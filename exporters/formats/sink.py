"""What takes records: the protocol that every format follows, and several that take the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from meshquake.sim.records import Batch


class Sink(Protocol):
    """Takes batches in order of time, then is closed or discarded. Closes only what it opened."""

    def write(self, batch: Batch) -> None:
        """Take a batch."""

    def close(self) -> None:
        """Bring everything out; raises OSError if it can't."""

    def discard(self) -> None:
        """Let go of what is open without caring what becomes of it; a sink that is closed may be discarded too."""


class Sinks:
    """Sinks that take the same batches, as one."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks

    def write(self, batch: Batch) -> None:
        """Hand a batch to each."""
        for sink in self._sinks:
            sink.write(batch)

    def close(self) -> None:
        """Close each."""
        for sink in self._sinks:
            sink.close()

    def discard(self) -> None:
        """Discard each."""
        for sink in self._sinks:
            sink.discard()
