"""What hits many calls at once: a process ends, connections are reset, modifiers of a replica or an edge change.

These come with faults and deploys, a few times per run and not per call, so they may look at everything under way.
"""

from __future__ import annotations

from meshquake.sim.engine.call import NEVER, Call
from meshquake.sim.engine.edge import RuntimeEdge
from meshquake.sim.engine.engine import CANCELLED, RESET, CallEngine
from meshquake.sim.engine.impairment import hangs
from meshquake.sim.engine.modifier import Modifier
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.shared_cores import SharedCores
from meshquake.topology.addresses import uniform


def kill(engine: CallEngine, replica: Replica) -> None:
    """The replica's process ends: every call here is lost, and its callers' connections are reset."""
    now = engine.env._now
    calls = [call for call in engine.inside if call.replica is replica]
    for part in [part for part in engine.parts if part.replica is replica]:
        part.finished = now
        del engine.parts[part]
    replica.clear(now)
    for caller in replica.callers:
        for _, _, policy in caller.every():
            for waiting in policy.end():
                waiting.ended = now
                waiting.result = CANCELLED
                waiting.waiting = False
                engine.close(waiting)
    for call in calls:
        del engine.inside[call]
        call.finished = now
        call.outcome = RESET
        if call.parent is None:
            engine.close(call)
        else:
            engine.reply(call)


def sever(engine: CallEngine, edge: RuntimeEdge, share: float, key: int) -> None:
    """Reset a share of an edge's connections. Callers lose the calls on them; the callee does not notice.

    Which calls are on them is decided by a draw for each call, under `key`.
    """
    now = engine.env._now
    edge.severed = now
    struck = [
        call
        for root in engine.live
        for call in root.open or ()
        if call.site.edge is edge
        and call.waiting
        and not call.held
        and uniform(key ^ call.site.address, call.number, call.attempt_path) < share
    ]
    for replica in edge.caller.replicas:
        for caller, _, policy in replica.callers[edge.index].every():
            policy.severed([call for call in struck if caller.has(call)], share, now)
    for call in struck:
        if call.waiting:  # a hedge of another call may have been withdrawn by now
            engine.conclude(call, RESET)


def release(engine: CallEngine, modifier: Modifier) -> None:
    """Resume calls that hung because of this modifier, which no longer acts, unless another makes them hang."""
    now = engine.env._now
    for call in engine.hung.pop(modifier, ()):
        replica = call.replica
        assert replica is not None
        if call.finished >= 0.0:
            continue
        other = hangs(call, replica, now)
        if other is not None:
            engine.hung.setdefault(other, []).append(call)
        else:
            if replica.loop is not None:
                replica.loop.add(now, call.work)
            engine.run(call, replica, call.work)


def disturb(edge: RuntimeEdge, now: float) -> None:
    """Tell an edge's policies that the modifiers on it have changed."""
    for replica in edge.caller.replicas:
        for _, _, policy in replica.callers[edge.index].every():
            policy.disturbed(now)


def reschedule(engine: CallEngine, replica: Replica) -> None:
    """Reschedule a replica's work after a change in how its cores run."""
    spec, now = replica.service.spec, engine.env._now
    throttles = spec.scheduled == "quota" or any(modifier.throttles for modifier in replica.modifiers)
    if throttles and replica.throttled_before is None:
        replica.throttled_before = 0.0
    cores = replica.cores
    if spec.scheduled == "fifo" and not any(modifier.curbs for modifier in replica.modifiers):
        if cores is None:
            return
        replica.throttled_before = replica.throttled_time(now)
        left = cores.clear()
        replica.core_clock += cores.spent(now)
        replica.cores = None
        replica.idle_cores = spec.whole_cores
        if replica.loop is not None:
            replica.loop.stand(now, False)
    elif cores is None:
        left = _take_off(engine, replica)
        replica.core_clock = replica.core_time(now)
        replica.idle_cores = 0
        replica.cores = SharedCores(replica, engine.env, engine.seed, engine.when_worked)
    else:
        cores.changed()
        return
    for call, work in left:
        engine.run(call, replica, work)


def _take_off(engine: CallEngine, replica: Replica) -> list[tuple[Call, float]]:
    """Take all running and waiting work off the replica's whole cores; returns it with the seconds left of each."""
    now = engine.env._now
    # The calls that ever had a core and whose own work is not done; often there are none.
    running = {
        call
        for calls in (engine.inside, engine.parts) * (replica.idle_cores < replica.service.spec.whole_cores)
        for call in calls
        if call.replica is replica and call.due >= 0.0 and call.step < 0
    }
    left = []
    for call in engine.env.recall(engine.when_worked, running, max((call.due for call in running), default=now)):
        left.append((call, call.due - now))
        call.due = NEVER
    left += [(call, call.work) for call in replica.run_queue]
    replica.run_queue.clear()
    return left
