"""Cards of the models, the picture of prices, and the tables of README.md and recipes/ABLATIONS.md: made of records."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from eurotok.output.plots import svg
from eurotok.output.tables import markdown
from eurotok.pricing.parallel_text import OFFICIAL, REFERENCE, language_name
from scripts.models import picture
from scripts.models.ablation import read as read_ablations
from scripts.models.peers import BASE
from scripts.models.pricing import CHATS, MARKUP, PROGRAMMED
from scripts.models.recipe import Recipe

Triple = Sequence[float]
Prices = Mapping[str, Any]


@dataclass(frozen=True)
class Bars:
    """The targets: tokens over `BASE`'s, and what languages pay beside English."""

    official: float
    english: float
    dearest: float
    columns: float
    mean: float
    worst: float
    code: float
    gini: float = 0.025


BARS = {
    "euro-64k": Bars(0.955, 1.33, 1.16, 1.17, 0.13, 0.21, 1.33),
    "euro-128k": Bars(0.860, 1.20, 1.05, 1.05, 0.12, 0.20, 1.23),
    "euro-200k": Bars(0.810, 1.135, 1.00, 0.985, 0.12, 0.20, 1.19),
    "euro-256k": Bars(0.782, 1.10, 0.97, 0.95, 0.12, 0.20, 1.15),
}

SUMMARY = ("tokens/sentence", f"of {BASE}", "English, tokens/sentence", "surcharge, mean and worst")
BEGIN, END = "<!-- prices: written by scripts/models/cards.py -->", "<!-- /prices -->"
LANGUAGES_BEGIN, LANGUAGES_END = "<!-- languages: written by scripts/models/cards.py -->", "<!-- /languages -->"

WHO_BEGIN, WHO_END = "<!-- who: written by scripts/models/cards.py -->", "<!-- /who -->"


def who(prices: Prices, recipe: Recipe) -> str:
    """Say who pays more and who pays less than under the reference: a paragraph of the README."""
    ratios = {name: {language: _ratios(prices, name)[language] for language in recipe.priced} for name in recipe.models}
    english = [ratio["en"] - 1 for ratio in ratios.values()]
    dearer = {name: [language for language in ratio if ratio[language] > 1] for name, ratio in ratios.items()}
    alone = [name for name, languages in dearer.items() if languages == ["en"]]
    others = [name for name in dearer if name not in alone]
    greek = " and ".join(f"{1 - ratios[name]['el']:.0%}".replace("%", " %") for name in alone)
    counted = ", ".join(f"under {name} {len(dearer[name])}" for name in others)
    portuguese = [_tokens(prices, BASE, "pt"), *(f"{_tokens(prices, name, 'pt')} under {name}" for name in ratios)]
    return (
        f"**English pays more**: {100 * min(english):.0f} % ({min(ratios, key=lambda name: ratios[name]['en'])}) to "
        f"{100 * max(english):.0f} % ({max(ratios, key=lambda name: ratios[name]['en'])}) more tokens than under "
        "o200k, the vocabulary of GPT-4o. A vocabulary that\nserves many languages has fewer entries for each. "
        f"**Under {' and '.join(alone)} every other language that the models are made for pays less**,\n"
        f"Greek {greek} less. "
        f"The smaller vocabularies have too few entries for that: of {len(recipe.priced)} texts {counted} pay more,\n"
        "German, French and Spanish among them.\n\n"
        f"A sentence in Portuguese, for example, takes {portuguese[0]} tokens under {BASE}, "
        f"{', '.join(portuguese[1:])}.\n"
    )


def _tokens(prices: Prices, name: str, language: str) -> str:
    return f"{prices['tokenizers'][name]['tokens_per_sentence'][language][0]:.1f}"


def summary(prices: Prices, names: Iterable[str]) -> str:
    """Set the figures over the official languages as a table, a row a tokenizer."""
    rows = []
    for name in names:
        found = prices["tokenizers"][name]
        price = [found["tokens_per_sentence"][language][0] for language in OFFICIAL]
        ratio, english = found["of_base_official"], found["of_base"][REFERENCE][0]
        rows.append(
            [
                name,
                f"{sum(price) / len(price):.1f}",
                f"{ratio[0]:.3f} [{ratio[1]:.3f}, {ratio[2]:.3f}]",
                f"{found['tokens_per_sentence'][REFERENCE][0]:.1f}, {english:.3f} of {BASE}",
                f"{_percent(found['surcharge_mean'])}; {_percent(found['surcharge_worst'])}",
            ]
        )
    return _table(["", *SUMMARY], rows)


def of_base(prices: Prices, recipe: Recipe) -> str:
    """Set what each language that the models are made for pays under them, over what it pays under `BASE`."""
    rows = [
        [
            f"{language_name(language)} ({language})",
            *(
                f"{found['tokens_per_sentence'][language][0]:.1f}, {found['of_base'][language][0]:.2f}"
                for found in (prices["tokenizers"][name] for name in recipe.models)
            ),
        ]
        for language in sorted(recipe.priced)
    ]
    return _table(["", *recipe.models], rows)


