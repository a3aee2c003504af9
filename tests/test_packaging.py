"""Installed, it is `meshquake` and nothing else, and works whatever is next to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from interpreters import SUPPORTED, interpreter
from test_layers import ROOMS

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
#: Leftovers of a checkout, which would otherwise get into the next build.
GATHERED = (".*", "__pycache__", "build", "dist", "output", "*.egg-info", "*.so")
TRAP = 'raise ImportError(f"{__name__} is the other project\'s, and meshquake imported it")\n'
#: The environment without variables that lead to this checkout or to the running tests.
OUTSIDE = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "MESHQUAKE_"))}
#: Wheels with a compiled hot path are tested elsewhere (test_compiling).
PLAIN = OUTSIDE | {"MESHQUAKE_COMPILE": "0"}

API = """
import json
from meshquake import Fixture, cascade, simulate

fixture = Fixture("out/incidents/cascade")
settings = dict(seed=7, lead_in=2, duration=10, recovery=2)
metrics, logs, traces, events = cascade(**settings)
assert metrics == list(fixture.metrics()) and logs == list(fixture.logs())
assert traces == list(fixture.traces()) and events == list(fixture.events())
assert sum(len(batch.traces) for batch in simulate("cascade", **settings)) == len(traces)
print(len(traces))
"""
OTHERS_TEST = """
import pytest

def test_the_fixture_is_there(mesh_fixture):
    fixture = mesh_fixture("cascade", seed=7, lead_in=1, duration=2, recovery=0)
    assert fixture.scenario == "cascade"
    assert next(fixture.traces())

@pytest.mark.parametrize("name", ROOMS)
def test_what_is_theirs_is_still_theirs(name):
    with pytest.raises(ImportError, match=f"{name} is the other project's"):
        __import__(name)
""".replace("ROOMS", repr(ROOMS))

TYPED = """
from meshquake import DocumentError, Fixture, Records, cascade, simulate

records: Records = cascade(duration=60, seed=7)
reveal_type(records.traces)
for batch in simulate("cascade", duration=60):
    reveal_type(batch)
reveal_type(Fixture("folder").length)
reveal_type(DocumentError([]).problems)
cascade(duration="a minute")
cascade(durations=60)
Fixture("folder").play(speed="fast")
"""


def run(command: Sequence[str | Path], folder: Path) -> str:
    """Return the output of a command; on failure, show its error."""
    done = subprocess.run(command, cwd=folder, env=PLAIN, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the repository, without the leftovers of a checkout."""
    copy = tmp_path_factory.mktemp("source") / "meshquake"
    return Path(shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*GATHERED)))


