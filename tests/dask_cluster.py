"""A real Dask scheduler with workers, in processes of their own."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

ROOT = Path(__file__).parents[1]


def until(seen, process=None):
    patience = monotonic() + 300
    while not seen():
        assert process is None or process.poll() is None
        assert monotonic() < patience
        sleep(0.01)


def complete(folder):
    return len(list(folder.glob("truth/made/*.json")))


@contextmanager
def cluster_of(folder, workers=2):
    """Run a real Dask scheduler with workers, over TCP; yields its address and the processes, the scheduler's first."""
    pytest.importorskip("distributed")
    folder.mkdir()
    beside = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT.parent), os.environ.get("PYTHONPATH", "")])}
    beside |= {"DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    started = []

    def start(*arguments):
        started.append(subprocess.Popen([sys.executable, "-m", *arguments], cwd=folder, env=beside))

    try:
        file = folder / "scheduler.json"
        start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        # It is there before it is written.
        until(lambda: file.exists() and file.read_text().rstrip().endswith("}"), started[0])
        address = json.loads(file.read_text())["address"]
        for _ in range(workers):
            start("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        yield address, started
    finally:
        for process in started:
            process.kill()
            process.wait()
