"""Time to write and open a report: `python -m meshquake.benchmarks.report [SECONDS]`, by default of ten minutes.

A fixture of 100 services is made first, whose time is not counted. Then its page is written, and opened in a headless
Chromium, where the slider is moved twenty times; a move ends when the browser has laid the page out again.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from meshquake.exporters.fixtures import writing
from meshquake.exporters.page import document
from meshquake.faults import loader
from meshquake.sim.simulation import Simulation

#: Limits: seconds for writing and for opening, and milliseconds for one move of the slider.
WRITTEN, OPENED, ANSWERED = 10.0, 3.0, 100.0
_TEAMS = 11
_MOVE = """step => {
    const slider = document.getElementById("slider");
    const begin = performance.now();
    slider.value = step;
    slider.dispatchEvent(new Event("input"));
    document.body.getBoundingClientRect();
    return performance.now() - begin;
}"""


def mesh() -> str:
    """Build a mesh of 100 services: a gateway, and eleven teams of nine services, each with a cache and a database."""
    services = ["  gateway: {kind: gateway, replicas: 3, operations: {"]
    services.append(", ".join(f"page{team}: {{work: 2ms, calls: [front{team}.get]}}" for team in range(_TEAMS)) + "}}")
    for team in range(_TEAMS):
        services.append(f"  front{team}: {{operations: {{get: {{work: 3ms, calls: [[a{team}.get, b{team}.get]]}}}}}}")
        for name, calls in (("a", "c d"), ("b", "e f"), ("c", "store"), ("d", "cache"), ("e", "store"), ("f", "cache")):
            below = ", ".join(f"{each}{team}.get" for each in calls.split())
            services.append(f"  {name}{team}: {{operations: {{get: {{work: 4ms, calls: [{below}]}}}}}}")
        services.append(f"  cache{team}: {{kind: cache, operations: {{get: {{work: 1ms}}}}}}")
        services.append(f"  store{team}: {{kind: database, operations: {{get: {{work: 5ms}}}}}}")
    mix = ", ".join(f"gateway.page{team}: 1" for team in range(_TEAMS))
    return "\n".join(["name: hundred", "services:", *services, f"workload: {{rate: 20/s, mix: {{{mix}}}}}", ""])


def made(folder: Path, seconds: float) -> Path:
    """Make a fixture of that mesh in which a database is slow for a third of the time."""
    (folder / "mesh.yaml").write_text(mesh(), encoding="utf-8")
    text = f"name: benchmark\nlead_in: {seconds / 3}s\nduration: {seconds / 3}s\nrecovery: {seconds / 3}s\n"
    text += "faults:\n  - slow: {target: store0, factor: 60}\n"
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    options = loader.Options(topology=folder / "mesh.yaml")
    simulation = Simulation.of(loader.load(folder / "scenario.yaml", options))
    writing.write(simulation, folder / "fixture", lambda batch: None)
    return folder / "fixture"


def looked_at(page: Any, path: Path) -> tuple[float, list[float]]:
    """Measure the seconds until the page is drawn, and the milliseconds of each move of its slider."""
    begin = perf_counter()
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelectorAll('#users .vega svg').length >= 3")
    opened = perf_counter() - begin
    last = int(page.locator("#slider").get_attribute("max"))
    return opened, [float(page.evaluate(_MOVE, last * move // 20)) for move in range(20)]


def main() -> None:
    """Measure, and print whether it is fast enough."""
    from playwright.sync_api import sync_playwright

    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    with TemporaryDirectory() as temporary, sync_playwright() as driver:
        folder = made(Path(temporary), seconds)
        path = folder.with_name("report.html")
        begin = perf_counter()
        document.write(folder, path)
        written = perf_counter() - begin
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened, answers = looked_at(browser.new_page(viewport={"width": 1280, "height": 900}), path)
        browser.close()
        size = path.stat().st_size / 1e6
    print(f"100 services, {seconds:.0f} s: a page of {size:.2f} MB")
    print(f"written in {written:.1f} s (at most {WRITTEN:.0f}), opened in {opened:.2f} s (at most {OPENED:.0f})")
    print(f"the slider answers in {median(answers):.0f} ms, at worst {max(answers):.0f} (at most {ANSWERED:.0f})")


if __name__ == "__main__":
    main()
