"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const make = (tag, text, attributes = {}) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};
const fill = (select, names, chosen = 0) => {
  select.replaceChildren(...names.map((name, i) => make("option", name, { value: i })));
  select.value = String(chosen);
};
const minus = (text) => text.replace("-", "\u2212");
const number = (value, digits) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const signed = (value) => value === 0 ? "0\u00a0%" : minus((value >= 0 ? "+" : "") + (100 * value).toFixed(0)) + "\u00a0%";
const show = {
  signed,
  share: (value) => (100 * value).toFixed(1) + "\u00a0%",
  whole: (value) => number(value, 0),
  number: (value) => number(value, Math.abs(value) < 1 ? 3 : Math.abs(value) < 10 ? 2 : 1),
};
const written = (kind, value) => (value === null ? "\u2013" : show[kind](value));

// Colours: as the system has them, or as chosen.
const theme = byId("theme");
const themes = ["system", "light", "dark"];
theme.hidden = false;
theme.addEventListener("click", () => {
  const next = themes[(themes.indexOf(document.documentElement.dataset.theme ?? "system") + 1) % themes.length];
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  theme.textContent = "Theme: " + next;
});

for (const box of document.querySelectorAll("[data-toggle]")) {
  const apply = () => {
    for (const mark of document.querySelectorAll(`.track [data-t="${box.dataset.toggle}"]`)) mark.hidden = !box.checked;
  };
  box.addEventListener("change", apply);
  apply();
}

