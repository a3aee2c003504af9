"""What requests are about: who asks, from where and for what, and what services handle for them, as columns.

The mesh itself knows no user names and no products, but log lines and spans name them, and agree on them. Each value is
a pure function of the run's seed, the request's entry and number and, for values that belong to one call, the call's
site and attempt. So a request is about the same user and product at every service it passes, in every run of a seed and
whatever goes wrong in it, and nothing is drawn while the mesh runs.

Users and products recur, some of them often: their ranks follow a power law (Breslau et al., "Web caching and Zipf-like
distributions", 1999, has exponents of .64 to .83 for what people ask for). A user who takes turns in the simulation is
one person throughout, and so are all requests of a replayed file with one `user.id`. Addresses are from the ranges for
documentation (RFC 5737, RFC 3849).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from meshquake.sim.engine.call_site import ATTEMPT_BITS
from meshquake.sim.engine.tape import SCATTERED
from meshquake.sim.telemetry.hosts import messages
from meshquake.sim.telemetry.ids import Words, hexadecimal, mix, request_words, span_words
from meshquake.sim.telemetry.requests.drawing import draws, purpose, spread, unit
from meshquake.sim.telemetry.requests.operation_words import Deed, OperationWords
from meshquake.sim.telemetry.spans.spans import Spans
from meshquake.sim.telemetry.tables import Floats, Ints, Tables
from meshquake.sim.telemetry.texts import joined, lookup, names, padded, stacked
from meshquake.topology.addresses import address
from meshquake.topology.numbering import users_of
from meshquake.topology.stacks import stack_of

if TYPE_CHECKING:
    from meshquake.topology.spec import Service, Topology

#: Number of people behind open arrivals, whose requests don't depend on earlier answers, and of products.
PEOPLE, PRODUCTS = 20_000, 2_000
#: Most items that a listing finds beside those that it returns.
_MOST_MATCHES = 800
#: Exponents of their power laws.
_PEOPLE_SKEW, _PRODUCTS_SKEW = 0.6, 0.65
#: Sizes of the ranges of user ids and product ids, and the prime that spreads ranks over them without collisions: it
#: divides neither.
_USER_IDS, _PRODUCT_IDS, _SPREAD = 900_000, 90_000, 7919

#: The product assumed for stores that don't name theirs, by kind.
_SYSTEMS = {"cache": "redis", "database": "postgresql"}

#: The place for a value in a statement.
_MARK = re.compile(r"\$1|\?")
#: The place for an id in a route (`OperationWords.route`).
_PLACE = re.compile(r"\{[^}]*\}")
_TIERS = names(["standard"] * 12 + ["plus"] * 5 + ["premium"] * 3)
_NETWORKS = names(["198.51.100.", "203.0.113."])
_CURRENCIES = names(["USD"] * 6 + ["EUR"] * 3 + ["GBP"])
_AGENTS = names(
    [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0"
        " Safari/537.36",
        "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile"
        " Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"
        " Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"
        " Safari/605.1.15",
        "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
        "MobileApp/7.12.1 (Android 14)",
        "MobileApp/7.12.0 (iOS 18.1)",
        "partner-sync/2.3",
    ]
)


@dataclass(frozen=True)
class Particular:
    """A value that requests, calls or processes have: its description, and its column for some spans."""

    doc: str
    column: Callable[[About], pl.Series]


class Particulars:
    """The particulars of what happens in a mesh.

    Parameters
    ----------
    tables
        Tables of the mesh; their owner keeps them refreshed.
    topology, seed
        Topology and seed of the mesh.
    """

    def __init__(self, tables: Tables, topology: Topology, seed: int) -> None:
        self.tables = tables
        #: The key that user ids, product ids, prices and devices are made with.
        self.people = np.uint64(address(seed, "particulars") % 2**64)
        #: The `user.id` of replayed requests that have one, by number of the request.
        self.users: dict[int, str] = {}
        told = {
            f"{service.name}.{operation.name}": (service, OperationWords(service.name, operation.name, operation.route))
            for service in topology.services
            for operation in service.operations
        }
        of_operations = [told[name] for name in tables.service_operations.to_list()]
        self.words = [said for _, said in of_operations]
        #: By operation: the HTTP method, the route, the texts around each place for its id, the number of these places,
        #: and which id that is (or -1).
        self.methods = names(said.method for said in self.words)
        self.routes = names(said.route for said in self.words)
        texts = [_PLACE.split(said.route) for said in self.words]
        self.route_texts = [names(each) for each in zip_longest(*texts, fillvalue="")]
        self.route_places = np.array([len(each) - 1 for each in texts], dtype=np.int64)
        self.route_keys = np.array(
            [-1 if "{" not in said.route else ROUTE_KEYS.index(said.key) for said in self.words], dtype=np.int64
        )
        # Of each site, the operation that it serves: that of the caller, or at an entry its own.
        parent = np.maximum(tables.site_parent, 0)
        asked_by = tables.site_operation[np.where(tables.site_parent >= 0, parent, np.arange(len(parent)))]
        askers = [self.words[position] for position in asked_by]
        served = [of_operations[position] for position in tables.site_operation]
        does = [_does(service, said, asker) for (service, said), asker in zip(served, askers, strict=True)]
        statements = [_statement(service, said, what) for (service, said), what in zip(served, does, strict=True)]
        self.statements: pl.Series = names(statements)
        self.site_key: Ints = np.array([ROUTE_KEYS.index(asker.key) for asker in askers], dtype=np.int64)
        #: The parameter of the statement: which id it is, or -1 for none.
        self.site_parameter: Ints = np.array(
            [
                ROUTE_KEYS.index(what.sought or what.key) if _MARK.search(statement) else -1
                for what, statement in zip(does, statements, strict=True)
            ],
            dtype=np.int64,
        )
        self.key_prefixes: pl.Series = names(f"{asker.noun}:" for asker in askers)
        self.lists = np.array([what.deed is Deed.LIST for what in does], dtype=np.bool_)

    def others(self, words: Words) -> Words:
        """Return ranks, beyond those of open arrivals, for users who take turns or are named, given a word of each."""
        ranks: Words = np.uint64(PEOPLE) + mix(words ^ self.people) % np.uint64(_USER_IDS - PEOPLE)
        return ranks

    def about(self, spans: Spans) -> About:
        """Return what some spans are about."""
        return About(self, spans)


def _does(service: Service, said: OperationWords, asker: OperationWords) -> OperationWords:
    """Return what an operation does for the one that calls it: a store's applies to what its caller is about."""
    if service.kind not in _SYSTEMS:
        return said
    both_look = {said.deed, asker.deed} <= {Deed.READ, Deed.LIST}
    return OperationWords(asker.service, asker.operation if both_look else said.operation)


