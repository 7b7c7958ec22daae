"use strict";
/* Which trial is chosen, which one the pointer is at, and which pass the filter; charts, table and card listen. */
perch.state = { chosen: -1, hovered: -1, passing: null, listeners: [] };

perch.listen = (listener) => perch.state.listeners.push(listener);
perch.announce = (what) => perch.state.listeners.forEach((listener) => listener(what));

perch.choose = (trial, opener = null) => {
  perch.state.chosen = trial;
  perch.state.opener = opener;
  perch.announce("chosen");
};

perch.hover = (trial) => {
  if (trial === perch.state.hovered) return;
  perch.state.hovered = trial;
  perch.announce("hovered");
};

perch.pass = (passing) => {
  perch.state.passing = passing;
  perch.announce("passing");
};

/* Trials that pass, the best first: the order in which arrow keys go. */
perch.ranked = () => {
  const { values, descending } = perch.data;
  const order = [...values.keys()].filter((i) => perch.state.passing[i] && values[i] !== null);
  return order.sort((a, b) => (descending ? values[b] - values[a] : values[a] - values[b]));
};

/* Arrow keys go from trial to trial, Enter opens the card, and Escape closes it. */
perch.keys = (element) => {
  element.tabIndex = 0;
  element.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const order = perch.ranked();
      const at = order.indexOf(perch.state.hovered >= 0 ? perch.state.hovered : perch.state.chosen);
      const trial = order[Math.min(Math.max(at + step, 0), order.length - 1)];
      if (trial === undefined) return;
      perch.hover(trial);
      perch.byId("said").textContent = perch.sentence(trial);
    } else if (event.key === "Enter" && perch.state.hovered >= 0) {
      perch.choose(perch.state.hovered, element);
    }
  });
};

perch.sentence = (trial) => {
  const { values, fates, trained, label } = perch.data;
  return `Trial ${perch.id(trial)}: ${fates[trial]} after ${trained[trial]} epochs, best ${label} ${perch.number(values[trial])}`;
};

perch.tip = (trial, event) => {
  const tip = perch.byId("tip");
  tip.hidden = trial < 0;
  if (trial < 0) return;
  tip.textContent = perch.sentence(trial);
  const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  const below = event.clientY + 16 + tip.offsetHeight < innerHeight;
  tip.style.left = `${Math.max(left, 4)}px`;
  tip.style.top = `${below ? event.clientY + 16 : event.clientY - tip.offsetHeight - 10}px`;
};
