"""The files for the serving process: the records of a case, its brief, and its metadata without the truth.

The folder and the case have the same names for every case. Files are hard links to those of the case, since there may
be gigabytes of them, or copies where links are impossible.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from meshquake.exporters import unfinished
from meshquake.exporters.fixtures import layout, manifest, reading, recording
from meshquake.exporters.fixtures.layout import BRIEF
from meshquake.sim.records import RECORD_KINDS
from meshquake.topology import outside

#: The name of every case.
NAME = "incident"


@contextmanager
def staged(case: Path) -> Iterator[Path]:
    """Provide a folder with the visible files of a case during a block.

    Raises
    ------
    exporters.fixtures.manifest.ManifestError
        If it is not a complete case or fixture.
    OSError
        If there is no room for it.
    """
    content = manifest.verified(case)
    shop = Path(mkdtemp(prefix="meshquake-"))

    def remove() -> None:
        shutil.rmtree(shop, ignore_errors=True)

    with unfinished.undone(remove):
        folder = shop / NAME
        folder.mkdir()
        for name in (*(f"{kind}.ndjson" for kind in RECORD_KINDS), BRIEF):
            path = layout.path(case, name)
            if outside.is_file(path):
                _link(path.resolve(), folder / name)
        text = json.dumps(_told(case, content), indent=2, ensure_ascii=False) + "\n"
        (folder / layout.RECORDING).write_text(text, encoding="utf-8", newline="\n")
        yield folder
    remove()


def _told(case: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a case, under the name that all cases have."""
    told = content if recording.is_withheld(content) else recording.told(content, reading.context(case).topology)
    # List only the staged files: those in subfolders are exports to other formats.
    files = {name: each for name, each in told["files"].items() if "/" not in name}
    return told | {"scenario": {"name": NAME}, "files": files}


def _link(path: Path, link: Path) -> None:
    try:
        os.link(path, link)
    except OSError:  # on another disk, or a file system without links
        shutil.copyfile(path, link)
