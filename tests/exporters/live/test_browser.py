"""The page of a live mesh in the browser, and the effect of clicks on the mesh."""

import json
from contextlib import contextmanager
from threading import Thread
from time import monotonic

import pytest
from click.testing import CliRunner
from twin_runs import frames

from meshquake.commands.main import main
from meshquake.exporters.formats.ndjson import encode
from meshquake.exporters.live.app import application
from meshquake.exporters.live.stage import Stage
from meshquake.exporters.server.hosts import Hosts
from meshquake.exporters.server.running import listen, server
from meshquake.faults.loader import Options, load
from meshquake.sim.live.second import OF_SERVICES
from meshquake.sim.live.session import Session
from meshquake.sim.records import RECORD_KINDS
from tests.browser import Opened, axe

MESH = """
name: two
services:
  web: {replicas: 2, operations: {home: {work: 1ms, calls: db.get}}}
  db: {replicas: 2, rollout: in_place, startup: 100ms, readiness: {period: 100ms}, operations: {get: {work: 10ms}}}
edges: {web -> db: {timeout: 1s, retry: 2, pool: 4}}
workload: {rate: 30/s, mix: {web.home: 1}}
"""
#: A minute in which nothing happens.
SCENARIO = """
name: evening
lead_in: 0s
duration: 1m
recovery: 0s
confounders: none
topology: mesh.yaml
"""
TOKEN = "secret-of-the-address"


class Live(Opened):
    """The page of a live mesh."""

    DRAWN = "document.querySelectorAll('#causes-more').length && document.querySelector('#playing').textContent"

    def figures(self, service):
        """Return the error rate in percent and the requests per second, as shown in the box of a service."""
        text = self.text(f"#picture .node[data-service={service}] .small")
        errors, _, rate = text.partition("% errors · ")
        return float(errors), float(rate.removesuffix("/s"))

    def play(self, seconds):
        """Play this many seconds, one after another, and wait until they are drawn."""
        first = int(self.text("#playing").split(", ")[1].split()[0])
        for second in range(first + 1, first + seconds + 1):
            self.page.locator("#step").click()
            self.until(f"document.querySelector('#playing').textContent.includes(', {second} of ')")
        self.page.wait_for_timeout(150)

    def choose(self, selector):
        """Select a service or an edge, with the keyboard."""
        self.page.locator(selector).focus()
        self.page.keyboard.press("Enter")

    def do(self, kind, set=None, **keys):
        """Fill in and send the form for the selection; `set` is a setting and its value."""
        self.page.locator("#kind").select_option(kind)
        if set:
            self.page.locator("#setting").select_option(set[0])
            self.page.locator("#setting-value").fill(set[1])
        for name, value in keys.items():
            field = self.page.locator(f"#form [name={name}]")
            if not field.is_visible():
                self.page.locator("#more summary").click()
            field.fill(value)
        self.page.locator("#do").click()
        self.until("document.querySelector('#said').textContent")
        return self.text("#said")


@contextmanager
def served(stage):
    """Serve a stage that is played by threads; yields the address of its page."""
    with listen("127.0.0.1", 0) as listening:
        running = server(application(stage, TOKEN, Hosts("127.0.0.1"), lambda: running.should_exit), 64)
        threads = [Thread(target=stage.run), Thread(target=running.run, kwargs={"sockets": [listening]})]
        for thread in threads:
            thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            running.should_exit = True
            stage.stop()
            for thread in threads:
                thread.join()


