"""What an operation's name says: what is done, to what, and how code, routes and statements would name it.

`get_user`, `ListProducts` and `cart-empty` are words with a verb among them. Names without such a verb, like
`checkout`, are taken as an action of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshquake.topology.spec import Operation, Service

#: A parameter of a route, as in `{id}`, `:id` or `<id>`.
_PARAMETER = re.compile(r"\{[^/}]*\}|:\w+|<[^/>]*>")
_PLACE = re.compile(r"\$\d")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
#: Words in a service's name that say what it is, not what it is about.
_GENERIC = {"service", "svc", "server", "api", "app", "frontend", "gateway", "web", "ts", "ms", "backend", "proxy"}


class Deed(Enum):
    """The kind of action."""

    READ = "read"
    LIST = "list"
    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    ACT = "act"


_VERBS: dict[Deed, str] = {
    Deed.LIST: "list search history all browse index catalogue catalog query recommend",
    Deed.READ: "get read fetch find show view page load lookup select details info",
    Deed.CREATE: "create place add post register insert new upload compose book store save",
    Deed.CHANGE: "update set edit put change modify patch",
    Deed.DELETE: "delete del remove empty clear drop",
}
_DEEDS = {verb: deed for deed, verbs in _VERBS.items() for verb in verbs.split()}

#: Commands that change data, in SQL and in the languages of other products.
_CHANGES = {"insert", "update", "delete", "replace", "merge", "upsert", "set", "put", "index", "bulk", "produce"}

#: Topics of operations and the words that tell them, in the order in which they are tried.
_TOPICS = {
    "pay": "charge pay payment refund invoice billing authorise authorize capture",
    "login": "verify login auth authenticate token authorization signin session logout register",
    "notify": "send notify notification email mail publish sms alert",
    "cart": "cart basket",
    "stock": "stock inventory reserve warehouse ship shipping shipment consign",
    "order": "checkout order place book booking reservation ticket preserve",
    "change": "create add post insert new upload compose store save update set edit put change delete remove empty",
}
TOPICS = ("browse", "read", *_TOPICS, "work")
#: Key-value stores.
KEYED = ("redis", "valkey", "memcached")
#: Collections that are not named after their service.
_PLURALS = {"auth": "credentials", "inventory": "stock_levels", "catalog": "products", "catalogue": "products"}
#: The id that identifies what a word is about.
_KEYS = {
    "user": "user_id",
    "customer": "user_id",
    "account": "user_id",
    "auth": "user_id",
    "profile": "user_id",
    "credential": "user_id",
    "order": "order_id",
    "payment": "order_id",
    "shipping": "order_id",
    "shipment": "order_id",
    "checkout": "order_id",
    "invoice": "order_id",
    "notification": "order_id",
    "email": "order_id",
    "ticket": "order_id",
    "reservation": "order_id",
    "cart": "cart_id",
    "basket": "cart_id",
}


@lru_cache(maxsize=2**14)
def words(name: str) -> tuple[str, ...]:
    """Split a name into words, in lower case."""
    return tuple([word.lower() for word in _WORD.findall(name)])


def pascal(name: str) -> str:
    """Return a name in the style of classes: `OrderService`."""
    return "".join(word.capitalize() for word in words(name))


def camel(name: str) -> str:
    """Return a name in the style of methods in Java and JavaScript: `orderHistory`."""
    return pascal(name)[:1].lower() + pascal(name)[1:]


def snake(name: str) -> str:
    """Return a name in the style of tables, and of functions in Python and Rust: `order_history`."""
    return "_".join(words(name))


@lru_cache(maxsize=2**14)
def subject(service: str) -> str:
    """Return what a service is about, in one word: `order` for `order-service`."""
    found = words(service)
    return singular(next((word for word in found if word not in _GENERIC), found[0] if found else "item"))


def singular(word: str) -> str:
    """Return the singular of a noun."""
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word.removesuffix("s") if not word.endswith(("ss", "us")) else word


def plural(word: str) -> str:
    """Return the plural of a noun, as a table or a collection is named: `orders`."""
    if word in _PLURALS:
        return _PLURALS[word]
    if word.endswith("s"):
        return word
    return f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else f"{word}s"


def changes(service: Service, operation: Operation) -> bool:
    """Whether an operation of a store changes data, by its statement or command, or else by its name."""
    said = words((operation.statement or operation.command).partition("(")[0].partition(" ")[0])
    if said:
        return not _CHANGES.isdisjoint(said)
    deed = OperationWords(service.name, operation.name).deed
    return deed in (Deed.CREATE, Deed.CHANGE, Deed.DELETE)


@dataclass(frozen=True)
class OperationWords:
    """What an operation's name and that of its service say."""

    service: str
    operation: str
    #: The operation's `route` in the topology, such as `GET /cart/{id}`; empty if it has none.
    stated: str = ""

    @cached_property
    def deed(self) -> Deed:
        """The kind of action."""
        return next((_DEEDS[word] for word in words(self.operation) if word in _DEEDS), Deed.ACT)

    @cached_property
    def noun(self) -> str:
        """What the action applies to, in one word."""
        named = [word for word in words(self.operation) if word not in _DEEDS]
        if self.deed is not Deed.ACT and named:
            return singular(named[0])
        return subject(self.service)

    @property
    def topic(self) -> str:
        """Its topic, one of `TOPICS`."""
        if self.deed in (Deed.LIST, Deed.READ):
            return "browse" if self.deed is Deed.LIST else "read"
        said, about = set(words(self.operation)), subject(self.service)
        named = next((topic for topic, each in _TOPICS.items() if said & set(each.split())), "work")
        # If the operation's own words don't tell, go by what the service is about.
        if named in ("work", "change"):
            return next((topic for topic, each in _TOPICS.items() if about in each.split()), named)
        return named

    @property
    def key(self) -> str:
        """The id of the request that identifies what it applies to, such as `order_id`."""
        return _KEYS.get(self.noun, _KEYS.get(subject(self.service), "product_id"))

    @property
    def sought(self) -> str:
        """The id of the request by which a store finds what it applies to; empty if it lists all there is.

        Whoever lists orders, or what else has an order's id, lists those of a user.
        """
        if self.deed is not Deed.LIST or self.noun != self.key.removesuffix("_id"):
            return self.key
        return "user_id" if self.key == "order_id" else ""

    @property
    def method(self) -> str:
        """The HTTP method."""
        method, space, _ = self.stated.partition(" ")
        if space:
            return method
        if self.deed is Deed.ACT:
            return "GET" if words(self.operation)[-1:] in (("preferences",), ("home",)) else "POST"
        return {Deed.CREATE: "POST", Deed.CHANGE: "PUT", Deed.DELETE: "DELETE"}.get(self.deed, "GET")

    @property
    def route(self) -> str:
        """The HTTP route, with the name of an id of the request in braces: `/orders/{order_id}`."""
        if self.stated:
            return _PARAMETER.sub(f"{{{self.key}}}", self.stated.rpartition(" ")[2])
        own = "-".join(words(self.operation))
        if self.noun in _GENERIC:
            return f"/{own}"
        collection = self.noun if self.noun in _PLURALS else plural(self.noun)
        if self.deed in (Deed.LIST, Deed.CREATE):
            return f"/{collection}"
        return f"/{collection}/{{{self.key}}}" + (f"/{own}" if self.deed is Deed.ACT else "")

    def statement(self, system: str) -> str:
        """Return the statement or command, without values, that a store of that product runs for the operation."""
        table, key = plural(self.noun), "id" if self.noun == self.sought.removesuffix("_id") else self.sought
        if system in KEYED:
            command = {Deed.CREATE: "SET", Deed.CHANGE: "SET", Deed.DELETE: "DEL"}.get(self.deed, "GET")
            return f"{command} {self.noun}:?"
        if system == "mongodb":
            command = {Deed.CREATE: "insertOne", Deed.CHANGE: "updateOne", Deed.DELETE: "deleteOne"}.get(
                self.deed, "find"
            )
            return f'db.{table}.{command}({{"{key}": ?}})' if key else f"db.{table}.{command}({{}})"
        said = {
            Deed.LIST: f"SELECT id, status, updated_at FROM {table}{f' WHERE {key} = $1' if key else ''} "
            "ORDER BY updated_at DESC LIMIT 50",
            Deed.CREATE: f"INSERT INTO {table} (id, {self.key}, status, created_at) VALUES ($1, $2, $3, $4)",
            Deed.CHANGE: f"UPDATE {table} SET status = $1, updated_at = $2 WHERE {key} = $3",
            Deed.DELETE: f"DELETE FROM {table} WHERE {key} = $1",
        }.get(self.deed, f"SELECT * FROM {table} WHERE {key} = $1")
        return said if system == "postgresql" else _PLACE.sub("?", said)
