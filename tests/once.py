"""Shared results of a test session: made once, by the first worker that asks."""

import os
import pickle
import shutil
import sys
from contextlib import contextmanager


def once(tmp_path_factory, name, make):
    """Return the folder that `make(folder)` filled, which must not be modified, and what `make` returned.

    Other workers that ask meanwhile wait. The return value is pickled.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ and sys.platform != "win32":
        shared = shared.parent
    folder, told = shared / name, shared / f"{name}.pickle"
    with _locked(shared / f"{name}.lock"):
        if not told.exists():
            shutil.rmtree(folder, ignore_errors=True)  # left by a worker that failed
            told.write_bytes(pickle.dumps(make(folder)))
    return folder, pickle.loads(told.read_bytes())


@contextmanager
def _locked(path):
    """Lock a file for a block, at most as long as this process lives."""
    with path.open("a") as file:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
