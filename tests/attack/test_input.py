"""Whatever an outside file holds, a command ends with a result, or with status 2 and lines that name the file."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import pytest
from click.testing import CliRunner

from meshquake import Fixture, MeshquakeError
from meshquake.commands.main import main
from meshquake.exporters.fixtures import recording
from meshquake.sim.records import RECORD_KINDS
from meshquake.topology import outside
from meshquake.topology.loader import parse

ROOT = Path(__file__).parents[2]
#: Characters of the longest message.
BOUND = 8_000
MESH = """
name: tiny
services:
  web: {operations: {home: {work: 2ms, calls: [store.get]}}}
  store: {kind: database, workers: 2, operations: {get: {work: 5ms}}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""
SCENARIO = """
name: tiny
lead_in: 2s
duration: 4s
recovery: 1s
faults: [{slow: {target: store, factor: 100}}]
"""
ANSWERS = {
    "root_causes": [{"service": "store", "kind": "slow"}],
    "detected_at": "2024-01-15T10:30:03+00:00",
    "propagation": [{"from": "store", "to": "web"}],
    "alerts": [{"at": "2024-01-15T10:30:03+00:00", "service": "web", "indicator": "error_rate"}],
}
STATE = {
    "fixture": "0" * 64,
    "to": "http://127.0.0.1:9/loki/api/v1/push",
    "protocol": "loki",
    "slice_s": 1.0,
    "shift_us": 0,
    "requests": 0,
    "accepted": 0,
    "rejected": 0,
    "why": "",
    "second": 0.0,
    "done": False,
}

#: Commands that read a fixture: `{dir}` is the fixture, `{trace}` one of its requests, `{in}` its parent folder.
COMMANDS = {
    "list": "list-fixtures --output {in}",
    "replay": "replay {dir} --quiet",
    "whatif": "whatif {dir} --without slow-1",
    "csv": "export {dir} --format csv --output {in}/out",
    "parquet": "export {dir} --format parquet --output {in}/out",
    "otlp": "export {dir} --format otlp --output {in}/out",
    "openmetrics": "export {dir} --format openmetrics --output {in}/out",
    "jaeger": "export {dir} --format jaeger --output {in}/out",
    "rcaeval": "export {dir} --format rcaeval --with-truth --output {in}/out",
    "openrca": "export {dir} --format openrca --with-truth --output {in}/out",
    "load": "load {dir} --into sqlite:///{in}/x.db --with-truth --quiet",
    "send": "send {dir} --to http://127.0.0.1:9 --protocol loki",
    "score": "score {dir} --answers {answers}",
    "explain": "explain {dir}",
    "trace": "explain {dir} {trace}",
}
EVERY = ("csv", "otlp", "openmetrics", "jaeger", "rcaeval", "openrca", "load", "send")
#: The commands that read each file.
READERS = {
    "manifest.json": ("list", "replay", "whatif", "csv", "load", "send", "trace"),
    **{f"{name}.ndjson": EVERY for name in RECORD_KINDS},
    "traces.ndjson": (*EVERY, "trace", "score"),
    "truth/verdicts.ndjson": ("score", "trace", "load"),
    "truth/ground_truth.json": ("score", "explain", "trace", "load", "rcaeval"),
}
#: Commands that read the recording file of a case with its truth withheld; the last one finds nobody listening.
TOLD = ("csv", "parquet", "otlp", "openmetrics", "jaeger", "send")


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Return a small fixture. Not to be modified."""
    place = tmp_path_factory.mktemp("made")
    (place / "scenario.yaml").write_text(SCENARIO)
    (place / "mesh.yaml").write_text(MESH)
    result = call("scenario", place / "scenario.yaml", "--topology", place / "mesh.yaml", "--json", "--output", place)
    assert (result.exit_code, result.stderr) == (0, "")
    return Path(json.loads(result.stdout)["folder"])


@pytest.fixture
def folder(made, tmp_path):
    """Return a copy of it, to be spoiled."""
    return shutil.copytree(made, tmp_path / "tiny")


@pytest.fixture
def withheld(made, tmp_path):
    """Return a copy of it as a case of a data set whose truth is withheld, to be spoiled."""
    folder = shutil.copytree(made, tmp_path / "case", ignore=shutil.ignore_patterns("manifest.json", "truth"))
    recording.save(folder, json.loads((made / "manifest.json").read_text()), parse(MESH, "mesh.yaml").topology)
    return folder


def rehash(folder):
    """Update the manifest to the current content of the files."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, said in manifest["files"].items():
        content = (folder / name).read_bytes()
        said |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def run(name, folder, **places):
    """Run a command on a fixture; checks how it ends, and returns its standard error."""
    shutil.rmtree(folder.parent / "out", ignore_errors=True)
    (folder.parent / "x.db").unlink(missing_ok=True)
    trace = json.loads((folder / "truth/verdicts.ndjson").read_bytes().splitlines()[0])["trace_id"]
    places = {"dir": folder, "in": folder.parent, "trace": trace, "answers": answers(folder.parent)} | places
    return ended(call(*(word.format(**places) for word in COMMANDS[name].split())))


def answers(place):
    path = place / "answers.json"
    if not path.exists():
        path.write_text(json.dumps(ANSWERS))
    return path


def ended(result):
    """Check how a command ended; returns its standard error."""
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"{result.exception!r}") from result.exception
    assert result.exit_code in (0, 1, 2)
    assert len(result.stderr) < BOUND
    return result.stderr


