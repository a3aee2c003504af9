"use strict";

/** Plays a recording: moves the slider to the end by itself. */
const Player = (() => {
  const play = Dom.byId("play");
  //: Seconds that playing the whole recording takes, and milliseconds between frames.
  const WHOLE = 24;
  const FRAME = 100;
  let timer = null;

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  }

  function start() {
    const each = Math.max(1, Math.round((Data.axis.count * FRAME) / (WHOLE * 1000)));
    const pause = Math.max(FRAME, (WHOLE * 1000 * each) / Data.axis.count);
    if (Axis.index >= Data.axis.count - 1) Axis.go(0);
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      const next = Axis.index + each;
      Axis.go(next);
      if (next >= Data.axis.count - 1) stop();
    }, pause);
  }

  const begin = () => play.addEventListener("click", () => (timer === null ? start() : stop()));

  return { begin };
})();
