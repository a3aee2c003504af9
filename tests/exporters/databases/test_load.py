"""Fixtures in real databases, queried through their own drivers."""

import json
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

import polars as pl
import pytest
import servers
from click.testing import CliRunner

from meshquake.commands.main import main
from meshquake.exporters.databases.database import DatabaseError
from meshquake.exporters.databases.load import load
from meshquake.exporters.databases.tables import FIXTURES, RECORDS, TRUTH
from meshquake.exporters.fixtures import reading, writing
from meshquake.exporters.fixtures.answer_key import TruthError
from meshquake.exporters.fixtures.manifest import ManifestError
from meshquake.faults.loader import Options, shipped
from meshquake.faults.loader import load as load_scenario
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.simulation import Simulation
from meshquake.truth.verdict import SCHEMA as VERDICT_SCHEMA

duckdb = pytest.importorskip("duckdb")
psycopg = pytest.importorskip("psycopg")
pymongo = pytest.importorskip("pymongo")

ROOT = Path(__file__).parents[3]
QUERIES = dict(
    re.findall(
        r"<!-- query: (\w+) -->\n```sql\n(.*?)```", (ROOT / "docs/databases.md").read_text(encoding="utf-8"), re.DOTALL
    )
)
SQL = ("sqlite", "duckdb", "postgresql")
ALL = [table.name for table in (FIXTURES, *RECORDS, *TRUTH)]


def put(folder, url, fixture=None, truth=False):
    return load(folder, url, fixture, truth, lambda rows: None)


# -- databases and drivers -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql():
    """Yield the address of a PostgreSQL server's database."""
    with servers.postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def mongodb():
    """Yield the address of a server that speaks MongoDB's protocol, without a database."""
    with servers.mongodb() as url:
        yield url


@pytest.fixture(scope="session")
def new(request, tmp_path_factory):
    """Return a function that makes an empty database of a kind and returns its address."""
    numbers = count()

    def make(kind):
        name = f"database{next(numbers)}"
        if kind == "postgresql":
            url = request.getfixturevalue("postgresql")
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            return f"{url.rpartition('/')[0]}/{name}"
        if kind == "mongodb":
            return f"{request.getfixturevalue('mongodb')}/{name}"
        return f"{kind}:///{tmp_path_factory.mktemp(kind) / name}"

    return make


def connect(url):
    """Return a connection by the driver of an SQL database."""
    file = url.partition(":///")[2]
    if url.startswith("sqlite"):
        return closing(sqlite3.connect(file))
    if url.startswith("duckdb"):
        # Otherwise a missing table would resolve to a variable of this module.
        return closing(duckdb.connect(file, config={"python_enable_replacements": False}))
    return closing(psycopg.connect(url))


def ask(url, statement):
    """Return the rows of a statement, with times and objects as in records."""
    with connect(url) as connection:
        return [tuple(map(plain, row)) for row in connection.execute(statement).fetchall()]


def plain(value):
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value


def content(url):
    """Return all rows of all existing tables."""
    if url.startswith("mongodb"):
        with pymongo.MongoClient(url) as client:
            database = client.get_default_database()
            return {name: list(database[name].find({}, {"_id": False}).sort("number")) for name in ALL}
    found = {}
    for name in ALL:
        try:
            found[name] = sorted(ask(url, f"SELECT * FROM {name}"), key=lambda row: row[:2])
        except (sqlite3.OperationalError, duckdb.CatalogException, psycopg.errors.UndefinedTable):
            continue
    return found


@pytest.fixture(scope="session")
def incident(tmp_path_factory):
    """Return the folder of an incident after many changes, with its answer key. Not to be modified."""
    return record(tmp_path_factory.mktemp("incident"), duration=10, lead_in=5, recovery=0, seed=4, confounders="many")


@pytest.fixture(scope="session")
def few(tmp_path_factory):
    """Return the folder of a fixture of few records. Not to be modified."""
    return record(tmp_path_factory.mktemp("few"), duration=1, lead_in=1, recovery=0, rate=5)


def record(parent, **options):
    """Play a cascade; returns the folder of its fixture."""
    played = load_scenario(shipped()["cascade"], Options(**options))
    writing.write(Simulation.of(played), parent / "cascade", lambda batch: None)
    return parent / "cascade"


