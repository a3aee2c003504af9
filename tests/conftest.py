"""What holds for all tests: none fails because the machine is busy, and no worker plays what another has played."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

#: Makers of runs that take longer to play than to look at, and keep them: all who look at the same ones are one group.
_KEEPERS = ("twin_runs", "recording")
#: Tests that start many processes, and wait for what they do.
_ATTACK = Path(__file__).parent / "attack"


def pytest_collection_modifyitems(items):
    """With `--dist loadgroup`, let one worker have all tests of a file, and all files that look at the same runs."""
    for item in items:
        if item.path.is_relative_to(_ATTACK):
            item.add_marker(pytest.mark.slow)
        used = {getattr(each, "__module__", None) for each in vars(item.module).values()}
        group = next((keeper for keeper in _KEEPERS if keeper in used), item.module.__name__)
        item.add_marker(pytest.mark.xdist_group(group))
