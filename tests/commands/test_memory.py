"""A process that runs a command returns unused memory, unless configured otherwise."""

import os

import pytest

from meshquake.commands import memory

NAMES = ("_RJEM_MALLOC_CONF", "MALLOC_ARENA_MAX")


@pytest.fixture
def unset(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that its setting is undone
        monkeypatch.delenv(name)
    return monkeypatch


def test_processes_that_are_started_find_the_same(unset):
    memory.give_back()
    assert "dirty_decay_ms" in os.environ[NAMES[0]]


def test_what_somebody_has_set_stays(unset):
    for name in NAMES:
        unset.setenv(name, "8")
    memory.give_back()
    assert [os.environ[name] for name in NAMES] == ["8", "8"]
