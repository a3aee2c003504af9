"use strict";

/** Controls: every kind of fault and action for the selection, with its keys. */
const Hands = (() => {
  const { html, byId } = Dom;
  const GROUPS = { fault: "Break", action: "Mend" };
  //: Milliseconds between requests for settings, which may have changed.
  const LOOK = 2000;
  //: The current settings of the selection.
  let present = {};
  //: Shows the description and the current value of the selected setting.
  let explain = () => {};

  /** The possible targets within the selection: an edge; a service, its replicas and operations; or all users. */
  function targets({ service, edge }) {
    if (edge) return [{ level: "edge", text: `${edge.caller} -> ${edge.callee}`, told: Choice.name }];
    if (!service) return [{ level: "users", text: "users", told: "all users" }];
    const { replicas, operations } = Data.parts[service];
    return [
      { level: "service", text: service, told: `the service ${service}` },
      ...Array.from({ length: replicas }, (_, number) => ({ level: "replica", text: `${service}[${number}]`, told: `its replica ${number}` })),
      ...operations.map((name) => ({ level: "operation", text: `${service}.${name}`, told: `its operation ${name}` })),
    ];
  }

  /** Fetch and show the current settings of the selected service or edge, without those that are off. */
  async function look() {
    const { service, edge } = Choice.now;
    const asked = Choice.name;
    if (asked !== null) {
      const query = new URLSearchParams(edge ? { service: edge.caller, callee: edge.callee } : { service });
      const answer = await Remote.ask(`/v1/settings?${query}`);
      const told = await answer?.json();
      // The selection may have changed meanwhile.
      if (!told || asked !== Choice.name) return;
      present = told;
    } else present = {};
    const shown = Object.entries(present).filter(([, value]) => !["none", "false"].includes(value));
    byId("present").replaceChildren(...shown.flatMap(([word, value]) => [html("dt", null, word), html("dd", null, value)]));
    explain();
  }

  function choose(choice) {
    present = {};
    look();
    byId("target").replaceChildren(...targets(choice).map(({ level, text, told }) => html("option", { value: text, "data-level": level }, told)));
    kinds();
  }

  const level = () => byId("target").selectedOptions[0].dataset.level;

  /** List the kinds for the target. Keeps the selected one if possible, and else prefers one with a strength. */
  function kinds() {
    const select = byId("kind");
    const before = select.value;
    const groups = Object.keys(GROUPS).filter((group) => group === "action" || !Feed.status.exercise);
    const found = groups.map((group) => {
      const own = Object.entries(Data.kinds[group]).filter(([, kind]) => kind.levels.includes(level()));
      return { group, words: own.map(([word]) => word) };
    });
    select.replaceChildren(
      ...found.filter(({ words }) => words.length).map(({ group, words }) => html("optgroup", { label: GROUPS[group] }, ...words.map((word) => html("option", { value: `${group} ${word}` }, word)))),
    );
    const all = [...select.options].map((option) => option.value);
    const strong = all.find((value) => kindOf(value).keys.some((key) => key.usual && key.required));
    select.value = all.includes(before) ? before : (strong ?? all[0] ?? "");
    keys();
  }

  function kindOf(value) {
    const [group, word] = value.split(" ");
    return { group, word, ...Data.kinds[group][word] };
  }

  /** Create the fields of the selected kind. */
  function keys() {
    const { value } = byId("kind");
    const kind = value ? kindOf(value) : { doc: "Nothing can be done to it. Choose a service or an edge.", keys: [] };
    byId("doc").textContent = kind.doc.split("\n\n")[0].replaceAll("`", "");
    byId("keys").replaceChildren(...kind.keys.filter((key) => !key.rare).map(field));
    byId("rare").replaceChildren(...kind.keys.filter((key) => key.rare).map(field));
    byId("more").hidden = !kind.keys.some((key) => key.rare);
    byId("do").disabled = !value || !Remote.steers;
  }

  function field(key) {
    if (key.settings) return setting();
    const name = key.word;
    const hint = key.usual ? `${key.doc}, often ${key.usual}` : key.doc;
    const input = key.choices.length
      ? html("select", { name }, html("option", { value: "" }, key.default ?? ""), ...key.choices.map((each) => html("option", null, each)))
      : html("input", { name, type: "text", autocomplete: "off", placeholder: key.default ?? "", value: key.required && key.usual ? key.usual.split("..")[0] : null, required: key.required, "data-block": key.block });
    return html("label", { class: "key" }, html("span", null, name), input, html("span", { class: "hint" }, hint));
  }

  /** Create the fields for a setting of a service or an edge, and its new value. */
  function setting() {
    const known = Data.settings[level() === "edge" ? "edge" : "service"];
    const select = html("select", { id: "setting" }, ...known.map(({ word }) => html("option", null, word)));
    const value = html("input", { id: "setting-value", type: "text", autocomplete: "off", required: true });
    const hint = html("span", { class: "hint" });
    explain = () => {
      const { doc, choices, keys: own } = known.find(({ word }) => word === select.value);
      const how = choices.length ? `: ${choices.join(", ")}` : own.length ? `: none, or a block as {${own[0]}: …}, with ${own.join(", ")}` : "";
      hint.textContent = doc + how;
      value.placeholder = present[select.value] ?? "";
    };
    select.addEventListener("change", explain);
    explain();
    return html("div", null, html("label", { class: "key" }, html("span", null, "set"), select), html("label", { class: "key" }, html("span", null, "to"), value, hint));
  }

  /** Parse a value as written in scenario files: a text, or a block in braces or brackets. */
  function read(text, block) {
    if (!block || !/^[[{]/.test(text)) return text;
    return JSON.parse(text.includes('"') ? text : text.replace(/[^\s{}[\],:]+/g, '"$&"'));
  }

  /** Read the keys from the fields; throws SyntaxError if a block is invalid. */
  function filled() {
    const told = { target: byId("target").value };
    for (const input of byId("form").querySelectorAll("[name]")) {
      const text = input.value.trim();
      if (text) told[input.name] = read(text, "block" in input.dataset);
    }
    const chosen = byId("setting");
    if (chosen) told.set = { [chosen.value]: read(byId("setting-value").value.trim(), true) };
    return told;
  }

  async function submit(event) {
    event.preventDefault();
    const { group, word } = kindOf(byId("kind").value);
    let told;
    try {
      told = filled();
    } catch {
      Remote.say("A block is written as {one: 3, other: 20%}.", true);
      return;
    }
    const done = await Remote.steer({ do: group, kind: word, keys: told });
    if (done) look();
    if (done) Remote.say(`${done.id} at ${told.target}, from ${Data.clock(done.at, 3)}.`);
  }

  /** List what was done, latest first. */
  function list(causes) {
    const row = ({ what, id, kind, on, from, to }) => {
      const until = what === "action" ? "" : ` to ${Data.clock(to)}`;
      return html("li", { class: what }, html("time", null, Data.clock(from)), " ", html("b", null, kind), ` on ${on}${until} `, html("code", null, id));
    };
    Lists.fill("causes", causes.toSorted((one, two) => two.from - one.from), row);
    byId("causes-more").textContent = causes.length ? "" : "Nothing so far.";
  }

  function begin() {
    byId("looker").hidden = Remote.steers;
    let [exercise, stale] = [null, false];
    setInterval(() => {
      if (stale) look();
      stale = false;
    }, LOOK);
    Feed.listen((told, status) => {
      if (told.causes) list(told.causes);
      stale ||= Boolean(told.causes || told.events);
      if (told.status && status.exercise !== exercise) {
        ({ exercise } = status);
        kinds();
      }
    });
    Choice.listen(choose);
    byId("target").addEventListener("change", kinds);
    byId("kind").addEventListener("change", keys);
    byId("form").addEventListener("submit", submit);
    choose(Choice.now);
  }

  return { begin };
})();
