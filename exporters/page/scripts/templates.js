"use strict";

/** Templates of log lines: those that are new in a window, or more frequent than before it, come first. */
const Templates = (() => {
  const { html } = Dom;
  //: The growth factor from which on a template counts as more frequent.
  const MORE = 2;

  const loud = (template) => Lists.loud(template.level);

  function counted(template, { first, last }) {
    let [inside, before] = [0, 0];
    for (const [slot, count] of template.counts) {
      if (slot < first) before += count;
      else if (slot < last) inside += count;
    }
    return { template, inside, before };
  }

  /** How many times as frequent a template is as before the window; Infinity if it is new. */
  function ratio({ inside, before }, span) {
    if (span.before <= 0 || !inside) return 1;
    return inside / span.seconds / (before / span.before);
  }

  function row({ template, inside, before, times }) {
    const news = times === Infinity ? "new" : times >= MORE ? `×${Dom.number(times)}` : "";
    return html(
      "tr",
      null,
      html("td", { class: "number" }, Dom.number(inside)),
      html("td", { class: "number" }, Dom.number(before)),
      html("td", { class: news ? "new" : null }, news),
      html("td", { class: loud(template) ? "bad" : null }, template.level),
      html("td", null, template.service),
      html("td", null, template.text),
    );
  }

  /** Show the templates that occur in a window, given its steps (half-open), its seconds, and the seconds before it. Returns how many are left out. */
  function show(templates, span) {
    const found = templates
      .filter(({ service }) => Choice.has(service))
      .map((template) => counted(template, span))
      .filter(({ inside }) => inside)
      .map((each) => ({ ...each, times: ratio(each, span) }));
    found.sort((one, two) => (two.times >= MORE) - (one.times >= MORE) || loud(two.template) - loud(one.template) || two.inside - one.inside);
    document.querySelector("#templates tbody").replaceChildren(...found.slice(0, Lists.MOST).map(row));
    return Math.max(0, found.length - Lists.MOST);
  }

  return { show };
})();
