"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const pageSize = 100;
  const byId = (id) => document.getElementById(id);
  const haystack = data.rows.map((row) => row.map((v) => (v === null ? "" : String(v))).join("\u0001").toLowerCase());
  const isNumber = data.columns.map((_, c) => data.rows.some((r) => typeof r[c] === "number") && data.rows.every((r) => r[c] === null || typeof r[c] === "number"));
  let sort = { column: data.sort, descending: data.descending };
  let shown = [];
  let page = 0;

  // --- filter: words, and comparisons such as lr<0.01 -------------------------------------------------------------
  const columnOf = (name) => {
    const wanted = name.toLowerCase();
    const exact = data.columns.findIndex((c) => c.toLowerCase() === wanted);
    return exact >= 0 ? exact : data.columns.findIndex((c) => c.toLowerCase().includes(wanted));
  };
  const test = (term) => {
    const parts = term.match(/^([^<>=!]+)(<=|>=|!=|<|>|=)(.+)$/);
    const column = parts ? columnOf(parts[1]) : -1;
    if (column < 0) {
      const word = term.toLowerCase();
      return (row, index) => haystack[index].includes(word);
    }
    const [, , operator, text] = parts;
    const number = Number(text);
    const numeric = isNumber[column] && !Number.isNaN(number);
    const value = (row) => (numeric ? row[column] : row[column] === null ? null : String(row[column]).toLowerCase());
    const against = numeric ? number : text.toLowerCase();
    const compare = {
      "<": (v) => v < against, ">": (v) => v > against, "<=": (v) => v <= against, ">=": (v) => v >= against,
      "=": (v) => v === against, "!=": (v) => v !== against,
    }[operator];
    return (row) => {
      const v = value(row);
      return v === null ? operator === "!=" : compare(v);
    };
  };

  // --- sort: numbers by size, words by alphabet, what is missing last ---------------------------------------------
  const compare = (a, b) => {
    const x = data.rows[a][sort.column];
    const y = data.rows[b][sort.column];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true });
    return (sort.descending ? -order : order) || a - b;
  };

  const update = () => {
    const tests = byId("query").value.split(/\s+/).filter(Boolean).map(test);
    shown = [];
    data.rows.forEach((row, index) => {
      if (tests.every((t) => t(row, index))) shown.push(index);
    });
    shown.sort(compare);
    page = 0;
    draw();
  };

  const text = (value) => (value === null ? "" : typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value));

  const draw = () => {
    const body = document.createElement("tbody");
    for (const index of shown.slice(page * pageSize, (page + 1) * pageSize)) {
      const line = body.insertRow();
      data.rows[index].forEach((value, column) => {
        const cell = line.insertCell();
        cell.textContent = text(value);
        if (isNumber[column]) cell.className = "number";
        else if (cell.textContent.length > 40) cell.className = "long";
      });
    }
    byId("table").tBodies[0].replaceWith(body);
    const pages = Math.max(1, Math.ceil(shown.length / pageSize));
    byId("count").textContent = `${shown.length.toLocaleString("en")} of ${data.rows.length.toLocaleString("en")} trials`;
    byId("page").textContent = `Page ${page + 1} of ${pages}`;
    byId("previous").disabled = page === 0;
    byId("next").disabled = page >= pages - 1;
    byId("pages").hidden = pages === 1;
  };

  const head = byId("table").tHead.insertRow();
  const headings = data.columns.map((name, column) => {
    const cell = document.createElement("th");
    cell.scope = "col";
    const button = document.createElement("button");
    button.type = "button";
    button.addEventListener("click", () => {
      sort = { column, descending: sort.column === column ? !sort.descending : false };
      mark();
      update();
    });
    cell.append(button);
    head.append(cell);
    return cell;
  });
  const mark = () => headings.forEach((cell, column) => {
    const here = column === sort.column;
    cell.setAttribute("aria-sort", here ? (sort.descending ? "descending" : "ascending") : "none");
    cell.firstChild.textContent = data.columns[column] + (here ? (sort.descending ? " ▼" : " ▲") : "");
  });

  byId("filter").addEventListener("submit", (event) => event.preventDefault());
  byId("query").addEventListener("input", update);
  byId("previous").addEventListener("click", () => { page -= 1; draw(); });
  byId("next").addEventListener("click", () => { page += 1; draw(); });
  mark();
  update();
})();
