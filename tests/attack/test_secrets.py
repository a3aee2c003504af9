"""A secret, wherever it is given and whatever goes wrong then, appears in no message and no file."""

import json
import stat

import pytest
from click.testing import CliRunner
from incident import short
from receivers import Say, free_port, receiver, talker

from meshquake.commands.main import main
from meshquake.exporters.address import Address, Secrets
from meshquake.exporters.fixtures import writing
from meshquake.exporters.sending import delivery

CANARY = "c4n4ry-of-a-key"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("incident") / "cascade"
    writing.write(short(), folder, lambda batch: None)
    return folder


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """Write into the test's own folder by default."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(delivery, "_LEAST", 2.0)
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def safe(result, folder):
    """Return whether the canary appears nowhere: in no output, no file and no file name."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert CANARY not in result.output
    for path in folder.rglob("*"):
        assert CANARY not in path.name
        assert path.is_dir() or CANARY.encode() not in path.read_bytes()
    return True


#: Places for a secret in the address of a receiver.
PLACES = {
    "password": f"http://me:{CANARY}@HOST",
    "user": f"http://{CANARY}@HOST",
    "user without a password": f"http://{CANARY}:@HOST/path",
    "value": f"http://HOST/path?token={CANARY}&x=1",
    "value alone": f"http://HOST/path?{CANARY}",
    "packed value": f"http://HOST/path?token=%63{CANARY[1:]}",
    "fragment": f"http://HOST/path#{CANARY}",
    "header": "http://HOST",
}


def echo(got):
    """Refuse a request, echoing everything that it contained."""
    return Say(401, json.dumps([got.path, dict(got.headers)]).encode())


FAILURES = {"refused": echo, "busy": lambda got: Say(503, echo(got).body), "hung up": lambda got: None, "taken": None}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("place", PLACES)
def test_a_secret_of_a_receiver_is_told_nobody(folder, tmp_path, place, failure):
    header = f"Authorization: Bearer {CANARY if place == 'header' else 'of another'}"
    options = ["--header", header, "--patience", "600ms", "--state", tmp_path / "state", "--fast", "--protocol", "loki"]
    # The first request is accepted, so that there is progress to save.
    heard = []

    def answer(got):
        heard.append(got)
        return FAILURES[failure](got) if FAILURES[failure] and len(heard) > 1 else Say()

    with receiver(answer) as (address, _):
        to = PLACES[place].replace("HOST", address.removeprefix("http://"))
        result = run("send", folder, "--to", to, *options, "--json")
    assert (result.exit_code == 0) == (failure == "taken")
    assert json.loads(result.stdout)["requests"] >= 1
    assert (tmp_path / "state").exists()
    assert safe(result, tmp_path)


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_of_a_receiver_that_is_not_there_is_told_nobody(folder, tmp_path, place):
    to = PLACES[place].replace("HOST", f"127.0.0.1:{free_port()}")
    result = run("send", folder, "--to", to, "--header", f"X-Key: {CANARY}", "--state", tmp_path / "state")
    assert result.exit_code == 2 and "Connection refused" in result.stderr
    assert safe(result, tmp_path)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 %b\r\n\r\n" % CANARY.encode(),
        b"%b\r\n\r\n" % CANARY.encode(),
        b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % CANARY.encode(),
        b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\n\r\nx" % CANARY.encode(),
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/?%b\r\n\r\n" % CANARY.encode(),
    ],
)
def test_a_receiver_that_garbles_what_it_was_given_tells_it_nobody(folder, tmp_path, answer):
    with talker(lambda connection: connection.sendall(answer)) as address:
        result = run("send", folder, "--to", address, "--header", f"X-Key: {CANARY}", "--patience", 0, "--fast")
    assert result.exit_code == 2
    assert safe(result, tmp_path)


@pytest.mark.parametrize(
    "to",
    [
        f"http://me:{CANARY}",
        f"http://me:{CANARY}/x@host",
        f"http://me:1/{CANARY}@host",
        f"http://host/?password=x@{CANARY}",
        f"http://me:{CANARY}@[::1",
        f"http://me:{CANARY}@host:port",
        f"http://me:{CANARY}\x1b@host",
        f"https//me:{CANARY}@host",
        f"me:{CANARY}@host",
        CANARY,
    ],
)
def test_what_is_no_address_of_a_receiver_is_not_quoted(folder, tmp_path, to):
    result = run("send", folder, "--to", to, "--state", tmp_path / "state")
    assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1
    assert safe(result, tmp_path)


@pytest.mark.parametrize(
    "header", [f"Authorization {CANARY}", f"{CANARY}", f"X: {CANARY}ü", f"X: {CANARY}\0", f": {CANARY}"]
)
def test_what_is_no_header_is_not_quoted(folder, tmp_path, header):
    result = run("send", folder, "--to", "http://127.0.0.1:1", "--header", header)
    assert result.exit_code == 2
    assert safe(result, tmp_path)


@pytest.mark.parametrize(
    "proxy", [f"gopher://me:{CANARY}@h", f"http://me:{CANARY}@h:port", f"http://me:{CANARY}@127.0.0.1:1"]
)
def test_a_secret_of_a_proxy_is_told_nobody(folder, tmp_path, monkeypatch, proxy):
    monkeypatch.setenv("ALL_PROXY", proxy)
    result = run("send", folder, "--to", "http://telemetry.example")
    assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1
    assert safe(result, tmp_path)


