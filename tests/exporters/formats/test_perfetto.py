"""A Perfetto trace, read by the package's own classes and assembled as its trace processor does.

The processor itself is downloaded on first use, so it isn't run here.
"""

import json
from collections import defaultdict
from datetime import datetime

import pytest
from exported import export, records, write
from polars import DataFrame

from meshquake.exporters.fixtures import reading
from meshquake.exporters.formats.semconv import Conventions
from meshquake.sim.records import TRACE, Batch

trace_pb2 = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2", reason="perfetto is not installed")


class Read:
    """A trace processor's view of a file: packets in order of time, and in file order within one moment.

    Names are looked up as defined by then. `slices` are (track, begin, end, depth, event), in nanoseconds.
    """

    def __init__(self, path):
        trace = trace_pb2.Trace()
        trace.ParseFromString(path.read_bytes())
        self.tracks, self.slices, self.samples, self.instants = {}, [], defaultdict(list), []
        self._names, self._words, self._texts = {}, {}, {}
        events = []
        for number, packet in enumerate(trace.packet):
            assert packet.sequence_flags & (1 if number == 0 else 2)
            for known, said in (
                (self._names, packet.interned_data.event_names),
                (self._words, packet.interned_data.debug_annotation_names),
            ):
                assert not any(each.iid in known for each in said)
                known.update((each.iid, each.name) for each in said)
            texts = packet.interned_data.debug_annotation_string_values
            self._texts.update((each.iid, each.str.decode()) for each in texts)
            if packet.HasField("track_descriptor"):
                track = packet.track_descriptor
                assert track.uuid not in self.tracks and (not track.parent_uuid or track.parent_uuid in self.tracks)
                self.tracks[track.uuid] = track
            elif packet.HasField("track_event"):
                assert packet.track_event.track_uuid in self.tracks
                events.append((packet.timestamp, packet.track_event))
        self.clocks = {each.clock_id: each.timestamp for each in trace.packet[0].clock_snapshot.clocks}
        stacks = defaultdict(list)
        for at, event in sorted(events, key=lambda each: each[0]):
            stack = stacks[event.track_uuid]
            if event.type == event.TYPE_SLICE_BEGIN:
                stack.append((at, event))
            elif event.type == event.TYPE_SLICE_END:
                begun, begin = stack.pop()
                self.slices.append((event.track_uuid, begun, at, len(stack), begin))
            elif event.type == event.TYPE_COUNTER:
                self.samples[event.track_uuid].append((at, event.double_counter_value))
            else:
                self.instants.append((at, event))
        assert not any(stacks.values()), "slices that never end"

    def name(self, event):
        return self._names[event.name_iid]

    def said(self, event):
        return {
            self._words[note.name_iid]: note.int_value
            if note.HasField("int_value")
            else note.string_value or self._texts[note.string_value_iid]
            for note in event.debug_annotations
        }

    def place(self, track):
        """Return the service, the replica and the name of a track, from its ancestors."""
        names = []
        while track:
            descriptor = self.tracks[track]
            names.append(descriptor.name or descriptor.process.process_name)
            track = descriptor.parent_uuid
        return tuple(reversed(names))


@pytest.fixture(scope="module")
def trace(incident, tmp_path_factory):
    return Read(export(incident, "perfetto", tmp_path_factory.mktemp("perfetto") / "out") / "trace.pftrace")


@pytest.fixture(scope="module")
def spans(incident):
    return {(each["trace_id"], each["span_id"]): each for each in records(incident, "traces")}


def nanoseconds(record):
    return round(datetime.fromisoformat(record["timestamp"]).timestamp() * 1e6) * 1000


def test_there_is_a_slice_for_each_span_with_its_times_and_its_place(trace, spans, incident):
    conventions = Conventions(reading.context(incident).topology)
    found = {}
    for track, begun, ended, _, event in trace.slices:
        said = trace.said(event)
        found[said["trace_id"], said["span_id"]] = (
            *(begun, ended, trace.name(event), *trace.place(track)[:-1], *event.categories),
            *(said.get(key) for key in ("status", "error_type", "status_code", "peer", "attempt")),
        )
    expected = {
        key: (
            *(nanoseconds(span), nanoseconds(span) + round(span["duration_ms"] * 1000) * 1000),
            *(conventions.describe(span).name, span["service"]),
            *([span["replica"]] if span["replica"] else []),
            *(span[key] for key in ("kind", "status", "error_type", "status_code", "peer", "attempt")),
        )
        for key, span in spans.items()
    }
    assert len(trace.slices) == len(spans)
    # A store's operation may name its span differently.
    asks = {key for key, span in spans.items() if "db.query.text" in span.get("attributes", {})}
    assert asks and all(found[key][3:] == expected[key][3:] for key in asks)
    assert {key: each for key, each in found.items() if key not in asks} == {
        key: each for key, each in expected.items() if key not in asks
    }


def test_each_call_that_a_service_handles_is_alone_at_the_bottom_of_a_track(trace):
    bottoms = defaultdict(list)
    for track, _, _, depth, event in trace.slices:
        if depth == 0:
            bottoms[track].append(*event.categories)
        assert depth > 0 or not any(each.track_uuid == track for _, each in trace.instants)
        assert (event.categories[0] == "server") <= (depth == 0)
    assert all(len(kinds) == 1 for kinds in bottoms.values())


