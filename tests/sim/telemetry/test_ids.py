"""Ids are hex of hashed addresses: the same address gives the same id, and no two share one."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recording import play

from meshquake.sim.telemetry.ids import hexadecimal, mix, request_words, span_words
from meshquake.topology.addresses import address

WORDS = st.integers(0, 2**64 - 1)
MASK = 2**64 - 1


def words(*values):
    return np.array(values, dtype=np.uint64)


def unmix(x):
    """Invert `mix`: undo each of its steps, with the inverse of an odd factor modulo 2^64."""
    x ^= (x >> 31) ^ (x >> 62)
    x = x * pow(0x94D049BB133111EB, -1, 2**64) & MASK
    x ^= (x >> 27) ^ (x >> 54)
    x = x * pow(0xBF58476D1CE4E5B9, -1, 2**64) & MASK
    return x ^ (x >> 30) ^ (x >> 60)


@given(st.lists(WORDS, min_size=1))
def test_words_become_sixteen_lower_case_hex_digits_each(values):
    assert pl.select(hexadecimal(words(*values))).to_series().to_list() == [f"{value:016x}" for value in values]


@given(WORDS, WORDS)
def test_two_words_side_by_side_become_thirty_two(high, low):
    assert pl.select(hexadecimal(words(high), words(low))).item() == f"{high:016x}{low:016x}"


@given(WORDS)
def test_mixing_loses_nothing(value):
    assert unmix(int(mix(words(value))[0])) == value


def test_mixing_looks_random():
    """Whichever input bit differs, about half of the output bits differ."""
    values = np.arange(1000, dtype=np.uint64)
    for bit in range(64):
        flipped = np.bitwise_count(mix(values) ^ mix(values ^ np.uint64(1 << bit)))
        assert flipped.mean() == pytest.approx(32, abs=1)


@given(WORDS, WORDS)
def test_no_id_is_all_zero(key, number):
    # Going backwards finds the address whose hash would be 0.
    zero = key ^ unmix(0)
    assert request_words(words(zero ^ int(mix(words(number))[0])), words(number).astype(np.int64))[0] != 0
    assert (request_words(words(key), np.arange(100)) != 0).all()


def test_spans_of_a_request_have_ids_of_their_own():
    """Sites, visits and the two sides of a call all count."""
    sites, visits, sides = np.meshgrid(np.arange(50), np.arange(50), [False, True])
    keys = words(*(address(1, "site", site) % 2**64 for site in range(50)))[sites.ravel()]
    ids = span_words(np.full(keys.shape, 7, dtype=np.uint64), keys, visits.ravel(), sides.ravel())
    assert len(np.unique(ids)) == len(ids)


def test_a_request_has_the_same_ids_in_every_run_of_a_seed():
    """Runs that differ in a fault can therefore be compared request by request."""
    slow, healthy = play("cascade", 1), play("cascade", 1, without="faults")
    roots = ["at", "trace_id", "span_id", "operation"]
    assert slow.roots.select(roots).equals(healthy.roots.select(roots))


def test_another_seed_has_other_ids():
    one, other = play("normal", 1), play("normal", 2)
    assert not set(one.traces["span_id"]) & set(other.traces["span_id"])
    assert not set(one.roots["trace_id"]) & set(other.roots["trace_id"])
