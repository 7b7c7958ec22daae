"use strict";
/* A page that is served while its run goes on: loads itself again when there is news, and stays where it was. */
perch.live = () => {
  const { byId, state, data } = perch;
  const kept = JSON.parse(sessionStorage.getItem("perch") || "null");
  if (kept) {
    sessionStorage.removeItem("perch");
    if (kept.query) perch.setFilter(kept.query);
    const trial = data.rows.findIndex((_, row) => perch.id(row) === kept.trial);
    if (trial >= 0) perch.choose(trial);
    byId("control").open = kept.control;
    perch.showAnswer(kept.answer);
    if (kept.theme) document.documentElement.dataset.theme = kept.theme;
    scrollTo(0, kept.scroll);
  }
  const again = () => {
    const trial = state.chosen >= 0 ? perch.id(state.chosen) : null;
    sessionStorage.setItem("perch", JSON.stringify({ query: byId("query").value, trial, control: byId("control").open, answer: perch.answer(), scroll: scrollY, theme: document.documentElement.dataset.theme }));
    location.reload();
  };
  /* Not while somebody writes a filter, zooms, or has marked text. */
  const busy = () => document.activeElement === byId("query") || perch.inControl() || String(getSelection()) !== "";
  const look = async () => {
    let words = "";
    try {
      const found = await (await fetch("version", { cache: "no-store" })).json();
      if (found.version !== document.body.dataset.version && !busy()) again();
      if (found.ended) perch.controlEnded();
      words = found.ended ? "The run has ended." : "Live.";
    } catch {
      words = "The server of this page has ended; it shows the run as it was.";
    }
    byId("made").textContent = `${byId("made").textContent.split(" · ")[0]} · ${words}`;
  };
  setInterval(look, 2000);
  look();
};