@pytest.fixture(scope="session")
def loaded(new, incident):
    """Return the address of a database of a kind that holds the incident, with its answer key, as `cascade`."""
    addresses = {}

    def find(kind):
        if kind not in addresses:
            url = new(kind)
            put(incident, url, "cascade", truth=True)
            addresses[kind] = url
        return addresses[kind]

    return find


# -- tables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SQL)
@pytest.mark.parametrize("table", RECORD_KINDS)
def test_a_table_has_the_records_of_its_file_in_their_order(loaded, incident, kind, table):
    rows = ask(loaded(kind), f"SELECT * FROM {table} WHERE fixture = 'cascade' ORDER BY number")
    records = [json.loads(line) for line in (incident / f"{table}.ndjson").open(encoding="utf-8")]
    names = [column.name for column in RECORD_KINDS[table].table]
    if "attributes" in names:
        position = 2 + names.index("attributes")
        rows = [
            tuple(json.loads(v) if i == position and isinstance(v, str) else v for i, v in enumerate(row))
            for row in rows
        ]
    assert rows == [("cascade", number, *map(record.get, names)) for number, record in enumerate(records, start=1)]


@pytest.mark.parametrize("kind", SQL)
def test_the_answer_key_is_in_tables_of_its_own(loaded, incident, kind):
    truth = json.loads((incident / "truth/ground_truth.json").read_text(encoding="utf-8"))
    faults = ask(loaded(kind), "SELECT fault, service, starts, harmed FROM truth_faults ORDER BY number")
    assert faults == [
        (fault["id"], fault["root_cause"]["service"], fault["start"], fault["blast_radius"]["requests"])
        for fault in truth["faults"]
    ]
    rows = ask(loaded(kind), "SELECT * FROM truth_verdicts ORDER BY number")
    lines = [json.loads(line) for line in (incident / "truth/verdicts.ndjson").open(encoding="utf-8")]
    place = 2 + VERDICT_SCHEMA.names().index("caused_by")
    found = [
        (*row[2:place], json.loads(row[place]) if isinstance(row[place], str) else row[place], *row[place + 1 :])
        for row in rows
    ]
    assert found == [tuple(line.values()) for line in lines]
    assert VERDICT_SCHEMA.names() == list(TRUTH[1].names[2:])


@pytest.mark.parametrize("kind", (*SQL, "mongodb"))
def test_without_with_truth_nothing_says_what_was_wrong(new, few, kind):
    url = new(kind)
    put(few, url)
    found = content(url)
    assert not found.get("truth_faults") and not found.get("truth_verdicts")
    truth = json.loads((few / "truth/ground_truth.json").read_text(encoding="utf-8"))
    assert truth["faults"][0]["id"] not in str(found)
    assert "factor" not in str(found["fixtures"])


@pytest.mark.parametrize("kind", (*SQL, "mongodb"))
def test_loading_twice_changes_nothing(new, few, kind):
    url = new(kind)
    first = put(few, url)
    before = content(url)
    assert sum(first.rows.values()) == sum(len(before[name]) for name in RECORD_KINDS) > 200
    assert put(few, url).rows == {}
    assert content(url) == before


@pytest.mark.parametrize("kind", (*SQL, "mongodb"))
def test_the_answer_key_can_be_loaded_later_and_stays(new, few, kind):
    url = new(kind)
    put(few, url)
    assert set(put(few, url, truth=True).rows) == {"truth_faults", "truth_verdicts"}
    whole = content(url)
    assert put(few, url, truth=True).rows == put(few, url).rows == {}
    assert content(url) == whole
    other = new(kind)
    put(few, other, truth=True)
    assert content(other) == whole


@pytest.mark.parametrize("kind", (*SQL, "mongodb"))
def test_fixtures_stand_side_by_side(new, few, kind):
    url = new(kind)
    put(few, url, "one")
    put(few, url, "two")
    found = content(url)
    for name in RECORD_KINDS:
        rows = [tuple(row.values()) if isinstance(row, dict) else row for row in found[name]]
        sides = [[row[1:] for row in rows if row[0] == fixture] for fixture in ("one", "two")]
        assert sides[0] == sides[1] and len(rows) == 2 * len(sides[0]) > 0


