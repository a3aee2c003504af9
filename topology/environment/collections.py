"""Garbage collections that stop processes. Data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshquake.topology.distributions import LogNormal
from meshquake.topology.keys import key


@dataclass(frozen=True)
class Collections:
    """A process stops while its garbage is collected, whenever its requests have left enough of it (`memory`).

    Stop-the-world pauses are short compared with what a collector does concurrently. How short depends on the runtime;
    each pause is a lognormal draw around its median.
    """

    shorthand: ClassVar[str] = "pause"
    problem: ClassVar[str] = ""
    pause: float | None = key(
        "duration",
        "median pause (default: by the language of its `stack`: 18 ms for a JVM, 0.4 ms for Go)",
        None,
        low=0,
        high=60,
    )
    sigma: float = key("number", "standard deviation of its logarithm", 0.35, low=0, high=2)

    @property
    def idle(self) -> bool:
        """Whether no process is ever stopped."""
        return self.pause == 0

    def lengths(self, usual: float | None) -> LogNormal | None:
        """Return the distribution of pauses, given the runtime's median; None if it has no collector."""
        middle = self.pause if usual is not None and self.pause is not None else usual
        return LogNormal(middle, self.sigma) if middle else None
