"""A trace for https://ui.perfetto.dev: calls as slices, flows from caller to callee, metrics as counters.

    trace.pftrace    packets of Perfetto's protobuf, with track events

sink.py     the sink
packets.py  packets, with repeated data stated once
tracks.py   the tracks: services, their replicas, and what is below them
calls.py    which track a span goes on

https://perfetto.dev/docs/reference/synthetic-track-event says what the packets mean. They are protobuf, and not the
JSON of Chrome's tracing, where a slice belongs to a thread and must nest in the slices under way on it: calls whose
caller gave up would need made-up threads. That JSON also has no tree of tracks, and no units for counters.
"""
