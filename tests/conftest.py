"""Settings for all tests: none fails because the machine is busy, and no two workers play the same run."""

import gc
import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from once import once

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

#: Fixtures that keep runs which take longer to play than to examine: all tests of the same run form one group.
_KEEPERS = (("twin_runs", "incident"), ("recording", "play"))
#: Tests that start many processes and wait for them.
_ATTACK = Path(__file__).parent / "attack"
#: Collect garbage after this many CPU seconds, and at least this many times as long as the last collection took.
_LOOKING, _WORKING = 0.5, 20


def pytest_collection_modifyitems(items):
    """With `--dist loadgroup`, give all tests of a file, and all files that share runs, to one worker."""
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
    """Return a data set: its folder, the progress reports on its cases, and its content. Not to be modified."""
    from small_cases import make

    folder, (heard, content) = once(tmp_path_factory, "small-cases", make)
    return folder, heard, content


def pytest_collection_finish():
    """Move what was imported for all tests, half a million objects, out of the cyclic collector's way.

    Otherwise each run would scan all of it for garbage of the run before, which takes longer than many runs do.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def alone(monkeypatch):
    """Behave as in a process that only plays: the imports of all tests are visible to the collector."""
    monkeypatch.setattr("meshquake.sim.collecting._foreign", False)
    gc.unfreeze()
    yield
    gc.freeze()


def pytest_runtest_teardown():
    """Collect the garbage of past runs now and then, since no run does."""
    global _due
    if (began := time.process_time()) > _due:
        gc.collect()
        ended = time.process_time()
        _due = ended + max(_LOOKING, _WORKING * (ended - began))


_due = 0.0
