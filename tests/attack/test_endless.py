"""Valid input that would run forever: each run ends, is warned of before and after, and has its key."""

import json
import warnings
from pathlib import Path

import pytest
from commandline import call

from meshquake.sim.api import simulate

ITSELF = """
name: itself
services: {a: {workers: 1, operations: {x: {work: 1ms, calls: a.y}, y: {work: 1ms}}}}
workload: {rate: 10/s, mix: {a.x: 1}}
"""
ROUND = """
name: round
services:
  a: {workers: 4, operations: {x: {work: 1ms, calls: b.z}, y: {work: 1ms}}}
  b: {workers: 4, operations: {z: {work: 1ms, calls: a.y}}}
workload: {rate: 400/s, mix: {a.x: 1}}
"""
DAYS = """
name: days
services: {a: {operations: {x: {work: 24h}}}}
workload: {rate: 5/s, mix: {a.x: 1}}
"""
#: A mesh that stalls only with the fault.
FORGOTTEN = """
name: forgotten
services:
  a: {workers: 4, operations: {x: {work: 1ms, calls: b.z}, y: {work: 1ms}}}
  b: {workers: 4, operations: {z: {work: 1ms, calls: a.y}}}
workload: {rate: 20/s, mix: {a.x: 1}}
"""
SLOW = "faults: [{slow: {target: a, factor: 1000}}]"
SLOWEST = "faults: [{slow: {target: a, factor: 100000}}]"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Play a scenario on a mesh; returns the result of the command, and the folder of the fixture."""
    monkeypatch.chdir(tmp_path)

    def run(mesh, faults="faults: []", *options):
        Path("mesh.yaml").write_text(mesh)
        Path("s.yaml").write_text(
            f"name: s\ntopology: mesh.yaml\nconfounders: none\nduration: 2s\nlead_in: 1s\nrecovery: 1s\n{faults}\n"
        )
        result = call("scenario", "s.yaml", "--output", "out", *options)
        assert result.exit_code == 0, result.stderr
        return result, Path("out/incidents/s")

    return run


@pytest.mark.parametrize(
    ("mesh", "faults", "before"),
    [
        (ITSELF, "faults: []", "possible deadlock: all workers of a may be held by a.x, which waits for a worker of a"),
        (
            ROUND,
            "faults: []",
            "possible deadlock: all workers of a may be held by a.x -> b.z, which waits for a worker",
        ),
        (DAYS, "faults: []", "100% of its healthy answers take longer than 10m"),
        (DAYS, SLOWEST, "100% of its healthy answers take longer than 10m"),
        (FORGOTTEN, SLOW, "possible deadlock"),
    ],
)
def test_a_run_that_would_never_end_ends_and_says_so_before_and_after(run, mesh, faults, before):
    result, folder = run(mesh, faults, "--json")
    *_, last = result.stderr.splitlines()
    assert before in result.stderr
    unfinished = json.loads(result.stdout)["unfinished"]
    assert unfinished > 0
    assert last.startswith(f"warning: {unfinished} request")
    assert last.endswith("not finished after 10m: what was left is recorded as unfinished")
    spans = [json.loads(line) for line in (folder / "traces.ndjson").read_text().splitlines()]
    left = {span["trace_id"] for span in spans if span["error_type"] == "unfinished"}
    assert len(left) == unfinished
    key = json.loads((folder / "truth" / "ground_truth.json").read_text())
    requests = key["requests"]
    assert requests["total"] == len({span["trace_id"] for span in spans})
    assert call("replay", str(folder)).exit_code == 0


def test_what_is_unfinished_in_the_run_and_answered_in_its_twin_is_harmed_by_being_too_late(run):
    _, folder = run(FORGOTTEN, SLOW)
    verdicts = [json.loads(line) for line in (folder / "truth" / "verdicts.ndjson").read_text().splitlines()]
    stuck = [verdict for verdict in verdicts if verdict["outcome"] == "unfinished"]
    assert stuck
    assert {(verdict["twin_outcome"], verdict["effect"]) for verdict in stuck} == {("success", "slowed")}
    assert {tuple(verdict["caused_by"]) for verdict in stuck} == {("slow-1",)}
    (fault,) = json.loads((folder / "truth" / "ground_truth.json").read_text())["faults"]
    assert not fault["latent"]
    # Detected once the promised time has passed, not ten minutes later.
    assert fault["user_facing"]["since"] < "2024-01-15T10:30:05"


def test_a_comparison_with_a_run_that_never_ends_ends_and_says_of_which_side_it_was(run):
    _, folder = run(ROUND)
    result = call("whatif", str(folder), "--set", "defaults.edge.timeout=100ms", "--json")
    assert result.exit_code == 0
    assert "before the change: 64 requests were not finished after 10m" in result.stderr
    assert "after the change" not in result.stderr
    difference = json.loads(result.stdout)
    assert difference


def test_a_change_that_makes_a_deadlock_possible_is_warned_of(run):
    _, folder = run(ROUND.replace("services:", "defaults: {edge: {timeout: 100ms}}\nservices:"))
    result = call("whatif", str(folder), "--set", "defaults.edge.timeout=none")
    assert result.exit_code == 0
    assert "possible deadlock" in result.stderr


@pytest.mark.parametrize(
    "name", ["otlp", "zipkin", "jaeger", "csv", "openmetrics", "parquet", "perfetto", "rcaeval", "openrca"]
)
def test_every_format_takes_what_is_unfinished_and_those_that_have_kinds_of_errors_say_it(run, name):
    _, folder = run(ITSELF, "faults: []", "--format", name)
    written = b"".join(path.read_bytes() for path in (folder / name).rglob("*") if path.is_file())
    assert (b"unfinished" in written) == (name in ("otlp", "zipkin", "jaeger", "csv", "parquet", "perfetto"))


def test_python_gets_a_warning_at_the_end(run):
    run(ITSELF)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in simulate("s.yaml"):
            assert not caught
    (warning,) = caught
    assert "recorded as unfinished" in str(warning.message)


def test_a_data_set_of_a_mesh_that_stands_still_is_made_and_says_so_of_each_case(tmp_path):
    (tmp_path / "mesh.yaml").write_text(ITSELF.replace("10/s", "2/s"))
    result = call(
        *("dataset", "--cases", 1, "--processes", 1, "--topology", tmp_path / "mesh.yaml"),
        *("--output", tmp_path / "out", "--latent"),
    )
    assert result.exit_code == 0, result.stderr
    assert "possible deadlock" in result.stderr
    assert "not finished after 10m" in result.stderr
