"use strict";

/** What the lines of a window say that they did not say before, some of the lines, and the events. */
const Logs = (() => {
  const { html } = Dom;
  const { templates, lines, axis } = Data.logs;
  const select = Dom.byId("window");
  //: How many times as frequent as before counts as more.
  const MORE = 2;
  let moment = null;

  /** The window, in whole steps of the counts: [first, after the last], and its seconds. */
  function chosen() {
    const half = 15;
    const [from, to] = { incident: Data.incident, around: [moment.from - half, moment.to + half], all: [0, Data.axis.length] }[select.value];
    const first = Data.slot(axis, Math.max(0, from));
    const last = Math.max(first + 1, Math.min(axis.count, Math.ceil(to / axis.step - 1e-9)));
    return { first, last, from: first * axis.step, to: Math.min(last * axis.step, Data.axis.length) };
  }

  function counted(template, { first, last }) {
    let [inside, before] = [0, 0];
    for (const [slot, count] of template.counts) {
      if (slot < first) before += count;
      else if (slot < last) inside += count;
    }
    return { template, inside, before };
  }

  /** How much more frequent a template is than before the window; Infinity if it is new. */
  function ratio({ inside, before }, span) {
    if (!span.from || !inside) return 1;
    return inside / (span.to - span.from) / (before / span.from);
  }

  const loud = (template) => Lists.loud(template.level);

  function show() {
    const span = chosen();
    Dom.byId("window-now").textContent = `${Data.clock(span.from)} to ${Data.clock(span.to)}${Choice.name ? `, ${Choice.name}` : ""}`;
    const found = templates
      .filter((template) => Choice.has(Data.word(template.service)))
      .map((template) => counted(template, span))
      .filter(({ inside }) => inside)
      .map((each) => ({ ...each, times: ratio(each, span) }));
    found.sort((one, two) => (two.times >= MORE) - (one.times >= MORE) || loud(two.template) - loud(one.template) || two.inside - one.inside);
    const body = document.querySelector("#templates tbody");
    body.replaceChildren(...found.slice(0, Lists.MOST).map((each) => row(each)));
    const rest = Math.max(0, found.length - Lists.MOST);
    Dom.byId("templates-more").textContent = [
      rest ? `${rest} more templates are not shown.` : "",
      Data.logs.more ? `${Data.logs.more} templates with ${Dom.number(Data.logs.unsaid)} lines, of ${Dom.number(Data.logs.all)}, are not kept.` : "",
    ].join(" ");
    items("events", Data.events.found.filter((event) => within(event.at, span) && Choice.has(event.service, event.target)), Lists.event, Data.events.more);
    items("lines", lines.filter(([at, number]) => within(at, span) && Choice.has(Data.word(templates[number].service))), line, Data.logs.all - lines.length);
  }

  const within = (at, { from, to }) => at >= from && (at < to || to >= Data.axis.length);

  function row({ template, inside, before, times }) {
    const news = times === Infinity ? "new" : times >= MORE ? `×${Dom.number(times)}` : "";
    return html(
      "tr",
      null,
      html("td", { class: "number" }, Dom.number(inside)),
      html("td", { class: "number" }, Dom.number(before)),
      html("td", { class: news ? "new" : null }, news),
      html("td", { class: loud(template) ? "bad" : null }, template.level),
      html("td", null, Data.word(template.service)),
      html("td", null, template.text),
    );
  }

  function items(id, found, write, elsewhere) {
    const rest = Lists.fill(id, found, write);
    const kept = elsewhere ? `${Dom.number(elsewhere)} of the recording are not kept.` : "";
    Dom.byId(`${id}-more`).textContent = `${found.length ? "" : "None in this window. "}${rest ? `${rest} more in this window. ` : ""}${kept}`;
  }

  function line([at, number, message, trace, replica]) {
    const { level, service } = templates[number];
    return Lists.line({ at, level, source: Data.word(replica) ?? Data.word(service), message, trace });
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
