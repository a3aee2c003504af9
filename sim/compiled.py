"""Which modules form the hot path, and whether they are compiled here from the current sources.

Compiled or not, a module is the same typed Python and behaves the same. Python prefers a compiled module to its source,
so an edited source would silently not take effect. A library's name therefore holds a hash of the sources that it was
compiled from, and `check` refuses a library that doesn't match the sources beside it.

`building/` compiles, and executes this file on its own: it imports nothing of the package except for an error.
"""

from __future__ import annotations

import hashlib
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final

_SIM: Final = Path(__file__).parent
_FOLDERS: Final = {
    "engine": (
        *("call", "call_site", "caller_state", "edge", "engine", "environment", "event_loop", "impairment"),
        *("modifier", "policy", "replica", "shared_cores", "tape", "upheaval"),
    ),
    "policies": (
        *("balancing", "base_errors", "breaker", "bulkhead", "collections", "contention", "pool", "queue"),
        *("rate_limit", "retry", "retry_budget", "sockets", "timeout", "window"),
    ),
    "users": ("arrivals", "open"),
}
#: The modules that may be compiled, as paths in `sim/` without their suffix.
HOT: Final = tuple(f"{folder}/{name}" for folder, names in _FOLDERS.items() for name in names)


def library() -> str:
    """Return the name of the library that the current sources compile to."""
    digest = hashlib.sha256()
    for name in HOT:
        digest.update(name.encode() + b"\0" + (_SIM / f"{name}.py").read_bytes() + b"\0")
    return f"hot_{digest.hexdigest()[:12]}"


def is_compiled() -> bool:
    """Whether this Python finds a compiled hot path."""
    return any((_SIM / f"{HOT[0]}{suffix}").exists() for suffix in EXTENSION_SUFFIXES)


def check() -> None:
    """Check that the compiled hot path, if any, matches the sources.

    Raises
    ------
    MeshquakeError
        If a source was edited after it was compiled.
    """
    if not is_compiled():
        return
    name = library()
    if not any((_SIM / f"{name}__mypyc{suffix}").exists() for suffix in EXTENSION_SUFFIXES):
        from meshquake.topology.exceptions import MeshquakeError

        raise MeshquakeError(
            f"{_SIM}: the hot path was compiled from other sources than those there: install it again, a checkout with "
            "`MESHQUAKE_COMPILE=1 pip install -e .` to compile it, or with `pip install -e .` to keep it plain Python"
        )
