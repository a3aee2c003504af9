"""The names that `from meshquake import ...` promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import meshquake

ROOT = Path(__file__).parents[1]


def test_the_public_names_are_those_that_the_page_has() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(meshquake.__all__)


def test_the_page_lists_every_setting() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| `Settings` \| .*: (`.*`) \|$", page, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", row)) == sorted(meshquake.Settings.__annotations__)


@pytest.mark.parametrize("name", meshquake.__all__)
def test_each_public_name_is_there_and_explains_itself(name: str) -> None:
    found = getattr(meshquake, name)
    assert name in dir(meshquake)
    assert isinstance(found, str) if name == "__version__" else found.__doc__


def test_any_other_name_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="module 'meshquake' has no attribute 'cascades'"):
        _ = meshquake.cascades


def test_importing_the_package_alone_loads_nothing_but_python() -> None:
    code = "import sys; known = {*sys.modules}; import meshquake; print(*{*sys.modules} - known)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.split(".")[0] not in sys.stdlib_module_names}
    # The installer generates the finder of an editable install.
    assert {name for name in loaded if not name.startswith("__editable__")} == {"meshquake"}