@pytest.fixture(scope="module")
def files(source: Path) -> set[str]:
    """Return the files of the repository, before anything is built in it."""
    return {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def built(source: Path, files: set[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the source distribution, and the wheel built from it."""
    dist = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, source], dist)
    (sdist,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


# -- what is in them -----------------------------------------------------------------------------------------------


def test_every_folder_of_code_is_among_the_packages() -> None:
    folders = {path.parent.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    expected = {".".join(("meshquake", *folder.parts)) for folder in folders} | {"meshquake"}
    assert sorted(PYPROJECT["tool"]["setuptools"]["packages"]) == sorted(expected)


def test_a_wheel_holds_the_rooms_whole_and_nothing_from_beside_them(built: dict[str, Path], files: set[str]) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = set(wheel.namelist())
    dist_info = built["wheel"].name.split("-py3")[0] + ".dist-info"
    assert {name.split("/")[0] for name in names} == {"meshquake", dist_info}
    rooms = {f"meshquake/{name}" for name in files if name.startswith(tuple(f"{room}/" for room in ROOMS))}
    front = {f"meshquake/{name}" for name in ("__init__.py", "extending.py", "py.typed", "run.py")}
    assert {name for name in names if name.startswith("meshquake/")} == rooms | front
    assert rooms >= {
        "meshquake/topology/meshes/ten-services.yaml",
        "meshquake/faults/scenarios/cascade.yaml",
        "meshquake/sim/telemetry/logs/catalogue.yaml",
        "meshquake/exporters/fixtures/schemas/traces.schema.json",
    }


def test_a_source_distribution_is_the_repository(built: dict[str, Path], files: set[str]) -> None:
    """A source distribution can be built again, tested, and its documentation renewed."""
    with tarfile.open(built["sdist"]) as sdist:
        names = {member.name.partition("/")[2] for member in sdist if member.isfile()}
    assert {name for name in names if not name.startswith("meshquake.egg-info/")} == files | {"PKG-INFO", "setup.cfg"}
    assert {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "tests/test_packaging.py"} <= names


# -- installed beside a project whose folders have the same names --------------------------------------------------


@dataclass(frozen=True)
class Environment:
    """A fresh virtual environment with meshquake's dependencies."""

    folder: Path
    pip: tuple[str | Path, ...]

    @property
    def site_packages(self) -> Path:
        (found,) = self.folder.glob("lib/python3*/site-packages")
        return found

    def run(self, command: str, *arguments: str, folder: Path) -> str:
        """Return the output of one of its commands."""
        return run([self.folder / "bin" / command, *arguments], folder)


# The scope is wider than that of the packages installed into it, so each environment is made once, for both.
@pytest.fixture(scope="session", params=["here", *(f"python{version}" for version in SUPPORTED)])
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Make one environment of this interpreter, which borrows its libraries, and one of each supported Python."""
    folder = tmp_path_factory.mktemp("environment")
    python = folder / "bin" / "python"
    if request.param == "here":
        run([sys.executable, "-m", "venv", "--without-pip", folder], folder)
        made = Environment(folder, (sys.executable, "-m", "pip", "--python", python))
        borrowed = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
        (made.site_packages / "borrowed.pth").write_text("\n".join(borrowed))
        return made
    run([interpreter(request.param.removeprefix("python")), "-m", "venv", folder], folder)
    made = Environment(folder, (python, "-m", "pip"))
    needed = [*PYPROJECT["build-system"]["requires"], *PYPROJECT["project"]["dependencies"], "pytest"]
    run([*made.pip, "install", "--quiet", *needed], folder)
    return made


@pytest.fixture(scope="module", params=["wheel", "sdist"])
def installed(request: pytest.FixtureRequest, environment: Environment, built: dict[str, Path]) -> Environment:
    """Return the environment with meshquake installed, from either of the two."""
    command = ("install", "--quiet", "--force-reinstall", "--no-deps", "--no-index", "--no-build-isolation")
    run([*environment.pip, *command, built[request.param]], environment.folder)
    return environment


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return someone else's project, in which every accidental import is an error."""
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text(TRAP)
    (tmp_path / "run.py").write_text(TRAP)
    (tmp_path / "test_theirs.py").write_text(OTHERS_TEST)
    return tmp_path


def test_the_only_name_that_it_installs_is_its_own(installed: Environment, project: Path) -> None:
    files = "from importlib.metadata import files; print(*{path.parts[0] for path in files('meshquake')})"
    (dist_info,) = (path.name for path in installed.site_packages.glob("meshquake-*.dist-info"))
    names = set(installed.run("python", "-c", files, folder=project).split())
    assert names - {".."} == {"meshquake", dist_info}, "'..' is the way to the command"
    where = installed.run("python", "-c", "import meshquake; print(meshquake.__file__)", folder=project)
    assert Path(where.strip()).parent == installed.site_packages / "meshquake"


def test_command_export_and_api_work_and_give_the_same(installed: Environment, project: Path) -> None:
    times = ("--duration", "10", "--lead-in", "2", "--recovery", "2", "--seed", "7")
    installed.run("meshquake", "cascade", *times, "--output", "out", folder=project)
    installed.run(
        "meshquake", "export", "out/incidents/cascade", "--format", "zipkin", "--output", "exported", folder=project
    )
    spans = int(installed.run("python", "-c", API, folder=project))
    exported = [json.loads(path.read_text(encoding="utf-8")) for path in (project / "exported").rglob("*.json")]
    assert sum(map(len, exported)) == spans > 1000


def test_the_tests_of_the_other_project_get_fixtures_from_the_plugin(installed: Environment, project: Path) -> None:
    said = installed.run("python", "-m", "pytest", folder=project)
    assert f"{1 + len(ROOMS)} passed" in said


@pytest.mark.parametrize(("environment", "installed"), [("here", "wheel")], indirect=True)
def test_a_type_checker_sees_its_types_and_finds_wrong_arguments(installed: Environment, project: Path) -> None:
    pytest.importorskip("mypy", reason="checking needs mypy: pip install -e '.[dev]'")
    (project / "program.py").write_text(TYPED)
    command = ["mypy", "--strict", "--python-executable", str(installed.folder / "bin" / "python"), "program.py"]
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=project, env=OUTSIDE, capture_output=True, text=True, check=False
    )
    found = [line for line in done.stdout.splitlines() if line.startswith("program.py")]
    revealed = [re.sub(r"\b(builtins|typing)\.", "", line.split('"')[1]) for line in found if "Revealed" in line]
    assert revealed == [
        "list[dict[str, Any]]",
        "meshquake.sim.records.Batch",
        "float",
        "tuple[meshquake.topology.problems.Problem, ...]",
    ], done.stdout + done.stderr
    assert {int(line.split(":")[1]) for line in found if ": error: " in line} == {10, 11, 12}, done.stdout
