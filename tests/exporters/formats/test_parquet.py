"""Other people's Parquet readers find the records of the fixture, typed."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from exported import columns, export, records, write

from meshquake.sim.records import RECORD_KINDS

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")


@pytest.fixture(scope="module")
def folder(incident, tmp_path_factory):
    return export(incident, "parquet", tmp_path_factory.mktemp("parquet") / "out")


@pytest.fixture(scope="module")
def typed(incident):
    """Return the records of each kind as a reader of typed columns should return them."""

    def row(record):
        moment = {"timestamp": datetime.fromisoformat(record["timestamp"]).astimezone(UTC)}
        return record | moment

    return {kind: [row(record) for record in columns(kind, records(incident, kind))] for kind in RECORD_KINDS}


def plain(kind, rows):
    """Return rows with their objects parsed from text, and times in UTC."""
    for row in rows:
        row["timestamp"] = row["timestamp"].astimezone(UTC)
        for name in (column.name for column in RECORD_KINDS[kind].table if column.type == "object"):
            row[name] = row[name] and json.loads(row[name])
    return rows


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_pyarrow_reads_the_records_of_the_fixture(kind, folder, typed):
    assert plain(kind, pq.read_table(folder / f"{kind}.parquet").to_pylist()) == typed[kind]


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_polars_reads_the_records_of_the_fixture(kind, folder, typed):
    assert plain(kind, pl.read_parquet(folder / f"{kind}.parquet").to_dicts()) == typed[kind]


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_duckdb_reads_the_records_of_the_fixture(kind, folder, typed):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'")
        table = database.sql(f"from '{folder / kind}.parquet'").to_arrow_table()
    assert plain(kind, table.to_pylist()) == typed[kind]


def test_columns_have_the_types_of_the_records_and_say_what_they_mean(folder):
    types = {"time": "timestamp[us, tz=UTC]", "number": "double", "integer": "int64"}
    for name, kind in RECORD_KINDS.items():
        schema = pq.read_schema(folder / f"{name}.parquet")
        assert schema.names == [column.name for column in kind.table]
        for column in kind.table:
            field = schema.field(column.name)
            assert str(field.type) == types.get(column.type, "string")
            assert field.nullable == column.nullable
            assert field.metadata[b"description"].decode() == column.doc


def test_names_are_encoded_by_dictionary_and_ids_and_sentences_are_not(folder):
    encoded = {}
    for kind in RECORD_KINDS:
        group = pq.ParquetFile(folder / f"{kind}.parquet").metadata.row_group(0)
        columns = [group.column(number) for number in range(group.num_columns)]
        encoded[kind] = {each.path_in_schema for each in columns if each.has_dictionary_page}
    assert encoded == {
        "metrics": {"service", "metric", "unit", "replica", "target"},
        "logs": {"service", "level", "logger", "replica"},
        "traces": {"service", "operation", "status", "kind", "error_type", "peer", "replica", "version"},
        "events": {"type", "service", "severity", "version", "replica"},
    }


def test_row_groups_are_of_one_size_however_batches_come(incident_batches, tmp_path, monkeypatch):
    from meshquake.exporters.formats import parquet, parquet_file

    monkeypatch.setattr(parquet_file, "_GROUP", 1500)
    write(incident_batches, parquet.ParquetSink(tmp_path))
    for kind in RECORD_KINDS:
        metadata = pq.ParquetFile(tmp_path / f"{kind}.parquet").metadata
        sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        assert sizes[:-1] == [1500] * (len(sizes) - 1)
        assert sum(sizes) == sum(len(batch.frame(kind)) for batch in incident_batches)
    assert len(sizes) == 1 < metadata.num_rows


def test_a_sink_that_is_discarded_leaves_no_table_that_looks_whole(incident_batches, tmp_path):
    from meshquake.exporters.formats.parquet import ParquetSink

    sink = ParquetSink(tmp_path)
    sink.write(incident_batches[0])
    sink.discard()
    del sink
    for path in tmp_path.iterdir():
        assert not path.read_bytes().endswith(b"PAR1") or path.stat().st_size == 4
