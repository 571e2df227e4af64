"""Tokenizers from weighted counts, as a recipe says."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import eurotok
from eurotok import Counts, Tokenizer
from eurotok.pricing.parallel_text import ParallelText, load_parallel
from eurotok.specials import keep
from eurotok.training import Steering, steering_of
from scripts.models.counting import CODE, shares, weigh
from scripts.models.recipe import Recipe

DOCUMENTS = "DOCUMENT_IDS.tsv"
"""Beside a parallel text: the document of each of its lines."""


def steering(folder: Path, languages: Iterable[str]) -> ParallelText:
    """Load the part of a parallel text that training is steered by: documents 1, 3, 5 and so on."""
    return _documents(folder, 1, languages)


def reported(folder: Path, languages: Iterable[str] | None = None) -> ParallelText:
    """Load the part that prices are reported on: documents 2, 4, 6 and so on; by default of the official languages."""
    return _documents(folder, 0, languages)


def _documents(folder: Path, parity: int, languages: Iterable[str] | None) -> ParallelText:
    with (folder / DOCUMENTS).open(encoding="utf-8", newline="") as file:
        documents = [row[0] for row in csv.reader(file, delimiter="\t")]
    number = {document: place for place, document in enumerate(dict.fromkeys(documents), 1)}
    text = load_parallel(folder, languages)
    if len(documents) != len(text.sentences["en"]):
        raise ValueError(f"{folder / DOCUMENTS}: {len(documents)} lines for {len(text.sentences['en'])} sentences")
    kept = [place for place, document in enumerate(documents) if number[document] % 2 == parity]
    which = "odd" if parity else "even"
    chosen = {language: [lines[place] for place in kept] for language, lines in text.sentences.items()}
    return ParallelText(f"{text.name}, {which} documents", chosen, text.missing)


def _counted(recipe: Recipe) -> Steering:
    """Count the text that steers: what the languages with a column of their own pay; all others have a fixed share."""
    return steering_of(steering(recipe.parallel, recipe.priced).sentences, recipe.scheme)


def train_all(recipe: Recipe, counts: dict[str, Counts], folder: Path) -> None:
    """Train the largest of the models and write all of them to a folder: the others are its beginning."""
    largest = train_on(recipe, weigh(recipe, counts), counts[CODE].languages, max(recipe.models.values()))
    for name, size in recipe.models.items():
        keep(eurotok.truncate(largest, size), recipe.content).save(folder / f"{name}.eurotok")


def train_on(recipe: Recipe, total: Counts, code: list[str], vocab_size: int) -> Tokenizer:
    """Train a tokenizer on counts that are weighed already."""
    texts = [language for language in total.languages if language not in code]
    return eurotok.train(
        total,
        vocab_size=vocab_size,
        special_tokens=recipe.special_tokens,
        shares=shares(recipe, {language: total.bytes[language] for language in texts}, code),
        parallel=_counted(recipe) if recipe.fairness else None,
        fairness=recipe.fairness or None,
        target=recipe.targets if recipe.fairness else None,
        min_frequency=recipe.min_frequency,
        max_token_length=recipe.max_token_length,
    )
