"""Addressed randomness: a draw depends only on its address."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from meshquake.sim.engine.tape import Tape
from meshquake.topology.addresses import address, uniform, uniforms
from meshquake.topology.distributions import Constant, Exponential, LogNormal

NUMBERS = st.integers(0, 500) | st.integers(2**40, 2**40 + 500)


def tape(key=1, attempt_path=0, size=32, work=Exponential(1.0), latency=Exponential(1.0)):  # noqa: B008 - frozen
    return Tape(key, attempt_path, size, work, latency)


@given(st.integers(1, 200), st.integers(1, 200), st.lists(NUMBERS, max_size=30))
def test_draws_depend_neither_on_the_page_size_nor_on_the_order_of_visits(one, other, numbers):
    left, right = tape(size=one), tape(size=other)
    forwards = {number: left.draws(number) for number in numbers}
    backwards = {number: right.draws(number) for number in reversed(numbers)}
    assert forwards == backwards


def test_addresses_that_differ_in_anything_give_other_draws():
    keys = [address(seed, *parts) for seed in (1, 2) for parts in [("a",), ("b",), ("a", "b"), ("ab",), ("a", 1)]]
    rows = [
        tape(key, attempt_path).draws(number)
        for key in keys
        for attempt_path in (0, 1, 16)
        for number in (0, 1, 31, 32, 2**40)
    ]
    draws = [draw for row in rows for draw in row]
    assert len(set(draws)) == len(draws)


def test_an_address_is_the_same_on_every_machine():
    assert address(42, "site", "a") == 0x2E00E542AC3D61B540993BD830E6313A


@pytest.mark.parametrize("column", range(7))
def test_the_draws_of_a_site_are_distributed_as_declared(column):
    """Work and network delays each way follow their distributions, the other draws are uniform in [0, 1)."""
    work = LogNormal(median=2.0, sigma=0.5)
    site = tape(size=1024, work=work, latency=Exponential(3.0))
    draws = [site.draws(number)[column] for number in range(20_000)]
    expected = [stats.lognorm(0.5, scale=2.0), stats.expon(scale=3.0), stats.expon(scale=3.0)] + [stats.uniform()] * 4
    assert stats.kstest(draws, expected[column].cdf).pvalue > 0.001


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, 0, 0), (1, 1, 0)),
        ((1, 0, 0), (2, 0, 0)),
        ((1, 0, 0), (1, 0, 1)),
    ],
)
def test_draws_of_different_addresses_are_independent(one, other):
    """Another attempt path, another key, or the next request."""

    def draws(key, attempt_path, shift):
        return uniforms(key, shift, 20_000, 8, attempt_path)

    for column in range(8):
        left, right = draws(*one)[:, column], draws(*other)[:, column]
        assert stats.pearsonr(left, right).pvalue > 0.001


def test_draws_at_an_address_are_the_same_one_at_a_time():
    page = uniforms(7, 100, 50, 8, attempt_path=3)
    assert np.array_equal(page, np.concatenate([uniforms(7, 100 + i, 1, 8, attempt_path=3) for i in range(50)]))


def test_single_uniforms_are_uniform_along_numbers_visits_and_keys():
    for along in (lambda i: (1, i, 0), lambda i: (1, 0, i), lambda i: (i, 0, 0)):
        draws = [uniform(*along(i)) for i in range(20_000)]
        assert min(draws) >= 0
        assert max(draws) < 1
        assert stats.kstest(draws, stats.uniform.cdf).pvalue > 0.001
        assert stats.pearsonr(draws[1:], draws[:-1]).pvalue > 0.001


def test_without_a_network_the_other_draws_are_as_they_were():
    whole, part = tape().draws(5), tape(latency=None).draws(5)
    assert (part[0], *part[3:]) == (whole[0], *whole[3:])


def test_threads_that_draw_at_a_time_dont_mix_their_draws():
    def draws(key):
        return [uniforms(key, first, 64).tolist() for first in range(0, 20_000, 64)]

    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(draws, range(8)))
    assert together == [draws(key) for key in range(8)]


def test_another_distribution_has_the_same_request_at_the_same_quantile():
    """Common random numbers: the quantile of a demand belongs to the request."""
    exponential, lognormal = tape(), tape(work=LogNormal(median=1.0, sigma=1.0))
    numbers = range(100)
    order = sorted(numbers, key=lambda number: exponential.draws(number)[0])
    assert order == sorted(numbers, key=lambda number: lognormal.draws(number)[0])
    assert tape(work=Constant(0.5)).draws(3)[1:] == exponential.draws(3)[1:]
