"""Tokens per sentence of the embedded sample under vocabularies that are not shipped, as stored figures.

`scripts/figures_of_the_sample.py` writes them: counts alone, nothing of a vocabulary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from eurotok.files import read_json
from eurotok.pricing.adapters import Encoder
from eurotok.pricing.parallel_text import load_parallel

FIGURES = Path(__file__).parents[1] / "data"
FORMAT = "eurotok sample figures 1"

PAID_FOR = "o200k_base"
"""The vocabulary of GPT-4o and later models of OpenAI: one that people pay for."""


def encoder(name: str = PAID_FOR) -> Encoder:
    """Give the stored figures as a tokenizer, which knows the number of tokens of each sentence of the sample.

    Parameters
    ----------
    name
        A file of `FIGURES`, without its ending.

    Returns
    -------
    Encoder
        Its `encode` raises `ValueError` for a sentence that is not in the sample.

    Raises
    ------
    FormatError
        If the figures are of another sample.

    Examples
    --------
    >>> sample = load_parallel()
    >>> encoder().encode(sample.sentences["en"][:3])
    [19, 22, 18]
    """
    return Encoder(name, partial(_counts, name), vocab_size=_stored(name)[1])


def _counts(name: str, sentences: Sequence[str]) -> list[int]:
    tokens = _stored(name)[0]
    if any(sentence not in tokens for sentence in sentences):
        raise ValueError(f"{name} is stored for the embedded sample alone; pip install tiktoken to count text")
    return [tokens[sentence] for sentence in sentences]


def fingerprint(sentences: Mapping[str, Sequence[str]]) -> str:
    """Give the SHA-256 of parallel text, by which its figures know it.

    Examples
    --------
    >>> fingerprint({"en": ["a"]})[:8]
    '57dfe289'
    """
    lines = (f"{language}\t{line}\n" for language in sorted(sentences) for line in sentences[language])
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@cache
def _stored(name: str) -> tuple[dict[str, int], int]:
    sample = load_parallel().sentences

    def build(data: Mapping[str, Any]) -> tuple[dict[str, int], int]:
        if data["sample"] != fingerprint(sample):
            raise ValueError
        return {
            sentence: count
            for language, counts in data["tokens"].items()
            for sentence, count in zip(sample[language], counts, strict=True)
        }, int(data["vocab_size"])

    return read_json(FIGURES / f"{name}.json", FORMAT, "file of figures of the embedded sample", build)
