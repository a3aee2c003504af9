"""Where a process that runs a command begins: signals are obeyed before anything slow is imported."""

from __future__ import annotations

from meshquake.commands import memory, signals


def main() -> None:
    """Run the command that the arguments of the process name."""
    with signals.obeyed():
        memory.give_back()
        from meshquake.commands.main import main as commands

        commands()
