"use strict";

/** All services as small multiples, one row of metrics each over the whole recording, and the selected one enlarged. */
const Services = (() => {
  const { html, svg } = Dom;
  const metrics = Object.keys(Data.metrics);
  const rows = new Map();
  const HIGH = 24;
  let plotted = [];

  /** The highest value of a metric across services. */
  function top(metric, names) {
    const values = Data.runs.flatMap((run) => names.flatMap((name) => run.series[name]?.[metric]?.high ?? []));
    return values.reduce((most, value) => Math.max(most, value ?? 0), 0) || 1;
  }

  /** The top of a line's scale: 100% for shares, the service's own peak for requests, else the peak of all services. */
  function scale(service, metric, unit, tops) {
    if (unit === "%") return Math.max(100, tops[metric]);
    return metric === "request_rate" ? top(metric, [service]) : tops[metric];
  }

  /** A line through the values of all steps, with gaps where there is none, in a box of 100 by HIGH. */
  function line(values, most) {
    const { from, to } = Data.span;
    let pen = "M";
    return values
      .map((value, index) => {
        if (value === null) {
          pen = "M";
          return "";
        }
        const point = `${pen}${((100 * (Data.begins(Data.axis, index + 0.5) - from)) / (to - from)).toFixed(2)},${(HIGH - (HIGH * value) / most).toFixed(1)}`;
        pen = "L";
        return point;
      })
      .join("");
  }

  function cell(service, metric) {
    const own = Data.runs[0].series[service]?.[metric];
    const other = Data.runs[1]?.series[service]?.[metric];
    const value = html("span", { class: "value", "data-metric": metric });
    if (!own && !other) return { element: html("td"), value, drawn: [] };
    const box = svg("svg", { viewBox: `0 0 100 ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    const drawn = [];
    const add = (kind, values) => {
      drawn.push({ path: svg("path", { class: kind }), values });
      box.append(drawn.at(-1).path);
    };
    if (other) add("other", other.high);
    if (own?.low) add("low", own.low);
    if (own) add(null, own.high);
    const element = html("td", null, html("span", { class: "cell on-axis" }, html("span", { class: "area bands" }), box), value);
    return { element, value, drawn, service, metric, unit: (own ?? other).unit };
  }

  function draw() {
    const body = document.querySelector(".multiples tbody");
    for (const { name } of Data.mesh.services) {
      const cells = metrics.map((metric) => cell(name, metric));
      const press = html("button", { type: "button", onclick: () => Choice.toggleService(name) }, name);
      const row = html("tr", { "data-service": name }, html("th", { scope: "row" }, press), ...cells.map((each) => each.element));
      rows.set(name, { row, cells });
      body.append(row);
    }
    lines();
    Axis.listen(show);
    Choice.listen(choose);
  }

  /** Draw the lines of the values so far. */
  function lines() {
    const tops = Object.fromEntries(metrics.map((metric) => [metric, top(metric, Data.mesh.services.map(({ name }) => name))]));
    for (const { cells } of rows.values()) {
      for (const each of cells) {
        if (!each.drawn.length) continue;
        const most = scale(each.service, each.metric, each.unit, tops);
        for (const { path, values } of each.drawn) path.setAttribute("d", line(values, most));
      }
    }
  }

  function show(moment) {
    for (const [name, { cells }] of rows) {
      const now = moment.services[name].values;
      cells.forEach(({ value }, position) => {
        const metric = metrics[position];
        const unit = Data.runs[moment.run].series[name]?.[metric]?.unit;
        value.textContent = now[metric] === null && unit === undefined ? "" : Dom.figure(now[metric], unit);
      });
    }
  }

  /** The selected services: that of a node, or both ends of an edge. */
  function chosen({ service, edge }) {
    return service ? [service] : edge ? [edge.caller, edge.callee] : [];
  }

  function choose(choice) {
    const names = chosen(choice);
    for (const [name, { row }] of rows) {
      if (names.includes(name)) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
    large();
  }

  /** Create places for the metrics of the selection, as plots with axes. */
  function large() {
    const names = chosen(Choice.now);
    const place = Dom.byId("service");
    place.hidden = names.length === 0;
    place.querySelector("h3").textContent = Choice.name ?? "";
    plotted = names.flatMap((name) => metrics.filter((metric) => Data.runs[0].series[name]?.[metric]).map((metric) => plot(name, metric, names)));
    place.querySelector(".plots").replaceChildren(...plotted.map((each) => each.figure));
    plots();
  }

  function plot(name, metric, names) {
    const { unit } = Data.runs[0].series[name][metric];
    const label = `${names.length > 1 ? `${name}: ` : ""}${Data.metrics[metric]}, ${unit}`;
    const vega = html("div", { class: "vega" });
    const figure = html("figure", { class: "plot" }, html("figcaption", null, label), html("div", { class: "on-axis" }, html("div", { class: "area bands" }), vega));
    return { name, metric, unit, label, vega, figure };
  }

  /** Draw or redraw these plots. */
  function plots() {
    for (const { name, metric, unit, label, vega } of plotted) {
      const own = Data.runs[0].series[name][metric];
      const other = Data.runs[1]?.series[name]?.[metric];
      const points = own.high.map((value, index) => ({
        at: Plots.time(Data.begins(Data.axis, index + 0.5)),
        fact: value,
        low: own.low?.[index] ?? value,
        other: other?.high[index] ?? null,
      }));
      Plots.draw(vega, "metric", points, `${label}: at most ${Dom.figure(Math.max(0, ...own.high.map((value) => value ?? 0)), unit)}`);
    }
  }

  return { draw, lines, plots };
})();
