"""Compile the hot path with mypyc: `python benchmarks/compile.py`, and `--clean` to go back to plain Python.

The modules stay the same typed Python, and a run has the same bytes either way; compiled, the life of a call takes
little more than half the time. It needs a C compiler and mypy (`pip install -e '.[dev]'`), which is why nobody has to.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
HOT = (
    "engine/call", "engine/call_site", "engine/caller_state", "engine/edge", "engine/engine", "engine/environment",
    "engine/impairment", "engine/modifier", "engine/policy", "engine/replica", "engine/shared_cores", "engine/tape",
    "engine/upheaval",
    "policies/balancing", "policies/breaker", "policies/bulkhead", "policies/pool", "policies/queue",
    "policies/rate_limit", "policies/retry", "policies/retry_budget", "policies/timeout", "policies/window",
    "users/arrivals", "users/open",
)  # fmt: skip


def compile_hot_path() -> None:
    """Build the modules in place, next to their sources."""
    from mypyc.build import mypycify
    from setuptools import setup

    with TemporaryDirectory() as folder:
        # The repository is the package, whatever its folder is called.
        (Path(folder) / "meshquake").symlink_to(ROOT)
        os.chdir(folder)
        sys.argv = ["compile.py", "-q", "build_ext", "--inplace"]
        files = [f"meshquake/sim/{name}.py" for name in HOT]
        modules = mypycify(["--config-file", "meshquake/pyproject.toml", *files])
        setup(name="meshquake-hot-path", ext_modules=modules, packages=[], py_modules=[])
        for library in Path(folder).glob("*__mypyc*"):
            shutil.move(library, ROOT / library.name)


def clean() -> None:
    """Remove what was built."""
    for library in [*ROOT.glob("sim/**/*.so"), *ROOT.glob("sim/**/*.pyd"), *ROOT.glob("*__mypyc*")]:
        library.unlink()


def is_compiled() -> bool:
    """Whether the hot path that would be imported is compiled."""
    import meshquake.sim.engine.call

    return not str(meshquake.sim.engine.call.__file__).endswith(".py")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clean", action="store_true", help="remove what was built")
    if parser.parse_args().clean:
        clean()
    else:
        compile_hot_path()
