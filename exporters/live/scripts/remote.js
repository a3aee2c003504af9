"use strict";

/** Play, pause, speed, seed, the scenario so far, and requests to the server. */
const Remote = (() => {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  const { byId } = Dom;

  function say(text, wrong = false) {
    byId("said").textContent = text;
    byId("said").classList.toggle("bad", wrong);
  }

  /** Send a request; returns the answer, or null if it is refused, and shows why. */
  async function ask(path, settings) {
    try {
      const answer = await fetch(path, settings);
      if (answer.ok) return answer;
      say((await answer.json()).error, true);
    } catch {
      say("The server does not answer.", true);
    }
    return null;
  }

  async function steer(asked) {
    say("");
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    return (await ask("/v1/steer", { method: "POST", headers, body: JSON.stringify(asked) }))?.json();
  }

  async function save() {
    const answer = await ask("/v1/scenario");
    if (answer === null) return;
    const link = Dom.html("a", { download: "live.yaml" });
    link.href = URL.createObjectURL(await answer.blob());
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function show(told, status) {
    if (!told.status) return;
    const done = status.over || status.finished;
    byId("playing").textContent = `${status.name}, ${Math.floor(status.now)} of ${Dom.number(status.length)} s, ${done ? "over" : status.paused ? "paused" : status.speed === "max" ? "at full speed" : `${status.speed} s per second`}`;
    byId("play").textContent = status.paused ? "Play" : "Pause";
    const speeds = [...byId("speed").options].map((option) => option.value);
    if (!speeds.includes(String(status.speed))) byId("speed").append(Dom.html("option", null, String(status.speed)));
    if (document.activeElement !== byId("speed")) byId("speed").value = String(status.speed);
    if (document.activeElement !== byId("seed")) byId("seed").value = status.seed;
    byId("finish").hidden = !status.exercise || done;
    for (const id of ["play", "step", "speed", "seed", "restart", "finish"]) byId(id).disabled = !token || (done && ["play", "step"].includes(id));
  }

  function restart() {
    const text = byId("seed").value.trim();
    steer({ do: "restart", seed: /^\d{1,15}$/.test(text) ? Number(text) : text });
  }

  function begin() {
    Feed.listen(show);
    byId("play").addEventListener("click", () => steer({ do: Feed.status.paused ? "resume" : "pause" }));
    byId("step").addEventListener("click", () => steer({ do: "step" }));
    byId("finish").addEventListener("click", () => steer({ do: "finish" }));
    byId("restart").addEventListener("click", restart);
    byId("seed").addEventListener("keydown", (event) => event.key === "Enter" && restart());
    byId("speed").addEventListener("change", ({ target }) => steer({ do: "speed", speed: target.value === "max" ? "max" : Number(target.value) }));
    byId("save").addEventListener("click", save);
  }

  return { begin, steer, say, ask, steers: token !== null };
})();
