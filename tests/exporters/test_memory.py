"""Readers of a fixture need no more memory for a long one than for a short one."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from meshquake.exporters.fixtures.answer_key import GROUND_TRUTH, VERDICTS
from meshquake.exporters.fixtures.manifest import NAME

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")

ROOT = Path(__file__).parents[2]
#: A process that runs a command and then reports its peak memory, in kB.
MEASURED = """
import re, sys
from pathlib import Path
from meshquake.commands.main import main
try:
    main(sys.argv[1:])
finally:
    print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""
#: Length of a short and a long fixture, in incidents. They differ by 90 MB of spans.
SHORT, LONG = 6, 36


@pytest.fixture(scope="module")
def lengthened(incident, tmp_path_factory):
    """Make a fixture this many times as long as an incident: it recurs each day, in other traces."""

    def make(times):
        folder = tmp_path_factory.mktemp("lengthened") / "cascade"
        (folder / "truth").mkdir(parents=True)
        for name in (NAME, "metrics.ndjson", "logs.ndjson", "events.ndjson"):
            (folder / name).write_bytes((incident / name).read_bytes())
        for name in ("traces.ndjson", VERDICTS):
            lines = (incident / name).read_bytes()
            with (folder / name).open("wb") as file:
                for number in range(times):
                    day = f"2024-{1 + number // 28:02}-{1 + number % 28:02}T".encode()
                    again = lines.replace(b"2024-01-15T", day)
                    file.write(re.sub(rb'"trace_id":"..', b'"trace_id":"%02x' % (number + 1), again))
        truth = json.loads((incident / GROUND_TRUTH).read_text())
        truth["requests"] = {what: count * times for what, count in truth["requests"].items()}
        (folder / GROUND_TRUTH).write_text(json.dumps(truth).replace("2024-01-15T", "2024-01-01T"))
        return folder

    return make


def most(*arguments):
    """Return the peak memory of a command, in MB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(done.stderr.splitlines()[-1]) / 1000


@pytest.mark.slow
def test_scoring_and_looking_up_take_no_more_for_a_long_fixture_than_for_a_short_one(lengthened, tmp_path):
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps({"root_causes": [{"service": "database"}]}))

    def taken(folder):
        trace = json.loads((folder / VERDICTS).open("rb").readline())["trace_id"]
        return most("score", folder, "--answers", answer), most("explain", folder, trace)

    short, long = taken(lengthened(SHORT)), taken(lengthened(LONG))
    assert [after - before < 60 for before, after in zip(short, long, strict=True)] == [True, True], (short, long)