def aims(prices: Prices, recipe: Recipe) -> str:
    """Set what was reached as a table; under each model what was aimed at."""
    rows = []
    for name in recipe.models:
        found, bars, ratio = prices["tokenizers"][name], BARS[name], _ratios(prices, name)
        dearest = max((it for it in OFFICIAL if it != REFERENCE), key=ratio.__getitem__)
        worst = max(recipe.columns, key=ratio.__getitem__)
        rows.append(
            [
                name,
                f"{found['of_base_official'][0]:.3f}",
                f"{ratio[REFERENCE]:.3f}",
                f"{dearest} {ratio[dearest]:.3f}",
                f"{worst} {ratio[worst]:.3f}",
                f"{100 * found['surcharge_mean'][0]:+.1f} %",
                f"{100 * found['surcharge_worst'][0]:+.1f} %",
                f"{found['gini'][0]:.4f}",
                f"{code_over_base(prices, name):.3f}",
            ]
        )
        aimed = (bars.official, bars.english, bars.dearest, bars.columns, bars.mean, bars.worst, bars.gini, bars.code)
        percent = [f"≤ {100 * it:+.0f} %" if place in (4, 5) else f"≤ {it:.3f}" for place, it in enumerate(aimed)]
        rows.append(["aim", *percent])
    head = ["", f"24 official, of {BASE}", "English", "dearest official", "dearest other"]
    return _table([*head, "surcharge, mean", "worst", "Gini", "code"], rows)


def by_language(prices: Prices, name: str, recipe: Recipe) -> str:
    """Set the price of each language under a tokenizer as a table: tokens, over those of `BASE`, over English."""
    found = prices["tokenizers"][name]

    def row(language: str) -> list[str]:
        tokens, ratio, extra = (found[key][language] for key in ("tokens_per_sentence", "of_base", "surcharge"))
        return [
            f"{language_name(language)} ({language})",
            f"{tokens[0]:.1f} [{tokens[1]:.1f}, {tokens[2]:.1f}]",
            f"{ratio[0]:.3f} [{ratio[1]:.3f}, {ratio[2]:.3f}]",
            "" if language == REFERENCE else _percent(extra),
        ]

    rest = [language for language in found["of_base"] if language not in recipe.priced]
    groups = [[it for it in recipe.priced if it in OFFICIAL], list(recipe.columns), rest]
    head = ["", "tokens/sentence", f"of {BASE}", "surcharge"]
    return _table(head, [row(language) for group in groups for language in sorted(group)])


def everyone(prices: Prices, names: Sequence[str]) -> str:
    """Set the tokens per sentence of each language under each tokenizer as a table."""
    rows = [
        [language, *(f"{prices['tokenizers'][name]['tokens_per_sentence'][language][0]:.1f}" for name in names)]
        for language in prices["tokenizers"][BASE]["of_base"]
    ]
    return _table(["", *names], rows)


def gains(prices: Prices, name: str, recipe: Recipe) -> str:
    """Say in words who pays less than under `BASE`, and who more."""
    ratio = _ratios(prices, name)
    ordered = sorted(ratio, key=ratio.__getitem__)
    less, more = ([it for it in ordered if (ratio[it] < 1) is cheaper] for cheaper in (True, False))

    def spell(languages: Iterable[str]) -> str:
        return ", ".join(f"{language_name(it)} {100 * (ratio[it] - 1):+.0f} %" for it in languages)

    priced = sum(language in recipe.priced for language in less)
    return (
        f"- Pay less than under {BASE}, the vocabulary of GPT-4o: {len(less)} of {len(ratio)} languages, {priced} of "
        f"the {len(recipe.priced)} that have a price of their own. Most: {spell(less[:8])}.\n"
        f"- Pay more: {spell(reversed(more)) or 'none'}."
    )


def code_over_base(prices: Prices, name: str) -> float:
    """Give the tokens of source code over those of `BASE`: the mean over programming languages."""
    counts, base = prices["code"][name], prices["code"][BASE]
    return float(sum(counts[language] / base[language] for language in PROGRAMMED)) / len(PROGRAMMED)


def code_table(prices: Prices, names: Iterable[str]) -> str:
    """Set the tokens of source code, markup and chats over those of `BASE` as a table."""
    base, kinds = prices["code"][BASE], (*PROGRAMMED, *MARKUP, CHATS)
    rows = [[name, *(f"{prices['code'][name][it] / base[it]:.3f}" for it in kinds)] for name in names]
    return _table(["", *kinds], rows)