def _statement(store: Service, said: OperationWords, does: OperationWords) -> str:
    """Return what a store's operation runs."""
    operation = next(each for each in store.operations if each.name == said.operation)
    if operation.statement or operation.command:
        return operation.statement or operation.command
    stack = stack_of(store.stack, store.system)
    system = stack.system if stack is not None and stack.system else _SYSTEMS.get(store.kind, "postgresql")
    return does.statement(system)


def _kept(make: Callable[[About], Any]) -> cached_property[Any]:
    """Cache a column that others need; for a selection of spans, take it from the column of all."""

    def of(about: About) -> Any:
        if about.among is None:
            return make(about)
        everyone, some = about.among
        return getattr(everyone, make.__name__)[some]

    of.__doc__ = make.__doc__
    return cached_property(of)


class About:
    """What some spans are about. `among` gives the larger set that they are from, if any, and their positions in it."""

    def __init__(self, particulars: Particulars, spans: Spans, among: tuple[About, Ints] | None = None) -> None:
        self.own = particulars
        self.tables = particulars.tables
        self.spans = spans
        self.among = among

    def where(self, some: Ints) -> About:
        """Return what the spans at some positions are about."""
        return About(self.own, self.spans.view(some), (self, some))

    def __getitem__(self, name: str) -> pl.Series:
        """Return the column of a particular, by its name."""
        return PARTICULARS[name].column(self)

    @_kept
    def request(self) -> Words:
        """A word of each span's request."""
        return request_words(self.tables.entry_low[self.tables.site_entry[self.spans.site]], self.spans.number)

    @_kept
    def work(self) -> Words:
        """A word of the server half that each span belongs to: its own, or that of the caller that made the call."""
        site, path, server = self.spans.site, self.spans.attempt_path, self.spans.server
        held = np.where(server, site, self.tables.site_parent[site])
        paths = np.where(server, path, path >> ATTEMPT_BITS)
        return span_words(self.request, self.tables.site_address[held], paths, np.ones_like(server))

    @cached_property
    def call(self) -> Words:
        """A word of the call that each span is a half of."""
        site, path = self.spans.site, self.spans.attempt_path
        return span_words(self.request, self.tables.site_address[site], path, np.zeros_like(self.spans.server))

    @_kept
    def person(self) -> Words:
        """The rank of the user; users who take turns have ranks beyond those of open arrivals."""
        ranks = _ranks(draws(self.request, "person"), PEOPLE, _PEOPLE_SKEW)
        number = self.spans.number
        if self.own.users:
            named = self.user_names
            known = np.array([name is not None for name in named], dtype=np.bool_)
            words = [0 if name is None else address(0, "user", name) % 2**64 for name in named]
            return np.where(known, self.own.others(np.array(words, dtype=np.uint64)), ranks)
        turns = number >= SCATTERED
        if not turns.any():
            return ranks
        return np.where(turns, self.own.others(users_of(number)), ranks)

    @property
    def user_names(self) -> list[str | None]:
        """The user's name in the replayed file; None where it has none."""
        return [self.own.users.get(number) for number in self.spans.number.tolist()]

    @_kept
    def of_person(self) -> Words:
        """A word of the user."""
        return mix(self.person ^ self.own.people)

    @_kept
    def device(self) -> Words:
        """A word of the user's device: mostly one, sometimes another."""
        return mix(self.of_person + (draws(self.request, "device") < 0.2).astype(np.uint64))

    @cached_property
    def product(self) -> Words:
        """The rank of the product."""
        return _ranks(draws(self.request, "product"), PRODUCTS, _PRODUCTS_SKEW)

    @cached_property
    def quantity(self) -> Ints:
        """How many of the product."""
        drawn: Ints = 1 + np.floor(3.2 * draws(self.request, "quantity") ** 4).astype(np.int64)
        return drawn

    @cached_property
    def cents(self) -> Ints:
        """The total price in cents: the product's price times the quantity."""
        word = mix(self.product ^ self.own.people ^ np.uint64(1))
        price = np.floor(np.exp(5.3 + 4.2 * unit(word))).astype(np.int64)
        return price * self.quantity

    def keyed(self, which: Ints) -> pl.Series:
        """Return that id of each span's request whose position in `ROUTE_KEYS` is given; empty if it is negative."""
        back, parts, made = np.zeros(len(which), dtype=np.uint32), [names([""])], 1
        for position, name in enumerate(ROUTE_KEYS):
            some = np.flatnonzero(which == position)
            if len(some):
                back[some] = np.arange(made, made + len(some), dtype=np.uint32)
                parts.append(self.where(some)[name])
                made += len(some)
        return stacked(parts)[pl.Series(back)]

    @property
    def operation(self) -> Ints:
        """The operation that each span's call is to."""
        return self.tables.site_operation[self.spans.site]


