"use strict";
// The page of a mesh that is played. Everything that comes from outside is put in as text, and nothing as HTML.

const SHOWN = 300; // seconds in a chart
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const $ = (id) => document.getElementById(id);
const state = { status: {}, seconds: [], causes: [], events: [], mesh: null };

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [word, value] of Object.entries(attributes)) made.setAttribute(word, value);
  return made;
}

// -- asking -----------------------------------------------------------------------------------------------------------

async function steer(asked) {
  const answer = await fetch("/v1/steer", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(asked),
  });
  const told = await answer.json();
  $("said").textContent = answer.ok ? "" : told.error;
  return answer.ok ? told : null;
}

async function save() {
  const answer = await fetch("/v1/scenario");
  if (!answer.ok) {
    $("said").textContent = (await answer.json()).error;
    return;
  }
  const link = element("a", undefined, { download: "live.yaml" });
  link.href = `data:text/yaml;charset=utf-8,${encodeURIComponent(await answer.text())}`;
  link.click();
}

// -- hearing ----------------------------------------------------------------------------------------------------------

function hear(told) {
  if (told.status) {
    if (told.status.run !== state.status.run) {
      state.seconds = [];
      state.events = [];
    }
    state.status = told.status;
    showStatus();
  }
  if (told.causes) {
    state.causes = told.causes;
    showCauses();
  }
  if (told.events) {
    state.events = state.events.concat(told.events).slice(-100);
    showEvents();
  }
  if (told.seconds) {
    state.seconds = state.seconds.concat(told.seconds).slice(-SHOWN);
    showSeconds();
  }
}

function showStatus() {
  const { status } = state;
  $("name").textContent = status.name;
  $("clock").textContent = `${status.now.toFixed(0)} of ${status.length.toFixed(0)} s, ${
    status.over ? "over" : status.paused ? "paused" : `at ${status.speed}x`
  }`;
  $("play").textContent = status.paused ? "Play" : "Pause";
  if (document.activeElement !== $("speed")) $("speed").value = String(status.speed);
  if (document.activeElement !== $("seed")) $("seed").value = status.seed;
  $("finish").hidden = !status.exercise || !token;
  $("exercise").hidden = !status.exercise;
  if (status.exercise) $("exercise").textContent = exerciseText(status);
}

function exerciseText(status) {
  if (!status.finished) return `${status.exercise}\nTime left: ${(status.length - status.now).toFixed(0)} s.`;
  const { verdict } = status;
  if (!verdict) return "The exercise is over, and is being judged.";
  const best = verdict.best ? `${verdict.best.kind} of ${verdict.best.target}` : "to do nothing";
  return [
    `${verdict.harmed} of ${verdict.requests} requests were harmed. If nobody had acted, ${verdict.harmed_without} would have been:`,
    `what you did saved ${verdict.saved} and harmed ${verdict.lost} that would have been good.`,
    `The best single remedy, as soon as users felt it, was ${best}: ${verdict.best_harmed} harmed.`,
    "",
    ...verdict.story,
  ].join("\n");
}

function showCauses() {
  $("causes").replaceChildren(
    ...state.causes.map((each) => {
      const end = each.end === null ? "" : ` to ${each.end.toFixed(1)}`;
      return element("li", `${each.what} ${each.id}: ${each.kind} of ${each.targets.join(", ")}, ${each.start.toFixed(1)}${end} s`);
    }),
  );
}

function showEvents() {
  const latest = state.events.slice(-60).reverse();
  $("events").replaceChildren(...latest.map((each) => element("li", `${each.timestamp.slice(11, 19)} ${each.details}`)));
}

function showSeconds() {
  const entry = state.seconds.map((second) => second.entry);
  const share = entry.map((each) => (each.rate ? each.errors / each.rate : 0));
  chart("requests", "requests", entry.map((each) => each.rate), (value) => `${value.toFixed(0)}/s`);
  chart("errors", "errors", share, (value) => `${(100 * value).toFixed(1)}%`, 1);
  chart("p95", "p95", entry.map((each) => each.p95 ?? 0), (value) => `${value.toFixed(0)} ms`);
  const last = state.seconds.at(-1);
  fill("services", last.services, ([rate, errors, , p95, workers, queue, ready, replicas]) => [
    [`${rate}/s`],
    [percent(errors, rate), errors > 0.05 * rate],
    [p95 === null ? "" : `${p95.toFixed(0)} ms`],
    [workers === null ? "down" : `${(100 * workers).toFixed(0)}%`, workers === null || workers > 0.9],
    [queue, queue > 0],
    [`${ready} of ${replicas}`, ready < replicas],
  ]);
  fill("edges", last.edges, ([rate, errors, retries, timeouts, open, callers]) => [
    [`${rate}/s`],
    [percent(errors, rate), errors > 0.05 * rate],
    [retries],
    [timeouts, timeouts > 0],
    [`${open} of ${callers}`, open > 0],
  ]);
}

function percent(part, whole) {
  return whole ? `${((100 * part) / whole).toFixed(1)}%` : "0.0%";
}

function fill(id, rows, cells) {
  for (const [place, row] of [...$(id).tBodies[0].rows].entries()) {
    for (const [column, [text, bad]] of cells(rows[place]).entries()) {
      const cell = row.cells[column + 1];
      cell.textContent = text;
      cell.className = bad ? "bad" : "";
    }
  }
}