def ablations(records: Path) -> str:
    """Set what was tried as tables, one a question."""
    found = read_ablations(records)
    columns = {
        "tokens/sentence": ("tokens_per_sentence", "{:.2f}"),
        f"of {BASE}": ("of_base", "{:.4f}"),
        "English": ("english_of_base", "{:.3f}"),
        "dearest official": ("dearest", "{0[0]} {0[1]:.3f}"),
        "dearest other": ("columns_worst", "{0[0]} {0[1]:.3f}"),
        "rest": ("rest_of_base", "{:.3f}"),
        "surcharge, mean": ("surcharge_mean", "{:+.1%}"),
        "worst": ("surcharge_worst", "{:+.1%}"),
        "Gini": ("gini", "{:.4f}"),
        "code": ("code_of_base", "{:.3f}"),
        "junk": ("junk", "{}"),
    }
    parts = []
    for about in dict.fromkeys(row["about"] for row in found):
        rows = [
            [row["choice"], f"{row['vocab_size']:,}", *(form.format(row[key]) for key, form in columns.values())]
            for row in found
            if row["about"] == about
        ]
        parts.append(f"## {about}\n\n{_table(['', 'entries', *columns], rows)}")
    return "\n".join(parts)


def card(name: str, recipe: Recipe, source: Path, prices: Prices, template: Template) -> str:
    """Write the card of a model."""
    others = [other for other in prices["tokenizers"] if other not in recipe.models]
    found = prices["tokenizers"][name]
    extra = sorted((found["surcharge"][language][0], language) for language in OFFICIAL if language != REFERENCE)
    return template.substitute(
        name=name,
        size=f"{recipe.models[name]:,}",
        sha256=prices["sha256"][name],
        scheme=recipe.scheme,
        text=prices["text"],
        sentences=f"{prices['sentences']:,}",
        columns=len(recipe.columns),
        column_names=", ".join(language_name(language) for language in recipe.columns),
        summary=summary(prices, [name, *others]),
        languages=by_language(prices, name, recipe),
        everyone=everyone(prices, [name, *others]),
        code=code_table(prices, [name, *others]),
        gains=gains(prices, name, recipe),
        cheapest=_list(extra[:5]),
        dearest=_list(extra[:-6:-1]),
        specials=_specials(recipe),
        recipe=source.read_text(encoding="utf-8").strip(),
        sources=_tsv(source.parent / "sources.tsv", ("source", "domain", "languages", "bytes", "licence")),
        texts=_tsv(source.parent / "text.tsv", ("language", "what", "bytes", "sha256")),
        packages=_tsv(source.parent / "code.tsv", ("use", "registry", "name", "version", "licence", "bytes", "sha256")),
    )


def write_all(recipe: Recipe, source: Path, models: Path, readme: Path) -> None:
    """Write all cards, the picture of prices, the table of the README and the page of ablations."""
    folder = source.parent
    prices = json.loads((folder / "prices.json").read_text(encoding="utf-8"))
    template = Template((folder / "card.template.md").read_text(encoding="utf-8"))
    for name in recipe.models:
        (models / f"{name}.md").write_text(card(name, recipe, source, prices, template), encoding="utf-8")
    drawn = svg(picture.beside(prices, list(recipe.models), recipe.priced))
    (folder / "prices.svg").write_text(drawn, encoding="utf-8")
    text = readme.read_text(encoding="utf-8")
    table = summary(prices, prices["tokenizers"])
    text = with_table(with_table(text, table), of_base(prices, recipe), LANGUAGES_BEGIN, LANGUAGES_END)
    readme.write_text(with_table(text, who(prices, recipe), WHO_BEGIN, WHO_END), encoding="utf-8")
    page = Template((folder / "ablations.template.md").read_text(encoding="utf-8"))
    (folder / "ABLATIONS.md").write_text(
        page.substitute(tables=ablations(folder / "ablations.jsonl"), aims=aims(prices, recipe)), encoding="utf-8"
    )


def with_table(text: str, table: str, begin: str = BEGIN, end: str = END) -> str:
    """Put a table where the marks in a text are."""
    return re.sub(rf"{re.escape(begin)}.*{re.escape(end)}", lambda _: f"{begin}\n{table}\n{end}", text, flags=re.DOTALL)


def _ratios(prices: Prices, name: str) -> dict[str, float]:
    """Give each language's tokens over those of `BASE`."""
    return {language: it[0] for language, it in prices["tokenizers"][name]["of_base"].items()}


def _percent(part: Triple) -> str:
    """Write a part and its interval in percent."""
    return f"{100 * part[0]:+.1f} % [{100 * part[1]:+.1f}, {100 * part[2]:+.1f}]"


def _list(extra: Iterable[tuple[float, str]]) -> str:
    return ", ".join(f"{language} {100 * value:+.0f} %" for value, language in extra)


def _specials(recipe: Recipe) -> str:
    named = [token for token in recipe.special_tokens if not token.startswith("<|reserved_")]
    rows = [
        [str(number), f"`{token}`", "content" if token in recipe.content else ""] for number, token in enumerate(named)
    ]
    last = len(recipe.special_tokens) - 1
    rows.append(
        [f"{len(named)} to {last}", f"`{recipe.special_tokens[len(named)]}` to `{recipe.special_tokens[last]}`", ""]
    )
    return _table(["id", "token", ""], rows)


def _tsv(path: Path, columns: Sequence[str]) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return _table(columns, [[row[column] for column in columns] for row in rows])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return markdown(head, [[(cell, "") for cell in row] for row in rows])