def _ranks(uniforms: Floats, count: int, skew: float) -> Words:
    """Turn uniforms into ranks from 0 on; the k-th is drawn with a probability proportional to about `k ** -skew`."""
    return np.floor(count * uniforms ** (1 / (1 - skew))).astype(np.uint64)


def _number(values: Ints | Words) -> pl.Series:
    return pl.Series(values.astype(np.int64)).cast(pl.String)


def _user(about: About) -> pl.Series:
    spread = about.person * np.uint64(_SPREAD) + about.own.people % np.uint64(_USER_IDS)
    number = _number(np.uint64(100_000) + spread % np.uint64(_USER_IDS))
    if not about.own.users:
        return number
    named = names(about.user_names)
    return named.zip_with(named.is_not_null(), number)


def _product(about: About) -> pl.Series:
    spread = about.product * np.uint64(_SPREAD) + about.own.people % np.uint64(_PRODUCT_IDS)
    return joined("SKU-", _number(np.uint64(10_000) + spread % np.uint64(_PRODUCT_IDS)))


def _client(about: About) -> pl.Series:
    """Return client addresses: seven in ten IPv4, the others IPv6 with a network each."""
    word = about.device
    v4 = draws(word, "network") < 0.7
    old, new = word[v4], word[~v4]
    net = lookup(_NETWORKS, (old >> np.uint64(8)) % np.uint64(2))
    parts = [joined(net, _number(np.uint64(1) + (old >> np.uint64(16)) % np.uint64(254)))]
    if len(new):
        groups = [_number(np.uint64(1) + (new >> np.uint64(bits)) % np.uint64(9999)) for bits in (16, 40)]
        parts.append(joined("2001:db8:", groups[0], ":", groups[1], "::1"))
    order = np.empty(len(word), dtype=np.uint32)
    order[np.argsort(~v4, kind="stable")] = np.arange(len(word), dtype=np.uint32)
    return stacked(parts)[pl.Series(order)]


def _money(about: About) -> pl.Series:
    whole, cents = np.divmod(about.cents, 100)
    return joined(_number(whole), ".", padded(cents, 2))


