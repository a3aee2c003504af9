"""Head and tail sampling: traces are chosen by their ids as requests come, and by their spans once they are over."""

from __future__ import annotations

import polars as pl

from meshquake.faults.observability import TailSampling
from meshquake.sim.observability.window import AT
from meshquake.sim.telemetry.timestamps import length
from meshquake.topology.addresses import address, uniform
from meshquake.topology.errors import FOLLOWED

#: The last 14 digits of a trace id are its random part (W3C Trace Context, level 2), which OpenTelemetry's consistent
#: samplers compare with a threshold.
_DIGITS = 14
_RANGE = 16**_DIGITS


def in_head(share: float) -> pl.Expr:
    """Whether head sampling keeps a span's trace. A larger share keeps the same traces and more."""
    random: pl.Expr = pl.col("trace_id").str.tail(_DIGITS).str.to_integer(base=16)
    chosen: pl.Expr = random >= round((1.0 - share) * _RANGE)
    return chosen


class Tail:
    """Tail sampling: decides on whole traces, `wait` after each one's first span, by the spans ended by then."""

    def __init__(self, seed: int, policy: TailSampling) -> None:
        self._key = address(seed, "tail sampling") % 2**64
        self._policy = policy
        #: By trace id, oldest first: whether the trace is kept, and when it began (microseconds).
        self._decided: dict[str, tuple[bool, int]] = {}

    def keeps(self, due: pl.DataFrame, later: list[pl.DataFrame]) -> pl.Series:
        """Return whether the trace of each due span is kept; `later` are spans that are not due yet.

        Spans come in order of their start. All that start up to `wait` after the due ones must be there.
        """
        new = due.filter(~pl.col("trace_id").is_in(list(self._decided)))
        if len(new):
            ids = new["trace_id"].unique()
            known = pl.concat([new, *(each.filter(pl.col("trace_id").is_in(ids.implode())) for each in later)])
            self._decide(known)
            self._forget(int(due[AT].min()))  # type: ignore[arg-type]
        kept = {name: decision for name, (decision, _) in self._decided.items()}
        return due["trace_id"].replace_strict(kept, return_dtype=pl.Boolean)

    def _decide(self, spans: pl.DataFrame) -> None:
        policy, wait = self._policy, round(self._policy.wait * 1e6)
        end = pl.col(AT) + length()
        found = (
            spans.with_columns(began=pl.col(AT).min().over("trace_id"), ended=end)
            .filter(pl.col("ended") <= pl.col("began") + wait)
            .group_by("trace_id")
            .agg(
                matters=(pl.col("status") == "error").any()
                | (pl.col("ended").max() - pl.col("began").min() > policy.slow * 1e6)
            )
        )
        matters = dict(found.iter_rows())
        began = spans.group_by("trace_id", maintain_order=True).agg(pl.col(AT).min())
        for name, first in began.iter_rows():
            chosen = uniform(self._key, int(name[-16:], 16)) < policy.keep
            self._decided[name] = (matters.get(name, False) or chosen, first)

    def _forget(self, now: int) -> None:
        """Forget traces that began so long ago that no more of their spans can come."""
        horizon = now - round((FOLLOWED + self._policy.wait) * 1e6)
        for name, (_, first) in list(self._decided.items()):
            if first >= horizon:
                break
            del self._decided[name]
