"use strict";
/* A map over two hyperparameters: best values smoothed over near trials, in bands; the two are chosen here. */
perch.contour = () => {
  const frame = perch.frame("contour");
  const { axes, values, label, descending } = perch.data;
  const numeric = axes.filter((axis) => axis.kind !== "choice");
  if (!frame || numeric.length < 2) return;
  const grid = 44;
  const bands = 9;
  const unit = (axis, value) => (axis.kind === "log" ? Math.log(value / axis.low) / Math.log(axis.high / axis.low) : (value - axis.low) / (axis.high - axis.low));
  const back = (axis, share) => (axis.kind === "log" ? axis.low * (axis.high / axis.low) ** share : axis.low + share * (axis.high - axis.low));
  const width = (places) => {
    const mean = places.reduce((a, b) => a + b, 0) / places.length;
    const deviation = Math.sqrt(places.reduce((a, b) => a + (b - mean) ** 2, 0) / places.length);
    return Math.max(deviation * places.length ** (-1 / 6), 0.03);
  };
  const field = (x, y, z) => {
    const [wide, high] = [width(x), width(y)];
    const near = (places, size) => Array.from({ length: grid }, (_, g) => places.map((p) => Math.exp(-0.5 * (((g + 0.5) / grid - p) / size) ** 2)));
    const [across, up] = [near(x, wide), near(y, high)];
    return up.map((row) => across.map((column) => {
      let [sum, weight] = [0, 0];
      for (let k = 0; k < z.length; k += 1) {
        const w = row[k] * column[k];
        weight += w;
        sum += w * z[k];
      }
      return weight >= 0.3 ? sum / weight : NaN;
    }));
  };
  const words = frame.place.getAttribute("aria-label");
  const drawn = /over (\S+) and (\S+);/.exec(words);
  const select = (name, chosen) => {
    const made = perch.make("select", { "aria-label": name });
    numeric.forEach((axis) => made.append(perch.make("option", { value: axis.name, textContent: axis.name, selected: axis.name === chosen })));
    made.addEventListener("change", build);
    return made;
  };
  const first = select("Hyperparameter across", drawn ? drawn[1] : numeric[0].name);
  const second = select("Hyperparameter up", drawn ? drawn[2] : numeric[1].name);
  frame.tools.prepend("Across", first, "up", second);
  function build() {
    frame.place.replaceChildren();
    const [across, up] = [first, second].map((box) => numeric.find((axis) => axis.name === box.value));
    if (across === up) {
      frame.place.append(perch.make("p", { className: "missing", textContent: "Choose two different hyperparameters." }));
      return;
    }
    frame.place.setAttribute("aria-label", `Map of the best ${label} over ${across.name} and ${up.name}`);
    const known = [...values.keys()].filter((i) => values[i] !== null && perch.along(across, i) !== null && perch.along(up, i) !== null);
    const [x, y] = [across, up].map((axis) => known.map((i) => unit(axis, perch.along(axis, i))));
    const map = field(x, y, known.map((i) => values[i]));
    const seen = map.flat().filter((v) => !Number.isNaN(v));
    const levels = Array.from({ length: bands - 1 }, (_, k) => perch.quantile(seen, (k + 1) / bands));
    const colour = (value) => {
      const band = levels.filter((level) => value > level).length / (bands - 1);
      return perch.shade(descending ? band : 1 - band);
    };
    const base = (pen) => {
      const { context } = pen;
      map.forEach((row, j) => row.forEach((value, i) => {
        if (Number.isNaN(value)) return;
        context.fillStyle = colour(value);
        const [x1, x2] = [i, i + 1].map((k) => pen.x(back(across, k / grid)));
        const [y1, y2] = [j, j + 1].map((k) => pen.y(back(up, k / grid)));
        context.fillRect(Math.floor(x1), Math.floor(y2), Math.ceil(x2) - Math.floor(x1), Math.ceil(y1) - Math.floor(y2));
      }));
      context.strokeStyle = perch.colour("--paper");
      context.lineWidth = pen.scale;
      context.fillStyle = perch.colour("--ink");
      for (const trial of known) {
        if (!perch.state.passing[trial]) continue;
        perch.dot(pen, perch.along(across, trial), perch.along(up, trial), known.length > 1000 ? 1.2 : 2.6);
        if (known.length <= 1000) context.stroke();
      }
    };
    const mark = (pen, trial) => {
      if (perch.along(across, trial) === null || perch.along(up, trial) === null) return;
      pen.context.fillStyle = pen.colour;
      perch.dot(pen, perch.along(across, trial), perch.along(up, trial), 6);
    };
    const nearest = (left, top, pen) => {
      let [best, found] = [14, -1];
      for (const trial of known) {
        if (!perch.state.passing[trial]) continue;
        const away = Math.hypot(pen.x(perch.along(across, trial)) - left, pen.y(perch.along(up, trial)) - top);
        if (away < best) [best, found] = [away, trial];
      }
      return found;
    };
    const made = perch.chart(frame.place, { height: 400, x: perch.side(across), y: perch.side(up), base, mark, nearest, zoomed: (is) => { frame.reset.hidden = !is; } });
    frame.reset.onclick = made.reset;
    const key = perch.make("ul", { className: "key" });
    const ends = [Math.min(...seen), Math.max(...seen)];
    const stops = descending ? perch.data.scale : [...perch.data.scale].reverse();
    key.append(perch.make("li", {}, `best ${label}, smoothed: ${perch.number(ends[0])} `, perch.make("i", { className: "ramp", style: `background:linear-gradient(90deg,${stops.join(",")})` }), perch.number(ends[1])));
    frame.place.append(key);
  }
  build();
};
