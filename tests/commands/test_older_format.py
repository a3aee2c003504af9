"""A fixture of an older format, with records of another shape, is refused in a line that says what to do."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import meshquake
from meshquake.commands.main import main


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """Return an output folder with a fixture of an earlier version, and one of its traces."""
    output = tmp_path_factory.mktemp("older")
    done = CliRunner().invoke(main, ["normal", "--duration", "1", "--quiet", "--output", str(output)])
    assert done.exit_code == 0
    path = output / "normal" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 1}))
    with (output / "normal" / "traces.ndjson").open() as file:
        return output, json.loads(file.readline())["trace_id"]


COMMANDS = (
    "list-fixtures --output {output}",
    "replay {output}/normal",
    "whatif {output}/normal --set workload.rate=1/s",
    "explain {output}/normal {trace}",
    "export {output}/normal --format csv --output {new}",
    "send {output}/normal --to http://localhost:1 --protocol loki",
    "serve {output}/normal --port 0",
    "load {output}/normal --into sqlite:///{new}",
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split()[0])
def test_what_reads_records_refuses_it_and_says_how_to_get_them(command, older, tmp_path):
    output, trace = older
    arguments = command.format(output=output, trace=trace, new=tmp_path / "new").split()
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert done.stderr == (
        f"{output}/normal/manifest.json: has format 1; this version reads format 2: "
        "run its scenario again with the same seed\n"
    )
    assert not (tmp_path / "new").exists()


def test_tests_that_read_it_are_told_the_same(older):
    with pytest.raises(meshquake.MeshquakeError, match="run its scenario again with the same seed"):
        meshquake.Fixture(older[0] / "normal")


def test_to_run_its_scenario_again_is_all_there_is_to_do(older, tmp_path):
    shutil.copytree(older[0], tmp_path / "output")
    again = ["normal", "--duration", "1", "--quiet", "--output", str(tmp_path / "output")]
    assert CliRunner().invoke(main, again).exit_code == 0
    assert list(meshquake.Fixture(Path(tmp_path / "output" / "normal")).traces())
