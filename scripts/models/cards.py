"""Cards of the models, and the tables of README.md and recipes/ABLATIONS.md: all of it written out of records."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from eurotok.output.tables import markdown
from eurotok.pricing.parallel_text import REFERENCE
from scripts.models.ablation import read as read_ablations
from scripts.models.pricing import BASE, PROGRAMMED
from scripts.models.recipe import Recipe

Triple = Sequence[float]

BARS = {
    "euro-64k": (1.00, 0.13, 0.23, 0.025, 1.36),
    "euro-128k": (0.90, 0.13, 0.22, 0.024, 1.22),
    "euro-200k": (0.85, 0.13, 0.22, 0.024, 1.16),
}
"""What was aimed at: tokens per sentence, surcharge (mean, worst), Gini, English; the first and last over `BASE`."""

SUMMARY = ("tokens/sentence", f"of {BASE}", "English", f"of {BASE}", "surcharge, mean", "worst", "Gini", "code")
BEGIN, END = "<!-- prices: written by scripts/models/cards.py -->", "<!-- /prices -->"


def summary(prices: Mapping[str, Any], names: Iterable[str], aims: bool = False) -> str:
    """Set the figures over all languages as a table, a row a tokenizer; under each of ours what was aimed at."""
    base, rows = prices["tokenizers"][BASE], []
    for name in names:
        found = prices["tokenizers"][name]
        mean, english = _mean(found), found["tokens_per_sentence"][REFERENCE][0]
        over = [found[key] for key in ("surcharge_mean", "surcharge_worst", "gini")]
        rows.append(
            [
                name,
                f"{mean:.1f}",
                f"{mean / _mean(base):.3f}",
                f"{english:.1f}",
                f"{english / base['tokens_per_sentence'][REFERENCE][0]:.3f}",
                *(f"{100 * it[0]:+.1f} % [{100 * it[1]:+.1f}, {100 * it[2]:+.1f}]" for it in over[:2]),
                f"{over[2][0]:.4f} [{over[2][1]:.4f}, {over[2][2]:.4f}]",
                f"{code_over_base(prices, name):.3f}",
            ]
        )
        if aims and name in BARS:
            mean, average, worst, gini, english = BARS[name]
            aim = [f"≤ {mean:.2f}", "", f"≤ {english:.2f}", f"≤ {average:+.0%}", f"≤ {worst:+.0%}", f"≤ {gini}"]
            rows.append(["aim", "", *aim, "≤ 1.25" if name == "euro-128k" else ""])
    return _table(["", *SUMMARY], rows)


def by_language(prices: Mapping[str, Any], names: Sequence[str]) -> str:
    """Set the price of each language as a table: tokens per sentence, surcharge over English, and its interval."""

    def cell(found: Mapping[str, Any], language: str) -> str:
        price, extra = found["tokens_per_sentence"][language], found["surcharge"][language]
        if language == REFERENCE:
            return f"{price[0]:.1f} [{price[1]:.1f}, {price[2]:.1f}]"
        return f"{price[0]:.1f}, {100 * extra[0]:+.0f} % [{100 * extra[1]:+.0f}, {100 * extra[2]:+.0f}]"

    rows = [
        [language, *(cell(prices["tokenizers"][name], language) for name in names)] for language in prices["languages"]
    ]
    return _table(["", *names], rows)


def code_over_base(prices: Mapping[str, Any], name: str) -> float:
    """Give the tokens of source code over those of `BASE`: the mean over programming languages."""
    counts, base = prices["code"][name], prices["code"][BASE]
    return float(sum(counts[language] / base[language] for language in PROGRAMMED)) / len(PROGRAMMED)


def code_table(prices: Mapping[str, Any], names: Iterable[str]) -> str:
    """Set the tokens of source code over those of `BASE` as a table."""
    base = prices["code"][BASE]
    rows = [[name, *(f"{prices['code'][name][it] / base[it]:.3f}" for it in PROGRAMMED)] for name in names]
    return _table(["", *PROGRAMMED], rows)


def ablations(records: Path) -> str:
    """Set what was tried as tables, one a question."""
    found = read_ablations(records)
    columns = {
        "tokens/sentence": ("tokens_per_sentence", "{:.2f}"),
        f"of {BASE}": ("of_base", "{:.4f}"),
        "surcharge, mean": ("surcharge_mean", "{:+.1%}"),
        "worst": ("surcharge_worst", "{:+.1%}"),
        "Gini": ("gini", "{:.4f}"),
        f"English of {BASE}": ("english_of_base", "{:.3f}"),
        "other languages": ("others_of_base", "{:.3f}"),
        "code": ("code_of_base", "{:.3f}"),
        "junk": ("junk", "{}"),
        "longest": ("longest", "{}"),
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


def card(name: str, recipe: Recipe, source: Path, prices: Mapping[str, Any], template: Template) -> str:
    """Write the card of a model."""
    others = [other for other in prices["tokenizers"] if other not in recipe.models]
    found = prices["tokenizers"][name]
    extra = sorted((it[0], language) for language, it in found["surcharge"].items() if language != REFERENCE)
    return template.substitute(
        name=name,
        size=f"{recipe.models[name]:,}",
        sha256=prices["sha256"][name],
        scheme=recipe.scheme,
        text=prices["text"],
        sentences=f"{prices['sentences']:,}",
        summary=summary(prices, [name, *others]),
        languages=by_language(prices, [name, *others]),
        code=code_table(prices, [name, *others]),
        cheapest=_list(extra[:5]),
        dearest=_list(extra[:-6:-1]),
        specials=_specials(recipe),
        recipe=source.read_text(encoding="utf-8").strip(),
        sources=_tsv(source.parent / "sources.tsv", ("source", "domain", "languages", "bytes", "licence")),
        texts=_tsv(source.parent / "text.tsv", ("language", "bytes", "sha256")),
        packages=_tsv(source.parent / "code.tsv", ("use", "registry", "name", "version", "licence", "bytes", "sha256")),
    )


def write_all(recipe: Recipe, source: Path, models: Path, readme: Path) -> None:
    """Write all cards, the table of the README and the page of ablations."""
    folder = source.parent
    prices = json.loads((folder / "prices.json").read_text(encoding="utf-8"))
    template = Template((folder / "card.template.md").read_text(encoding="utf-8"))
    for name in recipe.models:
        (models / f"{name}.md").write_text(card(name, recipe, source, prices, template), encoding="utf-8")
    text = readme.read_text(encoding="utf-8")
    table = summary(prices, prices["tokenizers"])
    readme.write_text(with_table(text, table), encoding="utf-8")
    page = Template((folder / "ablations.template.md").read_text(encoding="utf-8"))
    (folder / "ABLATIONS.md").write_text(
        page.substitute(
            tables=ablations(folder / "ablations.jsonl"), aims=summary(prices, [*recipe.models, BASE], True)
        ),
        encoding="utf-8",
    )


def with_table(text: str, table: str) -> str:
    """Put a table where the marks in a text are."""
    return re.sub(rf"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: f"{BEGIN}\n{table}\n{END}", text, flags=re.DOTALL)


def _mean(found: Mapping[str, Any]) -> float:
    prices: Mapping[str, Triple] = found["tokens_per_sentence"]
    return sum(it[0] for it in prices.values()) / len(prices)


def _list(extra: Iterable[tuple[float, str]]) -> str:
    return ", ".join(f"{language} {100 * value:+.0f} %" for value, language in extra)


def _specials(recipe: Recipe) -> str:
    named = [token for token in recipe.special_tokens if not token.startswith("<|reserved_")]
    rows = [[str(number), f"`{token}`"] for number, token in enumerate(named)]
    last = len(recipe.special_tokens) - 1
    rows.append(
        [f"{len(named)} to {last}", f"`{recipe.special_tokens[len(named)]}` to `{recipe.special_tokens[last]}`"]
    )
    return _table(["id", "token"], rows)


def _tsv(path: Path, columns: Sequence[str]) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return _table(columns, [[row[column] for column in columns] for row in rows])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return markdown(head, [[(cell, "") for cell in row] for row in rows])
