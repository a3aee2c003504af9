"use strict";

/** Draws everything once, and goes to the moment that says most: the middle of the incident. */
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

  /** The step in which most requests failed, or were slowest if none did. */
  function worst() {
    const { fact, axis } = Data.runs[0].users;
    const shares = fact.requests.map((count, slot) => (count ? fact.failed[slot] / count : 0));
    const most = Math.max(...shares);
    const slot = most > 0 ? shares.indexOf(most) : fact.p95.indexOf(Math.max(...fact.p95.map((value) => value ?? 0)));
    return Math.floor((slot * axis.step) / Data.axis.step);
  }
})();
