"""What calls put on the network: bytes each way, and what TCP sent more than once.

Both halves of a call tell the same sizes (`messages`), and what became of its messages: so whatever one pod sends
another one receives, but for what the network swallowed.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from meshquake.sim.telemetry.hosts.messages import ERROR, sizes, words
from meshquake.sim.telemetry.ids import Words, mix
from meshquake.sim.telemetry.tables import Floats, Ints, Tables
from meshquake.topology.addresses import address

if TYPE_CHECKING:
    from meshquake.sim.telemetry.spans.spans import Spans

#: Linux sends a segment again after 200 ms without an acknowledgement at the soonest (`TCP_RTO_MIN`), then after twice
#: as long each time (RFC 6298). The time that it waits adapts to how long round trips usually take.
RTO = 0.2
#: Of calls, the share of which a segment is sent again though nothing acts on the network: within a data centre a few
#: in ten thousand are (Guo et al., "Pingmesh", SIGCOMM 2015, has drops of 1e-5 to 1e-4 a packet).
_USUAL_SHARE = 0.0002
_AGAIN = np.uint64(address(0, "retransmit") % 2**64)


class Traffic:
    """The messages of some spans, all of one side of their calls.

    Parameters
    ----------
    tables
        Of the mesh.
    spans
        The spans.
    usual
        For each, how long (us) messages on its edge usually take in that interval.
    """

    def __init__(self, tables: Tables, spans: Spans, usual: Ints) -> None:
        self._spans = spans
        self._usual = usual
        entries = tables.entry_low[tables.site_entry[spans.site]]
        #: A word of each call: attempts at one are about the same thing, and have one size.
        self.word: Words = words(entries, tables.site_address[spans.site], spans.number)
        medians = tables.medians
        request, answer = sizes(self.word, medians.request[spans.site], medians.answer[spans.site])
        #: Bytes of each request, and of each answer; 0 of what was never sent.
        self.request: Floats = np.where(spans.left, request, 0.0)
        self.answer: Floats = np.where(spans.answered, np.where(spans.refused, ERROR, answer), 0.0)

    @property
    def sent(self) -> Floats:
        """The bytes that whoever did each span sent for it."""
        return np.where(self._spans.server, self.answer, self.request)

    @property
    def received(self) -> Floats:
        """The bytes that whoever did each span received for it."""
        heard = np.where(self._spans.swallowed, 0.0, self.answer)
        return np.where(self._spans.server, self.request, heard)

    @cached_property
    def again(self) -> Floats:
        """How often segments of the messages of each were sent again, by either side."""
        spans = self._spans
        lost = (spans.left & ~spans.reached) | spans.swallowed
        # Nothing is acknowledged for as long as the caller waits, or until its message is there after all.
        silent = np.where(lost, spans.end - spans.start, np.maximum(spans.network - self._usual, 0)) / 1e6
        timers = np.floor(np.log2(silent / RTO + 1.0))
        usual = (mix(self.word ^ _AGAIN) >> np.uint64(11)).astype(np.float64) * 2.0**-53 < _USUAL_SHARE
        counted: Floats = timers + (usual & spans.left)
        return counted
