"use strict";

/** The time axis with its slider: the moment of the page, and what acts then. */
const Axis = (() => {
  const slider = Dom.byId("slider");
  const listeners = [];
  const places = document.getElementsByClassName("bands");

  /** The position of a time on the axis, from 0 to 1 if it is within. */
  const share = (seconds) => (seconds - Data.span.from) / (Data.span.to - Data.span.from);
  const at = (seconds) => `${(100 * Math.max(0, Math.min(1, share(seconds)))).toFixed(3)}%`;
  const within = (seconds) => seconds >= Data.span.from && seconds <= Data.span.to;

  /** The shading behind all plots on the axis: where faults act, with a line where each begins. */
  function bands() {
    const windows = Data.acting(Data.faults, Data.span.from, Data.span.to).sort((one, other) => one.from - other.from);
    const stretches = [];
    for (const { from, to } of windows) {
      const last = stretches.at(-1);
      if (last && from <= last.to) last.to = Math.max(last.to, to);
      else stretches.push({ from, to });
    }
    const band = (from, to, colour) => `linear-gradient(90deg, transparent ${from}, ${colour} ${from} ${to}, transparent ${to})`;
    const images = [
      ...[...new Set(windows.map(({ from }) => at(from)))].map((from) => band(from, `calc(${from} + 1px)`, "var(--fault)")),
      ...stretches.map(({ from, to }) => band(at(from), at(to), "var(--fault-soft)")),
    ];
    document.documentElement.style.setProperty("--bands", images.join(", ") || "none");
  }

  function marks() {
    const mark = (kind, seconds) => Dom.html("i", { class: kind, style: `left:${at(seconds)}` });
    const last = (seconds) => Math.min(seconds, Data.axis.length);
    Dom.byId("marks").replaceChildren(
      ...Data.events.found.filter((event) => within(last(event.at))).map((event) => mark("event", last(event.at))),
      ...Data.background.filter((each) => within(Math.max(0, each.from))).map((each) => mark("flag", each.from)),
      ...Data.alerts.map((alert) => mark("alert", last(alert.at))),
    );
  }

  function told(moment) {
    const faults = Data.acting(Data.faults, moment.from, moment.to);
    const harmless = Data.acting(Data.background, moment.from, moment.to);
    const text = faults.map((fault) => `${fault.kind} on ${fault.on}`).join(", ");
    const acting = Dom.byId("acting");
    acting.textContent = text || (harmless.length ? "no fault is active, only something harmless" : Data.faults.length ? "no fault is active" : "");
    acting.classList.toggle("faulty", faults.length > 0);
    Dom.byId("now").textContent = Data.clock(moment.from, Data.axis.step < 1 ? 1 : 0);
    slider.setAttribute("aria-valuetext", `${Data.clock(moment.from)}. ${acting.textContent}`);
    const now = share((moment.from + moment.to) / 2);
    // Set for each place instead of the document, which would restyle all of its elements.
    for (const place of places) place.style.setProperty("--now", now);
  }

  /** Go to a step: make its moment once, and apply it everywhere. */
  function go(index) {
    slider.value = Math.max(0, Math.min(index, Data.axis.count - 1));
    const moment = Data.moment(Choice.now.run, Number(slider.value));
    told(moment);
    listeners.forEach((listener) => listener(moment));
  }

  /** Draw the marks. The slider is as long as the axis, though the data may end earlier. */
  function draw() {
    bands();
    marks();
    slider.max = Math.ceil((Data.span.to - Data.axis.from) / Data.axis.step - 1e-9) - 1;
  }

  function begin() {
    draw();
    slider.addEventListener("input", () => go(Number(slider.value)));
    Dom.byId("run")?.addEventListener("change", (event) => Choice.change({ run: Number(event.target.value) }));
    Dom.byId("chosen").querySelector("button").addEventListener("click", () => Choice.change({ service: null, edge: null }));
    let run = Choice.now.run;
    Choice.listen((choice) => {
      Dom.byId("chosen").hidden = Choice.name === null;
      Dom.byId("chosen").querySelector(".name").textContent = Choice.name ?? "";
      if (choice.run !== run) {
        run = choice.run;
        go(Number(slider.value));
      }
    });
    document.querySelectorAll("time[data-seconds]").forEach((time) => {
      time.textContent = Data.clock(Number(time.dataset.seconds), 1);
    });
  }

  return { begin, draw, go, at, listen: (listener) => listeners.push(listener), get index() { return Number(slider.value); } };
})();