def test_a_document_has_dates_and_their_microseconds(new, few):
    url = new("mongodb")
    put(few, url, truth=True)
    found = content(url)
    lines = [json.loads(line) for line in (few / "logs.ndjson").open(encoding="utf-8")]
    for document, line in zip(found["logs"], lines, strict=True):
        moment = datetime.fromisoformat(line["timestamp"])
        assert document["timestamp"] == moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=None)
        assert document["timestamp_us"] == round(moment.timestamp() * 1e6)
    assert isinstance(found["truth_faults"][0]["details"]["parameters"], dict)
    with pymongo.MongoClient(url) as client:
        indexes = client.get_default_database().traces.index_information().values()
    assert {tuple(name for name, _ in index["key"]) for index in indexes} == {
        ("_id",),
        ("fixture", "number"),
        ("fixture", "trace_id", "number"),
        ("fixture", "service", "timestamp"),
    }


@pytest.mark.parametrize("order", ("", " ORDER BY number"))
@pytest.mark.parametrize("kind", ("sqlite", "postgresql"))
def test_looking_up_a_trace_reads_no_other(loaded, kind, order):
    explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}[kind]
    plan = ask(loaded(kind), f"{explain} SELECT * FROM traces WHERE fixture = 'cascade' AND trace_id = 'x'{order}")
    assert "traces_trace_id" in str(plan)


# -- the queries in the docs ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def frames(incident):
    return {
        kind: pl.read_ndjson(incident / f"{kind}.ndjson", schema=RECORD_KINDS[kind].frame_schema)
        for kind in ("metrics", "logs", "traces")
    } | {"events": pl.DataFrame([json.loads(line) for line in (incident / "events.ndjson").open()])}


def errors(frames):
    wide = (
        frames["metrics"]
        .filter(pl.col("replica").is_null(), pl.col("metric").is_in(["request_rate", "error_rate"]))
        .pivot("metric", index=["timestamp", "service"], values="value")
        .with_columns(failed=pl.col("request_rate") * pl.col("error_rate"))
    )
    sums = [pl.col(name).rolling_sum(5, min_samples=1).over("service") for name in ("failed", "request_rate")]
    share = pl.when(sums[1] > 0).then(sums[0] / sums[1])
    return wide.select("timestamp", "service", share.alias("percent")).sort("timestamp", "service").rows()


def slowest(frames):
    spans, below = frames["traces"].rows(named=True), {}
    for span in spans:
        below.setdefault((span["trace_id"], span["parent_span_id"]), []).append(span)
    roots = sorted(below_root(spans), key=lambda span: (-span["duration_ms"], span["trace_id"]))[:10]
    rows = []
    for root in roots:
        path, span = [root["operation"]], root
        while children := below.get((span["trace_id"], span["span_id"])):
            span = max(children, key=lambda child: child["duration_ms"])
            if span["kind"] == "client":
                how = f" ({span['error_type']})" if span["error_type"] else ""
                path.append(f"{span['operation']}{how}")
        rows.append((root["trace_id"], root["duration_ms"], " > ".join(path)))
    return rows


def below_root(spans):
    return [span for span in spans if span["parent_span_id"] is None]


def first_open(frames):
    return frames["events"].filter(type="circuit_breaker_open")["timestamp"].min()


def changes(frames):
    kinds = ["deployment", "rollback", "config_change", "scheduled_job", "restart"]
    found = frames["events"].filter(pl.col("type").is_in(kinds), pl.col("timestamp") < first_open(frames))
    return found.reverse().select("timestamp", "type", "service", "version", "details").rows()


def logs(frames):
    failed = frames["traces"].filter(pl.col("parent_span_id").is_null(), status="error")
    trace = failed.sort("duration_ms", "trace_id", descending=[True, False])["trace_id"][0]
    spans = frames["traces"].select("trace_id", "span_id", "operation")
    lines = frames["logs"].filter(trace_id=trace).join(spans, on=["trace_id", "span_id"], maintain_order="left")
    return lines.select("timestamp", "service", "operation", "level", "message").rows()


