"""A package from outside, installed for real: the one in docs/extending.md, and some broken ones."""

import json
import os
import re
import subprocess
import sys
from itertools import accumulate
from math import gamma
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from meshquake import extending
from meshquake.commands.main import main
from meshquake.topology import plugins

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))
RECORDS = ("metrics.ndjson", "logs.ndjson", "traces.ndjson", "events.ndjson")

SHAPE, SCALE_MS = 0.7, 20
TOPOLOGY = """
name: shop
services:
  web: {kind: gateway, operations: {get: {work: 1ms, calls: [db.select]}}}
  db:
    kind: database
    logs: mysql
    operations: {select: {work: {weibull: {scale: 20ms, shape: 0.7}}}}
edges:
  web -> db: {latency: 0s}
workload: {rate: 60, mix: {web.get: 1}}
"""
SCENARIO = """
name: pauses
topology: shop.yaml
lead_in: 40s
duration: 20s
recovery: 5s
confounders: none
faults:
  - stutter: {target: db, pause: 2s, every: 5s}
actions:
  - ramp_up: {target: db, first: 2, to: 3, at: 10s, pause: 4s}
background:
  - restart: {target: "web[0]", at: 21s}
  - restart: {target: "db[0]", at: 21s}
"""


def run(*arguments, path, cwd):
    """Run the command line in a separate process that finds the packages of some folders."""
    search = os.pathsep.join(filter(None, (*map(str, path), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, ROOT / "run.py", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": search},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
    )


def declare(folder, points, code="", name="acme-broken", version="0.9"):
    """Lay out a package as if installed: its module, and its declared entry points, by group."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("".join(f"[{group}]\n{line}\n" for group, line in points.items()))
    (folder / f"{name.replace('-', '_')}.py").write_text(code)
    return folder


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Return the folder that the package of the page is installed into."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name, text in FILES.items():
        (source / name).write_text(text, encoding="utf-8")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", target, source], check=True)
    return target


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with the scenario and its mesh."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "shop.yaml").write_text(TOPOLOGY)
    (folder / "pauses.yaml").write_text(SCENARIO)
    return folder


@pytest.fixture(scope="module")
def made(package, place):
    """Return the fixture of that scenario, in which everything from outside takes part."""
    done = run("scenario", "pauses.yaml", "--format", "plain", "--output", "out", path=[package], cwd=place)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return place / "out" / "incidents" / "pauses"


def frame(folder, kind):
    return pl.read_ndjson(folder / f"{kind}.ndjson", infer_schema_length=None)


# -- the page --------------------------------------------------------------------------------------------------------


def test_the_page_has_an_example_of_15_to_40_lines_of_each_thing_that_can_be_added():
    groups = re.findall(r'entry-points\."(.+)"\]\n[\w-]+ = "(\w+):', FILES["pyproject.toml"])
    assert {group for group, _ in groups} == {
        group.strip("`") for group in re.findall(r"^\| (`meshquake\.\w+`)", PAGE, re.M)
    }
    for _, module in groups:
        assert 15 <= len(FILES[f"{module}.py"].splitlines()) <= 40, module


def test_the_examples_import_nothing_of_ours_but_what_is_public():
    for text in FILES.values():
        for home, names in re.findall(r"from (meshquake\S*) import (.+)", text):
            assert home == "meshquake.extending"
            assert set(names.split(", ")) <= set(extending.__all__)


def test_every_file_that_the_page_names_is_there():
    table = PAGE.split("## Where things go")[1].split("## From outside")[0]
    paths = [path for path in re.findall(r"`([\w/.]+/[\w/.]*)`", table) if not re.search("NAME|STACK", path)]
    assert len(paths) > 5
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_all_that_is_public_is_there_and_is_found_when_it_is_asked_for():
    assert all(getattr(extending, name) is not None for name in extending.__all__)
    assert set(extending.__all__) <= set(dir(extending))
    with pytest.raises(AttributeError, match="has no attribute 'Mesh'"):
        _ = extending.Mesh


# -- what it adds works ----------------------------------------------------------------------------------------------


def test_a_fault_from_outside_harms_requests_and_is_in_the_key(made):
    truth = json.loads((made / "truth" / "ground_truth.json").read_text())
    (fault,) = truth["faults"]
    assert (fault["id"], fault["kind"]) == ("stutter-1", "stutter")
    assert (fault["root_cause"]["service"], fault["root_cause"]["indicator"]) == ("db", "latency")
    assert not fault["latent"]
    assert truth["requests"]["harmed"] > 100


def test_an_action_from_outside_is_done_and_in_the_key(made):
    (action,) = json.loads((made / "truth" / "ground_truth.json").read_text())["actions"]["taken"]
    assert (action["id"], action["kind"]) == ("ramp_up-1", "ramp_up")
    scaled = frame(made, "events").filter(type="scaled", service="db")["details"].to_list()
    assert [re.findall(r"to (\d) replicas", each) for each in scaled] == [["2"], ["3"]]


def test_a_distribution_from_outside_is_that_of_the_latency(made):
    spans = frame(made, "traces").filter(service="db", kind="server")
    healthy = spans.filter(pl.col("timestamp") < "2024-01-15T10:30:40")["duration_ms"]
    assert len(healthy) > 2000
    assert healthy.mean() == pytest.approx(SCALE_MS * gamma(1 + 1 / SHAPE), rel=0.1)
    assert (healthy < SCALE_MS).mean() == pytest.approx(0.632, abs=0.03)


def test_a_catalogue_from_outside_is_that_of_the_service_that_asks_and_of_no_other(made):
    lines = frame(made, "logs")
    assert {"general-log", "slow-log", "mysqld"} <= set(lines.filter(service="db")["logger"])
    starts = lines.filter(pl.col("message").str.contains("(?i)starting"))
    assert set(starts.select("service", "logger").rows()) == {("web", "main"), ("db", "mysqld")}
    assert lines.filter(service="db")["message"].str.contains(r"^web Query select /\* [\d.]+ ms \*/$").any()
    assert "access" in set(lines.filter(service="web")["logger"])


FLAKY = """
name: flaky
lead_in: 0s
duration: 30s
recovery: 0s
confounders: none
topology: capped.yaml
faults:
  - fail: {target: db, share: 50%, error: unavailable}
"""
CAPPED = """
name: capped
defaults: {edge: {retry: {max_attempts: 4, base: 0s}POLICIES}}
services:
  web: {kind: gateway, operations: {get: {work: 1ms, calls: [db.select]}}}
  db: {kind: database, operations: {select: {work: 40ms}}}
workload: {rate: 60, mix: {web.get: 1}}
"""


def retries_under_way(folder):
    """Return the number of retries, and the maximum that were in flight at a time."""
    spans = frame(folder, "traces").filter(pl.col("attempt") > 1, kind="client")
    start = pl.col("timestamp").str.to_datetime(time_zone="UTC")
    moments = spans.select(start=start, end=start + pl.duration(microseconds=pl.col("duration_ms") * 1000))
    changes = [(at, 1) for at in moments["start"]] + [(at, -1) for at in moments["end"]]
    return len(spans), max(accumulate(change for _, change in sorted(changes)), default=0)


@pytest.mark.parametrize(("policies", "at_a_time"), [("", 9), (", policies: {retry-cap: 2}", 2), ("none", 9)])
def test_a_policy_from_outside_bounds_the_retries_of_the_edge_that_has_it(package, tmp_path, policies, at_a_time):
    mesh = CAPPED.replace("POLICIES", ", policies: {retry-cap: 2}" if policies == "none" else policies)
    if policies == "none":
        mesh += "edges: {web -> db: {policies: {retry-cap: none}}}\n"
    (tmp_path / "capped.yaml").write_text(mesh)
    (tmp_path / "flaky.yaml").write_text(FLAKY)
    done = run("scenario", "flaky.yaml", "--output", "out", "--no-truth", path=[package], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    made = tmp_path / "out" / "incidents" / "flaky"
    count, most = retries_under_way(made)
    assert count > 100
    assert most == at_a_time if at_a_time == 2 else most > 3
    took_part = json.loads((made / "manifest.json").read_text())["versions"].get("meshquake-acme")
    assert took_part == ("1.2.0" if at_a_time == 2 else None)


def test_a_format_from_outside_writes_its_file_at_once_and_later(made, package, place):
    first, *rest = (made / "plain" / "pauses.log").read_text().splitlines()
    assert re.fullmatch(r"10:30:00\.\d{3} (DEBUG|INFO|WARN|ERROR) (web|db) \S+: .+", first)
    assert 1 + len(rest) == len(frame(made, "logs"))
    done = run("export", made, "--format", "plain", "--output", "later", path=[package], cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    assert (place / "later" / "pauses.log").read_bytes() == (made / "plain" / "pauses.log").read_bytes()


def test_the_manifest_names_the_package_and_replay_is_the_same_to_the_byte(made, package, place):
    manifest = json.loads((made / "manifest.json").read_text())
    assert manifest["versions"]["meshquake-acme"] == "1.2.0"
    assert manifest["formats"] == ["plain"]
    done = run("replay", made, "--json", path=[package], cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["same"]


def test_what_is_installed_and_has_no_part_in_a_run_changes_no_byte_of_it(package, place):
    """An installed package that a run doesn't use changes no byte, even where the seed picks the kind of fault."""
    (place / "drawn.yaml").write_text("name: drawn\nlead_in: 1s\nduration: 4s\nrecovery: 0s\nfaults: [any: {}]\n")
    outputs = []
    for name, path in (("with", [package]), ("without", [])):
        done = run("scenario", "drawn.yaml", "--output", name, "--quiet", path=path, cwd=place)
        assert (done.returncode, done.stderr) == (0, "")
        files = sorted(path for path in (place / name).rglob("*") if path.is_file())
        outputs.append({path.relative_to(place / name): path.read_bytes() for path in files})
    assert outputs[0] == outputs[1]


def test_an_incident_by_a_fault_from_outside_is_told_in_words(made, package, place):
    done = run("explain", made, path=[package], cwd=place)
    assert re.search(r"^stutter-1: stutter on db \(.*pause 2s, every 5s\)$", done.stdout, re.M)
    gone = run("explain", made, path=[], cwd=place)
    assert (gone.returncode, gone.stdout) == (2, "")
    assert gone.stderr == "stutter-1 is a fault of kind stutter, which no package installed here has\n"


# -- it isn't there ----------------------------------------------------------------------------------------------------


def test_without_the_package_each_name_is_unknown_at_its_place_in_the_file(place):
    done = run("scenario", "pauses.yaml", "--output", "never", path=[], cwd=place)
    assert (done.returncode, done.stdout) == (2, "")
    said = done.stderr.splitlines()
    assert said[0].startswith("pauses.yaml:9: faults[0].stutter: unknown kind of fault 'stutter' (")
    assert any(
        "services.db.logs: no installed package has a catalogue of log lines called 'mysql'" in line for line in said
    )
    assert any("unknown key 'weibull'" in line for line in said)
    assert not (place / "never").exists()


def test_without_the_package_its_format_is_unknown(place):
    done = run("normal", "--format", "plain", path=[], cwd=place)
    assert done.returncode == 2
    assert "unknown format 'plain'" in done.stderr


def test_a_fixture_that_was_made_with_a_package_says_which_if_it_is_gone(made, place):
    done = run("replay", made, path=[], cwd=place)
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown key 'weibull'" in done.stderr
    assert "made with meshquake-acme 1.2.0, not installed here" in done.stderr


def test_replay_warns_of_another_version_of_a_package_that_took_part(made, package, place, tmp_path):
    for path in package.iterdir():
        if path.suffix == ".py":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (info,) = package.glob("*.dist-info")
    newer = tmp_path / "meshquake_acme-1.3.0.dist-info"
    newer.mkdir()
    (newer / "METADATA").write_text("Metadata-Version: 2.1\nName: meshquake-acme\nVersion: 1.3.0\n")
    (newer / "entry_points.txt").write_bytes((info / "entry_points.txt").read_bytes())
    done = run("replay", made, path=[tmp_path], cwd=place)
    assert done.returncode == 0
    assert "made with other versions: meshquake-acme 1.2.0 then, 1.3.0 now" in done.stderr


# -- it is broken ----------------------------------------------------------------------------------------------------

FAULT = "from dataclasses import dataclass\nfrom meshquake.extending import Fault\n"
BROKEN = {
    "no module": ("jam = nowhere:Jam", "", "cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
    "it breaks": ("jam = acme_broken:Jam", "1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
    "no such name": (
        "jam = acme_broken:Jam",
        "",
        "cannot be imported: AttributeError: module 'acme_broken' has no attribute 'Jam'",
    ),
    "no fault": ("jam = acme_broken:Jam", "Jam = 3", "must be a class derived from meshquake.extending.Fault"),
    "another name": (
        "jam = acme_broken:Jam",
        f"{FAULT}@dataclass(frozen=True, kw_only=True)\nclass Jam(Fault):\n    kind = 'marmalade'\n",
        "must have the name of its entry point: kind = 'jam'",
    ),
    "no dataclass": (
        "jam = acme_broken:Jam",
        f"{FAULT}class Jam(Fault):\n    kind = 'jam'\n",
        "must be a frozen dataclass",
    ),
    "taken": ("slow = acme_broken:Jam", "", "the name slow is taken"),
    "taken before": ("cut = acme_broken:Jam", "", "the name cut is taken"),
    "reserved": ("any = acme_broken:Jam", "", "the name any is taken"),
    "no word": (
        "a jam = acme_broken:Jam",
        "",
        "a name must be lower case letters, digits, `-` and `_`, starting with a letter",
    ),
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Yield a function that declares a package in this process, faster than in another, and returns the folder."""

    def declare_here(points, code="", **named):
        monkeypatch.syspath_prepend(declare(tmp_path / named.get("name", "site"), points, code, **named))
        return tmp_path

    monkeypatch.chdir(tmp_path)
    plugins.offered.cache_clear()
    yield declare_here
    plugins.offered.cache_clear()
    sys.modules.pop("acme_broken", None)


def call(*arguments):
    """Return the output of the command line in this process."""
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_kind_of_fault_is_refused_in_a_line_that_names_its_package(case, here):
    point, code, why = BROKEN[case]
    (here({"meshquake.faults": point}, code) / "jam.yaml").write_text("name: jam\nfaults: [jam: {target: database}]\n")
    done = call("scenario", "jam.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"acme-broken 0.9: meshquake.faults: {point}: {why}\n"


def test_two_packages_that_take_one_name_are_refused(here):
    for name in ("acme-two", "acme-one"):
        here({"meshquake.faults": "jam = somewhere:Jam"}, name=name, version="1")
    done = call("cascade", "--duration", "1")
    assert done.exit_code == 2
    assert done.stderr == "acme-two 1: meshquake.faults: jam = somewhere:Jam: the name jam is taken by acme-one 1\n"


def test_it_is_no_traceback_for_whoever_installed_it(tmp_path):
    site = declare(tmp_path / "site", {"meshquake.faults": "jam = nowhere:Jam"})
    (tmp_path / "jam.yaml").write_text("name: jam\nfaults: [jam: {target: database}]\n")
    done = run("scenario", "jam.yaml", path=[site], cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("acme-broken 0.9: meshquake.faults: jam = nowhere:Jam: cannot be imported: ")


def test_a_broken_package_that_nobody_names_breaks_nothing(tmp_path):
    points = {f"meshquake.{group}": "jam = nowhere:Jam" for group in ("faults", "formats", "distributions", "logs")}
    site = declare(tmp_path / "site", points)
    done = run("cascade", "--lead-in", "0", "--duration", "5", "--recovery", "0", "--quiet", path=[site], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


WORDING = "{'level': 'INFO', 'logger': 'x', 'text': 'x'}"
OTHERS = {
    "a format that is none": ("meshquake.formats", "Jam = 3", "must be a meshquake.extending.Format"),
    "a format of another name": (
        "meshquake.formats",
        "from meshquake.extending import Format\nJam = Format('x', '', __name__)",
        "must have the name of its entry point: name='jam'",
    ),
    "a format that writes nothing": (
        "meshquake.formats",
        "from meshquake.extending import Format\nJam = Format('jam', '', __name__)",
        "its module acme_broken has no function sink",
    ),
    "a format without its module": (
        "meshquake.formats",
        "from meshquake.extending import Format\nJam = Format('jam', '', 'nowhere')",
        "its module nowhere cannot be imported: ModuleNotFoundError: No module named 'nowhere'",
    ),
    "a distribution that is none": (
        "meshquake.distributions",
        "Jam = int",
        "must be a class derived from meshquake.extending.Distribution",
    ),
    "a catalogue that is none": ("meshquake.logs", "Jam = 3", "must be a mapping, as catalogue.yaml is"),
    "a part that there is not": (
        "meshquake.logs",
        "Jam = {'jam': {}}",
        "there is no part jam in a catalogue (valid: handled, slow_after_ms, slow, failed, retried, hedged, gave_up,",
    ),
    "a kind that there is not": (
        "meshquake.logs",
        f"Jam = {{'handled': {{'jam': {WORDING}}}}}",
        "handled.jam: must be one of gateway, service, cache, database, external",
    ),
    "a list of kinds": ("meshquake.logs", f"Jam = {{'handled': [{WORDING}]}}", "handled must be a mapping"),
    "no wording": (
        "meshquake.logs",
        "Jam = {'retried': {'any': ['again']}}",
        "retried.any[0] must be a wording: {level: INFO, logger: main, text: ...}",
    ),
    "no wording at all": ("meshquake.logs", "Jam = {'retried': {'any': []}}", "retried.any must be a wording: "),
    "a text that a terminal would obey": (
        "meshquake.logs",
        "Jam = {'missed': {'level': 'INFO', 'logger': 'x', 'text': 'a\\n\\x1b[31m'}}",
        "missed must be a wording: {level: INFO, logger: main, text: ...}, each a line of text",
    ),
    "a level that there is not": (
        "meshquake.logs",
        f"Jam = {{'missed': {WORDING.replace('INFO', 'LOUD')}}}",
        "missed.level must be one of DEBUG, INFO, WARN, ERROR, FATAL",
    ),
    "no time": ("meshquake.logs", "Jam = {'slow_after_ms': {'database': '1s'}}", "must be a whole number"),
    "a value that cannot be drawn": (
        "meshquake.logs",
        "Jam = {'missed': {'level': 'INFO', 'logger': 'x', 'text': '{jam:5..1}'}}",
        "missed.text: {jam:5..1} must have the lower number first: {jam:1..5}",
    ),
    "a value that there is not": (
        "meshquake.logs",
        "Jam = {'missed': {'level': 'INFO', 'logger': 'x', 'text': '{jam}'}}",
        "missed.text: there is no value {jam} (valid: operation, service, peer,",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_whatever_else_is_broken_is_refused_in_such_a_line_too(case, here):
    group, code, why = OTHERS[case]
    (here({group: "jam = acme_broken:Jam"}, code) / "jam.yaml").write_text(
        "name: jam\nworkload: {mix: {a.b: 1}}\n"
        f"services: {{a: {{{'logs: jam, ' * group.endswith('logs')}operations: {{b: "
        f"{'{work: {jam: {}}}' if group.endswith('distributions') else '{}'}}}}}}}\n"
    )
    arguments = ("normal", "--duration", "1", "--topology", "jam.yaml")
    arguments += ("--format", "jam") if group.endswith("formats") else ()
    done = call(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    line, *others = done.stderr.splitlines()
    assert line.startswith(f"acme-broken 0.9: {group}: jam = acme_broken:Jam: ")
    assert why in line
    assert others == []
