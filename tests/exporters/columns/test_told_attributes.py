"""Span attributes rewritten column-wise equal those read and written one by one as JSON."""

import json

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from meshquake.exporters.columns import told_attributes

TEXTS = st.text(st.sampled_from("ab.:,{}[]1- \"\\'é\n$"), max_size=8)
VALUES = st.one_of(TEXTS, st.integers(-(10**20), 10**20), st.floats(allow_nan=False), st.booleans(), st.none())
OBJECTS = st.lists(st.none() | st.dictionaries(TEXTS, VALUES, max_size=4), max_size=6)


def series(objects, separators=(",", ":")):
    texts = [None if each is None else json.dumps(each, ensure_ascii=False, separators=separators) for each in objects]
    return pl.Series(texts, dtype=pl.String)


@given(objects=OBJECTS)
@settings(deadline=None, max_examples=60)
def test_what_is_compact_stays_and_what_is_not_becomes_so(objects):
    compact = series(objects)
    assert told_attributes.compact(compact).to_list() == compact.to_list()
    assert told_attributes.compact(series(objects, (", ", ": "))).to_list() == compact.to_list()


@given(objects=OBJECTS)
@settings(deadline=None, max_examples=60)
def test_items_are_the_keys_and_values_in_order(objects):
    plain = series(objects)
    spaced = series(objects, (", ", ": "))
    found, same = (items(each) for each in (plain, spaced))
    assert found == same
    back = [None if each is None else json.loads(f"[{each}]") for each in found]
    assert back == [None if each is None else [[*item] for item in each.items()] for each in objects]


def items(texts):
    return told_attributes.items(
        texts, '["$k","$v"]', '["$k",$v]', lambda key, value: json.dumps([key, value])
    ).to_list()


def test_what_a_store_is_asked_is_told_as_it_is():
    asked = {"user.id": "1", "db.query.text": 'SELECT "a" FROM b WHERE c = $1'}
    for separators in ((",", ":"), (", ", ": ")):
        values = series([asked, {"user.id": "2"}, None], separators)
        check_told(told_attributes.told(pl.DataFrame({"attributes": values}), "db.query.text"), asked)


def check_told(frame, asked):
    assert frame[told_attributes.KEYS].to_list() == ["user.id db.query.text", "user.id", None]
    query = frame[told_attributes.QUERY].to_list()
    assert told_attributes.query(query[0]) == asked["db.query.text"] and query[1:] == [None, None]
