"""Plays a mesh for a process that serves tools over it, and marks what is done about its incident.

The mesh, and what is wrong with it, is in this process. The one that serves asks it what time it is, for what was
recorded so far, and to do something.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from meshquake.agents import audit, clock
from meshquake.agents.judge import runs
from meshquake.agents.judge.process import begin, serving
from meshquake.agents.mitigation.live_desk import Near
from meshquake.agents.mitigation.live_incident import LiveIncident
from meshquake.agents.mitigation.marks import marks
from meshquake.agents.serving.channel import Channel
from meshquake.agents.tools.tool import ToolError
from meshquake.exporters import unfinished
from meshquake.exporters.fixtures import layout
from meshquake.sim.records import RECORD_KINDS
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.problems import suggestion
from meshquake.truth.remedies import Mitigation

#: The scenario that was played, with all that was done, in the folder of a run.
SCENARIO: Final = "scenario.yaml"
#: When somebody is paged.
PAGED: Final = "alert"


def play(
    incident: LiveIncident,
    name: str,
    folder: Path,
    *,
    now: str,
    without: Sequence[str],
    pace: float,
    port: int | None,
    on_ready: Callable[[str], None],
) -> Mitigation:
    """Play an incident for a client, until it goes or a signal ends that; returns what was made of it.

    Parameters
    ----------
    incident
        The incident, of which nothing was played.
    name
        What it is called among the runs.
    folder
        Where the folders of runs are; this one gets its own, with the audit, the scenario as it was played and the
        marks.
    now
        When somebody comes: `alert+1m` after the first alert, `+5m` after the recording began, or ISO 8601.
    without
        Kinds of record that are withheld.
    pace
        Simulated seconds that pass with each look.
    port
        Where to listen; 0 for any port; None to serve over standard input and output.
    on_ready
        Hears the address, if it listens.

    Raises
    ------
    MeshquakeError
        If it can't be played so.
    OSError
        If something can't be written.
    """
    for kind in sorted({*without} - {*RECORD_KINDS}):
        raise MeshquakeError(f"--without {kind}: there are no such records{suggestion(kind, [*RECORD_KINDS])}")
    come(incident, now)
    shop = Path(mkdtemp(prefix="meshquake-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, shop, ignore_errors=True)
        stack.enter_context(unfinished.undone(lambda: shutil.rmtree(shop, ignore_errors=True)))
        stage = _Stage(incident, shop, frozenset(without))
        judge = stack.enter_context(serving())
        on_ready(begin(judge, port, folder=str(shop), live=stage.order(), pace=pace))
        run = runs.begin(folder, name)
        _heard(judge, stage, run)
    return _marked(incident, run)


def come(incident: LiveIncident, now: str) -> None:
    """Play an incident until somebody comes. Raises `agents.clock.MomentError` if that is no moment of it."""
    run, end_s = incident.simulation, incident.length
    end, paged = run.start + timedelta(seconds=end_s), None
    if now.startswith(PAGED):
        if not incident.until_alert():
            raise clock.MomentError(f"--now {now}: nobody is paged in this scenario: say when, as in +{end_s / 2:.0f}s")
        paged = run.start + timedelta(seconds=incident.now)
    left = (clock.stand(now, run.start, end, paged) - run.start).total_seconds() - incident.now
    if left > 0:
        incident.wait(left)


class _Stage:
    """The mesh, and a folder with what may be seen of it."""

    def __init__(self, incident: LiveIncident, folder: Path, withheld: frozenset[str]) -> None:
        self._mesh = Near(incident, withheld)
        self._folder = folder
        self.incident = incident
        _save(folder / layout.RECORDING, _json(self._mesh.told()))

    def order(self) -> dict[str, Any]:
        """What the process that serves is told, besides."""
        view = self._mesh.look()
        return {
            "objective": asdict(view.objective),
            "entries": [*view.entries],
            "end": view.end.isoformat(),
            "without": sorted(view.withheld),
        }

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What it is told when it asks."""
        if asked["ask"] == "act":
            try:
                return {"done": dict(self._mesh.act(asked["name"], asked["arguments"]))}
            except ToolError as error:
                return {"refused": [*error.args]}
        view = self._mesh.look()
        if asked["ask"] == "records":
            for kind in RECORD_KINDS:
                path = self._folder / f"{kind}.arrow"
                view.frames[kind].write_ipc(path.with_suffix(".part"))
                path.with_suffix(".part").replace(path)  # who reads the former may go on
        return {"now": view.now.isoformat()}


def _heard(judge: Channel, stage: _Stage, run: Path) -> None:
    """Answer the serving process, and keep its audit, to its end."""
    with (run / audit.NAME).open("ab") as file:
        while (said := judge.hear()) is not None:
            if "audit" in said:
                file.write(audit.Entry(**said["audit"]).line.encode())
                file.flush()
            elif "ask" in said:
                judge.say(**stage.answer(said))
                if said["ask"] == "act":
                    # Some clients end this process as soon as they are done.
                    _save(run / SCENARIO, stage.incident.scenario())
                if stage.incident.closed and stage.incident.finished is None:
                    _marked(stage.incident, run)


def _marked(incident: LiveIncident, run: Path) -> Mitigation:
    """What was made of an incident, which is over; it's kept beside what was done."""
    _save(run / SCENARIO, incident.scenario())
    found = incident.finish()
    _save(run / runs.SCORE, _json(marks(found)))
    return found


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _save(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
