"""Background errors, whose cause is not in the recording: a bad host, an unseen restart, a bug that few inputs hit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from meshquake.topology.environment.fluctuation import Fluctuation
from meshquake.topology.errors import ERRORS, GIVEN
from meshquake.topology.keys import key

#: The background errors of each kind of service, each with its share: estimates, since nobody publishes what background
#: errors consist of.
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
    """A small share of calls fails after their work is done, each by its own draw.

    If the share `varies`, failures are a log-Gaussian Cox process: they come in clusters, like those of real services,
    whose counts per minute vary by more than chance explains.
    """

    shorthand: ClassVar[str] = "share"
    share: float = key("ratio", "share of the calls that fail, on average over time", 0.0, low=0, high=0.5)
    error: str | None = key("choice", "the error of those calls (default: by kind of service)", None, choices=GIVEN)
    varies: Fluctuation | None = key(
        "spec", "fluctuation of the share, separately at each service", None, none=True, spec=Fluctuation
    )

    @property
    def problem(self) -> str:
        """What is wrong with the settings although each key is valid; empty if nothing is."""
        return "" if self.varies is None else self.varies.problem

    @property
    def idle(self) -> bool:
        """Whether nothing fails."""
        return not self.share

    def of(self, kind: str, entry: bool) -> dict[str, float]:
        """Return the share of calls that fail with each error, at a service of a kind.

        Users have no caller whose connection could report a reset, so at an `entry` only errors with an answer count.
        """
        usual = USUAL[kind] if self.error is None else ((self.error, 1.0),)
        told = [(error, part) for error, part in usual if ERRORS[error].answered or not entry]
        whole = sum(part for _, part in told)
        return {error: self.share * part / whole for error, part in told}
