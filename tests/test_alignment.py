"""Special tokens that change, and embeddings that move, keep every id what it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import eurotok
from eurotok import specials
from eurotok.alignment import align

TEXT = "Où est l’école ? <|a|> Là-bas."


@pytest.fixture(scope="module")
def tok() -> eurotok.Tokenizer:
    made = eurotok.train([TEXT] * 4, vocab_size=300, special_tokens=["<|a|>", "<|b|>"])
    made.chat_template = "{{ '<|a|>' }}"
    return made


def test_a_renamed_token_keeps_its_id(tok: eurotok.Tokenizer) -> None:
    new = specials.rename(tok, {"<|a|>": "<|user|>"})
    assert new.special_tokens == {"<|user|>": 0, "<|b|>": 1}
    assert new.encode_list("<|user|> Où", specials="parse") == tok.encode_list("<|a|> Où", specials="parse")
    assert new.encode_list(TEXT) == tok.encode_list(TEXT)
    assert new.chat_template == "{{ '<|user|>' }}"
    assert specials.rename(tok, {"<|a|>": "<|b|>", "<|b|>": "<|a|>"}).special_tokens == {"<|b|>": 0, "<|a|>": 1}


def test_added_tokens_come_behind_the_vocabulary(tok: eurotok.Tokenizer) -> None:
    new = specials.reserve(specials.add(tok, ["<|c|>"]), 2)
    ids = [tok.vocab_size + place for place in range(3)]
    assert [new.special_tokens[text] for text in ("<|c|>", "<|reserved_0|>", "<|reserved_1|>")] == ids
    assert new.encode_list(TEXT) == tok.encode_list(TEXT)
    assert specials.reserve(new, 1).special_tokens["<|reserved_2|>"] == new.vocab_size


def test_wrong_changes_are_refused(tok: eurotok.Tokenizer) -> None:
    with pytest.raises(ValueError, match="'<x>' is not a special token"):
        specials.rename(tok, {"<x>": "y"})
    for text, message in (("<|b|>", "is a token already"), ("a", "is a token already"), ("", "empty")):
        with pytest.raises(ValueError, match=message):
            specials.rename(tok, {"<|a|>": text})
        with pytest.raises(ValueError, match=message):
            specials.add(tok, [text])
    with pytest.raises(TypeError, match="tokens"):
        specials.add(tok, "<|x|>")


@pytest.mark.parametrize("by", ["mean", "overlap"])
def test_embeddings_move(tok: eurotok.Tokenizer, by: str, tmp_path: Path) -> None:
    new = eurotok.train(["Das Haus ist groß. Où ?"] * 4, vocab_size=290, special_tokens=["<|b|>", "<|new|>"])
    found = align(tok, new, by)  # type: ignore[arg-type]
    old = np.random.default_rng(0).normal(size=(tok.vocab_size + 5, 8)).astype(np.float32)
    moved = found.apply(old)
    for number in range(new.vocab_size):
        token = new.token(number)
        same = tok.id(token)
        ids = [same] if same is not None else tok.encode_list(token.decode()) if token.isascii() else None
        if ids:
            weights = np.array([len(tok.token(each)) if by == "overlap" else 1 for each in ids], np.float32)
            assert np.allclose(moved[number], weights / weights.sum() @ old[ids], atol=1e-6)
    assert np.allclose(np.add.reduceat(found.weights, found.indptr[:-1]), 1)
    found.save(tmp_path / "a.npz")
    data = np.load(tmp_path / "a.npz")
    assert data["format"].item() == b"csr"
    assert data["shape"].tolist() == [new.vocab_size, tok.vocab_size]
    with pytest.raises(ValueError, match="npz"):
        found.save(tmp_path / "a.bin")
    with pytest.raises(ValueError, match="rows for"):
        found.apply(old[:9])
