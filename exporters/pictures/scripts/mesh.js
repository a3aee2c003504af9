// The page of a mesh: panning, zooming, searching, and showing who calls whom. All text comes from the drawing itself.
"use strict";
(() => {
  const stage = document.getElementById("stage");
  const mesh = document.getElementById("mesh");
  const about = document.getElementById("about");
  const words = document.getElementById("words");
  const found = document.getElementById("found");
  const size = { width: mesh.width.baseVal.value, height: mesh.height.baseVal.value };
  const services = [...mesh.querySelectorAll("g.service")];
  const calls = [...mesh.querySelectorAll("path.call")];
  const byName = new Map(services.map((service) => [service.dataset.service, service]));
  const frames = new Map(services.map((service) => [service, service.querySelector(".outline").getBBox()]));

  // -- panning and zooming --------------------------------------------------------------------------------------------

  const view = { x: 0, y: 0, scale: 1 };

  function show() {
    mesh.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
  }

  function whole() {
    const room = 24;
    const { clientWidth: width, clientHeight: height } = stage;
    view.scale = Math.min((width - 2 * room) / size.width, (height - 2 * room) / size.height, 1.5);
    view.x = (width - size.width * view.scale) / 2;
    view.y = (height - size.height * view.scale) / 2;
    show();
  }

  function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
    const scale = Math.min(6, Math.max(0.05, view.scale * factor));
    view.x = x - (x - view.x) * (scale / view.scale);
    view.y = y - (y - view.y) * (scale / view.scale);
    view.scale = scale;
    show();
  }

  function move(x, y) {
    view.x += x;
    view.y += y;
    show();
  }

  // Pan and zoom no more than needed to see a service and read its name.
  function reveal(service) {
    if (view.scale < 0.7) zoom(0.9 / view.scale);
    const frame = frames.get(service);
    const left = view.x + frame.x * view.scale;
    const top = view.y + frame.y * view.scale;
    const right = left + frame.width * view.scale;
    const bottom = top + frame.height * view.scale;
    // The details are at the right, or below if the page is narrow.
    const below = about.offsetWidth > stage.clientWidth / 2;
    const width = stage.clientWidth - (below ? 0 : about.offsetWidth + 24);
    const height = stage.clientHeight - (below ? about.offsetHeight + 24 : 0);
    const inside = left > 20 && top > 20 && right < width - 20 && bottom < height - 20;
    if (!inside) move((width - left - right) / 2, (height - top - bottom) / 2);
  }

  const held = new Map();
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    held.set(event.pointerId, event);
    stage.classList.add("held");
  });
  window.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const other = [...held.values()].find((each) => each.pointerId !== event.pointerId);
    if (other) {
      const edge = stage.getBoundingClientRect();
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
      zoom(apart(event) / apart(before), other.clientX - edge.left, other.clientY - edge.top);
    } else {
      move(event.clientX - before.clientX, event.clientY - before.clientY);
    }
    held.set(event.pointerId, event);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    window.addEventListener(end, (event) => {
      held.delete(event.pointerId);
      if (!held.size) stage.classList.remove("held");
    });
  }
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const edge = stage.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX - edge.left, event.clientY - edge.top);
  }, { passive: false });
  document.getElementById("in").addEventListener("click", () => zoom(1.3));
  document.getElementById("out").addEventListener("click", () => zoom(1 / 1.3));
  document.getElementById("whole").addEventListener("click", whole);
  window.addEventListener("resize", whole);

  // -- one service, its callers and its callees -----------------------------------------------------------------------

  let chosen = null;

  function mark(service) {
    const name = service && service.dataset.service;
    const near = new Set(service ? [service] : []);
    for (const call of calls) {
      const { caller, callee } = call.dataset;
      const touches = service !== null && (caller === name || callee === name);
      call.classList.toggle("near", touches);
      if (touches) for (const end of [caller, callee]) if (byName.has(end)) near.add(byName.get(end));
    }
    for (const each of services) each.classList.toggle("near", near.has(each));
    mesh.classList.toggle("told", service !== null);
  }

  // Write invisible characters, and those that reverse text, as their codes.
  function plain(text) {
    return text.replace(/[\p{C}\u2028\u2029]/gu, (sign) => `\\u${sign.codePointAt(0).toString(16).padStart(4, "0")}`);
  }

  function element(tag, text, ...children) {
    const made = document.createElement(tag);
    made.textContent = text;
    made.append(...children);
    return made;
  }

  function list(title, own, end) {
    const items = own.map((call) => {
      const name = call.dataset[end];
      const button = element(name ? "button" : "span", name ? plain(name) : "users");
      if (name) {
        button.type = "button";
        button.addEventListener("click", () => choose(byName.get(name)));
      }
      const rate = call.dataset.rate + (call.classList.contains("against") ? ", against the flow" : "");
      return element("li", "", button, element("span", rate));
    });
    return items.length ? [element("h3", title), element("ul", "", ...items)] : [];
  }

  function tell(service) {
    const name = service.dataset.service;
    about.replaceChildren(
      element("h2", plain(name)),
      element("p", service.dataset.look),
      ...list("Called by", calls.filter((call) => call.dataset.callee === name), "caller"),
      ...list("Calls", calls.filter((call) => call.dataset.caller === name), "callee"),
    );
    about.hidden = false;
  }

  function choose(service) {
    if (chosen) chosen.classList.remove("chosen");
    chosen = service;
    mark(service);
    about.hidden = service === null;
    if (!service) return;
    service.classList.add("chosen");
    for (const each of services) each.tabIndex = each === service ? 0 : -1;
    tell(service);
    reveal(service);
    service.focus({ preventScroll: true });
  }

  for (const [place, service] of services.entries()) {
    service.tabIndex = place ? -1 : 0;
    service.setAttribute("role", "button");
    service.addEventListener("pointerenter", () => chosen || mesh.classList.contains("sought") || mark(service));
    service.addEventListener("pointerleave", () => chosen || mark(null));
    service.addEventListener("focus", () => service === chosen || (service.matches(":focus-visible") && choose(service)));
  }

  let pressed = null;
  stage.addEventListener("pointerdown", (event) => { pressed = [event.clientX, event.clientY]; });
  stage.addEventListener("click", (event) => {
    const dragged = pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > 4;
    if (!dragged) choose(event.target.closest("g.service"));
  });

  // The nearest service in a direction; sideways distance counts more.
  function beside(service, x, y) {
    const from = frames.get(service);
    let best = null;
    let least = Infinity;
    for (const other of services) {
      const to = frames.get(other);
      const right = to.x + to.width / 2 - from.x - from.width / 2;
      const down = to.y + to.height / 2 - from.y - from.height / 2;
      const ahead = right * x + down * y;
      const distance = ahead + 2.5 * Math.abs(right * y + down * x);
      if (ahead > 4 && distance < least) [best, least] = [other, distance];
    }
    return best;
  }

  // -- search ---------------------------------------------------------------------------------------------------------

  let matches = [];

  function seek() {
    const text = words.value.trim().toLowerCase();
    matches = text ? services.filter((service) => service.dataset.service.toLowerCase().includes(text)) : [];
    for (const service of services) service.classList.toggle("match", matches.includes(service));
    if (text) choose(null);
    mesh.classList.toggle("sought", text !== "");
    found.textContent = text ? `${matches.length} found` : "";
  }

  words.addEventListener("input", seek);
  document.getElementById("find").addEventListener("submit", (event) => {
    event.preventDefault();
    const [first] = matches;
    if (!first) return;
    words.value = "";
    seek();
    choose(first);
  });

  // -- keys -----------------------------------------------------------------------------------------------------------

  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      words.value = "";
      seek();
      choose(null);
      stage.focus();
      return;
    }
    if (event.target === words) return;
    const arrow = arrows[event.key];
    const service = event.target.closest("g.service");
    if (arrow && service) {
      const next = beside(service, ...arrow);
      if (next) choose(next);
    } else if (arrow && event.target === stage) {
      move(-arrow[0] * 60, -arrow[1] * 60);
    } else if (event.key === "+" || event.key === "=") {
      zoom(1.3);
    } else if (event.key === "-") {
      zoom(1 / 1.3);
    } else if (event.key === "0") {
      whole();
    } else if (event.key === "/") {
      words.focus();
    } else if ((event.key === "Enter" || event.key === " ") && service) {
      choose(service);
    } else if (event.key === "Enter" && event.target === stage) {
      choose(chosen || services[0]);
    } else {
      return;
    }
    event.preventDefault();
  });

  whole();
})();
