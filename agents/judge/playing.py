"""Play a mesh for a process that serves tools over it, and mark the mitigation of its incident.

The mesh, and the knowledge of what is wrong with it, stay in this process. The serving process asks it for the current
time, for the records so far, and for actions.
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

#: The file in the folder of a run for the played scenario with all actions.
SCENARIO: Final = "scenario.yaml"
#: The word for the first alert in a moment.
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
    """Play an incident for a client until it disconnects or a signal ends the process; returns the mitigation.

    Parameters
    ----------
    incident
        The incident, not yet started.
    name
        The name of the incident among the runs.
    folder
        The folder of runs. This run gets a folder of its own there, with the audit, the played scenario and the marks.
    now
        When the agent starts: `alert+1m` after the first alert, `+5m` after the start of the recording, or ISO 8601.
    without
        Kinds of record to hide.
    pace
        Simulated seconds that pass with each look.
    port
        The port to listen at; 0 for any; None to serve over standard input and output.
    on_ready
        Called with the address, if it listens.

    Raises
    ------
    MeshquakeError
        If the incident can't be played with these settings.
    OSError
        If a file can't be written.
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
    """Play an incident until the agent starts; raises `agents.clock.MomentError` if the moment is invalid."""
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
    """The mesh, and a folder with its visible records."""

    def __init__(self, incident: LiveIncident, folder: Path, withheld: frozenset[str]) -> None:
        self._mesh = Near(incident, withheld)
        self._folder = folder
        self.incident = incident
        _save(folder / layout.RECORDING, _json(self._mesh.told()))

    def order(self) -> dict[str, Any]:
        """Return further metadata for the serving process."""
        view = self._mesh.look()
        return {
            "objective": asdict(view.objective),
            "entries": [*view.entries],
            "end": view.end.isoformat(),
            "without": sorted(view.withheld),
        }

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer a question of the serving process."""
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
                path.with_suffix(".part").replace(path)  # a reader of the former file may go on
        return {"now": view.now.isoformat()}


def _heard(judge: Channel, stage: _Stage, run: Path) -> None:
    """Answer the serving process and write its audit, until it ends."""
    with (run / audit.NAME).open("ab") as file:
        while (said := judge.hear()) is not None:
            if "audit" in said:
                file.write(audit.Entry(**said["audit"]).line.encode())
                file.flush()
            elif "ask" in said:
                judge.say(**stage.answer(said))
                if said["ask"] == "act":
                    # Save now: some clients end this process as soon as they are done.
                    _save(run / SCENARIO, stage.incident.scenario())
                if stage.incident.closed and stage.incident.finished is None:
                    _marked(stage.incident, run)


def _marked(incident: LiveIncident, run: Path) -> Mitigation:
    """Mark an incident that is over, and save the scenario and the marks."""
    _save(run / SCENARIO, incident.scenario())
    found = incident.finish()
    _save(run / runs.SCORE, _json(marks(found)))
    return found


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _save(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
