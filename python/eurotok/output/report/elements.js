"use strict";
// What the scripts of all pages share: elements, texts, numbers in the page's language, the theme, tokens of a sentence.
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
const say = (name, values = {}) => data.texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
const minus = (text) => text.replace("-", "\u2212");
const number = (value, digits = 0) => minus(value.toLocaleString(data.language, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
const signed = (value) => {
  const rounded = Math.round(100 * value);
  return (rounded > 0 ? "+" : "") + number(rounded || 0) + data.percent;
};
const known = (value) => value !== null && Number.isFinite(value);

const CURRENCIES = ["EUR", "USD", "GBP", "CHF", "CZK", "DKK", "HUF", "ISK", "NOK", "PLN", "RON", "SEK", "TRY", "UAH"];
const money = (value, currency) => minus(value.toLocaleString(data.language, { style: "currency", currency, ...(value && Math.abs(value) < 0.01 ? { maximumSignificantDigits: 2 } : {}) }));
const fillCurrencies = (select) => select.replaceChildren(...CURRENCIES.map((code) => make("option", code, { value: code })));
const amountOf = (input) => Math.max(0, Number(input.value) || 0);

// Colours: as the system has them, or as chosen.
const themes = ["system", "light", "dark"];
byId("theme").hidden = false;
byId("theme").textContent = say("theme", { name: say("system") });
byId("theme").addEventListener("click", () => {
  const next = themes[(themes.indexOf(document.documentElement.dataset.theme ?? "system") + 1) % themes.length];
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  byId("theme").textContent = say("theme", { name: say(next) });
});

// A sentence cut at its tokens. A cut is the length of a token, or the length of several and their number.
function tokenSpans(sentence, cuts, ids = []) {
  const line = make("div", undefined, { class: "cuts" });
  let begin = 0;
  let place = 0;
  for (const cut of cuts) {
    const [length, parts] = cut.length ? cut : [cut, 1];
    const text = sentence.slice(begin, (begin += length));
    const span = make("span", text.replaceAll("\n", "\u23ce\n"));
    if (ids.length) span.title = ids.slice(place, place + parts).join(" ");
    place += parts;
    if (parts > 1) {
      span.className = "cut";
      span.append(make("sup", String(parts)));
    }
    line.append(span);
  }
  line.append(sentence.slice(begin));
  return line;
}
