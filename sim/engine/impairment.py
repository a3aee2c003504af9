"""What the faults on an edge or a replica do to one call: each answer is a draw of the call's own.

The life of a call (`sim.engine.engine`) asks only where a fault acts, so nothing here is on the path of other calls.
"""

from __future__ import annotations

from typing import Final

from meshquake.faults.effect import Effect
from meshquake.sim.engine.call import Call
from meshquake.sim.engine.edge import RuntimeEdge
from meshquake.sim.engine.modifier import Modifier
from meshquake.sim.engine.replica import Replica
from meshquake.topology.errors import CODES

# Purposes of a modifier's draws.
_REFUSE: Final = 0
_HANG: Final = 1
_FAIL: Final = 2
_DROP: Final = 3
_CONNECT: Final = 4
_SLOW: Final = 5
_SLOWDOWN: Final = 6
_DELAY: Final = 7
_DELAY_OUT: Final = 8
_DELAY_BACK: Final = 9
_MUTE: Final = 10


def _strikes(modifier: Modifier, share: float, call: Call, purpose: int) -> bool:
    """Whether a call is among the share that a modifier strikes."""
    return modifier.strikes(share, call.site.address, purpose, call.number, call.attempt_path)


def _concerns(modifier: Modifier, call: Call) -> bool:
    """Whether a modifier acts on the call's operation."""
    return modifier.operation in (-1, call.site.operation)


# -- on the network ---------------------------------------------------------------------------------------------------


def between(edge: RuntimeEdge, call: Call) -> tuple[Modifier, ...] | list[Modifier]:
    """The modifiers on the edge between the two replicas of a call."""
    parent, callee = call.parent, call.replica
    assert parent is not None and parent.replica is not None
    if callee is None:
        return edge.modifiers
    return [each for each in edge.modifiers if each.between(parent.replica.index, callee.index)]


def is_dropped(modifier: Modifier, effect: Effect, call: Call) -> bool:
    """Whether the call's request, or its cancellation, is lost."""
    return effect.drop > 0 and _strikes(modifier, effect.drop, call, _DROP)


def is_muted(modifier: Modifier, effect: Effect, call: Call) -> bool:
    """Whether the call's answer is lost."""
    return effect.mute > 0 and _strikes(modifier, effect.mute, call, _MUTE)


def fails_to_connect(modifier: Modifier, effect: Effect, call: Call) -> bool:
    """Whether the call needs a new connection, and it is one of those that fail.

    A pool knows which connections it opens. Without a pool, a connection is as old as the younger of the two processes,
    or as the last reset.
    """
    if effect.unconnected <= 0:
        return False
    edge, parent, replica = call.site.edge, call.parent, call.replica
    assert edge is not None and parent is not None and parent.replica is not None and replica is not None
    if edge.pooled:
        opens = call.connect >= 0.0
    else:
        opens = max(parent.replica.born, replica.born, edge.severed) >= modifier.began
    return opens and _strikes(modifier, effect.unconnected, call, _CONNECT)


def delay_out(modifier: Modifier, effect: Effect, call: Call, opens: bool) -> float:
    """The time (seconds) that a modifier adds to the call's request, and to a handshake before it if it `opens` one."""
    # A handshake is one message each way.
    crossings = 2 * effect.delays_requests + effect.delays_answers if opens else effect.delays_requests
    return crossings * _delay(modifier, effect, call, _DELAY_OUT) if crossings else 0.0


def delay_back(modifier: Modifier, effect: Effect, call: Call) -> float:
    """The time (seconds) that a modifier adds to the call's answer."""
    return _delay(modifier, effect, call, _DELAY_BACK) if effect.delays_answers else 0.0


def _delay(modifier: Modifier, effect: Effect, call: Call, purpose: int) -> float:
    """The time (seconds) that a modifier adds to one message of the call."""
    if not effect.delay or (effect.delayed < 1.0 and not _strikes(modifier, effect.delayed, call, _DELAY)):
        return 0.0
    if effect.delays is None:
        return effect.delay
    return effect.delays.at(modifier.draw(call.site.address, purpose, call.number, call.attempt_path))


# -- at the replica ---------------------------------------------------------------------------------------------------


def is_refused(call: Call, replica: Replica, now: float) -> bool:
    """Whether a modifier on the replica refuses the call."""
    return any(
        _concerns(modifier, call) and _strikes(modifier, modifier.effect(now).refuse, call, _REFUSE)
        for modifier in replica.modifiers
    )


def failure(call: Call, replica: Replica, now: float) -> int:
    """The code of the error with which the call's work ends; 0 if nothing makes it fail."""
    code = 0
    for modifier in replica.modifiers:
        if _concerns(modifier, call):
            effect = modifier.effect(now)
            if _strikes(modifier, effect.fail, call, _FAIL):
                code = CODES[effect.error]
    return code


def hangs(call: Call, replica: Replica, now: float) -> Modifier | None:
    """The first of the replica's modifiers that makes the call hang."""
    for modifier in replica.modifiers:
        if _concerns(modifier, call) and _strikes(modifier, modifier.effect(now).hang, call, _HANG):
            return modifier
    return None


def slowed(call: Call, replica: Replica, now: float, work: float) -> float:
    """The time (seconds) that some of the call's work takes under the replica's modifiers."""
    left = 1.0
    for modifier in replica.modifiers:
        if _concerns(modifier, call):
            effect = modifier.effect(now)
            if effect.slowdown != 1.0:
                work *= _slowdown(modifier, effect, call)
            left *= 1.0 - effect.hog
    return work / left


def _slowdown(modifier: Modifier, effect: Effect, call: Call) -> float:
    """How many times as long the call's work takes under a modifier."""
    if effect.slowed < 1.0 and not _strikes(modifier, effect.slowed, call, _SLOW):
        return 1.0
    if effect.slowdowns is None:
        return effect.slowdown
    return effect.slowdowns.at(modifier.draw(call.site.address, _SLOWDOWN, call.number, call.attempt_path))


def hit_rate(call: Call, usual: float, now: float) -> float:
    """The probability that an answered lookup hits; `usual` is the probability if no fault acts on it."""
    edge, replica = call.site.edge, call.replica
    assert edge is not None and replica is not None
    for modifier in (*edge.modifiers, *replica.modifiers):
        if _concerns(modifier, call):
            usual *= 1.0 - modifier.effect(now).miss
    if replica.emptied >= 0.0:
        usual *= replica.warmth(now)
    return usual
