"""What is looked at only where there is time: `python -m pytest -m slow`, as continuous integration does."""

import pytest


def every(values, usual):
    """Parameters of a test, or of a fixture: those that aren't among the `usual` ones are marked as slow."""
    return [value if value in usual else pytest.param(value, marks=pytest.mark.slow) for value in values]
