"""Garbage collections that stop a process when enough garbage has piled up (`topology.environment.collections`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from meshquake.faults.fault import Target
from meshquake.faults.kinds.pause import Pause
from meshquake.sim.engine.modifier import Modifier
from meshquake.sim.engine.policy import ServerPolicy
from meshquake.sim.engine.upheaval import reschedule
from meshquake.topology.addresses import address, uniform
from meshquake.topology.distributions import LogNormal
from meshquake.topology.runtimes import runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service
    from meshquake.sim.policies.context import PolicyContext

_MIB: Final = 2**20


class Collector(ServerPolicy):
    """Stops one process after the request with which its garbage reaches its mark.

    All work in the process stops, as under a pause fault. The length is a draw that belongs to the collection, by its
    number in the life of the process.
    """

    __slots__ = ("_context", "_due", "_key", "_lengths")

    def __init__(self, replica: Replica, context: PolicyContext, lengths: LogNormal) -> None:
        self._context = context
        self._lengths = lengths
        self._key = 0
        #: After how many requests the process collects; 0 until the first one is answered.
        self._due = 0.0

    def finished(self, call: Call, replica: Replica, now: float) -> None:
        if replica.handled < self._due:
            return
        if self._due:
            self._stop(replica, now)
        else:  # only now the process is counted: its policies are made when the one before it ends
            self._key = address(self._context.seed, "collection", replica.name, replica.restarts) % 2**64
        self._due = replica.collects_at()

    def _stop(self, replica: Replica, now: float) -> None:
        number = replica.collections()
        length = float(self._lengths.quantile(np.array(uniform(self._key, number))))
        target = Target("replica", replica.service.spec.name, replica.index)
        cause = Pause(id=f"collection {number} of {replica.name}", target=target, length=length)
        modifier = Modifier(cause, self._key, None, began=now)
        self._change(replica, (*replica.modifiers, modifier), now)
        told = self._told(replica, number, length)
        self._context.env.call_at(now + length, self._go_on, (replica, modifier, replica.incarnation, told))

    def _told(self, replica: Replica, number: int, length: float) -> dict[str, Any]:
        """Return what runtimes log of a collection: the heap before and after, and how long it took."""
        heap, up = replica.heap(), self._context.env._now + length - replica.born
        number += self._context.past.collected(replica)
        # The concurrent part of a collection takes several times as long as the pause.
        beside = length * (3.0 + 5.0 * uniform(self._key, number, 1))
        return {
            "number": number,
            "heap": f"{self._key % 2**28 * 4096:#x}",
            "pause_ms": f"{length * 1000:.3f}",
            "beside_ms": f"{beside * 1000:.2f}",
            "uptime_s": f"{up:.3f}",
            "uptime_ms": round(up * 1000),
            "before_mib": round((heap + replica.mark) / _MIB),
            "after_mib": round(heap / _MIB),
            "limit_mib": round(replica.service.spec.memory.limit / _MIB),
        }

    def _go_on(self, stopped: tuple[Replica, Modifier, int, dict[str, Any]]) -> None:
        replica, modifier, life, told = stopped
        others = tuple(each for each in replica.modifiers if each is not modifier)
        self._change(replica, others, self._context.env._now)
        if replica.up and replica.incarnation == life:
            self._context.journal.note("collected", replica.service, replica=replica, **told)

    def _change(self, replica: Replica, modifiers: tuple[Modifier, ...], now: float) -> None:
        replica.change(modifiers, now)
        reschedule(self._context.engine, replica)


def of(service: Service, context: PolicyContext) -> Callable[[Replica], ServerPolicy] | None:
    """The collector of a service's processes; None if they have none, or it never stops them."""
    told = context.collections.get(service.spec.name)
    own = runtime(service.spec.stack, service.spec.system)
    if told is None or own is None or not service.spec.garbage:
        return None
    lengths = told.lengths(own.pause)
    return None if lengths is None else lambda replica: Collector(replica, context, lengths)
