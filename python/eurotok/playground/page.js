// The playground: the text above under the tokenizers chosen, and a sentence of the sample in all languages.
async function ask(path, question, signal) {
  const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question), signal });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}
const trouble = (text) => {
  byId("trouble").hidden = !text;
  byId("trouble").textContent = text;
};

// Only the last question counts: those before it are given up.
function asker(path, show) {
  let running = null;
  return async (question) => {
    running?.abort();
    const mine = (running = new AbortController());
    try {
      const answer = await ask(path, question, mine.signal);
      if (running === mine) {
        trouble("");
        show(answer);
      }
    } catch (error) {
      if (error.name !== "AbortError") trouble(error instanceof TypeError ? say("gone") : error.message);
    }
  };
}

const chosen = () => [...byId("tokenizers").querySelectorAll("input:checked")].map((box) => Number(box.value));
const cards = data.tokenizers.map((name, t) => {
  const card = make("li");
  card.append(make("h3", name), make("p", "", { class: "count" }), make("p", "", { class: "about" }));
  const label = make("label", say("price"));
  const price = make("input", undefined, { type: "number", min: 0, step: "any", inputmode: "decimal", value: byId("price").value });
  price.addEventListener("input", drawCosts);
  label.append(price);
  card.append(label, make("p", "", { class: "month" }), make("div", undefined, { class: "shown" }));
  return { card, price, count: null, t };
});
let asked = { text: "", tokenizers: [] };

function drawCosts() {
  const currency = byId("currency").value;
  for (const { card, price, count } of cards) {
    const cost = known(count) ? (count / 1e6) * amountOf(price) * amountOf(byId("times")) : null;
    card.querySelector(".month").textContent = known(cost) ? say("month", { cost: money(cost, currency) }) : "";
  }
}

function drawResults({ results }) {
  const { text, tokenizers } = asked;
  const first = results.find((it) => !it.failed);
  byId("results").replaceChildren(...tokenizers.map((t) => cards[t].card));
  tokenizers.forEach((t, place) => {
    const { card } = cards[t];
    const result = results[place];
    const name = data.tokenizers[t];
    cards[t].count = result.failed ? null : result.count;
    const count = card.querySelector(".count");
    count.classList.toggle("failed", Boolean(result.failed));
    count.textContent = result.failed ? say("failed", { name, message: result.failed }) : say("count", { count: number(result.count) });
    const about = [];
    if (!result.failed && result.count) {
      about.push(say("characters", { value: number([...text].length / result.count, 2) }));
      if (result !== first) about.push(say("against", { value: signed(result.count / first.count - 1), name: data.tokenizers[tokenizers[results.indexOf(first)]] }));
      if (!result.cuts.length) about.push(say("unknown"));
      if (result.cuts.length && result.ids.length < result.count) about.push(say("cut", { count: number(data.shown) }));
    }
    card.querySelector(".about").textContent = about.join(" · ");
    const end = (result.cuts ?? []).reduce((sum, cut) => sum + (cut.length ? cut[0] : cut), 0);
    card.querySelector(".shown").replaceChildren(...(result.cuts?.length ? [tokenSpans(text.slice(0, end), result.cuts, result.ids)] : []));
  });
  drawCosts();
}
const askTokens = asker("/tokens", drawResults);
function askAboutText() {
  const text = byId("text").value;
  const question = { text, tokenizers: chosen() };
  byId("empty").hidden = Boolean(text);
  if (!text || !question.tokenizers.length) {
    byId("results").replaceChildren();
    return;
  }
  if (new TextEncoder().encode(JSON.stringify(question)).length > data.limit) {
    trouble(say("too_long", { limit: number(data.limit) }));
    return;
  }
  asked = question;
  askTokens(question);
}

byId("tokenizers").append(
  ...data.tokenizers.map((name, t) => {
    const label = make("label");
    const box = make("input", undefined, { type: "checkbox", value: t });
    box.checked = t < 3;
    box.addEventListener("change", askAboutText);
    label.append(box, name);
    return label;
  }),
);
let waiting = 0;
byId("text").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(askAboutText, 120);
});
fillCurrencies(byId("currency"));
byId("price").addEventListener("input", () => cards.forEach(({ price }) => { price.value = byId("price").value; }));
byId("month").addEventListener("input", drawCosts);
byId("month").addEventListener("submit", (event) => event.preventDefault());
byId("text").value = data.examples.slice(0, 3).join(" ");
askAboutText();

// The same sentence in every language; English first, to know what it says.
const order = data.codes.map((_, i) => i).sort((a, b) => (b === data.reference) - (a === data.reference) || data.languages[a].localeCompare(data.languages[b], data.language));
function drawSentence({ sentences, results }) {
  byId("tokens").replaceChildren(
    ...order.flatMap((i) => [
      make("dt", data.languages[i]),
      ...results.map((row) => {
        const result = row[i];
        const line = make("dd", undefined, { lang: data.codes[i] });
        const english = row[data.reference].count;
        const more = i === data.reference || !english || result.failed ? "" : ` (${signed(result.count / english - 1)})`;
        line.append(make("small", result.failed ? "\u2013" : number(result.count) + more, { lang: data.language }));
        line.append(tokenSpans(sentences[i], result.cuts ?? [], result.ids ?? []));
        return line;
      }),
    ]),
  );
}
const askSentence = asker("/sentence", drawSentence);
const names = [...data.tokenizers, ...data.counted];
byId("stored").textContent = data.counted.length ? say("stored", { names: data.counted.join(", ") }) : "";
const short = (text) => (text.length > 60 ? text.slice(0, 57) + "\u2026" : text);
fill(byId("sentence"), data.sentences.map(short));
fill(byId("under"), names, data.counted.length ? data.tokenizers.length : 0);
byId("beside").replaceChildren(make("option", say("none"), { value: "" }), ...names.map((name, t) => make("option", name, { value: t })));
byId("beside").value = names.length > 1 ? String(data.counted.length ? 0 : 1) : "";
function chooseSentence() {
  const tokenizers = [byId("under").value, byId("beside").value].filter((t, place, all) => t !== "" && all.indexOf(t) === place).map(Number);
  askSentence({ sentence: Number(byId("sentence").value), tokenizers });
}
for (const id of ["sentence", "under", "beside"]) byId(id).addEventListener("change", chooseSentence);
chooseSentence();
