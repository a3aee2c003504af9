"use strict";

/** The picture of the mesh, and its state at a moment. */
const Mesh = (() => {
  const { svg } = Dom;
  const nodes = new Map();
  const wires = [];

  function draw() {
    const { width, height } = Data.mesh;
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, style: `max-width:${width * 1.15}px` });
    const edges = Data.mesh.edges.map(wire);
    picture.append(...edges.map((edge) => edge.element), ...Data.mesh.services.map(node), ...edges.map((edge) => edge.told));
    Dom.byId("picture").append(picture);
    mark();
    Axis.listen(show);
    Choice.listen(choose);
  }

  /** Make something clickable, by pointer and by keyboard. */
  function pressed(element, press) {
    element.addEventListener("click", press);
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      press();
    });
    return element;
  }

  const button = { tabindex: 0, role: "button", "aria-pressed": "false" };
  const has = (each, name) => each.services.includes(name);
  const runs = (each, caller, callee) => each.edges.some(([from, to]) => from === caller && to === callee);

  /** Put a badge wherever a fault or a harmless happening acts. */
  function mark() {
    for (const [name, each] of nodes) badges(each, (happening) => has(happening, name));
    for (const each of wires) badges(each, (happening) => runs(happening, each.caller, each.callee));
  }

  /** The badges of faults and harmless happenings at a place, which light up while they act. */
  function badges(place, belongs) {
    const { x, y } = place.corner;
    const found = [];
    const add = (happenings, draws) => {
      const own = happenings.filter(belongs);
      if (!own.length) return;
      const title = own.map((each) => `${each.kind} on ${each.on}, ${Data.clock(each.from)} to ${Data.clock(each.to)}`).join("; ");
      const group = svg("g", { class: "happening", transform: `translate(${x - 20 * found.length},${y})` }, svg("title", null, title), ...draws());
      found.push({ group, own });
    };
    add(Data.faults, () => [svg("circle", { class: "badge fault", r: 8 }), svg("path", { class: "sign", d: "M0,-4V1M0,3.6V4" })]);
    add(Data.background, () => [svg("path", { class: "badge harmless", d: "M0,-8L8,0L0,8L-8,0Z" })]);
    place.marks = found;
    place.badges.replaceChildren(...found.map((each) => each.group));
  }

  function node(service) {
    const [x, y, width, height] = service.box;
    const radius = service.kind === "database" ? 14 : 7;
    const shape = { x: 0, y: 0, width, height, rx: service.kind === "cache" ? 0 : radius };
    const title = svg("title");
    const tint = svg("rect", { class: "tint", ...shape });
    const busy = svg("rect", { class: "busy", x: 12, y: height - 10, width: 0, height: 4, rx: 2 });
    const figures = svg("text", { class: "small", x: width / 2, y: 34, "text-anchor": "middle" });
    const marked = svg("g");
    const element = svg(
      "g",
      { ...button, class: "node", transform: `translate(${x},${y})`, "data-service": service.name },
      title,
      svg("rect", { class: "box", ...shape, "stroke-dasharray": service.kind === "external" ? "5 3" : null }),
      tint,
      caption(service.name, width),
      figures,
      svg("rect", { class: "track", x: 12, y: height - 10, width: width - 24, height: 4, rx: 2 }),
      busy,
      marked,
    );
    nodes.set(service.name, { ...service, element, title, tint, busy, figures, badges: marked, corner: { x: width - 3, y: 1 }, width: width - 24 });
    return pressed(element, () => Choice.toggleService(service.name));
  }

  /** A name in the largest size that fits, or cut if even the smallest does not. */
  function caption(text, width) {
    const size = Math.max(10, Math.min(13, (13 * (width - 10)) / (text.length * 7.7)));
    return svg("text", { x: width / 2, y: 20, "text-anchor": "middle", "font-weight": 600, style: `font-size:${size.toFixed(1)}px` }, Dom.short(text, ((width - 6) * 13) / size));
  }

  function wire(edge) {
    const [x, y] = edge.at;
    const calls = svg("path", { class: "wire", d: edge.path });
    const failing = svg("path", { class: "failing", d: edge.path });
    const hit = svg("path", { class: "hit", d: edge.path });
    const title = svg("title", null, `${edge.caller} → ${edge.callee}`);
    const element = svg("g", { ...button, class: "edge", "data-caller": edge.caller, "data-callee": edge.callee }, title, hit, calls, failing);
    const words = svg("text", { class: "told", x, "text-anchor": "middle" });
    const breaker = svg("g", { transform: `translate(${x},${y})`, visibility: "hidden" }, svg("circle", { class: "breaker", r: 6 }), svg("path", { class: "breaker" }));
    const marked = svg("g");
    const told = svg("g", { "pointer-events": "none" }, breaker, words, marked);
    wires.push({ ...edge, element, told, calls, failing, title, words, breaker, badges: marked, corner: { x, y: y - 17 } });
    pressed(element, () => Choice.toggleEdge(edge.caller, edge.callee));
    return { element, told };
  }

  function light(marks, moment) {
    for (const { group, own } of marks) group.classList.toggle("acting", Data.acting(own, moment.from, moment.to).length > 0);
  }

  /** Apply a moment to the picture. */
  function show(moment) {
    for (const { name, kind, replicas, title, tint, busy, figures, marks, width } of nodes.values()) {
      const { errors, busy: used, rate, ready } = moment.services[name];
      // The square root of the share makes few errors visible too; its range keeps the name legible.
      tint.style.setProperty("--share", errors ? (0.12 + 0.5 * Math.sqrt(errors / 100)).toFixed(3) : 0);
      busy.setAttribute("width", (width * Math.min(1, (used ?? 0) / 100)).toFixed(1));
      busy.classList.toggle("full", used >= 95);
      figures.textContent = ready === 0 ? "no replica is ready" : errors === null ? "no figures" : `${Dom.number(errors)}% errors · ${Dom.number(rate)}/s`;
      title.textContent = `${name}: ${figures.textContent}, ${Dom.figure(used, "%")} of workers in use (${kind}, ${replicas} replicas)`;
      light(marks, moment);
    }
    const busiest = Math.max(...moment.edges.map((edge) => edge.rate), 1);
    moment.edges.forEach((now, position) => {
      const edge = wires[position];
      const thick = (now.rate ? 1.2 + 4.5 * Math.sqrt(now.rate / busiest) : 0.8).toFixed(2);
      edge.calls.setAttribute("stroke-width", thick);
      edge.failing.setAttribute("stroke-width", thick);
      edge.failing.setAttribute("stroke-opacity", now.failed ? (0.25 + 0.75 * now.failed).toFixed(3) : 0);
      const parts = [];
      if (now.retries) parts.push(`retry ${Dom.number(now.retries)}`);
      if (now.timeouts) parts.push(`late ${Dom.number(now.timeouts)}`);
      edge.words.textContent = parts.join(", ");
      // On the line, or below the breaker.
      edge.words.setAttribute("y", edge.at[1] + (now.breaker ? 19 : 4));
      edge.breaker.setAttribute("visibility", now.breaker ? "visible" : "hidden");
      if (now.breaker) {
        for (const part of edge.breaker.children) part.setAttribute("class", now.breaker > 1 ? "breaker open" : "breaker half");
        edge.breaker.lastChild.setAttribute("d", now.breaker > 1 ? "M-4,0H4" : "M0,-6V6");
      }
      const state = ["", ", breaker half open", ", breaker open"][now.breaker] ?? "";
      const said = `${edge.caller} to ${edge.callee}: ${Dom.number(now.rate)} calls per second, ${Dom.share(now.failed)} failed, ${Dom.number(now.retries)} retries and ${Dom.number(now.timeouts)} timeouts per second${state}`;
      edge.title.textContent = said;
      light(edge.marks, moment);
    });
  }

  function choose({ service, edge }) {
    for (const [name, { element }] of nodes) {
      element.setAttribute("aria-pressed", String(name === service));
      const near = service === null || name === service || wires.some((each) => [each.caller, each.callee].includes(name) && [each.caller, each.callee].includes(service));
      element.classList.toggle("dim", edge ? ![edge.caller, edge.callee].includes(name) : !near);
    }
    for (const each of wires) {
      const own = edge?.caller === each.caller && edge?.callee === each.callee;
      each.element.setAttribute("aria-pressed", String(own));
      const dim = edge ? !own : service !== null && ![each.caller, each.callee].includes(service);
      each.element.classList.toggle("dim", dim);
      each.told.classList.toggle("dim", dim);
    }
  }

  return { draw, mark, show };
})();
