"""Every long command ends soon after a signal, with its status, without a traceback, and leaves nothing behind.

A signal is sent at a moment visible from outside: a module was imported, a file appeared, a line was printed.
"""

import os
import pty
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from fcntl import F_SETPIPE_SZ, fcntl, ioctl
from pathlib import Path
from select import select
from termios import TIOCSCTTY
from time import monotonic, sleep

import pytest
from click.testing import CliRunner
from small_cases import SMALL

from meshquake.commands.main import main

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")

ROOT = Path(__file__).parents[2]
#: Seconds within which a process must end: 2, plus a margin for a busy machine.
BOUND = 5
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
#: What standard error may contain then.
SAID = {
    "",
    "Interrupted.",
    "Interrupted: no partial output is left.",
    "Interrupted: the database is unchanged.",
    "Stopped.",
}


@dataclass
class Run:
    """A process in a session of its own, in which Ctrl-C is not ignored."""

    process: subprocess.Popen[str]

    def until(self, seen: Callable[[], object]) -> None:
        """Wait until a condition holds while the process runs."""
        patience = monotonic() + 60
        while not seen():
            assert self.process.poll() is None, self.process.communicate()
            assert monotonic() < patience
            sleep(0.002)

    def imported(self, module: str) -> None:
        """Wait until the process has imported a module; it runs with `-X importtime`."""
        assert any(line.rpartition("|")[2].strip() == module for line in self.process.stderr)

    def family(self) -> list[int]:
        """Return the remaining processes of the session."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                state, _, _, session, *_ = stat.read_text().rpartition(")")[2].split()
                if int(session) == self.process.pid and state != "Z":
                    found.append(int(stat.parent.name))
        return found

    def ended(self, numbers: list[int], group: bool = False) -> tuple[int, list[str]]:
        """Send signals to the process or its group; returns status and output. It must end in time, and alone."""
        for number in numbers:
            (os.killpg if group else os.kill)(self.process.pid, number)
        began = monotonic()
        _, error = self.process.communicate(timeout=60)
        assert monotonic() - began < BOUND
        self.alone()
        return self.process.returncode, [line for line in error.splitlines() if not line.startswith("import time:")]

    def alone(self) -> None:
        """Check that no process of the session survives."""
        patience = monotonic() + BOUND
        while left := self.family():
            assert monotonic() < patience, left
            sleep(0.02)


def hear() -> None:
    """Ignore no signal, even if these tests run in the background of a shell."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def running(*arguments: object, python: tuple[str, ...] = ("run.py",), **more: object) -> Iterator[Run]:
    process = subprocess.Popen(
        [sys.executable, *python, *map(str, arguments)],
        cwd=ROOT,
        text=True,
        start_new_session=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": hear} | more,
    )
    run = Run(process)
    try:
        yield run
    finally:
        for left in run.family():
            with suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
        process.communicate()


def written(folder: Path, pattern: str) -> Callable[[], bool]:
    """Return whether any file below a folder has content."""

    def seen() -> bool:
        with suppress(OSError):
            return any(path.is_file() and path.stat().st_size for path in folder.glob(pattern))
        return False

    return seen


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


# -- a run ---------------------------------------------------------------------------------------------------------


def playing(output: Path) -> tuple[object, ...]:
    return "cascade", "--duration", "5h", "--output", output


@pytest.mark.parametrize("number", SIGNALS)
def test_a_run_is_ended_by_a_signal_half_way_and_leaves_nothing(number, tmp_path):
    with running(*playing(tmp_path)) as run:
        run.until(written(tmp_path, "incidents/.*/traces.ndjson"))
        assert run.ended([number]) == (128 + number, ["Interrupted: no partial output is left."])
    assert files(tmp_path) == set()


def test_more_signals_change_nothing(tmp_path):
    with running(*playing(tmp_path)) as run:
        run.until(written(tmp_path, "incidents/.*/traces.ndjson"))
        status, said = run.ended([signal.SIGTERM, signal.SIGINT, signal.SIGINT, signal.SIGHUP], group=True)
    assert status in (143, 130, 129)  # of several pending signals, the system chooses the first
    assert set(said) <= SAID
    assert files(tmp_path) == set()


@pytest.mark.parametrize(
    ("number", "module"), [(signal.SIGINT, "click"), (signal.SIGINT, "polars"), (signal.SIGTERM, "numpy")]
)
def test_a_signal_while_modules_are_imported_is_told_in_a_line(number, module, tmp_path):
    with running(*playing(tmp_path), python=("-X", "importtime", "run.py")) as run:
        run.imported(module)
        status, said = run.ended([number])
    assert status == 128 + number
    assert len(said) <= 1 and set(said) <= SAID
    assert files(tmp_path) == set()


