"use strict";
/* The rungs as a table; each holds the trials that were compared there, to be opened. */
perch.rungs = () => {
  const place = perch.byId("rung-table");
  const { rungs, label } = perch.data;
  if (!place || !rungs.length) return;
  const brackets = new Set(rungs.map((rung) => rung.bracket)).size > 1;
  const names = [...(brackets ? ["bracket"] : []), "epoch", "compared", "went on", `median ${label}`, "cut-off, first → last", "trials, best first"];
  const body = perch.make("tbody");
  for (const rung of rungs) {
    const on = rung.on.reduce((a, b) => a + b, 0);
    const list = perch.make("div", { className: "names" });
    const fold = perch.make("details", {}, perch.make("summary", { textContent: "show" }), list);
    fold.addEventListener("toggle", () => {
      if (list.childElementCount) return;
      rung.trials.slice(0, 500).forEach((trial, k) => {
        const button = perch.make("button", { type: "button", title: perch.sentence(trial), textContent: perch.id(trial) });
        button.dataset.row = trial;
        button.addEventListener("click", () => perch.choose(trial, button));
        list.append(perch.make("span", {}, button, ` ${perch.number(rung.values[k])}${rung.on[k] ? " ↑" : ""}`));
      });
      if (rung.trials.length > 500) list.append(`and ${rung.trials.length - 500} more: filter the table below`);
    });
    const cells = [...(brackets ? [rung.bracket] : []), rung.epoch, rung.trials.length, on, perch.number(rung.values[Math.floor(rung.values.length / 2)]),
      rung.cutoffs.length ? rung.cutoffs.map(perch.number).join(" → ") : "not in the log"];
    const row = perch.make("tr", {}, ...cells.map((text) => perch.make("td", { textContent: text })), perch.make("td", { className: "list" }, fold));
    body.append(row);
  }
  const head = perch.make("thead", {}, perch.make("tr", {}, ...names.map((name) => perch.make("th", { scope: "col", textContent: name }))));
  place.append(perch.make("div", { className: "scroll rung", role: "region", tabIndex: 0, "aria-label": "Table of rungs" }, perch.make("table", {}, head, body)));
  place.append(perch.make("p", { className: "hint", textContent: "↑ went on to the next rung. The cut-off moves while trials come in." }));
  perch.listen((what) => {
    if (what !== "chosen") return;
    place.querySelectorAll("button").forEach((button) => button.classList.toggle("chosen", Number(button.dataset.row) === perch.state.chosen));
  });
};
