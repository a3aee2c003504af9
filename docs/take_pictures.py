"""Makes the pictures of the README: `python -m meshquake.docs.take_pictures FOLDER`, of the page of that fixture.

It needs Playwright's Python package and a Chromium. Each is a screen of 1200 by 700.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from meshquake.exporters.page import document

FOLDER = Path(__file__).parent / "pictures"
_WIDTH, _HEIGHT = 1200, 700


def _story(page: Any) -> None:
    """What one sees first."""


def _spread(page: Any) -> None:
    page.locator("#users").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('#users').scrollIntoView()")


def _waterfall(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.querySelector('#traces').scrollIntoView()")


PICTURES: dict[str, Callable[[Any], None]] = {
    "report-mesh.png": _story,
    "report-users.png": _spread,
    "report-request.png": _waterfall,
}


def pictures(folder: Path) -> Iterator[Path]:
    """Take the pictures of a fixture's page; yields each file once it is there."""
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as temporary, sync_playwright() as driver:
        place = Path(temporary) / "report.html"
        document.write(folder, place)
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, prepare in PICTURES.items():
            page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT}, color_scheme="light")
            page.goto(place.as_uri())
            page.wait_for_function("document.querySelectorAll('#users .vega svg').length >= 3")
            prepare(page)
            page.screenshot(path=str(FOLDER / name))
            page.close()
            yield FOLDER / name
        browser.close()


if __name__ == "__main__":
    for made in pictures(Path(sys.argv[1])):
        print(made)
