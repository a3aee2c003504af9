"use strict";

/** Plots by the charting library, from the specifications in the data, all on the common time axis. */
const Plots = (() => {
  const shown = new Map();
  const config = {
    background: null,
    aria: false,
    font: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
    view: { stroke: null },
    axis: { labelColor: "var(--muted)", gridColor: "var(--line)", tickColor: "var(--wire)", domainColor: "var(--wire)", labelFontSize: 11, labelPadding: 6 },
  };

  /** The margins left and right of the time axis, in pixels. */
  function gutters() {
    const style = getComputedStyle(document.documentElement);
    return { left: parseFloat(style.getPropertyValue("--left")), right: parseFloat(style.getPropertyValue("--right")) };
  }

  const time = (seconds) => Data.start + seconds * 1000;

  const span = () => [time(Data.span.from), time(Data.span.to)];

  /** Make the time axis of a compiled plot cover what the page shows, regardless of its points. */
  function whole(vega) {
    vega.signals = [...(vega.signals ?? []), { name: "span", value: span() }];
    vega.scales.find((scale) => scale.name === "x").domain = { signal: "span" };
    return vega;
  }

  /** Draw or redraw a plot in an element, from the named specification and points. */
  async function draw(element, name, points, told) {
    const { left, right } = gutters();
    const figure = element.parentElement;
    // The description stands for the drawing.
    figure.setAttribute("role", "img");
    figure.setAttribute("aria-label", told);
    element.setAttribute("aria-hidden", "true");
    const spec = structuredClone(Data.charts[name]);
    spec.datasets = { points };
    // Layers without any value are left out: without a key, for example, there is no twin.
    const known = (field) => field === undefined || points.some((point) => typeof point[field] === "number");
    if (spec.layer) spec.layer = spec.layer.filter(({ encoding: { y, y2 } }) => known(y.field) && known(y2?.field));
    if (spec.layer?.length === 0) return;
    const width = Math.max(120, element.clientWidth - left - right);
    const like = `${name} ${spec.layer?.length}`;
    const before = shown.get(element);
    if (before?.like === like) {
      Object.assign(before, { points, width });
      before.view?.signal("span", span()).width(width).data("points", points).run();
      return;
    }
    before?.view?.finalize();
    const plot = { like, points, width, view: null };
    shown.set(element, plot);
    spec.width = width;
    spec.padding = { left, right, top: 6, bottom: 22 };
    spec.autosize = { type: "none" };
    spec.config = config;
    const { view } = await vegaEmbed(element, spec, { ast: true, actions: false, defaultStyle: false, renderer: "svg", tooltip: false, patch: whole });
    plot.view = view;
    // Newer points may have arrived meanwhile.
    if (plot.points !== points || plot.width !== width) view.signal("span", span()).width(plot.width).data("points", plot.points).run();
  }

  /** Redraw whenever the width of the page changes; at once for print, as printing doesn't wait. */
  function redrawn(draws) {
    let width = document.body.clientWidth;
    let timer = null;
    new ResizeObserver(() => {
      if (document.body.clientWidth === width) return;
      width = document.body.clientWidth;
      clearTimeout(timer);
      timer = setTimeout(draws, 120);
    }).observe(document.body);
    const paper = (printed) => () => {
      document.body.classList.toggle("paper", printed);
      draws();
    };
    window.addEventListener("beforeprint", paper(true));
    window.addEventListener("afterprint", paper(false));
  }

  return { draw, redrawn, time, gutters };
})();
