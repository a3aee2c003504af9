"""Silent, greedy or malformed clients never keep the server from answering the others."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest
from incident import short

from meshquake import Fixture
from meshquake.exporters.fixtures import reading, timeline, writing
from meshquake.exporters.server import streams
from meshquake.exporters.server.hosts import Hosts
from meshquake.exporters.server.page import Page
from meshquake.exporters.server.playback import Recording, SimulatedClock

#: Servers with short timeouts, or with none.
SERVER = """
import sys
from meshquake.commands.main import main
from meshquake.exporters.server import connection
connection.REQUEST, connection.TAKING = float(sys.argv.pop(1)), float(sys.argv.pop(1))
connection._LOOK = 0.05
main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("incident") / "cascade"
    writing.write(short(), folder, lambda batch: None)
    return folder


@contextmanager
def serving(folder, *options, request=3600.0, taking=3600.0):
    """Run a server; yields the address of its socket, and its output."""
    command = [sys.executable, "-c", SERVER, request, taking, "serve", folder, "--port", 0, "--speed", 10_000, *options]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said = process.stdout.readline()
        assert said, process.stderr.read()
        port = int(said.rpartition(":")[2])
        yield ("127.0.0.1", port), said
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def place(folder):
    with serving(folder) as (place, _):
        yield place


def get(place, path, **options):
    return httpx.get(f"http://{place[0]}:{place[1]}{path}", trust_env=False, timeout=60, **options)


def hangs_up(client, sends=b""):
    """Return whether the server closes a connection while the client goes on."""
    patience = time.monotonic() + 30
    client.settimeout(0.1)
    while time.monotonic() < patience:
        try:
            if sends:
                client.sendall(sends)
            if not client.recv(65536):
                return True
        except TimeoutError:
            pass
        except OSError:
            return True
    return False


GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("beginning", "more"),
    [
        (b"", b""),
        (b"GET /healthz", b""),
        (GET, b""),
        (GET, b"x"),
        (GET + b"\r\n" + GET, b""),
        (GET + b"\r\n" + GET, b"x"),
        (b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n", b""),
        (b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n", b"x"),
    ],
)
def test_who_never_finishes_a_request_is_hung_up_on(folder, beginning, more):
    with serving(folder, request=1.0) as (place, _), socket.create_connection(place) as client:
        client.sendall(beginning)
        assert hangs_up(client, more)


def stream(place, receive=4096):
    """Return a reader of all records with a small receive buffer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    client.connect(place)
    client.sendall(b"GET /v1/stream/all HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return client


def readers(place):
    return get(place, "/healthz").json()["readers"]


def test_a_reader_that_takes_nothing_is_hung_up_on_and_one_that_takes_a_little_is_not(folder):
    with serving(folder, "--loop", taking=2.0) as (place, _), stream(place) as stalled, stream(place, 65536) as slow:
        assert stalled.recv(1) and readers(place) == 2
        began = time.monotonic()
        while readers(place) == 2 and time.monotonic() < began + 30:
            assert slow.recv(32768)
            time.sleep(0.05)
        lasted = time.monotonic() - began
        while time.monotonic() < began + 2 * lasted:
            assert slow.recv(32768)
            time.sleep(0.05)
        assert readers(place) == 1
        assert hangs_up(stalled)


@pytest.mark.parametrize("sends", [b"", GET])
def test_three_hundred_that_never_ask_keep_nobody_from_being_answered(folder, sends):
    with serving(folder, "--connections", 50) as (place, _), ExitStack() as open_:
        for _ in range(300):
            client = open_.enter_context(socket.create_connection(place))
            with suppress(OSError):
                client.sendall(sends)
        for path in ("/healthz", "/metrics", "/v1/records?limit=1"):
            assert get(place, path).status_code == 200


def test_readers_are_not_hung_up_on_for_others(folder):
    with serving(folder, "--connections", 3) as (place, _), stream(place) as one, stream(place) as two:
        assert one.recv(1) and two.recv(1)
        assert get(place, "/healthz").status_code == 503
        assert one.recv(1) and two.recv(1)


# -- host names ----------------------------------------------------------------------------------------------------

PATHS = ["/healthz", "/metrics", "/openapi.json", "/v1/records", "/v1/stream/events", "/v1/truth", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
def test_who_asks_for_another_server_gets_no_answer(place, path):
    for host in ("rebound.example", "rebound.example:8080", "localhost.rebound.example", "192.0.2.1", "[2001:db8::1]"):
        answer = get(place, path, headers={"host": host})
        assert (answer.status_code, answer.headers["content-type"]) == (421, "application/json")
        assert answer.json()["error"].startswith("this server does not answer to that name")
        assert host not in answer.text


def test_without_a_name_there_is_no_answer(place):
    with socket.create_connection(place) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "localhost.", "127.0.0.1:80", "127.9.9.9", "[::1]:8080"])
def test_this_machine_may_be_called_by_all_its_names(place, host):
    assert get(place, "/healthz", headers={"host": host}).status_code == 200


def test_other_names_are_allowed_by_name(folder):
    with serving(folder, "--allow-host", "Telemetry.Internal", "--allow-host", "b.example") as (place, _):
        for host in ("telemetry.internal", "telemetry.internal:80", "B.example"):
            assert get(place, "/healthz", headers={"host": host}).status_code == 200
        assert get(place, "/healthz", headers={"host": "c.example"}).status_code == 421


@pytest.mark.parametrize(
    ("listening", "allowed", "refused"),
    [
        ("127.0.0.1", ["127.0.0.1", "localhost"], ["10.0.0.1", "0.0.0.0", "x"]),
        ("10.0.0.1", ["10.0.0.1:9", "127.0.0.1"], ["10.0.0.2", "10.0.0.1.example"]),
        ("0.0.0.0", ["10.0.0.1", "[2001:db8::1]:80", "localhost"], ["x.example", "0.0.0.0.example", "2130706433", ""]),
        ("::", ["10.0.0.1", "[::1]", "[2001:DB8:0::1]"], ["x.example", "::1", "[::1", "[x]"]),
        ("", ["10.0.0.1"], ["x.example"]),
        ("2001:db8::1", ["[2001:db8:0::1]:80", "[::1]"], ["[2001:db8::2]", "[2001:db8::1]x"]),
        ("mesh.example", ["mesh.example", "MESH.example.:1"], ["example", "a.mesh.example", "mesh.example:x", "a b"]),
    ],
)
def test_a_name_is_one_of_the_server_or_not(listening, allowed, refused):
    hosts = Hosts(listening)
    assert [host for host in allowed if host not in hosts] == []
    assert [host for host in refused if host in hosts] == []


@pytest.mark.parametrize("path", PATHS)
def test_no_page_of_another_origin_may_read_an_answer(place, path):
    answers = [
        get(place, path, headers={"origin": "http://other.example", "accept": "text/event-stream"}),
        httpx.options(
            f"http://127.0.0.1:{place[1]}{path}",
            headers={"origin": "http://other.example", "access-control-request-method": "GET"},
            trust_env=False,
        ),
    ]
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control")]


# -- regressions ---------------------------------------------------------------------------------------------------


def test_nothing_but_records_says_what_was_played(folder):
    """The name of a scenario would give the answer away."""
    scenario = Fixture(folder).scenario
    with serving(folder) as (place, said):
        answers = [get(place, path) for path in PATHS if "stream" not in path and "records" not in path]
        answers += [get(place, path) for path in ("/v1/stream/none", "/v1/records?cursor=x", "/healthz?x=1", "/%00")]
        answers.append(httpx.post(f"http://127.0.0.1:{place[1]}/healthz", trust_env=False))
        heads = [httpx.head(f"http://127.0.0.1:{place[1]}{path}", trust_env=False) for path in PATHS]
    assert {answer.status_code for answer in answers} == {200, 400, 404, 405}
    for answer in answers:
        assert scenario not in answer.text and str(folder) not in answer.text
    for answer in (*answers, *heads):
        assert scenario not in str(answer.headers)
    assert re.fullmatch(r"serving at http://127\.0\.0\.1:\d+\n", said)


# -- fairness ------------------------------------------------------------------------------------------------------


@pytest.fixture
def played(folder):
    recording = Recording(Fixture(folder), loop=False)
    yield recording
    recording.close()


def test_between_two_blocks_of_readers_all_else_has_a_turn(played):
    """A request for metrics waits for one block, not for one block of each reader."""
    clock = SimulatedClock(time, played.fixture.start, 1e9, played.end)
    served = streams.Streams(played, clock, lambda: False)
    encoded = 0

    def encode(line, after):
        nonlocal encoded
        encoded += len(line.text) + 1
        return streams.plain(line, after)

    async def reader():
        chunks = served.stream(("logs", "metrics"), played.beginning, timeline.Only(), encode, b"")
        return sum([len(chunk) async for chunk in chunks])

    async def all_of_them():
        readers = asyncio.gather(*(reader() for _ in range(20)))
        most = before = 0
        while not readers.done():
            await asyncio.sleep(0)
            most, before = max(most, encoded - before), encoded
        return most, await readers

    most, sizes = asyncio.run(all_of_them())
    assert {*sizes} == {sum((played.fixture.folder / f"{kind}.ndjson").stat().st_size for kind in ("logs", "metrics"))}
    assert most < 2 * timeline.BLOCK


@pytest.mark.parametrize("size", [1, 20_000, 2**40])
def test_a_page_of_metrics_is_the_same_however_much_is_read_at_a_time(folder, played, monkeypatch, size):
    """Counters take a share of the rate at the same moment, so no page splits a moment."""
    context = reading.context(folder)
    whole = Page(Recording(played.fixture, loop=False), context).text(played.end)
    monkeypatch.setattr(timeline, "WHOLE", size)
    page = Page(played, context)
    assert page.text(played.end) == whole and "_errors_total{" in whole
    assert page.text(played.end) == whole


def test_an_answer_of_health_has_no_more_than_it_says(place):
    assert json.loads(get(place, "/healthz").text).keys() == {"status", "start", "now", "readers"}
