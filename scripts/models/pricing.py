"""Prices of tokenizers: in each language, for code, formulas, JSON and chats. Cards are made of the record of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eurotok
from eurotok.corpus import find_languages, read_texts
from eurotok.pricing import bootstrap, metrics
from eurotok.pricing.adapters import Encoder, encoder_of, run
from eurotok.pricing.parallel_text import OFFICIAL, REFERENCE
from scripts.models.peers import BASE, peers
from scripts.models.recipe import Recipe
from scripts.models.training import reported

PROGRAMMED = ("c", "javascript", "python", "rust")
"""The programming languages whose cost is reported."""

MARKUP = ("json", "latex")
"""Beside them, from held-out packages, too."""

CHATS = "chats"
"""Conversations: the sentences of the parallel text as messages in JSON, in each official language."""

TURNS = 6
"""Messages of a conversation."""

VARIANTS = ("en-GB", "es-MX", "fr-CA", "pt-BR")
"""Second texts of a language, which are not priced."""

Counts = dict[str, dict[str, NDArray[np.int64]]]
"""Tokens of each sentence, by tokenizer and language."""


def measure(recipe: Recipe, folder: Path, records: Path, packaged: Path) -> None:
    """Price the models in a folder and those of others; write the record and the package's extract."""
    encoders = {name: encoder_of(eurotok.load(folder / f"{name}.eurotok")) for name in recipe.models}
    encoders |= {name: encoder_of(tokenizer) for name, tokenizer in peers().items()}
    text = reported(recipe.parallel, "all")
    spoken = {name: list(lines) for name, lines in text.sentences.items() if name not in VARIANTS}
    counts = {
        name: {language: _count(encoder, lines, language) for language, lines in spoken.items()}
        for name, encoder in encoders.items()
    }
    prices = {
        "text": text.name,
        "sentences": len(spoken[REFERENCE]),
        "languages": list(OFFICIAL),
        "sha256": {
            name: hashlib.sha256((folder / f"{name}.eurotok").read_bytes()).hexdigest() for name in recipe.models
        },
        "tokenizers": figures(counts),
        "code": code(recipe.code.parent / "heldout", spoken, encoders),
    }
    (records / "prices.json").write_text(json.dumps(prices, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    packaged.write_text(json.dumps(extract(prices), ensure_ascii=False) + "\n", encoding="utf-8")


def _count(encoder: Encoder, texts: Sequence[str], what: str) -> NDArray[np.int64]:
    """Count the tokens of each text."""
    encoded = run(encoder, texts)
    if encoded.failures:
        place, reason = min(encoded.failures.items())
        raise ValueError(f"{encoder.name}: fails on text {place + 1} of {what}: {reason}")
    return encoded.counts


def figures(counts: Counts) -> dict[str, dict[str, Any]]:
    """Give the figures of each tokenizer, each as [figure, lower end, upper end of its 95 % interval].

    By language: tokens per sentence, over those of `BASE`, and over those of English minus one. Over the official
    languages: the mean and the worst of the last, and the Gini coefficient.
    """
    languages = list(counts[BASE])
    official = [languages.index(language) for language in OFFICIAL]
    english = languages.index(REFERENCE)
    others = [place for place in official if place != english]
    weights = bootstrap.resample(len(counts[BASE][REFERENCE]))
    # The first row is the text itself, the others are draws of it.
    weights = np.vstack([np.full(weights.shape[1], 1 / weights.shape[1]), weights])
    means = {
        name: np.column_stack([weights @ found[language] for language in languages]) for name, found in counts.items()
    }

    def triple(values: NDArray[np.float64]) -> list[float]:
        return [round(float(it), 5) for it in (values[0], *bootstrap.interval(values[1:]))]

    def by_language(values: NDArray[np.float64]) -> dict[str, list[float]]:
        return {language: triple(values[:, place]) for place, language in enumerate(languages)}

    found = {}
    for name, prices in means.items():
        extra = metrics.surcharge(prices, prices[:, [english]])
        found[name] = {
            "tokens_per_sentence": by_language(prices),
            "of_base": by_language(prices / means[BASE]),
            "of_base_official": triple(prices[:, official].sum(1) / means[BASE][:, official].sum(1)),
            "surcharge": by_language(extra),
            "surcharge_mean": triple(extra[:, others].mean(1)),
            "surcharge_worst": triple(extra[:, others].max(1)),
            "gini": triple(metrics.gini(prices[:, official])),
        }
    return found


def heldout(folder: Path) -> dict[str, list[str]]:
    """Read the held-out files of each language of code and markup."""
    files = find_languages(folder)
    return {
        name: [text for path in files[name] for batch in read_texts(path) for text in batch]
        for name in (*PROGRAMMED, *MARKUP)
    }


def code(
    folder: Path, sentences: Mapping[str, Sequence[str]], encoders: Mapping[str, Encoder]
) -> dict[str, dict[str, int]]:
    """Count the tokens of held-out files and of chats, by tokenizer and kind."""
    texts = heldout(folder) | {CHATS: chats([sentences[language] for language in OFFICIAL])}
    return {
        name: {kind: int(_count(encoder, lines, kind).sum()) for kind, lines in texts.items()}
        for name, encoder in encoders.items()
    }


def chats(texts: Iterable[Sequence[str]]) -> list[str]:
    """Make conversations of sentences: the user and the assistant take turns."""
    roles = ("user", "assistant")
    return [
        json.dumps(
            [{"role": roles[place % 2], "content": line} for place, line in enumerate(lines[start : start + TURNS])],
            ensure_ascii=False,
        )
        for lines in texts
        for start in range(0, len(lines), TURNS)
    ]


def extract(prices: Mapping[str, Any]) -> dict[str, Any]:
    """Give the tokens per sentence of each tokenizer in each language, which the package shows without the files."""
    tokens = {
        name: {language: it[0] for language, it in found["tokens_per_sentence"].items()}
        for name, found in prices["tokenizers"].items()
    }
    kept = {key: prices[key] for key in ("text", "sentences", "languages")}
    return kept | {"tokens_per_sentence": tokens}
