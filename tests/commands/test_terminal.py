"""Output that only appears on a terminal."""

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

from small_cases import make

from meshquake.exporters.fixtures.shard import Shard

ROOT = Path(__file__).parents[2]


def test_in_a_pipe_there_are_no_control_characters_whatever_the_environment_says(tmp_path):
    colourful = os.environ | {
        "FORCE_COLOR": "1",
        "TERM": "xterm-256color",
        "TTY_INTERACTIVE": "1",
        "TTY_COMPATIBLE": "1",
    }
    result = subprocess.run(
        [sys.executable, "run.py", "cascade", "--duration", "20", "--output", str(tmp_path)],
        cwd=ROOT,
        env=colourful,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.startswith("cascade on ten-services, seed 42: ") and result.stderr == ""
    assert result.stdout.replace("\n", "").isprintable()


def on_a_terminal(command, streams):
    """Run a command with some of its streams on a terminal; returns the terminal's content, and all other output."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        **{name: slave if name in streams else subprocess.PIPE for name in ("stdout", "stderr")},
    )
    os.close(slave)
    seen = b""
    while select.select([master], [], [], 30)[0]:
        try:
            seen += os.read(master, 65536)
        except OSError:  # Linux reports the closed other end so
            break
    os.close(master)
    rest = b"".join(filter(None, process.communicate(timeout=30)))
    assert process.returncode == 0
    return seen.decode(), rest.decode()


def test_on_a_terminal_there_is_a_bar_of_simulated_time_on_standard_error(tmp_path):
    command = [sys.executable, "run.py", "normal", "--duration", "5m", "--output", str(tmp_path)]
    seen, piped = on_a_terminal(command, ["stderr"])
    assert "normal" in seen and "\x1b[" in seen
    shares = [int(share) for share in re.findall(r"(\d+)%", seen)]
    assert shares == sorted(shares) and 0 < shares[len(shares) // 2] < 100
    assert piped.startswith("normal on ten-services") and piped.replace("\n", "").isprintable()


def test_on_a_terminal_there_is_a_bar_of_the_cases_that_a_merge_has_brought_together(tmp_path):
    for number in (1, 2):
        make(tmp_path / str(number), cases=2, shard=Shard(number, 2))
    command = [sys.executable, "run.py", "dataset", "merge", *map(str, tmp_path.iterdir()), "--output"]
    seen, piped = on_a_terminal([*command, str(tmp_path / "set")], ["stderr"])
    assert "merge" in seen and "100%" in seen
    assert piped.splitlines()[-1].split() == ["folder", str(tmp_path / "set")]
    assert on_a_terminal([*command, str(tmp_path / "again"), "--quiet"], ["stdout", "stderr"]) == ("", "")


def test_on_a_terminal_the_table_is_on_standard_output(tmp_path):
    command = [sys.executable, "run.py", "normal", "--duration", "3", "--output", str(tmp_path)]
    seen, piped = on_a_terminal(command, ["stdout"])
    assert "normal on ten-services, seed 42: Nothing goes wrong" in seen and "during (3s)" in seen
    assert piped == ""


def test_quiet_is_quiet_on_a_terminal_too(tmp_path):
    command = [sys.executable, "run.py", "normal", "--duration", "3", "--quiet", "--output", str(tmp_path)]
    assert on_a_terminal(command, ["stdout", "stderr"]) == ("", "")
