"""Published regexes in JavaScript, as transformers.js compiles them: the same pieces, but where its tables differ."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

import eurotok
from eurotok.publishing.javascript import CONTRACTIONS, compiles, respelled

PROGRAM = """
const { pattern, texts } = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(texts.map((text) => Array.from(text.matchAll(new RegExp(pattern, "gu")), (m) => m[0]))));
"""

OTHER_SPACES = "\x1c\x1d\x1e\x1f\x85\ufeff"
"""White space to one of the two alone: U+FEFF to JavaScript, U+0085 to the Unicode property."""

PUBLISHED = ["europe", "o200k", "llama3", "qwen2", "tekken", "gpt2"]


def javascript(pattern: str, texts: Sequence[str]) -> list[list[str]]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    told = json.dumps({"pattern": pattern, "texts": list(texts)})
    done = subprocess.run([node, "-e", PROGRAM], input=told, capture_output=True, text=True, check=True)
    found: list[list[str]] = json.loads(done.stdout)
    return found


def published(scheme: str) -> str:
    data: Any = {"pattern": {"Regex": eurotok.schemes()[scheme]}}
    respelled(data)
    pattern: str = data["pattern"]["Regex"]
    return pattern


@pytest.mark.parametrize("scheme", PUBLISHED)
def test_pieces_are_those_of_javascript(scheme: str, sentences: dict[str, Sequence[str]]) -> None:
    texts = [
        *(line for lines in sentences.values() for line in lines[:20]),
        "it's IT'S we'LL I'ſ they'Re l’été L'ÉTÉ dell'arte 'tis",
        " \t\n x\r\n\r\n  y  12345 €/\n!!!!!!!!!!!!!!!!!!!! ",
        "".join(map(chr, range(32, 0x600))),
        "日本語と中文。한글 😀👩\u200d👧 \U00010330",
    ]
    texts = [text.translate(dict.fromkeys(map(ord, OTHER_SPACES))) for text in texts]
    assert compiles(published(scheme))
    assert javascript(published(scheme), texts) == [eurotok.split(text, scheme) for text in texts]


def test_where_they_differ() -> None:
    """The difference is in the white space that each knows, and nothing else of it."""
    texts = [f"!{space}!" for space in OTHER_SPACES]
    found = javascript(published("europe"), texts)
    differ = {
        space for space, text, pieces in zip(OTHER_SPACES, texts, found, strict=True) if pieces != eurotok.split(text)
    }
    assert differ == {"\x85", "\ufeff"}


@pytest.mark.parametrize("scheme", PUBLISHED)
def test_a_published_pattern_is_a_scheme_of_the_table(scheme: str) -> None:
    tok = eurotok.train(["l'école it's"], vocab_size=257, scheme=published(scheme))
    assert tok.scheme == scheme
    assert not any(group in published(scheme) for group in CONTRACTIONS)
