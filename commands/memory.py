"""Memory that nobody uses is given back: a long run takes what it needs, and not what its allocators keep in store.

Records come and go by the megabyte, in a thread that simulates, one that writes and those of polars. Two allocators
serve them, both made for speed: glibc's keeps a heap for each thread, whose gaps nobody else may fill (`mallopt(3)`,
M_ARENA_MAX); that of polars, jemalloc, holds several for each core, and keeps what is freed for a while before the
system gets it (`jemalloc(3)`, narenas and dirty_decay_ms), and then lets it count as ours until somebody wants it
(muzzy_decay_ms). A fifth of the memory of a run was such a store, and grew with the length of the run.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

#: mallopt(3): the number of glibc's parameter, and the variable by which processes that are started find the same.
_ARENA_MAX, _ARENAS = -8, "MALLOC_ARENA_MAX"
#: Polars has its allocator's names in a space of their own. It reads them once, when polars is imported.
_POLARS, _SAVING = "_RJEM_MALLOC_CONF", "narenas:2,dirty_decay_ms:100,muzzy_decay_ms:0"


def give_back() -> None:
    """Let this process, and those that it starts, give back what they don't use; what somebody has set stays so.

    To be called before polars is imported. Where the C library is another one, it does as it does.
    """
    os.environ.setdefault(_POLARS, _SAVING)
    if sys.platform == "linux" and _ARENAS not in os.environ:
        os.environ[_ARENAS] = "1"
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
