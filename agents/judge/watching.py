"""Have a case served, and collect the audit and the answer, which is marked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from meshquake.agents import audit
from meshquake.agents.judge import runs, staging
from meshquake.agents.judge.process import ServingError, begin, serving
from meshquake.agents.serving.channel import Channel
from meshquake.exporters.fixtures.answer_key import TruthError
from meshquake.exporters.reports import marking
from meshquake.topology.problems import DocumentError


def serve(
    case: Path,
    folder: Path,
    *,
    now: str | None,
    without: Sequence[str],
    pace: float,
    port: int | None,
    on_ready: Callable[[str], None],
) -> Mapping[str, Any] | None:
    """Serve a case until its client or a signal ends that; returns the answer, or None without one.

    Parameters
    ----------
    case
        The case, with or without its truth.
    folder
        The folder of runs. This run gets a folder of its own there, once the case is served.
    now, without, pace
        As in `agents.incident.Incident`.
    port
        The port to listen at; 0 for any; None to serve over standard input and output.
    on_ready
        Called with the address, if it listens.

    Raises
    ------
    MeshquakeError
        If the case can't be served with these settings.
    OSError
        If a file can't be written.
    """
    with ExitStack() as stack:
        stage = ExitStack()
        with stage:
            shown = stage.enter_context(staging.staged(case))
            judge = stack.enter_context(serving())
            try:
                ready = begin(judge, port, folder=str(shown), now=now, without=list(without), pace=pace)
            except ServingError as error:
                raise ServingError(*(line.replace(str(shown), str(case)) for line in error.args)) from None
        # The serving process has read everything, so its files can be removed.
        on_ready(ready)
        return _heard(judge, case, runs.begin(folder, runs.case_name(case)))


def _heard(judge: Channel, case: Path, run: Path) -> Mapping[str, Any] | None:
    """Receive the audit and the answer of the serving process, until it ends."""
    taken: Mapping[str, Any] | None = None
    with (run / audit.NAME).open("ab") as file:
        while (said := judge.hear()) is not None:
            if "audit" in said:
                file.write(audit.Entry(**said["audit"]).line.encode())
                file.flush()
            elif "answers" in said:
                taken = said["answers"]
                _save(run / audit.ANSWERS, taken)
                # Confirm at once, regardless of the truth.
                judge.say(kept=True)
                _mark(case, run)
    return taken


def _mark(case: Path, run: Path) -> None:
    """Mark the answer and save the marks; without an answer key, do nothing."""
    try:
        content = marking.report(case, run / audit.ANSWERS).content
    except (DocumentError, TruthError) as error:
        content = {"refused": [str(line) for line in error.args]}
    _save(run / runs.SCORE, content)


def _save(path: Path, content: Mapping[str, Any] | None) -> None:
    """Write a file atomically."""
    beside = path.with_name(f".{path.name}")
    beside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    beside.replace(path)
