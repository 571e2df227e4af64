// The report on a comparison: ranking, table, distribution, tokens and calculator.
const show = {
  signed,
  share: (value) => number(100 * value, 1) + data.percent,
  whole: (value) => number(value, 0),
  number: (value) => number(value, Math.abs(value) < 1 ? 3 : Math.abs(value) < 10 ? 2 : 1),
};
const written = (kind, value) => (value === null ? "\u2013" : show[kind](value));

// Marks that would lie on each other take lanes, by the width that there is; paper is narrower than a screen.
const MARK = 14;
const PAPER = 560;
function spreadMarks(row) {
  const track = row.querySelector(".track");
  const marks = [...track.querySelectorAll(".mark:not(.off)")].map((mark) => ({ mark, x: (parseFloat(mark.style.left) / 100) * Math.min(track.clientWidth, PAPER) }));
  marks.sort((a, b) => a.x - b.x);
  const groups = [];
  marks.forEach((it, n) => (n && it.x - marks[n - 1].x < MARK ? groups.at(-1).push(it) : groups.push([it])));
  let most = 1;
  for (const group of groups) {
    const ends = [];
    for (const it of group) {
      const free = ends.findIndex((end) => it.x - end >= MARK);
      it.lane = free < 0 ? ends.length : free;
      ends[it.lane] = it.x;
    }
    for (const { mark, lane } of group) {
      for (const part of track.querySelectorAll(`[data-t="${mark.dataset.t}"]`)) part.style.setProperty("--lane", lane - (ends.length - 1) / 2);
    }
    most = Math.max(most, ends.length);
  }
  row.style.setProperty("--lanes", most);
}
const spreadAll = () => document.querySelectorAll(".row:has(.mark)").forEach(spreadMarks);

for (const box of document.querySelectorAll("[data-toggle]")) {
  const apply = () => {
    for (const mark of document.querySelectorAll(`.track [data-t="${box.dataset.toggle}"]`)) {
      mark.classList.toggle("off", !box.checked);
      mark.style.removeProperty("--lane");
    }
  };
  box.addEventListener("change", () => { apply(); spreadAll(); });
  apply();
}
spreadAll();
addEventListener("resize", spreadAll);

