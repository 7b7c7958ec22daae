"use strict";
/* Unpacks the data and starts table, card and charts. Where that cannot be, the printed figures stay. */
(async () => {
  try {
    perch.data = await perch.unpack(perch.byId("data").textContent);
  } catch (error) {
    const words = `This browser cannot read the page's data (${error}); the figures are shown as printed.`;
    perch.byId("filter").before(perch.make("p", { className: "missing", textContent: words }));
    document.body.dataset.ready = "printed";
    return;
  }
  const { data, byId } = perch;
  perch.mostEpochs = [data.trained.reduce((most, n) => Math.max(most, n), 1)];
  perch.state.passing = new Uint8Array(data.rows.length).fill(1);
  perch.card();
  perch.table();
  perch.rungs();
  if (data.winner) byId("best-copies")?.append(...perch.copies(data.winner.id, data.winner.config));
  const charts = { incumbent: perch.incumbent, learning_curves: perch.curves, hyperparameters: perch.slice, parallel: perch.parallel, contour: perch.contour };
  for (const [name, build] of Object.entries(charts)) {
    const figure = document.querySelector(`[data-figure="${name}"]`);
    if (figure) perch.whenSeen(figure, build);
  }
  const rows = new Map(data.rows.map((row, index) => [row[data.columns.indexOf("trial_id")], index]));
  document.querySelectorAll("tr[data-trial]").forEach((row) => {
    if (rows.has(row.dataset.trial)) row.addEventListener("click", () => perch.choose(rows.get(row.dataset.trial)));
  });
  const repaint = () => perch.announce("theme");
  byId("theme").addEventListener("click", repaint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  const links = new Map([...document.querySelectorAll("#contents a")].map((link) => [link.hash.slice(1), link]));
  const watcher = new IntersectionObserver((seen) => {
    const now = seen.find((one) => one.isIntersecting);
    if (!now) return;
    links.forEach((link) => link.removeAttribute("aria-current"));
    links.get(now.target.id)?.setAttribute("aria-current", "true");
  }, { rootMargin: "0px 0px -70% 0px" });
  document.querySelectorAll("main h2[id]").forEach((heading) => watcher.observe(heading));
  if (innerWidth < 1120) document.querySelector("#contents details").open = false;
  if (perch.live) {
    perch.control();
    perch.live();
  }
  document.body.dataset.ready = "yes";
})();
