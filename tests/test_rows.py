"""Rows for models: special tokens, truncation, padding and masks are those of `tokenizers`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

import eurotok

SPECIAL = ["<pad>", "<s>", "</s>", "<sep>"]
TEXTS = st.lists(st.text(alphabet="abé 中\n", max_size=12), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[eurotok.Tokenizer, dict[str, Any]]:
    tok = eurotok.train(["abba aéba bébé 中中 ab ab"] * 3, vocab_size=280, special_tokens=SPECIAL)
    path = tmp_path_factory.mktemp("rows") / "tokenizer.json"
    tok.save(path)
    data = json.loads(path.read_text())
    data["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "</s>", "type_id": 0}},
        ],
        "pair": [
            {"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "<sep>", "type_id": 0}},
            {"SpecialToken": {"id": "<sep>", "type_id": 0}},
            {"Sequence": {"id": "B", "type_id": 1}},
            {"SpecialToken": {"id": "</s>", "type_id": 1}},
        ],
        "special_tokens": {text: {"id": text, "ids": [tok.special_tokens[text]], "tokens": [text]} for text in SPECIAL},
    }
    path.write_text(json.dumps(data))
    return eurotok.load(path), data


def oracle(data: dict[str, Any]) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_str(json.dumps(data))


def flat(encodings: list[tokenizers.Encoding]) -> list[tokenizers.Encoding]:
    return [part for encoding in encodings for part in (encoding, *encoding.overflowing)]


def same(batch: eurotok.Batch, encodings: list[tokenizers.Encoding]) -> None:
    assert isinstance(batch.ids, np.ndarray)
    assert batch.ids.tolist() == [encoding.ids for encoding in encodings]
    assert batch.attention_mask.tolist() == [encoding.attention_mask for encoding in encodings]
    assert batch.special_mask.tolist() == [encoding.special_tokens_mask for encoding in encodings]
    sequences = [[-1 if number is None else number for number in encoding.sequence_ids] for encoding in encodings]
    assert batch.sequence_ids.tolist() == sequences
    assert batch.offsets is not None
    assert batch.offsets.tolist() == [[[*span] for span in encoding.offsets] for encoding in encodings]


@settings(max_examples=60)
@given(TEXTS, st.data())
def test_rows_are_those_of_tokenizers(
    both: tuple[eurotok.Tokenizer, dict[str, Any]], texts: list[str], draw: st.DataObject
) -> None:
    tok, data = both
    other = oracle(data)
    pairs = draw.draw(st.booleans())
    special = draw.draw(st.booleans())
    added = (4 if pairs else 2) if special else 0
    length = draw.draw(st.integers(max(added + 2, 6), 14))
    side: Any = draw.draw(st.sampled_from(["left", "right"]))
    cut: Any = draw.draw(st.sampled_from(["left", "right"]))
    multiple = draw.draw(st.sampled_from([None, 4]))
    fixed = draw.draw(st.booleans())
    strategy: Any = "longest_first"
    stride = 0 if pairs else draw.draw(st.integers(0, length - 5))
    other.enable_truncation(length, stride=stride, strategy=strategy, direction=cut)
    other.enable_padding(
        direction=side, pad_id=0, pad_token="<pad>", length=length if fixed else None, pad_to_multiple_of=multiple
    )
    seconds = texts[::-1] if pairs else None
    inputs: Any = list(zip(texts, seconds, strict=True)) if seconds else texts
    expected = other.encode_batch(inputs, add_special_tokens=special)
    batch = tok(
        texts, seconds, padding="max_length" if fixed else True, truncation=strategy, max_length=length, stride=stride,
        special_tokens=special, overflow=not pairs, return_offsets=True, padding_side=side, truncation_side=cut,
        multiple_of=multiple, pad=0,
    )  # fmt: skip
    if pairs:
        same(batch, expected)
    elif not fixed:
        # There, rows of overflow are padded among themselves, not with the first ones.
        assert isinstance(batch.ids, np.ndarray)
        kept = [row[mask == 1].tolist() for row, mask in zip(batch.ids, batch.attention_mask, strict=True)]
        assert kept == [
            [id_ for id_, mask in zip(encoding.ids, encoding.attention_mask, strict=True) if mask]
            for encoding in flat(expected)
        ]
    else:
        same(batch, flat(expected))
        assert batch.samples.tolist() == [
            number for number, encoding in enumerate(expected) for _ in (encoding, *encoding.overflowing)
        ]


def test_a_text_is_never_shortened_to_nothing(both: tuple[eurotok.Tokenizer, dict[str, Any]]) -> None:
    """As in `tokenizers`, which refuses it, too."""
    tok, data = both
    peer = oracle(data)
    second = "ab" * 4
    size = len(tok.encode(second))
    peer.enable_truncation(size, strategy="only_first")
    with pytest.raises(BaseException, match="too short"):
        peer.encode("abc", second, add_special_tokens=False)
    with pytest.raises(ValueError, match=f"the second text alone has {size} tokens, there is room for {size}"):
        tok("abc", second, truncation="only_first", max_length=size)
    assert len(tok("abc", second, truncation="only_first", max_length=size + 1).ids[0]) == size + 1


def test_tensors_share_memory_with_the_rows(tok: eurotok.Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """With PyTorch if it is installed, else with a stand-in for the one function that is called."""
    try:
        import torch
    except ImportError:
        monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(from_numpy=lambda array: array))
    else:
        assert torch is not None
    batch = tok(["un", "deux et trois"], padding=True)
    tensors = batch.to_torch()
    assert [*tensors] == ["input_ids", "attention_mask"]
    assert isinstance(batch.ids, np.ndarray)
    for tensor, array in zip(tensors.values(), (batch.ids, batch.attention_mask), strict=True):
        assert np.shares_memory(np.asarray(tensor), array)
        assert np.asarray(tensor).dtype == np.int64
    with pytest.raises(ValueError, match="padding=True"):
        tok(["un", "deux et trois"]).to_torch()


@pytest.mark.parametrize("fixed", [None, 12])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_and_truncation_of_the_file(
    both: tuple[eurotok.Tokenizer, dict[str, Any]], tmp_path: Path, fixed: int | None, side: str
) -> None:
    _, data = both
    other = oracle(data)
    other.enable_truncation(9, stride=2, direction=side)
    other.enable_padding(direction=side, pad_id=1, pad_token="x", length=fixed, pad_to_multiple_of=4)
    path = tmp_path / "tokenizer.json"
    other.save(str(path))
    for tok in (eurotok.load(path), _saved_again(path)):
        texts = ["un deux trois quatre cinq six sept huit", "a", ""]
        batch = tok(texts, padding="file", truncation="file", special_tokens=True)
        expected = other.encode_batch(texts)
        assert isinstance(batch.ids, np.ndarray)
        assert batch.ids.tolist() == [encoding.ids for encoding in expected]
        assert batch.attention_mask.tolist() == [encoding.attention_mask for encoding in expected]
        assert tok(texts, padding="file", truncation="file", max_length=6).ids.shape[1] <= 12  # type: ignore[union-attr]


def _saved_again(path: Path) -> eurotok.Tokenizer:
    eurotok.load(path).save(path.parent / "again.eurotok")
    return eurotok.load(path.parent / "again.eurotok")


def test_a_file_that_states_neither(both: tuple[eurotok.Tokenizer, dict[str, Any]]) -> None:
    tok, _ = both
    with pytest.raises(ValueError, match="padding: the tokenizer's file states none"):
        tok("a", padding="file")
    with pytest.raises(ValueError, match="truncation: the tokenizer's file states none"):
        tok("a", truncation="file")
