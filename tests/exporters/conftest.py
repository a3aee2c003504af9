"""One short incident, recorded once a session, and a browser for what is looked at."""

import pytest
from incident import short

from meshquake.exporters.fixtures import writing
from tests.browser import chromium


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium. Not for a session: while it is open, no test of the same process can run an event loop."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def incident(tmp_path_factory):
    """The folder of its fixture, with its answer key. Not to be changed."""
    folder = tmp_path_factory.mktemp("incident") / "cascade"
    writing.write(short(), folder, lambda batch: None)
    return folder


@pytest.fixture(scope="session")
def incident_batches():
    """Its records as they come from the run, in more batches than the fixture was written in."""
    return list(short(batch=2000).batches())
