"""A command that fails ends with lines on standard error, a status, and no traceback."""

import errno
from contextlib import nullcontext
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from meshquake.commands import errors
from meshquake.commands.main import Commands
from meshquake.exporters.databases.database import DatabaseError
from meshquake.exporters.extras import MissingExtraError
from meshquake.exporters.fixtures.answer_key import TruthError
from meshquake.exporters.fixtures.dataset import NoCaseError
from meshquake.exporters.fixtures.manifest import ManifestError
from meshquake.exporters.sending.progress import ProgressError
from meshquake.exporters.sending.protocols import DeliveryError
from meshquake.exporters.unfinished import EngineError
from meshquake.topology.problems import DocumentError, Problem

FULL = OSError(errno.ENOSPC, "No space left on device")
FULL_FILE = OSError(errno.ENOSPC, "No space left on device", "out/.x.partial-1/logs.ndjson")
THERE = FileExistsError(errno.EEXIST, "it is there already", "out/x")


def ended(error, inside=None):
    """Run a command in which an error is raised; returns its status and standard error."""

    @click.group(cls=Commands)
    def group():
        pass

    @group.command()
    def fails():
        with inside or nullcontext():
            raise error

    result = CliRunner().invoke(group, ["fails"])
    assert result.stdout == ""
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    "kind",
    [DatabaseError, DeliveryError, ManifestError, MissingExtraError, NoCaseError, ProgressError, TruthError],
)
def test_what_a_user_can_put_right_is_told_in_a_line_with_status_2(kind):
    assert ended(kind("x.json: is not whole")) == (2, "x.json: is not whole\n")


def test_all_problems_of_a_document_are_told_at_once_in_order_of_their_lines():
    problems = [Problem("x.yaml", 7, "b", "unknown key"), Problem("x.yaml", 3, "a", "must be a number")]
    assert ended(DocumentError(problems)) == (2, "x.yaml:3: a: must be a number\nx.yaml:7: b: unknown key\n")


def test_ctrl_c_ends_with_status_130_and_says_what_is_left():
    assert ended(KeyboardInterrupt()) == (130, "Interrupted: no partial output is left.\n")
    assert ended(KeyboardInterrupt(), errors.told(interrupted="Interrupted.")) == (130, "Interrupted.\n")


def test_an_error_of_the_program_itself_is_not_taken_for_one_of_the_user():
    @click.group(cls=Commands)
    def group():
        pass

    @group.command()
    def fails():
        raise ValueError("a bug")

    assert isinstance(CliRunner().invoke(group, ["fails"]).exception, ValueError)
    assert ended(ValueError("no fault is called so"), errors.told(ValueError)) == (2, "no fault is called so\n")


@pytest.mark.parametrize("error", [FULL, FULL_FILE])
def test_of_an_output_that_cannot_be_written_the_output_is_named_and_not_its_hidden_files(error):
    told = "out/x: cannot be written: No space left on device\n"
    assert ended(error, errors.written(Path("out/x"))) == (2, told)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FULL, "place: cannot be read or written: No space left on device"),
        (FULL_FILE, "out/.x.partial-1/logs.ndjson: cannot be read or written: No space left on device"),
        (THERE, "out/x: cannot be written: it is there already"),
        (OSError("no reason by number"), "place: cannot be read or written: no reason by number"),
    ],
)
def test_of_a_file_that_cannot_be_used_the_file_is_named_if_it_is_known(error, told):
    assert ended(error, errors.files(Path("place"), "read or written")) == (2, f"{told}\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FULL, "out/x: cannot be written: No space left on device; the rest is kept"),
        (EngineError("a worker process was killed"), "a worker process was killed; the rest is kept"),
        (THERE, "out/x: cannot be written: it is there already"),
    ],
)
def test_what_is_kept_is_said_of_output_that_was_begun(error, said):
    """Lost workers are not blamed on the output, and one that was there before is no result of this run."""
    assert ended(error, errors.written(Path("out/x"), lambda: "the rest is kept")) == (2, f"{said}\n")
