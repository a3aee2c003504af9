"""Packets of a Perfetto trace. Repeated names are interned: written once, and referred to by a number."""

from __future__ import annotations

from collections.abc import Mapping

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import (
    DebugAnnotation,
    InternedData,
    Trace,
    TracePacket,
    TrackDescriptor,
    TrackEvent,
)

#: The sequence of all packets, in which interned names hold from their first use on.
_SEQUENCE = 1
#: Perfetto's clocks: the default of timestamps, and wall time.
_BOOTTIME, _REALTIME = 6, 1


class Packets:
    """Collects packets until they are taken.

    Parameters
    ----------
    start
        Start of the recording, in microseconds since 1970.
    """

    def __init__(self, start: int) -> None:
        self._waiting: list[TracePacket] = []
        self._events: dict[str, int] = {}
        self._words: dict[str, int] = {}
        self._texts: dict[str, int] = {}
        first = self._packet()
        first.sequence_flags = TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
        # Timestamps are wall time: the snapshot equates the two clocks.
        for clock in (_BOOTTIME, _REALTIME):
            first.clock_snapshot.clocks.add(clock_id=clock, timestamp=start * 1000)

    def take(self) -> bytes:
        """Encode the packets collected since the last call as a part of the file."""
        data: bytes = Trace(packet=self._waiting).SerializeToString()
        self._waiting.clear()
        return data

    def track(self) -> TrackDescriptor:
        """Add a new track and return its descriptor, to be filled in."""
        return self._packet().track_descriptor

    def begin(
        self,
        at: int,
        track: int,
        name: str,
        category: str,
        said: Mapping[str, str | int | None],
        flow_from: int | None = None,
        flow_to: int | None = None,
    ) -> None:
        """Begin a slice.

        Parameters
        ----------
        at
            Its start in microseconds since 1970.
        track, name, category
            Its track, name and category.
        said
            Annotations; those that are None are left out.
        flow_from, flow_to
            The ids of a flow that starts here, and of one that ends here.
        """
        event = self._event(at, track, TrackEvent.TYPE_SLICE_BEGIN, name, said)
        event.categories.append(category)
        if flow_from is not None:
            event.flow_ids.append(flow_from)
        if flow_to is not None:
            event.terminating_flow_ids.append(flow_to)

    def end(self, at: int, track: int) -> None:
        """End the latest slice of a track."""
        packet = self._packet()
        packet.timestamp = at * 1000
        packet.track_event.type = TrackEvent.TYPE_SLICE_END
        packet.track_event.track_uuid = track

    def instant(self, at: int, track: int, name: str, said: Mapping[str, str | int | None]) -> None:
        """Add an instant event."""
        self._event(at, track, TrackEvent.TYPE_INSTANT, name, said)

    def sample(self, at: int, track: int, value: float) -> None:
        """Add a value of a counter."""
        packet = self._packet()
        packet.timestamp = at * 1000
        packet.track_event.type = TrackEvent.TYPE_COUNTER
        packet.track_event.track_uuid = track
        packet.track_event.double_counter_value = value

    def _event(
        self, at: int, track: int, type: TrackEvent.Type, name: str, said: Mapping[str, str | int | None]
    ) -> TrackEvent:
        packet = self._packet()
        packet.timestamp = at * 1000
        event, interned = packet.track_event, packet.interned_data
        event.type, event.track_uuid = type, track
        event.name_iid = _number(name, self._events, interned.event_names)
        for key, value in said.items():
            if value is not None:
                note = event.debug_annotations.add(name_iid=_number(key, self._words, interned.debug_annotation_names))
                self._note(note, interned, key, value)
        return event

    def _note(self, note: DebugAnnotation, interned: InternedData, key: str, value: str | int) -> None:
        if isinstance(value, int):
            note.int_value = value
        elif key in ("trace_id", "span_id", "details"):  # nearly all distinct: not worth interning
            note.string_value = value
        else:
            known = self._texts.get(value)
            if known is None:
                known = self._texts[value] = len(self._texts) + 1
                interned.debug_annotation_string_values.add(iid=known, str=value.encode())
            note.string_value_iid = known

    def _packet(self) -> TracePacket:
        packet = TracePacket(trusted_packet_sequence_id=_SEQUENCE)
        packet.sequence_flags = TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
        self._waiting.append(packet)
        return packet


def _number(name: str, known: dict[str, int], interned: object) -> int:
    """Return the number of a name, interning it if it is new."""
    number = known.get(name)
    if number is None:
        number = known[name] = len(known) + 1
        interned.add(iid=number, name=name)  # type: ignore[attr-defined]
    return number
