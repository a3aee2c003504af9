"use strict";

/** The latest events and log lines of the selection. */
const Recent = (() => {
  const { byId } = Dom;
  //: Milliseconds between requests for lines.
  const LOOK = 2000;
  //: Length of the window in which lines are counted, in seconds.
  const WINDOW = 30;
  let moment = { to: 0 };

  function chosen() {
    const { service, edge } = Choice.now;
    return service ? [service] : edge ? [edge.caller, edge.callee] : [];
  }

  function events() {
    const found = Data.events.found.filter((event) => Choice.has(event.service, event.target)).toReversed();
    note("events", found, Lists.fill("events", found, Lists.event));
  }

  const asked = (path) => Remote.ask(`${path}?${new URLSearchParams(chosen().map((service) => ["service", service]))}`);

  async function lines() {
    const answer = await asked("/v1/recent");
    if (answer === null) return;
    const told = (await answer.json()).lines.toReversed();
    const found = told.map(({ timestamp, level, service, replica, message, trace_id: trace }) => ({ at: (Date.parse(timestamp) - Data.start) / 1000, level, source: replica ?? service, message, trace }));
    note("lines", found, Lists.fill("lines", found, Lists.line));
  }

  /** Show the templates of the half minute up to the slider, as far as lines are known, compared with those before. */
  async function templates() {
    const answer = await asked("/v1/templates");
    if (answer === null) return;
    const { step, until, templates: all, more } = await answer.json();
    const to = Math.min(moment.to, until);
    const last = Math.ceil(to / step - 1e-9);
    const first = Math.max(0, last - WINDOW / step);
    const rest = Templates.show(all, { first, last, seconds: to - first * step, before: first * step - Math.max(0, Data.span.from) });
    byId("window-now").textContent = `${Data.clock(first * step)} to ${Data.clock(to)}`;
    byId("templates-more").textContent = rest + more ? `${rest + more} more patterns are not shown.` : "";
  }

  function note(id, found, rest) {
    byId(`${id}-more`).textContent = found.length ? (rest ? `${rest} more.` : "") : "None so far.";
  }

  function show() {
    byId("recent-of").textContent = Choice.name ? `of ${Choice.name}` : "of all services";
    events();
    lines();
    templates();
  }

  function begin() {
    let stale = true;
    Feed.listen((told) => {
      if (told.events || told.status) events();
      stale = true;
    });
    Choice.listen(show);
    Axis.listen((now) => {
      stale ||= now.to !== moment.to;
      moment = now;
    });
    setInterval(() => {
      if (stale) [lines, templates].forEach((look) => look());
      stale = false;
    }, LOOK);
    show();
  }

  return { begin };
})();
