"""The task over recorded cases: each case of a data set is a sample, marked on its answer and the way to it."""

from __future__ import annotations

from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample

from meshquake.agents.inspect.on_call import on_call
from meshquake.agents.inspect.scoring import way
from meshquake.exporters.fixtures import answer_key, layout
from meshquake.topology.exceptions import MeshquakeError

#: The prompt of the model.
QUESTION = (
    "You are on call for a mesh of services. Begin with get_brief. Find out from metrics, logs, traces and events what "
    "is wrong, and give your answer with submit, once: the root causes, the services that were hit, along which edges "
    "it spread, and as evidence of each root cause and edge the records that show it. If nothing is wrong, submit an "
    "empty list of root causes. Answers of tools are cut to a page; `cut` says how to ask for the rest."
)


@task
def triage(
    dataset: str,
    now: str | None = None,
    without: str = "",
    pace: float = 0.0,
    calls: int = 100,
    runs: str | None = None,
) -> Task:
    """Return a task of cases to find the root causes of.

    Parameters
    ----------
    dataset
        A data set with its truth, or a fixture or a case of it.
    now, without, pace, calls, runs
        As in `on_call`.

    Raises
    ------
    MeshquakeError
        If there is no case.
    """
    samples = [
        Sample(input=QUESTION, target="", id=case.name, metadata={"case": str(case)})
        for case in cases(Path(dataset).absolute())
    ]
    place = None if runs is None else str(Path(runs).absolute())
    return Task(
        dataset=MemoryDataset(samples, name=Path(dataset).name),
        solver=on_call(now=now, without=without, pace=pace, calls=calls, runs=place),
        scorer=way(),
    )


def cases(folder: Path) -> list[Path]:
    """List the cases of a data set, or a single case; MeshquakeError if none can be marked."""
    telemetry = folder / layout.TELEMETRY
    found = sorted(path.parent for path in telemetry.glob(f"*/{layout.RECORDING}")) if telemetry.is_dir() else []
    if found and not (folder / layout.TRUTH).is_dir():
        raise MeshquakeError(f"{folder}: its answer keys are withheld, so nothing can be marked")
    if not found:
        answer_key.locate(folder)
    return found or [folder]
