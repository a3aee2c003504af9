"""Pages in a headless Chromium, to test what a reader of a page sees."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

#: Names of the program on Debian and elsewhere.
NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium():
    """Yield the browser; skips the test if there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright's Python package")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"needs a browser: none of {', '.join(NAMES)} is on PATH")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """An open page, from a file or an address, with the errors and network requests seen since it opened."""

    #: An expression that is true once the page is drawn.
    DRAWN = "document.querySelectorAll('#users .vega svg').length >= 2"

    def __init__(self, browser, place, **settings):
        self.problems, self.requests = [], []
        self.page = browser.new_page(viewport={"width": 1280, "height": 900}, **settings)
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(place if isinstance(place, str) else place.as_uri())
        self.until(self.DRAWN)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.page.close()

    def until(self, expression):
        """Wait until an expression is true. Playwright's own waiting may evaluate a string, which our pages forbid."""
        for _ in range(400):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(25)
        pytest.fail(f"never came true: {expression}")

    def text(self, selector):
        """Return the text of the first element that a selector finds."""
        return self.page.locator(selector).first.text_content()

    def go(self, step):
        """Move the slider to a step, as a reader would."""
        self.page.locator("#slider").fill(str(step))


def axe():
    """Return the script of axe-core; skips the test if it is missing."""
    path = os.environ.get("MESHQUAKE_AXE", "")
    if not Path(path).is_file():
        pytest.skip("needs axe-core: MESHQUAKE_AXE=.../axe.min.js, of its package for npm")
    return Path(path).read_text(encoding="utf-8")
