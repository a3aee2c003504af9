"""A fixture that is read again gives the records that were written, or says why not."""

from dataclasses import replace
from shutil import copytree

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from exporters import context, key, manifest, reading
from exporters.manifest import ManifestError
from sim.records import KINDS


@pytest.mark.parametrize("records", [60, 700, 32_000])
def test_all_records_are_read_once_and_in_order_whatever_the_size_of_batches(records, incident, incident_batches):
    read = list(reading.batches(incident, records))
    for name in KINDS:
        written = pl.concat([batch.frame(name) for batch in incident_batches])
        assert_frame_equal(pl.concat([batch.frame(name) for batch in read]), written)
    clocks = [batch.clock for batch in read]
    assert clocks == sorted(clocks) and clocks[-1] >= 20


def test_what_follows_a_batch_is_later_than_all_that_is_in_it(incident):
    latest = ""
    for batch in reading.batches(incident, 700):
        times = [batch.frame(name)["timestamp"] for name in KINDS if len(batch.frame(name))]
        assert min(column[0] for column in times) > latest
        latest = max(column[-1] for column in times)


def test_batches_hold_about_as_many_records_as_asked_for(incident):
    sizes = [sum(len(batch.frame(name)) for name in KINDS) for batch in reading.batches(incident, 4000)]
    assert len(sizes) > 3 and max(sizes) <= 8000


def test_the_context_of_a_fixture_is_that_of_the_run(incident, tmp_path):
    from exporters import writing
    from exporters.replay import reload

    reloaded = reload(incident)
    run = reloaded.simulation(reloaded.loaded)
    found = reading.context(incident)
    assert found == context.of(run)
    assert (found.scenario, found.length, found.interval) == ("cascade", 20.0, 1.0)
    busy = reloaded.simulation(replace(reloaded.loaded, scenario=replace(reloaded.loaded.scenario, rate=3.0)))
    writing.write(busy, tmp_path / "busy", 1.0, lambda batch: None, truth=False)
    assert reading.context(tmp_path / "busy").topology.workload.rate == 3.0


def test_the_truth_is_in_the_context_only_if_asked_for(incident):
    assert reading.context(incident).truth is None
    assert reading.context(incident, truth=True).truth == key.read_ground_truth(incident)


# -- what isn't a whole fixture ------------------------------------------------------------------------------------


@pytest.fixture
def folder(incident, tmp_path):
    """A copy of the fixture, to be changed."""
    return copytree(incident, tmp_path / "cascade")


def refusal(folder):
    with pytest.raises(ManifestError) as refused:
        next(reading.batches(folder))
    return str(refused.value).removeprefix(f"{folder}: isn't what its manifest says: ")


def test_files_that_are_missing_or_cut_off_are_all_named(folder):
    (folder / "events.ndjson").unlink()
    size = (folder / "traces.ndjson").stat().st_size
    with (folder / "traces.ndjson").open("r+b") as file:
        file.truncate(1000)
    assert refusal(folder) == f"traces.ndjson has 1000 bytes, not {size}; events.ndjson is missing"


def test_a_file_that_was_edited_but_is_as_long_as_before_is_refused(folder):
    logs = folder / "logs.ndjson"
    logs.write_bytes(logs.read_bytes().replace(b"INFO", b"WARN", 1))
    assert refusal(folder) == "logs.ndjson was changed"


def test_a_folder_without_a_manifest_and_a_manifest_without_files_are_no_fixture(folder):
    content = manifest.load(folder)
    del content["files"]["logs.ndjson"]
    manifest.save(folder, content)
    assert refusal(folder) == f"{folder / manifest.NAME}: isn't the manifest of a fixture"
    (folder / manifest.NAME).unlink()
    assert refusal(folder) == f"{folder}: not a fixture: it has no manifest.json"
