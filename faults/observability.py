"""How well a mesh is observed: which telemetry is left out, lost, late, or wrong about the time.

The telemetry of a perfectly observed mesh is exact. Real observability samples, drops and lies a little; how much of
that a recording has is a level, any part of which can be set separately. No part changes what happens in the mesh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshquake.topology.binder import Settings, build, overlay, settings
from meshquake.topology.distributions import DAY
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import key

DEFAULT = "perfect"
#: What the levels set. The export interval is the default of SDKs (OTEL_BSP_SCHEDULE_DELAY), and within a data centre
#: chrony keeps clocks within fractions of a millisecond; the shares of what is lost and late are assumptions.
LEVELS: dict[str, Settings] = {
    DEFAULT: {},
    "typical": {
        "tail_sampling": {"keep": 0.2},
        "export_every": 5.0,
        "lost": 0.001,
        "duplicated": 0.001,
        "late": 0.01,
        "clock_skew": 0.0002,
        "scraped": True,
        "scrape_failures": 0.002,
    },
    "poor": {
        "head_sampling": 0.05,
        "export_every": 5.0,
        "agents_die": True,
        "lost": 0.02,
        "duplicated": 0.01,
        "late": 0.05,
        "late_by": 30.0,
        "clock_skew": 0.05,
        "scraped": True,
        "scrape_failures": 0.03,
    },
}


@dataclass(frozen=True)
class TailSampling:
    """Sampling of traces once they are known, as OpenTelemetry's Collector does it (its `tail_sampling` processor).

    A trace with an error is kept, and one that is slow; of the others a share.
    """

    shorthand: ClassVar[str] = "keep"
    keep: float = key("ratio", "share of all other traces that are kept", 0.1, low=0, high=1)
    slow: float = key("duration", "traces that take longer are kept", 1.0, low=0, high=DAY)
    wait: float = key("duration", "time from a trace's first span to the sampling decision", 30.0, low=0.1, high=600)


@dataclass(frozen=True)
class Observability:
    """What stands between a mesh and who looks at its telemetry; at the level `perfect`, nothing does."""

    shorthand: ClassVar[str] = "level"
    level: str = key(
        "choice", "preset for the other keys; keys that are set explicitly override it", DEFAULT, choices=tuple(LEVELS)
    )
    head_sampling: float = key(
        "ratio",
        "share of traces that are recorded at all, chosen by trace id when the request arrives",
        1.0,
        low=0,
        high=1,
    )
    tail_sampling: TailSampling | None = key(
        "spec", "tail sampling of the traces that head sampling keeps", None, none=True, spec=TailSampling
    )
    export_every: float = key(
        "duration",
        "time between exports of a replica's spans and log lines; a killed process loses the spans it still holds",
        0.0,
        low=0,
        high=300,
    )
    agents_die: bool = key(
        "flag", "a killed replica also loses the log lines that it has not exported, as when its node dies", False
    )
    lost: float = key("ratio", "share of these exports that are lost", 0.0, low=0, high=1)
    duplicated: float = key("ratio", "share of exports of log lines that arrive twice", 0.0, low=0, high=1)
    late: float = key(
        "ratio",
        "share of exports of log lines that arrive late and are recorded with the time of arrival",
        0.0,
        low=0,
        high=1,
    )
    late_by: float = key("duration", "maximum delay of a late export", 10.0, low=0.001, high=600)
    clock_skew: float = key("duration", "standard deviation of the offsets of the nodes' clocks", 0.0, low=0, high=3600)
    scraped: bool = key(
        "flag", "a replica's metrics are scraped from its process, so there are none until it listens", False
    )
    scrape_failures: float = key(
        "ratio", "share of scrapes of a replica's metrics that fail", 0.0,
        low=0, high=1,
    )  # fmt: skip
    series_limit: int | None = key(
        "count", "maximum number of metric series; samples of further series are refused", None,
        low=1, high=1_000_000, none=True,
    )  # fmt: skip

    @property
    def slack(self) -> float:
        """How long (seconds) a record may have to wait until it is known what becomes of it."""
        wait = 0.0 if self.tail_sampling is None else self.tail_sampling.wait
        return max(wait, self.export_every)


PERFECT = Observability()


def at_level(level: str) -> Observability:
    """Return the observability of a level."""
    return _made({"level": level})


def read(document: Document, node: Node) -> Observability:
    """Read a level, or a block of keys, from a document, which gets the errors."""
    if node.is_none:
        document.error(node, "cannot be none: write perfect to record everything as it happens")
        return PERFECT
    return _made(settings(document, Observability, node))


def _made(own: Settings) -> Observability:
    """Return the level among some settings, with the other settings over it."""
    made = build(Observability, overlay(Observability, LEVELS[own.get("level", DEFAULT)], own))
    assert made is not None  # every key has a default
    return made