@pytest.mark.parametrize(
    "into",
    [
        f"postgresql://me:{CANARY}@127.0.0.1:1/x",
        f"postgresql://127.0.0.1:1/x?user=me&password={CANARY}",
        f"postgresql://127.0.0.1:1/x?passwd={CANARY}",
        f"postgresql://127.0.0.1:1/x?{CANARY}",
        f"postgresql://127.0.0.1:1/x?password={CANARY}=%zz",
        f"postgresql://me:{CANARY}@127.0.0.1:port/x",
        f"postgresql://me:{CANARY}@[::1/x",
        f"postgresql://me:12/{CANARY}@127.0.0.1:1/x",
        f"postgresql://host=127.0.0.1 port=1 password={CANARY}",
        f"postgresql://host=127.0.0.1 port=1 password='{CANARY} x'",
        f"host=127.0.0.1 port=1 password={CANARY}",
        f"host = 127.0.0.1 password = '{CANARY}'",
        f"mongodb://me:{CANARY}@127.0.0.1:port/x",
        f"mongodb://me:{CANARY}@127.0.0.1:1",
        f"mongodb://127.0.0.1:1/x?{CANARY}",
        f"mongodb://127.0.0.1:1/x?authMechanism={CANARY}",
        f"mongodb://127.0.0.1:1/x?tls={CANARY}",
        f"mongodb://127.0.0.1:1/x?tlsCertificateKeyFilePassword={CANARY}&w=-2",
        f"mongodb+srv://me:{CANARY}@localhost/x",
        f"sqlite:///x.db?key={CANARY}",
        f"duckdb:///x.db?key={CANARY}",
        f"duckdb://{CANARY}@x.db",
        f"oracle://me:{CANARY}@127.0.0.1/x",
        f"me:{CANARY}@127.0.0.1/x",
        CANARY,
    ],
)
def test_a_secret_of_a_database_is_told_nobody(folder, tmp_path, into):
    for library in ("psycopg", "pymongo", "duckdb"):
        pytest.importorskip(library)
    result = run("load", folder, "--into", into)
    assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1
    assert safe(result, tmp_path)


def test_a_state_is_for_its_owner_only_also_when_it_was_for_others(folder, tmp_path):
    state = tmp_path / "state"
    with receiver(lambda got: Say()) as (address, _):
        arguments = ["send", folder, "--to", f"{address}/push?key={CANARY}", "--protocol", "loki", "--state", state]
        assert run(*arguments, "--fast").exit_code == 0
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
        unfinished = {**json.loads(state.read_text()), "done": False, "requests": 0}
        state.write_text(json.dumps(unfinished))
        state.chmod(0o644)
        assert run(*arguments, "--fast").exit_code == 0
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_sending_goes_on_with_a_new_secret_to_the_same_place_only(folder, tmp_path):
    refusing = iter([Say(), Say(401)])
    with receiver(lambda got: next(refusing, Say())) as (address, heard):
        arguments = ["--protocol", "loki", "--fast", "--state", tmp_path / "state"]
        place = address.removeprefix("http://")
        assert run("send", folder, "--to", f"http://a:old@{place}/push?key=old", *arguments).exit_code == 2
        assert run("send", folder, "--to", f"http://b:new@{place}/push?key=new", *arguments).exit_code == 0
        for other in (f"{address}/other?key=new", f"{address}/push?tenant=new", f"{address}/push"):
            refused = run("send", folder, "--to", other, *arguments)
            assert refused.stderr == f"{tmp_path / 'state'}: belongs to another receiver\n"
    assert [got.path for got in heard[:3]] == ["/push?key=old", "/push?key=old", "/push?key=new"]
    assert len({got.body for got in heard}) == len(heard) - 1


@pytest.mark.parametrize(
    ("url", "shown", "values"),
    [
        ("http://h:1/p", "http://h:1/p", set()),
        ("HTTP://a:b@h/p?x=1&y#z", "http://h/p?x=***&***#***", {"b", "1", "y", "z"}),
        ("postgresql:///x?password=a@b", "postgresql:///x?password=***", {"a@b"}),
        ("mongodb://a:b%40@h1,h2:2/x", "mongodb://h1,h2:2/x", {"b%40"}),
        ("sqlite:////home/me@corp/a.db", "sqlite:////home/me@corp/a.db", set()),
        ("http://a:b/c@h/p", "http://***", {"b/c"}),
        ("http://host=h password=p", "http://host=***", {"h", "p"}),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret_of_it(url, shown, values):
    address = Address(url)
    assert (address.shown, {value for value in address.values if value}) == (shown, values)
    assert url not in repr(address)


def test_a_secret_is_hidden_in_every_form_and_the_longest_first():
    secrets = Secrets(["se/cret", "se/cret-longer", "a%20b+c%2F", "abc", ""])
    assert secrets.cleared("se/cret-longer se/cret 'a b+c/' 'a b c/' a%20b+c%2F abc") == "*** *** '***' '***' *** abc"
