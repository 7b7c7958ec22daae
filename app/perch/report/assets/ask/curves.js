"use strict";
/* Learning curves: value against epoch, one line per segment, coloured by what became of the trial. */
perch.curves = () => {
  const frame = perch.frame("learning_curves");
  const { curves, fates, colours, label } = perch.data;
  if (!frame || !curves.length) return;
  const epoch = (curve, k) => (Array.isArray(curve[2]) ? curve[2][k] : curve[2] + k);
  const counts = {};
  fates.forEach((fate) => { counts[fate] = (counts[fate] || 0) + 1; });
  const key = perch.make("ul", { className: "key" });
  for (const fate of Object.keys(colours).filter((name) => counts[name])) {
    key.append(perch.make("li", {}, perch.make("i", { style: `background:${colours[fate]}` }), `${fate} ${counts[fate]}`));
  }
  frame.box.append(key);
  const every = curves.flatMap((curve) => (curve[3].length > 40 ? [curve[3][0], Math.min(...curve[3]), curve[3].at(-1)] : curve[3]));
  let low = every.reduce((a, b) => Math.min(a, b), Infinity);
  let high = perch.quantile(every, 0.98);
  const log = low > 0 && high > 3 * low;
  if (log) [low, high] = [low * 0.9, high * 1.1];
  else [low, high] = [low - 0.06 * (high - low || 1), high + 0.06 * (high - low || 1)];
  const last = curves.reduce((most, curve) => Math.max(most, epoch(curve, curve[3].length - 1)), 1);
  const far = last > 12;
  const trace = (pen, curve) => {
    pen.context.beginPath();
    curve[3].forEach((value, k) => pen.context[k ? "lineTo" : "moveTo"](pen.x(epoch(curve, k)), pen.y(value)));
    pen.context.stroke();
  };
  const base = (pen) => {
    const alpha = Math.min(0.9, Math.max(0.15, 40 / curves.length));
    pen.context.lineWidth = pen.scale;
    pen.context.globalAlpha = alpha;
    for (const curve of curves) {
      if (!perch.state.passing[curve[0]]) continue;
      pen.context.strokeStyle = pen.context.fillStyle = colours[fates[curve[0]]];
      if (curve[3].length > 1) trace(pen, curve);
      perch.dot(pen, epoch(curve, curve[3].length - 1), curve[3].at(-1), 1.7);
    }
    pen.context.globalAlpha = 1;
  };
  const mark = (pen, trial) => {
    pen.context.lineWidth = 2.4;
    pen.context.strokeStyle = pen.context.fillStyle = pen.colour;
    for (const curve of curves) {
      if (curve[0] !== trial) continue;
      trace(pen, curve);
      perch.dot(pen, epoch(curve, curve[3].length - 1), curve[3].at(-1), 3.5);
    }
  };
  const nearest = (left, top, pen) => {
    let best = 14;
    let found = -1;
    for (const curve of curves) {
      if (!perch.state.passing[curve[0]]) continue;
      const count = curve[3].length;
      let k = 0;
      while (k < count - 1 && pen.x(epoch(curve, k + 1)) <= left) k += 1;
      for (const near of [k, k + 1]) {
        if (near >= count) continue;
        const away = Math.hypot(pen.x(epoch(curve, near)) - left, pen.y(curve[3][near]) - top);
        if (away < best) [best, found] = [away, curve[0]];
      }
      if (k + 1 < count) {
        const [x1, x2] = [pen.x(epoch(curve, k)), pen.x(epoch(curve, k + 1))];
        const [y1, y2] = [pen.y(curve[3][k]), pen.y(curve[3][k + 1])];
        if (left >= x1 && left <= x2) {
          const away = Math.abs(y1 + ((y2 - y1) * (left - x1)) / (x2 - x1 || 1) - top);
          if (away < best) [best, found] = [away, curve[0]];
        }
      }
    }
    return found;
  };
  const made = perch.chart(frame.place, {
    height: 380, x: { label: "epoch", low: far ? 0.9 : 0.5, high: last * (far ? 1.1 : 1) + 0.3, log: far }, y: { label, low, high, log },
    base, mark, nearest, zoomed: (is) => { frame.reset.hidden = !is; },
  });
  frame.reset.addEventListener("click", made.reset);
};
