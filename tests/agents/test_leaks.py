"""The cause can only be found from telemetry: no word of the key leaks, whatever is asked."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from crawl import asked, crawl
from test_layers import ROOT, imports

import meshquake
from meshquake.agents import Incident
from meshquake.agents.judge import staging
from meshquake.agents.serving import locked

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it is Linux that shows it")


def words(value):
    """Return every text in a JSON value."""
    if isinstance(value, dict):
        return {word for each in value.values() for word in words(each)}
    if isinstance(value, list):
        return {word for each in value for word in words(each)}
    return {value} if isinstance(value, str) else set()


@pytest.fixture(scope="module")
def secrets(cascade):
    """Return words of key and manifest that neither telemetry nor tools contain: ids, kinds, roots, names, times."""
    truth = json.loads((cascade / "truth" / "ground_truth.json").read_text())
    manifest = json.loads((cascade / "manifest.json").read_text())
    told = {"cascade", str(manifest["seed"])} | {each["id"] for each in truth["faults"]}
    hidden = {name: each for name, each in truth.items() if name != "recording"}
    texts = words(hidden) | words(manifest["scenario"]) | told
    incident = Incident(cascade)
    said = "".join(
        [
            *((cascade / f"{kind}.ndjson").read_text() for kind in ("metrics", "logs", "traces", "events")),
            (cascade / "brief.md").read_text(),
            *(json.dumps([tool.doc, tool.schema]) for tool in incident.tools.values()),
        ]
    )
    found = {text for text in texts if len(text) > 3 and text not in said}
    assert {truth["faults"][0]["id"], "cascade"} <= found
    return found


def leaked(text, secrets):
    """Return the secrets that occur in a text as whole words."""
    there = [secret for secret in secrets if secret in text]
    return sorted(secret for secret in there if re.search(rf"(?<![\w-]){re.escape(secret)}(?![\w-])", text))


def without_key(cascade, folder):
    """Copy the published part of the telemetry under another name."""
    with staging.staged(cascade) as shown:
        shutil.copytree(shown, folder)
    return folder


def test_no_word_of_the_key_is_in_a_full_crawl(cascade, secrets):
    incident = Incident(cascade)
    texts = crawl(asked(incident))
    for answer in ({"root_causes": [{"service": "users"}]}, {"root_causes": [{"service": "nobody"}]}):
        texts.append(incident.ask("submit", answer)[0].text)
    assert leaked("\n".join(texts), secrets) == []


def test_answers_are_the_same_bytes_under_another_name_and_without_a_key(cascade, tmp_path):
    other = shutil.copytree(cascade, tmp_path / "case-0123456789ab")
    bare = without_key(cascade, tmp_path / "bare")
    first, *others = (crawl(asked(Incident(folder, now="+25s"))) for folder in (cascade, other, bare))
    assert others == [first, first]


def test_submit_says_the_same_whether_an_answer_is_right_or_wrong(cascade):
    answers = [[{"service": "database", "kind": "slow"}], [{"service": "auth-service", "kind": "leak"}]]
    told = {Incident(cascade).ask("submit", {"root_causes": each})[0].text for each in answers}
    assert len(told) == 1


def test_whom_an_answer_may_name_does_not_depend_on_the_key(cascade, tmp_path):
    bare = without_key(cascade, tmp_path / "bare")
    for name in ("users", "order-service", "nobody", "database-0", "node-exporter"):
        answer = {"root_causes": [{"service": name}], "verdicts": [{"trace_id": "1" * 32, "harmed": True}]}
        pages = [Incident(folder).ask("submit", answer)[0].text for folder in (cascade, bare)]
        assert pages[0] == pages[1]


def test_what_is_staged_holds_telemetry_and_the_brief_and_no_word_more(cascade, secrets):
    with staging.staged(cascade) as shown:
        files = {str(path.relative_to(shown)): path.read_text() for path in sorted(shown.rglob("*"))}
        assert not any(path.is_symlink() for path in shown.rglob("*"))
        assert leaked(str(shown), secrets) == []
    telemetry = {f"{kind}.ndjson" for kind in ("metrics", "logs", "traces", "events")}
    assert files.keys() == {*telemetry, "brief.md", "recording.json"}
    assert leaked("\n".join(files.values()), secrets) == []
    assert not shown.exists()


@pytest.fixture
def served(cascade, tmp_path):
    """Serve a fixture; yields the process id of the server."""
    source = "from meshquake.commands.entry import main; main()"
    command = [sys.executable, "-c", source, "mcp", str(cascade), "--http", "--port", "0", "--output", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT.parent), "SCENARIO": "cascade", "PWD": str(cascade)}
    with subprocess.Popen(command, env=environment, cwd=cascade, stdout=subprocess.PIPE, text=True) as judge:
        try:
            assert judge.stdout.readline().startswith("serving at http://127.0.0.1:")
            children = Path(f"/proc/{judge.pid}/task/{judge.pid}/children").read_text().split()
            yield Path("/proc", children[-1])
        finally:
            judge.terminate()


def open_files(process):
    """Return what a process has open. It works on meanwhile: what it closes between the two looks is left out."""
    opened = []
    for descriptor in sorted((process / "fd").iterdir()):
        with suppress(FileNotFoundError):
            opened.append(str(descriptor.readlink()))
    return opened


@LINUX
def test_the_serving_process_has_no_word_of_the_key_in_its_arguments_environment_and_files(served, secrets):
    opened = open_files(served)
    seen = "\n".join(
        [
            (served / "cmdline").read_text(),
            (served / "environ").read_text(),
            str((served / "cwd").readlink()),
            *opened,
            *(line.split(maxsplit=5)[-1] for line in (served / "maps").read_text().splitlines()),
        ]
    )
    assert "meshquake.agents.serving" in seen
    assert leaked(seen, secrets) == []
    # Files without a name, and libffi's code pages, are no part of a case; nor is code that it still imports.
    files = [each for each in opened if each.startswith("/") and not re.match(r"/dev/|.*/#\d+ \(deleted\)", each)]
    code = tuple(locked._python())
    assert [each for each in files if not each.startswith(code)] == [], "all is read: nothing of the case is open"


PROBE = """
import sys
from contextlib import suppress
from pathlib import Path
from meshquake.agents.serving import locked
import meshquake.agents.incident
shown, hidden = map(Path, sys.argv[1:3])
if not locked.lock(shown):
    print("no lock")
    raise SystemExit
