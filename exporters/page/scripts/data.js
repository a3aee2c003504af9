"use strict";

/** The data of the page, and the part of them that belongs to a moment. */
const Data = (() => {
  const all = JSON.parse(Dom.byId("data").textContent);
  const start = Date.parse(all.axis.start);
  //: The time range that the page shows, in seconds: a whole recording, or the last minutes of a live one.
  const span = { from: 0, to: all.axis.length };
  const word = (number) => (number < 0 ? null : all.words[number]);

  /** Format a moment, in seconds since the recording began, as a time of day. */
  function clock(seconds, digits = 0) {
    const time = new Date(start + Math.round(seconds * 1000)).toISOString();
    return time.slice(11, digits ? 20 + digits : 19);
  }

  /** The start of a step of an axis, in seconds. */
  const begins = (axis, step) => axis.from + step * axis.step;

  /** The moment at a step of the slider: everything that is shown then, whether recorded or live. */
  function moment(run, index) {
    const { series, calls } = all.runs[run];
    const from = begins(all.axis, index);
    const to = Math.min(from + all.axis.step, all.axis.length);
    const of = (service, metric) => series[service]?.[metric]?.high[index] ?? null;
    const services = {};
    for (const { name } of all.mesh.services) {
      services[name] = {
        rate: of(name, "request_rate"),
        errors: of(name, "error_rate"),
        busy: of(name, "worker_utilization"),
        ready: of(name, "ready"),
        values: Object.fromEntries(Object.keys(all.metrics).map((metric) => [metric, of(name, metric)])),
      };
    }
    const edges = calls.map((edge) => ({
      caller: edge.caller,
      callee: edge.callee,
      rate: (edge.sent[index] ?? 0) / (to - from),
      failed: edge.sent[index] ? edge.failed[index] / edge.sent[index] : 0,
      retries: edge.retries?.[index] ?? 0,
      timeouts: edge.timeouts?.[index] ?? 0,
      breaker: edge.breaker?.[index] ?? 0,
    }));
    return { index, run, from, to, services, edges };
  }

  /** The faults, or harmless happenings, that act during some time. */
  const acting = (happenings, from, to) => happenings.filter((each) => each.from < to && each.to > from);

  /** The step of another axis that contains a moment. */
  const slot = (axis, seconds) => Math.max(0, Math.min(axis.count - 1, Math.floor((seconds - axis.from) / axis.step + 1e-9)));

  return { ...all, start, span, word, clock, begins, moment, acting, slot };
})();
