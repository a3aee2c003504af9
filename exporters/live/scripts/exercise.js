"use strict";

/** An exercise: the brief, the time left, and the verdict in the end. */
const Exercise = (() => {
  const { html, byId } = Dom;

  const figure = (label, value, note) => html("div", null, html("dt", null, label), html("dd", null, html("strong", null, Dom.number(value)), " ", html("span", null, note)));

  function figures({ requests, harmed, harmed_without: without, saved, lost, best, best_harmed: least }) {
    return [
      figure("Had nobody acted", without, "requests would have been harmed"),
      figure("Requests harmed", harmed, `of ${Dom.number(requests)}`),
      figure("Saved by your actions", saved, lost ? `and ${Dom.number(lost)} harmed by them that would have gone well` : "and none harmed by them"),
      figure("Fewest possible", least, best ? `by ${best.kind} of ${best.target} as soon as users felt it` : "by doing nothing"),
    ];
  }

  function show(told, status) {
    if (!told.status) return;
    byId("exercise").hidden = !status.exercise;
    if (!status.exercise) return;
    const { verdict } = status;
    byId("brief").textContent = status.finished ? "The exercise is over." : status.exercise;
    byId("left").textContent = status.finished ? "" : `${Math.ceil(status.length - status.now)} s left`;
    byId("judging").textContent = status.finished && !verdict ? "Judging: the run is played again without your actions, and with other remedies." : "";
    byId("verdict").hidden = !verdict;
    if (!verdict) return;
    byId("verdict").querySelector("dl").replaceChildren(...figures(verdict));
    byId("verdict").querySelector(".story").replaceChildren(...verdict.story.map((line) => html("p", null, line)));
  }

  return { begin: () => Feed.listen(show) };
})();
