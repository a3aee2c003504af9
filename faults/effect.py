"""What a fault changes while it acts: causes only, never a symptom."""

from __future__ import annotations

from dataclasses import dataclass

from meshquake.faults.spread import Spread


@dataclass(frozen=True, slots=True)
class Effect:
    """How a fault changes the way a target works. The neutral value of each field changes nothing.

    On a service, replica or operation: `slowdown` multiplies the time of its own work, for the share `slowed` of its
    requests; with `slowdowns`, each request has a value of its own, and `slowdown` is their mean. Shares of its
    requests are refused at the connection (`refuse`), get stuck until the effect ends (`hang`), or fail with `error`
    after the work is done (`fail`). `hog` is the share of every core that something else takes. `probe_failure` is the
    share of probes that are answered with a failure, and `probe_delay` the seconds added to each; the shares `refuse`
    and `hang` strike probes, too. Nothing of this applies if the effect is limited to one operation, and with `probes`
    it applies to that kind of probe alone. `quota` is the share left of the CPU time
    that processes may use in each period; with `pause` they do no work.

    On a service or an edge: the share `miss` of the lookups that would hit misses.

    On an edge: the share `unconnected` of new connections fails. `delay` seconds are added each way to the share
    `delayed` of the calls, unless `delays_requests` or `delays_answers` spares one of the ways; with `delays`, each
    message has a value of its own, and `delay` is their mean. `drop` is the share of calls that the network loses on
    their way, and `mute` that of the answers. The caller's connection pools keep the share `pool` of their size.

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
