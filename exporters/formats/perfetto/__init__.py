"""A trace for https://ui.perfetto.dev: calls as slices, flows from caller to callee, metrics as counters.

    trace.pftrace    packets of Perfetto's protobuf, with track events

sink.py     the sink
packets.py  packets, and what is said in many of them once
tracks.py   the tracks: services, their replicas, and what is below them
calls.py    on which track a span goes

What the packets mean is in https://perfetto.dev/docs/reference/synthetic-track-event. They are protobuf, and not the
JSON that Chrome's tracing had: there a slice belongs to a thread and must nest in what is under way on it, so calls of
which one was given up would need threads that nobody has; there is no tree of tracks, and no counter has a unit.
"""
