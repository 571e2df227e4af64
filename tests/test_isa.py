"""Every instruction set gives what the portable code gives: pieces, ids, offsets, text, counts and merges."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence

import pytest

from eurotok.checks import ADVERSARIAL

PROGRAM = """
import hashlib, json, sys
import eurotok
from eurotok import _core
texts = json.load(sys.stdin)
seen = hashlib.sha256()
for scheme in _core.schemes():
    for text in texts:
        seen.update("\\x1f".join(_core.split(text, scheme)).encode())
for name in eurotok.models():
    tok = eurotok.load(name)
    batch = tok.encode_batch(texts, threads=1)
    seen.update(batch.ids.tobytes())
    assert tok.decode_batch(batch) == texts
    for text, ids in zip(texts, batch):
        alone, spans = tok.encode_with_offsets(text)
        assert alone.tolist() == ids.tolist() == tok.encode(text).tolist()
        assert tok.count(text) == len(ids)
        assert tok.decode(ids) == text
        seen.update(spans.tobytes())
tok = eurotok.train(texts, vocab_size=1000, threads=1)
seen.update(repr(tok.merges).encode())
print(seen.hexdigest())
"""


def digest(isa: str, texts: Sequence[str]) -> str:
    """The output of the program with an instruction set; a test of one that this processor lacks is skipped."""
    environment = {**os.environ, "EUROTOK_ISA": isa}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        command, input=json.dumps(texts).encode(), env=environment, capture_output=True, timeout=300, check=False
    )
    message = done.stderr.decode()
    if done.returncode and "EUROTOK_ISA: " in message:
        pytest.skip(message.strip().splitlines()[-1])
    assert done.returncode == 0, message
    return done.stdout.decode()


@pytest.fixture(scope="module")
def texts(sentences: dict[str, Sequence[str]]) -> list[str]:
    """Sentences of every language, adversarial texts, and pieces of them that begin and end anywhere in 64 bytes."""
    lines = [line for each in sentences.values() for line in each[:8]] + ADVERSARIAL
    draw = random.Random(0)
    joined = " ".join(draw.sample(lines, len(lines)))
    places = [draw.randrange(len(joined)) for _ in range(300)]
    return [*lines, *(joined[place : place + draw.randrange(200)] for place in places), joined]


@pytest.fixture(scope="module")
def expected(texts: list[str]) -> str:
    return digest("portable", texts)


@pytest.mark.parametrize("isa", ["avx512", "avx2", "neon"])
def test_it_equals_the_portable_code(isa: str, texts: list[str], expected: str) -> None:
    assert digest(isa, texts) == expected


def test_the_judge_judges(texts: list[str], expected: str) -> None:
    assert digest("portable", [*texts, "x"]) != expected
    with pytest.raises(pytest.skip.Exception, match="portable"):
        digest("none", texts)
