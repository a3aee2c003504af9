"""Make or resume an ensemble: processes share the runs, and only this one writes them, in order."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

from meshquake.ensembles import replication
from meshquake.ensembles.replication import Run
from meshquake.ensembles.schedule import Task, further
from meshquake.ensembles.study import Study
from meshquake.exporters.ensembles import completion, manifest, runs_file
from meshquake.exporters.ensembles.manifest import EnsembleError
from meshquake.exporters.fixtures import workers
from meshquake.topology import outside


def make(study: Study, folder: Path, processes: int, resume: bool, on_run: Callable[[int, int], None]) -> None:
    """Make an ensemble in a folder.

    Existing runs are never made again, and the files depend neither on the number of processes nor on how often the
    ensemble was interrupted.

    Parameters
    ----------
    study
        The study.
    folder
        The folder to write. It must be empty or not exist, unless the ensemble is resumed.
    processes
        The number of processes.
    resume
        Whether to continue with what is in the folder.
    on_run
        Called with the number of finished runs, and their total as far as it is known.

    Raises
    ------
    OSError
        If the folder can't be written or holds something else, or a process was killed.
    exporters.ensembles.manifest.EnsembleError
        If it is resumed, and the folder holds another study, was made by other versions, or was changed.
    """
    _prepare(study, folder, resume)
    study = manifest.load(folder)[0]
    with runs_file.opened(folder, study) as file:
        runs: list[Run] = []
        while tasks := further(study, runs):
            found, file.runs = file.runs[: len(tasks)], file.runs[len(tasks) :]
            for run, task in zip(found, tasks, strict=False):
                if (run.cell, run.replication) != task:
                    raise EnsembleError(f"{folder / runs_file.NAME}: its runs are out of order: the file was changed")
            runs += found
            total = len(runs) + len(tasks) - len(found)
            on_run(len(runs), total)
            with closing(_played(folder, study, tasks[len(found) :], processes)) as played:
                for run in played:
                    file.add(run)
                    runs.append(run)
                    on_run(len(runs), total)
        if file.runs:
            raise EnsembleError(f"{folder / runs_file.NAME}: has more runs than its study: the file was changed")
        file.sync()
    completion.mark(folder, len(runs))


def _prepare(study: Study, folder: Path, resume: bool) -> None:
    """Make sure that the folder exists and has the manifest of the study."""
    if manifest.is_ensemble(folder):
        if not resume:
            raise FileExistsError(errno.EEXIST, "it holds an ensemble: continue with --resume", str(folder))
        _, found = manifest.load(folder)
        if differing := manifest.differences(found, manifest.manifest(study)):
            raise EnsembleError(
                f"{folder}: cannot be resumed: another study or version made it (different: {', '.join(differing)})"
            )
        completion.check(folder)
        return
    if folder.is_dir() and (others := sorted(each.name for each in folder.iterdir() if not _is_ours(each.name))):
        raise FileExistsError(errno.EEXIST, f"it holds {others[0]}, which is not part of an ensemble", str(folder))
    make_folder(folder)
    manifest.save(folder, study)


def make_folder(folder: Path) -> None:
    """Make a folder if it doesn't exist; raises OSError."""
    if outside.is_file(folder):
        raise NotADirectoryError(errno.ENOTDIR, "it is a file, not a folder", str(folder))
    folder.mkdir(parents=True, exist_ok=True)


def _is_ours(name: str) -> bool:
    """Whether a file may be left from a writer that was killed before the manifest was complete."""
    return name == "replayed" or name.startswith(f".{manifest.NAME}.partial-")


def _played(folder: Path, study: Study, tasks: list[Task], processes: int) -> Generator[Run]:
    """Yield the runs of tasks, in order."""
    if processes == 1 or len(tasks) < 2:
        for task in tasks:
            yield replication.run(study, *task)
        return
    sha256 = hashlib.sha256((folder / manifest.NAME).read_bytes()).hexdigest()
    yield from workers.results(_play, [(folder, sha256, task) for task in tasks], min(processes, len(tasks)))


def _play(given: tuple[Path, str, Task]) -> Run:
    """Make a run in a worker process, which reads the study from its manifest."""
    folder, sha256, task = given
    return replication.run(manifest.study_of(folder, sha256), *task)
