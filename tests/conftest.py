"""What holds for all tests: none fails because the machine is busy, and no worker plays what another has played."""

import gc
import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from once import once

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

#: They make runs that take longer to play than to look at, and keep them: all who look at the same ones are one group.
_KEEPERS = (("twin_runs", "incident"), ("recording", "play"))
#: Tests that start many processes, and wait for what they do.
_ATTACK = Path(__file__).parent / "attack"
#: Garbage is looked for whenever a process has worked so long (CPU seconds), and so many times as long as looking took.
_LOOKING, _WORKING = 0.5, 20


def pytest_collection_modifyitems(items):
    """With `--dist loadgroup`, let one worker have all tests of a file, and all files that look at the same runs."""
    for item in items:
        if item.path.is_relative_to(_ATTACK):
            item.add_marker(pytest.mark.slow)
        item.add_marker(pytest.mark.xdist_group(_group(item.module)))


@cache
def _group(module):
    used = {(getattr(each, "__module__", None), name) for name, each in vars(module).items()}
    return next((keeper for keeper, function in _KEEPERS if (keeper, function) in used), module.__name__)


@pytest.fixture(scope="session")
def small_cases(tmp_path_factory):
    """A data set: its folder, what was heard of its cases, and what is said of it. Not to be changed."""
    from small_cases import make

    folder, (heard, content) = once(tmp_path_factory, "small-cases", make)
    return folder, heard, content


def pytest_collection_finish():
    """Take what was imported for all tests, half a million objects, out of the cyclic collector's way.

    Each run would look through all of it for garbage of the run before, which takes longer than many runs do.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def alone(monkeypatch):
    """As in a process that does nothing but play: what was imported for all tests is not out of the collector's way."""
    monkeypatch.setattr("meshquake.sim.collecting._foreign", False)
    gc.unfreeze()
    yield
    gc.freeze()


def pytest_runtest_teardown():
    """Since no run looks for it, give up what runs have left, now and then."""
    global _due
    if (began := time.process_time()) > _due:
        gc.collect()
        ended = time.process_time()
        _due = ended + max(_LOOKING, _WORKING * (ended - began))


_due = 0.0
