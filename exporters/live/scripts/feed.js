"use strict";

/** Adds updates from the live mesh to the data of the page, and draws them. */
const Feed = (() => {
  const [run] = Data.runs;
  const { axis, span } = Data;
  //: Lengths of the time axis in seconds, as it grows.
  const WIDTHS = [60, 120, 300, Data.keeps];
  const listeners = [];
  let status = { run: null };
  let marked = false;
  //: The second that the viewer has gone back to; null for the latest.
  let watched = null;
  let timer = null;
  let rested = 0;

  run.users.axis = axis;

  /** Every series of the page, each with a function that finds its value in a second. */
  const series = [
    ...Object.entries(run.users.fact).map(([word, values]) => ({ values, of: ({ entry }) => entry[word] })),
    ...Data.mesh.services.flatMap(({ name }, place) =>
      Data.of_services
        .map((metric, column) => ({ values: run.series[name][metric]?.high, of: ({ services }) => services[place][column] }))
        .filter(({ values }) => values),
    ),
    ...run.calls.flatMap((call, place) => Data.of_edges.map((word, column) => ({ values: call[word], of: ({ edges }) => edges[place][column] }))),
  ];

  function clear() {
    for (const { values } of series) values.length = 0;
    Object.assign(axis, { from: 0, count: 0 });
    watched = null;
  }

  function add(second) {
    // Viewers who join later do not get earlier seconds.
    if (!axis.count) axis.from = Math.ceil(second.time) - 1;
    for (const { values, of } of series) values.push(of(second));
    axis.count += 1;
    if (axis.count <= Data.keeps) return;
    for (const { values } of series) values.shift();
    axis.count -= 1;
    axis.from += 1;
  }

  /** Grow the axis in steps, until it covers all seconds kept, or the whole run. */
  function stretch() {
    const now = axis.from + axis.count;
    span.from = Math.max(0, now - Data.keeps);
    span.to = Math.max(now, Math.min(axis.length, WIDTHS.find((width) => width >= now) ?? now));
  }

  function hear(told) {
    if (told.status) {
      if (told.status.run !== status.run) {
        clear();
        Data.events.found.length = 0;
      }
      status = told.status;
      axis.length = Math.max(status.length, 1);
    }
    if (told.causes) {
      const of = (kind) => told.causes.filter((each) => each.what === kind);
      Data.faults.splice(0, Infinity, ...of("fault"));
      Data.background.splice(0, Infinity, ...of("background"));
      marked = true;
    }
    for (const event of told.events ?? []) {
      Data.events.found.push({ ...event, at: (Date.parse(event.timestamp) - Data.start) / 1000, target: event.attributes?.target ?? null });
    }
    Data.events.found.splice(0, Data.events.found.length - Data.keeps);
    const seconds = told.seconds ?? [];
    // The server sent all it keeps, so there may be a gap since the last update.
    if (seconds.length >= Data.keeps) clear();
    seconds.forEach(add);
    listeners.forEach((listener) => listener(told, status));
    timer ??= setTimeout(draw, Math.max(0, rested - performance.now()));
  }

  /** Draw everything. The longer it takes, the less often it is done, so that the page stays responsive. */
  function draw() {
    const begun = performance.now();
    timer = null;
    stretch();
    if (marked) Mesh.mark();
    marked = false;
    Axis.draw();
    Axis.go(watched === null ? axis.count - 1 : watched - axis.from);
    Users.draw();
    Services.lines();
    Services.plots();
    rested = performance.now() + 2 * (performance.now() - begun);
  }

  /** Go back to a second, until the viewer returns to the present. */
  function watch(index) {
    watched = index === null || index >= axis.count - 1 ? null : axis.from + index;
    Dom.byId("follow").hidden = watched === null;
  }

  function begin() {
    Dom.byId("slider").addEventListener("input", () => watch(Axis.index));
    Dom.byId("follow").addEventListener("click", () => {
      watch(null);
      draw();
    });
    stretch();
    new EventSource("/v1/stream").addEventListener("message", (event) => hear(JSON.parse(event.data)));
  }

  return { begin, listen: (listener) => listeners.push(listener), get status() { return status; } };
})();
