"""The compiled hot path plays the same run: wheels have it where possible, a checkout builds it on request."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from test_packaging import GATHERED, OUTSIDE

from meshquake.sim.compiled import HOT

ROOT = Path(__file__).parents[1]
HEADER = Path(sysconfig.get_path("include")) / "Python.h"
#: A compiler that always fails.
NO_COMPILER = {"CC": "false", "CXX": "false"}


def run(*command: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Return the output of a command, whether or not it fails."""
    return subprocess.run(
        command, cwd=folder, env=OUTSIDE | environment, capture_output=True, text=True, check=False, timeout=1500
    )


def built(source: Path, folder: Path, **environment: str) -> Path:
    """Build a wheel of a checkout."""
    done = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source, folder=source,
               **environment)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def environment(folder: Path) -> Path:
    """Return the Python of a fresh virtual environment that borrows the libraries of this one."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site_packages,) = folder.glob("lib/python3*/site-packages")
    borrowed = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    (site_packages / "borrowed.pth").write_text("\n".join(borrowed))
    return folder / "bin" / "python"


def install(python: Path, what: Path, *options: str, **asked: str) -> None:
    command = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index")
    done = run(*command, "--no-build-isolation", "--force-reinstall", *options, what, folder=python.parent, **asked)
    assert done.returncode == 0, done.stdout + done.stderr


def played(python: Path, folder: Path) -> tuple[str, dict[str, str]]:
    """Return what an installed meshquake says of its hot path, and SHA-256 of each file of a short cascade."""
    command = python.parent / "meshquake"
    told = run(command, "--version", folder=python.parent)
    done = run(command, "cascade", "--duration", "10", "--output", folder, "--quiet", folder=python.parent)
    assert (told.returncode, done.returncode) == (0, 0), told.stderr + done.stderr
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return told.stdout.splitlines()[-1], {name: hashlib.sha256(text).hexdigest() for name, text in files.items()}


def needed(source: Path, kind: str, **asked: str) -> str:
    """Return the build requirements besides setuptools."""
    told = f"from building import backend; print('needs', *backend.get_requires_for_build_{kind}())"
    done = run(sys.executable, "-c", told, folder=source, **asked)
    assert done.returncode == 0, done.stderr
    return next(line for line in done.stdout.splitlines() if line.startswith("needs"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the repository in a folder of another name, without build leftovers."""
    copy = tmp_path_factory.mktemp("source") / "checkout"
    return Path(shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*GATHERED)))


@pytest.fixture(scope="module")
def plain(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel that is built without a compiler."""
    return built(source, tmp_path_factory.mktemp("plain"), **NO_COMPILER)


@pytest.fixture(scope="module")
def plainly(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the files of a cascade played by plain Python."""
    folder = tmp_path_factory.mktemp("plainly")
    python = environment(folder / "venv")
    install(python, plain)
    told, files = played(python, folder / "output")
    assert told == "hot path: plain Python"
    return files


@pytest.fixture(scope="module")
def compiler() -> None:
    """Skip the test unless mypy and a C compiler are there, as maintainers have them."""
    pytest.importorskip("mypyc", reason="compiling needs mypy: pip install -e '.[dev]'")
    if shutil.which("cc") is None or not HEADER.exists():
        pytest.skip("compiling needs a C compiler and Python's headers")


def test_each_hot_module_is_there() -> None:
    assert [name for name in HOT if not (ROOT / "sim" / f"{name}.py").exists()] == []
    assert list(HOT) == sorted(set(HOT))


def test_where_no_compiler_is_a_wheel_is_for_any_platform(plain: Path) -> None:
    assert plain.name.endswith("-py3-none-any.whl")
    assert [name for name in zipfile.ZipFile(plain).namelist() if name.endswith((".so", ".pyd"))] == []


def test_what_was_asked_for_and_cannot_be_is_an_error_of_one_line(source: Path, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source)
    done = run(*command, folder=source, MESHQUAKE_COMPILE="1", **NO_COMPILER)
    assert done.returncode == 1
    assert "meshquake: the hot path can't be compiled, as MESHQUAKE_COMPILE=1 asks for: " in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_word_that_is_not_known_is_refused(source: Path, tmp_path: Path) -> None:
    done = run(*(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source),
               folder=source, MESHQUAKE_COMPILE="yes")  # fmt: skip
    assert done.returncode == 1
    assert "MESHQUAKE_COMPILE is 1 (compile the hot path) or 0 (keep it plain Python), not 'yes'" in (
        done.stdout + done.stderr
    )


@pytest.mark.parametrize(
    ("kind", "asked"),
    [("editable", {}), ("wheel", {"MESHQUAKE_COMPILE": "0"}), ("wheel", NO_COMPILER)],
)
def test_who_does_not_compile_needs_nothing_more(source: Path, kind: str, asked: dict[str, str]) -> None:
    assert "mypy" not in needed(source, kind, **asked)


def test_who_compiles_needs_mypy(compiler: None, source: Path) -> None:
    assert "mypy" in needed(source, "wheel")
    assert "mypy" in needed(source, "editable", MESHQUAKE_COMPILE="1")


@pytest.mark.slow
def test_a_compiled_wheel_is_for_one_platform_holds_its_sources_and_gives_the_same_bytes(
    compiler: None, source: Path, plainly: dict[str, str], tmp_path: Path
) -> None:
    """Compiled code whose sources were edited since is not run."""
    wheel = built(source, tmp_path)
    assert not wheel.name.endswith("any.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    assert {f"meshquake/sim/{name}{end}" for name in HOT for end in (".py", suffix)} <= names
    assert {name.split("/")[0] for name in names} == {"meshquake", wheel.name.split("-cp")[0] + ".dist-info"}
    python = environment(tmp_path / "venv")
    install(python, wheel)
    assert played(python, tmp_path / "output") == ("hot path: compiled", plainly)

    (edited,) = (tmp_path / "venv").rglob("site-packages/meshquake/sim/engine/engine.py")
    edited.write_text(edited.read_text(encoding="utf-8") + "# edited\n", encoding="utf-8")
    for command in ("--version", "normal"):
        done = run(python.parent / "meshquake", command, folder=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "the hot path was compiled from other sources than those there" in done.stderr


@pytest.mark.slow
def test_a_checkout_is_compiled_on_request_and_plain_again_without(
    compiler: None, source: Path, plainly: dict[str, str], tmp_path: Path
) -> None:
    """`run.py` of the checkout runs whichever build was installed last."""
    checkout = shutil.copytree(source, tmp_path / "anywhere")
    python = environment(tmp_path / "venv")
    for number, (asked, told) in enumerate([({"MESHQUAKE_COMPILE": "1"}, "compiled"), ({}, "plain Python")]):
        install(python, checkout, "--editable", **asked)
        assert played(python, tmp_path / f"output{number}") == (f"hot path: {told}", plainly)
        done = run(python, "run.py", "--version", folder=checkout)
        assert done.stdout.splitlines()[-1] == f"hot path: {told}", done.stderr
    assert list((checkout / "sim").rglob(f"*{sysconfig.get_config_var('EXT_SUFFIX')}")) == []
