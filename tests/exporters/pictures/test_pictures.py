"""Pictures of a mesh that need more than the core: a page, and PNG."""

import base64
import hashlib
import re
import sys
from html.parser import HTMLParser

import pytest
from small_mesh import SMALL

from meshquake.exporters import extras
from meshquake.exporters.pictures import made
from meshquake.topology.loader import parse
from meshquake.topology.spec import Call, Edge, Entry, Operation, Service, Topology, Workload
from tests.browser import axe


@pytest.fixture(scope="module")
def small():
    return parse(SMALL, "small.yaml").topology


def hostile():
    """Return a mesh with names that would be markup. A file can't have them, but a mesh made in Python can."""
    name = "</script><script>document.title=2</script>"
    services = (
        Service(name, operations=(Operation("go", calls=((Call("db", "get"),),)),)),
        Service("db", kind="database", operations=(Operation("get"),)),
    )
    mix = (Entry(name, "go", 1.0),)
    title = "<img src=x onerror='document.title=1'>"
    return name, Topology(title, services, (Edge(name, "db"),), Workload(mix=mix))


class Reader(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def of(self, *names):
        return [attributes for tag, attributes in self.tags if tag in names]


# -- the page ----------------------------------------------------------------------------------------------------------


def test_a_page_has_each_service_and_each_call_and_is_the_same_each_time(small):
    pytest.importorskip("jinja2")
    page = made("html", small)
    assert page == made("html", small)
    tags = Reader(page)
    assert [each["data-service"] for each in tags.of("g") if "data-service" in each] == [
        service.name for service in small.services
    ]
    calls = [each for each in tags.of("path") if each.get("data-caller")]
    assert [(each["data-caller"], each["data-callee"]) for each in calls] == [
        (edge.caller, edge.callee) for edge in small.edges
    ]


def test_a_page_fetches_nothing_and_only_what_is_in_it_runs(small):
    pytest.importorskip("jinja2")
    page = made("html", small)
    tags = Reader(page)
    assert not [each for _, each in tags.tags if {"src", "href"} & {*each}]
    (policy,) = [each["content"] for each in tags.of("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    for tag in ("script", "style"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_names_in_a_page_are_text():
    pytest.importorskip("jinja2")
    name, mesh = hostile()
    tags = Reader(made("html", mesh))
    assert len(tags.of("script")) == 1
    assert not tags.of("img")
    assert tags.of("g")[1:] and name in [each.get("data-service") for each in tags.of("g")]


# -- in a browser ------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(browser, tmp_path):
    """Open the page of a mesh; nothing may fail in it, and nothing may be fetched."""
    problems, requests = [], []

    def look(mesh):
        (tmp_path / "mesh.html").write_text(made("html", mesh), encoding="utf-8")
        page = browser.new_page(viewport={"width": 1000, "height": 700})
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto((tmp_path / "mesh.html").as_uri())
        return page

    yield look
    assert problems == []
    assert len(requests) == 1


def near(page):
    return sorted(page.eval_on_selector_all("g.near", "all => all.map(each => each.dataset.service)"))


def test_a_service_that_is_pointed_at_or_searched_for_shows_who_calls_it_and_whom_it_calls(small, opened):
    page = opened(small)
    page.hover("g[data-service=cart]")
    assert near(page) == ["cache", "cart", "db", "web"]
    page.fill("#words", "car")
    assert page.text_content("#found") == "1 found"
    page.keyboard.press("Enter")
    assert near(page) == ["cache", "cart", "db", "web"]
    assert page.locator("#about li").all_inner_texts() == ["web\n40/s", "cache\n44/s", "db\n4/s"]
    page.keyboard.press("Escape")
    assert near(page) == []


def test_the_keyboard_goes_from_service_to_service_moves_and_zooms(small, opened):
    page = opened(small)
    page.focus("#stage")
    page.keyboard.press("Enter")
    assert page.text_content("#about h2") == "web"
    page.keyboard.press("ArrowRight")
    assert page.text_content("#about h2") in ("cart", "ads")
    page.keyboard.press("Escape")
    before = page.locator("#mesh").bounding_box()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    after = page.locator("#mesh").bounding_box()
    assert after["x"] < before["x"]
    assert after["width"] == pytest.approx(before["width"] * 1.3, rel=0.01)
    page.keyboard.press("0")
    assert page.locator("#mesh").bounding_box() == before


def test_axe_finds_nothing_serious(small, opened):
    page = opened(small)
    page.evaluate(f"{axe()}; 0")
    found = page.evaluate("axe.run()")["violations"]
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []


def test_names_run_no_script_in_a_browser(opened):
    name, mesh = hostile()
    page = opened(mesh)
    page.keyboard.press("/")
    page.keyboard.type("script")
    page.keyboard.press("Enter")
    assert page.text_content("#about h2") == name
    assert page.title() == mesh.name


# -- PNG ---------------------------------------------------------------------------------------------------------------


def test_png_is_twice_as_large_as_the_drawing(small):
    pytest.importorskip("vl_convert")
    svg, png = made("svg", small), made("png", small)
    width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) == (2 * width, 2 * height)
    assert png == made("png", small)


@pytest.mark.parametrize(
    ("kind", "library", "what"), [("png", "vl_convert", "a PNG picture"), ("html", "jinja2", "a page with the picture")]
)
def test_without_its_library_a_picture_says_what_to_install(small, monkeypatch, kind, library, what):
    monkeypatch.delitem(sys.modules, f"meshquake.exporters.pictures.{kind}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(extras.MissingExtraError) as raised:
        made(kind, small)
    assert str(raised.value) == f"{what} needs {library}: pip install 'meshquake[report]'"
