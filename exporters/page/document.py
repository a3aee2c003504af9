"""The report as one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from meshquake.exporters.blocks import Block
from meshquake.exporters.fixtures import layout, staging
from meshquake.exporters.page.assembly import Part, assembled, library, plain
from meshquake.exporters.page.content import content
from meshquake.exporters.page.sources import read
from meshquake.exporters.reports import marking
from meshquake.exporters.reports.markup import markup

#: In the order in which each needs those before it.
SCRIPTS: Final = (
    *("dom.js", "data.js", "choice.js", "axis.js", "player.js", "plots.js", "mesh.js", "users.js", "spread.js"),
    *("services.js", "traces.js", "flame.js", "lists.js", "templates.js", "logs.js", "main.js"),
)


def write(
    folder: Path, target: Path, beside: Path | None = None, truth: bool = True, answers: Path | None = None
) -> None:
    """Write the page of a fixture, or of a case of a data set.

    Parameters
    ----------
    folder
        The fixture.
    target
        The file, which appears whole or not at all.
    beside
        Another fixture, shown beside it.
    truth
        Whether the page may tell what was wrong; if not it is an exercise.
    answers
        An answer to the fixture, to be marked on the page.

    Raises
    ------
    topology.exceptions.MeshquakeError
        If one of them is no fixture, or its files are not what they should be.
    OSError
        If the file cannot be written.
    """
    other = None if beside is None else read(beside, truth)
    own = read(folder, truth)
    mark = [] if answers is None else marking.report(folder, answers).blocks
    with ThreadPoolExecutor(1) as besides:
        besides.submit(library)  # which takes a second, and another core
        data = content(own, other, exercise=not truth)
    staging.write_text(target, document(data, mark))


def place(folder: Path, truth: bool = True) -> Path:
    """Where the page of a fixture is unless somebody says: beside its folder, which holds nothing but the fixture.

    That of a case of a data set is in the tree of truth if it tells of that.
    """
    trees = layout.case(folder)
    whole = folder if trees is None else trees[1 if truth else 0]
    whole = whole.resolve() if whole.name in ("", "..") else whole
    return whole.with_name(f"{whole.name}.report.html")


def document(data: dict[str, Any], mark: Sequence[Block] = ()) -> str:
    """The page of some content, and of the mark of an answer."""
    scripts, styles = [Part(name) for name in SCRIPTS], [Part("page.css")]
    return assembled("page.html.j2", data, scripts, styles, mark=Markup(plain(markup(mark)))).text
