"""The entry point of the process: signals are handled before anything slow is imported.

A short command spent a third of its time in Python's cyclic garbage collector, which scanned all imported modules again
and again, and once more at exit, and found nothing, as modules stay. So it runs rarely, and not at exit.
"""

from __future__ import annotations

import gc

from meshquake.commands import memory, signals

#: Net allocations of objects that trigger the collector, instead of 700.
_YOUNG = 50_000


def main() -> None:
    """Run the command in the arguments of the process."""
    gc.set_threshold(_YOUNG)
    with signals.obeyed():
        memory.give_back()
        from meshquake.commands.main import main as commands

        try:
            commands()
        finally:
            gc.freeze()  # what lives until exit needs no collection
