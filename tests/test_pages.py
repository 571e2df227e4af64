"""The page of a comparison, opened in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser import Browser
from colours import contrast
from eurotok import Comparison, Tokenizer, compare
from eurotok.pricing.parallel_text import language_name

ACTIONS = """(() => {
const seen = {};
const first = () => byId("table").tBodies[0].rows[0].cells[0].textContent;
const act = (element, kind) => element.dispatchEvent(new Event(kind, { bubbles: true }));
const choose = (id, value) => { byId(id).value = value; act(byId(id), "change"); act(byId(id), "input"); };
seen.alphabetical = first();
const heads = document.querySelectorAll("[data-sort]");
heads[1].focus(); seen.focus = document.activeElement === heads[1]; heads[1].click(); seen.dearest = first();
heads[1].click(); seen.cheapest = first();
seen.sorted = heads[1].closest("th").getAttribute("aria-sort");
choose("figure", data.figures.findIndex((it) => it.key === "tokens_per_sentence"));
seen.about = byId("about").textContent;
const box = document.querySelector("[data-toggle]"); box.click();
seen.off = document.querySelectorAll('.track .mark.off').length;
box.click();
const ranking = () => [...byId("ranking").children].map((it) => it.querySelector("h3, th").textContent.trim());
choose("ranked", "1"); seen.ranked = ranking(); choose("ranked", "0"); seen.unranked = ranking();
seen.csv = csv().split("\\r\\n");
seen.shades = [...byId("table").tBodies[0].rows].map((row) => [1, 2].map((t) => row.cells[t].className));
const background = () => getComputedStyle(document.body).backgroundColor;
byId("theme").click(); seen.light = background();
byId("theme").click(); seen.dark = background();
byId("theme").click();
seen.spans = byId("tokens").querySelectorAll("span").length;
seen.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
const inputs = [...document.querySelectorAll("select, input")];
seen.unlabelled = inputs.filter((it) => !it.labels.length && !it.ariaLabel).length;
return seen;
})()"""
"""The actions of a reader, and the result of each."""

COST = """((language, unit, amount, price) => {
  const set = (id, value) => { byId(id).value = value; byId(id).dispatchEvent(new Event("input", { bubbles: true })); };
  set("cost-language", data.codes.indexOf(language));
  set("cost-unit", unit);
  set("cost-amount", amount);
  set("cost-price", price);
  return [...byId("cost").tBodies[0].rows].map((row) => [2, 3, 4, 5].map((n) => row.cells[n].textContent));
})"""
"""Uses the calculator."""


OVERLAPS = """[...document.querySelectorAll(".plot .row:has(.mark)")].flatMap((row) => {
  const boxes = [...row.querySelectorAll(".mark:not(.off)")].map((it) => it.getBoundingClientRect());
  const across = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1;
  const down = (a, b) => Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  return boxes.flatMap((a, n) => boxes.slice(n + 1).map((b) => across(a, b) && down(a, b)));
}).filter(Boolean).length"""
"""Pairs of marks that lie on each other."""

CUT = """[...document.querySelectorAll("body *")].filter((it) => {
  if (!it.checkVisibility() || it.closest(".skip")) return false;
  const hidden = it.clientWidth && it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).overflowX !== "visible";
  return it.getBoundingClientRect().right > innerWidth + 1 || hidden;
}).map((it) => it.outerHTML.slice(0, 120))"""
"""Elements that reach beyond the paper, or hide some of what they hold."""


@pytest.fixture(scope="module")
def comparison(tok: Tokenizer) -> Comparison:
    return compare({"ours": tok, "<b>&far</script>": lambda text: list(text.encode() * 3), "same": tok})


@pytest.fixture(scope="module")
def page(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "r.html"
    comparison.to_html(path)
    return path.as_uri()


@pytest.fixture
def opened(browser: Browser, page: str) -> Iterator[Browser]:
    browser.media("screen")
    browser.theme("light")
    browser.resize(1400)
    browser.open(page)
    yield browser
    assert browser.complaints == []
    browser.media("screen")


def number(text: str) -> float:
    return float(re.sub(r"[^\d.+-]", "", text.replace("−", "-")))


@pytest.mark.parametrize("width", [390, 1400])
def test_a_reader_uses_the_page(opened: Browser, comparison: Comparison, width: int) -> None:
    opened.resize(width)
    seen = opened.run(ACTIONS)
    by_surcharge = [language_name(comparison.languages[i]) for i in comparison.surcharges[0].argsort(kind="stable")]
    assert (seen["alphabetical"], seen["dearest"], seen["cheapest"]) == ("Bulgarian", by_surcharge[-1], by_surcharge[0])
    assert seen["focus"]
    assert seen["sorted"] == "ascending"
    assert seen["about"].startswith("Mean over the sentences")
    assert seen["off"] == 23 + 24, "in both charts"
    assert seen["ranked"] != seen["unranked"] or comparison.prices.mean(axis=1).argmin() == comparison.mean.argmin()
    assert seen["csv"][0] == "tokenizer,language,figure,value,low,high"
    assert len(seen["csv"]) == 2 + 3 * 24 * len(comparison.figures)
    assert {it for row in seen["shades"] for it in row} >= {"better", "worse"}
    assert seen["light"] != seen["dark"]
    assert seen["spans"] > 24 * 5
    assert seen["unlabelled"] == 0
    assert seen["wide"] == 0, "nothing is cut off at the side"
    assert [it for it in opened.requests if not it.startswith(("file:", "data:"))] == []


def test_the_calculator(opened: Browser, comparison: Comparison) -> None:
    french, english = comparison.languages.index("fr"), comparison.languages.index("en")
    price = comparison.prices
    for unit, each in (
        ("words", comparison.texts[french].words.mean()),
        ("pages", comparison.texts[french].characters.mean() / 1800),
        ("0", price[0, french] / 1e6),
    ):
        rows = opened.run(f"{COST}('fr', '{unit}', 1000, 2)")
        for t, (tokens, cost, against_reference, against_english) in enumerate(rows):
            expected = 1000 / each * price[t, french]
            assert number(tokens) == pytest.approx(expected, rel=1e-3)
            assert cost.startswith("€")
            assert number(cost) == pytest.approx(2 * expected / 1e6, rel=0.01, abs=0.01)
            assert number(against_english) == pytest.approx(100 * (price[t, french] / price[t, english] - 1), abs=0.51)
            if t == 1:
                assert number(against_reference) == pytest.approx(
                    100 * (price[1, french] / price[0, french] - 1), abs=0.51
                )
        assert [row[2] for row in rows][::2] == ["", "as much"]


def test_marks_do_not_lie_on_each_other(opened: Browser) -> None:
    for width in (390, 1400):
        opened.resize(width)
        found = opened.run(OVERLAPS)
        assert found == 0
    assert opened.run("document.querySelectorAll('.grid.break').length") > 0, "one tokenizer is far beyond the others"
    assert opened.run("document.body.innerText.includes('The scale is broken')")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("printed", [False, True], ids=["screen", "print"])
def test_everything_has_contrast(opened: Browser, theme: str, printed: bool) -> None:
    opened.media("print" if printed else "screen")
    if not printed:
        opened.theme(theme)
    pairs = opened.colours()
    assert len(pairs) > 10
    assert not [it for it in pairs if contrast(it[0], it[1]) < 4.5]
    dark = contrast(pairs[0][1], "#000000") < 3
    assert dark == (theme == "dark" and not printed)


@pytest.mark.parametrize("count", [3, 24])
def test_print_is_whole(browser: Browser, tok: Tokenizer, tmp_path: Path, count: int) -> None:
    names = {f"a-tokenizer-number-{n}": tok for n in range(count)}
    compare(names).to_html(tmp_path / "r.html")
    browser.theme("dark")
    browser.resize(718)  # A4 without the margins that browsers leave
    browser.open((tmp_path / "r.html").as_uri())
    browser.media("print")
    cut = browser.run(CUT)
    assert cut == []
    assert browser.run("getComputedStyle(document.body).printColorAdjust") == "exact"
    assert contrast(browser.colours()[0][1], "#ffffff") < 1.3, "paper is white, whatever the theme"
    size = "parseFloat(getComputedStyle(it{}).fontSize)"
    smaller = f"{size.format('')} <= {size.format('.parentElement')}"
    assert browser.run(
        f"[...document.querySelectorAll('td small')].filter(it => it.offsetParent).every(it => {smaller})"
    ), "small is no larger"
    browser.print(tmp_path / "r.pdf")
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")
    browser.media("screen")


@pytest.mark.parametrize(("language", "said"), [("fr", ["Surcoût", "Grec", "%"]), ("de", ["Aufpreis", "Griechisch"])])
def test_other_languages(
    browser: Browser, comparison: Comparison, tmp_path: Path, language: Any, said: list[str]
) -> None:
    comparison.to_html(tmp_path / "r.html", language)
    browser.resize(1400)
    browser.open((tmp_path / "r.html").as_uri())
    text = browser.run("document.body.innerText")
    assert browser.run("document.documentElement.lang") == language
    assert all(it in text for it in said)
    assert not re.search(r"\bundefined\b|\{\w+\}|Greek|\bsurcharge\b|tokens per sentence", text)
    greek = comparison.prices[0, comparison.languages.index("el")]
    assert f"{greek:.1f}".replace(".", ",") in text
    assert browser.complaints == []
    assert np.isfinite(browser.run("byId('cost').rows.length"))
