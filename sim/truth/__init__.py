"""The answer key: what was really wrong, found by comparing a run with its twin."""
