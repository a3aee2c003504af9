"""A short cascade for tests of agents, played once, with its key."""

import pytest
from commandline import play


@pytest.fixture(scope="session")
def cascade(tmp_path_factory):
    """Return the folder of a fixture whose name and manifest reveal the fault."""
    output = tmp_path_factory.mktemp("agents")
    play(output, "cascade", "--lead-in", 20, "--duration", 15, "--recovery", 5, "--rate", 8)
    return output / "incidents" / "cascade"


@pytest.fixture(scope="session")
def whole(cascade):
    """Return the incident of that fixture, open at its end; tests that submit open their own."""
    from meshquake.agents import Incident

    return Incident(cascade)
