"""The hot path compiled, which nobody needs: it's the same run. `.ci/run` has what this test asks for."""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytest.importorskip("mypyc", reason="compiling needs mypy: pip install -e '.[dev]'")
pytest.importorskip("setuptools", reason="compiling needs setuptools")
ROOT = Path(__file__).resolve().parent.parent.parent
HEADER = Path(sysconfig.get_path("include")) / "Python.h"


def digests(root, output):
    """SHA-256 of the files that a cascade run by the program in `root` has."""
    command = [sys.executable, "run.py", "cascade", "--duration", "30", "--output", str(output), "--quiet"]
    # That of `root`, whichever is installed.
    environment = os.environ | {"PYTHONPATH": str(root.parent)}
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
    files = sorted(path for path in output.rglob("*") if path.is_file())
    return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.skipif(shutil.which("cc") is None or not HEADER.exists(), reason="needs a C compiler and Python's headers")
def test_a_compiled_hot_path_gives_the_same_bytes(tmp_path):
    copy = tmp_path / "meshquake"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "output", "*.egg-info", "__pycache__", "*.so"))
    subprocess.run([sys.executable, "benchmarks/compile.py"], cwd=copy, check=True, capture_output=True)
    told = "import meshquake.sim.engine.call; print(meshquake.sim.engine.call.__file__)"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    used = subprocess.run(
        [sys.executable, "-c", told], cwd=copy, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert Path(used).is_relative_to(copy)
    assert not used.endswith(".py")
    assert digests(copy, tmp_path / "compiled") == digests(ROOT, tmp_path / "plain")
