"""A writer killed at any step of replacing a folder leaves either the old or the new one, whole, for every reader.

A writer is killed before its first call that the interpreter audits (open, rename, rmdir, ...), then before its second,
and so on, until one survives. So every state that it can leave on the disk is tested.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from small_cases import SMALL

from meshquake import Fixture
from meshquake.commands.main import main
from meshquake.exporters.fixtures import staging

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

ROOT = Path(__file__).parents[2]
#: Puts a copy of NEW in the place of NAME in each of the folders FOLDER/1, FOLDER/2, ..., which are copies of FOLDER/0,
#: and is killed one step later each time. The last one isn't killed.
WRITER = """
import os, shutil, signal, sys
from pathlib import Path
from meshquake.exporters.fixtures import staging

folder, name, new, swap = *map(Path, sys.argv[1:4]), sys.argv[4]
if swap == "two renames":
    staging._exchanged = lambda stage, target: False

def write(place, step):
    left = step

    def audit(event, arguments):
        nonlocal left
        if event.partition(".")[0] in ("open", "os", "shutil", "fcntl", "ctypes") and left is not None:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)
    with staging.staged(place / name) as stage:
        for path in new.iterdir():
            (shutil.copytree if path.is_dir() else shutil.copy)(path, stage / path.name)
    left = None

step = 0
while True:
    step += 1
    shutil.copytree(folder / "0", folder / str(step))
    child = os.fork()
    if not child:
        write(folder / str(step), step)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status != signal.SIGKILL:
        sys.exit(status)
"""


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def killed(folder, name, new, swap):
    """Return the states that killed writers left."""
    done = subprocess.run(
        [sys.executable, "-c", WRITER, folder, name, new, swap], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return sorted((path for path in folder.iterdir() if path.name != "0"), key=lambda path: int(path.name))


@pytest.fixture(scope="module", params=["exchange", "two renames"])
def swap(request):
    if request.param == "exchange" and not sys.platform.startswith("linux"):
        pytest.skip("nothing exchanges folders here")
    return request.param


@pytest.fixture(scope="module")
def states(tmp_path_factory, swap):
    """Return the states left when a fixture of seed 1 is to be replaced by one of seed 2."""
    folder = tmp_path_factory.mktemp("states")
    (folder / "mesh.yaml").write_text(SMALL)
    for seed, output in ((1, folder / "states" / "0"), (2, folder / "new")):
        options = ("--topology", folder / "mesh.yaml", "--duration", 5, "--lead-in", 1, "--recovery", 0, "--quiet")
        assert call("normal", *options, "--seed", seed, "--output", output).exit_code == 0
    return killed(folder / "states", "normal", folder / "new" / "normal", swap)


def test_the_place_is_empty_at_no_step_of_an_exchange_and_at_one_of_two_renames(states, swap):
    assert len(states) > 10
    empty = [state for state in states if not (state / "normal").exists()]
    assert len(empty) == 0 if swap == "exchange" else len(empty) >= 1


def seeds(output):
    """Return the seeds of the fixtures in a list."""
    return [each["seed"] for each in json.loads(call("list-fixtures", "--output", output, "--json").stdout)]


def test_a_reader_finds_the_old_or_the_new_whole_whenever_the_writer_was_killed(states, tmp_path):
    found = []
    for state in states:
        listed = shutil.copytree(state, tmp_path / state.name)
        found.append(Fixture(shutil.copytree(state, tmp_path / f"{state.name}-read") / "normal").manifest["seed"])
        assert seeds(listed) == [found[-1]]
        assert [path.name for path in listed.iterdir() if not path.name.startswith(".")] == ["normal"]
    assert found == sorted(found)
    assert {*found} == {1, 2}


@pytest.mark.parametrize(
    "command",
    [
        "replay {}/normal --quiet",
        "explain {}/normal",
        "score {}/normal --answers {}/answer.json",
        "export {}/normal --format csv --output {}/csv",
        "load {}/normal --into sqlite:///{}/x.db",
        "whatif {}/normal --set workload.rate=5/s",
        "send {}/normal --to http://127.0.0.1:1",
        "list-fixtures --output {}",
    ],
)
def test_every_command_that_reads_puts_back_what_a_killed_writer_has_moved_aside(command, states, tmp_path):
    state = shutil.copytree(states[0], tmp_path / "state")
    (state / "answer.json").write_text("{}")
    (state / "normal").rename(state / ".normal.previous-0123456789ab")
    said = call(*command.replace("{}", str(state)).split())
    assert "not a fixture" not in said.output
    assert (state / "normal" / "manifest.json").is_file()


def test_the_next_writer_leaves_nothing_else(states, tmp_path):
    for state in states:
        place = shutil.copytree(state, tmp_path / state.name)
        with staging.staged(place / "normal") as stage:
            (stage / "file").write_text("newest")
        assert {str(path.relative_to(place)) for path in place.rglob("*")} == {"normal", "normal/file"}


def test_a_case_is_put_back_with_its_data_set(states, tmp_path):
    whole = shutil.copytree(states[0] / "normal", tmp_path / "set" / "telemetry" / "a")
    truth = tmp_path / "set" / "truth" / "a"
    truth.parent.mkdir()
    (whole / "truth").rename(truth)
    (whole / "manifest.json").rename(truth / "manifest.json")
    (tmp_path / "set").rename(tmp_path / ".set.previous-0123456789ab")
    assert Fixture(whole).manifest["seed"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
