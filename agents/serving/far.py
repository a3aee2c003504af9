"""A mesh that is played in another process, the judge's, which knows what is wrong; this one watches and acts.

Records arrive as Arrow files in a folder, since there are too many for the channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from meshquake.agents.mitigation.recorded import Later
from meshquake.agents.serving.channel import Channel
from meshquake.agents.telemetry import View
from meshquake.agents.tools.tool import Arguments, ToolError
from meshquake.exporters.fixtures import reading
from meshquake.sim.records import RECORD_KINDS
from meshquake.topology.spec import Objective


class Far:
    """A remote `agents.mitigation.live_desk.Mesh`.

    Parameters
    ----------
    judge
        The channel to the process that plays the mesh.
    folder
        The folder with the metadata of the mesh (`recording.json`), where records arrive.
    order
        The SLO of users (`objective`), their entries (`entries`), the end of the recording (`end`), and the hidden
        kinds of record (`without`).
    """

    def __init__(self, judge: Channel, folder: Path, order: Mapping[str, Any]) -> None:
        self._judge, self._folder = judge, folder
        told, end = reading.context(folder), datetime.fromisoformat(order["end"])
        self._view = View(
            services=told.topology.services,
            start=told.start,
            now=told.start,
            end=end,
            interval=told.interval,
            table=told.metrics,
            frames={},
            objective=Objective(**order["objective"]),
            entries=tuple(order["entries"]),
            withheld=frozenset(order["without"]),
        )

    def look(self) -> View:
        """Return what can be seen now; records are fetched on first use."""
        now = datetime.fromisoformat(self._asked(ask="now")["now"])
        if now != self._view.now:
            self._view = replace(self._view, now=now, frames=Later(self._records))
        return self._view

    def act(self, name: str, arguments: Arguments) -> Mapping[str, Any]:
        """Do something; see `agents.mitigation.live_desk.Mesh.act`."""
        told = self._asked(ask="act", name=name, arguments=dict(arguments))
        if "refused" in told:
            raise ToolError(*told["refused"])
        done: Mapping[str, Any] = told["done"]
        return done

    def _records(self) -> Mapping[str, pl.DataFrame]:
        self._asked(ask="records")
        return {kind: pl.read_ipc(self._folder / f"{kind}.arrow") for kind in RECORD_KINDS}

    def _asked(self, **content: Any) -> dict[str, Any]:
        self._judge.say(**content)
        told = self._judge.hear()
        if told is None:
            raise ToolError("the mesh is gone: the process that plays it has ended")
        return told
