"""Laws that hold in any mesh under any faults: no call is lost, and every resource taken is given back."""

from collections import Counter, defaultdict

import pytest

from meshquake.sim.engine.call import DECIDED, HEDGE, NEVER, OUTRUN, RETRIED
from meshquake.sim.engine.call_site import ATTEMPT, ATTEMPT_BITS
from meshquake.topology.errors import CODES, SUCCESS

#: Outcomes of attempts whose answer does not reach the caller.
UNTOLD = [CODES[name] for name in ("timeout", "cancelled", "connection_timeout", "connection_reset")]


def balance(calls, now):
    """Return arrivals up to now, less the successes and failures up to now."""
    arrived = sum(start < now for start, _, _ in calls)
    succeeded = sum(end < now for _, end, outcome in calls if outcome == SUCCESS)
    failed = sum(end < now for _, end, outcome in calls if outcome != SUCCESS)
    return arrived - succeeded - failed


def check_deciding(mesh, rows):
    """Check that no attempt leaves two rows, and that one attempt decides each call, or none if its caller ended."""
    outcomes = {(row["number"], row["site"], row["attempt_path"]): row["outcome"] for row in rows}
    assert len(outcomes) == len(rows)
    deciding = Counter()
    for row in rows[rows["caller"] >= 0]:
        site = mesh.sites[row["site"]].parent
        while site.branch:  # a branch of the caller's steps
            site = site.parent
        caller = (row["number"], site.index, row["attempt_path"] >> ATTEMPT_BITS)
        deciding[row["site"], caller] += bool(row["notes"] & DECIDED)
    for (_, caller), count in deciding.items():
        ended = outcomes[caller] in (CODES["cancelled"], CODES["connection_reset"])
        assert count == 1 or (count == 0 and ended), caller


def check_attempts(mesh, rows):
    """Check that every attempt is a call, a retry or a hedge: all but the first hedge, or follow a retried failure.

    Attempts count from 1 without gaps. Retries are sequential, and a failure is marked as outrun only if another
    attempt of its call ended no earlier.
    """
    calls = defaultdict(dict)
    for row in rows[rows["caller"] >= 0]:
        call = (row["number"], row["site"], row["attempt_path"] >> ATTEMPT_BITS)
        calls[call][row["attempt_path"] & ATTEMPT] = row
    for attempts in calls.values():
        assert sorted(attempts) == list(range(len(attempts)))
        for place, row in attempts.items():
            former = attempts.get(place - 1)
            retries = former is not None and former["notes"] & RETRIED > 0
            hedges = row["notes"] & HEDGE > 0
            assert (place > 0) == (retries or hedges) and not (retries and hedges), row
            assert not retries or former["ended"] <= row["sent"]
            others = [each["ended"] for other, each in attempts.items() if other != place]
            assert not row["notes"] & OUTRUN or max(others) >= row["ended"], row


def check_answers(mesh, rows):
    """Check that nobody waits for a cancelled call, and that nobody works on one that was limited or never begun."""
    cancelled, limited = CODES["cancelled"], CODES["rate_limited"]
    for row in rows[rows["outcome"] == cancelled]:
        assert mesh.sites[row["site"]].edge.spec.cancellation
        assert row["result"] != SUCCESS and NEVER < row["ended"] <= row["finished"], row
    for row in rows[rows["outcome"] == limited]:
        assert row["started"] == NEVER and row["finished"] == row["arrived"], row
        # The caller learns the outcome, unless it had given up by then or the answer was lost on its way.
        told = row["caller"] < 0 or row["result"] == limited
        assert told or row["result"] in UNTOLD, row


def check_busy_time(mesh, rows):
    """Check that workers were held as long as the rows say, whether calls were answered, cancelled or lost.

    Handlers that release their worker while they wait hold it for less.
    """
    held = defaultdict(float)
    for row in rows[(rows["started"] != NEVER)]:
        held[mesh.incarnations[row["replica"]][0]] += row["finished"] - row["started"]
    for replica in mesh.replicas:
        busy = replica.busy_time(mesh.now) - replica.ambient_time(mesh.now)
        gives_back = replica.service.spec.handlers == "async"
        assert busy == pytest.approx(held[replica], abs=1e-6) or (gives_back and busy < held[replica]), replica.name


def states_of(replica):
    """Return the state that a replica's process keeps for everything it calls, one per subset."""
    return [state for caller in replica.callers for state in (caller, *caller.parts.values())]


def check_counters(mesh):
    """Check that no counter is out of range, and that no call waits while a worker or core is free."""
    assert len(mesh.engine.inside) == sum(replica.calls for replica in mesh.replicas)
    for replica in mesh.replicas:
        spec = replica.service.spec
        assert 0 <= replica.free <= spec.workers - replica.ambient_workers <= spec.workers
        assert 0 <= replica.idle_cores <= spec.whole_cores
        assert len(replica.queue) <= spec.queue.limit
        waiting = replica.calls - replica.active - len(replica.queue)  # async handlers that wait for answers
        assert waiting == 0 or (waiting > 0 and spec.handlers == "async")
        assert not (replica.free and len(replica.queue)) and not (replica.idle_cores and replica.run_queue)
        assert replica.up or not replica.calls
        for caller in states_of(replica):
            assert caller.in_flight >= 0
            if (bulkhead := caller.policies.get("bulkhead")) is not None:
                assert caller.in_flight <= bulkhead.limit
            if (pool := caller.policies.get("pool")) is not None:
                places = pool.policy.size * pool.policy.streams
                assert 0 <= pool.in_use <= places
                assert 0 <= pool.stale <= pool.idle
                assert 0 <= pool.idle <= places - pool.in_use
                assert 0 <= pool.waiting <= len(pool.waiters)
                assert 0 < pool.size <= places
            if (breaker := caller.policies.get("breaker")) is not None:
                assert 0 <= breaker._permits <= breaker.policy.half_open_calls
                assert 0 <= breaker._failed <= len(breaker._bad)
                assert 0 <= breaker._slow <= len(breaker._bad)


def check_idle(mesh):
    """Check that every resource has been given back; only a version that stayed leaves a trace."""
    for replica in mesh.replicas:
        spec = replica.service.spec
        first = replica.deployment.version or spec.version
        stayed = replica.version != first  # a bad version that stayed keeps failing its health checks
        assert replica.up and (replica.ready or stayed) and not replica.draining and not replica.stops
        shared = replica.cores
        assert replica.free + replica.ambient_workers == spec.workers
        assert replica.idle_cores == (spec.whole_cores if shared is None else 0)
        assert shared is None or not len(shared)
        assert not (replica.calls or len(replica.queue) or replica.run_queue)
        assert not replica.modifiers or stayed
        for caller in states_of(replica):
            assert caller.in_flight == 0
            if (pool := caller.policies.get("pool")) is not None:
                assert (pool.in_use, pool.waiting, pool.size) == (0, 0, pool.policy.size * pool.policy.streams)
    for service in mesh.services.values():
        assert service.ready == [replica for replica in service.replicas if replica.ready]
    for link in mesh.edges:
        assert link.modifiers == ()
