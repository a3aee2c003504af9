"""The fault-free spans of requests are those of a run without the faults."""

import json
from copy import deepcopy
from dataclasses import replace

import polars as pl
import pytest
from incident import short

from meshquake.exporters.fixtures import layout, manifest
from meshquake.exporters.page import sources, twin
from meshquake.exporters.page.traces import SPAN, Words, traces


@pytest.fixture(scope="module")
def read(incident):
    return sources.read(incident)


@pytest.fixture(scope="module")
def calm():
    """Return all spans of the same run without its fault."""
    return pl.concat(batch.traces for batch in short().without(["slow-1"]).batches())


def test_a_request_has_the_spans_that_it_has_in_the_run_without_faults(read, calm):
    words = Words()
    waterfalls = traces(read, words)
    assert twin.beside(read, words, waterfalls)
    texts = list(words)
    assert len(waterfalls) > 20
    for trace in waterfalls:
        own = calm.filter(pl.col("trace_id") == trace["id"])
        names = ("service", "operation", "duration_ms", "attempt")
        told = [dict(zip(SPAN, span, strict=True)) for span in trace["twin"]["spans"]]
        for span in told:
            span["service"], span["operation"] = texts[span["service"]], texts[span["operation"]]
        assert sorted(tuple(span[name] for name in names) for span in told) == sorted(own.select(names).iter_rows())
        assert told[0]["duration_ms"] == trace["twin"]["ms"]
    # They differ from the recorded ones, since a fault harmed some.
    assert any(trace["twin"]["spans"] != trace["spans"] for trace in waterfalls)


def test_spans_of_some_requests_are_records_as_the_run_makes_them(calm):
    some = calm.filter(pl.col("parent_span_id").is_null())["trace_id"].to_list()[::40]
    found = twin.played(short().without(["slow-1"]), some)
    # They include waiting inside services, above all for pooled connections.
    assert found["kind"].n_unique() == 3
    order = ["timestamp", "span_id"]
    assert found.sort(order).equals(calm.filter(pl.col("trace_id").is_in(some)).sort(order))


def test_a_run_that_comes_out_otherwise_than_the_key_has_it_has_no_spans(read):
    words = Words()
    waterfalls = deepcopy(traces(read, words))
    waterfalls[3]["twin"]["ms"] += 0.001
    assert not twin.beside(read, words, waterfalls)
    assert not any("spans" in trace["twin"] for trace in waterfalls)


def test_a_run_that_cannot_be_played_here_has_no_spans(read, tmp_path):
    content = manifest.load(read.folder)
    content["scenario"]["text"] += "\nfaults: []"
    layout.path(tmp_path, manifest.NAME).write_text(json.dumps(content))
    assert not twin.beside(replace(read, folder=tmp_path), Words(), traces(read, Words()))
