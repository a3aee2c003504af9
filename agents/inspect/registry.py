"""The tasks, solvers and scorers that Inspect finds through its entry point."""

from meshquake.agents.inspect.mitigate import mitigate, on_shift, relief
from meshquake.agents.inspect.on_call import on_call
from meshquake.agents.inspect.scoring import way
from meshquake.agents.inspect.scripted import scripted
from meshquake.agents.inspect.triage import triage

__all__ = ["mitigate", "on_call", "on_shift", "relief", "scripted", "triage", "way"]
