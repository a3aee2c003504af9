"""Traffic of calls on the network: bytes each way, and TCP retransmissions.

Both halves of a call agree on the sizes of its messages (`messages`) and on what became of them. So what one pod sends
another receives, except for what the network dropped.
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

#: Linux retransmits a segment after 200 ms without an acknowledgement at the earliest (`TCP_RTO_MIN`), then doubles the
#: timeout each time (RFC 6298). The timeout adapts to the usual round-trip time.
RTO = 0.2
#: The share of calls with a retransmission on a healthy network: a few in ten thousand within a data centre (Guo et
#: al., "Pingmesh", SIGCOMM 2015, has drops of 1e-5 to 1e-4 per packet).
_USUAL_SHARE = 0.0002
_AGAIN = np.uint64(address(0, "retransmit") % 2**64)


class Traffic:
    """The messages of some spans, all of one side of their calls.

    Parameters
    ----------
    tables
        Tables of the mesh.
    spans
        The spans.
    usual
        For each span, how long (us) messages on its edge usually take in its interval.
    """

    def __init__(self, tables: Tables, spans: Spans, usual: Ints) -> None:
        self._spans = spans
        self._usual = usual
        entries = tables.entry_low[tables.site_entry[spans.site]]
        #: A word of each call: all attempts are about the same thing, so they have the same size.
        self.word: Words = words(entries, tables.site_address[spans.site], spans.number)
        medians = tables.medians
        request, answer = sizes(self.word, medians.request[spans.site], medians.answer[spans.site])
        #: Bytes of each request and of each answer; 0 for those never sent.
        self.request: Floats = np.where(spans.left, request, 0.0)
        self.answer: Floats = np.where(spans.answered, np.where(spans.refused, ERROR, answer), 0.0)

    @property
    def sent(self) -> Floats:
        """The bytes sent by the side that each span belongs to."""
        return np.where(self._spans.server, self.answer, self.request)

    @property
    def received(self) -> Floats:
        """The bytes received by the side that each span belongs to."""
        heard = np.where(self._spans.swallowed, 0.0, self.answer)
        return np.where(self._spans.server, self.request, heard)

    @cached_property
    def again(self) -> Floats:
        """The number of retransmissions of each call's messages, by either side."""
        spans = self._spans
        lost = (spans.left & ~spans.reached) | spans.swallowed
        # Nothing is acknowledged while the caller waits, or until its message arrives after all.
        silent = np.where(lost, spans.end - spans.start, np.maximum(spans.network - self._usual, 0)) / 1e6
        timers = np.floor(np.log2(silent / RTO + 1.0))
        usual = (mix(self.word ^ _AGAIN) >> np.uint64(11)).astype(np.float64) * 2.0**-53 < _USUAL_SHARE
        counted: Floats = timers + (usual & spans.left)
        return counted
