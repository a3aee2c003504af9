"""The command line: a file a command."""

from meshquake.commands.main import main

__all__ = ["main"]
