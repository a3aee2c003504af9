"""The marks of `score --process` as a scorer of Inspect: each figure with its mean and standard error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState

from meshquake.agents.inspect.on_call import ANSWERS, AUDIT
from meshquake.exporters.fixtures import audit
from meshquake.exporters.reports.way import figures
from meshquake.exporters.reports.way.marking import Marked, mark
from meshquake.exporters.reports.way.runs import ANSWERS as ANSWERS_FILE
from meshquake.exporters.reports.way.runs import Run

_AGENT = "agent"


@scorer(metrics=[{"*": [mean(), stderr()]}])
def way() -> Scorer:
    """Return a scorer that marks an answer and the way to it (docs/scoring.md)."""

    async def score(state: TaskState, target: Target) -> Score:
        answers, calls = state.store.get(ANSWERS), state.store.get(AUDIT)
        marked = await asyncio.to_thread(marked_run, Path(state.metadata["case"]), answers, calls or [])
        # A missing figure is nan rather than 0: Inspect leaves nan out of means.
        value = {name: nan if figure is None else figure for name, figure in figures.of_run(marked).items()}
        return Score(value=value, answer=json.dumps(answers), metadata=marked.diagnosis.as_json())

    return score


def marked_run(folder: Path, answers: Mapping[str, Any] | None, calls: Sequence[Mapping[str, Any]]) -> Marked:
    """Mark a run in memory, in the same way as a run in files.

    Parameters
    ----------
    folder
        The case.
    answers
        The answer; None if none was given.
    calls
        The audit.
    """
    with TemporaryDirectory() as place:
        audited, answered = Path(place) / audit.NAME, Path(place) / ANSWERS_FILE
        audited.write_text("".join(json.dumps(call) + "\n" for call in calls), encoding="utf-8")
        if answers is not None:
            answered.write_text(json.dumps(answers), encoding="utf-8")
        run = Run(_AGENT, None if answers is None else answered, audited)
        (marked,) = mark(folder, {_AGENT: [run]}).runs[_AGENT]
    return marked
