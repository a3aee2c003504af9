"""What a fault changes while it acts: causes only, never a symptom."""

from __future__ import annotations

from dataclasses import dataclass

from meshquake.faults.spread import Spread


@dataclass(frozen=True, slots=True)
class Effect:
    """A change of how a target works. The neutral value of each field changes nothing.

    On a service, replica or operation: `slowdown` multiplies the time of its own work, for the share `slowed` of its
    requests, each by a value of its own if `slowdowns` says so, of which it's the mean; shares of its requests
    are refused at the connection (`refuse`), get stuck until the effect ends (`hang`), or fail after the work is
    done with `error` (`fail`); `hog` is the share of every core that something else takes; `probe_failure` is the share
    of probes that fail, and `probe_delay` the seconds that each takes, unless it is limited to one operation, and of
    the kind `probes` alone if that says one; `quota` is the share that is left of the CPU time that processes may use
    in each period; with `pause` they do no work.

    Of the lookups at a service or on an edge that would hit, the share `miss` doesn't.

    On an edge: the share `unconnected` of new connections fails; `delay` seconds are added each way to the share
    `delayed` of the calls, by a value of each message's own if `delays` says so, unless `delays_requests` or
    `delays_answers` spares one of the ways; `drop` is the part of calls that the
    network swallows on their way, and `mute` that of the answers; the caller's connection pools keep the share `pool`
    of their size.

    Several effects on one target compose: slowdowns and quotas multiply, delays add, and shares strike independently.
    """

    slowdown: float = 1.0
    slowdowns: Spread | None = None
    slowed: float = 1.0
    refuse: float = 0.0
    hang: float = 0.0
    fail: float = 0.0
    error: str = "internal"
    hog: float = 0.0
    probe_failure: float = 0.0
    probe_delay: float = 0.0
    probes: str | None = None
    quota: float = 1.0
    pause: bool = False
    miss: float = 0.0
    unconnected: float = 0.0
    delay: float = 0.0
    delays: Spread | None = None
    delayed: float = 1.0
    delays_requests: bool = True
    delays_answers: bool = True
    drop: float = 0.0
    mute: float = 0.0
    pool: float = 1.0
