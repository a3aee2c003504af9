"""What services are built with: a language and a framework, or an off-the-shelf product.

A stack decides how garbage is collected (`topology.runtimes`), and the words of log lines, spans and signals: a JVM has
garbage collection pauses and stack traces with `at`, PostgreSQL has checkpoints, Envoy has access logs of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: Kinds of service that people write themselves.
_WRITTEN = ("gateway", "service", "external")


@dataclass(frozen=True)
class Stack:
    """What a service may be built with.

    Parameters
    ----------
    language
        The language it is written in, by OpenTelemetry's `telemetry.sdk.language`; empty for a product, whose language
        doesn't matter to those who run it.
    framework
        The framework that handles its requests; for a product, its name.
    kinds
        Kinds of service that it is for.
    """

    language: str
    framework: str
    kinds: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name in a topology file."""
        return f"{self.language}/{self.framework}" if self.language else self.framework

    @property
    def system(self) -> str:
        """OpenTelemetry's name for the product in `db.system.name`; empty if it isn't a store."""
        return "" if self.language or "gateway" in self.kinds else self.framework


def _written(language: str, *frameworks: str) -> tuple[Stack, ...]:
    return tuple(Stack(language, framework, _WRITTEN) for framework in frameworks)


def _products(kinds: tuple[str, ...], *names: str) -> tuple[Stack, ...]:
    return tuple(Stack("", name, kinds) for name in names)


#: Stacks by name.
STACKS: Mapping[str, Stack] = MappingProxyType(
    {
        stack.name: stack
        for stack in (
            *_written("java", "spring-boot", "jersey", "grpc"),
            *_written("kotlin", "ktor"),
            *_written("go", "net-http", "gin", "grpc"),
            *_written("nodejs", "express", "nextjs", "grpc"),
            *_written("python", "django", "flask", "fastapi", "grpc"),
            *_written("dotnet", "aspnet"),
            *_written("ruby", "rails", "sinatra"),
            *_written("php", "slim", "laravel"),
            *_written("rust", "actix", "tonic"),
            *_written("cpp", "grpc", "thrift"),
            *_written("elixir", "phoenix"),
            *_products(("gateway", "service"), "envoy", "nginx", "traefik"),
            *_products(("database",), "postgresql", "mysql", "mongodb", "cassandra", "elasticsearch", "aws.dynamodb"),
            *_products(("database", "service", "external"), "kafka", "rabbitmq"),
            *_products(("database", "cache"), "redis", "valkey"),
            *_products(("cache",), "memcached"),
        )
    }
)


def stack_of(stack: str, system: str) -> Stack | None:
    """Return the stack of a service; None if it isn't known.

    Parameters
    ----------
    stack
        The name of its stack; empty if it has none.
    system
        The product of a database or cache, which implies the stack if none is given; empty if it isn't known.
    """
    return STACKS.get(stack or system)
