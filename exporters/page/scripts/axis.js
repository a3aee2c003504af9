"use strict";

/** The time axis with its slider: where the page is in time, what acts there, and how it plays. */
const Axis = (() => {
  const slider = Dom.byId("slider");
  const play = Dom.byId("play");
  const listeners = [];
  const at = (seconds) => `${((100 * seconds) / Data.axis.length).toFixed(3)}%`;
  //: Seconds that the whole recording takes when it is played, and milliseconds between frames.
  const WHOLE = 24;
  const FRAME = 100;
  let timer = null;

  /** The shades of all plots: the windows of faults, behind everything that is on the axis. */
  function bands() {
    const windows = Data.faults.map((fault) => {
      const [from, to] = [at(fault.from), at(fault.to)];
      const edge = `calc(${from} + 1px)`;
      return `linear-gradient(90deg, transparent ${from}, var(--fault) ${from} ${edge}, var(--fault-soft) ${edge} ${to}, transparent ${to})`;
    });
    document.documentElement.style.setProperty("--bands", windows.join(", ") || "none");
  }

  function marks() {
    const place = Dom.byId("marks");
    const mark = (kind, seconds) => place.append(Dom.html("i", { class: kind, style: `left:${at(seconds)}` }));
    Data.events.found.forEach((event) => mark("event", Math.min(event.at, Data.axis.length)));
    Data.background.forEach((each) => mark("flag", Math.max(0, each.from)));
    Data.alerts.forEach((alert) => mark("alert", Math.min(alert.at, Data.axis.length)));
  }

  function told(moment) {
    const faults = Data.acting(Data.faults, moment.from, moment.to);
    const harmless = Data.acting(Data.background, moment.from, moment.to);
    const text = faults.map((fault) => `${fault.kind} on ${fault.on}`).join(", ");
    const acting = Dom.byId("acting");
    acting.textContent = text || (harmless.length ? "no fault acts, something harmless does" : Data.faults.length ? "no fault acts" : "");
    acting.classList.toggle("faulty", faults.length > 0);
    Dom.byId("now").textContent = Data.clock(moment.from, Data.axis.step < 1 ? 1 : 0);
    slider.setAttribute("aria-valuetext", `${Data.clock(moment.from)}. ${acting.textContent}`);
    document.documentElement.style.setProperty("--now", (moment.from + moment.to) / 2 / Data.axis.length);
  }

  /** Go to a step: the moment is made once, and applied everywhere. */
  function go(index) {
    slider.value = index;
    const moment = Data.moment(Choice.now.run, Number(slider.value));
    told(moment);
    listeners.forEach((listener) => listener(moment));
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  }

  function start() {
    const each = Math.max(1, Math.round((Data.axis.count * FRAME) / (WHOLE * 1000)));
    const pause = Math.max(FRAME, (WHOLE * 1000 * each) / Data.axis.count);
    if (Number(slider.value) >= Data.axis.count - 1) go(0);
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      const next = Number(slider.value) + each;
      go(Math.min(next, Data.axis.count - 1));
      if (next >= Data.axis.count - 1) stop();
    }, pause);
  }

  function begin() {
    bands();
    marks();
    slider.addEventListener("input", () => go(Number(slider.value)));
    play.addEventListener("click", () => (timer === null ? start() : stop()));
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

  return { begin, go, at, listen: (listener) => listeners.push(listener), get index() { return Number(slider.value); } };
})();
