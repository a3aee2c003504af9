"""Agents that look more closely get better marks."""

import subprocess
import sys

import pytest
from test_layers import ROOT


@pytest.mark.slow
def test_the_oracle_beats_the_baro_agent_and_that_the_loudest_service_and_that_chance(tmp_path):
    """In twelve cases; the benchmark fails where it is not so, and docs/agents.md shows sixty."""
    command = [sys.executable, ROOT / "benchmarks" / "agents.py", "--sets", tmp_path, "--cases", "12"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=1500)
    assert ended.returncode == 0, ended.stderr
    rows = [line.split("|")[1].strip() for line in ended.stdout.splitlines() if line.startswith("| ")]
    assert rows == ["agent", "chance", "`loudest`", "`breadth-first`", "`baro`", "`oracle`"]
