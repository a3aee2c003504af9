"""A fixture over HTTP: real clients and a real server in a separate process."""

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

import httpx
import jsonschema
import pytest
from click.testing import CliRunner

from meshquake import Fixture
from meshquake.commands.main import main
from meshquake.exporters.fixtures import reading
from meshquake.exporters.fixtures.timeline import RECORD_NAMES, Only
from meshquake.exporters.server import app, streams
from meshquake.exporters.server.hosts import Hosts
from meshquake.exporters.server.page import Page
from meshquake.exporters.server.playback import Recording, SimulatedClock
from meshquake.sim.records import RECORD_KINDS

#: Tests that need the extras.
ROOMS = ("meshquake.exporters.server", "meshquake.exporters.sending")
ROOT = Path(__file__).parents[3]
LINUX = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")


@contextmanager
def serving(folder, *options):
    """Run a server; yields its process and its address."""
    command = [sys.executable, "run.py", "serve", str(folder), "--port", "0", *map(str, options)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said = process.stdout.readline()
        assert said, process.stderr.read()
        yield process, said.split()[-1]
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def past(incident):
    """Yield the address of a server whose recording has been played to the end."""
    with serving(incident, "--speed", 10_000) as (_, address):
        yield address


@pytest.fixture(scope="module")
def expected(incident):
    """Return every record with its kind, in order of time."""
    return list(Fixture(incident).records())


def get(address, path, **options):
    return httpx.get(address + path, trust_env=False, timeout=30, **options)


def soon(holds):
    """Wait for a condition: a server notices only after a moment that a reader has left."""
    patience = time.monotonic() + 20
    while not holds():
        if time.monotonic() > patience:
            return False
        time.sleep(0.02)
    return True


def in_stream(answer):
    """Return the records of one kind in NDJSON."""
    return [json.loads(line) for line in answer.text.splitlines()]


def problems(document, schema, value):
    """Return the errors of a value by a schema of the OpenAPI document."""
    validator = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
    return [error.message for error in validator.iter_errors(value)]


def in_page(answer):
    assert answer.status_code == 200, answer.text
    return [(each["signal"], each["record"]) for each in answer.json()["records"]]


# -- streams -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", RECORD_NAMES)
def test_a_stream_of_a_signal_is_its_file(past, incident, kind):
    answer = get(past, f"/v1/stream/{kind}")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.content == (incident / f"{kind}.ndjson").read_bytes()


def test_the_stream_of_all_has_every_record_with_its_signal_in_order_of_time(past, expected):
    lines = in_stream(get(past, "/v1/stream/all"))
    assert [(each["signal"], each["record"]) for each in lines] == expected


def test_events_sent_by_the_server_say_signal_record_and_where_to_go_on(past, expected):
    answer = get(past, "/v1/stream/all?from=19.5", headers={"accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [
        dict(line.split(": ", 1) for line in event.splitlines())
        for event in answer.text.removesuffix("\n\n").split("\n\n")
    ]
    late = [(kind, record) for kind, record in expected if record["timestamp"] >= "2024-01-15T10:30:19.5"]
    assert [(event["event"], json.loads(event["data"])) for event in events] == late
    resumed = {"accept": "text/event-stream", "last-event-id": events[20]["id"]}
    assert get(past, "/v1/stream/all?from=0", headers=resumed).text == answer.text.split(f"{events[20]['data']}\n\n")[1]
    done = {"accept": "text/event-stream", "last-event-id": events[-1]["id"]}
    assert get(past, "/v1/stream/all", headers=done).status_code == 204


def test_a_stream_begins_anywhere_and_can_be_of_one_service_and_one_trace(past, incident):
    fixture = Fixture(incident)
    assert in_stream(get(past, "/v1/stream/logs?from=2024-01-15T10:30:07.5Z")) == list(fixture.logs(start=7.5))
    assert in_stream(get(past, "/v1/stream/traces?service=database&from=3")) == list(
        fixture.traces(service="database", start=3)
    )
    trace = next(fixture.traces(start=8))["trace_id"]
    assert in_stream(get(past, f"/v1/stream/logs?trace_id={trace}")) == list(fixture.logs(trace_id=trace))


class Reader:
    """A client that sends its request and reads the response byte by byte."""

    def __init__(self, address, path, *, receive=None):
        host, port = address.removeprefix("http://").split(":")
        self._socket = socket.socket()
        if receive:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self._socket.connect((host, int(port)))
        self._socket.setblocking(False)
        self._path = path

    async def __aenter__(self):
        self.reader, self._writer = await asyncio.open_connection(sock=self._socket)
        self._writer.write(f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return self

    async def __aexit__(self, *error):
        self._writer.close()

    async def body(self):
        """Read the whole body, without HTTP's chunks."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        whole = bytearray()
        while size := int(await self.reader.readline(), 16):
            whole += (await self.reader.readexactly(size + 2))[:size]
        return bytes(whole)


def memory(process):
    """Return the resident bytes of a process."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4096


@LINUX
def test_of_fifty_readers_all_who_stay_get_every_record_once_and_in_order(incident, expected):
    """One stalls for a while, one leaves half way, and one doesn't speak HTTP."""
    whole = {kind: (incident / f"{kind}.ndjson").read_bytes() for kind in RECORD_NAMES}

    async def stays(address, number):
        async with Reader(address, f"/v1/stream/{RECORD_NAMES[number % 4]}") as reader:
            assert await reader.body() == whole[RECORD_NAMES[number % 4]]

    async def stalls(address):
        async with Reader(address, "/v1/stream/all", receive=4096) as reader:
            await asyncio.sleep(2.5)
            lines = map(json.loads, (await reader.body()).splitlines())
            assert [(each["signal"], each["record"]) for each in lines] == expected

    async def leaves(address):
        async with Reader(address, "/v1/stream/all") as reader:
            await reader.reader.readexactly(1_000_000)

    async def babbles(address):
        async with Reader(address, "/\r\nnonsense\0") as reader:
            assert b"400 Bad Request" in await reader.reader.read()

    async def all_of_them(address):
        staying = [stays(address, number) for number in range(47)]
        await asyncio.gather(*staying, stalls(address), leaves(address), babbles(address))

    with serving(incident, "--speed", 10) as (process, address):
        get(address, "/metrics")
        before = memory(process)
        asyncio.run(all_of_them(address))
        assert memory(process) - before < 50e6
        assert soon(lambda: get(address, "/healthz").json()["readers"] == 0)


@LINUX
def test_readers_that_take_nothing_cost_next_to_nothing(incident):
    """Buffering what they don't take would need 250 MB."""

    async def stall(address, process):
        readers = [Reader(address, "/v1/stream/all", receive=4096) for _ in range(50)]
        for reader in readers:
            await reader.__aenter__()
        while get(address, "/healthz").json()["readers"] < 50:
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        return memory(process)

    with serving(incident, "--speed", 10_000) as (process, address):
        get(address, "/metrics")
        before = memory(process)
        assert asyncio.run(stall(address, process)) - before < 50e6


def test_records_come_when_they_are_due(incident):
    with serving(incident, "--speed", 5) as (_, address):
        health = get(address, "/healthz").json()
        now, began = datetime.fromisoformat(health["now"]), time.monotonic()
        lags = []
        with httpx.stream("GET", f"{address}/v1/stream/traces?from=now", trust_env=False) as answer:
            for line in answer.iter_lines():
                due = datetime.fromisoformat(json.loads(line)["timestamp"])
                lags.append((time.monotonic() - began) - (due - now).total_seconds() / 5)
                if due > now + timedelta(seconds=5):
                    break
    assert len(lags) > 100
    assert min(lags) > -0.1 and sorted(lags)[len(lags) // 2] < 1


def test_a_loop_goes_on_in_time_and_says_the_same_again(incident):
    fixture = Fixture(incident)
    events = list(fixture.events())
    with serving(incident, "--speed", 60, "--loop") as (_, address):
        with httpx.stream("GET", f"{address}/v1/stream/events", trust_env=False, timeout=30) as answer:
            lines = answer.iter_lines()
            heard = [json.loads(next(lines)) for _ in range(len(events) * 5 // 2)]
        times = [datetime.fromisoformat(event.pop("timestamp")) for event in heard]
        told = [datetime.fromisoformat(event.pop("timestamp")) for event in events]
        assert heard == (events * 3)[: len(heard)]
        assert times == sorted(times)
        later = times[len(events)] - told[0]
        assert later >= timedelta(seconds=fixture.length) and later.microseconds == 0
        assert times == [told[n % len(told)] + later * (n // len(told)) for n in range(len(times))]
        page = get(address, f"/v1/records?signal=events&from={times[-2].isoformat()[:-6]}Z&limit=1")
        assert in_page(page)[0][1]["timestamp"] == times[-2].isoformat(timespec="microseconds")


# -- pages ---------------------------------------------------------------------------------------------------------


def test_pages_follow_each_other_without_a_gap(past, expected):
    found, path = [], "/v1/records?limit=2500"
    while True:
        answer = get(past, path)
        found += in_page(answer)
        if not (cursor := answer.json()["next"]):
            break
        assert len(in_page(answer)) == 2500
        path = f"/v1/records?limit=2500&cursor={cursor}"
    assert found == expected


def test_a_page_is_of_a_time_a_service_and_signals(past, incident):
    answer = get(past, "/v1/records?from=6&to=2024-01-15T10:30:08Z&service=database&signal=logs,events&limit=10000")
    wanted = Fixture(incident).records(start=6, end=8, service="database")
    assert in_page(answer) == [each for each in wanted if each[0] in ("logs", "events")]
    assert answer.json()["next"] is None


def test_what_has_not_happened_is_in_no_page_and_a_cursor_leads_to_it_later(incident):
    with serving(incident, "--speed", 2) as (_, address):
        now = get(address, "/healthz").json()["now"]
        first = get(address, "/v1/records?signal=metrics&limit=10000")
        later = get(address, "/healthz").json()["now"]
        found = in_page(first)
        assert all(record["timestamp"] <= later for _, record in found)
        assert {record["timestamp"] for _, record in found} >= {
            record["timestamp"] for record in Fixture(incident).metrics(end=now)
        }
        time.sleep(0.7)
        (_, next_one), *_ = in_page(get(address, f"/v1/records?signal=metrics&cursor={first.json()['next']}"))
        assert next_one == list(Fixture(incident).metrics())[len(found)]


@pytest.fixture
def inside(incident):
    """Call the application itself, in this process, after the end of the recording."""
    fixture = Fixture(incident)
    recording = Recording(fixture, loop=False)
    clock = SimulatedClock(time, fixture.start, 1e9, recording.end)
    page = Page(Recording(fixture, loop=False), reading.context(incident))
    transport = httpx.ASGITransport(
        app.application(recording, clock, page, incident / "truth", Hosts("localhost"), lambda: False)
    )

    async def answer(method, path):
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path)

    return lambda path, method="GET": asyncio.run(answer(method, path))


def test_a_page_looks_through_so_much_at_most_and_then_says_where_to_go_on(inside, incident, monkeypatch):
    monkeypatch.setattr(app, "_LOOKED", 500_000)
    found, cursor = [], "0-0-0-0-0"
    pages = 0
    while cursor:
        answer = inside(f"/v1/records?service=payment-service&signal=traces&limit=10000&cursor={cursor}")
        found += [record for _, record in in_page(answer)]
        cursor, pages = answer.json()["next"], pages + 1
    assert found == list(Fixture(incident).traces(service="payment-service"))
    assert pages > 3


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/openapi.json", "/v1/records", "/v1/truth"])
def test_who_only_wants_the_head_of_an_answer_gets_that_of_the_answer(inside, path):
    head, answer = inside(path, "HEAD"), inside(path)
    assert (head.status_code, head.headers) == (200, answer.headers)


def test_who_only_wants_to_know_whether_a_stream_is_there_gets_no_stream(inside):
    answer = inside("/v1/stream/all", "HEAD")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"", "application/x-ndjson")


@pytest.mark.parametrize("loop", [False, True])
def test_there_is_a_place_for_every_moment_and_none_in_years_that_cannot_be(incident, loop):
    recording = Recording(Fixture(incident), loop)
    for year in (1, 1000, 2024, 2025, 9000, 9999):
        place = recording.find(datetime(year, 1, 1, tzinfo=UTC))
        assert recording.position(str(place)) == place
        assert sum(1 for _ in islice(recording.read(RECORD_NAMES, place), 100)) == (
            0 if year > 2024 and not loop else 100
        )
    with pytest.raises(ValueError):
        recording.position("999999999999-0-0-0-0")


def test_readers_of_events_hear_something_when_nothing_happens(incident, monkeypatch):
    """Otherwise proxies in between would consider the connection dead."""
    monkeypatch.setattr(streams, "_QUIET", 0.05)
    fixture = Fixture(incident)
    recording = Recording(fixture, loop=False)
    clock = SimulatedClock(time, fixture.start, 0.001, recording.end)
    chunks = streams.Streams(recording, clock, lambda: False).stream(
        ("events",), recording.beginning, Only(), streams.event, b":\n\n"
    )
    assert asyncio.run(anext(chunks)) == b":\n\n"


# -- the rest ------------------------------------------------------------------------------------------------------


def test_metrics_are_those_of_the_last_interval_in_words_of_prometheus(past, incident):
    answer = get(past, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    last = list(Fixture(incident).metrics(start=20))
    assert len(lines) == len(last) > 300
    samples = {(each["service"], each["metric"]): each["value"] for each in last if not each["replica"]}
    share = float(lines['mesh_service_worker_utilization_ratio{service="database"}'])
    assert share == pytest.approx(samples["database", "worker_utilization"] / 100)
    handled = [each for each in Fixture(incident).metrics(service="database") if each["metric"] == "request_rate"]
    counted = sum(each["value"] for each in handled if each["replica"] is None)
    assert float(lines['mesh_service_requests_total{service="database"}']) == round(counted)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus' promtool is not installed")
def test_promtool_finds_nothing_to_say_of_the_metrics(past):
    checked = subprocess.run(["promtool", "check", "metrics"], input=get(past, "/metrics").content, capture_output=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_the_document_describes_what_is_served(past, expected):
    document = get(past, "/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    for path, each in document["paths"].items():
        answer = get(past, path.replace("{signal}", "events"))
        content = each["get"]["responses"]["200"]["content"]
        media_type = answer.headers["content-type"].split(";")[0]
        assert media_type in content, path
        if media_type == "application/json":
            assert problems(document, content[media_type]["schema"], answer.json()) == [], path
    page = document["paths"]["/v1/records"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert problems(document, page, get(past, "/v1/records?limit=50&from=10").json()) == []
    assert problems(document, page, {"records": [{"signal": "logs", "record": {}}], "next": None}) != []


@pytest.mark.parametrize("kind", RECORD_KINDS.values(), ids=lambda kind: kind.name)
def test_the_document_says_of_a_record_what_its_schema_says(past, kind):
    described = get(past, "/openapi.json").json()["components"]["schemas"][kind.name]
    assert described == {key: value for key, value in kind.json_schema().items() if key != "$schema"}


ASKED = {
    "from": "1",
    "cursor": "0-0-0-0-0",
    "service": "database",
    "trace_id": "0",
    "to": "2",
    "signal": "logs,events",
    "limit": "10000",
}


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/healthz", {}),
        ("/metrics", {}),
        ("/openapi.json", {}),
        ("/v1/records", ASKED),
        ("/v1/stream/{signal}", dict(islice(ASKED.items(), 4))),
    ],
)
def test_what_the_document_says_can_be_asked_for_is_answered_and_all_else_is_refused(past, path, parameters):
    document = get(past, "/openapi.json").json()
    described = document["paths"][path]["get"]
    queries = {each["name"]: each["schema"] for each in described.get("parameters", ()) if each["in"] == "query"}
    assert queries.keys() == parameters.keys()
    path = path.replace("{signal}", "events")
    for name, value in parameters.items():
        schema = queries[name]
        assert problems(document, schema, int(value) if schema["type"] == "integer" else value) == []
        assert get(past, f"{path}?{name}={value}").status_code == 200, name
    refused = get(past, f"{path}?nonsense=1")
    refusal = described["responses"]["4XX"]["content"]["application/json"]["schema"]
    assert (refused.status_code, problems(document, refusal, refused.json())) == (400, [])
    assert problems(document, refusal, {"detail": "nonsense"}) != []


def test_the_document_names_every_stream(past):
    described = get(past, "/openapi.json").json()["paths"]["/v1/stream/{signal}"]["get"]
    (signal,) = (each["schema"] for each in described["parameters"] if each["in"] == "path")
    assert signal["enum"] == [*RECORD_NAMES, "all"]
    assert [each["name"] for each in described["parameters"] if each["in"] == "header"] == ["last-event-id"]


def test_the_truth_is_in_the_document_if_it_is_served(inside, past):
    served, withheld = (ask("/openapi.json").json()["paths"].keys() for ask in (inside, partial(get, past)))
    assert served - withheld == {"/v1/truth", "/v1/truth/verdicts"}


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v1/records?limt=1", 400, "unknown parameter 'limt' (did you mean 'limit'?)"),
        ("/v1/records?limit=0", 400, "limit must be a whole number from 1 to 10000, not '0'"),
        ("/v1/records?limit=10001", 400, "limit must be a whole number from 1 to 10000, not '10001'"),
        ("/v1/records?limit=5.0", 400, "limit must be a whole number from 1 to 10000, not '5.0'"),
        ("/v1/records?limit=1_0", 400, "limit must be a whole number from 1 to 10000, not '1_0'"),
        ("/v1/records?limit=1&limit=2", 400, "limit is given twice"),
        ("/v1/records?signal=log", 400, "unknown signal 'log' (did you mean 'logs'?)"),
        ("/v1/records?from=soon", 400, "from must be seconds, ISO 8601 (with + as %2B) or now, not 'soon'"),
        ("/v1/records?from=1e300", 400, "from must be seconds, ISO 8601 (with + as %2B) or now, not '1e300'"),
        ("/v1/records?cursor=0-1-0-0-0", 400, "cursor: not a cursor of this server"),
        ("/v1/records?cursor=1-0-0-0-0", 400, "cursor: not a cursor of this server"),
        ("/v1/records?cursor=0-0-0-0-0&from=1", 400, "cursor and from exclude each other"),
        (f"/v1/records?service={'x' * 201}", 400, "service is longer than 200 characters"),
        ("/v1/stream/spans", 404, "no such path; /openapi.json lists those that exist"),
        ("/v1/stream/..%2f..%2fmanifest.json", 404, "no such path; /openapi.json lists those that exist"),
        ("/manifest.json", 404, "no such path; /openapi.json lists those that exist"),
        ("/v1/truth", 404, "no such path; /openapi.json lists those that exist"),
        ("/v1/truth/verdicts", 404, "no such path; /openapi.json lists those that exist"),
        ("/docs", 404, "no such path; /openapi.json lists those that exist"),
        ("/redoc", 404, "no such path; /openapi.json lists those that exist"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_a_reason(past, path, status, message):
    answer = get(past, path)
    assert (answer.status_code, answer.json()) == (status, {"error": message})


def test_nothing_can_be_sent_to_it_and_long_requests_are_refused(past):
    answer = httpx.post(f"{past}/v1/records", content=b"x", trust_env=False)
    assert (answer.status_code, answer.json()) == (405, {"error": "Method Not Allowed"})
    assert answer.headers["allow"] == "GET, HEAD"
    assert get(past, f"/healthz?{'x' * 40_000}").status_code == 400


def test_the_truth_is_served_if_it_is_asked_for(inside, incident):
    assert inside("/v1/truth").content == (incident / "truth/ground_truth.json").read_bytes()
    assert inside("/v1/truth/verdicts").content == (incident / "truth/verdicts.ndjson").read_bytes()


@pytest.mark.parametrize("tree", ["telemetry", "truth"])
def test_a_case_of_a_data_set_is_served_without_its_truth(small_cases, tree):
    folder, heard, _ = small_cases
    name = heard[0].answer["case"]
    with serving(folder / tree / name, "--speed", 10_000) as (_, address):
        assert get(address, "/v1/stream/logs").content == (folder / "telemetry" / name / "logs.ndjson").read_bytes()
        assert get(address, "/v1/truth").status_code == 404


def test_more_connections_than_allowed_are_turned_away(incident):
    with serving(incident, "--connections", 3) as (_, address):
        with (
            httpx.stream("GET", f"{address}/v1/stream/all", trust_env=False) as one,
            httpx.stream("GET", f"{address}/v1/stream/all", trust_env=False) as two,
        ):
            assert (one.status_code, two.status_code) == (200, 200)
            assert get(address, "/healthz").status_code == 503
        assert soon(lambda: get(address, "/healthz").status_code == 200)


def test_ctrl_c_ends_streams_and_the_server(incident):
    with serving(incident) as (process, address):
        with httpx.stream("GET", f"{address}/v1/stream/all", trust_env=False) as answer:
            process.send_signal(signal.SIGINT)
            assert all(json.loads(line) for line in answer.iter_lines())
        out, error = process.communicate(timeout=30)
    assert (process.returncode, out, error) == (130, "", "Stopped.\n")


@pytest.mark.parametrize(("command", "library"), [("serve", "uvicorn"), ("serve", "fastapi"), ("send", "httpx")])
def test_a_missing_library_is_told_with_the_extra_that_has_it(incident, monkeypatch, command, library):
    for module in [name for name in sys.modules if name.startswith(ROOMS)]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    result = CliRunner().invoke(main, [command, str(incident), *(["--to", "http://h"] if command == "send" else [])])
    assert result.exit_code == 2
    assert result.stderr == f"{command} needs {library}: pip install 'meshquake[{command}]'\n"


def test_what_cannot_be_served_is_told_in_a_line(incident, tmp_path):
    def told(*arguments):
        result = CliRunner().invoke(main, ["serve", *map(str, arguments)])
        assert (result.exit_code, result.stdout) == (2, "")
        return result.stderr

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert told(incident, "--port", port) == f"127.0.0.1:{port}: cannot listen: Address already in use\n"
    assert told(tmp_path, "--port", 0) == f"{tmp_path}: not a fixture: it has no manifest.json\n"
    copy = shutil.copytree(incident, tmp_path / "copy")
    shutil.rmtree(copy / "truth")
    assert told(copy, "--with-truth", "--port", 0).startswith(f"{copy}: has no answer key")
    (copy / "logs.ndjson").write_text("")
    assert "logs.ndjson has 0 bytes" in told(copy, "--port", 0)
    assert "no.such.host.invalid:0: cannot listen: " in told(incident, "--host", "no.such.host.invalid", "--port", 0)
