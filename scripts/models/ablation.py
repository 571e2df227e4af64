"""Other choices than the recipe's, and what they cost: a line of JSON each."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eurotok
from eurotok import Counts, Tokenizer
from eurotok.checks import junk
from eurotok.corpus import find_languages, read_texts
from eurotok.pricing import metrics
from eurotok.pricing.adapters import encoder_of, run
from eurotok.pricing.parallel_text import OFFICIAL, REFERENCE, load_parallel
from scripts.models.counting import CODE, count_all, weigh
from scripts.models.pricing import BASE, PROGRAMMED, peers
from scripts.models.recipe import Domain, Recipe
from scripts.models.training import reported, train_on

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """A choice to try: what it is about, what it is, and what of the recipe it replaces."""

    about: str
    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    vocab_size: int = 131_072


class Judge:
    """Measures tokenizers on what none of them is trained or steered by."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    @cached_property
    def official(self) -> dict[str, list[str]]:
        """Sentences by official language."""
        return {name: list(lines) for name, lines in reported(self.recipe.parallel).sentences.items()}

    @cached_property
    def others(self) -> dict[str, list[str]]:
        """Sentences in the other languages that are trained on, all documents."""
        known = set(find_languages(self.recipe.text)) - set(OFFICIAL)
        everything = load_parallel(self.recipe.parallel, "all").sentences
        return {name: list(lines) for name, lines in everything.items() if name in known}

    @cached_property
    def code(self) -> dict[str, list[str]]:
        """Held-out files by programming language."""
        files = find_languages(self.recipe.code.parent / "heldout")
        return {
            name: [text for path in files[name] for batch in read_texts(path) for text in batch] for name in PROGRAMMED
        }

    @cached_property
    def base(self) -> dict[str, Floats]:
        """The tokens of the tokenizer that figures are relative to."""
        return self.tokens(peers()[BASE])

    def tokens(self, tokenizer: object) -> dict[str, Floats]:
        """Count the tokens of every text."""
        encoder = encoder_of(tokenizer)
        return {
            kind: np.array([run(encoder, texts).counts.sum() for texts in getattr(self, kind).values()], dtype=float)
            for kind in ("official", "others", "code")
        }

    def figures(self, tokenizer: Tokenizer) -> dict[str, float]:
        """Measure a tokenizer: everything that the bars are about, and a little more."""
        tokens, base = self.tokens(tokenizer), self.base
        english = list(self.official).index(REFERENCE)
        prices = tokens["official"] / len(self.official[REFERENCE])
        extra = np.delete(metrics.surcharge(prices, prices[english]), english)
        ordinary = [tokenizer.token(number) for number in range(len(tokenizer.special_tokens), tokenizer.vocab_size)]
        return {
            "tokens_per_sentence": float(prices.mean()),
            "of_base": float(tokens["official"].sum() / base["official"].sum()),
            "surcharge_mean": float(extra.mean()),
            "surcharge_worst": float(extra.max()),
            "gini": float(metrics.gini(prices)),
            "english_of_base": float(tokens["official"][english] / base["official"][english]),
            "others_of_base": float((tokens["others"] / base["others"]).mean()),
            "code_of_base": float((tokens["code"] / base["code"]).mean()),
            "junk": sum(junk(token) is not None for token in ordinary),
            "longest": max(map(len, ordinary)),
        }


def try_all(recipe: Recipe, choices: Iterable[Choice], counts: Path, records: Path) -> None:
    """Train with each choice, measure, and add a record of it; what is recorded already is not done again."""
    judge = Judge(recipe)
    done = {(row["about"], row["choice"], row["vocab_size"]) for row in read(records)}
    kept: dict[tuple[object, ...], dict[str, Counts]] = {}
    for choice in choices:
        if (choice.about, choice.name, choice.vocab_size) in done:
            continue
        changed = replace(recipe, **choice.changes)
        kind = (changed.scheme, changed.window, changed.without)
        if kind not in kept:
            kept = {kind: count_all(changed, counts)}
        counted = kept[kind]
        began = time.perf_counter()
        tokenizer = train_on(changed, weigh(changed, counted), counted[CODE].languages, choice.vocab_size)
        row = {
            "about": choice.about,
            "choice": choice.name,
            "vocab_size": choice.vocab_size,
            "seconds": round(time.perf_counter() - began, 1),
            **judge.figures(tokenizer),
        }
        with records.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


def read(records: Path) -> list[dict[str, Any]]:
    """Read what is recorded."""
    return [json.loads(line) for line in records.read_text(encoding="utf-8").splitlines()] if records.exists() else []


def domains(recipe: Recipe, **times: int) -> dict[str, Domain]:
    """Give the recipe's domains with other weights."""
    return {name: replace(domain, times=times.get(name, 1)) for name, domain in recipe.domains.items()}


def choices(recipe: Recipe) -> list[Choice]:
    """List what is tried: of each question the recipe's answer first, then others."""
    size = recipe.models["euro-128k"]
    mine = {name: domain.times for name, domain in recipe.domains.items()}
    digits = eurotok.schemes()[recipe.scheme].replace(r"\p{N}{1,3}", r"\p{N}")

    def ask(about: str, *tried: tuple[str, Mapping[str, Any]]) -> list[Choice]:
        return [Choice(about, name, changes, size) for name, changes in tried]

    return [
        *ask("The recipe", ("as it is", {})),
        *ask(
            "Fairness",
            ("balanced, without parallel text", {"fairness": 0}),
            ("5", {"fairness": 5}),
            ("20", {"fairness": 20}),
        ),
        *ask("Targets", ("none", {"target": {}}), ("English alone", {"target": {"en": recipe.target["en"]}})),
        *ask(
            "How much each domain counts",
            ("all alike", {"domains": domains(recipe)}),
            ("no law", {"domains": domains(recipe, **(mine | {"law": 0}))}),
        ),
        *ask("The share of source code", ("none", {"code_share": 0.0}), ("5 %", {"code_share": 0.05})),
        *ask(
            "The share of each other European language, of an official one's",
            ("none", {"other_share": 0.0}),
            ("5 %", {"other_share": 0.05}),
        ),
        *ask("How often a piece must occur, as domains count", ("once", {"least": 1}), ("16 times", {"least": 16})),
        *ask("What keeps mixed scripts and runs out", ("nothing", {"without": ""})),
        *ask("Where a piece counts once", ("nowhere: every occurrence counts", {"window": 0})),
        *ask("How text is split", ("o200k", {"scheme": "o200k"}), ("europe, digits one by one", {"scheme": digits})),
    ]
