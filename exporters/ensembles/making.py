"""Makes an ensemble, or goes on with one: processes share the runs, and this one alone writes, in order."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

from meshquake.ensembles import replication
from meshquake.ensembles.replication import Run
from meshquake.ensembles.schedule import Task, further
from meshquake.ensembles.study import Study
from meshquake.exporters.ensembles import manifest, runs_file
from meshquake.exporters.ensembles.manifest import EnsembleError
from meshquake.exporters.fixtures import staging, workers

#: The last file that is written.
COMPLETE = "complete.json"


def make(study: Study, folder: Path, processes: int, resume: bool, on_run: Callable[[int, int], None]) -> None:
    """Make an ensemble in a folder.

    What is there of it is never made again, and what is written of it does not depend on the number of processes, nor
    on how often it was stopped.

    Parameters
    ----------
    study
        What is asked.
    folder
        Where. It must not be there, or be empty, unless it's gone on with.
    processes
        How many to use.
    resume
        Whether to go on with what is in the folder.
    on_run
        Hears how many runs there are, and of how many, as far as that is known.

    Raises
    ------
    OSError
        If the folder can't be written, holds something else, or a process was killed.
    exporters.ensembles.manifest.EnsembleError
        If it's to be gone on with, and holds another study, or was made by other versions.
    """
    _prepare(study, folder, resume)
    study = manifest.load(folder)[0]
    with runs_file.opened(folder, study) as file:
        runs: list[Run] = []
        while tasks := further(study, runs):
            found, file.runs = file.runs[: len(tasks)], file.runs[len(tasks) :]
            for run, task in zip(found, tasks, strict=False):
                if (run.cell, run.replication) != task:
                    raise EnsembleError(f"{folder / runs_file.NAME}: its runs are not in order: the file was changed")
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
    digest = hashlib.sha256((folder / runs_file.NAME).read_bytes()).hexdigest()
    content = {"runs": len(runs), "sha256": digest}
    staging.write_text(folder / COMPLETE, json.dumps(content, indent=2) + "\n")


def is_complete(folder: Path) -> bool:
    """Whether all runs are there."""
    return (folder / COMPLETE).exists()


def _prepare(study: Study, folder: Path, resume: bool) -> None:
    """See to it that the folder is there, and has the manifest of the study."""
    if manifest.is_ensemble(folder):
        if not resume:
            raise FileExistsError(errno.EEXIST, "it holds an ensemble: continue with --resume", str(folder))
        _, found = manifest.load(folder)
        if differing := manifest.differences(found, manifest.manifest(study)):
            raise EnsembleError(
                f"{folder}: cannot be gone on with: it is of another study or version, by its {', '.join(differing)}"
            )
        return
    if folder.is_dir() and (others := sorted(each.name for each in folder.iterdir() if not _is_ours(each.name))):
        raise FileExistsError(errno.EEXIST, f"it holds {others[0]}, which is not part of an ensemble", str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    manifest.save(folder, study)


def _is_ours(name: str) -> bool:
    """Whether a file may be what a writer left that was killed before the manifest was there."""
    return name == "replayed" or name.startswith(f".{manifest.NAME}.partial-")


def _played(folder: Path, study: Study, tasks: list[Task], processes: int) -> Generator[Run]:
    """Runs, in the order of the tasks."""
    if processes == 1 or len(tasks) < 2:
        for task in tasks:
            yield replication.run(study, *task)
        return
    sha256 = hashlib.sha256((folder / manifest.NAME).read_bytes()).hexdigest()
    yield from workers.results(_play, [(folder, sha256, task) for task in tasks], min(processes, len(tasks)))


def _play(given: tuple[Path, str, Task]) -> Run:
    """A run, in a process that knows no more of the study than where its manifest is."""
    folder, sha256, task = given
    return replication.run(manifest.study_of(folder, sha256), *task)
