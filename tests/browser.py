"""Pages in a headless Chromium, for tests of what a reader of a page sees."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

#: What Debian and others call it.
NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium():
    """The browser; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright's Python package")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"needs a browser: none of {', '.join(NAMES)} is on PATH")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page that is open, of a file or an address, and what went wrong or over the network while it was."""

    #: What is true once it is drawn.
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
        """Wait until an expression is true. Playwright's own waiting may evaluate a text, which our pages forbid."""
        for _ in range(400):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(25)
        pytest.fail(f"never came true: {expression}")

    def text(self, selector):
        """The text of the first element that a selector finds."""
        return self.page.locator(selector).first.text_content()

    def go(self, step):
        """Move the slider to a step, as its reader would."""
        self.page.locator("#slider").fill(str(step))


def axe():
    """The script of axe-core; the test is skipped where it is not."""
    path = os.environ.get("MESHQUAKE_AXE", "")
    if not Path(path).is_file():
        pytest.skip("needs axe-core: MESHQUAKE_AXE=.../axe.min.js, of its package for npm")
    return Path(path).read_text(encoding="utf-8")
