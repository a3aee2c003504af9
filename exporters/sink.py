"""What takes records: the protocol that every format follows."""

from __future__ import annotations

from typing import Protocol

from sim.records import Batch


class Sink(Protocol):
    """Takes batches in order of time, then is closed once. Closes only what it opened."""

    def write(self, batch: Batch) -> None:
        """Take a batch."""

    def close(self) -> None:
        """Bring everything out; raises OSError if it can't."""
