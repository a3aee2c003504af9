"""No content of a file or of a receiver's answer can control a terminal or flood it."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from receivers import Say, receiver

from meshquake.commands import output, tables
from meshquake.commands.main import main

#: A window title, red letters, a one-character clear-screen, right-to-left text, and a line end.
EVIL = "\x1b]0;pwn\x07\x1b[31m\x7f\x9b2J\u202eabc\u2066\u200f\u2028\r\x00[red]x[/red]"
#: The part of it that JSON Schema accepts as a line of text.
ODD = "\u202eabc\u2066\u200f\u2028[red]x[/red]"
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
MESH = """
name: tiny
services:
  web: {operations: {home: {work: 2ms, calls: [store.get]}}}
  store: {kind: database, operations: {get: {work: 5ms}}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""
SCENARIO = "name: tiny\nlead_in: 2s\nduration: 4s\nrecovery: 1s\nfaults: [{slow: {target: store, factor: 100}}]\n"


@pytest.fixture(params=[False, True], ids=["pipe", "terminal"], autouse=True)
def terminal(request, monkeypatch):
    """Parametrise over whether standard output is a terminal."""
    monkeypatch.setattr(tables, "is_terminal", lambda stream: request.param)


def call(*arguments):
    """Run a command; checks that its output is harmless, and returns it."""
    result = CliRunner().invoke(main, list(map(str, arguments)))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"{result.exception!r}") from result.exception
    said = re.sub("\x1b\\[[01]m", "", result.stdout) + result.stderr  # the heads of tables are bold
    assert FORBIDDEN.findall(said) == []
    return said


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("made")
    (place / "scenario.yaml").write_text(SCENARIO)
    (place / "mesh.yaml").write_text(MESH)
    command = ("scenario", place / "scenario.yaml", "--topology", place / "mesh.yaml", "--json", "--output", place)
    return Path(json.loads(CliRunner().invoke(main, list(map(str, command))).stdout)["folder"])


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "tiny")


def change(path, changed):
    """Change the content of a JSON file, or of each line of a file of them."""
    lines = path.read_text().splitlines() if path.suffix == ".ndjson" else [path.read_text()]
    path.write_text("".join(json.dumps(changed(json.loads(line)), separators=(",", ":")) + "\n" for line in lines))


def rehash(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, said in manifest["files"].items():
        content = (folder / name).read_bytes()
        said |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def everywhere(value, evil):
    """Return a value with something appended to every text in it."""
    if isinstance(value, dict):
        return {key: everywhere(below, evil) for key, below in value.items()}
    if isinstance(value, list):
        return [everywhere(below, evil) for below in value]
    return value + evil if isinstance(value, str) else value


@pytest.mark.parametrize("evil", [EVIL, ODD])
def test_the_names_in_a_manifest(evil, folder):
    change(folder / "manifest.json", lambda content: content | {"scenario": content["scenario"] | {"name": "n" + evil}})
    for more in ((), ("--json",)):
        call("list-fixtures", "--output", folder.parent, *more)
    assert "[red]x[/red]" in call("list-fixtures", "--output", folder.parent)
    for command in (("replay", folder), ("whatif", folder, "--without", "slow-1"), ("explain", folder)):
        call(*command)
    change(folder / "manifest.json", lambda content: content | {"versions": content["versions"] | {evil: evil}})
    assert "[red]" in call("replay", folder)


def test_the_texts_in_an_answer_key(folder, tmp_path):
    def changed(key):
        (fault,) = key["faults"]
        names = {"id": fault["id"] + EVIL, "target": fault["target"] | {"service": "store" + EVIL}}
        causes = {"root_cause": everywhere(fault["root_cause"], EVIL)}
        steps = {part: [step | {"to": EVIL} for step in fault[part]] for part in ("mechanism",)}
        return key | {"services": everywhere(key["services"], EVIL), "faults": [fault | names | causes | steps]}

    change(folder / "truth" / "ground_truth.json", changed)
    assert "[red]x[/red]" in call("explain", folder)
    (tmp_path / "answers.json").write_text(json.dumps({"root_causes": [{"service": "x"}]}))
    assert "[red]" in call("score", folder, "--answers", tmp_path / "answers.json")
    call("score", folder, "--answers", tmp_path / "answers.json", "--json")


def test_the_names_in_records_and_verdicts(folder):
    trace = json.loads((folder / "traces.ndjson").read_text().splitlines()[0])["trace_id"]
    change(folder / "traces.ndjson", lambda span: span | {"operation": span["operation"] + EVIL, "peer": EVIL})
    change(folder / "truth" / "verdicts.ndjson", lambda verdict: verdict | {"entry": EVIL})
    rehash(folder)
    assert "[red]x[/red]" in call("explain", folder, trace)
    assert "this mesh has no service" in call("export", folder, "--format", "csv", "--output", folder.parent / "out")


def test_the_keys_and_values_of_what_is_refused(folder, tmp_path):
    file = tmp_path / "file"
    for content in ({"root_causes": [{"service": EVIL, EVIL: EVIL}]}, {EVIL: 1}, {"root_causes": EVIL}):
        file.write_text(json.dumps(content))
        assert "[red]x" in call("score", folder, "--answers", file)
    file.write_text(json.dumps({EVIL: EVIL}))
    assert "[red]x" in call("send", folder, "--to", "http://127.0.0.1:9", "--state", file)


@pytest.mark.parametrize("kind", ["topology", "scenario"])
def test_the_names_in_a_topology_or_a_scenario(kind, tmp_path, made):
    file = tmp_path / "file.yaml"
    command = ("topology", "check", file) if kind == "topology" else ("scenario", file, "--output", tmp_path / "out")
    for text in (f"name: {json.dumps(EVIL)}\n", f"{json.dumps(EVIL)}: 1\n", f"name: {EVIL}\n", f"name: x{ODD}\n"):
        file.write_text(text)
        assert str(file) in call(*command)
    file.write_text(MESH.replace("tiny", "'[red]x[/red]'"))
    assert "[red]x[/red]" in call("topology", "show", file)
    call("whatif", made, "--topology", tmp_path / EVIL.replace("\x00", ""))


def test_what_a_receiver_says(folder, tmp_path):
    bodies = {
        "otlp-http": EVIL.encode(),
        "loki": b"\x1b[31m\xff" + EVIL.encode(),
        "elasticsearch": json.dumps({"errors": EVIL, "items": [{"create": {"status": 400, "error": EVIL}}]}).encode(),
    }
    for protocol, body in bodies.items():
        for status in (200, 400):
            say = Say(status, body)
            with receiver(lambda got, say=say: say) as (address, _):
                call("send", folder, "--to", address, "--protocol", protocol, "--fast", "--patience", 0)
    wrong = {"status": 400, "error": {"type": EVIL, "reason": EVIL + "x" * 100_000}}
    body = json.dumps({"errors": True, "items": [{"create": wrong}]}).encode()
    with receiver(lambda got: Say(200, body)) as (address, _):
        said = call("send", folder, "--to", address, "--protocol", "elasticsearch", "--fast")
    assert "[red]x[/red]" in said and len(said) < 10_000


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"errors": true, "items": ' + b"[" * 100_000, b"{}", b"5", b'{"errors": NaN}', b"\xff"]
)
def test_what_a_receiver_says_that_is_no_answer(body, folder):
    with receiver(lambda got: Say(200, body)) as (address, _):
        said = call("send", folder, "--to", address, "--protocol", "elasticsearch", "--fast")
    assert "its answer does not follow this protocol" in said


