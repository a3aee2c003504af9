"""Slow tests, run by `python -m pytest -m slow` as in continuous integration."""

import pytest

#: Scenarios that the quick tests use where all scenarios behave alike.
USUAL = ("cascade", "deployment", "normal")


def every(values, usual):
    """Return parameters of a test or fixture, marking as slow those that aren't among the `usual` ones."""
    return [value if value in usual else pytest.param(value, marks=pytest.mark.slow) for value in values]
