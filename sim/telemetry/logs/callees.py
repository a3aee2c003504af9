"""What a service calls, as far as it decides the words of its lines: what clients of that say.

A database that speaks SQL has other clients than one that does not, and neither speaks HTTP.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from meshquake.topology.spec import SERVICE_KINDS, Service
from meshquake.topology.stacks import stack_of

#: What holds data, by its clients: `database` speaks SQL.
STORES: Final = ("database", "nosql", "cache", "queue")
#: What a service may call.
CALLEES: Final = (*(kind for kind in SERVICE_KINDS if kind not in STORES), *STORES)
#: Keys of wordings that stand for several of them: every one of `STORES`, and all.
STORE, ANY = "store", "any"

#: Products whose clients are not those of their kind of service.
_PRODUCTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("mongodb", "cassandra", "elasticsearch", "aws.dynamodb"), "nosql"),
        **dict.fromkeys(("redis", "valkey", "memcached"), "cache"),
        **dict.fromkeys(("kafka", "rabbitmq"), "queue"),
    }
)


def callee(service: Service) -> str:
    """Return what a service is to those who call it, one of `CALLEES`."""
    stack = stack_of(service.stack, service.system)
    return _PRODUCTS.get("" if stack is None else stack.framework, service.kind)


def among(wanted: str, called: Collection[str]) -> bool:
    """Whether what a service calls has what a text is about: a callee or, for `STORE`, any store; empty for nothing."""
    return wanted == "" or wanted in called or (wanted == STORE and any(each in STORES for each in called))


def spread(said: Any) -> dict[str, Any]:
    """Give each callee, and `any`, the wordings for it: its own, those for stores, or those for any.

    Wordings that do not depend on the callee are for any.
    """
    if not isinstance(said, Mapping) or "text" in said:
        said = {ANY: said}
    stores = {key: said[STORE] for key in STORES if STORE in said}
    own = {key: value for key, value in said.items() if key != STORE}
    return {key: said[ANY] for key in CALLEES if ANY in said} | stores | own
