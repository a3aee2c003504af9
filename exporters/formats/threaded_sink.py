"""A sink that writes in a thread of its own, while the simulation continues.

Encoding, hashing and writing spend nearly all their time in native code that releases the GIL, so on a second core they
run in parallel to the simulation. Only one batch is in flight at a time, so memory stays bounded and batches in order.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from meshquake.exporters.formats.sink import Sink
from meshquake.sim.records import Batch


class ThreadedSink:
    """Passes batches to a sink, in a `with` block. Errors of the sink are raised at the next batch, or at the end."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sink")
        self._under_way: Future[None] | None = None

    def __enter__(self) -> ThreadedSink:
        return self

    def write(self, batch: Batch) -> None:
        """Take a batch, once the previous one is written."""
        self._wait()
        self._under_way = self._thread.submit(self._sink.write, batch)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the last batch."""
        try:
            if error is None:
                self._wait()
        finally:
            self._thread.shutdown()

    def _wait(self) -> None:
        if self._under_way is not None:
            self._under_way.result()
