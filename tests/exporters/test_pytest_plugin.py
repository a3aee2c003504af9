"""The plugin for pytest."""

import os
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytest_plugins = ["pytester"]


@pytest.fixture
def suite(pytester, monkeypatch):
    """Return a function that runs someone else's test file in a process of its own, with this plugin and no other."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))

    def run(code, *arguments):
        pytester.makepyfile(code)
        return pytester.runpytest_subprocess("-p", "meshquake.exporters.pytest_plugin", *arguments)

    return run


def kept(pytester):
    """Return the fixtures in the cache, with the time at which each was generated."""
    return {
        path.parent.name: path.stat().st_mtime_ns for path in pytester.path.glob(".pytest_cache/d/*/*/manifest.json")
    }


CASE = """
    def test_it(mesh_fixture):
        fixture = mesh_fixture("cascade", seed={seed}, lead_in=1.0, duration=2.0, recovery=0.0)
        assert (fixture.scenario, fixture.manifest["seed"], fixture.length) == ("cascade", {seed}, 3.0)
        assert len(list(fixture.traces())) == fixture.manifest["files"]["traces.ndjson"]["records"] > 0
        assert not (fixture.folder / "truth").exists()
"""


def test_the_package_brings_the_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"meshquake": "meshquake.exporters.pytest_plugin"}


def test_a_fixture_is_generated_once_or_again_if_it_was_spoiled_and_each_seed_has_its_own(suite, pytester):
    suite(CASE.format(seed=7)).assert_outcomes(passed=1)
    before = kept(pytester)
    assert len(before) == 1
    suite(CASE.format(seed=7) + CASE.format(seed=8).replace("test_it", "test_another")).assert_outcomes(passed=2)
    after = kept(pytester)
    assert len(after) == 2 and before.items() <= after.items()
    for traces in pytester.path.glob(".pytest_cache/d/*/*/traces.ndjson"):
        traces.write_text("spoiled")
    suite(CASE.format(seed=7)).assert_outcomes(passed=1)
    assert sorted(kept(pytester).items() - after.items()) != []


def test_the_example_of_the_page_works(suite):
    page = (ROOT / "docs/fixture-api.md").read_text(encoding="utf-8")
    suite(re.search(r"<!-- example: pytest -->\n```python\n(.*?)```", page, re.DOTALL)[1]).assert_outcomes(passed=1)


def test_a_scenario_file_that_changes_is_another_one_and_without_a_cache_it_works_too(suite, pytester):
    case = """
        from pathlib import Path

        def test_it(mesh_fixture):
            def events():
                options = dict(lead_in=1.0, recovery=0.0, confounders="none", truth=True)
                fixture = mesh_fixture(Path("mine.yaml"), **options)
                assert (fixture.folder / "truth" / "ground_truth.json").is_file()
                return {event["type"] for event in fixture.events()}

            Path("mine.yaml").write_text("{name: mine, duration: 2s, faults: [job: {target: auth-service, for: 1s}]}")
            assert events() == {"scheduled_job"}
            Path("mine.yaml").write_text("{name: mine, duration: 2s, faults: [configure: {target: auth-service}]}")
            assert events() == {"config_change"}
    """
    suite(case, "-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert not kept(pytester)


def test_a_mistake_is_told_as_the_simulator_tells_it(suite):
    result = suite("def test_it(mesh_fixture): mesh_fixture('cascad')")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ValueError: unknown scenario 'cascad' (did you mean 'cascade'?)"])


def test_tests_that_do_not_ask_for_it_pay_nothing(suite):
    result = suite(
        "import sys\ndef test_it(): "
        "assert not {'polars', 'numpy', 'meshquake.sim', 'meshquake.exporters.fixtures.fixture'} & {*sys.modules}"
    )
    result.assert_outcomes(passed=1)
