"""`schema`: the schemas that editors use for topology, scenario and study files."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from meshquake.commands.main import main

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("file", "room"), [("topology", "topology"), ("scenario", "faults"), ("study", "ensembles")])
def test_what_is_printed_is_the_file_that_comes_with_the_package(file, room):
    result = CliRunner().invoke(main, ["schema", file])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (ROOT / room / f"{file}.schema.json").read_text(encoding="utf-8")


def test_there_is_none_of_anything_else():
    result = CliRunner().invoke(main, ["schema", "fixture"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'fixture' is not one of 'topology', 'scenario'" in result.stderr