def edges(frames):
    calls = frames["traces"].filter(kind="client").with_columns(early=pl.col("timestamp") < first_open(frames))
    p95 = pl.col("duration_ms").sort().get((95 * pl.len() + 99) // 100 - 1)
    long = calls.group_by("service", "peer", "early").agg(p95)
    wide = long.pivot("early", index=["service", "peer"], values="duration_ms").sort("service", "peer")
    return wide.select("service", "peer", "true", "false").rows()


def harmed(incident):
    lines = [json.loads(line) for line in (incident / "truth/verdicts.ndjson").open(encoding="utf-8")]
    found = {}
    for line in lines:
        row = found.setdefault(line["entry"], [0, 0])
        row[0] += 1
        row[1] += line["effect"] in ("failed", "slowed")
    return sorted(((entry, *row) for entry, row in found.items()), key=lambda row: (-row[2], row[0]))


@pytest.mark.parametrize("kind", SQL)
@pytest.mark.parametrize("name", QUERIES)
def test_a_question_has_the_answer_that_the_files_have(loaded, incident, frames, kind, name):
    answers = {"errors": errors, "slowest": slowest, "changes": changes, "logs": logs, "edges": edges}
    expected = harmed(incident) if name == "harmed" else answers[name](frames)
    rows = ask(loaded(kind), QUERIES[name])
    assert len(rows) == len(expected) > 0
    for row, answer in zip(rows, expected, strict=True):
        assert [value if isinstance(value, str | None) else pytest.approx(value) for value in answer] == list(row)


def test_the_page_has_as_many_questions_as_it_should():
    assert len(QUERIES) >= 6


# -- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("kind", [*SQL, "mongodb"])
def test_a_load_that_stops_half_way_leaves_the_database_as_it_was(new, few, kind, error, monkeypatch):
    url = new(kind)
    put(few, url, "one", truth=True)
    before = content(url)
    read = reading.records

    def broken(folder, kind, count=100):
        yield from read(folder, kind, count)
        if kind.name == "traces":
            raise error("stopped")

    monkeypatch.setattr(reading, "records", broken)
    with pytest.raises(error):
        put(few, url, "two")
    assert content(url) == before
    monkeypatch.undo()
    put(few, url, "two")
    assert len(content(url)["traces"]) == 2 * len(before["traces"])


def test_what_a_killed_load_has_left_in_mongodb_is_known_and_swept_away(new, few):
    url = new("mongodb")
    put(few, url)
    whole = content(url)
    with pymongo.MongoClient(url) as client:
        database = client.get_default_database()
        database.fixtures.update_one({}, {"$set": {"loading": list(RECORD_KINDS)}})
        database.traces.delete_many({"number": {"$gt": 10}})
        assert list(database.fixtures.find({"loading": {"$exists": False}})) == []
    assert set(put(few, url).rows) == set(RECORD_KINDS)
    assert content(url) == whole


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_disk_that_is_full_leaves_nothing_that_looks_whole(new, incident, kind):
    """A limit on file sizes stands in for the full disk."""
    url = new(kind)
    command = [sys.executable, ROOT / "run.py", "load", incident, "--into", url]
    limit = 1_000_000
    found = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith(f"{url}: ") and found.stderr.count("\n") == 1
    assert content(url) == {}
    put(incident, url)


@pytest.mark.parametrize("kind", SQL)
def test_a_table_of_somebody_elses_is_left_alone(new, few, kind):
    url = new(kind)
    with connect(url) as connection:
        connection.execute("CREATE TABLE events (name text)")
        connection.execute("INSERT INTO events VALUES ('birthday')")
        connection.commit()
    with pytest.raises(DatabaseError, match="table events exists, but its columns are not those of this version: "):
        put(few, url)
    assert content(url) == {"events": [("birthday",)]}


def test_a_collection_of_somebody_elses_is_left_alone(new, few):
    url = new("mongodb")
    with pymongo.MongoClient(url) as client:
        client.get_default_database().events.insert_one({"name": "birthday"})
    with pytest.raises(DatabaseError, match="collection events exists and holds other data"):
        put(few, url)
    found = content(url)
    assert found.pop("events") == [{"name": "birthday"}] and not any(found.values())


def test_a_collection_with_records_of_another_shape_is_left_alone(new, few):
    """Tables of another version are recognised by their columns, a collection by its documents."""
    url = new("mongodb")
    put(few, url)
    with pymongo.MongoClient(url) as client:
        client.get_default_database().events.update_many({}, {"$unset": {"attributes": ""}})
    before = content(url)
    with pytest.raises(DatabaseError, match="collection events exists, but its documents lack attrib"):
        put(few, url, fixture="another")
    assert content(url) == before


@pytest.mark.parametrize("kind", [*SQL, "mongodb"])
def test_an_id_that_another_fixture_has_is_refused(new, few, incident, kind):
    url = new(kind)
    put(few, url, "mine")
    before = content(url)
    message = r"already has another fixture called mine \(scenario cascade, seed 42\): choose an id with --fixture-id"
    with pytest.raises(DatabaseError, match=message):
        put(incident, url, "mine")
    assert content(url) == before


def test_loads_of_one_database_take_turns(new, few, incident):
    url = new("postgresql")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda fixture: put(few, url, fixture), ["one", "two", "one", "three"]))
    assert sorted(ask(url, "SELECT fixture FROM fixtures")) == [("one",), ("three",), ("two",)]


