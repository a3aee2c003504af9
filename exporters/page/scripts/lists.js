"use strict";

/** Lists of events and of lines. */
const Lists = (() => {
  const { html } = Dom;
  //: Most rows of a list.
  const MOST = 120;

  const loud = (level) => ["WARN", "ERROR", "FATAL"].includes(level);

  const event = (each) => html("li", null, html("time", null, Data.clock(each.at, 1)), " ", html("b", null, each.type), ` ${each.details}`);

  const line = ({ at, level, source, message, trace }) =>
    html("li", null, html("time", null, Data.clock(at, 3)), " ", html("b", { class: loud(level) ? "bad" : null }, level), ` ${source} `, html("code", null, message), trace ? ` ${trace.slice(0, 8)}` : "");

  /** Show rows; the list gets keyboard focus if it scrolls. Returns how many are left out. */
  function fill(id, found, write) {
    const list = Dom.byId(id);
    list.replaceChildren(...found.slice(0, MOST).map(write));
    list.tabIndex = found.length ? 0 : -1;
    return Math.max(0, found.length - MOST);
  }

  return { MOST, loud, event, line, fill };
})();
