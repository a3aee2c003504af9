"""Reads the `telemetry:` block of a topology or a scenario file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from fnmatch import fnmatchcase
from functools import partial

from meshquake.topology.binder import ByHand, bind, block, build, settings
from meshquake.topology.document import Document, Node
from meshquake.topology.problems import listed, suggestion
from meshquake.topology.telemetry import expression
from meshquake.topology.telemetry.block import UNCHANGED, Telemetry
from meshquake.topology.telemetry.expression import Expression
from meshquake.topology.telemetry.logs import COLUMNS, DRAWN, FAILURES, FIELD, REMARKS, Chatter, LineChange, LogChanges
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
from meshquake.topology.telemetry.traces import TraceChanges
from meshquake.topology.telemetry.vocabulary import vocabulary
from meshquake.topology.units import shown

_NAMES = "up to 200 letters, digits and any of _ : . -, no digit first"


def read_telemetry(
    document: Document, node: Node, services: Collection[str], lower: Telemetry = UNCHANGED
) -> Telemetry:
    """The block, which gets its errors told to the document.

    Parameters
    ----------
    document
        Gets the errors.
    node
        The block.
    services
        The services of the mesh.
    lower
        The block that it will be laid over: what that makes may be spoken of.
    """
    reader = _Reader(document, services, lower)
    by_hand: ByHand = {
        "metrics": reader.metrics,
        "logs": partial(read_logs, document, services),
        "traces": partial(read_traces, document),
    }
    found = settings(document, Telemetry, node, by_hand)
    if "leave_out" in found and found["leave_out"] is None:
        found["leave_out"] = ()  # not the same as to say nothing: it takes away what lies below
    telemetry = build(Telemetry, found) or UNCHANGED
    reader.check_left_out(telemetry, node)
    if not any(not problem.warning for problem in document.problems):
        reader.check_names(telemetry, node)
    return telemetry


def read_logs(document: Document, services: Collection[str], node: Node) -> LogChanges | None:
    """What a block says of log lines."""
    by_hand: ByHand = {"lines": partial(_lines, document, services), "chatter": partial(_chatter, document, services)}
    changes = bind(document, LogChanges, node, by_hand)
    if changes is None:
        return None
    for each, place in zip(changes.format, _items(node, "format"), strict=False):
        line = place.entries.get("line", place)
        for name in FIELD.findall(each.line):
            if name not in COLUMNS:
                document.error(line, f"there is no value {{{name}}}{suggestion(name, COLUMNS)}")
        _check_like(document, place.entries.get("service", place), each.service, services, "service")
    return changes


def _lines(document: Document, services: Collection[str], node: Node) -> tuple[LineChange, ...]:
    """What a block says of lines."""
    found = []
    for item in node.items if node.kind == "list" else [node]:
        change = bind(document, LineChange, item, {"text": partial(_texts, document)})
        if change is None:
            continue
        found.append(change)
        _check_like(document, item.entries.get("service", item), change.service, services, "service")
        if not {"text", "level", "logger"} & item.entries.keys():
            document.error(item, "changes nothing: give a text, a level or a logger")
        if change.text and not {"when", "cause"} & item.entries.keys():
            document.error(item, "missing key 'when': a text is for one kind of line")
        if change.add and not change.text:
            document.error(item.entries["add"], "needs a text to add")
        if change.text and REMARKS in (change.when or ()):
            document.error(item.entries["text"], "can only be none: remarks have many texts")
        if not change.moments:
            document.error(item.entries["cause"], f"is for calls that fail: {listed(FAILURES)}")
        _check_values(document, change, item.entries.get("text", item))
    return tuple(found)


def _chatter(document: Document, services: Collection[str], node: Node) -> tuple[Chatter, ...]:
    """What a block says that processes write by themselves."""
    found = []
    for item in node.items if node.kind == "list" else [node]:
        chatter = bind(document, Chatter, item, {"text": partial(_texts, document)})
        if chatter is None:
            continue
        found.append(chatter)
        text = item.entries["text"]
        _check_like(document, item.entries.get("service", item), chatter.service, services, "service")
        if not chatter.text:
            document.error(text, "must be a text, not none")
        for place, each in zip(text.items or [text], chatter.text, strict=False):
            for value in dict.fromkeys(FIELD.findall(each)):
                if value not in vocabulary().vitals and not DRAWN.fullmatch(value):
                    there = ", ".join(vocabulary().vitals)
                    document.error(place, f"a process has no value {{{value}}}; there are {there}")
    return tuple(found)


def _texts(document: Document, node: Node) -> tuple[str, ...] | None:
    """One text or several; none of them for no line."""
    if node.is_none:
        return ()
    items = node.items if node.kind == "list" else [node]
    for item in items:
        if item.kind != "scalar" or not item.text or not item.text.translate(_BREAKS).isprintable():
            document.error(item, f"must be a text, not {item}")
            return None
    if not items:
        document.error(node, "must have at least one value: write none for no line")
        return None
    return tuple(item.text for item in items)


#: What a text may have besides what can be printed: it may be of several lines.
_BREAKS = str.maketrans("", "", "\n\t")


def _check_values(document: Document, change: LineChange, node: Node) -> None:
    """An error for each value that a text names and that isn't there when it's written."""
    known = vocabulary()
    for place, text in zip(node.items or [node], change.text or (), strict=False):
        for value in dict.fromkeys(FIELD.findall(text)):
            for moment in change.moments:
                there = known.notices.get(moment, known.values)
                drawn = DRAWN.fullmatch(value) and moment not in known.notices
                if value not in there and not drawn:
                    where = f" of {moment}" if moment in known.notices else ""
                    document.error(place, f"there is no value {{{value}}}{where}; there are {', '.join(there)}")
                    break


def _items(node: Node, word: str) -> list[Node]:
    """The items of a list that is a value of a block, or that value, where it is alone."""
    value = node.entries.get(word)
    return [] if value is None else value.items if value.kind == "list" else [value]


def _check_like(document: Document, node: Node, pattern: str, names: Collection[str], what: str) -> None:
    """An error if no name is like a pattern; nothing is known of any if there are none."""
    if names and not any(fnmatchcase(name, pattern) for name in names):
        document.error(node, f"no {what} is called like {shown(pattern)}{suggestion(pattern, names)}")


def read_traces(document: Document, node: Node) -> TraceChanges | None:
    """What a block says of traces."""
    return bind(document, TraceChanges, node, {"attributes": partial(_attributes, document)})


def _attributes(document: Document, node: Node) -> tuple[tuple[str, str | None], ...]:
    """What attributes are called."""
    known, found = vocabulary().attributes, []
    for word, entry in block(document, node).items():
        if not any(fnmatchcase(name, word) for name in known):
            message = f"no attribute of spans is called {'like ' * is_pattern(word)}{shown(word)}"
            document.error(entry, f"{message}{suggestion(word, known)}", line=entry.key_line)
        elif not entry.is_none and is_pattern(word):
            document.error(entry, f"must be none: it stands for several attributes, not {entry}")
        elif not entry.is_none and not NAME.fullmatch(entry.text):
            document.error(entry, f"must be a name: {_NAMES}, or none")
        else:
            found.append((word, None if entry.is_none else entry.text))
    return tuple(found)


class _Reader:
    """Reads what a block says of metrics."""

    def __init__(self, document: Document, services: Collection[str], lower: Telemetry) -> None:
        self._document = document
        self._services = services
        self._lower = lower
        self._known = vocabulary().metrics
        #: Metrics that are made of others, in this block and in the one below it.
        self._made = {change.metric for change in lower.metrics if change.is_ is not None}

    def metrics(self, node: Node) -> tuple[MetricChange, ...]:
        """What is said of each metric."""
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
        """Whether there is, or will be, a metric of that name, or one that is like it."""
        if word in self._known or word in self._made:
            return True
        if is_pattern(word):
            if any(fnmatchcase(name, word) for name in self._known):
                return True
            self._document.error(node, f"no metric is called like {shown(word)}", line=node.key_line)
            return False
        hint = suggestion(word, self._known)
        message = f"there is no metric {shown(word)}{hint}; one that is made of others says how: {{is: EXPRESSION}}"
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
        """What keys of one metric have to do with each other."""

        def wrong(word: str, message: str) -> None:
            self._document.error(node.entries[word], message, line=node.entries[word].key_line)

        several = is_pattern(change.metric)
        for word, value in (("name", change.name), ("exported", change.exported)):
            if value is None:
                continue
            if several and OWN not in value:
                wrong(word, f"must have {OWN} in it: it is the name of several metrics")
            elif not NAME.fullmatch(value.replace(OWN, "m") if several else value):
                wrong(word, f"must be a name: {_NAMES}")
            elif word == "exported" and plain(value).startswith(PREFIX):
                wrong(word, f"cannot begin with {PREFIX}, as those do that are made of the name")
        if change.is_ is not None or change.metric in self._made:
            self._check_made(change, node, wrong)
        elif change.scale is not None and change.unit is None:
            wrong("scale", "needs the unit beside it that the values have then: records tell it")
        self._check_levels(change, wrong)

    def _check_made(self, change: MetricChange, node: Node, wrong: Callable[[str, str], None]) -> None:
        if change.metric in self._known and change.is_ is not None:
            wrong("is", "is for a metric of a name of its own: this one is measured")
            return
        if not NAME.fullmatch(change.metric):
            self._document.error(node, f"must be a name: {_NAMES}", line=node.key_line)
        if change.name is not None:
            wrong("name", "is for a metric that is measured: this one is called as it stands here")
        if change.scale is not None:
            wrong("scale", "is for a metric that is measured: write it into the expression")
        if change.is_ is not None and change.unit is None:
            self._document.error(node, "missing key 'unit': records tell it (1 for a plain number)")
        if change.is_ is not None and not common(change.is_, self._known):
            names = [f"{name} of {listed(self._known[name].levels)}" for name in change.is_.names]
            wrong("is", f"names metrics that no series has together: {'; '.join(names)}")

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
            wrong("of", f"it is not measured of {listed(unmeasured)} (valid: {', '.join(measured)})")

    # -- the whole -------------------------------------------------------------------------------------------------

    def check_left_out(self, telemetry: Telemetry, node: Node) -> None:
        """An error for each pattern that nothing is like."""
        names = [*self._known, *self._made]
        for each, item in zip(telemetry.leave_out or (), _items(node, "leave_out"), strict=False):
            for word, value, valid in (
                ("metric", each.metric, names),
                ("service", each.service, self._services),
                ("target", each.target, self._services),
            ):
                if value is not None:
                    what = "metric" if word == "metric" else "service"
                    _check_like(self._document, item.entries.get(word, item), value, valid, what)

    def check_names(self, telemetry: Telemetry, node: Node) -> None:
        """An error for each name that two metrics would have."""
        names: dict[str, list[Recorded]] = defaultdict(list)
        exported: dict[str, list[Recorded]] = defaultdict(list)
        for each in recorded(telemetry.over(self._lower).metrics, self._known):
            names[each.name].append(each)
            exported[self._exported(each)].append(each)
        called: dict[str, list[str]] = defaultdict(list)
        traces = telemetry.traces.over(self._lower.traces)
        for name in vocabulary().attributes:
            if (other := traces.called(name)) is not None:
                called[other].append(name)
        for other, attributes in called.items():
            if len(attributes) > 1:
                place = node.entries.get("traces", node)
                self._document.error(place, f"{listed(attributes)} would all be called {shown(other)}")
        told = set()
        for found, what in ((names, "called"), (exported, "exported as")):
            for name, metrics in found.items():
                both = listed([each.metric for each in metrics])
                if len(metrics) > 1 and both not in told:
                    told.add(both)
                    place = self._blamed(node, metrics)
                    more = "" if what == "called" else " (say exported: NAME)"
                    self._document.error(place, f"{both} would all be {what} {shown(name)}{more}", line=place.key_line)

    def _exported(self, metric: Recorded) -> str:
        """What tells a metric from others in Prometheus and OpenTelemetry."""
        if metric.exported is not None:
            return plain(metric.exported)
        known = self._known.get(metric.metric)
        return known.exported if known is not None and metric.name == metric.metric else plain(metric.name)

    def _blamed(self, node: Node, metrics: list[Recorded]) -> Node:
        """The entry of the last of some metrics, or of a pattern that it is like."""
        entries = node.entries["metrics"].entries if "metrics" in node.entries else {}
        like = [entry for word, entry in entries.items() for each in metrics if fnmatchcase(each.metric, word)]
        return like[-1] if like else node
