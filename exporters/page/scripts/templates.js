"use strict";

/** What lines say, with what varies left out: what is new in a window, or more frequent than before it, comes first. */
const Templates = (() => {
  const { html } = Dom;
  //: How many times as frequent as before counts as more.
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

  /** How much more frequent a template is than before the window; Infinity if it is new. */
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

  /** Show those that occur in a window: its steps from the first to before the last, its seconds, and the seconds before it. Returns how many more there are. */
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
