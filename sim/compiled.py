"""The hot path, which may be compiled: which modules it is, and whether it is compiled here, from the sources here.

Compiled or not, a module is the same typed Python and does the same. Python prefers what is compiled to its source, so
who edits a source would go on running what it was before: libraries are named after the sources that they were made of,
and are refused beside others.

`building/` compiles, and reads this file as it stands: it imports nothing of the package but what an error needs.
"""

from __future__ import annotations

import hashlib
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final

_SIM: Final = Path(__file__).parent
_FOLDERS: Final = {
    "engine": (
        *("call", "call_site", "caller_state", "edge", "engine", "environment", "impairment", "modifier", "policy"),
        *("replica", "shared_cores", "tape", "upheaval"),
    ),
    "policies": (
        *("balancing", "base_errors", "breaker", "bulkhead", "collections", "contention", "pool", "queue"),
        *("rate_limit", "retry", "retry_budget", "sockets", "timeout", "window"),
    ),
    "users": ("arrivals", "open"),
}
#: The modules that are compiled, by their paths in `sim/`.
HOT: Final = tuple(f"{folder}/{name}" for folder, names in _FOLDERS.items() for name in names)


def library() -> str:
    """The name of the library that is compiled from the sources as they are here."""
    digest = hashlib.sha256()
    for name in HOT:
        digest.update(name.encode() + b"\0" + (_SIM / f"{name}.py").read_bytes() + b"\0")
    return f"hot_{digest.hexdigest()[:12]}"


def is_compiled() -> bool:
    """Whether this Python finds the hot path compiled."""
    return any((_SIM / f"{HOT[0]}{suffix}").exists() for suffix in EXTENSION_SUFFIXES)


def check() -> None:
    """Make sure that what is compiled is what the sources say.

    Raises
    ------
    MeshquakeError
        If a source was edited since it was compiled.
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
