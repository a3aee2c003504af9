"""A service answers some requests with an error: a bug, a bad record, a full disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault
from meshquake.topology.errors import MET
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Fail(Fault):
    """A share of requests fails once its work is done; severity multiplies the share."""

    kind: ClassVar[str] = "fail"
    indicator: ClassVar[str] = "errors"
    aliases: ClassVar[tuple[str, ...]] = ("error_rate", "failures")
    ranges: ClassVar[Mapping[str, str]] = {"share": "20%..100%"}
    share: float = key("ratio", "share of requests that fail", low=0, high=1, above=True)
    error: str = key("choice", "the error it answers with", "internal", choices=MET)

    def effect(self, level: float) -> Effect:
        return Effect(fail=level * self.share, error=self.error)
