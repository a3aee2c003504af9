"""The operations of a generated mesh's services, and their calls.

An operation calls what it was made for (each operation of an owned service is called by one of its owner's), the stores
of its service, and occasionally services further down, popular ones more often. So calls only go down, and every
operation is reached.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

from meshquake.topology.counts import Count, Fixed, Geometric, Observed
from meshquake.topology.distributions import Distribution, LogNormal, Mixture
from meshquake.topology.generating import figures
from meshquake.topology.generating.draws import Draws
from meshquake.topology.generating.layout import (
    CACHE,
    DATABASE,
    ENTRY,
    EXTERNAL,
    FUNCTION,
    KINDS,
    MIDDLE,
    STORES,
    Member,
)
from meshquake.topology.generating.words import PAGES, READS, WRITES
from meshquake.topology.spec import Branch, Call, Group, Operation, Service

#: Own work by role: lowest and highest median (seconds), and the range of the logarithm's standard deviation.
#: Estimates, like those of the shipped meshes, whose spans were compared with published ones.
_WORK: Final = {
    ENTRY: (0.4e-3, 1.2e-3, (0.7, 0.8)),
    MIDDLE: (0.5e-3, 4e-3, (0.6, 1.0)),
    FUNCTION: (0.3e-3, 5e-3, (0.5, 0.9)),
    EXTERNAL: (25e-3, 90e-3, (0.3, 0.5)),
    CACHE: (0.1e-3, 0.2e-3, (0.6, 0.8)),
    DATABASE: (1e-3, 4e-3, (0.7, 0.9)),
}
#: Share of the external operations that are occasionally slow.
_SLOW_OUTSIDE: Final = 0.4
#: Stacks by role; those listed more than once are more frequent.
_STACKS: Final = {
    ENTRY: ("nodejs/express", "nodejs/nextjs", "go/net-http", "java/spring-boot", "kotlin/ktor", "ruby/rails"),
    MIDDLE: (
        *("java/spring-boot", "java/spring-boot", "java/grpc", "go/grpc", "go/grpc", "go/gin", "nodejs/express"),
        *("python/fastapi", "python/django", "dotnet/aspnet", "kotlin/ktor", "php/laravel", "ruby/rails"),
        *("rust/tonic", "cpp/grpc", "elixir/phoenix"),
    ),
    FUNCTION: ("go/grpc", "python/grpc", "python/fastapi", "rust/tonic", "cpp/grpc", "nodejs/grpc", "java/grpc"),
    EXTERNAL: ("",),
    CACHE: ("redis", "redis", "valkey", "memcached"),
    DATABASE: ("postgresql", "postgresql", "mysql", "mysql", "mongodb", "cassandra", "elasticsearch"),
}
#: How often a service has the stack of its owner: teams stick to what they know.
_SAME_STACK: Final = 0.5
#: Share of the operations, except the first, that change something.
_CHANGES: Final = 0.4
#: Share of a service's operations that use each of its stores.
_USES: Final = 0.8
#: Popularity of stores, relative to other services, among services that don't own them: most databases serve one
#: service.
_SHARED: Final = {CACHE: 0.15, DATABASE: 0.08}
#: Shares of calls that are optional: of further calls, and of those that an operation was made for.
_OPTIONAL, _OPTIONAL_OWN = 0.3, 0.05


class Web:
    """Creates the calls of all members, from the deepest to the entries."""

    def __init__(self, members: Sequence[Member], draws: Draws) -> None:
        self._draws = draws
        self._members = {each.name: each for each in members}
        self._owned: dict[str, list[Member]] = defaultdict(list)
        for each in members:
            self._owned[each.owner].append(each)
        self._operations = {each.name: self._words(each) for each in members if each.role not in STORES}
        #: Number of call sites below each operation, itself included, by service and operation.
        self._sites: dict[tuple[str, str], int] = {}
        #: The operations requested of each store.
        self._asked: dict[str, dict[str, None]] = defaultdict(dict)
        #: All members but the entries, the deepest first, so that those that a member may call come first; and their
        #: cumulative popularity.
        self._below = sorted((each for each in members if each.level), key=lambda each: -_depth(each))
        self._depths = [-_depth(each) for each in self._below]
        self._popular = list(accumulate(self._popularity(each) for each in self._below))

    def services(self) -> tuple[Service, ...]:
        """Return all services with their operations, in the order of the members."""
        members = self._members.values()
        callers = sorted((each for each in members if each.role not in STORES), key=_depth, reverse=True)
        made = {each.name: self._caller(each) for each in callers}
        made |= {each.name: self._store(each) for each in members if each.role in STORES}
        stacks: dict[str, str] = {"": ""}
        for each in members:
            stacks[each.name] = self._stack(each, stacks[each.owner])
        return tuple(
            Service(name, kind=KINDS[each.role], stack=stacks[name], operations=made[name])
            for name, each in self._members.items()
        )

    # -- operations --------------------------------------------------------------------------------------------------

    def _words(self, member: Member) -> list[str]:
        """Return the names of a service's operations; the first one reads. Entries have pages, and more operations."""
        many = self._draws.tail(figures.OPERATIONS, figures.MOST_OPERATIONS, "operations", member.name)
        many += figures.PAGES if member.role == ENTRY else 0
        changes = [self._draws.chance(_CHANGES, "changes", member.name, place) for place in range(1, many)]
        words = PAGES if member.role == ENTRY else READS
        reads = self._draws.shuffled(words, "reads", member.name)[: 1 + changes.count(False)]
        return [*reads, *self._draws.shuffled(WRITES, "writes", member.name)[: changes.count(True)]]

    def _caller(self, member: Member) -> tuple[Operation, ...]:
        called = self._called(member)
        return tuple(
            Operation(name, self._work(member, name), self._steps(member, name, called[name]))
            for name in self._operations[member.name]
        )

    def _store(self, member: Member) -> tuple[Operation, ...]:
        return tuple(Operation(name, self._work(member, name)) for name in sorted(self._asked[member.name]))

    def _work(self, member: Member, operation: str) -> Distribution:
        """Return the distribution of own work; database writes take half as long again, since they go to disk."""
        low, high, spreads = _WORK[member.role]
        at = ("work", member.name, operation)
        median = self._draws.between(low, high, *at) * (1.5 if operation in ("insert", "update") else 1.0)
        sigma = spreads[0] + (spreads[1] - spreads[0]) * self._draws.uniform(*at, "sigma")
        body = LogNormal(_rounded(median), _rounded(sigma))
        if member.role == EXTERNAL and self._draws.chance(_SLOW_OUTSIDE, *at, "slow"):
            return Mixture((0.95, 0.05), (body, LogNormal(_rounded(5 * median), 0.25)))
        return body

    def _stack(self, member: Member, of_owner: str) -> str:
        own = _STACKS[member.role]
        same = of_owner in own and self._draws.chance(_SAME_STACK, "same stack", member.name)
        return of_owner if same else self._draws.one(own, "stack", member.name)

    # -- calls -------------------------------------------------------------------------------------------------------

    def _called(self, member: Member) -> dict[str, list[Call]]:
        """Return the calls of each operation of a service, in no particular order yet."""
        found: dict[str, list[Call]] = {name: [] for name in self._operations[member.name]}
        for other in self._owned[member.name]:
            if other.role not in STORES:
                for asked in self._operations[other.name]:
                    caller = self._draws.one(list(found), "made for", other.name, asked)
                    found[caller].append(self._call(member, caller, other, asked, _OPTIONAL_OWN))
        for name, calls in found.items():
            calls += self._kept(member, name)
            if member.role in (ENTRY, MIDDLE):
                self._further(member, name, calls)
            self._sites[member.name, name] = 1 + sum(map(self._size, calls))
        return found

    def _kept(self, member: Member, operation: str) -> list[Call]:
        """Return the calls of an operation to its service's stores: to a cache before a database, or to either."""
        stores = [each for each in self._owned[member.name] if each.role in STORES]
        names = self._operations[member.name]
        # Each store is used by at least one operation.
        stores = [
            each
            for each in stores
            if operation == self._draws.one(names, "keeps", each.name)
            or self._draws.chance(_USES, "uses", each.name, operation)
        ]
        caches = [each for each in stores if each.role == CACHE]
        databases = [each for each in stores if each.role == DATABASE]
        if operation in WRITES:
            statement = self._draws.one(("insert", "update"), "statement", member.name, operation)
            writes = [self._ask(each, statement) for each in databases]
            return [*writes, *(self._ask(each, "set", optional=True) for each in caches)]
        lookups = []
        most = _most_sites(member) // 4
        for cache in caches:
            database = databases.pop(0) if databases else None
            behind = () if database is None else (self._ask(database, "select"), self._ask(cache, "set", optional=True))
            rate = _rounded(1 - self._draws.between(0.02, 0.4, "misses", cache.name, operation))
            lookup = replace(self._ask(cache, "get"), hit_rate=rate, on_miss=behind)
            lookups.append(self._repeated(lookup, most, "lookup", cache.name, operation))
        selects = [
            self._repeated(self._ask(each, "select"), most, "select", each.name, operation) for each in databases
        ]
        return [*lookups, *selects]

    def _further(self, member: Member, operation: str, calls: list[Call]) -> None:
        """Add calls to services and stores further down; at least one if the operation would call nobody."""
        at = ("further", member.name, operation)
        wanted = self._draws.tail(figures.FURTHER[member.level], 1 + figures.MOST_FURTHER, *at) - 1
        sites, most = 1 + sum(map(self._size, calls)), _most_sites(member)
        met = {call.service for call in calls} | {each.name for each in self._owned[member.name]}
        popular = self._popular[: bisect_left(self._depths, -member.level)]
        for number in range(max(wanted, not calls)):
            other = self._below[self._draws.weighted(popular, *at, number)]
            call = self._other(member, operation, other, number)
            if not calls or (other.name not in met and sites + self._size(call) <= most):
                met.add(other.name)
                calls.append(call)
                sites += self._size(call)

    def _other(self, member: Member, operation: str, other: Member, number: int) -> Call:
        """Return a call to a service or a store that belongs to another service."""
        at = ("other", member.name, operation, number)
        if other.role == CACHE:
            return replace(self._ask(other, "get"), hit_rate=0.9)
        if other.role == DATABASE:
            return self._ask(other, "select")
        call = self._call(member, operation, other, self._draws.one(self._operations[other.name], *at), _OPTIONAL)
        if not self._draws.chance(figures.CONDITIONAL, *at, "conditional"):
            return call
        return replace(call, probability=round(0.05 * self._draws.one(range(2, 15), *at, "probability"), 2))

    def _call(self, member: Member, operation: str, other: Member, asked: str, optional: float) -> Call:
        at = ("call", member.name, operation, other.name, asked)
        call = Call(other.name, asked, optional=self._draws.chance(optional, *at, "optional"))
        return self._repeated(call, _most_sites(member) // 4, *at)

    def _ask(self, store: Member, asked: str, optional: bool = False) -> Call:
        """Return a call to a store, and give the store that operation."""
        self._asked[store.name][asked] = None
        return Call(store.name, asked, optional=optional)

    def _repeated(self, call: Call, most: int, *at: object) -> Call:
        """Return the call, sometimes repeated, if that makes at most `most` call sites."""
        times: Count = self._draws.one((Fixed(2), Fixed(3), Observed((1, 2, 2, 4)), Geometric(0.4, 6)), *at, "times")
        several = replace(call, times=times, at_once=self._draws.chance(0.5, *at, "at once"))
        fits = self._size(several) <= most
        return several if fits and self._draws.chance(figures.REPEATED, *at, "repeated") else call

    def _size(self, call: Call) -> int:
        """Return the number of call sites of a call, including everything that follows from it."""
        links = [link for link in (call, *call.on_miss) if isinstance(link, Call)]
        return call.times.most * sum(self._sites.get((each.service, each.operation), 1) for each in links)

    def _steps(self, member: Member, operation: str, calls: Sequence[Call]) -> tuple[Group, ...]:
        """Return the calls as steps: one after another, or some of them at once.

        Stores are read first, and written last.
        """
        at = ("steps", member.name, operation)
        shuffled = self._draws.shuffled(calls, *at)
        stores = [call for call in shuffled if self._members[call.service].role in STORES]
        others = [call for call in shuffled if self._members[call.service].role not in STORES]
        alone: list[Group] = [(call,) for call in others]
        if len(others) > 1 and self._draws.chance(figures.PARALLEL, *at, "at once"):
            first = int(self._draws.uniform(*at, "first") * (len(others) - 1))
            together: tuple[Branch, ...] = tuple(others[first:])
            alone = [*alone[:first], together]
        kept: list[Group] = [(call,) for call in stores]
        return tuple([*alone, *kept] if operation in WRITES else [*kept, *alone])

    # -- members -----------------------------------------------------------------------------------------------------

    def _popularity(self, member: Member) -> float:
        weight = self._draws.tail(figures.SHARING, len(self._members), "popular", member.name)
        return _SHARED.get(member.role, 1.0) * weight


def _depth(member: Member) -> int:
    """Return how deep a service lies for calls: those that call nobody lie deepest, so all others may call them."""
    return member.level if member.role in (ENTRY, MIDDLE) else len(figures.LEVELS) + 1


def _most_sites(member: Member) -> int:
    """Return the most call sites below an operation of a service, as far as it is free to choose its callees."""
    return figures.SITES[min(member.level, len(figures.SITES) - 1)]


def _rounded(value: float) -> float:
    """Round a number to two digits, as people write it."""
    return float(f"{value:.2g}")
