"""Requests of users who take turns have numbers of their own, however many users or steps there are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.topology.numbering import (
    BLOCK_BITS,
    FAR,
    STEP_BITS,
    USER_BITS,
    block_of,
    most_steps,
    most_users,
    numbered,
    users_of,
)
from meshquake.topology.users import MOST_TRIES

SCATTERED = 2**62


@st.composite
def requests(draw):
    """Return a user, a step and a try that have a number; sizes of all orders, the widest as often as the narrowest."""
    user = draw(st.integers(0, 38).flatmap(lambda bits: st.integers(0, 2**bits - 1)))
    room = most_steps(user + 1).bit_length() - 1
    step = draw(st.integers(0, room).flatmap(lambda bits: st.integers(0, 2**bits - 1)))
    return user, step, draw(st.integers(0, MOST_TRIES - 1))


def near(request):
    """Return requests that differ from one a little, in one respect or in all."""
    user, step, tries = request
    others = [
        (user + by[0], step + by[1], (tries + by[2]) % MOST_TRIES)
        for by in np.ndindex(2, 2, 2)
        if step + by[1] < most_steps(user + by[0] + 1)
    ]
    return [*others, (user % 2**USER_BITS, step, tries), (user, step % 2**STEP_BITS, tries), (user, step % 2**5, tries)]


@given(requests(), requests())
def test_two_requests_never_have_the_same_number(one, other):
    them = {*near(one), *near(other), one, other}
    assert len({numbered(*each) for each in them}) == len(them)


@given(requests(), st.integers(0, 2**11 - 1))
def test_a_number_stays_in_the_blocks_of_its_population(request, block):
    number = SCATTERED + (block << BLOCK_BITS) + numbered(*request)
    assert SCATTERED <= number < 2**63
    assert block_of(number) == block_of(SCATTERED + (block << BLOCK_BITS))
    assert number & ~FAR >= SCATTERED


@given(requests())
def test_numbers_of_usual_size_are_as_they_were_and_steps_follow_one_another(request):
    user, step, tries = request
    if user < 2**20 and step < 2**26:
        assert numbered(user, step, tries) == (tries << 46) + (user << 26) + step
    first = step - step % 4  # a user's draws are made four steps at a time
    assert [numbered(user, first + i, tries) - numbered(user, first, tries) for i in range(4)] == [0, 1, 2, 3]


@given(requests(), requests(), st.integers(0, 2**9 - 1))
def test_all_requests_of_a_user_have_its_word_and_no_others(one, other, population):
    first = SCATTERED + (population << 52)
    words = users_of(np.array([first + numbered(*each) for each in (*near(one), *near(other))]))
    users = [each[0] for each in (*near(one), *near(other))]
    assert len(set(zip(users, words.tolist(), strict=True))) == len(set(users)) == len(set(words.tolist()))


def test_a_year_of_eight_thousand_users_a_second_has_numbers_for_32_steps_each():
    year = 366 * 86_400
    assert most_users(32) > 8_000 * year
    assert most_users(64) > 250 * year
    assert most_steps(2**20) == 2**26
    assert most_steps(1) > 10_000 * year


@given(st.integers(0, 41).flatmap(lambda bits: st.integers(1, 2**bits)))
def test_what_has_no_number_is_refused(steps):
    most = most_users(steps)
    if most:
        assert most_steps(most) >= steps
        numbered(most - 1, steps - 1, 0)
    assert most_steps(most + 1) < steps
    with pytest.raises(OverflowError, match="there is no number for step"):
        numbered(most, steps - 1 if most else most_steps(1), 0)
