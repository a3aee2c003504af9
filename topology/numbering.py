"""How requests are numbered.

Those of the workload's own users are numbered from 0 on, as they come, and those of each surge of them likewise, from a
multiple of `2 ** SURGE_BITS` on.

Those of users who take turns are numbered by user, step and try. A population, and each surge of one, has a block of
`2 ** BLOCK_BITS` numbers. In it, a request's place is that of the try, the user and the step, in fields as wide as most
runs need. Requests that do not fit are numbered in a second, equally large block. Its fields for the user and the step
share 43 bits, and where one ends and the other begins is part of the number: there may be many users who take few
steps, or few who take many.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meshquake.topology.users import MOST_TRIES

#: How many numbers a surge has, and the workload's own users before the first of them (bits).
SURGE_BITS: Final = 40
#: How many populations, and surges of them, a run can have.
MOST_BLOCKS: Final = 2**11
#: Bits of a number for the step (a user's session, and the position in its journey), the user, and the try.
STEP_BITS: Final = 26
USER_BITS: Final = 20
TRY_BITS: Final = (MOST_TRIES - 1).bit_length()
BLOCK_BITS: Final = STEP_BITS + USER_BITS + TRY_BITS
#: How many steps and users that is.
_STEPS: Final = 2**STEP_BITS
_USERS: Final = 2**USER_BITS
#: How far the second block of a population is from its first.
FAR: Final = 2**61
#: In a second block, bits for the step come in multiples of these; so many bits say how many; the rest is the user's.
_UNIT: Final = 5
_SPLIT_BITS: Final = 3
_SHARED_BITS: Final = BLOCK_BITS - TRY_BITS - _SPLIT_BITS


def numbered(user: int, step: int, tries: int) -> int:
    """Return the number of a request, counted from the first of its population's block.

    Parameters
    ----------
    user, step, tries
        Which user, how many steps the user took before, and how many tries of this one.

    Raises
    ------
    OverflowError
        If there is no number for that user and step (`most_steps`).
    """
    if step < _STEPS and user < _USERS:
        return (((tries << USER_BITS) + user) << STEP_BITS) + step
    if step >= most_steps(user + 1):
        raise OverflowError(f"there is no number for step {step} of user {user}")
    split = max(0, step.bit_length() - 1) // _UNIT
    return FAR + (((split << TRY_BITS) + tries) << _SHARED_BITS) + (user << (split + 1) * _UNIT) + step


def most_steps(users: int) -> int:
    """Return how many steps each of so many users can take; 0 if they are too many."""
    bits = min(_SHARED_BITS - (users - 1).bit_length(), _UNIT << _SPLIT_BITS) // _UNIT * _UNIT
    far = 2**bits if bits > 0 else 0
    return max(far, _STEPS) if users <= _USERS else far


def most_users(steps: int) -> int:
    """Return how many users can take so many steps each; 0 if nobody can."""
    split = max(0, (steps - 1).bit_length() - 1) // _UNIT
    far = 2 ** (_SHARED_BITS - (split + 1) * _UNIT) if split < 2**_SPLIT_BITS else 0
    return max(far, _USERS) if steps <= _STEPS else far


def block_of(number: int) -> int:
    """Return the block that a request's number is in; that of a population's second block is its first."""
    return (number & ~FAR) >> BLOCK_BITS


def users_of(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a word for the user of each request: the same for all requests of a user."""
    places = numbers >> STEP_BITS & (_USERS - 1)
    far = numbers & FAR > 0
    if far.any():
        split = numbers >> (_SHARED_BITS + TRY_BITS) & (2**_SPLIT_BITS - 1)
        places = np.where(far, (numbers & (2**_SHARED_BITS - 1)) >> (split + 1) * _UNIT, places)
    low, high = places & (_USERS - 1), places >> USER_BITS
    # Populations differ in nine bits, above the user's; bits of users that are wider are above those.
    words: Any = low | ((numbers & ~FAR) >> 52) << USER_BITS | high << (USER_BITS + 11)
    return np.asarray(words, dtype=np.int64).astype(np.uint64)
