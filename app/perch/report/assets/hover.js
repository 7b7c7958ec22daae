"use strict";
/* Pictures that know what can be pointed at: the words of the place nearest to the pointer are shown at it, and marked. */
(() => {
  const tip = document.getElementById("tip");
  const [near, together, most] = [28, 2, 6]; /* pixels to the pointer, pixels within which points count as one, and their words */
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
      const away = (spot, x, y) => (box.left + spot[0] * box.width - x) ** 2 + (box.top + spot[1] * box.height - y) ** 2;
      let [best, least] = [null, near * near];
      for (const spot of spots) {
        const distance = away(spot, event.clientX, event.clientY);
        if (distance < least) [best, least] = [spot, distance];
      }
      if (!best) return hide();
      const there = spots.filter((spot) => away(spot, box.left + best[0] * box.width, box.top + best[1] * box.height) < together * together);
      tip.textContent = [...new Set([best, ...there].map((spot) => spot[2]))].slice(0, most).join("\n");
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
