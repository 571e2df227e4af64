"""What tokenizers cost: in each language, and for source code. Cards are made of the record of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import eurotok
from eurotok.comparison import Comparison, compare
from eurotok.corpus import find_languages, read_texts
from eurotok.output.plots import draw, surcharges
from eurotok.pricing.adapters import encoder_of, run
from scripts.models.recipe import Recipe
from scripts.models.training import reported

BASE = "o200k"
"""What the bars of the shipped tokenizers are relative to."""

PROGRAMMED = ("c", "javascript", "python", "rust")
"""The programming languages whose cost is reported."""

FIGURES = ("tokens_per_sentence", "surcharge", "surcharge_mean", "surcharge_worst", "gini")
"""What is recorded of a tokenizer, each with its interval."""

PICTURED = ("euro-64k", "euro-128k", "euro-200k", BASE)


def peers() -> dict[str, object]:
    """Load the vocabularies of others, by the packages that carry them: `quicktok-v1` and `mistral-common`."""
    quicktok = import_module("quicktok")
    data = Path(str(import_module("mistral_common").__file__)).parent / "data"
    return {
        BASE: quicktok.get_encoding("o200k_base").encode_ordinary,
        "cl100k": quicktok.get_encoding("cl100k_base").encode_ordinary,
        "Llama 3": quicktok.get_encoding("llama3").encode_ordinary,
        "Qwen 3": quicktok.get_encoding("qwen3").encode_ordinary,
        "Tekken": data / "tekken_240911.json",
        "Mistral v3": data / "mistral_instruct_tokenizer_240323.model.v3",
    }


def measure(recipe: Recipe, folder: Path, record: Path, picture: Path) -> None:
    """Price the models in a folder and those of others, record the figures, and draw the surcharges."""
    tokenizers = {name: eurotok.load(folder / f"{name}.eurotok") for name in recipe.models} | peers()
    text = reported(recipe.parallel)
    comparison = compare(tokenizers, text)
    pictured = compare({name: tokenizers[name] for name in PICTURED}, text)
    picture.write_bytes(draw(surcharges(pictured), str(picture)))
    data = {
        "text": comparison.text.name,
        "sentences": comparison.sentences,
        "languages": comparison.languages,
        "problems": comparison.problems,
        "sha256": {
            name: hashlib.sha256((folder / f"{name}.eurotok").read_bytes()).hexdigest() for name in recipe.models
        },
        "tokenizers": figures(comparison),
        "code": code(recipe.code.parent / "heldout", tokenizers),
    }
    record.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def figures(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """Give the figures of each tokenizer, each as [figure, lower end, upper end]; by language where it has one."""

    def triples(value: Any, ends: Any) -> Any:  # noqa: ANN401 - figures by language or one alone
        if isinstance(value, dict):
            return {language: triples(value[language], ends[language]) for language in value}
        return [value if value is None else round(value, 5), *(it if it is None else round(it, 5) for it in ends)]

    return {
        row["name"]: {name: triples(row[name], row["intervals"][name]) for name in FIGURES}
        for row in comparison.to_dict()["tokenizers"]
    }


def code(folder: Path, tokenizers: Mapping[str, object]) -> dict[str, dict[str, int]]:
    """Count the tokens of held-out source code, by tokenizer and programming language."""
    files = find_languages(folder)
    texts = {
        name: [text for path in files[name] for batch in read_texts(path) for text in batch] for name in PROGRAMMED
    }
    encoders = {name: encoder_of(tokenizer) for name, tokenizer in tokenizers.items()}
    return {
        name: {language: int(run(encoder, texts[language]).counts.sum()) for language in PROGRAMMED}
        for name, encoder in encoders.items()
    }