assert len(list(shown.iterdir())) == 6
meshquake.agents.incident.Incident(shown).call("get_brief")
for look in (lambda: open(hidden / "truth" / "ground_truth.json"), lambda: list(hidden.iterdir()),
             lambda: open(hidden / "traces.ndjson"), lambda: open(f"/proc/{sys.argv[3]}/cmdline"),
             lambda: open("/tmp/found", "w"), lambda: open("/etc/passwd")):
    try:
        look()
    except PermissionError:
        print("refused")
"""


@LINUX
def test_on_linux_the_kernel_refuses_the_serving_process_all_else(cascade):
    with staging.staged(cascade) as shown:
        command = [sys.executable, "-P", "-c", PROBE, str(shown), str(cascade), str(os.getpid())]
        ended = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": str(ROOT.parent)}, capture_output=True, text=True, cwd="/"
        )
    assert (ended.returncode, ended.stderr) == (0, "")
    if ended.stdout == "no lock\n":
        pytest.skip("this kernel has no Landlock")
    assert ended.stdout == "refused\n" * 6


def test_nothing_that_serves_imports_what_reads_a_key():
    """Only the judge does, and Inspect's scorer in a harness's own process; naming a key's files is no reading."""
    keys = {"read_ground_truth", "read_verdicts", "verdicts", "locate"}
    for path in sorted((ROOT / "agents").rglob("*.py")):
        if any(path.is_relative_to(ROOT / "agents" / room) for room in ("judge", "inspect")):
            continue
        found = imports(path, running=False)
        assert not any(each.startswith("meshquake.exporters.reports") for each in found), path
        assert not any(each.rpartition(".")[2] in keys for each in found), path
        assert not any(f".{key}(" in path.read_text() for key in ("read_ground_truth", "read_verdicts")), path


def test_locking_names_the_rooms_and_not_the_folder_that_they_stand_in():
    allowed = set(locked._python())
    package = Path(meshquake.__file__).parent
    assert str(package) not in allowed
    assert str(package.parent) not in allowed
    assert str(package / "agents") in allowed