// The ranking by either figure, the best first.
const ranks = [[say("by_surcharge"), "surcharge"], [say("by_tokens"), "tokens"]];
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
    if (column === 0) return (down ? -1 : 1) * a.name.localeCompare(b.name, data.language);
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
          cell.append(" ", make("small", told ? `${written(figure.kind, ends[0]).replace(data.percent, "")} ${data.to} ${written(figure.kind, ends[1])}` : ""));
        }
        row.append(cell);
      });
      return row;
    }),
  );
  byId("about").textContent = figure.about + say(figure.more ? "more_is_better" : "less_is_better") + (figure.key === "surcharge" ? say("tokens_first") : "") + (figure.ends ? say("intervals") : "");
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
  const { ticks, end } = data.axes[t];
  const broken = end > ticks.at(-1);
  const room = broken ? data.near : 1;
  const part = (value) => value <= ticks.at(-1) ? (room * (value - ticks[0])) / (ticks.at(-1) - ticks[0]) : room + ((1 - room) * (value - ticks.at(-1))) / (end - ticks.at(-1));
  const x = (value) => `${100 * part(value)}%`;
  const steps = broken ? [...ticks, end] : ticks;
  const zero = steps.indexOf(0);
  byId("spread-broken").hidden = !broken;
  const track = (name, children) => {
    const row = make("div", undefined, { class: "row" });
    const inner = make("div", undefined, { class: "track" });
    inner.append(...children);
    row.append(make("span", name), inner);
    return row;
  };
  const axis = track(
    "",
    steps.map((s, n) => make("span", s ? signed(s) : "0", { style: `left:${x(s)}`, class: (n - zero) % 2 && s !== end ? "odd" : "" })),
  );
  axis.classList.add("axis");
  byId("spread").replaceChildren(
    axis,
    ...shown.map(({ name, at }) => {
      const marks = steps.map((s) =>
        make("i", undefined, { class: s ? (broken && s === ticks.at(-1) ? "grid break" : "grid") : "grid zero", style: `left:${x(s)}` }),
      );
      const bar = (kind, a, b) =>
        make("i", undefined, { class: kind, style: `left:${x(a)};width:calc(${x(b)} - ${x(a)})` });
      marks.push(bar("line", at[0], at[4]), bar("box", at[1], at[3]));
      marks.push(make("i", undefined, { class: "median", style: `left:${x(at[2])}` }));
      const row = track(name, marks);
      row.title = say("quantiles", { name, median: signed(at[2]), low: signed(at[1]), high: signed(at[3]), least: signed(at[0]), most: signed(at[4]) });
      return row;
    }),
  );
  byId("spread").setAttribute(
    "aria-label",
    `${say("spread_label")} ${shown.map(({ name, at }) => `${name} ${signed(at[2])}, ${signed(at[0])} ${data.to} ${signed(at[4])}`).join("; ")}`,
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
  text.append(make("small", tokens || "?", { title: tokens ? say("count", { count: number(tokens) }) : say("unknown"), lang: data.language }));
  text.append(tokenSpans(sentence, cuts));
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
byId("tokens-beside").replaceChildren(make("option", say("none"), { value: "" }), ...data.tokenizers.map((name, t) => make("option", name, { value: t })));
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

// The calculator: the same content under every tokenizer, given as pages or words of a language, or as tokens.
const perSentence = data.figures.find((it) => it.key === "tokens_per_sentence").values;
const PAGE = 1800; // characters
const heads = [say("tokenizer"), say("price"), say("tokens"), say("cost"), say("against_reference", { name: data.tokenizers[data.base] }), say("against_english")];
function makeCost() {
  const head = make("thead");
  const titles = make("tr");
  titles.append(...heads.map((title) => make("th", title, { scope: "col" })));
  head.append(titles);
  const body = make("tbody");
  data.tokenizers.forEach((name, t) => {
    const row = make("tr");
    const cell = make("td");
    cell.append(make("input", undefined, { type: "number", min: 0, step: "any", inputmode: "decimal", "data-price": t, "aria-label": say("price_of", { name }) }));
    row.append(make("th", name, { scope: "row", title: name }), cell, make("td"), make("td"), make("td"), make("td"));
    [...row.cells].forEach((each, place) => each.setAttribute("data-name", heads[place]));
    body.append(row);
  });
  byId("cost").replaceChildren(head, body);
}
const significant = (value) => minus(value.toLocaleString(data.language, { maximumSignificantDigits: 4 }));
const difference = (cost, beside) => (!known(cost) || !beside ? "\u2013" : Math.abs(cost / beside - 1) < 0.005 ? say("same") : signed(cost / beside - 1));
// How many sentences of the text the amount is worth: by the characters, words or tokens that one of them has.
function worth(amount, unit, i) {
  const each = unit === "pages" ? data.characters[i] / PAGE : unit === "words" ? data.words[i] : perSentence[Number(unit)][i] / 1e6;
  return each ? amount / each : null;
}
function drawCost() {
  const i = Number(byId("cost-language").value);
  const currency = byId("cost-currency").value;
  const sentences = worth(amountOf(byId("cost-amount")), byId("cost-unit").value, i);
  const rows = byId("cost").tBodies[0].rows;
  const paid = (t, language) => {
    const tokens = sentences === null || perSentence[t][language] === null ? null : sentences * perSentence[t][language];
    return { tokens, cost: tokens === null ? null : (tokens / 1e6) * amountOf(rows[t].querySelector("input")) };
  };
  const base = paid(data.base, i).cost;
  data.tokenizers.forEach((_, t) => {
    const { tokens, cost } = paid(t, i);
    const shown = [
      known(tokens) ? significant(tokens) : "\u2013",
      known(cost) ? money(cost, currency) : "\u2013",
      t === data.base ? "" : difference(cost, base),
      i === data.reference ? "" : difference(cost, paid(t, data.reference).cost),
    ];
    shown.forEach((text, place) => { rows[t].cells[2 + place].textContent = text; });
  });
  const words = (language) => significant(sentences * data.words[language]);
  byId("cost-note").textContent = sentences === null ? say("cost_unknown") : say("cost_note", { words: words(i), english: words(data.reference), language: data.names[i] });
}
makeCost();
const first = [data.language, "fr"].find((code) => code !== "en" && data.codes.includes(code));
fill(byId("cost-language"), data.languages, first === undefined ? 0 : data.codes.indexOf(first));
const units = [["pages", say("pages")], ["words", say("words")], ...data.tokenizers.map((name, t) => [t, say("million_of", { name })])];
byId("cost-unit").replaceChildren(...units.map(([value, name]) => make("option", name, { value })));
fillCurrencies(byId("cost-currency"));
const prices = () => byId("cost").querySelectorAll("input");
const priceAll = () => prices().forEach((input) => { input.value = byId("cost-price").value; });
priceAll();
byId("cost-price").addEventListener("input", priceAll);
byId("calculator").addEventListener("input", drawCost);
byId("cost").addEventListener("input", drawCost);
byId("calculator").addEventListener("submit", (event) => event.preventDefault());
drawCost();
