"""Streams: what they give, joined, is what the whole gives."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator

import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

import eurotok

MODELS = ["euro-64k", "gpt2", "cl100k", "o200k", "llama3", "qwen2", "tekken"]


@pytest.fixture(scope="module")
def toks() -> dict[str, eurotok.Tokenizer]:
    text = ["Ελλάδα, école, ďábel: «l'été» 12 34 don't", " a  b\n\n c 👩‍👩‍👧 中文"] * 4
    made = {name: eurotok.train(text, vocab_size=320, scheme=name) for name in MODELS[1:]}
    return made | {"euro-64k": eurotok.load("euro-64k")}


TEXT = st.text(
    alphabet=st.sampled_from(" \n\tabď'’éλ12/.,<|>👩\u200d👧中\u0301\r_-") | st.characters(exclude_categories=["Cs"])
)


@pytest.mark.parametrize("name", MODELS)
@given(TEXT, st.integers(0, 2**32))
def test_what_is_pushed_is_what_is_decoded(toks: dict[str, eurotok.Tokenizer], name: str, text: str, seed: int) -> None:
    tok = toks[name]
    noise = np.random.default_rng(seed).integers(0, tok.vocab_size, 5)
    for ids in (tok.encode_list(text), [*tok.encode_list(text), *noise.tolist()], noise.tolist()):
        for skip in (False, True):
            stream = tok.decoder(skip_specials=skip)
            parts = [stream.push(id_) for id_ in ids]
            assert "".join([*parts, stream.finish()]) == tok.decode(ids, skip_specials=skip)
    stream = tok.decoder()
    assert not any("\ufffd" in stream.push(id_) for id_ in tok.encode_list(text.replace("\ufffd", "")))
    assert stream.finish() == ""


def test_a_pickled_stream_goes_on(toks: dict[str, eurotok.Tokenizer]) -> None:
    tok = toks["euro-64k"]
    ids = [tok.id(bytes([byte])) or 0 for byte in "ď€".encode()]
    stream = tok.decoder()
    text = ""
    for id_ in ids:
        text += stream.push(id_)
        stream = pickle.loads(pickle.dumps(stream))
    assert text == "ď€"


def test_a_stream_that_ends_inside_a_character(toks: dict[str, eurotok.Tokenizer]) -> None:
    tok = toks["euro-64k"]
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
    toks: dict[str, eurotok.Tokenizer], name: str, chunks: list[str]
) -> None:
    tok = toks[name]
    for specials in ("text", "parse"):
        parts = [*tok.encode_stream(iter(chunks), specials=specials)]
        assert np.concatenate(parts).tolist() == tok.encode_list("".join(chunks), specials=specials)


def test_ids_come_before_the_text_ends(toks: dict[str, eurotok.Tokenizer]) -> None:
    read = 0

    def chunks() -> Iterator[str]:
        nonlocal read
        for read in range(1, 1000):
            yield f"Der {read}. Satz. "

    first = next(toks["euro-64k"].encode_stream(chunks()))
    assert first.size > 0
    assert read < 10


def foreign() -> dict[str, eurotok.Tokenizer]:
    """Tokenizers whose tokens do not spell the text: with byte fallback and a prefix, and WordPiece."""
    text = ["Ελλάδα, école, ďábel: l'été", "a b c un deux €", "der die das Haus"] * 9
    bpe = tokenizers.Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    bpe.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    bpe.decoder = decoders.Sequence(steps)
    bytes_ = [f"<0x{number:02X}>" for number in range(256)]
    bpe.train_from_iterator(text, trainers.BpeTrainer(vocab_size=340, special_tokens=["<unk>", "<s>", *bytes_]))
    data = json.loads(bpe.to_str())
    # Byte tokens are entries of the vocabulary, not added tokens.
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] not in bytes_]
    piece = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    piece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    piece.decoder = decoders.WordPiece()
    piece.train_from_iterator(text, trainers.WordPieceTrainer(vocab_size=90, special_tokens=["[UNK]", "[CLS]"]))
    files = {"byte fallback": json.dumps(data), "WordPiece": piece.to_str()}
    return {name: eurotok.Tokenizer(file.encode()) for name, file in files.items()}


FOREIGN = foreign()


@pytest.mark.parametrize("name", FOREIGN)
@given(TEXT, st.integers(0, 2**32))
def test_tokens_that_do_not_spell_the_text(name: str, text: str, seed: int) -> None:
    tok = FOREIGN[name]
    noise = np.random.default_rng(seed).integers(0, tok.vocab_size, 6).tolist()
    for ids in (tok.encode_list(text), [*noise, *tok.encode_list(text)], [*tok.encode_list(text), *noise]):
        for skip in (False, True):
            stream = tok.decoder(skip_specials=skip)
            parts = []
            for id_ in ids:
                parts.append(stream.push(id_))
                stream = pickle.loads(pickle.dumps(stream)) if seed % 7 == 0 else stream
            assert "".join([*parts, stream.finish()]) == tok.decode(ids, skip_specials=skip)
