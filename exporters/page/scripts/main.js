"use strict";

/** Draws everything once, and goes to the most telling moment: the middle of the incident. */
(() => {
  Axis.begin();
  Player.begin();
  Mesh.draw();
  Services.draw();
  Users.begin();
  Spread.draw();
  Traces.begin();
  Flame.draw(Data.flame);
  Logs.begin();
  Axis.go(worst());
  Logs.show();
  Plots.redrawn(() => {
    Users.draw();
    Spread.draw();
    Services.plots();
  });

  /** The step with most harmed requests; failing that, with most failed ones; failing that, with the slowest. */
  function worst() {
    const { fact, axis, harmed } = Data.runs[0].users;
    const shares = fact.requests.map((count, slot) => (count ? fact.failed[slot] / count : 0));
    const told = [harmed ?? [], shares, fact.p95.map((value) => value ?? 0)].find((values) => values.some((value) => value > 0)) ?? [0];
    const slot = told.indexOf(Math.max(...told));
    return Math.floor((slot * axis.step) / Data.axis.step);
  }
})();