function chart(id, title, values, shown, most) {
  let figure = $(`chart-${id}`);
  if (!figure) {
    figure = element("figure", undefined, { id: `chart-${id}`, class: id === "errors" ? "bad" : "" });
    const caption = element("figcaption");
    caption.append(element("span", title), element("output"));
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `0 0 ${SHOWN} 100`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", title);
    figure.append(caption, svg);
    $("entry").append(figure);
  }
  const top = most ?? Math.max(...values, 1e-9);
  const shift = SHOWN - values.length;
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.setAttribute("points", values.map((value, x) => `${x + shift},${98 - (96 * value) / top}`).join(" "));
  const first = state.seconds[0].time - 1;
  const marks = state.causes.map((each) => {
    const mark = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const x = each.start - first + shift;
    for (const [word, value] of [["x1", x], ["x2", x], ["y1", 0], ["y2", 100], ["class", each.what]]) mark.setAttribute(word, value);
    return x < shift ? null : mark;
  });
  figure.querySelector("svg").replaceChildren(line, ...marks.filter(Boolean));
  figure.querySelector("output").textContent = shown(values.at(-1));
}

async function showLines() {
  const recent = await (await fetch("/v1/recent")).json();
  const latest = recent.lines.slice(-40).reverse();
  $("lines").replaceChildren(
    ...latest.map((each) => element("li", `${each.timestamp.slice(11, 23)} ${each.level} ${each.replica ?? each.service}: ${each.message}`)),
  );
}

// -- steering ---------------------------------------------------------------------------------------------------------

function rows(id, names, choose) {
  $(id).tBodies[0].replaceChildren(
    ...names.map((name) => {
      const row = element("tr");
      const cell = element("td");
      const button = element("button", name, { type: "button" });
      button.addEventListener("click", () => choose(name));
      cell.append(token ? button : element("span", name));
      row.append(cell, ...Array.from({ length: $(id).tHead.rows[0].cells.length - 1 }, () => element("td")));
      return row;
    }),
  );
}

function targetsOf(name) {
  const service = state.mesh.services.find((each) => each.name === name);
  if (!service) return [{ level: "edge", text: name }];
  return [
    { level: "service", text: name },
    ...Array.from({ length: service.replicas }, (_, number) => ({ level: "replica", text: `${name}[${number}]` })),
    ...service.operations.map((operation) => ({ level: "operation", text: `${name}.${operation}` })),
    { level: "users", text: "users" },
  ];
}

function choose(name) {
  $("steering").hidden = false;
  $("chosen").textContent = name;
  $("target").replaceChildren(...targetsOf(name).map((each) => element("option", each.text, { "data-level": each.level })));
  showKinds();
  $("target").focus();
}

function showKinds() {
  const level = $("target").selectedOptions[0].dataset.level;
  const groups = state.status.exercise ? ["actions"] : ["actions", "faults"];
  $("kind").replaceChildren(
    ...groups.map((group) => {
      const made = element("optgroup", undefined, { label: group });
      for (const [word, kind] of Object.entries(state.mesh[group])) {
        if (kind.levels.includes(level)) made.append(element("option", word, { "data-group": group }));
      }
      return made;
    }),
  );
  showKeys();
}

function chosenKind() {
  const option = $("kind").selectedOptions[0];
  return option && { group: option.dataset.group, word: option.value, ...state.mesh[option.dataset.group][option.value] };
}

function showKeys() {
  const kind = chosenKind();
  $("doc").textContent = kind ? kind.doc : "nothing can be done to it";
  $("keys").replaceChildren(
    ...(kind ? kind.keys : []).map((key) => {
      const label = element("label", `${key.word}${key.required ? " (needed)" : ""} `, { title: key.doc });
      const field = key.choices.length ? element("select") : element("input", undefined, { placeholder: key.default ?? key.doc });
      if (key.choices.length) field.append(element("option", ""), ...key.choices.map((each) => element("option", each)));
      if (key.block) field.placeholder = 'as JSON: {"timeout": "500ms"}';
      field.name = key.word;
      field.dataset.block = key.block ? "yes" : "";
      label.append(field);
      return label;
    }),
  );
}

async function submit(event) {
  event.preventDefault();
  const kind = chosenKind();
  if (!kind) return;
  const keys = { target: $("target").value };
  try {
    for (const field of $("keys").querySelectorAll("input, select")) {
      const text = field.value.trim();
      if (text) keys[field.name] = field.dataset.block && /^[[{]/.test(text) ? JSON.parse(text) : text;
    }
  } catch (error) {
    $("said").textContent = `must be JSON: ${error.message}`;
    return;
  }
  await steer({ do: kind.group === "faults" ? "fault" : "action", kind: kind.word, keys });
}

async function begin() {
  state.mesh = await (await fetch("/v1/mesh")).json();
  rows("services", state.mesh.services.map((each) => each.name), choose);
  rows("edges", state.mesh.edges.map((each) => `${each.caller} -> ${each.callee}`), choose);
  for (const control of $("controls").querySelectorAll("button, select, input")) control.disabled = !token && control.id !== "save";
  if (!token) $("said").textContent = "You look on: who has the whole address steers.";
  $("play").addEventListener("click", () => steer({ do: state.status.paused ? "resume" : "pause" }));
  $("step").addEventListener("click", () => steer({ do: "step" }));
  $("finish").addEventListener("click", () => steer({ do: "finish" }));
  $("save").addEventListener("click", save);
  $("restart").addEventListener("click", () => steer({ do: "restart", seed: Number($("seed").value) }));
  $("speed").addEventListener("change", () => steer({ do: "speed", speed: $("speed").value === "max" ? "max" : Number($("speed").value) }));
  $("target").addEventListener("change", showKinds);
  $("kind").addEventListener("change", showKeys);
  $("form").addEventListener("submit", submit);
  const stream = new EventSource("/v1/stream");
  stream.addEventListener("message", (event) => hear(JSON.parse(event.data)));
  setInterval(showLines, 2000);
}

begin();
