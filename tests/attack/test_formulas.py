"""No text from outside becomes a formula in a file that spreadsheets open, whatever the format."""

import csv
import re

import polars as pl
import pytest
from incident import short

from meshquake.exporters.fixtures import reading, writing
from meshquake.exporters.formats import cells
from meshquake.exporters.formats.registry import FORMATS
from meshquake.sim.records import RECORD_KINDS, Batch

TEXTS = ['=HYPERLINK("http://x")', "+1", "-1+2", "@sum(a1)", "\tx", "\rx"]
#: The formats whose files are tables.
TABLES = ("csv", "rcaeval", "openrca")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("incident") / "cascade"
    writing.write(short(), folder, lambda batch: None)
    return folder


def tampered(batch, text):
    """Return a batch in which every free text is the same."""
    frames = {}
    for name, kind in RECORD_KINDS.items():
        free = [each.name for each in kind.columns if each.name in ("message", "operation", "logger", "error_type")]
        frames[name] = batch.frame(name).with_columns(pl.lit(text).alias(column) for column in free)
    return Batch(**frames, clock=batch.clock)


def tables(folder):
    """Yield the cells of all tables in a folder."""
    for path in sorted(folder.rglob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.reader(file):
                for cell in row:
                    yield path.name, cell


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", TABLES)
def test_no_cell_of_a_table_begins_a_formula_but_numbers_do_as_they_like(folder, tmp_path, name, text):
    (tmp_path / "out").mkdir()
    sink = FORMATS[name].sink(tmp_path / "out", reading.context(folder, truth=True))
    sink.write(tampered(next(reading.batches(folder)), text))
    sink.close()
    found = list(tables(tmp_path / "out"))
    assert [cell for cell in found if re.match(r"[=+\-@\t\r]", cell[1]) and not is_number(cell[1])] == []
    written = [cell for _, cell in found]
    assert text not in written and any(text in cell for cell in written)


def is_number(text):
    try:
        return bool(float(text) + 1)
    except ValueError:
        return False


def test_numbers_below_zero_and_texts_that_are_none_stay_as_they_are():
    rows = pl.DataFrame({"number": [-1.5, None], "whole": [-2, 3], "text": ["a=b", ""], "none": [None, "x-1"]})
    assert cells.encode(rows) == b'-1.5,-2,a=b,\n,3,"",x-1\n'


def test_every_format_that_has_tables_is_tried(folder, tmp_path):
    found = set()
    for name, each in FORMATS.items():
        target = tmp_path / name
        target.mkdir()
        sink = each.sink(target, reading.context(folder, truth=True))
        sink.write(next(reading.batches(folder)))
        sink.close()
        if list(tmp_path.glob(f"{name}/**/*.csv")):
            found.add(name)
    assert found == {*TABLES}
