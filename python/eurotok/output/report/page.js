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
    for (const mark of document.querySelectorAll(`.track [data-t="${box.dataset.toggle}"]`)) mark.classList.toggle("off", !box.checked);
  };
  box.addEventListener("change", apply);
  apply();
}

// The ranking by either figure, the best first.
const ranks = [["mean surcharge", "surcharge"], ["tokens per sentence", "tokens"]];
fill(byId("ranked"), ranks.map(([name]) => name));
byId("ranked").addEventListener("change", () => {
  const key = ranks[byId("ranked").value][1];
  const value = (element) => (element.dataset[key] === undefined ? Infinity : Number(element.dataset[key]));
  byId("ranking").append(...[...byId("ranking").children].sort((a, b) => value(a) - value(b)));
});
byId("ranked").parentElement.hidden = data.tokenizers.length < 2;

// Every figure as a file: a line a tokenizer, language and figure.
function csv() {
  const quoted = (value) => (value === null ? "" : /[",\n\r]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const lines = [["tokenizer", "language", "figure", "value", "low", "high"]];
  data.tokenizers.forEach((name, t) => data.codes.forEach((code, i) => data.figures.forEach((figure) => {
    lines.push([name, code, figure.key, figure.values[t][i], ...(figure.ends?.[t][i] ?? [null, null])]);
  })));
  return lines.map((line) => line.map(quoted).join(",") + "\r\n").join("");
}
byId("csv").addEventListener("click", () => {
  const address = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  make("a", undefined, { href: address, download: "prices.csv" }).click();
  URL.revokeObjectURL(address);
});

// The table: one figure at a time, sorted by any column.
const tokensOf = (t, i) => data.figures.find((it) => it.key === "tokens_per_sentence").values[t][i];
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
  // From the middle to the 5th or 95th percentile, so that one far figure does not make the others pale.
  const known = figure.values.flat().filter((value) => value !== null).sort((a, b) => a - b);
  const at = (part) => known[Math.round(part * (known.length - 1))];
  const [least, middle, most] = [at(0.05), at(0.5), at(0.95)];
  byId("table").tBodies[0].replaceChildren(
    ...rows.map(({ name, i, values }) => {
      const row = make("tr");
      row.append(make("th", name, { scope: "row" }));
      values.forEach((value, t) => {
        const cell = make("td", written(figure.kind, value));
        if (value !== null && value !== middle) {
          const far = value > middle ? (value - middle) / (most - middle || 1) : (middle - value) / (middle - least || 1);
          cell.className = value > middle === figure.more ? "better" : "worse";
          cell.style.setProperty("--part", Math.min(1, far).toFixed(3));
        }
        if (figure.key === "surcharge") {
          const price = tokensOf(t, i);
          cell.prepend(make("span", price === null ? "\u2013" : number(price, 1), { class: "tokens" }), " ");
        }
        const ends = figure.ends?.[t][i];
        const told = value !== null && ends && ends[0] !== null && ends[0] !== ends[1];
        if (figure.ends) {
          cell.append(" ", make("small", told ? written(figure.kind, ends[0]).replace("\u00a0%", "") + " to " + written(figure.kind, ends[1]) : ""));
        }
        row.append(cell);
      });
      return row;
    }),
  );
  byId("about").textContent = figure.about + (figure.more ? " More is better." : " Less is better.") + (figure.key === "surcharge" ? " Before it the tokens per sentence." : "") + (figure.ends ? " Small: 95\u00a0% intervals." : "");
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
  const axis = track(
    "",
    steps.map((s) => {
      const label = make("span", Math.abs(s) < 1e-9 ? "0" : signed(s), { style: `left:${x(s)}` });
      if (Math.round(s / step) % 2) label.className = "odd";
      return label;
    }),
  );
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

// A sentence in every language, cut at its tokens; English first, to know what it says.
const order = data.languages.map((_, i) => i).sort((a, b) => (b === data.reference) - (a === data.reference) || a - b);
function cutAt(sentence, cuts, language) {
  const text = make("dd", undefined, { lang: language });
  const tokens = cuts.reduce((sum, cut) => sum + (cut.length ? cut[1] : 1), 0);
  text.append(make("small", tokens || "?", { title: tokens ? `${tokens} tokens` : "boundaries not known", lang: "en" }));
  const line = make("div");
  let begin = 0;
  for (const cut of cuts) {
    const [length, parts] = cut.length ? cut : [cut, 1];
    const span = make("span", sentence.slice(begin, (begin += length)));
    if (parts > 1) {
      span.className = "cut";
      span.append(make("sup", String(parts)));
    }
    line.append(span);
  }
  line.append(sentence.slice(begin));
  text.append(line);
  return text;
}
function drawTokens() {
  const number = byId("sentence").value;
  const chosen = [byId("tokens-of").value, byId("tokens-beside").value].filter((t, place) => t !== "" && !(place && t === byId("tokens-of").value));
  byId("tokens").replaceChildren(
    ...order.flatMap((i) => [
      make("dt", data.languages[i]),
      ...chosen.map((t) => cutAt(data.sentences[number][i], data.cuts[t][number][i], data.codes[i])),
    ]),
  );
}
fill(byId("tokens-of"), data.tokenizers);
byId("tokens-beside").replaceChildren(make("option", "none", { value: "" }), ...data.tokenizers.map((name, t) => make("option", name, { value: t })));
// The reference beside the fairest, of those that tell their tokens.
const telling = data.tokenizers.map((_, t) => t).filter((t) => data.cuts[t].some((row) => row.some((cuts) => cuts.length)));
const shownFirst = [data.base, data.fairest, ...telling].filter((t, place, all) => telling.includes(t) && all.indexOf(t) === place);
byId("tokens-of").value = String(shownFirst[0] ?? 0);
byId("tokens-beside").value = shownFirst.length > 1 ? String(shownFirst[1]) : "";
byId("tokens-beside").parentElement.hidden = data.tokenizers.length < 2;
const inEnglish = data.sentences.map((row) => row[data.reference]);
fill(byId("sentence"), inEnglish.map((text) => (text.length > 60 ? text.slice(0, 57) + "\u2026" : text)));
for (const id of ["tokens-of", "tokens-beside", "sentence"]) byId(id).addEventListener("change", drawTokens);
drawTokens();

// The calculator: the same content under every tokenizer, given as tokens of one of them or as English words.
const perSentence = data.figures.find((it) => it.key === "tokens_per_sentence").values;
const heads = ["Tokenizer", "Price", "Million tokens", "Cost", "More than in English"];
function makeCost() {
  const head = make("thead");
  const titles = make("tr");
  titles.append(...heads.map((title) => make("th", title, { scope: "col" })));
  head.append(titles);
  const body = make("tbody");
  data.tokenizers.forEach((name, t) => {
    const row = make("tr");
    const cell = make("td");
    const input = make("input", undefined, { type: "number", min: 0, step: "any", inputmode: "decimal", "data-price": t, "aria-label": `Price of a million tokens under ${name}` });
    cell.append(input);
    row.append(make("th", name, { scope: "row", title: name }), cell, make("td"), make("td"), make("td"));
    body.append(row);
  });
  byId("cost").replaceChildren(head, body);
}
const amountOf = (input) => Math.max(0, Number(input.value) || 0);
function drawCost() {
  const i = Number(byId("cost-language").value);
  const amount = amountOf(byId("cost-amount"));
  const unit = byId("cost-unit").value;
  // In sentences of the text: what the amount is worth, by the tokens or the words that one of these takes.
  const english = data.reference;
  const perUnit = unit === "words" ? data.words : perSentence[Number(unit)][i];
  const sentences = perUnit ? amount / perUnit : null;
  const rows = byId("cost").tBodies[0].rows;
  data.tokenizers.forEach((_, t) => {
    const price = amountOf(rows[t].querySelector("input"));
    const known = sentences !== null && perSentence[t][i] !== null && perSentence[t][english] !== null;
    const tokens = known ? sentences * perSentence[t][i] : null;
    const extra = known ? tokens - sentences * perSentence[t][english] : null;
    [tokens, known ? tokens * price : null, known ? extra * price : null].forEach((value, place) => {
      rows[t].cells[2 + place].textContent = value === null ? "\u2013" : minus(number(value, 2));
    });
  });
  const words = sentences === null ? null : sentences * data.words;
  byId("cost-note").textContent =
    (words === null ? "Not known: that tokenizer fails in this language. " : `A month of ${data.languages[i]} that says what ${number(words, 2)} million words of English say. `) +
    "Prices are in any currency, for a million tokens; the last column is what the same content in English would save.";
}
makeCost();
fill(byId("cost-language"), data.languages, data.codes.includes("fr") ? data.codes.indexOf("fr") : 0);
fill(byId("cost-unit"), data.tokenizers.map((name) => `million tokens of ${name}`));
byId("cost-unit").append(make("option", "million words of English", { value: "words" }));
const prices = () => byId("cost").querySelectorAll("input");
const priceAll = () => prices().forEach((input) => { input.value = byId("cost-price").value; });
priceAll();
byId("cost-price").addEventListener("input", priceAll);
byId("calculator").addEventListener("input", drawCost);
byId("cost").addEventListener("input", drawCost);
byId("calculator").addEventListener("submit", (event) => event.preventDefault());
drawCost();
