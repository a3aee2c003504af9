"use strict";

/** Flame graphs of where requests spent their time, before and during: below a caller are the calls it waited for. */
const Flame = (() => {
  const { html } = Dom;
  const ROW = 20;

  /** Draw the graphs below each other, on a common scale. */
  function draw(sides) {
    const width = (side) => side.frames.reduce((sum, [depth, , , ms]) => sum + (depth ? 0 : ms), 0);
    const most = Math.max(...sides.map(width), 1e-9);
    const drawn = sides.flatMap((side, place) => {
      const deep = Math.max(0, ...side.frames.map(([depth]) => depth)) + 1;
      const frames = side.frames.map(([depth, operation, left, ms, own]) => {
        const name = Data.word(operation);
        const title = `${name}: ${Dom.number(ms)} ms per request, ${Dom.number(own)} ms of it its own`;
        const share = (100 * ms) / most;
        return html("div", { title, style: `left:${((100 * left) / most).toFixed(3)}%;width:${share.toFixed(3)}%;top:${depth * ROW}px` }, share > 5 ? `${name} ${Dom.number(ms)}` : "");
      });
      const told = heaviest(side.frames).map(([operation, own]) => `${Data.word(operation)} ${Dom.number(own)} ms`).join(", ");
      return [
        html("p", { class: "hint" }, html("strong", null, side.label), ` (${Data.clock(side.from)} to ${Data.clock(side.to)}): ${Dom.number(width(side))} ms per request, over ${side.requests} requests. Most of it in ${told}.`),
        html("div", { class: place ? "flame during" : "flame", style: `height:${deep * ROW}px`, role: "img", "aria-label": `Frames ${side.label}: ${told}` }, ...frames),
      ];
    });
    Dom.byId("flame").replaceChildren(...drawn);
  }

  /** The operations that took most time, over all call paths. */
  function heaviest(frames) {
    const sums = new Map();
    for (const [, operation, , , own] of frames) sums.set(operation, (sums.get(operation) ?? 0) + own);
    return [...sums].sort((one, two) => two[1] - one[1]).slice(0, 3);
  }

  return { draw };
})();
