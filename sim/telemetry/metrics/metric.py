"""A row of the catalogue of metrics: its levels, its source, how it is exported and alerted on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, Flag

from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.sources import Derived, Quantile, Quantity, Read, Side, Source

#: Levels of metrics of a service and of each of its replicas.
OWN = (Level.SERVICE, Level.REPLICA)


class Kind(Enum):
    """What a metric is exported as.

    A `COUNTER` is recorded as a rate and exported as the count behind it; a `TOTAL` is recorded as a count already.
    """

    GAUGE = "gauge"
    COUNTER = "counter"
    TOTAL = "total"


class Alert(Flag):
    """The direction of change in which a metric of a root cause, or of calls to it, should raise an alert.

    An alert on a metric that a fault really moved is no false alarm, whatever the direction.
    """

    NONE = 0
    RISE = 1
    FALL = 2
    EITHER = RISE | FALL


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes
    ----------
    name, unit
        As in its records.
    kind
        What it is exported as.
    levels
        What it is measured of.
    source
        Where its values come from.
    help
        A sentence that describes it, exported with it.
    detail
        Further text for the documentation.
    export_name
        Stem of the exported names, if it is not `name`.
    share_of
        The rate that it is a share of, if it is a share that is exported as a count.
    alert
        The direction in which an alert on it should fire.
    is_symptom
        Whether a rise means that a fault affects the service.
    of_pod
        Whether it is a metric of the pod rather than its process: there are samples while the process is down, and
        counts continue when another process replaces it.
    of_container
        Whether it is a metric of the process's container: there are samples while the process starts.
    measured
        Its name in the catalogue, if a file renames it.
    scale
        Factor that its values are multiplied by, if a file wants another unit.
    whole_name
        Its full name in Prometheus and OpenTelemetry, if a file gives one.
    """

    name: str
    unit: str
    kind: Kind
    levels: tuple[Level, ...]
    source: Source
    help: str
    detail: str = ""
    export_name: str = ""
    share_of: str = ""
    alert: Alert = field(kw_only=True)
    is_symptom: bool = False
    of_pod: bool = False
    of_container: bool = False
    measured: str = field(default="", kw_only=True)
    scale: float = field(default=1.0, kw_only=True)
    whole_name: str = field(default="", kw_only=True)

    @property
    def exported(self) -> str:
        """The stem of exported names: the name in OTLP; Prometheus has the unit after it."""
        return self.export_name or self.name

    @property
    def origin(self) -> str:
        """Its name in the catalogue."""
        return self.measured or self.name

    @property
    def origins(self) -> tuple[str, ...]:
        """The metrics of the catalogue that it is made of: itself, or those in its expression."""
        return self.source.expression.names if isinstance(self.source, Derived) else (self.origin,)

    @property
    def is_precise(self) -> bool:
        """Whether its values may have more than the usual three decimals."""
        return self.scale != 1.0 or isinstance(self.source, Derived)

    @property
    def reads(self) -> dict[str, Read]:
        """The readings that it needs during the run, by the name in the catalogue."""
        sources = self.source.sources if isinstance(self.source, Derived) else {self.origin: self.source}
        return {name: source for name, source in sources.items() if isinstance(source, Read)}

    @property
    def meaning(self) -> str:
        """Its full description, in sentences."""
        said = [self.help, self.detail]
        if isinstance(self.source, Read) and len(self.levels) > 1:
            said.append(self.source.combine.value)
        return " ".join(filter(None, said))


def percentiles(
    name: str, what: str, quantity: Quantity, levels: tuple[Level, ...], detail: str, symptom: int | None = None
) -> tuple[Metric, ...]:
    """Make the rows of a duration's 50th, 95th and 99th percentile (milliseconds), over the spans of an interval.

    Parameters
    ----------
    name
        Prefix of their names.
    what
        What has this duration, in the plural.
    quantity
        The duration of each server span.
    levels
        What they are measured of.
    detail
        From when to when it is measured, for the documentation of the first.
    symptom
        The percentile whose rise is a symptom, if any.
    """
    return tuple(
        Metric(
            f"{name}_p{percent}",
            "ms",
            Kind.GAUGE,
            levels,
            Quantile(Side.SERVER, quantity, percent / 100),
            f"{'Half' if percent == 50 else f'{percent}%'} of the {what} in the last interval took this long or less.",
            detail if percent == 50 else "",
            alert=Alert.RISE,
            is_symptom=percent == symptom,
        )
        for percent in (50, 95, 99)
    )
