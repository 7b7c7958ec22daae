"use strict";
/* Buttons of a page that is served while its run goes on: each is a request to the run, which the run's log keeps. */
perch.control = () => {
  const { byId, make, data } = perch;
  const token = location.pathname.split("/")[1];
  const said = make("p", { className: "hint", role: "status" });
  let [waits, answered] = [false, 0];

  const ask = async (button, request) => {
    button.disabled = waits = true;
    said.textContent = "Asking the run …";
    try {
      const answer = await fetch("ask", {
        method: "POST", headers: { "Content-Type": "application/json", "X-Perch-Token": token }, body: JSON.stringify(request),
      });
      if (!answer.ok) throw new Error(await answer.text());
      const found = await answer.json();
      said.textContent = found.accepted ? `Done: ${found.what}.` : `Refused: ${found.what}. ${found.why}. ${found.fix}.`;
      said.classList.toggle("refused", !found.accepted);
    } catch (error) {
      said.textContent = `No answer: ${error.message}.`;
    }
    button.disabled = waits = false;
    answered = Date.now();
  };

  /* A button; one that cannot be undone asks once more. */
  const button = (label, request, sure) => {
    const made = make("button", { type: "button", textContent: label });
    made.addEventListener("click", () => {
      if (sure && !confirm(sure)) return;
      const found = request();
      if (found) ask(made, found);
    });
    return made;
  };

  const trials = make("input", { type: "number", min: "1", id: "ask-trials", placeholder: "trials" });
  const time = make("input", { type: "text", id: "ask-time", placeholder: "time: 8h", size: 8 });
  const config = make("textarea", { id: "ask-config", rows: 4, spellcheck: false });
  config.value = JSON.stringify(data.winner ? data.winner.config : data.configs[0] || {}, null, 1);
  const label = (text, field) => make("label", { htmlFor: field.id, textContent: text });
  const parsed = () => {
    try {
      return { do: "add", config: JSON.parse(config.value) };
    } catch (error) {
      said.textContent = `This is no JSON: ${error.message}.`;
      return null;
    }
  };
  const budget = () => ({ do: "budget", trials: trials.value ? Number(trials.value) : null, time: time.value || null });
  const panel = make("details", { id: "control" },
    make("summary", { textContent: "Control this run" }),
    make("div", { className: "row" }, label("Budget", trials), trials, label("time", time), time, button("Change budget", budget)),
    make("div", { className: "row" }, label("Configuration", config), config, button("Add configuration", parsed)),
    make("div", { className: "row" },
      button("End the search", () => ({ do: "end" }), "End the search now? The best are confirmed, and the winner is named."),
      button("Leave", () => ({ do: "leave" }), "Save and end the run? It can be resumed later.")),
  );
  byId("result").parentElement.append(panel, said);

  /* On the card of a trial that may still train. */
  perch.listen((what) => {
    const trial = perch.state.chosen;
    if (what !== "chosen" || trial < 0 || !["running", "paused"].includes(data.fates[trial])) return;
    const name = perch.id(trial);
    byId("card").querySelector("h2").after(make("p", { className: "copies" },
      button("Stop this trial", () => ({ do: "stop", trial: name }), `Stop trial ${name}? It will not be trained any more.`),
      button("Keep this trial", () => ({ do: "keep", trial: name }))), said);
  });
  perch.listen((what) => { if (what === "chosen" && perch.state.chosen < 0) panel.after(said); });

  /* While the panel is in use, the page does not load itself again. */
  perch.inControl = () => waits || (panel.contains(document.activeElement) && document.activeElement.matches("input, textarea"));
  /* An answer stays in sight for half a minute, also over the loading that the answer itself brings about. */
  perch.answer = () => (Date.now() - answered < 30000 ? { text: said.textContent, refused: said.classList.contains("refused"), answered } : null);
  perch.showAnswer = (kept) => {
    if (!kept) return;
    said.textContent = kept.text;
    said.classList.toggle("refused", kept.refused);
    answered = kept.answered;
  };
  perch.controlEnded = () => panel.querySelectorAll("button").forEach((one) => { one.disabled = true; });
};
