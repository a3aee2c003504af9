"""Faults and actions in a live mesh: each is applied at once, or refused with all of its problems in one message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from meshquake.exporters.live.steering import Refused
from meshquake.faults.fault import Cause
from meshquake.sim.live.session import Session
from meshquake.topology.problems import DocumentError

#: Most causes in a session; each makes its scenario longer.
MOST: Final = 300


def do(session: Session, section: str, kind: str, keys: Mapping[str, Any]) -> Cause:
    """Apply a fault or an action now.

    Parameters
    ----------
    session
        The session to apply it to.
    section, kind, keys
        See `sim.live.session.Session.do`.

    Raises
    ------
    Refused
        If that cannot be done, with all problems. Nothing has changed then.
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
    """Turn a problem of the scenario's text into a problem of the request."""
    where = path.partition("]")[2].lstrip(".").partition(".")[2]
    return f"{where}: {message}" if where else message
