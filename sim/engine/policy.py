"""What a policy may do in the life of a call: hooks, of which each policy overrides those that it needs.

The life of a call (`sim.engine.engine`) knows hooks, and no policy by name. A hook that a policy does not override is
not called for it, so an edge or a service without a policy pays nothing. `sim.policies.compose` decides which policies
an edge and a service have, and in which order a call meets them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from mypy_extensions import mypyc_attr

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.call_site import CallSite
    from meshquake.sim.engine.replica import Replica

# `mypyc_attr`: lets plain Python classes, such as those of plug-ins, derive from these when they are compiled.

#: What `admit` returns: the call may go on; or the policy holds it, and releases or refuses it later. Any other value
#: is the code of the error (`topology.errors.CODES`) with which the call is refused.
PASS: Final = 0
HELD: Final = -1


@mypyc_attr(allow_interpreted_subclasses=True)
class CallerPolicy:
    """What a replica of a caller does about its calls to one callee.

    `now` is the simulated time in seconds. One instance serves one replica; one without state may serve
    all replicas of the caller.
    """

    __slots__ = ()

    def admit(self, call: Call, now: float) -> int:
        """An attempt is about to leave: `PASS`, `HELD`, or the code of the error to refuse it with.

        Policies are asked in the order in which they are composed, until one returns something other than `PASS`.
        """
        return PASS

    def settle(self, call: Call, now: float) -> None:
        """The caller has a result (`call.result`, an error's code or `SUCCESS`), or has given up waiting for one.

        Called once for each attempt, including one that a policy refused, unless the caller was killed meanwhile or the
        attempt was withdrawn.
        """

    def cancel(self, call: Call, now: float) -> None:
        """The caller gives up before an attempt has a result (`settle` or `withdrawn` follows); forget it if `held`."""

    def withdrawn(self, call: Call, now: float) -> None:
        """Called in place of `settle`: the attempt's result is no longer wanted, so it says nothing about the callee.

        Another attempt at the same call had a result first, or the caller was cancelled.
        """

    def narrow(self, ready: Sequence[Replica], call: Call, now: float) -> Sequence[Replica]:
        """The ready replicas to which an attempt may go; if none are left, it fails as if none were ready.

        Each policy gets the replicas that the one before it left.
        """
        return ready

    def decides(self, call: Call, now: float) -> bool:
        """Whether the caller goes on with the result of this attempt, which no retry follows.

        False if others at the same call are under way, one of which will decide. Only one policy of an edge is asked.
        """
        return True

    def returned(self, call: Call, now: float) -> None:
        """The callee's answer has arrived, or the call is known to be lost, whether or not the caller still waits.

        `call.outcome` is the code of the callee's answer.
        """

    def pause(self, call: Call, now: float) -> float:
        """How long to wait (seconds) before another attempt after the failure of this one; negative for no more.

        One policy of an edge decides this, and the others may object (`allows_retry`). A call has at most 16 attempts:
        they are digits of one number.
        """
        return -1.0

    def allows_retry(self, call: Call, now: float) -> bool:
        """Whether another attempt may be made, at `call.next_at`. This only asks: others may object."""
        return True

    def retried(self, call: Call, now: float) -> None:
        """Another attempt follows this one: no policy objected."""

    def disturbed(self, now: float) -> None:
        """The faults that act on the edge have changed."""

    def callee_ended(self, replica: Replica, now: float) -> None:
        """A process of the callee ends: `replica` is down. The calls that it had are `returned` separately."""

    def severed(self, calls: Sequence[Call], share: float, now: float) -> None:
        """Some connections are reset: those that carry these calls (`settle` follows), and a share of the others."""

    def end(self) -> Sequence[Call]:
        """The caller's process ends; returns the calls that were held, which end with it."""
        return ()


@mypyc_attr(allow_interpreted_subclasses=True)
class ServerPolicy:
    """What a replica does about arriving requests, before they may take a worker or a place in the queue."""

    __slots__ = ()

    def admit(self, call: Call, replica: Replica, now: float) -> int:
        """A request arrives: `PASS`, or the code of the error to answer at once; a server's policy cannot hold it."""
        return PASS

    def lengthen(self, part: Call, replica: Replica, work: float) -> float:
        """How long (seconds) a request's own work between its calls, or after them, takes.

        `part` stands for the work, its `parent` for the request; `work` is what was drawn.
        """
        return work

    def finished(self, call: Call, replica: Replica, now: float) -> None:
        """A request that `admit` was asked about is answered, or was turned away; `call.outcome` says how.

        A process that is killed takes its policies with it.
        """


@mypyc_attr(allow_interpreted_subclasses=True)
class Route:
    """Chooses the version and the replicas that a user's request goes to."""

    __slots__ = ()

    def choose(self, site: CallSite, number: int) -> tuple[CallSite, list[Replica]]:
        """The site of one of the versions that `site` stands for, and its ready replicas."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Balancer:
    """Chooses the replica that a call goes to."""

    __slots__ = ()

    def choose(self, ready: Sequence[Replica], call: Call) -> Replica:
        """One of at least two ready replicas."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class RequestQueue:
    """Requests that wait for a worker of a replica, in the order in which they get one."""

    __slots__ = ("limit",)

    #: How many may wait.
    limit: int

    def offer(self, call: Call, now: float) -> bool:
        """Queue a request for which no worker is free; returns whether there was room."""
        raise NotImplementedError

    def take(self, now: float) -> Call | None:
        """The request that gets a worker next; None only if all that wait have waited for too long."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def discard(self, call: Call) -> None:
        """A request that waits here is cancelled by its caller."""
        raise NotImplementedError

    @property
    def full(self) -> bool:
        """Whether one more would be turned away: a readiness probe looks at it."""
        raise NotImplementedError

    def clear(self) -> None:
        """The process is gone, and with it the waiting requests."""
        raise NotImplementedError


_Policy = TypeVar("_Policy", CallerPolicy, ServerPolicy)


def overriding(policies: Iterable[_Policy], hook: str) -> tuple[_Policy, ...]:
    """The policies that override a hook, in their order."""
    return tuple([each for each in policies if not _inherits(type(each), hook)])


def _inherits(cls: type, hook: str) -> bool:
    known = _INHERITED.get((cls, hook))
    if known is None:
        base = CallerPolicy if issubclass(cls, CallerPolicy) else ServerPolicy
        known = _INHERITED[cls, hook] = getattr(cls, hook) is getattr(base, hook)
    return known


#: Earlier answers by class and hook: there are few classes, and many policies.
_INHERITED: dict[tuple[type, str], bool] = {}
