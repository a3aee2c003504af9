"""Settings of the memory allocators, so that a long run returns unused memory to the system.

Records come and go by the megabyte, in the threads of the simulation, of the writer and of polars. Two allocators serve
them, both tuned for speed. glibc keeps a heap for each thread, whose gaps no other thread can use (`mallopt(3)`,
M_ARENA_MAX). That of polars, jemalloc, has several arenas for each core, keeps freed pages for a while
(`jemalloc(3)`, narenas and dirty_decay_ms), and then returns them lazily, so that they still count as used
(muzzy_decay_ms). Such reserves were a fifth of the memory of a run, and grew with its length.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

#: mallopt(3): the number of glibc's parameter, and the environment variable that sets it for child processes.
_ARENA_MAX, _ARENAS = -8, "MALLOC_ARENA_MAX"
#: The variable of polars' own jemalloc, which reads it once, when polars is imported.
_POLARS, _SAVING = "_RJEM_MALLOC_CONF", "narenas:2,dirty_decay_ms:100,muzzy_decay_ms:0"


def give_back() -> None:
    """Make this process and its children return unused memory; settings made by the user are kept.

    Call it before polars is imported. With a C library other than glibc, only polars is affected.
    """
    os.environ.setdefault(_POLARS, _SAVING)
    if sys.platform == "linux" and _ARENAS not in os.environ:
        os.environ[_ARENAS] = "1"
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
