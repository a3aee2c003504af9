"""Reads the metrics of a `telemetry:` block."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from fnmatch import fnmatchcase

from meshquake.topology.binder import ByHand, bind, block
from meshquake.topology.document import Document, Node
from meshquake.topology.loading.telemetry.checks import NAMES, check_like, items
from meshquake.topology.problems import listed, suggestion
from meshquake.topology.telemetry import expression
from meshquake.topology.telemetry.base_units import PLAIN, exported_name, exported_unit
from meshquake.topology.telemetry.block import Telemetry
from meshquake.topology.telemetry.expression import Expression
from meshquake.topology.telemetry.metrics import (
    NAME,
    OWN,
    PREFIX,
    MetricChange,
    Recorded,
    common,
    is_pattern,
    plain,
    recorded,
)
from meshquake.topology.telemetry.vocabulary import vocabulary
from meshquake.topology.units import shown


class MetricsReader:
    """Reads the metrics of a block."""

    def __init__(self, document: Document, lower: Telemetry) -> None:
        self._document = document
        self._lower = lower
        self._known = vocabulary().metrics
        #: Metrics derived from others, in this block and in the one below it.
        self._made = {change.metric for change in lower.metrics if change.is_ is not None}

    def metrics(self, node: Node) -> tuple[MetricChange, ...]:
        """Read the changes of each metric."""
        entries = block(self._document, node)
        self._made |= {word for word, entry in entries.items() if "is" in entry.entries}
        return tuple(change for word, entry in entries.items() if (change := self._change(word, entry)) is not None)

    def _change(self, word: str, node: Node) -> MetricChange | None:
        if not self._has(word, node):
            return None
        if node.is_none:
            return MetricChange(word, of=())
        by_hand: ByHand = {"is": self._expression}
        change = bind(self._document, MetricChange, node, by_hand, metric=word)
        if change is not None:
            self._check(change, node)
        return change

    def _has(self, word: str, node: Node) -> bool:
        """Whether a metric has, or will have, that name or matches that pattern; reports an error if not."""
        if word in self._known or word in self._made:
            return True
        if is_pattern(word):
            if any(fnmatchcase(name, word) for name in self._known):
                return True
            self._document.error(node, f"no metric matches {shown(word)}", line=node.key_line)
            return False
        hint = suggestion(word, self._known)
        message = f"there is no metric {shown(word)}{hint}; to derive one from others, write {{is: EXPRESSION}}"
        self._document.error(node, message, line=node.key_line)
        return False

    def _expression(self, node: Node) -> Expression | None:
        if node.kind != "scalar":
            self._document.error(node, f"must be an expression, as in error_rate / 100, not {node}")
            return None
        try:
            found = expression.parse(node.text)
        except ValueError as error:
            self._document.error(node, str(error))
            return None
        unknown = [name for name in found.names if name not in self._known]
        for name in unknown:
            self._document.error(node, f"there is no metric {shown(name)}{suggestion(name, self._known)}")
        return None if unknown else found

    def _check(self, change: MetricChange, node: Node) -> None:
        """Report keys of a metric that contradict each other."""

        def wrong(word: str, message: str) -> None:
            self._document.error(node.entries[word], message, line=node.entries[word].key_line)

        several = is_pattern(change.metric)
        for word, value in (("name", change.name), ("exported", change.exported)):
            if value is None:
                continue
            if several and OWN not in value:
                wrong(word, f"must contain {OWN}: it names several metrics")
            elif not NAME.fullmatch(value.replace(OWN, "m") if several else value):
                wrong(word, f"must be a name: {NAMES}")
            elif word == "exported" and plain(value).startswith(PREFIX):
                wrong(word, f"cannot begin with {PREFIX}: that prefix is for exported names derived from the name")
        if "is" in node.entries or change.metric in self._made:
            self._check_made(change, node, wrong)
        elif "scale" in node.entries and "unit" not in node.entries:
            wrong("scale", "needs a unit beside it, that of the scaled values: the records give it")
        self._check_levels(change, wrong)

    def _check_made(self, change: MetricChange, node: Node, wrong: Callable[[str, str], None]) -> None:
        if change.metric in self._known and "is" in node.entries:
            wrong("is", "applies only to a metric with a new name: this one is measured")
            return
        if not NAME.fullmatch(change.metric):
            self._document.error(node, f"must be a name: {NAMES}", line=node.key_line)
        if change.name is not None:
            wrong("name", "applies only to a measured metric: this one is named by its key")
        if change.scale is not None:
            wrong("scale", "applies only to a measured metric: write it into the expression")
        if "is" in node.entries and "unit" not in node.entries:
            self._document.error(node, "missing key 'unit': the records give it (1 for a plain number)")
        if change.is_ is not None and not common(change.is_, self._known):
            names = [f"{name} of {listed(self._known[name].levels)}" for name in change.is_.names]
            wrong("is", f"combines metrics that share no level: {'; '.join(names)}")

    def _check_levels(self, change: MetricChange, wrong: Callable[[str, str], None]) -> None:
        if not change.of:
            return
        if change.is_ is not None:
            measured = common(change.is_, self._known)
        else:
            like = [known for name, known in self._known.items() if fnmatchcase(name, change.metric)]
            measured = tuple(dict.fromkeys(level for known in like for level in known.levels))
        unmeasured = [level for level in change.of if level not in measured]
        if measured and unmeasured:
            wrong("of", f"is not measured for {listed(unmeasured)} (valid: {', '.join(measured)})")

    # -- the whole -------------------------------------------------------------------------------------------------

    def check_left_out(self, telemetry: Telemetry, services: Collection[str], node: Node) -> None:
        """Report each pattern of series to leave out that matches nothing."""
        names = [*self._known, *self._made]
        for each, item in zip(telemetry.leave_out or (), items(node, "leave_out"), strict=False):
            for word, value, valid in (
                ("metric", each.metric, names),
                ("service", each.service, services),
                ("target", each.target, services),
            ):
                if value is not None:
                    what = "metric" if word == "metric" else "service"
                    check_like(self._document, item.entries.get(word, item), value, valid, what)

    def check_names(self, telemetry: Telemetry, node: Node) -> None:
        """Report each name that two metrics would share."""
        names, stems, exported = (defaultdict[str, list[Recorded]](list) for _ in range(3))
        for each in recorded(telemetry.over(self._lower).metrics, self._known):
            names[each.name].append(each)
            stems[self._stem(each)].append(each)
            exported[self._exported(each)].append(each)
        told = set()
        for found, what in ((names, "called"), (stems, "exported as"), (exported, "exported as")):
            for name, metrics in found.items():
                both = listed([each.metric for each in metrics])
                if len(metrics) > 1 and both not in told:
                    told.add(both)
                    place = self._blamed(node, metrics)
                    more = "" if what == "called" else " (set exported: NAME)"
                    self._document.error(place, f"{both} would all be {what} {shown(name)}{more}", line=place.key_line)

    def _stem(self, metric: Recorded) -> str:
        """Return what distinguishes a metric from others in OpenTelemetry, where units are not part of names."""
        if metric.exported is not None:
            return plain(metric.exported)
        known = self._known.get(metric.metric)
        return known.exported if known is not None and metric.name == metric.metric else plain(metric.name)

    def _exported(self, metric: Recorded) -> str:
        """Return what distinguishes a metric from others in Prometheus, whose names end with units."""
        known = self._known.get(metric.metric)
        counts = known is not None and known.counts
        unit = exported_unit(metric.unit, None if known is None else known.unit, counts)
        return exported_name(self._stem(metric), PLAIN if metric.exported is not None else unit, counts)

    def _blamed(self, node: Node, metrics: list[Recorded]) -> Node:
        """Return the last entry that names one of the metrics, or matches one as a pattern; else the whole block."""
        entries = node.entries["metrics"].entries if "metrics" in node.entries else {}
        like = [entry for word, entry in entries.items() for each in metrics if fnmatchcase(each.metric, word)]
        return like[-1] if like else node
