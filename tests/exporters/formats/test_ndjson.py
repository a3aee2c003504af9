"""NDJSON files: one record per line, unchanged."""

import hashlib
import json
from dataclasses import replace

import polars as pl
import pytest

from meshquake.exporters.formats.ndjson import NdjsonSink, Written, encode
from meshquake.faults.loader import Options, load, shipped
from meshquake.sim.records import EVENT, LOG, RECORD_KINDS
from meshquake.sim.simulation import Simulation


@pytest.fixture(scope="module")
def batches():
    loaded = load(shipped()["cascade"], Options(duration=20, lead_in=2, recovery=2))
    return list(Simulation.of(loaded, batch=1000).batches())


@pytest.mark.parametrize("name", RECORD_KINDS)
def test_each_line_is_a_record_with_its_keys_in_order(name, batches):
    for batch in batches:
        text = encode(RECORD_KINDS[name], batch.frame(name)).decode()
        assert not text or text.endswith("\n")
        lines = [json.loads(line) for line in text.splitlines()]
        assert lines == list(batch.records(name))
        kind = RECORD_KINDS[name]
        optional = tuple(column.name for column in kind.optional)
        assert all(tuple(line) in (kind.names, (*kind.names, *optional)) for line in lines)


@pytest.mark.parametrize("name", RECORD_KINDS)
def test_no_records_are_no_bytes(name):
    assert encode(RECORD_KINDS[name], pl.DataFrame(schema=RECORD_KINDS[name].frame_schema)) == b""


def test_a_text_with_quotes_line_ends_and_other_letters_stays_on_its_line_and_is_read_back():
    text = 'a "b" \\ c\nd\u2028e \x01 £ 字 🙂'
    row = dict.fromkeys(LOG.names) | {"message": text}
    lines = encode(LOG, pl.DataFrame([row], schema=LOG.frame_schema))
    assert lines.count(b"\n") == 1
    assert json.loads(lines) == row


def test_attributes_of_an_event_are_an_object_and_not_its_text():
    attributes = {"reason": "a £ sign", "in_use": 3, "share": 0.5, "none": None}
    row = dict.fromkeys(EVENT.names) | {"attributes": json.dumps(attributes)}
    (line,) = encode(EVENT, pl.DataFrame([row], schema=EVENT.frame_schema)).decode().splitlines()
    assert json.loads(line)["attributes"] == attributes
    assert "£" in line


def test_a_sink_writes_four_files_and_knows_what_they_hold(tmp_path, batches):
    sink = NdjsonSink(tmp_path)
    for batch in batches:
        sink.write(batch)
    sink.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{kind}.ndjson" for kind in RECORD_KINDS)
    for name, written in sink.written.items():
        content = (tmp_path / name).read_bytes()
        assert written == Written(content.count(b"\n"), len(content), hashlib.sha256(content).hexdigest())
        kind = name.removesuffix(".ndjson")
        assert content == b"".join(encode(RECORD_KINDS[kind], batch.frame(kind)) for batch in batches)


@pytest.mark.parametrize("name", RECORD_KINDS)
def test_lines_are_in_order_of_time_across_batches(name, batches):
    times = pl.concat([batch.frame(name)["timestamp"] for batch in batches])
    assert len(batches) > 3 and times.is_sorted()


def test_a_sink_that_is_discarded_does_not_write_what_it_still_holds(tmp_path, batches):
    sink = NdjsonSink(tmp_path)
    few = replace(batches[0], metrics=batches[0].metrics[:1], logs=batches[0].logs[:1], traces=batches[0].traces[:1])
    sink.write(few)
    sink.discard()
    assert {path.stat().st_size for path in tmp_path.iterdir()} == {0}
