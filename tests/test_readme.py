"""The output shown in the README is the actual output."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from meshquake.commands.main import main

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def block(name: str) -> list[str]:
    """Return the lines of the code block after a marker."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)\n```", README, re.DOTALL)
    assert found is not None, name
    return found[1].splitlines()


@pytest.fixture(scope="module")
def cascade(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the fixture of the README's command, and the command's output."""
    output = tmp_path_factory.mktemp("output")
    done = CliRunner().invoke(main, ["cascade", "--duration", "90", "--output", str(output)])
    assert done.exit_code == 0, done.output
    return output / "incidents" / "cascade", done.stdout


def test_the_summary_is_what_the_command_prints(cascade: tuple[Path, str]) -> None:
    """All but the speed and the folder, which depend on the machine."""

    def same_everywhere(lines: list[str]) -> list[str]:
        return [line for line in lines if not line.startswith(("speed", "folder"))]

    assert same_everywhere(block("summary")) == same_everywhere(cascade[1].splitlines())


def test_the_lines_shown_are_lines_of_the_files(cascade: tuple[Path, str]) -> None:
    for kind, line in zip(("metrics", "logs", "traces", "events"), block("lines"), strict=True):
        assert line in (cascade[0] / f"{kind}.ndjson").read_text(encoding="utf-8").splitlines()


def test_the_story_shown_is_how_explain_begins(cascade: tuple[Path, str]) -> None:
    done = CliRunner().invoke(main, ["explain", str(cascade[0])])
    shown = block("explain")
    assert done.stdout.splitlines()[: len(shown)] == shown


def test_the_request_named_is_one_that_the_fault_slowed(cascade: tuple[Path, str]) -> None:
    found = re.search(r"explain output/fixtures/incidents/cascade ([0-9a-f]{32})", README)
    assert found is not None
    done = CliRunner().invoke(main, ["explain", str(cascade[0]), found[1]])
    assert "It came too late because of slow-1" in done.stdout


def test_what_the_readme_says_of_the_mesh_without_breakers_is_what_whatif_says(cascade: tuple[Path, str]) -> None:
    done = CliRunner().invoke(main, ["whatif", str(cascade[0]), "--set", "defaults.edge.breaker=none", "--json"])
    found = json.loads(done.stdout)
    assert f"{found['saved']} requests are saved and {found['lost']} more are lost" in README


def test_the_trace_shown_is_one_of_the_traces(cascade: tuple[Path, str]) -> None:
    """The trace is found by how many spans of each length it has, and must match the output of `explain`."""
    shown = [line.split() for line in block("trace")]
    lengths = sorted(int(line[1]) for line in shown)
    traces: dict[str, list[int]] = {}
    for line in (cascade[0] / "traces.ndjson").read_text(encoding="utf-8").splitlines():
        span = json.loads(line)
        traces.setdefault(span["trace_id"], []).append(round(span["duration_ms"]))
    (trace_id,) = [trace_id for trace_id, found in traces.items() if sorted(found) == lengths]
    done = CliRunner().invoke(main, ["explain", str(cascade[0]), trace_id])
    assert [line.lstrip("*").split() for line in done.stdout.splitlines()[-len(shown) :]] == shown
