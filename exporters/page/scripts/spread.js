"use strict";

/** How a fault spread: a row for each service, by distance from the root, and arrows for the steps between rows. */
const Spread = (() => {
  const { svg } = Dom;
  const ROW = 34;
  const NARROW = 760;
  //: Possible seconds between labels of the axis, and pixels that a label needs.
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const ROOM = 90;

  function draw() {
    document.querySelectorAll(".spread").forEach((place) => {
      place.querySelector("svg")?.remove();
      place.append(picture(Data.propagation[Number(place.dataset.fault)], place.clientWidth));
    });
  }

  function picture({ root, services, steps }, width) {
    const { left, right } = Plots.gutters();
    const x = (seconds) => left + ((width - left - right) * Math.max(0, Math.min(seconds, Data.axis.length))) / Data.axis.length;
    const row = new Map(services.map((each, position) => [each.service, position * ROW + 24]));
    const height = services.length * ROW + 30;
    const rules = services.map((each) => svg("path", { class: "rule", d: `M${left},${row.get(each.service)}H${width - right}` }));
    const bars = services.map((each) => {
      const [from, to] = [x(each.from), Math.max(x(each.to), x(each.from) + 4)];
      const title = `${each.service}: from ${Data.clock(each.from, 1)} to ${Data.clock(each.to)}, ${each.requests} harmed requests`;
      return svg("rect", { class: each.service === root ? "bar root" : "bar", x: from, y: row.get(each.service) - 5, width: to - from, height: 10, rx: 2 }, svg("title", null, title));
    });
    const names = services.map((each) => {
      const away = each.distance === null ? "" : each.distance === 0 ? "root cause" : `${each.distance} ${each.distance === 1 ? "call" : "calls"} away`;
      // Above its line, and before its bar if there is room.
      const name = svg("text", { x: left + 2, y: row.get(each.service) - 6 }, each.service);
      name.append(svg("tspan", { class: "small", dx: 7 }, width < NARROW ? "" : away));
      return name;
    });
    const arrows = steps.flatMap((step, position) => arrow(step, x(step.at), row, Math.max(...steps.map((each) => each.requests)), position));
    return svg("svg", { width, height, role: "img", "aria-label": `Services in the order in which ${root} reached them: ${services.map((each) => each.service).join(", ")}` }, ...rules, ...bars, ...arrows, ...names, ...ticks(x, height));
  }

  function arrow(step, at, row, most, position) {
    const [from, to] = [row.get(step.from), row.get(step.to)];
    const title = svg("title", null, `${Data.clock(step.at, 1)} ${step.from === step.to ? step.to : `${step.from} → ${step.to}`}: ${step.mechanism}, ${step.requests} harmed requests`);
    if (from === to) return [svg("circle", { class: "own", cx: at, cy: from, r: 3.6 }, title)];
    const down = to > from ? 1 : -1;
    const bow = 10 + 5 * (position % 4);
    const end = to - 6 * down;
    const path = `M${at},${from + 5 * down}C${at + bow},${from + 12 * down} ${at + bow},${end - 12 * down} ${at},${end}`;
    const head = `M${at},${to - 4 * down}l-3.5,${-7 * down}h7Z`;
    return [svg("path", { class: "step", d: path, "stroke-width": (0.8 + 2.2 * Math.sqrt(step.requests / most)).toFixed(2) }, title), svg("path", { class: "head", d: head })];
  }

  function ticks(x, height) {
    const step = STEPS.find((each) => (Data.axis.length / each) * ROOM <= x(Data.axis.length) - x(0)) ?? Data.axis.length;
    const count = Math.floor(Data.axis.length / step + 1e-9) + 1;
    const anchor = (seconds) => (seconds === 0 ? "start" : seconds >= Data.axis.length ? "end" : "middle");
    return Array.from({ length: count }, (_, position) => svg("text", { class: "small", x: x(position * step), y: height - 6, "text-anchor": anchor(position * step) }, Data.clock(position * step)));
  }

  return { draw };
})();
