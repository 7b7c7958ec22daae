"use strict";
/* The filter of the trials: words, and comparisons such as lr<0.01. Each term is answered by what it did. */
perch.filter = (() => {
  const operators = /^([^<>=!]*)(<=|>=|!=|==|<|>|=)(.*)$/;

  /* Terms of a query: spaces around signs do not matter, and quotes hold words together. */
  const terms = (query) => (query.replace(/\s*(<=|>=|!=|==|<|>|=)\s*/g, "$1").match(/(?:[^\s"]|"[^"]*")+/g) || []).map((term) => term.replaceAll('"', ""));

  const distance = (a, b) => {
    let row = Array.from({ length: b.length + 1 }, (_, k) => k);
    for (let i = 1; i <= a.length; i += 1) {
      const next = [i];
      for (let j = 1; j <= b.length; j += 1) next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] !== b[j - 1]));
      row = next;
    }
    return row[b.length];
  };

  const columnOf = (columns, name) => {
    const wanted = name.toLowerCase();
    const exact = columns.findIndex((column) => column.toLowerCase() === wanted);
    return exact >= 0 ? exact : columns.findIndex((column) => column.toLowerCase().includes(wanted));
  };

  const wrong = (term, why) => ({ term, why, test: null });

  /* {term, test(row, words)} of a term that is understood, {term, why} of one that is not. */
  const read = (term, table) => {
    const parts = operators.exec(term);
    if (!parts) {
      const word = term.toLowerCase();
      return { term, test: (row, words) => words.includes(word) };
    }
    const [, name, sign, text] = parts;
    if (!name || !text) return wrong(term, `it needs a column and a value around '${sign}', as in lr<0.01`);
    if (/[<>=!]/.test(text)) return wrong(term, `it has two signs; write one comparison per term, as in lr>0.001 lr<0.01`);
    const column = columnOf(table.columns, name);
    if (column < 0) {
      const near = [...table.columns].sort((a, b) => distance(a.toLowerCase(), name.toLowerCase()) - distance(b.toLowerCase(), name.toLowerCase()))[0];
      return wrong(term, `no column is called '${name}'; did you mean ${perch.named(near)}${sign}${text}?`);
    }
    const wanted = text.toLowerCase().split("|");
    if (table.numeric[column] && wanted.some((one) => Number.isNaN(Number(one)))) {
      return wrong(term, `${table.columns[column]} holds numbers, and '${text}' is none; write ${perch.named(table.columns[column])}${sign}0.01`);
    }
    if (!table.numeric[column] && !["=", "==", "!="].includes(sign)) {
      return wrong(term, `${table.columns[column]} holds words, which are compared with = or != only`);
    }
    if (wanted.length > 1 && !["=", "==", "!="].includes(sign)) return wrong(term, `several values go with = or != only`);
    const value = (row) => (row[column] === null ? null : table.numeric[column] ? row[column] : String(row[column]).toLowerCase());
    const against = table.numeric[column] ? wanted.map(Number) : wanted;
    const compare = {
      "<": (v) => v < against[0], ">": (v) => v > against[0], "<=": (v) => v <= against[0], ">=": (v) => v >= against[0],
      "=": (v) => against.includes(v), "==": (v) => against.includes(v), "!=": (v) => !against.includes(v),
    }[sign];
    const shown = name.toLowerCase() === table.columns[column].toLowerCase() ? term : `${table.columns[column]} ${sign} ${text}`;
    return { term: shown, test: (row) => { const v = value(row); return v === null ? sign === "!=" : compare(v); } };
  };

  return (query, table) => terms(query).map((term) => read(term, table));
})();

/* A column's name as a filter names it: without spaces. */
perch.named = (column) => (/\s/.test(column) ? `"${column}"` : column);

perch.setFilter = (query) => {
  perch.byId("query").value = query;
  perch.byId("query").dispatchEvent(new Event("input"));
};

/* Put terms about one column in the place of those that are there about it. */
perch.addFilter = (column, terms) => {
  const mine = new RegExp(`^"?${column.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}"?(<=|>=|!=|<|>|=)`);
  const others = (perch.byId("query").value.match(/(?:[^\s"]|"[^"]*")+/g) || []).filter((term) => !mine.test(term));
  perch.setFilter([...others, ...terms].join(" "));
};
