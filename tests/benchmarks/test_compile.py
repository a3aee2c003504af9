"""The hot path compiled, which nobody needs: it's the same run. `.ci/run` has what this test asks for."""

import hashlib
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
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    files = sorted(path for path in output.rglob("*") if path.is_file())
    return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.skipif(shutil.which("cc") is None or not HEADER.exists(), reason="needs a C compiler and Python's headers")
def test_a_compiled_hot_path_gives_the_same_bytes(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "output", "*.egg-info", "__pycache__", "*.so"))
    subprocess.run([sys.executable, "benchmarks/compile.py"], cwd=copy, check=True, capture_output=True)
    told = "import sim.call; print(sim.call.__file__)"
    used = subprocess.run([sys.executable, "-c", told], cwd=copy, check=True, capture_output=True, text=True).stdout
    assert not used.strip().endswith(".py")
    assert digests(copy, tmp_path / "compiled") == digests(ROOT, tmp_path / "plain")