@pytest.fixture(scope="module")
def evening(tmp_path_factory):
    """Write a scenario file, on a mesh beside it."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "mesh.yaml").write_text(MESH)
    (folder / "evening.yaml").write_text(SCENARIO)
    return folder / "evening.yaml"


@pytest.fixture
def played(evening):
    """Return a stage of it, and the records of its run in batches."""
    batches = []

    def make(seed):
        batches.clear()
        options = Options(seed=seed)
        return Session(load(evening, options), options, on_batch=batches.append)

    return Stage(make, 7, monotonic), batches


def test_what_is_broken_by_a_click_fails_until_it_is_rolled_back_and_the_saved_scenario_is_the_same_run(
    browser, played, tmp_path
):
    stage, batches = played
    with served(stage) as address, Live(browser, f"{address}#token={TOKEN}") as page, Live(browser, address) as other:
        page.play(4)
        assert page.figures("web") == (0, pytest.approx(30, abs=20))

        page.choose("#picture .node[data-service=db]")
        assert page.page.locator("#target option").all_text_contents() == [
            *("the service db", "its replica 0", "its replica 1", "its operation get")
        ]
        told = page.do("fault deploy", share="90%", patience="none")
        assert told.startswith("deploy-1 at db, from 10:30:04.000")
        page.play(6)
        assert page.figures("db")[0] > 50 and page.figures("web")[0] > 50
        assert page.text("#acting") == "deploy on db"
        assert page.page.locator("#picture .node[data-service=db] .happening.acting").count() == 1

        # All figures are those of the shown second, even a past one.
        for index in (9, 3):
            page.go(index)
            for place, service in enumerate(("web", "db")):
                row = dict(zip(OF_SERVICES, stage.session.seconds[index].services[place], strict=True))
                assert page.figures(service) == (pytest.approx(row["error_rate"], abs=0.06), row["request_rate"])
        assert page.text("#now") == "10:30:03"
        page.page.locator("#follow").click()
        assert page.text("#now") == "10:30:09"

        # Somebody else sees the same, and can only watch.
        assert other.figures("db") == page.figures("db") and other.text("#causes") == page.text("#causes")
        for id in ("play", "step", "speed", "seed", "restart", "do"):
            assert other.page.locator(f"#{id}").is_disabled()
        refused = "async () => (await fetch('/v1/steer', {method: 'POST', body: '{}'})).status"
        assert other.page.evaluate(refused) == 401
        # The console reports the refusal, as it should.
        assert "401" in other.problems.pop()

        # A failed request, span by span.
        page.page.locator("#traces").scroll_into_view_if_needed()
        page.until("document.querySelectorAll('#traces .rows .bad').length")
        page.page.locator("#traces .rows tr:has(.bad) button").first.click()
        chosen = stage.session.recent.traces[page.text("#waterfall code")]
        assert page.page.locator("#waterfall .spans li").count() == len(chosen)
        assert page.page.locator("#waterfall .spans .failed").count() > 0
        # Where the time went before the deployment, and recently.
        sides = page.page.locator("#flame strong").all_text_contents()
        assert sides == ["Before", "Latest"]
        assert "web.home" in page.page.locator("#flame .flame").nth(1).text_content()

        page.do("action rollback")
        page.play(6)
        assert page.figures("db")[0] == 0 and page.figures("web")[0] == 0
        page.choose("#picture .edge")
        assert page.page.locator("#target").input_value() == "web -> db"
        page.until("document.querySelector('#present').textContent.includes('max_attempts: 2')")
        assert page.text("#present").startswith("timeout1s")
        page.page.locator("#kind").select_option("action change")
        page.page.locator("#setting").select_option("pool")
        assert "size: 4" in page.page.locator("#setting-value").get_attribute("placeholder")
        assert page.do("action change", set=("retry", "{max_attempts: 3}")).startswith("change-1 at web -> db")

        # It shows the current state, and error lines are counted by template.
        page.play(1)
        page.until("document.querySelector('#present').textContent.includes('max_attempts: 3')")
        page.until("document.querySelector('#templates .bad')")
        cells = "all => all.map(e => [...e.cells].map(c => c.textContent))"
        told = stage.templates(["web", "db"])["templates"]
        counted = {(each["level"], each["service"], each["text"]): sum(n for _, n in each["counts"]) for each in told}
        for _ in range(100):  # the page polls for them
            said = page.page.eval_on_selector_all("#templates tbody tr", cells)
            agree = bool(said) and all(int(row[0]) + int(row[1]) == counted[tuple(row[3:])] for row in said)
            if agree:
                break
            page.page.wait_for_timeout(100)
        assert agree, said

        page.page.locator("#speed").select_option("max")
        page.page.locator("#play").click()
        page.until("document.querySelector('#playing').textContent.endsWith('over')")
        with page.page.expect_download() as download:
            page.page.locator("#save").click()
        download.value.save_as(tmp_path / "saved.yaml")
        for each in (page, other):
            assert each.problems == []
            assert all(url.startswith((address, f"blob:{address}")) for url in each.requests)

    command = ["scenario", str(tmp_path / "saved.yaml"), "--seed", "7", "--output", str(tmp_path)]
    assert CliRunner().invoke(main, command).exit_code == 0
    (again,) = (path.parent for path in tmp_path.rglob("metrics.ndjson"))
    records = frames(batches)
    for name, kind in RECORD_KINDS.items():
        assert (again / f"{name}.ndjson").read_bytes() == encode(kind, records[name])
    key = json.loads((again / "truth" / "ground_truth.json").read_text())
    assert [each["kind"] for each in key["actions"]["taken"]] == ["rollback", "change"]


def test_text_stays_text_and_a_restart_ends_what_was_done(browser, played):
    stage, _ = played
    with served(stage) as address, Live(browser, f"{address}#token={TOKEN}") as page:
        assert page.text("#playing").startswith("evening, 0 of 60 s")
        page.choose("#picture .node[data-service=web]")
        page.do("fault configure", setting="<b>limit</b>", value="</script>&amp;")
        page.play(1)
        page.until("document.querySelectorAll('#events li').length")
        assert "<b>limit</b>" in page.text("#events li") and "</script>&amp;" in page.text("#events li")
        # An event, and a line, whose text would reverse the page.
        recent = stage.session.recent
        hostile = "<img src=x onerror=alert(1)>\u202edcba\x1b[31m"
        recent.events.append(recent.events[-1] | {"details": hostile})
        recent.counted += 1
        recent.lines["web"].append(recent.lines["web"][-1] | {"message": hostile})
        page.play(1)
        page.until("document.querySelector('#lines').textContent.includes('img')")
        for id in ("events", "lines"):
            assert "<img src=x onerror=alert(1)>\\u202edcba\\u001b[31m" in page.text(f"#{id}")
        assert page.page.locator("img, #events li b b, #lines code *").count() == 0
        page.page.locator("#kind").select_option("fault fail")
        assert page.page.locator("#form [name=share]").input_value() == "20%"
        assert page.do("fault fail", share="lots").startswith("share: ")
        page.page.locator("#seed").fill("8")
        page.page.locator("#restart").click()
        page.until("document.querySelector('#causes-more').textContent && !document.querySelector('#events li')")
        assert page.text("#playing").startswith("evening, 0 of 60 s") and stage.seed == 8
        # The only complaints are about requests that were refused on purpose.
        assert len(page.problems) == 1 and "400" in page.problems[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_nothing_sticks_out(browser, played, scheme):
    script = axe()
    stage, _ = played
    with served(stage) as address, Live(browser, f"{address}#token={TOKEN}", color_scheme=scheme) as page:
        page.choose("#picture .node[data-service=db]")
        page.do("fault fail", share="50%")
        page.play(2)
        for width in (1280, 400):
            page.page.set_viewport_size({"width": width, "height": 900})
            assert page.page.evaluate("document.documentElement.scrollWidth") <= width
        page.page.evaluate(script)
        found = page.page.evaluate("axe.run()")["violations"]
        assert [(each["id"], each["help"]) for each in found if each["impact"] in ("serious", "critical")] == []