def test_what_a_service_does_for_a_call_is_within_it_unless_it_outlasts_it(trace, spans):
    depths = {trace.said(event)["span_id"]: depth for *_, depth, event in trace.slices}
    inside = 0
    for (number, span), record in spans.items():
        above = spans.get((number, record["parent_span_id"]))
        if record["kind"] == "server" or above is None or depths[span]:
            inside += record["kind"] != "server"
            continue
        assert record["kind"] in ("client", "internal") and above["service"] == record["service"]
    assert inside > len(spans) / 3
    outlasting = [each for each in spans.values() if each["error_type"] == "timeout"]
    assert outlasting, "callers that gave up: their callees go on"


def test_a_flow_leads_from_each_caller_to_its_callee(trace, spans):
    starts, ends = {}, {}
    for *_, event in trace.slices:
        said = trace.said(event)
        starts.update((flow, (said["trace_id"], said["span_id"])) for flow in event.flow_ids)
        ends.update((flow, (said["trace_id"], said["span_id"])) for flow in event.terminating_flow_ids)
    assert len(starts) == sum(each["kind"] == "client" for each in spans.values())
    called = {key: each for key, each in spans.items() if each["kind"] == "server" and each["parent_span_id"]}
    assert {ends[flow]: starts[flow] for flow in ends} == {
        key: (key[0], each["parent_span_id"]) for key, each in called.items()
    }


def test_metrics_are_counters_of_whom_they_are_of(trace, incident):
    expected = defaultdict(list)
    for each in records(incident, "metrics"):
        name = each["metric"] if each["target"] is None else f"{each['metric']} -> {each['target']}"
        above = (each["service"], each["replica"]) if each["replica"] else (each["service"],)
        expected[*above, name, each["unit"]].append((nanoseconds(each), each["value"]))
    found = {
        (*trace.place(track), trace.tracks[track].counter.unit_name): samples
        for track, samples in trace.samples.items()
    }
    assert found == expected


def test_events_are_instants_of_whom_they_happened_to(trace, incident):
    found = [(at, trace.name(event), trace.said(event)["details"]) for at, event in trace.instants]
    assert found == [(nanoseconds(each), each["type"], each["details"]) for each in records(incident, "events")]


def test_moments_are_wall_time_and_each_service_is_a_process(trace, incident):
    start = json.loads((incident / "manifest.json").read_text(encoding="utf-8"))["start"]
    assert set(trace.clocks.values()) == {nanoseconds({"timestamp": start})} and trace.clocks.keys() == {1, 6}
    processes = [each.process for each in trace.tracks.values() if each.HasField("process")]
    assert len({each.pid for each in processes}) == len(processes)
    named = {each["service"] for kind in ("metrics", "traces") for each in records(incident, kind)}
    assert {each.process_name for each in processes} == named


def test_requests_at_once_hedges_and_callers_that_leave_each_have_a_track(tmp_path, incident):
    """A call has two concurrent attempts, and the caller leaves before the second has ended; nothing may be lost."""

    def span(number, parent, kind, service, at, took, **more):
        return {
            **dict.fromkeys(TRACE.frame_schema),
            "timestamp": f"2024-01-15T10:30:00.{at:06d}+00:00",
            "trace_id": "1" * 32,
            "span_id": f"{number:016x}",
            "parent_span_id": f"{parent:016x}" if parent else None,
            "service": service,
            "operation": "database.select",
            "duration_ms": took / 1000,
            "status": "success",
            "kind": kind,
            "status_code": 200,
            "replica": f"{service}-0",
            "version": "1.0.0",
            "attempt": 1,
            **more,
        }

    spans = [
        span(1, 0, "server", "api-gateway", 0, 100, operation="api-gateway.browse"),
        span(2, 1, "client", "api-gateway", 10, 50, peer="database"),
        span(3, 2, "server", "database", 12, 300, peer="api-gateway"),
        span(4, 1, "client", "api-gateway", 20, 70, peer="database", attempt=2),
        span(5, 1, "client", "api-gateway", 60, 30, peer="database"),
        span(6, 1, "internal", "api-gateway", 90, 0, operation="api-gateway.render"),
        span(7, 1, "client", "api-gateway", 95, 50, peer="database"),
        span(8, 1, "client", "api-gateway", 100, 5, peer="database"),
    ]
    sink = pytest.importorskip("meshquake.exporters.formats.perfetto.sink").sink
    (*empty,) = (DataFrame(schema=batch.schema) for batch in _frames(incident))
    frame = DataFrame(spans, schema=TRACE.frame_schema)
    metrics, logs, events = empty
    write([Batch(metrics, logs, frame, events, 1.0)], sink(tmp_path, reading.context(incident)))
    read = Read(tmp_path / "trace.pftrace")
    tracks = defaultdict(list)
    for track, begun, ended, depth, event in sorted(read.slices, key=lambda each: each[1]):
        tracks[track].append((int(read.said(event)["span_id"], 16), (ended - begun) // 1000, depth))
    assert sorted(tracks.values()) == [
        [(1, 100, 0), (2, 50, 1), (5, 30, 1), (6, 0, 1)],
        [(3, 300, 0)],
        [(4, 70, 0)],
        [(7, 50, 0)],
        [(8, 5, 0)],
    ]


def _frames(incident):
    batch = next(reading.batches(incident))
    return batch.metrics, batch.logs, batch.events
