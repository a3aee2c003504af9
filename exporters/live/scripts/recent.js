"use strict";

/** The latest events and lines, of what is chosen. */
const Recent = (() => {
  const { byId } = Dom;
  //: Milliseconds between two looks for lines.
  const LOOK = 2000;

  function chosen() {
    const { service, edge } = Choice.now;
    return service ? [service] : edge ? [edge.caller, edge.callee] : [];
  }

  function events() {
    const found = Data.events.found.filter((event) => Choice.has(event.service, event.target)).toReversed();
    note("events", found, Lists.fill("events", found, Lists.event));
  }

  async function lines() {
    const query = new URLSearchParams(chosen().map((service) => ["service", service]));
    const answer = await Remote.ask(`/v1/recent?${query}`);
    if (answer === null) return;
    const told = (await answer.json()).lines.toReversed();
    const found = told.map(({ timestamp, level, service, replica, message, trace_id: trace }) => ({ at: (Date.parse(timestamp) - Data.start) / 1000, level, source: replica ?? service, message, trace }));
    note("lines", found, Lists.fill("lines", found, Lists.line));
  }

  function note(id, found, rest) {
    byId(`${id}-more`).textContent = found.length ? (rest ? `${rest} more.` : "") : "None so far.";
  }

  function show() {
    byId("recent-of").textContent = Choice.name ? `of ${Choice.name}` : "of all services";
    events();
    lines();
  }

  function begin() {
    let stale = true;
    Feed.listen((told) => {
      if (told.events || told.status) events();
      stale = true;
    });
    Choice.listen(show);
    setInterval(() => {
      if (stale) lines();
      stale = false;
    }, LOOK);
    show();
  }

  return { begin };
})();
