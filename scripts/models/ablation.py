"""Other choices than the recipe's, and what they cost: a line of JSON each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import eurotok
from eurotok import Counts, Tokenizer
from eurotok.checks import junk
from eurotok.pricing import metrics
from eurotok.pricing.adapters import encoder_of, run
from eurotok.pricing.parallel_text import OFFICIAL, REFERENCE
from scripts.models.counting import CODE, count_all, weigh
from scripts.models.peers import BASE, peers
from scripts.models.pricing import MARKUP, PROGRAMMED, VARIANTS, heldout
from scripts.models.recipe import Domain, Recipe
from scripts.models.training import reported, train_on


@dataclass(frozen=True)
class Choice:
    """A choice to try: what it is about, what it is, and what of the recipe it replaces."""

    about: str
    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    vocab_sizes: tuple[int, ...] = (131_072,)


class Judge:
    """Measures tokenizers on what none of them is trained or steered by."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    @cached_property
    def texts(self) -> dict[str, list[str]]:
        """Sentences by language, and held-out files by programming language."""
        sentences = reported(self.recipe.parallel, "all").sentences
        spoken = {name: list(lines) for name, lines in sentences.items() if name not in VARIANTS}
        return spoken | heldout(self.recipe.code.parent / "heldout")

    @cached_property
    def base(self) -> dict[str, float]:
        """The tokens of the tokenizer that figures are relative to."""
        return self.tokens(peers()[BASE])

    def tokens(self, tokenizer: object) -> dict[str, float]:
        """Count the tokens of every text."""
        encoder = encoder_of(tokenizer)
        return {name: float(run(encoder, lines).counts.sum()) for name, lines in self.texts.items()}

    def figures(self, tokenizer: Tokenizer) -> dict[str, Any]:
        """Measure a tokenizer: everything that the bars are about, and a little more."""
        tokens, base = self.tokens(tokenizer), self.base
        ratio = {name: tokens[name] / base[name] for name in tokens}
        official = np.array([tokens[name] for name in OFFICIAL])
        english = OFFICIAL.index(REFERENCE)
        extra = np.delete(metrics.surcharge(official, official[english]), english)
        spoken = [name for name in tokens if name not in (*PROGRAMMED, *MARKUP)]
        rest = [ratio[name] for name in spoken if name not in self.recipe.priced]
        dearest = max((name for name in OFFICIAL if name != REFERENCE), key=ratio.__getitem__)
        worst = max(self.recipe.columns, key=ratio.__getitem__)
        ordinary = [tokenizer.token(number) for number in range(len(tokenizer.special_tokens), tokenizer.vocab_size)]
        return {
            "tokens_per_sentence": float(official.mean() / len(self.texts[REFERENCE])),
            "of_base": float(official.sum() / sum(base[name] for name in OFFICIAL)),
            "english_of_base": ratio[REFERENCE],
            "dearest": [dearest, ratio[dearest]],
            "columns_worst": [worst, ratio[worst]],
            "rest_of_base": float(np.mean(rest)),
            "surcharge_mean": float(extra.mean()),
            "surcharge_worst": float(extra.max()),
            "gini": float(metrics.gini(official)),
            "code_of_base": float(np.mean([ratio[name] for name in PROGRAMMED])),
            "latex_of_base": ratio["latex"],
            "json_of_base": ratio["json"],
            "junk": sum(junk(token) is not None for token in ordinary),
            "longest": max(map(len, ordinary)),
        }


def try_all(recipe: Recipe, choices: Iterable[Choice], counts: Path, records: Path) -> None:
    """Train with each choice, measure at each size, and add records; what is recorded already is not done again."""
    judge = Judge(recipe)
    done = {(row["about"], row["choice"]) for row in read(records)}
    kept: dict[tuple[object, ...], dict[str, Counts]] = {}
    for choice in choices:
        if (choice.about, choice.name) in done:
            continue
        changed = replace(recipe, **choice.changes)
        kind = (changed.scheme, changed.window, changed.without)
        if kind not in kept:
            kept = {kind: count_all(changed, counts)}
        counted = kept[kind]
        largest = train_on(changed, weigh(changed, counted), counted[CODE].languages, max(choice.vocab_sizes))
        record(judge, choice, largest, records)


