"""The group of all commands."""

import subprocess
import sys
from pathlib import Path

from commandline import call, manifest, play

ROOT = Path(__file__).parents[2]


def test_version_tells_what_decides_the_bytes_as_a_manifest_does(tmp_path):
    play(tmp_path, "normal", "--duration", "1", "--rate", "1")
    result = call("--version")
    *lines, hot_path = result.stdout.splitlines()
    name, python, *libraries = (line.split() for line in lines)
    assert (result.exit_code, result.stderr) == (0, "")
    assert python == ["Python", ".".join(map(str, sys.version_info[:3]))]
    assert hot_path in ("hot path: plain Python", "hot path: compiled")
    assert dict([name, *libraries]) == manifest(tmp_path / "normal")["versions"]


def test_help_answers_without_loading_what_only_runs_need():
    heavy = "numpy polars scipy simpy networkx yaml rich"
    look = f"import sys\ntry: main()\nfinally: print(*(set({heavy!r}.split()) & set(sys.modules)), file=sys.stderr)"
    for arguments in (["--help"], ["cascade", "--help"], ["topology", "--help"]):
        code = f"import sys; sys.argv[1:] = {arguments}; from run import main\n{look}"
        result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert result.stdout.startswith("Usage: ")
        assert result.stderr == "\n"


def test_a_run_without_a_key_loads_nothing_that_only_others_need(tmp_path):
    others = ("rich", "scipy.special", "scipy.stats", "pyarrow", "jsonschema", "asyncio", "sqlite3", "unittest")
    rooms = ("truth", "ensembles", "agents", "exporters.server", "exporters.page", "sim.observability.collector")
    arguments = ["normal", "--duration", "1", "--rate", "1", "--no-truth", "--quiet", "--output", str(tmp_path)]
    code = f"import sys; sys.argv[1:] = {arguments}; from run import main\ntry: main()\nfinally: print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert "polars" in loaded
    assert loaded & {*others, *(f"meshquake.{room}" for room in rooms)} == set()
