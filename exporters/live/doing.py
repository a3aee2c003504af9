"""What somebody does to a mesh that is played: at once, or not at all, with all that is wrong told in one message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from meshquake.exporters.live.steering import Refused
from meshquake.faults.fault import Cause
from meshquake.sim.live.session import Session
from meshquake.topology.problems import DocumentError

#: Causes that one session takes at most: each makes its scenario longer.
MOST: Final = 300


def do(session: Session, section: str, kind: str, keys: Mapping[str, Any]) -> Cause:
    """Bring something about.

    Parameters
    ----------
    session
        Where.
    section, kind, keys
        See `sim.live.session.Session.do`.

    Raises
    ------
    Refused
        If that cannot be done, with all that is wrong; nothing has changed then.
    """
    if len(session.script.scenario.causes) >= MOST:
        raise Refused(f"one session takes at most {MOST} faults and actions")
    try:
        return session.do(section, kind, keys)
    except DocumentError as error:
        wrong = [_told(problem.path, problem.message) for problem in error.problems if not problem.warning]
        raise Refused("; ".join(wrong)) from None
    except ValueError as error:
        raise Refused(str(error)) from None


def _told(path: str, message: str) -> str:
    """A problem of a scenario's text as one of what was asked."""
    where = path.partition("]")[2].lstrip(".").partition(".")[2]
    return f"{where}: {message}" if where else message
