"use strict";
/* Parallel coordinates: a line per trial over all hyperparameters. Dragging along an axis writes a filter for it. */
perch.parallel = () => {
  const frame = perch.frame("parallel");
  const { axes, values, label, descending } = perch.data;
  const known = [...values.keys()].filter((i) => values[i] !== null);
  if (!frame || !known.length) return;
  frame.tools.replaceChildren("Drag along an axis to keep a range of it; click a line to open its trial.", frame.reset);
  const seen = known.map((i) => values[i]);
  const [low, high] = [Math.min(...seen), perch.quantile(seen, 0.97)];
  const all = [...axes, { name: `best ${label}`, kind: low > 0 && high > 3 * low ? "log" : "linear", low, high: high > low ? high : low + 1, column: perch.data.columns[perch.data.sort] }];
  const order = [...known].sort((a, b) => (descending ? values[a] - values[b] : values[b] - values[a]));
  const rank = new Map(order.map((trial, k) => [trial, known.length > 1 ? k / (known.length - 1) : 1]));
  const share = (axis, trial) => {
    const value = axis.column ? Math.min(values[trial], axis.high) : perch.data.configs[trial][axis.name];
    if (value === undefined) return null;
    if (axis.kind === "choice") return (axis.values.indexOf(value) + 0.5) / axis.values.length;
    return axis.kind === "log" ? Math.log(value / axis.low) / Math.log(axis.high / axis.low) : (value - axis.low) / (axis.high - axis.low);
  };
  const valueAt = (axis, at) => (axis.kind === "log" ? axis.low * (axis.high / axis.low) ** at : axis.low + at * (axis.high - axis.low));
  const places = new Map(known.map((trial) => [trial, all.map((axis) => share(axis, trial))]));
  const [canvas, over] = [perch.make("canvas", { style: "display:block;width:100%" }), perch.make("canvas", { className: "over" })];
  const box = perch.make("div", { style: "position:relative;overflow-x:auto" });
  const inner = perch.make("div", { style: `position:relative;min-width:${all.length * 84}px;height:380px` }, canvas, over);
  box.append(inner);
  frame.place.append(box);
  canvas.style.height = "380px";
  const size = { top: 58, bottom: 352 };
  const x = (k) => 44 + (k * (inner.clientWidth - 110)) / (all.length - 1);
  const y = (at) => size.bottom - at * (size.bottom - size.top);
  const context = (of) => {
    Object.assign(of, { width: inner.clientWidth * devicePixelRatio, height: 380 * devicePixelRatio });
    const made = of.getContext("2d");
    made.scale(devicePixelRatio, devicePixelRatio);
    return made;
  };
  const trace = (pen, trial) => {
    pen.beginPath();
    let begun = false;
    places.get(trial).forEach((at, k) => {
      if (at === null) begun = false;
      else pen[begun ? "lineTo" : "moveTo"](x(k), y(at));
      begun = at !== null;
    });
    pen.stroke();
  };
  const ticks = (axis) => {
    if (axis.kind === "choice") return axis.values.map((value, k) => [(k + 0.5) / axis.values.length, perch.number(value)]);
    return [0, 0.25, 0.5, 0.75, 1].map((at) => [at, perch.number(Number(valueAt(axis, at).toPrecision(2)))]);
  };
  const drawAll = () => {
    const pen = context(canvas);
    const passing = order.filter((trial) => perch.state.passing[trial]);
    const step = Math.max(1, Math.ceil(passing.length / 3000));
    pen.globalAlpha = Math.min(0.85, Math.max(0.08, 90 / passing.length));
    passing.forEach((trial, k) => {
      if (k % step && passing.length - k > 200) return;
      pen.strokeStyle = perch.shade(rank.get(trial));
      trace(pen, trial);
    });
    pen.globalAlpha = 1;
    pen.font = "12px system-ui";
    all.forEach((axis, k) => {
      pen.strokeStyle = perch.colour("--soft");
      pen.beginPath();
      pen.moveTo(x(k), size.top);
      pen.lineTo(x(k), size.bottom);
      pen.stroke();
      pen.fillStyle = perch.colour("--soft");
      ticks(axis).forEach(([at, text]) => {
        pen.save();
        pen.lineWidth = 3;
        pen.strokeStyle = perch.colour("--paper");
        pen.strokeText(text, x(k) + 4, y(at) + 4);
        pen.fillText(text, x(k) + 4, y(at) + 4);
        pen.restore();
      });
      pen.save();
      pen.fillStyle = perch.colour("--ink");
      const last = k === all.length - 1;
      pen.textAlign = last ? "right" : "left";
      pen.translate(last ? inner.clientWidth - 4 : x(k) - 4, size.top - (last ? 40 : 8));
      pen.rotate(last ? 0 : -0.3);
      pen.fillText(axis.name, 0, 0);
      pen.restore();
    });
    mark();
  };
  const mark = () => {
    const pen = context(over);
    for (const trial of new Set([perch.state.hovered, perch.state.chosen])) {
      if (!places.has(trial)) continue;
      pen.strokeStyle = trial === perch.state.chosen ? perch.colour("--ink") : perch.colour("--link");
      pen.lineWidth = 2.6;
      trace(pen, trial);
    }
    if (drag) {
      pen.fillStyle = perch.colour("--link");
      pen.globalAlpha = 0.3;
      pen.fillRect(x(drag.axis) - 8, Math.min(drag.from, drag.to), 16, Math.abs(drag.to - drag.from));
    }
  };
  const nearest = (left, top) => {
    let [best, found] = [10, -1];
    const k = Math.min(Math.max(Math.floor(((left - 44) * (all.length - 1)) / (inner.clientWidth - 110)), 0), all.length - 2);
    for (const [trial, at] of places) {
      if (!perch.state.passing[trial] || at[k] === null || at[k + 1] === null) continue;
      const along = Math.min(Math.max((left - x(k)) / (x(k + 1) - x(k)), 0), 1);
      const away = Math.abs(y(at[k] + along * (at[k + 1] - at[k])) - top);
      if (away < best) [best, found] = [away, trial];
    }
    return found;
  };
  let drag = null;
  const local = (event) => {
    const at = inner.getBoundingClientRect();
    return [event.clientX - at.left, event.clientY - at.top];
  };
  inner.addEventListener("pointerdown", (event) => {
    const [left, top] = local(event);
    const axis = all.findIndex((_, k) => Math.abs(x(k) - left) < 12);
    if (axis >= 0) drag = { axis, from: top, to: top };
  });
  inner.addEventListener("pointermove", (event) => {
    const [left, top] = local(event);
    if (drag) {
      drag.to = top;
      mark();
      return;
    }
    const trial = nearest(left, top);
    perch.hover(trial);
    perch.tip(trial, event);
  });
  inner.addEventListener("pointerleave", (event) => { perch.hover(-1); perch.tip(-1, event); });
  addEventListener("pointerup", () => {
    const done = drag;
    drag = null;
    if (!done || Math.abs(done.to - done.from) < 5) return;
    const [from, to] = [Math.max(done.from, done.to), Math.min(done.from, done.to)].map((top) => Math.min(Math.max((size.bottom - top) / (size.bottom - size.top), 0), 1));
    const axis = all[done.axis];
    const name = axis.column || axis.name;
    if (axis.kind === "choice") {
      const kept = axis.values.filter((_, k) => (k + 0.5) / axis.values.length >= from && (k + 0.5) / axis.values.length <= to);
      if (kept.length) perch.addFilter(name, [`${perch.named(name)}=${kept.join("|")}`]);
    } else {
      perch.addFilter(name, [`${perch.named(name)}>=${Number(valueAt(axis, from).toPrecision(3))}`, `${perch.named(name)}<=${Number(valueAt(axis, to).toPrecision(3))}`]);
    }
    mark();
  });
  inner.addEventListener("click", (event) => {
    const trial = nearest(...local(event));
    if (trial >= 0) perch.choose(trial, frame.box);
  });
  frame.reset.textContent = "Without filters";
  frame.reset.addEventListener("click", () => perch.setFilter(""));
  perch.listen((what) => {
    frame.reset.hidden = !perch.byId("query").value;
    if (what === "passing" || what === "theme") drawAll();
    else mark();
  });
  new ResizeObserver(drawAll).observe(inner);
};
