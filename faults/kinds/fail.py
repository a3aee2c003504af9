"""A service answers some requests with an error: a bug, a bad record, a full disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.answering import unanswered_at
from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault
from meshquake.topology.errors import GIVEN
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Fail(Fault):
    """A share of requests fails once its work is done; severity multiplies the share."""

    kind: ClassVar[str] = "fail"
    indicator: ClassVar[str] = "errors"
    aliases: ClassVar[tuple[str, ...]] = ("error_rate", "failures")
    ranges: ClassVar[Mapping[str, str]] = {"share": "20%..100%"}
    share: float = key("ratio", "share of requests that fail", low=0, high=1, above=True)
    error: str = key("choice", "the error it answers with", "internal", choices=GIVEN)

    def problem(self, topology: Topology) -> str:
        """Users of an entry get an answer."""
        return unanswered_at(self.all_targets, self.error, topology)

    def effect(self, level: float) -> Effect:
        return Effect(fail=level * self.share, error=self.error)
