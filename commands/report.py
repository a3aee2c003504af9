"""`report`: a page on a fixture for the browser; also what `--report` does after a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshquake.commands import errors, options

if TYPE_CHECKING:
    from types import ModuleType


@click.command(short_help="Write a report on an incident as one HTML page")
@options.fixture
@click.option(
    "--compare",
    "beside",
    metavar="DIR",
    type=options.PATH,
    help="Another fixture to show beside it, such as a what-if.",
)
@click.option(
    "--truth/--no-truth",
    default=True,
    show_default=True,
    help="Show what was wrong; without it the page is an exercise.",
)
@click.option("--answers", metavar="FILE", type=options.PATH, help="An answer to show on the page, with its mark.")
@click.option(
    "--output",
    metavar="FILE",
    type=options.FILE,
    help="File to write.  [default: DIR.report.html]",
)
def report(folder: Path, beside: Path | None, truth: bool, answers: Path | None, output: Path | None) -> None:
    """Write a report on a fixture, or on a case of a data set, as one HTML file (see docs/report.md).

    The file is self-contained and fetches nothing: double-click to open it.
    """
    from meshquake.commands.output import say

    if answers is not None and not truth:
        errors.fail("--answers: a mark reveals what was wrong, which --no-truth leaves out")
    pages = writer()
    target = pages.place(folder, truth) if output is None else output
    with errors.written(target):
        pages.write(folder, target, beside, truth, answers)
    say(f"report  {target}")


def writer() -> ModuleType:
    """Return the module that writes pages; MissingExtraError if its libraries are not installed."""
    from meshquake.exporters import extras

    return extras.load("meshquake.exporters.page.document", "report", "a report")
