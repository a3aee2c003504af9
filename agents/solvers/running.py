"""Run solvers on cases. Each run leaves an answer and an audit, as a run over the protocol does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from meshquake.agents.incident import Incident
from meshquake.agents.judge import runs
from meshquake.agents.solvers.baro import baro
from meshquake.agents.solvers.breadth import breadth_first
from meshquake.agents.solvers.diagnosis import answers
from meshquake.agents.solvers.loudest import loudest
from meshquake.agents.solvers.oracle import oracle
from meshquake.agents.solvers.solver import Solver
from meshquake.exporters.fixtures import layout
from meshquake.exporters.fixtures.layout import TELEMETRY
from meshquake.topology import outside

#: The solvers, by name.
SOLVERS: dict[str, Solver] = {"loudest": loudest, "breadth-first": breadth_first, "baro": baro, "oracle": oracle}


def cases(folder: Path) -> list[Path]:
    """List the cases of a data set; a folder that is a case itself is the only one."""
    found = sorted(path.parent for path in (folder / TELEMETRY).glob(f"*/{layout.RECORDING}"))
    return found if found and outside.is_file(folder / "index.ndjson") else [folder]


def solve(
    folder: Path,
    solver: Solver,
    output: Path,
    *,
    now: str | None = None,
    without: Collection[str] = (),
    on_case: Callable[[str], None] = lambda case: None,
) -> Iterator[Path]:
    """Run a solver on each case, and yield the folders of the runs.

    Parameters
    ----------
    folder
        A case, a fixture or a data set.
    solver
        One of `SOLVERS`.
    output
        The folder for all runs.
    now, without
        As in `agents.incident.Incident`.
    on_case
        Called with the name of each case before its run.

    Raises
    ------
    MeshquakeError
        If there is no case, or a case can't be opened with these settings.
    OSError
        If a run can't be written.
    """
    for case in cases(folder):
        name = runs.case_name(case)
        on_case(name)
        incident = Incident(case, now=now, without=without)
        run = runs.begin(output, name)
        incident.keep(run)
        incident.call("submit", **answers(solver(incident)))
        yield run
