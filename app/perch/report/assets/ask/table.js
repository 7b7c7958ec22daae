"use strict";
/* The table of trials: sorted, filtered, in pages; columns are chosen, and the first ones stay where they are. */
perch.table = () => {
  const { byId, make, data } = perch;
  const pageSize = 100;
  const words = data.rows.map((row) => row.map((v) => (v === null ? "" : String(v))).join("\u0001").toLowerCase());
  const numeric = data.columns.map((_, c) => data.rows.some((r) => typeof r[c] === "number") && data.rows.every((r) => r[c] === null || typeof r[c] === "number"));
  const chosen = data.columns.map((name) => !data.hidden.includes(name));
  let sort = { column: data.sort, descending: data.descending };
  let frozen = innerWidth < 640 ? 1 : 2;
  let shown = [];
  let page = 0;

  // numbers by size, words by alphabet, what is missing last
  const compare = (a, b) => {
    const [x, y] = [data.rows[a][sort.column], data.rows[b][sort.column]];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true });
    return (sort.descending ? -order : order) || a - b;
  };

  const answer = (term, count) => {
    const rows = count === data.rows.length ? "all trials have it" : `${count.toLocaleString("en")} of ${data.rows.length.toLocaleString("en")} trials have it`;
    return make("li", { className: term.test ? "" : "wrong", textContent: term.test ? `${term.term}: ${rows}` : `'${term.term}' is not understood and filters nothing: ${term.why}` });
  };

  const update = () => {
    const terms = perch.filter(byId("query").value, { columns: data.columns, numeric });
    const counts = terms.map(() => 0);
    const passing = new Uint8Array(data.rows.length);
    shown = [];
    data.rows.forEach((row, index) => {
      let passes = true;
      terms.forEach((term, t) => {
        if (!term.test) return;
        if (term.test(row, words[index])) counts[t] += 1;
        else passes = false;
      });
      if (passes) shown.push(index);
      passing[index] = passes;
    });
    byId("filter-said").replaceChildren(...terms.map((term, t) => answer(term, counts[t])));
    shown.sort(compare);
    page = 0;
    draw();
    perch.pass(passing);
  };

  const columns = () => [...data.columns.keys()].filter((c) => chosen[c]);

  const draw = () => {
    const body = make("tbody");
    for (const index of shown.slice(page * pageSize, (page + 1) * pageSize)) {
      const line = body.insertRow();
      line.dataset.row = index;
      for (const column of columns()) {
        const value = data.rows[index][column];
        const cell = line.insertCell();
        if (data.columns[column] === "trial_id") cell.append(make("button", { type: "button", className: "trial", textContent: value }));
        else cell.textContent = value === null ? "" : perch.number(value);
        if (numeric[column]) cell.className = "number";
        else if (cell.textContent.length > 40) cell.className = "long";
      }
    }
    byId("table").tBodies[0].replaceWith(body);
    const pages = Math.max(1, Math.ceil(shown.length / pageSize));
    byId("count").textContent = `${shown.length.toLocaleString("en")} of ${data.rows.length.toLocaleString("en")} trials`;
    byId("page").textContent = `Page ${page + 1} of ${pages}`;
    byId("previous").disabled = page === 0;
    byId("next").disabled = page >= pages - 1;
    byId("pages").hidden = pages === 1;
    freeze();
    mark();
  };

  const freeze = () => {
    let left = 0;
    const cells = [...byId("table").rows];
    for (let k = 0; k < columns().length; k += 1) {
      const stays = k < frozen;
      for (const row of cells) {
        if (!row.cells[k]) continue;
        row.cells[k].classList.toggle("frozen", stays);
        row.cells[k].style.left = stays ? `${left}px` : "";
      }
      if (stays && cells[0].cells[k]) left += cells[0].cells[k].offsetWidth;
    }
  };

  const heading = (column) => {
    const here = column === sort.column;
    const cell = make("th", { scope: "col", "aria-sort": here ? (sort.descending ? "descending" : "ascending") : "none" });
    const button = make("button", { type: "button", textContent: data.columns[column] + (here ? (sort.descending ? " ▼" : " ▲") : "") });
    button.dataset.column = column;
    button.addEventListener("click", () => {
      sort = { column, descending: sort.column === column ? !sort.descending : false };
      heads();
      update();
      byId("table").tHead.querySelector(`[data-column="${column}"]`).focus();
    });
    cell.append(button);
    return cell;
  };
  const heads = () => byId("table").tHead.replaceChildren(make("tr", {}, ...columns().map(heading)));

  const chooser = () => {
    const place = byId("columns").querySelector("div");
    const boxes = data.columns.map((name, column) => {
      const box = make("input", { type: "checkbox", checked: chosen[column], disabled: name === "trial_id" });
      box.addEventListener("change", () => { chosen[column] = box.checked; heads(); draw(); });
      return make("label", {}, box, ` ${name}`);
    });
    const keep = make("select", { id: "frozen" });
    [0, 1, 2, 3, 4].forEach((n) => keep.append(make("option", { value: n, textContent: n, selected: n === frozen })));
    keep.addEventListener("change", () => { frozen = Number(keep.value); draw(); });
    place.append(make("label", {}, "Columns that stay in sight: ", keep), ...boxes);
  };

  const mark = () => {
    for (const row of byId("table").tBodies[0].rows) {
      row.classList.toggle("chosen", Number(row.dataset.row) === perch.state.chosen);
      row.classList.toggle("hovered", Number(row.dataset.row) === perch.state.hovered);
    }
  };
  perch.listen((what) => { if (what !== "passing") mark(); });

  byId("table").addEventListener("click", (event) => {
    const row = event.target.closest("tbody tr");
    if (row) perch.choose(Number(row.dataset.row), row.querySelector("button"));
  });
  byId("table").addEventListener("mouseover", (event) => {
    const row = event.target.closest("tbody tr");
    perch.hover(row ? Number(row.dataset.row) : -1);
  });
  byId("table").addEventListener("mouseleave", () => perch.hover(-1));
  byId("filter").addEventListener("submit", (event) => event.preventDefault());
  byId("query").addEventListener("input", update);
  byId("previous").addEventListener("click", () => { page -= 1; draw(); });
  byId("next").addEventListener("click", () => { page += 1; draw(); });
  heads();
  chooser();
  update();
};
