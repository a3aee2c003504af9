"""Calls that fail for no reason that a recording has: a bad host, a restart nobody saw, a bug that few inputs meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from meshquake.topology.environment.fluctuation import Fluctuation
from meshquake.topology.errors import ERRORS, MET
from meshquake.topology.keys import key

#: The errors that services of a kind have by themselves, each with its share of them: estimates, since nobody publishes
#: what background errors are made of.
USUAL: Final[Mapping[str, tuple[tuple[str, float], ...]]] = MappingProxyType(
    {
        "gateway": (("unavailable", 0.6), ("internal", 0.4)),
        "service": (("internal", 0.5), ("unavailable", 0.3), ("connection_reset", 0.2)),
        "cache": (("connection_reset", 0.6), ("unavailable", 0.4)),
        "database": (("database_error", 0.7), ("connection_reset", 0.3)),
        "external": (("unavailable", 0.7), ("internal", 0.2), ("connection_reset", 0.1)),
    }
)


@dataclass(frozen=True)
class BaseErrors:
    """A small share of the calls fails once its work is done, each by a draw of its own.

    Where that share `varies`, what fails is a log-Gaussian Cox process: failures come in clusters, as those of real
    services do, whose counts a minute vary by more than chance makes of them.
    """

    shorthand: ClassVar[str] = "share"
    share: float = key("ratio", "share of the calls that fail, on average over time", 0.0, low=0, high=0.5)
    error: str | None = key("choice", "the error of those calls (default: by kind of service)", None, choices=MET)
    varies: Fluctuation | None = key(
        "spec", "fluctuation of the share, separately at each service", None, none=True, spec=Fluctuation
    )

    @property
    def problem(self) -> str:
        """What is wrong with it though its keys are right; empty if nothing is."""
        return "" if self.varies is None else self.varies.problem

    @property
    def idle(self) -> bool:
        """Whether nothing fails."""
        return not self.share

    def of(self, kind: str, entry: bool) -> dict[str, float]:
        """The share of the calls that each error takes, at a service of a kind.

        Users have no caller whose connection could tell of a reset: of an `entry`, what answers them is counted.
        """
        usual = USUAL[kind] if self.error is None else ((self.error, 1.0),)
        told = [(error, part) for error, part in usual if ERRORS[error].answered or not entry] or list(usual)
        whole = sum(part for _, part in told)
        return {error: self.share * part / whole for error, part in told}
