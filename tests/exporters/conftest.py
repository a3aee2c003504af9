"""A short incident, recorded once per session, and a browser to view pages in."""

import pytest
from incident import short

from meshquake.exporters.fixtures import writing
from tests.browser import chromium


@pytest.fixture(scope="module")
def browser():
    """Yield a headless Chromium. Not per session: while it is open, no test of its process can run an event loop."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def incident(tmp_path_factory):
    """Return the folder of its fixture, with its answer key. Not to be modified."""
    folder = tmp_path_factory.mktemp("incident") / "cascade"
    writing.write(short(), folder, lambda batch: None)
    return folder


@pytest.fixture(scope="session")
def incident_batches():
    """Return its records as they come from the run, in more batches than the fixture was written in."""
    return list(short(batch=2000).batches())