def test_a_terminal_that_is_closed_ends_the_run(tmp_path):
    controller, terminal = pty.openpty()

    def seize() -> None:
        hear()
        ioctl(0, TIOCSCTTY, 0)

    ends = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    with running(*playing(tmp_path), **ends, preexec_fn=seize) as run:
        run.until(written(tmp_path, "incidents/.*/traces.ndjson"))
        os.close(terminal)
        os.close(controller)
        assert run.process.wait(BOUND) == 129
        run.alone()
    assert files(tmp_path) == set()


def test_what_is_ignored_from_the_start_is_ignored(tmp_path):
    """A run under `nohup` ignores the signals that were ignored from the start."""
    with running(*playing(tmp_path), preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as run:
        run.until(written(tmp_path, "incidents/.*/traces.ndjson"))
        run.process.send_signal(signal.SIGHUP)
        before = sum(path.stat().st_size for path in tmp_path.rglob("traces.ndjson"))
        run.until(lambda: sum(path.stat().st_size for path in tmp_path.rglob("traces.ndjson")) > before)
        assert run.ended([signal.SIGTERM])[0] == 143


# -- workers -------------------------------------------------------------------------------------------------------


def making(output: Path) -> tuple[object, ...]:
    """Return the command for a data set of many small cases, in a new folder."""
    (output / "mesh.yaml").write_text(SMALL)
    return (
        "dataset",
        "--cases",
        "500",
        "--processes",
        "2",
        "--topology",
        output / "mesh.yaml",
        "--output",
        output / "new" / "set",
    )


#: Moments while a data set is made: its workers start, and they write.
BEGUN: dict[str, Callable[[Run, Path], Callable[[], object]]] = {
    "begin": lambda run, output: lambda: len(run.family()) > 2,
    "write": lambda run, output: written(
        output, "new/set/truth/made/.case-*.partial-*/telemetry/.case-*/traces.ndjson"
    ),
}


@pytest.mark.parametrize(
    ("number", "moment", "group"),
    [
        (signal.SIGINT, "begin", True),
        (signal.SIGINT, "write", False),
        (signal.SIGTERM, "write", True),
        (signal.SIGHUP, "begin", True),
    ],
)
def test_a_data_set_ends_with_its_workers(number, moment, group, tmp_path):
    with running(*making(tmp_path)) as run:
        run.until(BEGUN[moment](run, tmp_path))
        status, said = run.ended([number], group)
    assert (status, said) == (128 + number, ["Interrupted: complete cases are kept; continue with --resume."])
    assert not [name for name in files(tmp_path) if ".partial-" in name]


@pytest.mark.parametrize("moment", BEGUN)
def test_workers_do_not_outlive_a_parent_that_was_killed(moment, tmp_path):
    with running(*making(tmp_path)) as run:
        run.until(BEGUN[moment](run, tmp_path))
        run.process.kill()
        run.process.wait()
        run.alone()


def test_a_worker_that_was_killed_ends_the_data_set(tmp_path):
    with running(*making(tmp_path)) as run:
        run.until(BEGUN["write"](run, tmp_path))
        os.kill(max(run.family()), signal.SIGKILL)
        _, error = run.process.communicate(timeout=60)
        run.alone()
    assert run.process.returncode == 2
    assert error.startswith("a worker process was killed (is there enough memory?)")
    assert error.count("\n") == 1
    assert not [name for name in files(tmp_path) if ".partial-" in name]


# -- commands on a fixture -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fixture(tmp_path_factory):
    """Return a fixture large enough that every command takes some time."""
    output = tmp_path_factory.mktemp("made")
    options = ["--duration", "20", "--rate", "100", "--quiet", "--output", str(output)]
    assert CliRunner().invoke(main, ["cascade", *options]).exit_code == 0
    return output / "incidents" / "cascade"


def open_in(run: Run, name: str) -> bool:
    """Return whether a process has a file open."""
    for link in Path(f"/proc/{run.process.pid}/fd").iterdir():
        with suppress(OSError):
            if link.readlink().name == name:
                return True
    return False


#: Commands, and the moment of a signal: a module is imported, a file is open, or a file has content.
COMMANDS = {
    "replay {fixture}": "open verdicts.ndjson",
    "replay {fixture} --output {output}/a/new/place": "file a/new/.place.partial-*/traces.ndjson",
    "whatif {fixture} --set workload.rate=200": "import meshquake.truth.whatif",
    "score {fixture} --answers {fixture}/truth/ground_truth.json": "import meshquake.exporters.reports.marking",
    "explain {fixture} 0123": "import meshquake.exporters.reports.explain",
    "export {fixture} --format csv --output {output}/csv": "file .csv.partial-*/*",
    "load {fixture} --into sqlite:///{output}/x.db": "file x.db-journal",
    "load {fixture} --into duckdb:///{output}/x.db": "file x.db",
    "list-fixtures --output {fixture}/..": "import numpy",
    "topology show": "import networkx",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_on_a_fixture_is_ended(command, fixture, tmp_path):
    before = files(fixture.parent)
    (tmp_path / "temporary").mkdir()
    kind, what = COMMANDS[command].split()
    words = command.format(fixture=fixture, output=tmp_path).split()
    python = ("-X", "importtime", "run.py") if kind == "import" else ("run.py",)
    with running(*words, python=python, env=os.environ | {"TMPDIR": str(tmp_path / "temporary")}) as run:
        if kind == "import":
            run.imported(what)
        else:
            run.until(written(tmp_path, what) if kind == "file" else lambda: open_in(run, what))
        status, said = run.ended([signal.SIGINT])
    assert status == 130
    assert set(said) <= SAID
    assert files(fixture.parent) == before
    # Opening a database creates it, and it stays, but without tables, since the transaction never commits. SQLite
    # receives no signal while it builds an index; if the process is killed then, the journal undoes it on the next
    # open.
    left = files(tmp_path)
    assert left - {"x.db", "x.db-journal"} == {"temporary"}
    if "x.db-journal" in left:
        with closing(sqlite3.connect(tmp_path / "x.db")) as database:
            assert database.execute("SELECT name FROM sqlite_master").fetchall() == []


@pytest.mark.parametrize("number", SIGNALS)
def test_a_server_is_ended_in_the_middle_of_a_stream(number, fixture):
    with running("serve", fixture, "--port", 0) as run:
        host, port = run.process.stdout.readline().rpartition("/")[2].split(":")
        with socket.create_connection((host, int(port))) as stream:
            stream.sendall(b"GET /v1/stream/all HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert stream.recv(4096).startswith(b"HTTP/1.1 200 OK")
            assert run.ended([number]) == (128 + number, ["Stopped."])


def test_a_server_is_ended_when_it_has_hardly_begun(fixture):
    with running("serve", fixture, "--port", 0) as run:
        assert run.process.stdout.readline().startswith("serving ")
        assert run.ended([signal.SIGINT]) == (130, ["Stopped."])


def test_a_sender_is_ended_while_nobody_answers(fixture, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with running("send", fixture, "--fast", "--to", address, "--state", tmp_path / "state") as run:
            silent.accept()[0].recv(1)
            assert run.ended([signal.SIGINT]) == (130, ["Interrupted."])
    assert files(tmp_path) == set()


# -- code that no signal reaches -----------------------------------------------------------------------------------

#: A program stuck where no exception reaches it, with a half-written folder.
DEAF = """
import sqlite3, sys, threading
from pathlib import Path
from meshquake.commands import signals
from meshquake.exporters.fixtures import staging

def statement():
    sqlite3.connect(":memory:").execute(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    )

def lock():
    import polars
    polars.DataFrame({"x": [1]}).lazy().select(polars.col("x") + 1).collect()
    held = threading.Lock()
    held.acquire()
    print("go", flush=True)
    held.acquire()

def swallowed():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass

with signals.obeyed(), staging.staged(Path(sys.argv[2])) as stage:
    (stage / "half").write_text("x")
    if sys.argv[1] != "lock":
        print("go", flush=True)
    globals()[sys.argv[1]]()
"""


@pytest.mark.parametrize("where", ["statement", "lock", "swallowed"])
@pytest.mark.parametrize("number", SIGNALS[:2])
def test_what_hears_of_no_signal_is_ended_and_undone_by_another_thread(number, where, tmp_path):
    with running(where, tmp_path / "folder", python=("-c", DEAF)) as run:
        assert run.process.stdout.readline() == "go\n"
        assert run.ended([number])[0] == 128 + number
    assert files(tmp_path) == set()


def test_a_reader_that_stops_reading_does_not_hold_a_command():
    reader, writer = os.pipe()
    try:
        fcntl(writer, F_SETPIPE_SZ, 4096)
        with running("schema", "topology", stdout=writer) as run:
            run.until(lambda: select([reader], [], [], 0)[0])  # the pipe is full, and the rest waits
            assert run.ended([signal.SIGTERM])[0] == 143
    finally:
        os.close(reader)
        os.close(writer)
