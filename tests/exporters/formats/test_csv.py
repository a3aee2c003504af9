"""A spreadsheet reads from CSV what the fixture holds, and no text becomes a formula."""

import csv
import json
from datetime import UTC, datetime

import polars as pl
import pytest
from exported import columns, export, records

from meshquake.exporters.formats.csv import encode
from meshquake.sim.records import LOG, RECORD_KINDS


@pytest.fixture(scope="module")
def folder(incident, tmp_path_factory):
    return export(incident, "csv", tmp_path_factory.mktemp("csv") / "out")


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_a_cell_is_the_value_of_the_record_and_empty_for_a_null(kind, folder, incident):
    def value(column, cell):
        if cell == "":
            return None
        if column.type == "time":
            return datetime.fromisoformat(cell).replace(tzinfo=UTC).isoformat(timespec="microseconds")
        return cell if column.type == "string" else json.loads(cell)

    with (folder / f"{kind}.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    read = [{column.name: value(column, row[column.name]) for column in RECORD_KINDS[kind].table} for row in rows]
    assert read == columns(kind, records(incident, kind))


def test_duckdb_finds_out_the_types_by_itself(folder):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    with duckdb.connect() as database:
        found = {name: kind for name, kind, *_ in database.sql(f"describe from '{folder}/traces.csv'").fetchall()}
    assert found["timestamp"] == "TIMESTAMP"
    assert (found["duration_ms"], found["status_code"], found["service"]) == ("DOUBLE", "BIGINT", "VARCHAR")


def test_files_begin_with_a_byte_order_mark_by_which_excel_knows_their_encoding(folder):
    for kind in RECORD_KINDS:
        assert (folder / f"{kind}.csv").read_bytes().startswith(b"\xef\xbb\xbftimestamp,")


@pytest.mark.parametrize("text", ['=HYPERLINK("x")', "+1", "-1+2", "@sum(a1)", "\tx", "\rx"])
def test_a_text_that_would_be_a_formula_has_an_apostrophe_before_it(text):
    row = dict.fromkeys(LOG.names) | {"timestamp": "2024-01-15T10:30:00.000000+00:00", "message": text}
    (line,) = csv.reader(encode(LOG, pl.DataFrame([row], schema=LOG.frame_schema)).decode().split("\n")[:1])
    assert line[3] == f"'{text}"


def test_a_text_with_commas_quotes_and_line_ends_is_read_back():
    text = 'a, "b"\nc = -1'
    row = dict.fromkeys(LOG.names) | {"timestamp": "2024-01-15T10:30:00.000000+00:00", "message": text}
    lines = encode(LOG, pl.DataFrame([row], schema=LOG.frame_schema)).decode()
    (line,) = csv.reader(lines.splitlines(keepends=True))
    assert line[3] == text
