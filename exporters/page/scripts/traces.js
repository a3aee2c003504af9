"use strict";

/** Requests: a list, a search, and the waterfall of the selected one. */
const Traces = (() => {
  const { html } = Dom;
  const own = Data.runs[0];
  const others = new Map((Data.runs[1]?.traces ?? []).map((trace) => [trace.id, trace]));
  const body = document.querySelector("#traces .rows tbody");
  const search = Dom.byId("search");
  const sort = Dom.byId("sort");
  const WHY = { mechanism: "shows how it happened", slowest: "one of the slowest", failed: "failed", ordinary: "ordinary" };
  const [SERVER, CLIENT] = [0, 1];

  /** A span with named fields. */
  const named = ([parent, kind, service, operation, start, ms, error, attempt, replica]) => ({
    parent, kind, service: Data.word(service), operation: Data.word(operation), start, ms, error: Data.word(error), attempt, replica: Data.word(replica),
  });

  /** Whether a trace passes through the selected service or edge. */
  function touches(trace) {
    const { service, edge } = Choice.now;
    if (edge) return trace.spans.some(([, kind, at, operation]) => kind === CLIENT && Data.word(at) === edge.caller && Data.word(operation).startsWith(`${edge.callee}.`));
    return service === null || trace.services.some((each) => Data.word(each) === service);
  }

  function list() {
    const text = search.value.trim().toLowerCase();
    const rows = own.traces.filter((trace) => (text ? trace.id.startsWith(text) : touches(trace) && (!sort.value || trace.why === sort.value)));
    // If all requests enter at one service, its name is left out.
    const alone = new Set(own.traces.map((trace) => trace.entry.split(".")[0])).size < 2;
    body.replaceChildren(...rows.map((trace) => row(trace, alone)));
    const found = Dom.byId("found");
    if (text && !rows.length) found.textContent = "Not among the requests on this page.";
    else found.textContent = `${rows.length} of ${own.traces.length} requests${Choice.name && !text ? `, through ${Choice.name}` : ""}`;
    if (text && rows.length === 1) choose(rows[0].id);
  }

  function beside(trace) {
    if (Data.runs[1]) return others.has(trace.id) ? Dom.number(others.get(trace.id).ms) : "not shown";
    return trace.twin.ms === null ? "not made" : Dom.number(trace.twin.ms);
  }

  function row(trace, alone) {
    const cells = [
      html("td", null, html("button", { type: "button", onclick: () => choose(trace.id), "aria-label": `${Data.clock(trace.at, 1)}, request ${trace.id}` }, Data.clock(trace.at, 1))),
      html("td", { title: trace.entry }, alone ? trace.entry.slice(trace.entry.indexOf(".") + 1) : trace.entry),
      html("td", { class: trace.outcome === "success" ? null : "bad" }, trace.outcome.replaceAll("_", " ")),
      html("td", { class: "number" }, Dom.number(trace.ms)),
    ];
    if (Data.runs[1] || own.users.twin) cells.push(html("td", { class: "number" }, trace.twin || Data.runs[1] ? beside(trace) : ""));
    return html("tr", { "data-trace": trace.id, "aria-current": trace.id === Choice.now.trace ? "true" : null }, ...cells);
  }

  function choose(id) {
    Choice.now.trace = id;
    for (const each of body.children) {
      if (each.dataset.trace === id) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
    const trace = own.traces.find((each) => each.id === id);
    Dom.byId("waterfall").replaceChildren(...waterfall(trace));
  }

  function waterfall(trace) {
    const other = others.get(trace.id) ?? (trace.twin?.spans ? trace.twin : null);
    const spans = trace.spans.map(named);
    const all = other ? [...spans, ...other.spans.map(named)] : spans;
    const from = Math.min(0, ...all.map((span) => span.start));
    const to = Math.max(trace.twin?.ms ?? 0, ...all.map((span) => span.start + span.ms));
    const scale = (ms) => (100 * (ms - from)) / (to - from || 1);
    const parts = [
      html("h3", null, `${trace.entry} at ${Data.clock(trace.at, 3)}`),
      html("p", { class: "note" }, html("code", null, trace.id), ` ${WHY[trace.why]}. `, ...verdict(trace)),
      drawn(spans, scale, trace),
    ];
    if (trace.more) parts.push(html("p", { class: "note" }, `${trace.more} more spans are in the recording.`));
    if (other) parts.push(html("h3", null, `The same request ${Data.runs[1] ? "in the other run" : "without the faults"}: ${other.outcome.replaceAll("_", " ")} after ${Dom.number(other.ms)} ms`), drawn(other.spans.map(named), scale, other, "spans other"));
    return parts;
  }

  function verdict(trace) {
    if (!trace.twin) return [];
    const { outcome, ms, effect, caused_by: causes } = trace.twin;
    const harm = { failed: "It failed", slowed: "It came too late", spared: "It was spared" }[effect];
    const without = outcome === null ? "Without the faults it would not have been made." : `Without the faults: ${outcome} after ${Dom.number(ms)} ms.`;
    return [without, harm ? ` ${harm} because of ${causes.join(", ")}${trace.entered === null ? "." : "; the effect entered at the span marked ▸."}` : ""];
  }

  function drawn(spans, scale, trace, kind = "spans") {
    const depths = [];
    const waited = []; // until when a caller waits for a span's response, in milliseconds
    const items = spans.map((span, place) => {
      const above = span.parent < 0 ? null : span.parent;
      depths[place] = above === null ? 0 : depths[above] + 1;
      const end = span.start + span.ms;
      const until = above === null ? Infinity : waited[above];
      waited[place] = span.kind === CLIENT || span.parent < 0 ? Math.min(until, end) : until;
      return item(span, depths[place], Math.max(span.start, Math.min(end, until)), scale, place === trace.entered);
    });
    if (trace.twin?.ms) items.unshift(would(trace.twin, scale));
    return html("ol", { class: kind, tabindex: 0, "aria-label": "Spans" }, ...items);
  }

  /** The duration of a span, placed after its bar, before it, or on it, wherever there is room. */
  function written(ms, from, to) {
    if (to <= 82) return html("span", { class: "ms", style: `left:${to.toFixed(2)}%` }, ms);
    if (from >= 18) return html("span", { class: "ms", style: `right:${(100 - from).toFixed(2)}%` }, ms);
    return html("span", { class: "ms on", style: `right:${(100 - to).toFixed(2)}%` }, ms);
  }

  function item(span, depth, until, scale, entered) {
    const end = span.start + span.ms;
    const kind = ["server", "client", "internal"][span.kind];
    const notes = [];
    if (span.attempt > 1 && span.kind === CLIENT) notes.push(`attempt ${span.attempt}`);
    if (span.error) notes.push(span.error);
    const nobody = span.kind === SERVER && end - until > 0.001;
    if (nobody) notes.push(`${Dom.number(end - until)} ms wasted`);
    const name = `${span.kind === CLIENT ? `${span.service} → ` : ""}${span.operation}${notes.length ? `, ${notes.join(", ")}` : ""}`;
    const bar = (from, to, extra) => html("span", { class: `bar ${extra}`, style: `left:${scale(from).toFixed(2)}%;width:${(scale(to) - scale(from)).toFixed(2)}%` });
    const ms = `${Dom.number(span.ms)} ms`;
    const length = written(ms, scale(span.start), scale(end));
    const bars = [bar(span.start, until, ""), nobody ? bar(until, end, "nobody") : null];
    return html(
      "li",
      { class: `${kind}${span.error ? " failed" : ""}${entered ? " entered" : ""}`, title: `${name}, ${ms} from ${Dom.number(span.start)} ms${span.replica ? `, on ${span.replica}` : ""}` },
      html("span", { class: "what", style: `--depth:${depth}` }, name),
      html("span", { class: "lane" }, ...bars, length),
    );
  }

  function would(twin, scale) {
    const bar = html("span", { class: "bar", style: `left:${scale(0).toFixed(2)}%;width:${(scale(twin.ms) - scale(0)).toFixed(2)}%` });
    const length = written(`${Dom.number(twin.ms)} ms`, scale(0), scale(twin.ms));
    return html("li", { class: "would" }, html("span", { class: "what", style: "--depth:0" }, `without the faults: ${twin.outcome}`), html("span", { class: "lane" }, bar, length));
  }

  function begin() {
    search.addEventListener("input", list);
    sort.addEventListener("change", list);
    Choice.listen(list);
    document.querySelectorAll("button[data-trace]").forEach((button) => {
      if (!own.traces.some((trace) => trace.id === button.dataset.trace)) button.remove();
      button.addEventListener("click", () => {
        choose(button.dataset.trace);
        Dom.byId("traces").scrollIntoView();
      });
    });
    list();
    const worst = own.traces.find((trace) => trace.why === "mechanism") ?? own.traces.find((trace) => trace.why === "failed") ?? own.traces[0];
    if (worst) choose(worst.id);
  }

  return { begin, list };
})();
