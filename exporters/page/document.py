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

#: Scripts of the page; each needs only those before it.
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
        The file, which is written atomically.
    beside
        A second fixture, shown beside the first.
    truth
        Whether the page may use the answer key; otherwise it is an exercise.
    answers
        An answer to the fixture, whose mark the page shows.

    Raises
    ------
    topology.exceptions.MeshquakeError
        If a folder is no fixture, or its files are invalid.
    OSError
        If the file cannot be written.
    """
    other = None if beside is None else read(beside, truth)
    own = read(folder, truth)
    mark = [] if answers is None else marking.report(folder, answers).blocks
    with ThreadPoolExecutor(1) as besides:
        besides.submit(library)  # takes a second, on another core
        data = content(own, other, exercise=not truth)
    staging.write_text(target, document(data, mark))


def place(folder: Path, truth: bool = True) -> Path:
    """Return the default path of a fixture's page: beside its folder, which holds nothing but the fixture.

    For a case of a data set, a page that uses the answer key belongs in the tree of truth.
    """
    trees = layout.case(folder)
    whole = folder if trees is None else trees[1 if truth else 0]
    whole = whole.resolve() if whole.name in ("", "..") else whole
    return whole.with_name(f"{whole.name}.report.html")


def document(data: dict[str, Any], mark: Sequence[Block] = ()) -> str:
    """Render the page from its content and the mark of an answer."""
    scripts, styles = [Part(name) for name in SCRIPTS], [Part("page.css")]
    return assembled("page.html.j2", data, scripts, styles, mark=Markup(plain(markup(mark)))).text