// The table: one figure at a time, sorted by any column.
let sorted = { column: 0, down: false };
function drawTable() {
  const figure = data.figures[byId("figure").value];
  const rows = data.languages.map((name, i) => ({ name, i, values: figure.values.map((row) => row[i]) }));
  const { column, down } = sorted;
  rows.sort((a, b) => {
    if (column === 0) return (down ? -1 : 1) * a.name.localeCompare(b.name);
    const [x, y] = [a.values[column - 1], b.values[column - 1]];
    if (x === null || y === null) return (x === null) - (y === null);
    return down ? y - x : x - y;
  });
  byId("table").tBodies[0].replaceChildren(
    ...rows.map(({ name, i, values }) => {
      const row = make("tr");
      row.append(make("th", name, { scope: "row" }));
      values.forEach((value, t) => {
        const cell = make("td", written(figure.kind, value));
        const ends = figure.ends?.[t][i];
        if (value !== null && ends && ends[0] !== null && ends[0] !== ends[1]) {
          cell.append(" ", make("small", written(figure.kind, ends[0]).replace("\u00a0%", "") + " to " + written(figure.kind, ends[1])));
        }
        row.append(cell);
      });
      return row;
    }),
  );
  byId("about").textContent = figure.about + (figure.ends ? " Small: 95\u00a0% intervals." : "");
  byId("table").querySelectorAll("thead th").forEach((head, place) => {
    if (place === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
}
fill(byId("figure"), data.figures.map((figure) => figure.name));
byId("figure").addEventListener("change", drawTable);
for (const button of document.querySelectorAll("[data-sort]")) {
  button.addEventListener("click", () => {
    const column = Number(button.dataset.sort);
    sorted = { column, down: sorted.column === column ? !sorted.down : column > 0 };
    drawTable();
  });
}
drawTable();

// The distribution over sentences: quantiles of one tokenizer.
function drawSpread() {
  const t = Number(byId("spread-of").value);
  const rows = data.languages.map((name, i) => ({ name, at: data.quantiles[t][i], i }));
  const shown = rows.filter((row) => row.i !== data.reference && row.at.every((value) => value !== null));
  shown.sort((a, b) => b.at[2] - a.at[2]);
  const low = Math.min(0, ...shown.map((row) => row.at[0]));
  const high = Math.max(0.1, ...shown.map((row) => row.at[4]));
  const step = [0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 20, 50].find((size) => (high - low) / size <= 8) ?? 100;
  const [from, to] = [Math.floor(low / step) * step, Math.ceil(high / step) * step];
  const x = (value) => `${(100 * (value - from)) / (to - from)}%`;
  const steps = Array.from({ length: Math.round((to - from) / step) + 1 }, (_, n) => from + n * step);
  const track = (name, children) => {
    const row = make("div", undefined, { class: "row" });
    const inner = make("div", undefined, { class: "track" });
    inner.append(...children);
    row.append(make("span", name), inner);
    return row;
  };
  const axis = track("", steps.map((s) => make("span", Math.abs(s) < 1e-9 ? "0" : signed(s), { style: `left:${x(s)}` })));
  axis.classList.add("axis");
  byId("spread").replaceChildren(
    axis,
    ...shown.map(({ name, at }) => {
      const marks = steps.map((s) =>
        make("i", undefined, { class: Math.abs(s) < 1e-9 ? "grid zero" : "grid", style: `left:${x(s)}` }),
      );
      const bar = (kind, a, b) =>
        make("i", undefined, { class: kind, style: `left:${x(a)};width:calc(${x(b)} - ${x(a)})` });
      marks.push(bar("line", at[0], at[4]), bar("box", at[1], at[3]));
      marks.push(make("i", undefined, { class: "median", style: `left:${x(at[2])}` }));
      const row = track(name, marks);
      row.title = `${name}: median ${signed(at[2])}, half ${signed(at[1])} to ${signed(at[3])}, nine in ten ${signed(at[0])} to ${signed(at[4])}`;
      return row;
    }),
  );
  byId("spread").setAttribute(
    "aria-label",
    "Surcharge of single sentences, median and nine in ten. " + shown.map(({ name, at }) => `${name} ${signed(at[2])}, ${signed(at[0])} to ${signed(at[4])}`).join("; "),
  );
}
fill(byId("spread-of"), data.tokenizers);
byId("spread-of").addEventListener("change", drawSpread);
drawSpread();

// A sentence in every language, cut at its tokens.
function drawTokens() {
  const rows = data.examples[byId("tokens-of").value][byId("sentence").value];
  byId("tokens").replaceChildren(
    ...rows.flatMap((segments, i) => {
      const tokens = segments.reduce((sum, [, parts]) => sum + parts, 0);
      const term = make("dt", data.languages[i]);
      term.append(make("small", tokens ? `${tokens} tokens` : "boundaries not known"));
      const text = make("dd", undefined, { lang: data.codes[i] });
      for (const [piece, parts] of segments) {
        const span = make("span", piece);
        if (parts > 1) {
          span.className = "cut";
          span.append(make("sup", String(parts)));
        }
        text.append(parts ? span : piece);
      }
      return [term, text];
    }),
  );
}
fill(byId("tokens-of"), data.tokenizers);
const inEnglish = data.examples[0].map((rows) => rows[data.reference].map(([piece]) => piece).join(""));
fill(byId("sentence"), inEnglish.map((text) => (text.length > 60 ? text.slice(0, 57) + "\u2026" : text)));
byId("tokens-of").addEventListener("change", drawTokens);
byId("sentence").addEventListener("change", drawTokens);
drawTokens();

// The calculator: the content of so many English words, in any language.
function drawCost() {
  const values = (key) => data.figures.find((figure) => figure.key === key).values;
  const [surcharge, fertility] = [values("surcharge"), values("fertility")];
  const i = Number(byId("cost-language").value);
  const words = Math.max(0, Number(byId("cost-words").value));
  const price = Math.max(0, Number(byId("cost-price").value));
  const head = make("thead");
  const titles = make("tr");
  const columns = ["Tokenizer", "Million tokens a month", "Cost a month", "Of that, surcharge over English"];
  titles.append(...columns.map((title) => make("th", title, { scope: "col" })));
  head.append(titles);
  const body = make("tbody");
  data.tokenizers.forEach((name, t) => {
    const row = make("tr");
    const english = fertility[t][data.reference];
    const known = english !== null && surcharge[t][i] !== null;
    const tokens = known ? words * english * (1 + surcharge[t][i]) : null;
    row.append(make("th", name, { scope: "row" }));
    for (const value of [tokens, known ? tokens * price : null, known ? words * english * surcharge[t][i] * price : null]) {
      row.append(make("td", value === null ? "\u2013" : minus(number(value, 2))));
    }
    body.append(row);
  });
  byId("cost").replaceChildren(head, body);
}
fill(byId("cost-language"), data.languages, data.codes.includes("fr") ? data.codes.indexOf("fr") : 0);
byId("calculator").addEventListener("input", drawCost);
byId("calculator").addEventListener("submit", (event) => event.preventDefault());
drawCost();