@pytest.mark.parametrize(("kind", "message"), [("sqlite", "database is locked"), ("duckdb", "Conflicting lock")])
def test_a_file_that_somebody_else_writes_to_is_told_so(new, few, kind, message, monkeypatch):
    url = new(kind)
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0.1))
    code = """if True:
        import sys
        import duckdb, sqlite3
        kind, _, file = sys.argv[1].partition(":///")
        connection = duckdb.connect(file) if kind == "duckdb" else sqlite3.connect(file, isolation_level=None)
        connection.execute("BEGIN" if kind == "duckdb" else "BEGIN IMMEDIATE")
        print("open", flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", code, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(DatabaseError, match=message):
            put(few, url)
        other.communicate()
    put(few, url)


def test_a_user_without_rights_is_told_so(new, few):
    url = new("postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN")
    with pytest.raises(DatabaseError, match="permission denied for schema public"):
        put(few, url.replace("postgres@", "guest@"))
    put(few, url)
    with pytest.raises(DatabaseError, match="permission denied for table fixtures"):
        put(few, url.replace("postgres@", "guest@"))


def test_a_user_who_may_only_write_rows_can_load_into_tables_that_are_there(new, few):
    url = new("postgresql")
    put(few, url, "one")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS writer")
        connection.execute("CREATE ROLE writer LOGIN")
        connection.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO writer")
    put(few, url.replace("postgres@", "writer@"), "two")
    assert len(content(url)["fixtures"]) == 2


def test_a_database_that_is_not_there_is_told_so(new, few):
    with pytest.raises(DatabaseError, match='database "nosuch" does not exist'):
        put(few, new("postgresql").rpartition("/")[0] + "/nosuch")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "logs.ndjson has"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b"INFO", b"WARN", 1)), "logs.ndjson was changed"),
        (Path.unlink, "logs.ndjson is missing"),
    ],
)
def test_a_fixture_that_is_not_what_its_manifest_says_is_refused_before_there_is_a_database(
    few, tmp_path, damage, message
):
    folder = shutil.copytree(few, tmp_path / "copy")
    damage(folder / "logs.ndjson")
    with pytest.raises(ManifestError, match=message):
        put(folder, f"sqlite:///{tmp_path}/x.db")
    assert not (tmp_path / "x.db").exists()


def test_an_answer_key_that_was_changed_or_is_not_there_is_refused(few, tmp_path):
    folder = shutil.copytree(few, tmp_path / "copy")
    path = folder / "truth/verdicts.ndjson"
    path.write_bytes(path.read_bytes().replace(b"browse", b"breeze", 1))
    with pytest.raises(ManifestError, match=r"truth/verdicts.ndjson was changed"):
        put(folder, f"sqlite:///{tmp_path}/x.db", truth=True)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"] = {name: each for name, each in manifest["files"].items() if "truth" not in name}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(TruthError, match="has no answer key"):
        put(folder, f"sqlite:///{tmp_path}/x.db", truth=True)
    put(folder, f"sqlite:///{tmp_path}/x.db")


# -- the command ---------------------------------------------------------------------------------------------------


def run(*arguments):
    return CliRunner().invoke(main, ["load", *map(str, arguments)])


def test_the_command_says_what_it_did(few, tmp_path):
    url = f"sqlite:///{tmp_path}/x.db"
    counts = {kind: len((few / f"{kind}.ndjson").read_text().splitlines()) for kind in RECORD_KINDS}
    done = run(few, "--into", url)
    words = ", ".join(f"{rows} {kind}" for kind, rows in counts.items())
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.fullmatch(rf"cascade-[0-9a-f]{{8}}: {words}\n", done.stdout)
    assert re.fullmatch(r"cascade-[0-9a-f]{8}: already loaded\n", run(few, "--into", url).stdout)
    again = run(few, "--into", url, "--fixture-id", "mine", "--json")
    assert json.loads(again.stdout) == {"fixture": "mine", "rows": counts}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("x.db", "not a database address: use one such as sqlite:///x.db"),
        ("host=h user=u password=secret", "not a database address: use one such as sqlite:///x.db"),
        ("password=secret host=postgresql://h", "not a database address: use one such as sqlite:///x.db"),
        ("sqlit:///x", "sqlit:///x: unknown kind of database sqlit:// (did you mean 'sqlite'?)"),
        ("sqlite://x.db", "sqlite://x.db: must name a file: sqlite:///x.db for x.db in this folder, "),
        ("sqlite:///x.db?key=secret", "sqlite:///x.db?key=***: the address of a file has no parameters: "),
        ("sqlite:///:memory:", "sqlite:///:memory:: a database in memory is lost when the command ends: name a file"),
        ("sqlite:///file::memory:", "sqlite:///file::memory:: a database in memory is lost when the command ends"),
        ("duckdb:///:memory:x", "duckdb:///:memory:x: a database in memory is lost when the command ends"),
        ("sqlite:///no/such/folder/x.db", "sqlite:///no/such/folder/x.db: unable to open database file"),
        (f"sqlite:///{__file__}", f"sqlite:///{__file__}: file is not a database"),
        (f"duckdb:///{__file__}", f"duckdb:///{__file__}: IO Error: The file "),
        ("postgresql://u:secret@127.0.0.1:1/x", "postgresql://127.0.0.1:1/x: connection failed: "),
        ("postgresql://u@127.0.0.1:1/x?password=se%25cret", "postgresql://127.0.0.1:1/x?password=***: connection "),
        ("postgresql://u:sec/ret@127.0.0.1:1/x", "postgresql://***: a / ? # or @ in a user, "),
        ("postgresql://127.0.0.1:1/x?password=s@ecret", "postgresql://***: a / ? # or @ in a user, "),
        ("postgresql://u:secret@h/x?nosuch=1", "postgresql://h/x?nosuch=***: invalid URI query parameter: "),
        ("postgresql://host=h password=secret", "postgresql://host=***: "),
        ("mongodb://u:secret@127.0.0.1:1", "mongodb://127.0.0.1:1: No default database name defined"),
        ("mongodb://u:secret@127.0.0.1:none/x", "mongodb://127.0.0.1:none/x: Port contains non-digit characters"),
        ("mongodb://127.0.0.1:1/x?token=secret", "mongodb://127.0.0.1:1/x?token=***: Unknown option"),
    ],
)
def test_a_wrong_address_is_told_in_a_line_without_its_secrets(few, url, message):
    refused = run(few, "--into", url)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(message) and refused.stderr.count("\n") == 1
    assert "secret" not in refused.stderr and "cret" not in refused.stderr


@pytest.mark.parametrize("name", ["a/b", "-x", "x" * 101, "a b", "x\n"])
def test_an_id_that_would_be_trouble_in_a_query_is_refused(few, tmp_path, name):
    refused = run(few, "--into", f"sqlite:///{tmp_path}/x.db", f"--fixture-id={name}")
    assert refused.exit_code == 2 and "is not a valid id" in refused.stderr


@pytest.mark.parametrize(
    ("scheme", "library"), [("duckdb", "duckdb"), ("postgresql", "psycopg"), ("mongodb", "pymongo")]
)
def test_without_its_driver_the_extra_is_named(few, monkeypatch, scheme, library):
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, f"meshquake.exporters.databases.{scheme}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    refused = run(few, "--into", f"{scheme}:///x")
    assert refused.exit_code == 2
    assert refused.stderr.endswith(f" needs {library}: pip install 'meshquake[{scheme}]'\n")
