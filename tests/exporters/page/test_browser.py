"""A reader of the page in a browser sees what the records and the key say."""

import json
from collections import Counter
from dataclasses import replace
from functools import cache
from math import ceil

import pytest
from patience import every

from meshquake.exporters.fixtures import writing
from meshquake.exporters.page import document
from meshquake.faults.loader import Options, load, shipped
from meshquake.sim.simulation import Simulation
from tests.browser import Opened, axe

#: Seconds of each scenario, chosen so that both the slider's step and the bins of the users' view are a second.
LENGTHS = Options(lead_in=3, duration=8, recovery=4)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a function that makes a short fixture of a scenario, once, and its page; it returns the folder."""
    root = tmp_path_factory.mktemp("pages")

    @cache
    def make(name):
        writing.write(Simulation.of(load(shipped()[name], LENGTHS)), root / name, lambda batch: None)
        document.write(root / name, document.place(root / name))
        return root / name

    return make


@pytest.fixture(scope="module")
def folder(made):
    """Return the fixture of the cascade."""
    return made("cascade")


@pytest.fixture(scope="module")
def cascade(browser, folder):
    """Yield its page, open."""
    with Opened(browser, document.place(folder)) as opened:
        yield opened


def rows(place, name):
    return [json.loads(line) for line in (place / name).read_text().splitlines()]


@pytest.mark.parametrize("name", every(shipped(), ("cascade", "high_volume", "normal")))
def test_the_page_of_every_scenario_opens_without_a_complaint_and_without_the_network(browser, made, name):
    path = document.place(made(name))
    assert path.stat().st_size < 3_000_000
    with Opened(browser, path) as opened:
        for step in (0, 4, 11):
            opened.go(step)
        assert opened.problems == []
        assert opened.requests == [path.as_uri()]
        # Nothing overflows, in a narrow window too.
        for width in (1280, 400):
            opened.page.set_viewport_size({"width": width, "height": 900})
            assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_plots_are_as_wide_as_the_paper_and_on_the_screen_as_before(browser, made):
    found = "[...document.querySelectorAll('#users .vega svg, .spread svg')]"
    widths = f"{found}.map(each => Number(each.getAttribute('width')))"
    with Opened(browser, document.place(made("cascade"))) as opened:
        before = opened.page.evaluate(widths)
        opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert set(opened.page.evaluate(widths)) == {700}
        opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert opened.page.evaluate(widths) == before != []
        assert min(before) > 1000


def test_a_page_opens_where_most_requests_were_harmed(browser, made):
    for name in ("cascade", "high_volume"):
        folder = made(name)
        harmed = Counter(
            row["timestamp"][11:19]
            for row in rows(folder, "truth/verdicts.ndjson")
            if row["effect"] in ("failed", "slowed")
        )
        with Opened(browser, document.place(folder)) as opened:
            assert harmed[opened.text("#now")] == max(harmed.values())


def test_the_slider_moves_the_mesh_and_every_figure_of_a_service_is_a_sample(cascade, folder):
    samples = {}
    for row in rows(folder, "metrics.ndjson"):
        if row["replica"] is None and row["target"] is None:
            samples[row["timestamp"][11:19], row["service"], row["metric"]] = row["value"]
    seen = set()
    for step in (1, 5, 9):
        cascade.go(step)
        # A sample describes the second that ends at its timestamp.
        at = f"10:30:{step + 1:02}"
        assert cascade.text("#now") == f"10:30:{step:02}"
        drawn = cascade.page.eval_on_selector_all(
            "#picture .node", "all => all.map(e => [e.dataset.service, e.querySelector('.small').textContent])"
        )
        for service, text in drawn:
            errors, rate = (samples[at, service, metric] for metric in ("error_rate", "request_rate"))
            assert text == f"{shown(errors)}% errors · {shown(rate)}/s"
        cells = cascade.page.eval_on_selector_all(
            ".multiples tbody tr",
            "all => all.map(e => [e.dataset.service, e.querySelector('[data-metric=cpu_usage]').textContent])",
        )
        assert all(text == f"{shown(samples[at, service, 'cpu_usage'])}%" for service, text in cells)
        seen.add(json.dumps(drawn))
    assert len(seen) == 3


def test_a_line_in_every_plot_shows_where_the_slider_is(cascade):
    places = "[...document.querySelectorAll('#users .bands, .multiples .bands')]"
    place = "each => parseFloat(getComputedStyle(each).backgroundPositionX)"
    for step in (0, 7, 14):
        cascade.go(step)
        lines = cascade.page.evaluate(f"{places}.map({place})")
        assert len(lines) > 50
        # The middle of a step, of the fifteen in the recording.
        assert lines == pytest.approx([100 * (step + 0.5) / 15] * len(lines), abs=0.001)


def shown(value):
    """Format a number as the page does."""
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    text = f"{value + 1e-9:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits else text


def test_an_edge_has_the_calls_that_ended_and_the_retries_and_breakers_of_the_moment(cascade, folder):
    ended, failed, states = Counter(), Counter(), {}
    for span in rows(folder, "traces.ndjson"):
        if span["kind"] == "client":
            start = float(span["timestamp"][17:26]) if span["timestamp"][14:16] == "30" else 60.0
            key = int(round(start + span["duration_ms"] / 1000, 6)), span["service"], span["peer"]
            ended[key] += 1
            failed[key] += span["status"] != "success"
    for row in rows(folder, "metrics.ndjson"):
        if row["replica"] is None and row["metric"] in ("retry_rate", "timeout_rate"):
            states[int(row["timestamp"][17:19]) - 1, row["service"], row["target"], row["metric"]] = row["value"]
    busy = 0
    for step in (5, 8, 10):
        cascade.go(step)
        edges = cascade.page.eval_on_selector_all(
            "#picture .edge",
            "all => all.map(e => [e.dataset.caller, e.dataset.callee, e.querySelector('title').textContent])",
        )
        for caller, callee, told in edges:
            key = step, caller, callee
            share = 100 * failed[key] / ended[key] if ended[key] else 0
            retries, timeouts = (states.get((*key, metric), 0) for metric in ("retry_rate", "timeout_rate"))
            assert told.startswith(
                f"{caller} to {callee}: {shown(ended[key])} calls per second, {shown(share)}% failed, "
                f"{shown(retries)} retries and {shown(timeouts)} timeouts per second"
            )
            busy += bool(retries or timeouts)
    assert busy


def test_what_users_met_is_what_the_verdicts_say_of_both_runs(cascade, folder):
    verdicts = rows(folder, "truth/verdicts.ndjson")
    for step in (2, 6, 9):
        cascade.go(step)
        own = [row for row in verdicts if row["timestamp"][17:19] == f"{step:02}"]
        fact = sum(row["outcome"] != "success" for row in own) / len(own)
        twin = sum(row["twin_outcome"] != "success" for row in own) / len(own)
        span = f"10:30:{step:02} to 10:30:{step + 1:02}"
        assert cascade.text("#share-now") == (
            f"{span}: {shown(100 * fact)}% of {len(own)} (without the faults {shown(100 * twin)}%)"
        )
        times = [percentiles([row[key] for row in own]) for key in ("duration_ms", "twin_duration_ms")]
        assert cascade.text("#latency-now") == f"{times[0]} ms ({times[1]})"
        harmed = sum(row["effect"] in ("failed", "slowed") for row in own)
        assert cascade.text("#harmed-now") == f"{harmed} of {len(own)}"


def percentiles(durations):
    ordered = sorted(durations)
    return ", ".join(shown(ordered[ceil(share * len(ordered) - 1e-9) - 1]) for share in (0.5, 0.95, 0.99))


def test_the_story_has_the_figures_of_the_key(cascade, folder):
    key = json.loads((folder / "truth" / "ground_truth.json").read_text())
    (fault,) = key["faults"]
    story = cascade.text("#story")
    for told in (
        f"At {fault['start'][11:19]} database became slow",
        f"It harmed {fault['blast_radius']['requests']} requests, {fault['blast_radius']['share']:.0%} of",
        f"at {fault['user_facing']['since'][11:19]}",
    ):
        assert told in story
    assert cascade.text(".figures div:nth-child(2) strong") == f"{key['requests']['harmed']:,}"


def test_search_finds_a_trace_and_draws_its_spans(cascade, folder):
    ids = cascade.page.eval_on_selector_all("#traces .rows tr[data-trace]", "all => all.map(e => e.dataset.trace)")
    spans = Counter(span["trace_id"] for span in rows(folder, "traces.ndjson"))
    wanted = ids[len(ids) // 2]
    cascade.page.locator("#search").fill(wanted[:14])
    found = cascade.page.locator("#traces .rows tr[data-trace]")
    assert (found.count(), found.first.get_attribute("data-trace")) == (1, wanted)
    assert cascade.text("#waterfall code") == wanted
    assert cascade.page.locator("#waterfall .spans:not(.other) li:not(.would)").count() == spans[wanted]
    cascade.page.locator("#search").fill("no such trace")
    assert cascade.text("#found") == "Not among the requests on this page."
    cascade.page.locator("#search").fill("")


def test_a_request_that_was_harmed_stands_beside_the_same_one_without_the_faults(cascade, folder):
    verdicts = {row["trace_id"]: row for row in rows(folder, "truth/verdicts.ndjson")}
    ids = cascade.page.eval_on_selector_all("#traces .rows tr[data-trace]", "all => all.map(e => e.dataset.trace)")
    harmed = next(verdicts[each] for each in ids if verdicts[each]["effect"] == "failed")
    cascade.page.locator(f"#traces tr[data-trace='{harmed['trace_id']}'] button").click()
    ms = shown(harmed["twin_duration_ms"])
    assert cascade.page.locator("#waterfall h3").nth(1).text_content() == (
        f"The same request without the faults: {harmed['twin_outcome']} after {ms} ms"
    )
    # Both share one scale: the twin's root ends where the bar on top of the recorded spans does.
    edge = "each => each.getBoundingClientRect().width"
    widths = [
        cascade.page.locator(selector).first.evaluate(edge)
        for selector in ("#waterfall .would .bar", "#waterfall .spans.other .bar")
    ]
    assert widths[0] == pytest.approx(widths[1], abs=1)
    assert cascade.page.locator("#waterfall .spans.other li.failed").count() == 0


def test_choosing_a_service_sets_what_follows_to_it(cascade, folder):
    cascade.page.locator("#window").select_option("all")
    cascade.page.locator("#picture .node[data-service=payment-service]").click()
    assert cascade.text("#chosen .name") == "payment-service"
    assert cascade.page.locator("#service .plot").count() == 7
    services = cascade.page.eval_on_selector_all("#templates tbody tr", "all => all.map(e => e.cells[4].textContent)")
    assert set(services) == {"payment-service"}
    # The page keeps all templates of warnings and errors, and the most frequent of the others.
    levels = Counter()
    for level, count in cascade.page.eval_on_selector_all(
        "#templates tbody tr", "all => all.map(e => [e.cells[3].textContent, +e.cells[0].textContent])"
    ):
        levels[level] += count
    lines = Counter(row["level"] for row in rows(folder, "logs.ndjson") if row["service"] == "payment-service")
    assert {level: levels[level] for level in ("WARN", "ERROR")} == {level: lines[level] for level in ("WARN", "ERROR")}
    told = cascade.page.eval_on_selector_all("#events li b", "all => all.map(e => e.textContent)")
    events = rows(folder, "events.ndjson")
    assert Counter(told) == Counter(
        row["type"] for row in events if "payment-service" in (row["service"], row["attributes"].get("target"))
    )
    cascade.page.locator("#chosen button").click()
    assert not cascade.page.locator("#chosen").is_visible()


def test_the_keyboard_reaches_everything(cascade):
    cascade.page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    total = cascade.page.evaluate(
        """() => [...document.querySelectorAll("a, button, select, input, summary, [tabindex='0']")]
            .filter((each) => each.checkVisibility()).length"""
    )
    reached = set()
    for _ in range(total + 5):
        cascade.page.keyboard.press("Tab")
        place = cascade.page.evaluate(
            "() => { const all = [...document.querySelectorAll('*')]; return all.indexOf(document.activeElement); }"
        )
        reached.add(place)
    assert len(reached) >= total
    cascade.go(3)
    cascade.page.locator("#slider").focus()
    before = cascade.text("#now")
    cascade.page.keyboard.press("ArrowRight")
    assert cascade.text("#now") > before
    cascade.page.locator("#picture .edge").first.focus()
    cascade.page.keyboard.press("Enter")
    assert "→" in cascade.text("#chosen .name")
    cascade.page.keyboard.press("Enter")
    assert cascade.text("#chosen .name") == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, folder, scheme):
    script = axe()
    with Opened(browser, document.place(folder), color_scheme=scheme) as opened:
        opened.page.evaluate(script)
        found = opened.page.evaluate("axe.run()")["violations"]
        assert [(each["id"], each["help"]) for each in found if each["impact"] in ("serious", "critical")] == []


def test_a_page_with_another_run_beside_it_has_figures_of_both(browser, folder, tmp_path):
    other = tmp_path / "calmer"
    milder = load(shipped()["cascade"], replace(LENGTHS, severity=0.1))
    writing.write(Simulation.of(milder), other, lambda batch: None)
    document.write(folder, tmp_path / "both.html", beside=other)
    with Opened(browser, tmp_path / "both.html") as opened:
        opened.go(8)
        own, others = (
            [row for row in rows(place, "truth/verdicts.ndjson") if row["timestamp"][17:19] == "08"]
            for place in (folder, other)
        )
        shares = [shown(100 * sum(row["outcome"] != "success" for row in each) / len(each)) for each in (own, others)]
        assert opened.text("#share-now").endswith(f": {shares[0]}% of {len(own)} (the other run {shares[1]}%)")
        assert opened.page.locator("#waterfall .spans").count() == 2
        assert opened.problems == []


def test_an_exercise_gives_nothing_away(browser, folder, tmp_path):
    document.write(folder, tmp_path / "exercise.html", truth=False)
    content = (tmp_path / "exercise.html").read_text().partition('id="data">')[2].partition("</script>")[0]
    assert not {"slow-1", "cascade", "confounder", str(folder)} & set(json.loads(content)["words"])
    for secret in ("slow-1", '"cascade', "confounder", str(folder), '"latent"', '"caused_by"'):
        assert secret not in content
    with Opened(browser, tmp_path / "exercise.html") as opened:
        assert opened.text("h1") == "What is wrong in ten-services?"
        assert "Of the requests in any 10s, 95% shall succeed within 1s" in opened.text("#story")
        assert opened.problems == []
