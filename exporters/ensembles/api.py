"""The Python API of ensembles: a function, and the tables that it returns."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from meshquake.ensembles import asking, study_file
from meshquake.ensembles.study import Study, StudyError
from meshquake.exporters.ensembles import arguments, frames, making, manifest, reading
from meshquake.topology import outside
from meshquake.topology.problems import Problem

#: The values of a parameter, or a range such as `10..30:3`.
Values = str | Sequence[str | float | bool]
#: Arguments that are settled by a study file or a folder.
_OF_SCENARIOS = ("vary", "responses", "sample", "until", "at_most", "warm_up", "changes", "topology", "calm")


@dataclass(frozen=True)
class Ensemble:
    """The results of an ensemble, as polars frames.

    Attributes
    ----------
    runs
        One row per run: its cell, the values of its parameters, its seed, and one column per response.
    cells
        One row per cell and response: the mean, the bounds of its 95% interval, and the spread of the runs.
    differences
        One row per comparison of two cells, paired by seed, with Holm's verdict; empty for a single cell or a
        hypercube.
    effects
        One row per parameter of a hypercube and response: the rank correlation, with Holm's verdict; empty without a
        hypercube.
    """

    runs: pl.DataFrame
    cells: pl.DataFrame
    differences: pl.DataFrame
    effects: pl.DataFrame


def ensemble(
    scenario: str | Path,
    *,
    vary: Mapping[str, Values] | None = None,
    responses: str | Sequence[str] | Mapping[str, str] = (),
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
    """Run a scenario over many seeds and parameter values, and quantify the uncertainty of the results.

    Parameters
    ----------
    scenario
        The name of a shipped scenario, a scenario file, a study file, or the folder of an ensemble. A study file
        specifies everything else; only `replications` and `seed` can be overridden. A folder is opened, resumed
        (`resume`), or run again elsewhere (`output`).
    vary
        Parameters by their paths, as for `whatif --set`: a list of values, or a range such as `lo..hi:n`. Several
        parameters make a grid.
    responses
        What to measure in each run, such as `entry.error_rate` or `label=entry.latency_p99`, or a dict of labels and
        responses; empty for the defaults.
    replications
        Runs per cell (default: 20).
    seed
        The seed of the study, from which those of the runs derive (default: 1).
    sample
        Number of points of a Latin hypercube, used instead of the grid.
    until
        Add runs until a response is estimated with this relative precision, such as `entry.error_rate:5%`.
    at_most
        The most runs per cell to reach that precision (default: 1000).
    warm_up
        What to cut off at the start of each recording: a time such as `30s`, or `mser` to let MSER-5 find it.
    changes
        `PATH=VALUE` that apply in every cell, such as `duration=30s`.
    topology
        A topology file, or the name of a shipped one (default: the scenario's).
    calm
        Whether to leave out the topology's environment.
    output
        The folder of the ensemble, where it can be resumed and reported on; None to keep nothing.
    resume
        Whether to continue with what is in that folder.
    workers
        Number of processes, which doesn't affect the results. A script that uses more than one must be importable:
        guard its calls with `if __name__ == "__main__":`.

    Returns
    -------
    Ensemble
        The results.

    Raises
    ------
    MeshquakeError
        If the arguments are invalid, which is checked before any run and lists every problem; or if the folder holds
        another study.
    OSError
        If the folder can't be written, or holds something else.
    """
    given = dict(locals())
    arguments.check(given)
    replications, seed, sample, at_most = map(arguments.whole, (replications, seed, sample, at_most))
    path = Path(scenario)
    besides = [name for name in _OF_SCENARIOS if arguments.is_given(given[name])]
    numbers = {"replications": replications, "seed": seed}
    over = {name: number for name, number in numbers.items() if number is not None}
    if outside.is_folder(path):
        if besides or over:
            raise StudyError(
                f"{path}: holds an ensemble, whose study is settled: leave out {', '.join([*besides, *over])}"
            )
        return _opened(path, output, resume, workers)
    if path.is_file() and study_file.is_study(path):
        if besides:
            raise StudyError(f"{path}: is a study, which sets this itself: leave out {', '.join(besides)}")
        study, odd = study_file.load(path, over, called="")
    else:
        study, odd = asking.study_of(
            str(scenario),
            called="",
            vary=arguments.varied(vary),
            sample=sample,
            asked=arguments.asked(responses),
            until=until,
            at_most=at_most,
            warm_up=warm_up,
            assignments=tuple(changes),
            topology=None if topology is None else str(topology),
            calm=calm,
            replications=replications,
            seed=seed,
        )
    _tell(odd)
    with _folder(output) as folder:
        return _made(study, folder, resume, workers)


def _opened(folder: Path, output: str | Path | None, resume: bool, workers: int) -> Ensemble:
    """Read an ensemble; make the rest of it, or make it again in another folder."""
    study, _ = manifest.load(folder)
    if output is not None:
        return _made(study, Path(output), resume, workers)
    return _made(study, folder, True, workers) if resume else _tables(folder)


def _made(study: Study, folder: Path, resume: bool, workers: int) -> Ensemble:
    making.make(study, folder, workers, resume, lambda done, total: None)
    return _tables(folder)


def _tables(folder: Path) -> Ensemble:
    analysis = reading.analysis(folder)
    return Ensemble(
        frames.runs(analysis), frames.cells(analysis), frames.differences(analysis), frames.effects(analysis)
    )


def _tell(odd: Sequence[Problem]) -> None:
    for each in odd:
        warnings.warn(str(each), UserWarning, stacklevel=3)


@contextmanager
def _folder(output: str | Path | None) -> Iterator[Path]:
    """Yield the folder of an ensemble: the one given, or a temporary one."""
    if output is not None:
        yield Path(output)
        return
    with TemporaryDirectory(prefix="meshquake-") as place:
        yield Path(place) / "ensemble"
