"""Incidents that one can mend: a mesh is played, one looks on and acts, and users are harmed or spared.

live_incident.py   a play of a scenario by whoever acts: time passes, one looks, acts, and is told what it was worth
remedies.py        what can be done, and the action of a scenario that it is
answers.py         what becomes known of users' requests, as it does
alerts.py          the promises to users that are broken by that
figures.py         what dashboards show of some seconds
recorded.py        what was recorded so far
live_desk.py       tools over all that, which look and act
marks.py           what it was worth, as it is told
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
    """The environment, which needs an extra, once it's asked for."""
    if name != "MitigationEnv":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from meshquake.exporters import extras

    return extras.load(f"{__name__}.env", "gym", name).MitigationEnv
