"""An incident for tests of agents: a short cascade, played once, with its key."""

import pytest
from commandline import play


@pytest.fixture(scope="session")
def cascade(tmp_path_factory):
    """The folder of a fixture whose name and manifest tell what is wrong in it."""
    output = tmp_path_factory.mktemp("agents")
    play(output, "cascade", "--lead-in", 20, "--duration", 15, "--recovery", 5, "--rate", 8)
    return output / "incidents" / "cascade"


@pytest.fixture(scope="session")
def whole(cascade):
    """All of that, open at its end; tests that submit open their own."""
    from meshquake.agents import Incident

    return Incident(cascade)
