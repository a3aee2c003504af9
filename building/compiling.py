"""The hot path compiled with mypyc: whether a build has it, and how.

A wheel has it wherever there are a C compiler and Python's headers, an installed checkout only if it's asked for: that
needs Python alone, and its sources are there to be edited. `MESHQUAKE_COMPILE=1` asks for it, and then it's an error if
it can't be done; `MESHQUAKE_COMPILE=0` asks for plain Python. What is compiled is in `sim/compiled.py`.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import setuptools  # before distutils, which it brings

if TYPE_CHECKING:
    from setuptools import Extension

#: The kinds of build that may compile, by setuptools' commands for them.
WHEEL, EDITABLE = "bdist_wheel", "editable_wheel"
#: What a build that compiles needs: a mypy whose output was tried, and the libraries whose types the hot path uses.
NEEDED: Final = ("mypy>=2.0", "numpy>=1.26", "simpy>=4.1")
_ROOT: Final = Path(__file__).resolve().parent.parent
#: The least that an extension includes.
_TRIAL: Final = "#include <Python.h>\nPyObject *PyInit_trial(void) { return NULL; }\n"


def extensions(arguments: Sequence[str]) -> list[Extension]:
    """What setuptools is to compile for the commands that it's given."""
    kind = next((each for each in (WHEEL, EDITABLE) if each in arguments), None)
    if kind is None:
        return []
    _clear()
    missing = [each for each in NEEDED if find_spec(each.partition(">")[0]) is None]
    # Nobody has to install these, but for a build without an environment of its own.
    return _compiled() if is_to_be_compiled(kind, missing) else []


def is_to_be_compiled(kind: str, missing: Sequence[str] = ()) -> bool:
    """Whether a build of this kind has its hot path compiled, where some of what it needs for that may be missing.

    Says why it has not where it usually would; if it was asked for, that ends the build.
    """
    asked = os.environ.get("MESHQUAKE_COMPILE", "")
    if asked not in ("", "0", "1"):
        sys.exit(f"meshquake: MESHQUAKE_COMPILE is 1 (compile the hot path) or 0 (keep it plain Python), not {asked!r}")
    if asked == "0" or (not asked and kind == EDITABLE):
        return False
    reason = f"there is no {' and no '.join(missing)}" if missing else _obstacle()
    if reason and asked:
        sys.exit(f"meshquake: the hot path can't be compiled, as MESHQUAKE_COMPILE=1 asks for: {reason}")
    if reason:
        print(f"meshquake: the hot path stays plain Python, the same but slower: {reason}", file=sys.stderr)
    return not reason


def _obstacle() -> str:
    """Why nothing can be compiled here; empty if it can."""
    if sys.implementation.name != "cpython":
        return f"mypyc knows CPython alone, and not {sys.implementation.name}"
    from distutils.ccompiler import new_compiler
    from distutils.errors import CCompilerError, DistutilsError
    from distutils.sysconfig import customize_compiler, get_python_inc

    with TemporaryDirectory() as folder:
        source = Path(folder) / "trial.c"
        source.write_text(_TRIAL)
        try:
            compiler: Any = new_compiler()
            customize_compiler(compiler)
            objects = compiler.compile([str(source)], output_dir=folder, include_dirs=[get_python_inc()])
            compiler.link_shared_object(objects, str(Path(folder) / "trial.so"))
        except (CCompilerError, DistutilsError, OSError) as error:
            return f"no C compiler makes an extension here ({error})"
    return ""


def _compiled() -> list[Extension]:
    """C from the sources, and what setuptools has to know of it."""
    from mypyc.build import mypycify

    hot = runpy.run_path(str(_ROOT / "sim" / "compiled.py"))
    # What the rest of the package is, another job looks at: there what it imports is needed, too.
    options = ["--config-file=", "--ignore-missing-imports", "--follow-imports=silent", "--python-version=3.11"]
    target = _ROOT / "build" / "hot-path"
    with TemporaryDirectory() as folder:
        # The repository is the package, whatever its folder is called.
        (Path(folder) / "meshquake").symlink_to(_ROOT)
        here = Path.cwd()
        os.chdir(folder)
        try:
            made: list[Extension] = mypycify(
                [*options, *(f"meshquake/sim/{name}.py" for name in hot["HOT"])],
                target_dir=str(target),
                group_name=f"meshquake.sim.{hot['library']()}",
            )
        finally:
            os.chdir(here)
    for extension in made:
        extension.sources = [os.path.relpath(source, _ROOT) for source in extension.sources]
    return made


def _clear() -> None:
    """Take away what earlier builds for this Python have compiled, in the sources and in what is built of them."""
    from distutils.sysconfig import get_config_var

    for folder in (_ROOT / "sim", *(_ROOT / "build").glob("lib*")):
        for library in folder.rglob(f"*{get_config_var('EXT_SUFFIX')}"):
            library.unlink()


assert setuptools  # its distutils is meant
