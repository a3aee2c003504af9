"""What Inspect finds by its entry point."""

from meshquake.agents.inspect.on_call import on_call
from meshquake.agents.inspect.scoring import way
from meshquake.agents.inspect.triage import triage

__all__ = ["on_call", "triage", "way"]
