"use strict";

/** What is new in the log lines of a window, some of the lines, and the events. */
const Logs = (() => {
  const { lines, axis } = Data.logs;
  const templates = Data.logs.templates.map((each) => ({ ...each, service: Data.word(each.service) }));
  const select = Dom.byId("window");
  let moment = null;

  /** The window in whole steps of the counts (half-open), and its seconds. */
  function chosen() {
    const half = 15;
    const [from, to] = { incident: Data.incident, around: [moment.from - half, moment.to + half], all: [0, Data.axis.length] }[select.value];
    const first = Data.slot(axis, Math.max(0, from));
    const last = Math.max(first + 1, Math.min(axis.count, Math.ceil(to / axis.step - 1e-9)));
    return { first, last, from: first * axis.step, to: Math.min(last * axis.step, Data.axis.length) };
  }

  function show() {
    const span = chosen();
    Dom.byId("window-now").textContent = `${Data.clock(span.from)} to ${Data.clock(span.to)}${Choice.name ? `, ${Choice.name}` : ""}`;
    const rest = Templates.show(templates, { ...span, seconds: span.to - span.from, before: span.from });
    Dom.byId("templates-more").textContent = [
      rest ? `${rest} more patterns are not shown.` : "",
      Data.logs.more ? `${Data.logs.more} patterns, with ${Dom.number(Data.logs.unsaid)} of ${Dom.number(Data.logs.all)} lines, are not on this page.` : "",
    ].join(" ");
    items("events", Data.events.found.filter((event) => within(event.at, span) && Choice.has(event.service, event.target)), Lists.event, Data.events.more);
    items("lines", lines.filter(([at, number]) => within(at, span) && Choice.has(templates[number].service)), line, Data.logs.all - lines.length);
  }

  const within = (at, { from, to }) => at >= from && (at < to || to >= Data.axis.length);

  function items(id, found, write, elsewhere) {
    const rest = Lists.fill(id, found, write);
    const kept = elsewhere ? `${Dom.number(elsewhere)} of the whole recording are not on this page.` : "";
    Dom.byId(`${id}-more`).textContent = `${found.length ? "" : "None in this window. "}${rest ? `${rest} more in this window. ` : ""}${kept}`;
  }

  function line([at, number, message, trace, replica]) {
    const { level, service } = templates[number];
    return Lists.line({ at, level, source: Data.word(replica) ?? service, message, trace });
  }

  function begin() {
    Axis.listen((now) => {
      moment = now;
      if (select.value === "around") show();
    });
    Choice.listen(show);
    select.addEventListener("change", show);
  }

  return { begin, show };
})();
