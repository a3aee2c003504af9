"""Has a case served, and takes what comes of it: the audit, and the answer, which it marks."""

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
    """Serve a case until its client or a signal ends that; returns what was answered, None if nothing was.

    Parameters
    ----------
    case
        The case, with or without its truth.
    folder
        Where the folders of runs are; this one gets its own, once it's served.
    now, without, pace
        As of `agents.incident.Incident`.
    port
        Where to listen; 0 for any port; None to serve over standard input and output.
    on_ready
        Hears the address, if it listens.

    Raises
    ------
    MeshquakeError
        If it can't be served so.
    OSError
        If something can't be written.
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
        # It has read all; nothing is left for it on the disk.
        on_ready(ready)
        return _heard(judge, case, runs.begin(folder, runs.case_name(case)))


def _heard(judge: Channel, case: Path, run: Path) -> Mapping[str, Any] | None:
    """Take what the serving process says, to its end."""
    taken: Mapping[str, Any] | None = None
    with (run / audit.NAME).open("ab") as file:
        while (said := judge.hear()) is not None:
            if "audit" in said:
                file.write(audit.Entry(**said["audit"]).line.encode())
                file.flush()
            elif "answers" in said:
                taken = said["answers"]
                _save(run / audit.ANSWERS, taken)
                # At once, whatever the truth is.
                judge.say(kept=True)
                _mark(case, run)
    return taken


def _mark(case: Path, run: Path) -> None:
    """Keep the score of the answer; none is kept where there is no key to mark it by."""
    try:
        content = marking.report(case, run / audit.ANSWERS).content
    except (DocumentError, TruthError) as error:
        content = {"refused": [str(line) for line in error.args]}
    _save(run / runs.SCORE, content)


def _save(path: Path, content: Mapping[str, Any] | None) -> None:
    """Write a file that is there whole or not at all."""
    beside = path.with_name(f".{path.name}")
    beside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    beside.replace(path)
