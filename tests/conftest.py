"""What holds for all tests: none fails because the machine is busy, and no worker plays what another has played."""

import gc
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from once import once

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

#: Makers of runs that take longer to play than to look at, and keep them: all who look at the same ones are one group.
_KEEPERS = ("twin_runs", "recording")
#: Tests that start many processes, and wait for what they do.
_ATTACK = Path(__file__).parent / "attack"
#: A process looks for garbage whenever it has worked so long (CPU seconds).
_LOOKING = 0.5


def pytest_collection_modifyitems(items):
    """With `--dist loadgroup`, let one worker have all tests of a file, and all files that look at the same runs."""
    for item in items:
        if item.path.is_relative_to(_ATTACK):
            item.add_marker(pytest.mark.slow)
        used = {getattr(each, "__module__", None) for each in vars(item.module).values()}
        group = next((keeper for keeper in _KEEPERS if keeper in used), item.module.__name__)
        item.add_marker(pytest.mark.xdist_group(group))


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
    global _looked
    if time.process_time() - _looked > _LOOKING:
        gc.collect()
        _looked = time.process_time()


_looked = time.process_time()
