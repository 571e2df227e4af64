"""The comparison with peers finds a difference where there is one, and reduces the text that shows it."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from scripts.differential import compare, texts
from scripts.differential.subjects import Starts, Subject, of_tiktoken, of_tokenizers

import eurotok

pytest.importorskip("tiktoken")
pytest.importorskip("tokenizers")


@pytest.fixture(scope="module", params=[of_tiktoken, of_tokenizers])
def subject(request: pytest.FixtureRequest, tok: eurotok.Tokenizer) -> Subject:
    made: Subject = request.param("sample", tok)
    return made


@pytest.mark.parametrize("kind", ["prose", "code", "hostile", "repeated"])
def test_peers_agree(subject: Subject, kind: str) -> None:
    rng, make = random.Random(7), texts.sources()[kind]
    assert compare.on_texts(subject, ["", *(make(rng) for _ in range(60))]) is None
    assert all(compare.on_ids(subject, rng) is None for _ in range(30))


def test_a_difference_is_found_and_reduced(subject: Subject) -> None:
    def wrong(given: Sequence[str]) -> list[tuple[list[int], Starts]]:
        right = subject.encode(given)
        return [
            (ids[::-1], starts) if "é" in text and "x" in text else (ids, starts)
            for text, (ids, starts) in zip(given, right, strict=True)
        ]

    found = compare.on_texts(replace(subject, encode=wrong), ["axe", "un été et un axe", "x"])
    assert found is not None
    assert (found.what, found.given) == ("ids", "éx")
    assert "\\xe9x" in str(found)


def test_a_difference_in_decoding_is_found_and_reduced(subject: Subject) -> None:
    comma = subject.tok.id(b",")
    wrong = replace(subject, decode=lambda ids: subject.decode([rank for rank in ids if rank != comma]))
    found = next(filter(None, (compare.on_ids(wrong, random.Random(seed)) for seed in range(2000))))
    assert (found.what, found.given) == ("decoding", [comma])
