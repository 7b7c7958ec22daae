"use strict";
/* The card of a trial: configuration, curve, decisions with their cut-offs, and the words of `perch why`. */
perch.card = () => {
  const { byId, make } = perch;
  const card = byId("card");

  const close = () => {
    const { opener } = perch.state;
    perch.choose(-1);
    if (opener) opener.focus({ preventScroll: true });
  };

  const pairs = (config) => make("dl", { className: "pairs" }, ...Object.entries(config).map(([name, value]) =>
    make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: typeof value === "object" ? JSON.stringify(value) : perch.number(value) }))));

  const decisions = (judged) => {
    if (!judged.length) return [];
    const names = ["epoch", "value", "cut-off", "rank then", "rank now", "decision"];
    const rows = judged.map(([rung, value, cutoff, rank, size, finalRank, finalSize, action]) =>
      [rung, perch.number(value), perch.number(cutoff), rank === null ? "–" : `${rank} of ${size}`, `${finalRank} of ${finalSize}`, action]);
    const head = make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col", textContent: name }))));
    const body = make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((text) => make("td", { textContent: text })))));
    return [make("h3", { textContent: "Decisions" }), make("div", { className: "scroll" }, make("table", {}, head, body))];
  };

  /* A small drawing of the trial's curve, with the values at its rungs' cut-offs as crosses. */
  const curve = (trial, judged) => {
    const mine = perch.data.curves.filter((one) => one[0] === trial);
    const points = mine.flatMap((one) => one[3].map((value, k) => [Array.isArray(one[2]) ? one[2][k] : one[2] + k, value]));
    if (points.length < 2) return [];
    const cuts = judged.filter((one) => one[2] !== null).map((one) => [one[0], one[2]]);
    const [xs, ys] = [0, 1].map((k) => [...points, ...cuts].map((point) => point[k]));
    const [width, height] = [380, 130];
    const x = (v) => 4 + ((v - Math.min(...xs)) / (Math.max(...xs) - Math.min(...xs) || 1)) * (width - 8);
    const y = (v) => height - 16 - ((v - Math.min(...ys)) / (Math.max(...ys) - Math.min(...ys) || 1)) * (height - 32);
    const svg = (tag, attributes, text) => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
      Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
      if (text !== undefined) element.textContent = text;
      return element;
    };
    const words = `Curve of ${points.length} epochs from ${perch.number(points[0][1])} to ${perch.number(points.at(-1)[1])}`;
    const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words, width: "100%" });
    for (const one of mine) {
      const line = one[3].map((value, k) => `${x(Array.isArray(one[2]) ? one[2][k] : one[2] + k).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
      drawn.append(svg("polyline", { points: line, fill: "none", stroke: "#1a84c7", "stroke-width": 2 }));
    }
    cuts.forEach(([epoch, value]) => drawn.append(svg("path", { d: `M${x(epoch) - 4} ${y(value) - 4}l8 8m0 -8l-8 8`, stroke: "#d55e00", "stroke-width": 1.6 })));
    const soft = { fill: "currentColor", "font-size": 11 };
    drawn.append(svg("text", { x: 4, y: 11, ...soft }, perch.number(Math.max(...ys))), svg("text", { x: 4, y: height - 2, ...soft }, `${perch.number(Math.min(...ys))} · epochs ${Math.min(...xs)} to ${Math.max(...xs)}${cuts.length ? " · crosses: cut-offs" : ""}`));
    return [make("h3", { textContent: "Curve" }), drawn];
  };

  const show = () => {
    const trial = perch.state.chosen;
    card.hidden = trial < 0;
    document.body.classList.toggle("carded", trial >= 0);
    byId("tip").hidden = true;
    if (trial < 0) return;
    const { why, configs, fates, trained, epochs } = perch.data;
    const known = why[trial];
    const shut = make("button", { type: "button", className: "close", textContent: "Close", "aria-label": "Close the card" });
    shut.addEventListener("click", close);
    const said = known ? [make("pre", { textContent: known.said.join("\n") })]
      : [make("p", { className: "hint", textContent: "The run's log is not in its folder, so its decisions are not known." })];
    card.replaceChildren(
      shut, make("h2", { textContent: `Trial ${perch.id(trial)}`, tabIndex: -1 }), make("p", { textContent: `${fates[trial]} after ${trained[trial]} of ${epochs} epochs` }),
      make("h3", { textContent: "Configuration" }), pairs(configs[trial]), make("p", { className: "copies" }, ...perch.copies(perch.id(trial), configs[trial])),
      ...curve(trial, known ? known.judged : []), ...decisions(known ? known.judged : []), make("h3", { textContent: "Why" }), ...said,
    );
    card.setAttribute("aria-label", `Trial ${perch.id(trial)}`);
    card.scrollTop = 0;
    if (perch.state.opener) card.querySelector("h2").focus({ preventScroll: true });
  };
  perch.listen((what) => { if (what === "chosen") show(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && perch.state.chosen >= 0) close(); });
};
