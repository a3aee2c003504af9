"""Export the cases of a data set for RCAEval's methods, and run these in a separate environment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from meshquake.exporters.fixtures import reading
from meshquake.exporters.fixtures.export import export
from meshquake.exporters.formats.registry import FORMATS

HERE = Path(__file__).resolve().parent
#: Versions of Python on which RCAEval loads the methods.
_VERSIONS = "3.12", "3.10"
NAMES = ("BARO", "NSigma", "CIRCA", "PC-PageRank")
#: By name of the case, the services as each method ranks them; None if it failed.
Rankings = dict[str, dict[str, list[str] | None]]


def environment(folder: Path, python: str) -> Path:
    """Return the interpreter of an environment with the methods, making the environment if it is missing.

    Parameters
    ----------
    folder
        The environment's folder.
    python
        The interpreter to make it with.
    """
    interpreter = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not interpreter.exists():
        told = "import sys; print('%d.%d' % sys.version_info[:2])"
        try:
            version = subprocess.run([python, "-c", told], capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            version = "no Python at all"
        if version not in _VERSIONS:
            wanted = " or ".join(_VERSIONS)
            sys.exit(f"RCAEval's methods need Python {wanted}; {python} is {version}: name another with --python")
        subprocess.run([python, "-m", "venv", folder], check=True)
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"], check=True)
    return interpreter


def rankings(cases: Iterable[Path], interpreter: Path) -> Rankings:
    """Run the methods on cases given by the folders of their telemetry, and return the rankings."""
    found: Rankings = {}
    with TemporaryDirectory() as parent:
        process = subprocess.Popen(
            [interpreter, HERE / "ranks.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None and process.stdout is not None
        for case in cases:
            context = reading.context(case, truth=True)
            folder = Path(parent) / case.name
            export(case, FORMATS["rcaeval"], context, folder, lambda batch: None)
            print(folder, file=process.stdin, flush=True)
            line = process.stdout.readline()
            if not line:
                sys.exit(f"{HERE / 'ranks.py'} ended with status {process.wait()}")
            services = {service.name.replace("_", "-"): service.name for service in context.topology.services}
            found[case.name] = {
                name: None if names is None else [services[each] for each in names if each in services]
                for name, names in json.loads(line).items()
            }
            for file in folder.iterdir():
                file.unlink()
        process.stdin.close()
        process.wait()
    return found
