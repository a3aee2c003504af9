"use strict";

/** What users saw: plots of the run, beside the run it is compared with. */
const Users = (() => {
  const PERCENTILES = ["p50", "p95", "p99"];
  const run = Data.runs[0].users;
  const other = Data.runs[1]?.users ?? (run.twin ? { fact: run.twin, axis: run.axis } : null);
  const against = Data.runs[1] ? "the other run" : "without the faults";
  const shareOf = (side, slot) => (side && side.requests[slot] ? side.failed[slot] / side.requests[slot] : null);

  function points() {
    const { axis } = run;
    const rows = [];
    for (let slot = 0; slot < axis.count; slot += 1) {
      const [from, until] = [Data.begins(axis, slot), Math.min(Data.begins(axis, slot + 1), Data.axis.length)].map(Plots.time);
      const row = { at: (from + until) / 2, from, until, harmed: run.harmed?.[slot] ?? null };
      const beside = other && Data.slot(other.axis, Data.begins(axis, slot));
      row.fact = percent(shareOf(run.fact, slot));
      row.other = other ? percent(shareOf(other.fact, beside)) : null;
      for (const name of PERCENTILES) {
        row[`fact_${name}`] = run.fact[name][slot];
        row[`other_${name}`] = other ? other.fact[name][beside] : null;
      }
      rows.push(row);
    }
    return rows;
  }

  const percent = (value) => (value === null ? null : 100 * value);

  /** The peak of some values in words, with its time. */
  function highest(values, axis, write) {
    const most = Math.max(...values.map((value) => value ?? 0));
    return `at most ${write(most)} at ${Data.clock(Data.begins(axis, Math.max(0, values.indexOf(most))))}`;
  }

  function draw() {
    const rows = points();
    const worst = (side) => highest(side.fact.requests.map((_, slot) => shareOf(side.fact, slot)), side.axis, Dom.share);
    const slow = (side) => highest(side.fact.p95, side.axis, (value) => Dom.figure(value, "ms"));
    const both = (told) => `${told(run)}${other ? `; ${against} ${told(other)}` : ""}`;
    Plots.draw(Dom.byId("share"), "share", rows, `Share of requests that failed, ${both(worst)}`);
    Plots.draw(Dom.byId("latency"), "latency", rows, `95th percentile of latency, ${both(slow)}`);
    const total = run.harmed?.reduce((sum, count) => sum + count, 0);
    if (run.harmed) Plots.draw(Dom.byId("harmed"), "harmed", rows, `${total} requests were harmed by the faults`);
  }

  function show(moment) {
    const { axis } = run;
    if (!axis.count) return;
    const slot = Data.slot(axis, moment.from);
    const beside = other && Data.slot(other.axis, moment.from);
    const span = `${Data.clock(Data.begins(axis, slot))} to ${Data.clock(Math.min(Data.begins(axis, slot + 1), Data.axis.length))}`;
    const and = (text) => (other ? ` (${against} ${text})` : "");
    Dom.byId("share-now").textContent = `${span}: ${Dom.share(shareOf(run.fact, slot))} of ${run.fact.requests[slot]}${and(Dom.share(shareOf(other?.fact, beside)))}`;
    const [p50, p95, p99] = PERCENTILES.map((name) => Dom.number(run.fact[name][slot]));
    Dom.byId("latency-now").textContent = `${p50}, ${p95}, ${p99} ms${other ? ` (${PERCENTILES.map((name) => Dom.number(other.fact[name][beside])).join(", ")})` : ""}`;
    if (run.harmed) Dom.byId("harmed-now").textContent = `${run.harmed[slot]} of ${run.fact.requests[slot]}`;
  }

  function begin() {
    draw();
    Axis.listen(show);
  }

  return { begin, draw, show };
})();
