"""An incident to solve: tools over what was recorded until `now`, and an answer in the end.

Use it like this::

    from meshquake.agents import Incident

    incident = Incident("cases/telemetry/case-5b0f3c9a17d2", now="alert+30s")
    print(incident.call("get_brief"))
    print(incident.call("query_metrics", metric="latency_p95", service="database"))
    incident.call("submit", root_causes=[{"service": "database", "kind": "slow"}])
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from meshquake.agents import audit, case, promise
from meshquake.agents.answer import Page
from meshquake.agents.clock import Clock, stand
from meshquake.agents.desk import Desk
from meshquake.agents.telemetry import View
from meshquake.agents.tools import READING
from meshquake.agents.tools.submit import submit
from meshquake.agents.tools.tool import ToolError
from meshquake.sim.records import RECORD_KINDS
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.problems import suggestion

#: Receives a submitted answer.
Taker = Callable[[Mapping[str, Any]], None]


class Incident(Desk):
    """A case, its clock, and the tools over it.

    Attributes
    ----------
    answers
        The submitted answer in the format of `answers.json`; None before that.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        now: str | None = None,
        without: Collection[str] = (),
        pace: float = 0.0,
        output: str | Path | None = None,
        sink: audit.Sink | None = None,
        taker: Taker | None = None,
    ) -> None:
        """Open a case.

        Parameters
        ----------
        folder
            A case of a data set, or a fixture. Nothing of its truth is read.
        now
            The moment to start at: `+5m` after the start of the recording, `alert+1m` after the first page, or ISO
            8601. Default: the end of the recording.
        without
            Kinds of record to hide: `traces`, `logs`, `metrics`, `events`.
        pace
            Simulated seconds that pass with each call, from `now` on.
        output
            The folder of the run, to write `answers.json` and `audit.ndjson` to.
        sink
            A further receiver of the audit.
        taker
            A further receiver of the answer.

        Raises
        ------
        MeshquakeError
            If the folder is not a complete case, `now` is not within it, or a kind of record is unknown.
        OSError
            If a file can't be read or written.
        """
        for kind in sorted({*without} - {*RECORD_KINDS}):
            raise MeshquakeError(f"--without {kind}: there are no such records{suggestion(kind, [*RECORD_KINDS])}")
        self._whole = case.read(Path(folder), frozenset(without))
        start, end = self._whole.start, self._whole.end
        begin = end if now is None else stand(now, start, end, promise.paged(self._whole))
        self._clock = Clock(begin, end, pace)
        self._view = self._whole.until(begin)
        self._takers = [] if taker is None else [taker]
        self.answers: Mapping[str, Any] | None = None
        tools = (*READING, submit(self._take))
        super().__init__(lambda: self.view, tools, without, [] if sink is None else [sink])
        if output is not None:
            self.keep(Path(output))

    @property
    def view(self) -> View:
        """What can be seen now."""
        if self._view.now != self._clock.moment:
            self._view = self._whole.until(self._clock.moment)
        return self._view

    def keep(self, run: Path) -> None:
        """Write the audit, from now on, and the answer to a folder; OSError if that can't be done."""
        self.sinks.append(audit.to_file(run / audit.NAME))
        self._takers.append(lambda answers: _save(run / audit.ANSWERS, answers))

    def ask(self, tool: str, arguments: Any) -> tuple[Page, ToolError | None]:
        """Call a tool as `Desk.ask` does, and let the time of a call pass."""
        answered = super().ask(tool, arguments)
        self._clock.pass_on()
        return answered

    def _take(self, answers: Mapping[str, Any]) -> None:
        if self.answers is not None:
            raise ToolError("an answer was submitted already, and it stays: this incident is over")
        for taker in self._takers:
            taker(answers)
        self.answers = answers


def _save(path: Path, answers: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(answers, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
