"""Streams: what they give, joined, is what the whole gives."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eurotok

MODELS = ["euro-64k", "gpt2", "cl100k", "o200k", "llama3", "qwen2", "tekken"]


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, eurotok.Tokenizer]:
    text = ["Ελλάδα, école, ďábel: «l'été» 12 34 don't", " a  b\n\n c 👩‍👩‍👧 中文"] * 4
    made = {name: eurotok.train(text, vocab_size=320, scheme=name) for name in MODELS[1:]}
    return made | {"euro-64k": eurotok.load("euro-64k")}


TEXT = st.text(
    alphabet=st.sampled_from(" \n\tabď'’éλ12/.,<|>👩\u200d👧中\u0301\r_-") | st.characters(exclude_categories=["Cs"])
)


@pytest.mark.parametrize("name", MODELS)
@given(TEXT, st.integers(0, 2**32))
def test_what_is_pushed_is_what_is_decoded(
    tokenizers: dict[str, eurotok.Tokenizer], name: str, text: str, seed: int
) -> None:
    tok = tokenizers[name]
    noise = np.random.default_rng(seed).integers(0, tok.vocab_size, 5)
    for ids in (tok.encode_list(text), [*tok.encode_list(text), *noise.tolist()], noise.tolist()):
        for skip in (False, True):
            stream = tok.decoder(skip_specials=skip)
            parts = [stream.push(id_) for id_ in ids]
            assert "".join([*parts, stream.finish()]) == tok.decode(ids, skip_specials=skip)
    stream = tok.decoder()
    assert not any("\ufffd" in stream.push(id_) for id_ in tok.encode_list(text.replace("\ufffd", "")))
    assert stream.finish() == ""


def test_a_pickled_stream_goes_on(tokenizers: dict[str, eurotok.Tokenizer]) -> None:
    tok = tokenizers["euro-64k"]
    ids = [tok.id(bytes([byte])) or 0 for byte in "ď€".encode()]
    stream = tok.decoder()
    text = ""
    for id_ in ids:
        text += stream.push(id_)
        stream = pickle.loads(pickle.dumps(stream))
    assert text == "ď€"


def test_a_stream_that_ends_inside_a_character(tokenizers: dict[str, eurotok.Tokenizer]) -> None:
    tok = tokenizers["euro-64k"]
    ids = [tok.id(bytes([byte])) or 0 for byte in "€".encode()[:2]]
    stream = tok.decoder()
    assert [stream.push(id_) for id_ in ids] == ["", ""]
    assert stream.finish() == "\ufffd" == tok.decode(ids)
    assert stream.push(tok.encode_list("a")[0]) == "a"
    strict = tok.decoder(errors="strict")
    strict.push(ids[0])
    with pytest.raises(UnicodeDecodeError):
        strict.finish()
    with pytest.raises(eurotok.UnknownIdError):
        stream.push(tok.vocab_size)


@pytest.mark.parametrize("name", MODELS)
@given(st.lists(TEXT | st.sampled_from(["<|end_", "of_text|>", "a b c ", "don'", "t "]), max_size=8))
def test_ids_of_a_stream_are_those_of_the_whole(
    tokenizers: dict[str, eurotok.Tokenizer], name: str, chunks: list[str]
) -> None:
    tok = tokenizers[name]
    for specials in ("text", "parse"):
        parts = [*tok.encode_stream(iter(chunks), specials=specials)]
        assert np.concatenate(parts).tolist() == tok.encode_list("".join(chunks), specials=specials)


def test_ids_come_before_the_text_ends(tokenizers: dict[str, eurotok.Tokenizer]) -> None:
    read = 0

    def chunks() -> Iterator[str]:
        nonlocal read
        for read in range(1, 1000):
            yield f"Der {read}. Satz. "

    first = next(tokenizers["euro-64k"].encode_stream(chunks()))
    assert first.size > 0
    assert read < 10
