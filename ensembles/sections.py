"""How a response for a stretch of time relates to the same response for sections of it."""

from __future__ import annotations

from enum import Enum


class Sections(Enum):
    """What a section says about the whole."""

    #: The section's value is one of the same size: means, shares, rates, percentiles.
    ALIKE = "alike"
    #: The sections' values add up to that of the whole: counts and sums.
    PARTS = "parts"
    #: Nothing: extremes and last values, and whatever is only known of a whole run.
    NONE = "none"
