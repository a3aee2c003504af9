"""The Pythons that the package is tested on: those that `pyproject.toml` names, where installed.

`MESHQUAKE_PYTHONS` is a list of interpreters, written like `PATH`. `.ci/run` makes it of those it finds.
"""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

_CLASSIFIERS = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: "3.11" and so on.
SUPPORTED = re.findall(r"Python :: (3\.\d+)", "\n".join(_CLASSIFIERS["classifiers"]))
_PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"


def interpreter(version: str) -> str:
    """Return an interpreter of a version; skips the test if there is none."""
    if "MESHQUAKE_PYTHONS" not in os.environ:
        pytest.skip("MESHQUAKE_PYTHONS names no interpreters")
    if version not in _found():
        pytest.skip(f"there is no Python {version} in MESHQUAKE_PYTHONS")
    return _found()[version]


@cache
def _found() -> dict[str, str]:
    """Find the first interpreter of each version that can make a virtual environment."""
    found: dict[str, str] = {}
    for path in filter(None, os.environ["MESHQUAKE_PYTHONS"].split(os.pathsep)):
        done = subprocess.run([path, "-c", _PROBE], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            found.setdefault(done.stdout.strip(), path)
    return found
