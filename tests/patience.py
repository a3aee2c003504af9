"""What is looked at only where there is time: `python -m pytest -m slow`, as continuous integration does."""

import pytest

#: Scenarios at which the quick tests look, where all of them are alike.
USUAL = ("cascade", "deployment", "normal")


def every(values, usual):
    """Parameters of a test, or of a fixture: those that aren't among the `usual` ones are marked as slow."""
    return [value if value in usual else pytest.param(value, marks=pytest.mark.slow) for value in values]
