"use strict";

/** The latest requests, and where their time went, fetched while they are in view. A drawn waterfall stays. */
const Requests = (() => {
  //: Milliseconds between fetches.
  const LOOK = 3000;
  let [seen, stale] = [false, true];

  async function look() {
    if (!seen || !stale) return;
    stale = false;
    const answer = await Remote.ask("/v1/requests");
    if (answer === null) return;
    const told = await answer.json();
    Data.words.splice(0, Infinity, ...told.words);
    Data.runs[0].traces.splice(0, Infinity, ...told.traces);
    Traces.list();
    Flame.draw(told.flame);
  }

  function begin() {
    Traces.begin();
    Feed.listen(() => {
      stale = true;
    });
    new IntersectionObserver((entries) => {
      seen = entries.at(-1).isIntersecting;
      look();
    }).observe(Dom.byId("traces"));
    setInterval(look, LOOK);
  }

  return { begin };
})();