def _rows(about: About) -> pl.Series:
    many = np.floor(1 + 49 * draws(about.request, "rows") ** 2).astype(np.int64)
    return pl.Series(np.where(about.own.lists[about.spans.site], many, 1))


def _matches(about: About) -> pl.Series:
    """Return how many items a listing finds in all: those that it returns, and those on other pages."""
    others = np.floor(spread(draws(about.request, "matches"), 1, _MOST_MATCHES)).astype(np.int64) - 1
    return _rows(about) + pl.Series(others)


def _bytes(about: About) -> pl.Series:
    """Return the size of each answer on the network."""
    site, tables = about.spans.site, about.tables
    calls = messages.words(tables.entry_low[tables.site_entry[site]], tables.site_address[site], about.spans.number)
    _, answer = messages.sizes(calls, tables.medians.request[site], tables.medians.answer[site])
    return pl.Series(answer.astype(np.int64))


def _worker(about: About) -> pl.Series:
    spans, tables = about.spans, about.tables
    service = tables.site_service[np.where(spans.server, spans.site, tables.site_parent[spans.site])]
    workers = np.minimum(tables.workers[service], 200)
    return pl.Series(1 + np.floor(draws(about.work, "worker") * workers).astype(np.int64))


def _path(about: About) -> pl.Series:
    own, operation = about.own, about.operation
    path = lookup(own.route_texts[0], operation)
    for place, text in enumerate(own.route_texts[1:]):
        key = about.keyed(np.where(place < own.route_places[operation], own.route_keys[operation], -1))
        path = joined(path, key, lookup(text, operation))
    return path


#: The ids that routes, keys and statements name.
ROUTE_KEYS = ("user_id", "order_id", "cart_id", "product_id")

#: The particulars by name. Each is the same for all spans of a trace, unless it says otherwise.
PARTICULARS: dict[str, Particular] = {
    "user_id": Particular("number of the user", _user),
    "user_tier": Particular(
        "`standard`, `plus` or `premium`", lambda about: lookup(_TIERS, about.of_person % np.uint64(len(_TIERS)))
    ),
    "session_id": Particular(
        "id of the session: the user on one device", lambda about: hexadecimal(mix(about.device ^ purpose("session")))
    ),
    "client_address": Particular("address of the device", _client),
    "user_agent": Particular(
        "browser or app of the device",
        lambda about: lookup(_AGENTS, (about.device >> np.uint64(32)) % np.uint64(len(_AGENTS))),
    ),
    "order_id": Particular(
        "number of the order", lambda about: _number(10_000_000 + mix(about.request ^ purpose("order")) % 90_000_000)
    ),
    "cart_id": Particular(
        "id of the user's cart", lambda about: hexadecimal(mix(about.of_person ^ purpose("cart")), digits=8)
    ),
    "product_id": Particular("number of the product", _product),
    "quantity": Particular("number of units of the product", lambda about: pl.Series(about.quantity)),
    "amount": Particular("total price of these units", _money),
    "currency": Particular(
        "currency that the user pays in",
        lambda about: lookup(_CURRENCIES, (about.of_person >> np.uint64(24)) % np.uint64(len(_CURRENCIES))),
    ),
    "method": Particular(
        "HTTP method of the operation called", lambda about: lookup(about.own.methods, about.operation)
    ),
    "route": Particular("HTTP route of the operation called", lambda about: lookup(about.own.routes, about.operation)),
    "path": Particular("the route with its numbers filled in", _path),
    "statement": Particular(
        "what a database or cache runs for the calling operation, without values",
        lambda about: lookup(about.own.statements, about.spans.site),
    ),
    "key": Particular(
        "key that a cache is asked for by the calling operation",
        lambda about: joined(
            lookup(about.own.key_prefixes, about.spans.site), about.keyed(about.own.site_key[about.spans.site])
        ),
    ),
    "rows": Particular("number of rows that a statement concerns; the same for all listings of a request", _rows),
    "matches": Particular(
        "number of items that a listing finds, of which it returns some; the same for all listings of a request",
        _matches,
    ),
    "bytes": Particular("size of an answer; different for each call", _bytes),
    "worker": Particular("number of the worker that handles the request", _worker),
    "pod": Particular("pod of the span's process", lambda about: lookup(about.tables.pods, about.spans.incarnation)),
    "pod_address": Particular(
        "address of that pod", lambda about: lookup(about.tables.pod_addresses, about.spans.incarnation)
    ),
    "node": Particular("node that it runs on", lambda about: lookup(about.tables.nodes, about.spans.incarnation)),
}
