"use strict";
/* Pictures that know what can be pointed at: the words of the place nearest to the pointer are shown at it, and marked. */
(() => {
  const tip = document.getElementById("tip");
  const near = 28; /* pixels */
  document.querySelectorAll(".picture[data-spots]").forEach((picture) => {
    const spots = JSON.parse(picture.dataset.spots);
    const svg = picture.querySelector("svg");
    const mark = document.createElement("i");
    mark.className = "mark";
    mark.hidden = true;
    picture.append(mark);
    const hide = () => { tip.hidden = mark.hidden = true; };
    picture.addEventListener("pointerleave", hide);
    picture.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      let [best, least] = [null, near * near];
      for (const spot of spots) {
        const away = (box.left + spot[0] * box.width - event.clientX) ** 2 + (box.top + spot[1] * box.height - event.clientY) ** 2;
        if (away < least) [best, least] = [spot, away];
      }
      if (!best) return hide();
      tip.textContent = best[2];
      tip.hidden = mark.hidden = false;
      const outer = picture.getBoundingClientRect();
      mark.style.left = `${box.left - outer.left + best[0] * box.width}px`;
      mark.style.top = `${box.top - outer.top + best[1] * box.height}px`;
      tip.style.left = `${Math.max(Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8), 4)}px`;
      const below = event.clientY + 16 + tip.offsetHeight < innerHeight;
      tip.style.top = `${below ? event.clientY + 16 : event.clientY - tip.offsetHeight - 10}px`;
    });
  });
})();
