"""What a service calls, as far as it decides the words of its lines: what clients of that say.

A database that speaks SQL has other clients than one that does not, and neither speaks HTTP; nor does a service that is
called by gRPC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from meshquake.topology.spec import SERVICE_KINDS, Service
from meshquake.topology.stacks import stack_of

#: What holds data, by its clients: `database` speaks SQL.
STORES: Final = ("database", "nosql", "cache", "queue")
#: A service that is called by gRPC, and one that is called by HTTP.
GRPC, SERVICE = "grpc", "service"
#: What a service may call.
CALLEES: Final = (*(kind for kind in SERVICE_KINDS if kind not in STORES), GRPC, *STORES)
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
#: Frameworks whose services are called by gRPC.
_GRPC: Final = frozenset({"grpc", "tonic"})


def callee(service: Service) -> str:
    """Return what a service is to those who call it, one of `CALLEES`."""
    stack = stack_of(service.stack, service.system)
    framework = "" if stack is None else stack.framework
    if service.kind == SERVICE and _by_grpc(service, framework):
        return GRPC
    return _PRODUCTS.get(framework, service.kind)


def _by_grpc(service: Service, framework: str) -> bool:
    """Whether a service is called by gRPC, as its operations say themselves, or else by its framework."""
    own = service.operations
    return any(each.rpc for each in own) or (framework in _GRPC and not any(each.route for each in own))


def among(wanted: str, called: Collection[str]) -> bool:
    """Whether what a service calls has what a text is about; empty for nothing.

    That is a callee, or for `STORE` any store; a service may be one that is called by gRPC.
    """
    also = STORES if wanted == STORE else (GRPC,) if wanted == SERVICE else ()
    return wanted == "" or wanted in called or any(each in also for each in called)


def spread(said: Any) -> dict[str, Any]:
    """Give each callee, and `any`, the wordings for it: its own, those for stores or services, or those for any.

    Wordings that do not depend on the callee are for any.
    """
    if not isinstance(said, Mapping) or "text" in said:
        said = {ANY: said}
    groups = {key: said[STORE] for key in STORES if STORE in said}
    if SERVICE in said:
        groups[GRPC] = said[SERVICE]
    own = {key: value for key, value in said.items() if key != STORE}
    return {key: said[ANY] for key in CALLEES if ANY in said} | groups | own
