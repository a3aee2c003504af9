"""Ensembles from Python: a function, and the tables of what came of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from meshquake.ensembles import asking, replication, study_file
from meshquake.ensembles.study import Study, StudyError
from meshquake.exporters.ensembles import frames, making, reading
from meshquake.topology.problems import Problem

#: The values of a parameter, or a range as in `10..30:3`.
Values = str | Sequence[str | float | bool]


@dataclass(frozen=True)
class Ensemble:
    """What came of an ensemble, as polars frames.

    Attributes
    ----------
    runs
        A row a run: its cell, the values of its parameters, its seed, and a column a response.
    cells
        A row a cell and response: the mean, the bounds of its 95% interval, and how the runs are spread.
    differences
        A row a comparison of two cells, paired by seed, with Holm's verdict; empty if there is one cell, or a
        hypercube.
    effects
        A row a parameter of a hypercube and response: the rank correlation, with Holm's verdict; empty without one.
    """

    runs: pl.DataFrame
    cells: pl.DataFrame
    differences: pl.DataFrame
    effects: pl.DataFrame


def ensemble(
    scenario: str | Path,
    *,
    vary: Mapping[str, Values] | None = None,
    responses: Sequence[str] = (),
    replications: int | None = None,
    seed: int | None = None,
    sample: int | None = None,
    until: str | None = None,
    at_most: int | None = None,
    warm_up: str | None = None,
    changes: Sequence[str] = (),
    topology: str | Path | None = None,
    calm: bool = False,
    output: str | Path | None = None,
    resume: bool = False,
    workers: int = 1,
) -> Ensemble:
    """Play a scenario over many seeds and parameters, and say how sure one may be of what comes of it.

    Parameters
    ----------
    scenario
        The name of a shipped scenario, a scenario file, or a study file, which says itself what else is asked; only
        `replications` and `seed` may be given besides.
    vary
        Parameters by their paths, as `whatif --set` takes them: values, or the text of a range, `lo..hi:n`. Several
        make a grid.
    responses
        What to ask of each run, as `entry.error_rate` or `label=entry.latency_p99`; none for the usual ones.
    replications
        Runs of each cell (default: 20).
    seed
        Of the study, from which those of the runs come (default: 1).
    sample
        Points of a Latin hypercube in place of the grid.
    until
        Make more runs until a response is known so precisely, as in `entry.error_rate:5%`.
    at_most
        Runs of a cell after which that is given up (default: 1000).
    warm_up
        What is cut off at the beginning of each recording: a time such as `30s`, or `mser` for what MSER-5 finds.
    changes
        `PATH=VALUE` that hold in every cell, as in `duration=30s`.
    topology
        A topology file, or the name of a shipped one (default: the scenario's).
    calm
        Leave out the topology's environment.
    output
        The folder of the ensemble, in which it can be gone on with and reported on; None to keep nothing.
    resume
        Go on with what is in that folder.
    workers
        Number of processes; what comes of it does not depend on it. A script that asks for more than one must be
        importable: its own calls stand under `if __name__ == "__main__":`.

    Returns
    -------
    Ensemble
        What came of it.

    Raises
    ------
    MeshquakeError
        With everything that is wrong with what is asked, before any run; or if the folder holds another study.
    OSError
        If the folder can't be written, or holds something else.
    """
    path = Path(scenario)
    varied = [asking.parameter(name, values) for name, values in (vary or {}).items()]
    if path.is_file() and study_file.is_study(path):
        besides = (vary, responses, sample, until, at_most, warm_up, changes, topology, calm)
        if any(besides):
            raise StudyError(f"{path}: is a study, which sets this itself: only replications and seed can be given")
        study, odd = study_file.load(path)
        study = study_file.with_changes(study, replications, seed)
    else:
        study, odd = asking.study_of(
            str(scenario),
            called="",
            vary=varied,
            sample=sample,
            asked=responses,
            until=until,
            at_most=at_most,
            warm_up=warm_up,
            assignments=changes,
            topology=None if topology is None else str(topology),
            calm=calm,
            replications=replications,
            seed=seed,
        )
    _tell((*odd, *_checked(study)))
    with _folder(output) as folder:
        making.make(study, folder, workers, resume, lambda done, total: None)
        analysis = reading.analysis(folder)
    return Ensemble(
        frames.runs(analysis), frames.cells(analysis), frames.differences(analysis), frames.effects(analysis)
    )


def _checked(study: Study) -> tuple[Problem, ...]:
    """What is odd about a study; StudyError with what is wrong with it."""
    found = replication.problems(study, "")
    if wrong := [problem for problem in found if not problem.warning]:
        raise StudyError(*wrong)
    return found


def _tell(odd: Sequence[Problem]) -> None:
    for each in odd:
        warnings.warn(str(each), UserWarning, stacklevel=3)


@contextmanager
def _folder(output: str | Path | None) -> Iterator[Path]:
    """The folder of an ensemble; one that goes afterwards if none is given."""
    if output is not None:
        yield Path(output)
        return
    with TemporaryDirectory(prefix="meshquake-") as place:
        yield Path(place) / "ensemble"