def test_the_names_of_files_and_what_stands_on_the_command_line(folder, tmp_path):
    odd = tmp_path / f"a\nb{EVIL}\udcff".replace("\x00", "").replace("/", "")
    for command in (
        ("explain", odd),
        ("score", folder, "--answers", odd),
        ("topology", "check", odd),
        ("list-fixtures", "--output", odd),
        ("export", folder, "--format", EVIL, "--output", odd),
        (EVIL,),
        ("explain", folder, EVIL),
        ("whatif", folder, "--set", f"faults.slow-1.factor={EVIL}"),
        ("whatif", folder, "--without", EVIL),
        ("load", folder, "--into", f"sqlite:///{odd}/x.db", "--fixture-id", EVIL),
        ("send", folder, "--to", f"http://{EVIL}"),
        ("send", folder, "--to", "http://h", "--header", EVIL),
    ):
        assert call(*command), command
    shutil.copytree(folder, odd)
    assert "[red]" in call("list-fixtures", "--output", tmp_path)
    assert "[red]" in call("export", odd, "--format", "csv", "--output", tmp_path / "out" / odd.name)
    call("explain", odd)


# -- volume --------------------------------------------------------------------------------------------------------


def test_of_many_warnings_of_a_kind_ten_are_told_and_the_others_counted(tmp_path):
    idle = "".join(f"  idle-{number}: {{operations: {{y: {{}}}}}}\n" for number in range(2_000))
    (tmp_path / "mesh.yaml").write_text(MESH.replace("services:\n", f"services:\n{idle}"))
    lines = call("topology", "check", tmp_path / "mesh.yaml").splitlines()
    told = [line for line in lines if line.endswith("no request reaches this service")]
    assert (len(told), "and 1,990 more of this kind" in lines) == (10, True)


def test_messages_of_different_kinds_are_all_told_in_their_order():
    few = [f"mesh.yaml:{number}: unknown key 'a{number}'" for number in range(12)]
    told = list(output.condensed([*few[:6], "mesh.yaml: is odd", *few[6:]]))
    assert told == [*few[:6], "mesh.yaml: is odd", *few[6:10], "and 2 more of this kind"]
    kinds = [
        "abcdefghij"[number // 100] + "abcdefghij"[number // 10 % 10] + "abcdefghij"[number % 10]
        for number in range(300)
    ]
    assert list(output.condensed(kinds))[-2:] == [kinds[199], "and 100 more"]


def test_a_line_is_cut_at_a_length_that_somebody_reads():
    assert len(output.line("x" * 30_000_000)) < 5_000
    assert output.line("short") == "short"
