"use strict";
/* A chart on uPlot's axes: the script draws trials itself, so that ten thousand of them stay quick.

   spec: label (for those who do not see it), height, x and y ({label, low, high, log, ticks}), base(pen) draws all trials that
   pass, mark(pen, trial) one of them on top, nearest(left, top, pen) names the trial at a place (-1: none). A pen holds the
   2D context and the functions x and y from values to pixels. */
perch.ticks = (low, high, most) => {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const digit of [1, 2, 5]) {
      const value = Number(`${digit}e${power}`);
      if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
    }
  }
  const tens = found.filter((value) => value.toExponential().startsWith("1e"));
  const enough = found.length <= most ? found : tens.length > 1 ? tens : [found[0], found.at(-1)];
  return enough.length > 1 ? enough : [low, Math.sqrt(low * high), high];
};

perch.chart = (place, spec) => {
  const whole = { x: [spec.x.low, spec.x.high], y: [spec.y.low, spec.y.high] };
  const view = { x: whole.x, y: whole.y };
  const axis = (side, key) => ({
    scale: key, label: side.label, size: key === "y" ? 60 : 30, labelSize: 20, labelGap: 0, font: "12px system-ui", labelFont: "12px system-ui",
    stroke: () => perch.colour("--soft"), grid: { stroke: () => perch.colour("--line"), width: 0.7 }, ticks: { show: false },
    splits: side.ticks ? () => side.ticks.map((t) => t.at) : side.log ? (u, i, low, high) => perch.ticks(low, high, key === "x" ? u.over.clientWidth / 48 : 8) : undefined,
    filter: (u, splits) => splits,
    values: (u, splits) => splits.map((v) => (side.ticks ? side.ticks.find((t) => t.at === v).text : perch.number(v))),
    space: key === "x" ? 60 : 30,
  });
  const pen = (u, over) => ({
    context: over ? over.getContext("2d") : u.ctx, scale: over ? 1 : devicePixelRatio,
    x: (v) => u.valToPos(v, "x", !over), y: (v) => u.valToPos(v, "y", !over), view,
  });
  const over = perch.make("canvas", { className: "over" });
  const mark = (u) => {
    const { clientWidth: width, clientHeight: height } = u.over;
    Object.assign(over, { width: width * devicePixelRatio, height: height * devicePixelRatio });
    const one = pen(u, over);
    one.context.scale(devicePixelRatio, devicePixelRatio);
    const { chosen, hovered } = perch.state;
    for (const trial of new Set([hovered, chosen])) {
      one.colour = trial === chosen ? perch.colour("--ink") : perch.colour("--link");
      if (trial >= 0) spec.mark(one, trial);
    }
  };
  const draw = (u) => {
    const { left, top, width, height } = u.bbox;
    u.ctx.save();
    u.ctx.beginPath();
    u.ctx.rect(left, top, width, height);
    u.ctx.clip();
    spec.base(pen(u));
    u.ctx.restore();
    mark(u);
  };
  const show = (u, x, y) => {
    view.x = x;
    view.y = y;
    u.batch(() => {
      u.setScale("x", { min: x[0], max: x[1] });
      u.setScale("y", { min: y[0], max: y[1] });
    });
    if (spec.zoomed) spec.zoomed(view.x !== whole.x || view.y !== whole.y);
  };
  let dragged = false;
  const select = (u) => {
    const { left, top, width, height } = u.select;
    if (width < 8 && height < 8) return;
    dragged = true;
    const x = width < 8 ? view.x : [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
    const y = height < 8 ? view.y : [u.posToVal(top + height, "y"), u.posToVal(top, "y")];
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    show(u, x, y);
  };
  const scale = (side, key) => ({ time: false, distr: side.log ? 3 : 1, range: () => view[key] });
  const plot = new uPlot({
    width: Math.max(place.clientWidth, 200), height: spec.height, legend: { show: false },
    scales: { x: scale(spec.x, "x"), y: scale(spec.y, "y") }, axes: [axis(spec.x, "x"), axis(spec.y, "y")],
    series: [{}, { paths: () => null, points: { show: false } }],
    cursor: { points: { show: false }, x: false, y: false, drag: { x: true, y: true, uni: 20, setScale: false }, bind: { dblclick: (u) => () => { show(u, whole.x, whole.y); return null; } } },
    hooks: { draw: [draw], setSelect: [select] },
  }, [whole.x, whole.y], place);
  plot.over.append(over);
  const at = (event) => {
    const box = plot.over.getBoundingClientRect();
    return spec.nearest(event.clientX - box.left, event.clientY - box.top, pen(plot, over));
  };
  plot.over.addEventListener("mousemove", (event) => {
    const trial = event.buttons ? -1 : at(event);
    perch.hover(trial);
    perch.tip(trial, event);
  });
  plot.over.addEventListener("mouseleave", (event) => { perch.hover(-1); perch.tip(-1, event); });
  plot.over.addEventListener("mousedown", () => { dragged = false; });
  plot.over.addEventListener("click", (event) => { if (!dragged && at(event) >= 0) perch.choose(at(event), place.closest(".chart")); });
  perch.listen((what) => (what === "passing" || what === "theme" ? plot.redraw(false, true) : mark(plot)));
  new ResizeObserver(() => {
    const width = Math.max(place.clientWidth, 200);
    if (width !== plot.width) plot.setSize({ width, height: spec.height });
  }).observe(place);
  return { plot, reset: () => show(plot, whole.x, whole.y) };
};

/* The frame of an interactive figure: takes the place of the printed one and is named by the same words. */
perch.frame = (name) => {
  const figure = document.querySelector(`[data-figure="${name}"]`);
  if (!figure) return null;
  const picture = figure.querySelector(".picture");
  const words = picture.querySelector("svg").getAttribute("aria-label");
  const tools = perch.make("div", { className: "tools" });
  const place = perch.make("div", { role: "img", "aria-label": words });
  const box = perch.make("div", { className: "chart", role: "group", "aria-label": "Chart: arrow keys go from trial to trial, Enter opens the card" }, tools, place);
  picture.before(box);
  picture.hidden = true;
  perch.keys(box);
  const reset = perch.make("button", { type: "button", textContent: "Whole chart", hidden: true });
  tools.append("Drag to zoom, click a trial to open it.", reset);
  return { place, tools, reset, box };
};

/* Build a chart when it is about to be seen: a page of many trials opens at once. */
perch.whenSeen = (element, build) => {
  const watcher = new IntersectionObserver((seen) => {
    if (!seen.some((one) => one.isIntersecting)) return;
    watcher.disconnect();
    build();
  }, { rootMargin: "400px" });
  watcher.observe(element);
};

perch.dot = ({ context, x, y, scale }, at, up, radius) => {
  context.beginPath();
  context.arc(x(at), y(up), radius * scale, 0, 2 * Math.PI);
  context.fill();
};
