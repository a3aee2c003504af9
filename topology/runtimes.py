"""What language runtimes do besides the work of requests: collect garbage, keep threads, or run a single loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from meshquake.topology.stacks import stack_of


@dataclass(frozen=True)
class Runtime:
    """The runtime of a language.

    Attributes
    ----------
    pause
        Seconds for which a garbage collection stops a process: young collections of G1 and of .NET take some ten
        milliseconds, V8's mark-compact about as long; Go stops the world for parts of one. None without a collector.
    threads
        Threads of an idle process.
    """

    pause: float | None
    threads: int


_RUNTIMES: Mapping[str, Runtime] = MappingProxyType(
    {
        "java": Runtime(0.018, 22),
        "kotlin": Runtime(0.018, 22),
        "dotnet": Runtime(0.012, 18),
        "nodejs": Runtime(0.008, 11),
        "python": Runtime(0.006, 3),
        "ruby": Runtime(0.014, 6),
        "php": Runtime(0.003, 1),
        "go": Runtime(0.0004, 9),
        "elixir": Runtime(0.0002, 14),
        "rust": Runtime(None, 5),
        "cpp": Runtime(None, 8),
        # Products that run on a JVM.
        "cassandra": Runtime(0.018, 40),
        "elasticsearch": Runtime(0.018, 40),
        "kafka": Runtime(0.018, 40),
    }
)
#: Frameworks in which one thread handles all requests in turn.
_LOOPS = {"nodejs/express", "nodejs/nextjs", "nodejs/grpc", "python/fastapi"}


@cache
def runtime(stack: str, system: str) -> Runtime | None:
    """Return the runtime of a service with this stack and system; None if neither says what it runs on."""
    found = stack_of(stack, system)
    return None if found is None else _RUNTIMES.get(found.language or found.framework)


def loops(stack: str) -> bool:
    """Whether each process of a service with this stack handles all requests in one thread."""
    return stack in _LOOPS
