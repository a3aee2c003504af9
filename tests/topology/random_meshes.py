"""Random meshes for properties that hold for every mesh."""

from hypothesis import strategies as st

from meshquake.topology.distributions import Constant, Exponential
from meshquake.topology.policies import Bulkhead, CircuitBreaker, Pool, Retry, RetryBudget
from meshquake.topology.spec import SERVICE_KINDS, Call, Edge, Entry, Operation, Service, Topology, Workload

SHARES = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@st.composite
def meshes(draw, cyclic=False):
    """Draw a mesh of up to six services of up to two operations; these call later ones, or any if `cyclic`."""
    names = [
        (f"s{number}.v1" if number % 2 else f"s{number}", f"op{operation}")  # names may have dots
        for number in range(draw(st.integers(1, 6)))
        for operation in range(draw(st.integers(1, 2)))
    ]
    # The order of the operations differs from that of the file, so that services may use each other both ways.
    order = draw(st.permutations(names))
    operations = {}
    for place, name in enumerate(order):
        reachable = order if cyclic else order[place + 1 :]
        groups = draw(st.lists(st.lists(calls(reachable), min_size=1, max_size=2), max_size=2)) if reachable else []
        operations[name] = Operation(name[1], Exponential(0.01), tuple(map(tuple, groups)))
    services = tuple(
        Service(
            service,
            kind=draw(st.sampled_from(SERVICE_KINDS)),
            replicas=draw(st.integers(1, 3)),
            operations=tuple(operations[name] for name in names if name[0] == service),
        )
        for service in dict.fromkeys(service for service, _ in names)
    )
    pairs = dict.fromkeys(
        (name[0], link.service)
        for name in names
        for group in operations[name].calls
        for call in group
        for link in (call, *call.on_miss)
    )
    entries = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    mix = tuple(Entry(*name, weight=1.0 + place) for place, name in enumerate(entries))
    return Topology("random", services, tuple(draw(edges(*pair)) for pair in pairs), Workload(rate=20.0, mix=mix))


@st.composite
def calls(draw, targets):
    """Draw a call to one of the targets, sometimes a lookup with calls on a miss."""
    target = st.sampled_from(targets)
    hit_rate = draw(st.none() | SHARES)
    followers = draw(st.lists(target, max_size=2)) if hit_rate is not None else []
    return Call(
        *draw(target),
        probability=draw(SHARES),
        optional=draw(st.booleans()),
        hit_rate=hit_rate,
        on_miss=tuple(Call(*follower) for follower in followers),
    )


def edges(caller, callee):
    """Draw an edge with any of the policies."""
    budget = st.none() | st.just(RetryBudget())
    return st.builds(
        Edge,
        st.just(caller),
        st.just(callee),
        latency=st.just(Constant(0.001)),
        timeout=st.none() | st.sampled_from([0.01, 0.1, 1.0]),
        retry=st.none() | st.builds(Retry, max_attempts=st.integers(1, 4), budget=budget),
        breaker=st.none() | st.builds(CircuitBreaker, window_time=st.none() | st.just(10.0)),
        bulkhead=st.none() | st.just(Bulkhead(1)),
        pool=st.none() | st.just(Pool(100)),
    )