# -- JSON values ---------------------------------------------------------------------------------------------------

#: Replacements for a value; `...` drops it.
OTHERS = (..., None, True, -1, 10**12, 1e308, "", "x", "\x1b[31m", "a" * 10_000, [], {}, [[1]], "2024-02-30T10:30:00Z")
TIMES = ("2024-02-30T10:30:00.000000+00:00", "1970-01-01T00:00:00.000000+00:00", "9999-12-31T23:59:59.000000+00:00")


def paths(value, path=()):
    """Yield the paths to everything below a value, but only to the first item of a list."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, below in pairs:
        yield (*path, key)
        yield from paths(below, (*path, key))


def put(value, path, other):
    """Return a value with a replacement at a path."""
    content = json.loads(json.dumps(value))
    place = content
    for key in path[:-1]:
        place = place[key]
    if other is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = other
    return content


def spoiled(value):
    """Yield copies of a value with one place replaced, rotating through the replacements, and with bad times."""
    turns = cycle(OTHERS)
    for path in paths(value):
        yield put(value, path, next(turns))
        if path[-1] in ("timestamp", "start", "since", "end"):
            yield from (put(value, path, time) for time in TIMES)


@pytest.mark.parametrize("name", [f"{name}.ndjson" for name in RECORD_KINDS] + ["truth/verdicts.ndjson"])
def test_a_line_that_is_no_record_is_told_with_its_number(name, made, folder):
    readers = cycle(READERS[name])
    lines = (made / name).read_text().splitlines()
    number = len(lines) // 2
    for value in spoiled(json.loads(lines[number])):
        lines[number] = json.dumps(value)
        (folder / name).write_text("\n".join(lines) + "\n")
        rehash(folder)
        said = run(next(readers), folder)
        assert not said or "127.0.0.1:9" in said or f"{name}:{number + 1}: " in said, (value, said)


@pytest.mark.parametrize("name", ["truth/ground_truth.json", "manifest.json"])
def test_a_document_that_is_not_what_its_schema_says_is_told_by_name(name, made, folder):
    readers = cycle(READERS[name])
    for value in spoiled(json.loads((made / name).read_text())):
        shutil.copy(made / "manifest.json", folder)
        (folder / name).write_text(json.dumps(value))
        if name != "manifest.json":
            rehash(folder)
        said = run(next(readers), folder)
        assert not said or "127.0.0.1:9" in said or name in said or f"{folder}: " in said, (value, said)


def test_what_is_told_of_a_case_is_checked_like_a_manifest(withheld):
    def read(name):
        shutil.rmtree(withheld.parent / "out", ignore_errors=True)
        places = {"dir": withheld, "in": withheld.parent}
        return ended(call(*(word.format(**places) for word in COMMANDS[name].split())))

    path = withheld / recording.NAME
    good = path.read_bytes()
    assert [read(name) for name in TOLD[:-1]] == [""] * len(TOLD[:-1])
    readers = cycle(TOLD)
    for value in [json.dumps(value).encode() for value in spoiled(json.loads(good))]:
        path.write_bytes(value)
        said = read(next(readers))
        assert not said or "127.0.0.1:9" in said or f"{withheld}/" in said or f"{withheld}: " in said, (value, said)
    for what, value in BYTES.items():
        path.write_bytes(value)
        assert f"{path}:" in read(next(readers)), what


@pytest.mark.parametrize(("kind", "good"), [("answers", ANSWERS), ("state", STATE)])
def test_an_answer_or_a_state_that_is_none_is_told_by_name(kind, good, folder, tmp_path):
    file = tmp_path / f"{kind}.json"
    send = ("send", folder, "--to", "http://127.0.0.1:9", "--protocol", "loki", "--state", file)
    command = send if kind == "state" else ("score", folder, "--answers", file)
    good = good | (
        {"fixture": hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()} if kind == "state" else {}
    )
    for value in spoiled(good):
        file.write_text(json.dumps(value))
        said = ended(call(*command))
        assert not said or "127.0.0.1:9" in said or str(file) in said


# -- bytes ---------------------------------------------------------------------------------------------------------

BYTES = {
    "no JSON": b"junk",
    "cut off": b'{"timestamp": "20',
    "NaN": b'{"timestamp": NaN}',
    "infinite": b'{"timestamp": 1e400}',
    "large": b'{"timestamp": ' + b"9" * 5_000 + b"}",
    "no UTF-8": b'{"timestamp": "\xff"}',
    "half a character": b'{"timestamp": "\\ud800"}',
    "NUL": b"\0",
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "rather deep": b'{"a":' * 60 + b"1" + b"}" * 60,
    "null": b"null",
    "a number": b"5",
    "a list": b"[]",
    "empty": b"",
    "twice": b'{"timestamp": 1, "timestamp": 2}',
    "long": b'{"timestamp": "' + b"x" * 30_000_000 + b'"}',
}


@pytest.mark.parametrize("what", BYTES)
def test_bytes_that_are_no_value_are_told_by_name(what, made, folder, tmp_path):
    for name, readers in READERS.items():
        shutil.copytree(made, folder, dirs_exist_ok=True)
        lines = (made / name).read_bytes().split(b"\n")
        broken = [*lines[:3], BYTES[what], *lines[3:]] if name.endswith("ndjson") else [BYTES[what]]
        (folder / name).write_bytes(b"\n".join(broken))
        if name != "manifest.json":
            rehash(folder)
        for reader in readers[:1] if what == "long" else (readers[0], readers[-1]):
            assert f"{name}:" in run(reader, folder), reader
    shutil.copytree(made, folder, dirs_exist_ok=True)
    file = tmp_path / "file"
    file.write_bytes(BYTES[what])
    for command in (
        ("score", folder, "--answers", file),
        ("send", folder, "--to", "http://127.0.0.1:9", "--state", file),
        ("topology", "check", file),
        ("scenario", file, "--output", tmp_path / "new"),
        ("whatif", folder, "--topology", file),
    ):
        result = call(*command)
        assert result.exit_code == 2 and str(file) in ended(result)


def test_of_many_lines_that_are_no_records_some_are_told_and_the_others_counted(folder):
    (folder / "logs.ndjson").write_bytes(b"junk\n" * 5_000)
    rehash(folder)
    lines = run("csv", folder).splitlines()
    assert lines[0] == f"{folder}/logs.ndjson:1: is not JSON: Expecting value"
    assert len(lines) < 25 and "more" in lines[-1]


def test_records_in_the_wrong_order_are_refused(folder):
    lines = (folder / "logs.ndjson").read_bytes().splitlines(keepends=True)
    (folder / "logs.ndjson").write_bytes(b"".join([*lines[5:], *lines[:5]]))
    rehash(folder)
    number = len(lines) - 4
    for reader in ("csv", "send", "load"):
        assert f"logs.ndjson:{number}: timestamp: " in run(reader, folder)


def test_a_record_before_the_recording_or_of_a_service_of_no_mesh_is_refused(folder):
    lines = (folder / "logs.ndjson").read_bytes().splitlines(keepends=True)
    for old, new, said in (
        (b'"timestamp":"2024', b'"timestamp":"2023', "is earlier than 2024"),
        (b'"service":"store"', b'"service":"shop"', "service: this mesh has no service 'shop'"),
    ):
        (folder / "logs.ndjson").write_bytes(b"".join([lines[0].replace(old, new), *lines[1:]]))
        rehash(folder)
        found = run("csv", folder)
        assert new in b"".join([lines[0].replace(old, new)]) and said in found and "logs.ndjson:1: " in found


def test_records_that_another_program_wrote_with_blanks_in_between_are_read(made, folder):
    records = [json.loads(line) for line in (made / "traces.ndjson").read_text().splitlines()]
    (folder / "traces.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records))
    rehash(folder)
    assert run("csv", folder) == ""
    shutil.move(folder.parent / "out", folder.parent / "theirs")
    shutil.copytree(made, folder, dirs_exist_ok=True)
    assert run("csv", folder) == ""
    for path in (folder.parent / "out").iterdir():
        assert path.read_bytes() == (folder.parent / "theirs" / path.name).read_bytes()


@pytest.mark.parametrize("line", [b"junk", b"5", b"[" * 100_000, b'{"timestamp":"2024-01-15T10:30:01.000000+00:00",'])
def test_from_python_a_line_that_is_no_record_is_an_error_with_its_number(line, folder):
    lines = (folder / "logs.ndjson").read_bytes().split(b"\n")
    (folder / "logs.ndjson").write_bytes(b"\n".join([*lines[:3], line, *lines[3:]]))
    rehash(folder)
    with pytest.raises(MeshquakeError, match=r"logs\.ndjson:4: "):
        list(Fixture(folder).logs())


# -- places --------------------------------------------------------------------------------------------------------


def loop(path):
    path.symlink_to(path)


def unreadable(path):
    """Make a regular file that the operating system lets nobody read, not even root."""
    path.symlink_to("/proc/self/mem")


def device(path):
    path.symlink_to("/dev/zero")


PLACES = [os.mkfifo, os.mkdir, loop, unreadable, device, lambda path: path.symlink_to("/nowhere")]


@pytest.mark.parametrize("place", PLACES, ids=["pipe", "folder", "ring", "unreadable", "device", "nothing"])
def test_what_is_no_file_is_never_waited_for(place, made, folder, tmp_path):
    for name, readers in READERS.items():
        shutil.rmtree(folder)
        shutil.copytree(made, folder)
        (folder / name).unlink()
        place(folder / name)
        for reader in (readers[0], readers[-1]):
            result = call(
                *(
                    word.format(**{"dir": folder, "in": tmp_path, "trace": "x", "answers": answers(tmp_path)})
                    for word in COMMANDS[reader].split()
                )
            )
            said = ended(result)
            # A dangling link does not make a folder a fixture.
            assert result.exit_code == 2 or result.stdout.startswith("no fixtures in")
            assert str(folder) in said or "tiny: " in result.stdout or result.exit_code == 0
    shutil.rmtree(folder)
    shutil.copytree(made, folder)
    file = tmp_path / "file"
    place(file)
    for command in (
        ("score", folder, "--answers", file),
        ("topology", "check", file),
        ("scenario", file),
        ("whatif", folder, "--topology", file),
    ):
        result = call(*command)
        assert result.exit_code == 2 and str(file) in ended(result)


@pytest.mark.parametrize("place", [loop, os.mkfifo, lambda path: path.write_text("x"), lambda path: None])
def test_what_is_no_folder_is_told(place, tmp_path):
    folder = tmp_path / "tiny"
    place(folder)
    for name, command in COMMANDS.items():
        place = {"dir": folder, "in": tmp_path, "trace": "x", "answers": answers(tmp_path)}
        result = call(*(word.format(**place) for word in command.split()))
        assert (name == "list" and result.exit_code == 0) or (result.exit_code == 2 and str(folder) in ended(result))
    for command in (("list-fixtures", "--output", folder), ("list-fixtures", "--output", "a" * 300)):
        result = call(*command)
        assert result.exit_code == 2 and ended(result)


def test_a_pipe_with_a_writer_is_read_to_its_end(folder):
    """A shell's `<(command)` gives such a pipe."""
    reader, writer = os.pipe()
    slow = f"import os, time; time.sleep(0.5); os.write({writer}, {json.dumps(ANSWERS).encode()!r})"
    with subprocess.Popen([sys.executable, "-c", slow], pass_fds=[writer]):
        os.close(writer)
        assert json.loads(outside.content(f"/dev/fd/{reader}", 10_000)) == ANSWERS
    os.close(reader)


def test_one_bad_folder_does_not_end_a_listing(made, folder):
    for number, (path, value) in enumerate(
        [(("options", "duration_s"), 10**39), (("start",), 10**39), (("start",), None), (("files",), [])]
    ):
        shutil.copytree(made, folder.parent / f"bad-{number}")
        bad = put(json.loads((made / "manifest.json").read_text()), path, value)
        (folder.parent / f"bad-{number}" / "manifest.json").write_text(json.dumps(bad))
    result = call("list-fixtures", "--output", folder.parent)
    assert (result.exit_code, result.stdout.splitlines()[1].split()[0]) == (2, "tiny")
    assert all(f"bad-{number}/manifest.json: " in ended(result) for number in range(4))
