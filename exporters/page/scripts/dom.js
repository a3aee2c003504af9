"use strict";

/** Elements and numbers, as all other scripts write them. Text becomes text, never markup. */
const Dom = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  /** Give an element attributes (null leaves one out) and children; strings become text nodes. */
  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  const html = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
  const byId = (id) => document.getElementById(id);

  const digits = [0, 1, 2].map((most) => new Intl.NumberFormat("en", { maximumFractionDigits: most }));

  /** A number for people: three significant digits if it is small, rounded to an integer otherwise. */
  function number(value) {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    return digits[size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2].format(value);
  }

  const share = (value) => (value === null ? "–" : `${number(100 * value)}%`);

  /** A figure with its unit: that of the metric, unless the column names it already. */
  function figure(value, unit) {
    if (value === null || value === undefined) return "–";
    return { "%": `${number(value)}%`, ms: `${number(value)} ms`, "1/s": `${number(value)}/s` }[unit] ?? number(value);
  }

  /** Shorten a text to fit into so many pixels, approximately, at a size of 13 px. */
  function short(text, width) {
    const most = Math.max(4, Math.floor(width / 7.1));
    return text.length > most ? `${text.slice(0, most - 1)}…` : text;
  }

  return { html, svg, byId, number, share, figure, short };
})();
