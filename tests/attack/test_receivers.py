"""Receivers whose answers are endless, huge, slow or wrong: sending ends, and says why."""

import gzip
import json
import re
import threading
import time
import tracemalloc
import zlib

import pytest
from click.testing import CliRunner
from incident import short
from receivers import Say, receiver, talker

from meshquake.commands.main import main
from meshquake.exporters.fixtures import writing
from meshquake.exporters.sending import delivery, exchange
from meshquake.exporters.sending.protocols import PROTOCOLS

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("incident") / "cascade"
    writing.write(short(), folder, lambda batch: None)
    return folder


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(delivery, "_LEAST", 1.0)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def send(folder, address, *options, protocol="otlp-http"):
    arguments = ["send", folder, "--to", address, "--protocol", protocol, "--fast", "--patience", 0, *options]
    return CliRunner().invoke(main, list(map(str, arguments)))


def told(result):
    """Return the problem that was reported; another line says how far sending got."""
    assert result.exit_code == 2, result.output
    return result.stderr.splitlines()[0]


def without_end(connection, beginning, piece=b"", pause=0.0):
    connection.sendall(beginning)
    while piece:
        connection.sendall(piece)
        time.sleep(pause)
    threading.Event().wait(60)


SLOW = {
    "nothing": (b"", b""),
    "a status and no more": (HEAD, b""),
    "headers without end": (HEAD, b"x: y\r\n"),
    "a header letter by letter": (HEAD + b"x: ", b"y"),
    "promises that an answer will come": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "a body letter by letter": (CHUNKED, b"1\r\n \r\n"),
    "a body that unpacks to nothing": (HEAD + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10], b""),
}


@pytest.mark.parametrize("what", SLOW)
def test_a_receiver_that_drips_is_given_up_when_its_time_is_over(folder, what):
    beginning, piece = SLOW[what]
    with talker(lambda connection: without_end(connection, beginning, piece, 0.05)) as address:
        began = time.monotonic()
        message = told(send(folder, address))
        assert time.monotonic() - began < 20
    assert re.fullmatch(
        rf"{address}/v1/\w+: (cannot be reached: no answer in 1 s|200 OK: its answer was incomplete after 1 s)", message
    )


def test_all_attempts_together_take_no_longer_than_patience(folder, monkeypatch):
    monkeypatch.setattr(delivery, "_FIRST", 0.01)
    attempts = []

    def talk(connection):
        attempts.append(time.monotonic())
        without_end(connection, CHUNKED, b"1\r\n \r\n", 0.05)

    with talker(talk) as address:
        began = time.monotonic()
        message = told(send(folder, address, "--patience", "3s"))
        assert time.monotonic() - began < 20
    assert "incomplete after 3 s" in message and len(attempts) == 1


def bomb():
    """Return a gibibyte compressed to a megabyte, without its last few bytes, which nobody may read."""
    packer = zlib.compressobj(9, wbits=-15)
    mebibyte = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"")[:10] + 1024 * mebibyte


LARGE = {
    "endless": (CHUNKED, b"10000\r\n%b\r\n" % (b" " * 65536), "larger than"),
    "endless without a length": (HEAD + b"\r\n", b" " * 65536, "larger than"),
    "ten gigabytes": (HEAD + b"content-length: 10000000000\r\n\r\n", b" " * 65536, "larger than"),
    "a bomb": (HEAD + b"content-encoding: gzip\r\n\r\n" + bomb(), b"", "larger than"),
    "a bomb in a bomb": (
        HEAD + b"content-encoding: gzip, gzip\r\n\r\n" + gzip.compress(bomb()),
        b"",
        "has the encoding gzip, gzip, which was not requested",
    ),
    "nothing, packed without end": (
        HEAD + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10],
        b"\0\0\0\xff\xff" * 10_000,
        "larger than",
    ),
    "not what it says": (
        HEAD + b"content-encoding: gzip\r\n\r\nplain text",
        b"",
        "does not match its content-encoding",
    ),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("what", LARGE)
def test_of_an_answer_no_more_is_read_than_it_may_be_long(folder, monkeypatch, what, protocol):
    """A sender that only needs the status goes on; one that needs the body says why it can't read it."""
    monkeypatch.setattr(delivery, "_LEAST", 60.0)
    beginning, piece, message = LARGE[what]
    tracemalloc.start()
    with talker(lambda connection: without_end(connection, beginning, piece)) as address:
        result = send(folder, address, protocol=protocol)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400e6
    if protocol in ("loki", "remote-write"):
        assert result.exit_code == 0, result.stderr
    else:
        assert re.match(rf"{address}/\S+: 200 OK: its answer .*{message}", told(result))


@pytest.mark.parametrize("status", [b"400 Bad Request", b"302 Found"])
def test_of_a_refusal_without_end_the_beginning_is_told(folder, status):
    refusal = b"HTTP/1.1 %b\r\nlocation: http://127.0.0.1:1/\r\n\r\n" % status
    with talker(lambda connection: without_end(connection, refusal, b"because " * 1000)) as address:
        message = told(send(folder, address))
    assert message.startswith(f"{address}/v1/") and f": refused: {status.decode()}: because because " in message
    assert len(message) < 600


def test_a_packed_answer_is_unpacked(folder):
    words = gzip.compress(b"out of bounds")
    with receiver(lambda got: Say(400, words, {"Content-Encoding": "gzip"})) as (address, heard):
        assert told(send(folder, address)).endswith(": refused: 400 Bad Request: out of bounds")
    assert {got.headers["accept-encoding"] for got in heard} == {"gzip"}


def test_the_longest_answer_to_a_bulk_is_understood(folder, monkeypatch):
    """All documents are refused, each with the kilobytes that Elasticsearch quotes of it."""
    error = {"type": "document_parsing_exception", "reason": "x" * 3000}

    def answer(got):
        items = [{"create": {"status": 400, "error": error}}] * (got.body.count(b"\n") // 2)
        return Say(200, json.dumps({"errors": True, "items": items}).encode())

    with receiver(answer) as (address, _):
        result = send(folder, address, protocol="elasticsearch")
    (line,) = result.stderr.splitlines()
    assert ": accepted 0 in " in line and ": document_parsing_exception: xxx" in line and len(line) < 700


def test_what_is_read_in_any_case_is_less_than_a_protocol_needs():
    assert exchange._EXCERPT < 10_000


@pytest.mark.parametrize("made", ["/dev/zero", "large"])
def test_a_state_without_end_is_refused(folder, tmp_path, made):
    state = tmp_path / "large" if made == "large" else made
    if made == "large":
        state.write_text(json.dumps({"why": "x" * 100_000}))
    result = send(folder, "http://127.0.0.1:1", "--state", state)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{state}: ") and len(result.stderr) < 4_000


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("Authorization: Bearer schlüsselwort", "character 12 of the value of Authorization is not ASCII"),
        ("X-Key: a\rB: c", "character 2 of the value of X-Key cannot be printed"),
        ("just-a-secret", "must be a name and a value, as in 'X-Scope-OrgID: me'"),
        ("secret name: x", "must be a name and a value, as in 'X-Scope-OrgID: me'"),
        ("Content-Length: 5", "Content-Length is set by the protocol"),
    ],
)
def test_a_header_that_cannot_be_sent_is_told_without_its_value(folder, given, message):
    result = send(folder, "http://127.0.0.1:1", "--header", given)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"Error: Invalid value for '--header': {message}"
    assert "secret" not in result.stderr and "selwort" not in result.stderr
