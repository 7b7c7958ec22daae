"use strict";
/* Each hyperparameter against the best value that trials reached; the colour says how far they trained. */
perch.side = (axis) => {
  if (axis.kind === "choice") {
    return { label: axis.name, low: -0.6, high: axis.values.length - 0.4, ticks: axis.values.map((value, at) => ({ at, text: perch.number(value) })) };
  }
  const log = axis.kind === "log";
  const pad = log ? (axis.high / axis.low) ** 0.04 : 0.04 * (axis.high - axis.low);
  return { label: axis.name, log, low: log ? axis.low / pad : axis.low - pad, high: log ? axis.high * pad : axis.high + pad };
};

/* Where a trial lies on an axis; values of a choice are spread a little, always alike. */
perch.along = (axis, trial, spread = 0.3) => {
  const value = perch.data.configs[trial][axis.name];
  if (value === undefined) return null;
  if (axis.kind !== "choice") return value;
  return axis.values.indexOf(value) + spread * (((trial * 0.618034) % 1) - 0.5);
};

perch.epochKey = () => perch.make("ul", { className: "key" }, perch.make("li", {}, "epochs trained: 1 ",
  perch.make("i", { className: "ramp", style: `background:linear-gradient(90deg,${perch.data.scale.join(",")})` }), `${perch.mostEpochs[0]}`));

perch.slice = () => {
  const frame = perch.frame("hyperparameters");
  const { axes, values, label, trained } = perch.data;
  const known = [...values.keys()].filter((i) => values[i] !== null).sort((a, b) => trained[a] - trained[b]);
  if (!frame || !known.length) return;
  frame.place.className = "panels";
  frame.box.append(perch.epochKey());
  const seen = known.map((i) => values[i]);
  let low = Math.min(...seen);
  let high = perch.quantile(seen, 0.97);
  const log = low > 0 && high > 3 * low;
  [low, high] = log ? [low * 0.9, high * 1.1] : [low - 0.05 * (high - low || 1), high + 0.05 * (high - low || 1)];
  const alpha = Math.min(0.9, Math.max(0.3, 400 / known.length));
  const resets = [];
  for (const axis of axes.slice(0, 12)) {
    const place = perch.make("div");
    frame.place.append(place);
    const at = known.map((i) => perch.along(axis, i));
    const base = (pen) => {
      pen.context.globalAlpha = alpha;
      known.forEach((trial, k) => {
        if (at[k] === null || !perch.state.passing[trial]) return;
        pen.context.fillStyle = perch.epochShade(trial);
        perch.dot(pen, at[k], values[trial], 2.4);
      });
      pen.context.globalAlpha = 1;
    };
    const mark = (pen, trial) => {
      const x = perch.along(axis, trial);
      if (x === null || values[trial] === null) return;
      pen.context.fillStyle = pen.colour;
      perch.dot(pen, x, values[trial], 5);
    };
    const nearest = (left, top, pen) => {
      let [best, found] = [12, -1];
      known.forEach((trial, k) => {
        if (at[k] === null || !perch.state.passing[trial]) return;
        const away = Math.hypot(pen.x(at[k]) - left, pen.y(values[trial]) - top);
        if (away <= best) [best, found] = [away, trial];
      });
      return found;
    };
    const made = perch.chart(place, { height: 210, x: perch.side(axis), y: { label: `best ${label}`, low, high, log }, base, mark, nearest, zoomed: () => { frame.reset.hidden = false; } });
    resets.push(made.reset);
  }
  frame.reset.addEventListener("click", () => { resets.forEach((reset) => reset()); frame.reset.hidden = true; });
};
