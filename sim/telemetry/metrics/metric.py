"""What a metric is: of what, where it comes from, how it is exported and watched."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, Flag

from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.sources import Derived, Quantile, Quantity, Read, Side, Source

#: Of a service, and of each of its replicas.
OWN = (Level.SERVICE, Level.REPLICA)


class Kind(Enum):
    """What a metric is exported as. A rate becomes the count that it is the rate of; a total is one already."""

    GAUGE = "gauge"
    COUNTER = "counter"
    TOTAL = "total"


class Alert(Flag):
    """In which direction a metric of a root, or of calls to it, should raise an alert when it leaves what is usual.

    Whatever a fault really moved, in whichever direction, an alert on it is no false alarm.
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
        What it is of.
    source
        Where its values come from.
    help
        What it is, in a sentence that is exported with it.
    detail
        What the documentation says besides.
    export_name
        What exported names are made of; the name, if that is empty.
    share_of
        Of a share that is exported as a count: the rate of which it is a share.
    alert
        In which direction it should raise an alert when it leaves what is usual; every row says it.
    is_symptom
        Whether a service is said to be affected by a fault when it rises.
    of_pod
        Whether it is told of a replica's pod, and not of its process: it's there while that is down, and what is
        counted goes on when it's another.
    measured
        What it is called in the catalogue, if a file calls it otherwise.
    scale
        By what its values are multiplied, if a file wants them in another unit.
    whole_name
        Its whole name in Prometheus and OpenTelemetry, if a file says one.
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
    measured: str = field(default="", kw_only=True)
    scale: float = field(default=1.0, kw_only=True)
    whole_name: str = field(default="", kw_only=True)

    @property
    def exported(self) -> str:
        """What exported names are made of: the name in OTLP, and in Prometheus with its unit after it."""
        return self.export_name or self.name

    @property
    def origin(self) -> str:
        """What it is called where no file calls it otherwise."""
        return self.measured or self.name

    @property
    def origins(self) -> tuple[str, ...]:
        """The metrics of the catalogue that it tells of: itself, or those that it is made of."""
        return self.source.expression.names if isinstance(self.source, Derived) else (self.origin,)

    @property
    def is_precise(self) -> bool:
        """Whether its values may have more decimals than the three of what is measured."""
        return self.scale != 1.0 or isinstance(self.source, Derived)

    @property
    def reads(self) -> dict[str, Read]:
        """What must be read on the way for it, by the name in the catalogue."""
        sources = self.source.sources if isinstance(self.source, Derived) else {self.origin: self.source}
        return {name: source for name, source in sources.items() if isinstance(source, Read)}

    @property
    def meaning(self) -> str:
        """All that there is to say of it, in sentences."""
        said = [self.help, self.detail]
        if isinstance(self.source, Read) and len(self.levels) > 1:
            said.append(self.source.combine.value)
        return " ".join(filter(None, said))


def percentiles(
    name: str, what: str, quantity: Quantity, levels: tuple[Level, ...], detail: str, symptom: int | None = None
) -> tuple[Metric, ...]:
    """The rows of a time (milliseconds): what 50, 95 and 99% of the spans that end in an interval do not exceed.

    Parameters
    ----------
    name
        What their names begin with.
    what
        Whose time it is, in the plural.
    quantity
        The time of each server span.
    levels
        What they are of.
    detail
        From when to when; the documentation says it of the first.
    symptom
        The percentile that is a symptom when it rises, if one is.
    """
    return tuple(
        Metric(
            f"{name}_p{percent}",
            "ms",
            Kind.GAUGE,
            levels,
            Quantile(Side.SERVER, quantity, percent / 100),
            f"{'Half' if percent == 50 else f'{percent}%'} of the {what} of the last interval took no longer.",
            detail if percent == 50 else "",
            alert=Alert.RISE,
            is_symptom=percent == symptom,
        )
        for percent in (50, 95, 99)
    )