def record(judge: Judge, choice: Choice, largest: Tokenizer, records: Path) -> None:
    """Measure a tokenizer at each size of a choice, and add records."""
    for size in choice.vocab_sizes:
        tokenizer = eurotok.truncate(largest, size)
        row = {"about": choice.about, "choice": choice.name, "vocab_size": size, **judge.figures(tokenizer)}
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
    """List what is tried: the recipe first, then of each question other answers than its."""
    line = tuple(recipe.models.values())
    one = (recipe.models["euro-128k"],)

    def ask(about: str, *tried: tuple[str, Mapping[str, Any]]) -> list[Choice]:
        return [Choice(about, name, changes, one) for name, changes in tried]

    def tried(name: str, **changes: object) -> Choice:
        return Choice("The way here", name, changes, line)

    def parts(name: str, target: Mapping[str, float]) -> Choice:
        return Choice("The line: the parts of other languages", name, {"target": target, "code_share": 0.0095}, line)

    official = {language: target for language, target in recipe.target.items() if language not in recipe.columns}
    less, more = ("cy", "eu", "is"), ("mk", "sq", "sr", "uk")
    narrow = {**official, "en": 0.925, "de": 0.98, "es": 0.955, "nl": 0.98, "pt": 0.963}
    narrow |= {"ca": 1.3, "gl": 1.26, "nb": 1.3, "tr": 1.27}
    before = {"target": narrow, "column_target": 1.36, "rest_share": 0.02, "code_share": 0.009}
    wider = before | {"target": narrow | {"en": 0.93} | dict.fromkeys((*less, *more), 1.5), "code_share": 0.0095}
    former = official | {"ca": 1.32, "gl": 1.275, "nb": 1.32, "tr": 1.285}
    fairer = former | dict.fromkeys(less, 1.55) | dict.fromkeys(more, 1.62)
    between = {
        "cy": 1.62,
        "eu": 1.63,
        "is": 1.55,
        "mk": 1.9,
        "sq": 1.75,
        "sr": 1.85,
        "uk": 1.7,
        "bs": 1.7,
        "sr-Latn": 1.7,
    }
    general = domains(recipe, general=3, public=2, sentences=2)
    no_columns = {"columns": (), "target": official}
    return [
        Choice("The recipe", "as it is", {}, line),
        tried("before: new text 4 times, targets of other languages 1.26 to 1.36, the rest 2 %", new_times=4, **before),
        tried("new text 16 times", new_times=16, **before),
        tried("new text 40 times", new_times=40, **before),
        tried(
            "new text 12 times, general text 3 times, public text and sentences twice",
            new_times=12,
            **before | {"domains": general},
        ),
        tried("new text 16 times, strength 0.95", new_times=16, **before | {"strength": 0.95}),
        tried("new text 24 times, strength 0.85", new_times=24, **before | {"strength": 0.85}),
        tried("new text 20 times, targets of cy eu is mk sq sr uk 1.5, of en 0.93", new_times=20, **wider),
        tried(
            "fairness 8, en 0.95, targets of cy eu is 1.55, of mk sq sr uk 1.62",
            fairness=8,
            code_share=0.0098,
            column_target=1.44,
            target={**fairer, "en": 0.95, "es": 0.961, "tr": 1.28},
        ),
        parts(
            "targets of cy eu is 1.53, of mk sq sr uk 1.58, of ca nb 1.32, of tr 1.285; code 0.95 %",
            former | dict.fromkeys(less, 1.53) | dict.fromkeys(more, 1.58),
        ),
        parts(
            "targets of cy 1.62, of eu 1.63, of is 1.55, of mk 1.9, of sq 1.75, of sr 1.85, of uk 1.7; code 0.95 %",
            former | between,
        ),
        Choice("The line: the parts of other languages", "the recipe", {}, line),
        *ask("Calibration", ("none", {"strength": 0.0}), ("0.7", {"strength": 0.7})),
        *ask("New text", ("none", {"new_times": 0}), ("4 times", {"new_times": 4})),
        *ask(
            "How much each domain counts", ("all alike, new text 4 times", {"domains": domains(recipe), "new_times": 4})
        ),
        *ask("Other languages with a price", ("none: each a small share", no_columns)),
        *ask("Fairness", ("5", {"fairness": 5}), ("20", {"fairness": 20})),
        *ask("Targets", ("none but those of the other languages", {"target": {}})),
        *ask("The share of code and markup", ("none", {"code_share": 0.0}), ("3 %", {"code_share": 0.03})),
    ]
