"""Incidents that can be mitigated: a mesh runs while an agent observes and acts, and users are harmed or spared.

live_incident.py   an incident under way: time passes, the agent observes, acts, and learns what that was worth
remedies.py        what can be done, and the scenario action that each remedy is
answers.py         the outcomes of users' requests, as they become known
alerts.py          the promises to users that those outcomes break
figures.py         what dashboards show of a few seconds
recorded.py        what was recorded so far
live_desk.py       tools over all that, to observe and to act
marks.py           the result, as the marker is told it
ledger.py          the harm as it becomes known
choices.py         what can be done in a mesh, as a list
env.py             the same for reinforcement learning (Gymnasium)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshquake.agents.mitigation.choices import Choice, choices
from meshquake.agents.mitigation.live_desk import LiveDesk
from meshquake.agents.mitigation.live_incident import LiveIncident
from meshquake.agents.tools.tool import ToolError

if TYPE_CHECKING:
    from meshquake.agents.mitigation.env import MitigationEnv

__all__ = ["Choice", "LiveDesk", "LiveIncident", "MitigationEnv", "ToolError", "choices"]


def __getattr__(name: str) -> Any:
    """Import the environment on first use, because it needs an extra."""
    if name != "MitigationEnv":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from meshquake.exporters import extras

    return extras.load(f"{__name__}.env", "gym", name).MitigationEnv
