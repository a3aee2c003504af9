"""Where a process that runs a command begins: signals are obeyed before anything slow is imported.

A third of the time of a short command was Python's cyclic collector, which looked again and again through all that is
imported, and once more at the very end, and found nothing: modules stay. So it looks seldom, and not when all is over.
"""

from __future__ import annotations

import gc

from meshquake.commands import memory, signals

#: Objects that are made, and not dropped, before the collector looks at them, in place of 700.
_YOUNG = 50_000


def main() -> None:
    """Run the command that the arguments of the process name."""
    gc.set_threshold(_YOUNG)
    with signals.obeyed():
        memory.give_back()
        from meshquake.commands.main import main as commands

        try:
            commands()
        finally:
            gc.freeze()  # what ends with the process is no garbage to look for
