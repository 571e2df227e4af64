"""GGUF files in llama.cpp: the same ids where that is promised, and others where it is not."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

import eurotok
from ecosystem.test_transformers import run
from eurotok.checks import ADVERSARIAL
from eurotok.publishing.gguf import EXACT, NEAREST

pytest.importorskip("gguf")


@pytest.fixture(scope="module")
def texts(sentences: dict[str, Sequence[str]]) -> list[str]:
    """Texts in 24 languages, in small and large letters; and random ones, letters above all."""
    rng = random.Random(1)
    letters = [*"abZÜüÉéßΣσςЖжǅʰ漢\u0301'’ sS1/\n.\r\t", *(chr(rng.randrange(0x20, 0xD800)) for _ in range(40))]
    lines = [line for lines in sentences.values() for line in lines[:8]]
    made = ["".join(rng.choices(letters, k=rng.randrange(1, 30))) for _ in range(3000)]
    return ["a\n ", *filter(None, ADVERSARIAL), *lines, *(line.upper() for line in lines), *made]


@pytest.mark.parametrize("scheme", [*EXACT, *NEAREST])
def test_ids_are_those_of_llama_cpp(scheme: str, texts: list[str], tmp_path: Path) -> None:
    tok = eurotok.train(["\n".join(texts), *["a\n "] * 9], vocab_size=6000, scheme=scheme, special_tokens=["<|end|>"])
    asked = tmp_path / "texts"
    asked.write_text(json.dumps(texts), encoding="utf-8")
    path = tmp_path / "x.gguf"
    tok.save_gguf(path, pre=None if scheme in EXACT else NEAREST[scheme])
    found = json.loads(run("llama", str(Path(__file__).parent / "llama.py"), str(path), str(asked)))
    expected = tok.encode_batch(texts).to_list()
    if scheme in EXACT:
        assert found == expected
    else:
        assert found != expected, f"llama.cpp now has a rule for {scheme}: write it without being asked"
