"use strict";
/* The best so far against consumed time, with the baselines. */
perch.incumbent = () => {
  const frame = perch.frame("incumbent");
  const { improvements, end_s: end, label, baselines } = perch.data;
  if (!frame || !improvements.length) return;
  const [scale, unit] = end > 7200 ? [3600, "hours"] : end > 180 ? [60, "minutes"] : [1, "seconds"];
  const values = improvements.map((one) => one[1]);
  const tests = improvements.map((one) => one[4]).filter((v) => v !== null);
  const top = Math.max(...values);
  const lines = Object.entries(baselines).filter(([, value]) => value <= 1.6 * top);
  const all = [...values, ...tests, ...lines.map((line) => line[1])];
  let [low, high] = [Math.min(...all), Math.max(...all)];
  const log = low > 0 && high > 3 * low;
  [low, high] = log ? [low * 0.92, high * 1.08] : [low - 0.06 * (high - low || 1), high + 0.06 * (high - low || 1)];
  const base = (pen) => {
    const { context } = pen;
    context.font = `${12 * pen.scale}px system-ui`;
    context.lineWidth = pen.scale;
    for (const [name, value] of lines) {
      context.strokeStyle = context.fillStyle = perch.colour("--soft");
      context.setLineDash([5 * pen.scale, 4 * pen.scale]);
      context.beginPath();
      context.moveTo(pen.x(pen.view.x[0]), pen.y(value));
      context.lineTo(pen.x(pen.view.x[1]), pen.y(value));
      context.stroke();
      context.textAlign = "right";
      context.fillText(`${name.replaceAll("_", " ")} ${perch.number(value)}`, pen.x(pen.view.x[1]) - 4 * pen.scale, pen.y(value) - 4 * pen.scale);
    }
    context.setLineDash([]);
    context.strokeStyle = context.fillStyle = "#1a84c7";
    context.lineWidth = 2.2 * pen.scale;
    context.beginPath();
    improvements.forEach(([time, value], k) => {
      if (k) context.lineTo(pen.x(time / scale), pen.y(improvements[k - 1][1]));
      context[k ? "lineTo" : "moveTo"](pen.x(time / scale), pen.y(value));
    });
    context.lineTo(pen.x(end / scale), pen.y(values.at(-1)));
    context.stroke();
    improvements.forEach(([time, value]) => perch.dot(pen, time / scale, value, 3.2));
    context.fillStyle = "#d55e00";
    improvements.forEach(([time, , , , test]) => { if (test !== null) perch.dot(pen, time / scale, test, 2.2); });
  };
  const mark = (pen, trial) => {
    pen.context.fillStyle = pen.colour;
    improvements.filter((one) => one[2] === trial).forEach(([time, value]) => perch.dot(pen, time / scale, value, 6));
  };
  const nearest = (left, top_, pen) => {
    let [best, found] = [18, -1];
    for (const [time, value, trial] of improvements) {
      const away = Math.hypot(pen.x(time / scale) - left, pen.y(value) - top_);
      if (away < best) [best, found] = [away, trial];
    }
    return found;
  };
  if (tests.length) {
    frame.box.append(perch.make("ul", { className: "key" },
      perch.make("li", {}, perch.make("i", { style: "background:#1a84c7" }), `best ${label}`),
      perch.make("li", {}, perch.make("i", { style: "background:#d55e00" }), "test error of the same epoch")));
  }
  const made = perch.chart(frame.place, {
    height: 330, x: { label: `consumed time (${unit})`, low: 0, high: (end / scale) * 1.02 || 1 }, y: { label, low, high, log },
    base, mark, nearest, zoomed: (is) => { frame.reset.hidden = !is; },
  });
  frame.reset.addEventListener("click", made.reset);
};
