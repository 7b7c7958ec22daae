"use strict";
/* Buttons that copy a configuration, a study's fragment, and the command that trains it. */
perch.copied = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = perch.make("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
};

/* A value as YAML: JSON, with the dot that YAML 1.1 wants in 1.0e-7. */
const yaml = (value) => {
  const text = JSON.stringify(value);
  return typeof value === "number" && /e/.test(text) && !/\./.test(text) ? text.replace("e", ".0e") : text;
};

perch.texts = (id, config) => {
  const { axes, run } = perch.data;
  const searched = axes.map((axis) => axis.name).filter((name) => name in config);
  const point = searched.map((name, i) => `${i ? "    " : "  - "}${name}: ${yaml(config[name])}`).join("\n");
  const json = JSON.stringify(config);
  const quoted = `'${json.replaceAll("'", "'\\''")}'`;
  const file = `trial-${id}.json`;
  return {
    "Copy configuration": JSON.stringify(config, null, 2),
    "Copy as point of a study": `points:\n${point}\n`,
    "Copy perch train": `echo ${quoted} > ${file} && perch train ${run}/study.yaml --config ${file}`,
  };
};

perch.copies = (id, config) => Object.entries(perch.texts(id, config)).map(([label, text]) => {
  const button = perch.make("button", { type: "button", textContent: label });
  button.dataset.text = text;
  button.addEventListener("click", async () => {
    await perch.copied(text);
    button.textContent = "Copied";
    perch.byId("said").textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
});
