"""Published files that lack what other byte-level vocabularies have: they load, with the ids of `tokenizers`."""

import json
import random
import shutil
import subprocess
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eurotok
from eurotok.pricing.adapters import encoder_of

tokenizers = pytest.importorskip("tokenizers")

FOLDER = Path(__file__).parents[2] / "shared" / "tokenizers"
INCOMPLETE = ["gpt_neox", "mpt", "rwkv-20B", "whisper-tiny", "cohere"]
NEVER = [0xC0, 0xC1, *range(0xF5, 0x100)]


def spelled(byte: int) -> str:
    """The character that stands for a byte in a `tokenizer.json`."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return chr(byte) if byte in printable else chr(0x100 + sorted(set(range(256)) - set(printable)).index(byte))


@pytest.fixture(params=["made", *INCOMPLETE])
def incomplete(request: pytest.FixtureRequest, tok_json: Path, tmp_path: Path) -> Path:
    """A file without the bytes that UTF-8 never has, or with entries that are no bytes."""
    path = tmp_path / "tokenizer.json"
    if request.param != "made":
        packed = FOLDER / f"{request.param}.json.zst"
        zstd = shutil.which("zstd")
        if zstd is None or not packed.exists():
            pytest.skip(f"no {packed.name} beside the repository, or no zstd to unpack it")
        path.write_bytes(subprocess.run([zstd, "-dc", packed], check=True, capture_output=True).stdout)
        return path
    content = json.loads(tok_json.read_text())
    vocab = content["model"]["vocab"]
    for byte in NEVER:
        del vocab[spelled(byte)]
    vocab |= {token["content"]: token["id"] for token in content["added_tokens"]}
    vocab |= {"": 3000, "‼": 3001}
    content["normalizer"] = {"type": "NFC"}
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="session")
def texts(sentences: dict[str, Sequence[str]]) -> list[str]:
    """Sentences of 24 languages, from the corpus if there is one, and characters at random."""
    lines = [line for language in sentences.values() for line in language]
    for path in sorted((FOLDER.parent / "corpus" / "parallel" / "ntrex").glob("*.txt")):
        lines += path.read_text().splitlines()[:200]
    draw = random.Random(20)
    anything = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    marks = [character for character in anything if unicodedata.combining(character)]
    lines += ["".join(draw.choices(anything, k=20)) for _ in range(500)]
    lines += ["".join(draw.choices("aeo é", k=10) + draw.choices(marks, k=10)) for _ in range(500)]
    return lines


def test_the_ids_are_those_of_tokenizers(incomplete: Path, texts: list[str]) -> None:
    ours, theirs = eurotok.load(incomplete), tokenizers.Tokenizer.from_file(str(incomplete))
    expected = theirs.encode_batch_fast(texts, add_special_tokens=False)
    found = ours.encode_batch(texts, specials="parse")
    for text, ids, encoding in zip(texts, found, expected, strict=True):
        assert ids.tolist() == encoding.ids, ascii(text)
        assert ours.decode(ids) == theirs.decode(encoding.ids, skip_special_tokens=False), ascii(text)


def test_entries_that_no_text_makes_decode_as_in_tokenizers(incomplete: Path, tmp_path: Path) -> None:
    ours, theirs = eurotok.load(incomplete), tokenizers.Tokenizer.from_file(str(incomplete))
    for copy in (ours, resaved(ours, tmp_path / "again.json"), resaved(ours, tmp_path / "again.eurotok")):
        assert copy == ours
        for text, id_ in theirs.get_vocab(with_added_tokens=False).items():
            if not text or not text.isascii():
                assert copy.decode([id_], errors="replace") == theirs.decode([id_], skip_special_tokens=False), text


def resaved(tok: eurotok.Tokenizer, path: Path) -> eurotok.Tokenizer:
    tok.save(path)
    return eurotok.load(path)


def test_normalization_is_that_of_tokenizers(tok_json: Path, tmp_path: Path) -> None:
    content = json.loads(tok_json.read_text())
    content["normalizer"] = {"type": "NFC"}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    ours, theirs = eurotok.load(path), tokenizers.Tokenizer.from_file(str(path))
    scalars = [chr(code) for code in range(0x80, 0x110000) if not 0xD800 <= code < 0xE000]
    texts = [f"e{character}\u0301" for character in scalars]
    assert texts[0x8CF - 0x80] == "e\u08cf\u0301"
    found = ours.encode_batch(texts)
    expected = [encoding.ids for encoding in theirs.encode_batch_fast(texts, add_special_tokens=False)]
    flat = np.concatenate([np.array(ids, dtype=np.uint32) for ids in expected])
    assert np.array_equal(np.diff(found.offsets), [len(ids) for ids in expected])
    assert np.array_equal(found.ids, flat)


def test_a_character_of_a_missing_byte_is_what_tokenizers_makes_of_it(tok_json: Path, tmp_path: Path) -> None:
    content = json.loads(tok_json.read_text())
    del content["model"]["vocab"][spelled(0xF0)]
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    ours, theirs = eurotok.load(path), tokenizers.Tokenizer.from_file(str(path))
    for text in ("a\U0001f600b", "\U0001f600", "é"):
        assert ours.encode(text).tolist() == theirs.encode(text).ids


PADDING: dict[str, Any] = {
    "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None,
    "pad_id": 1, "pad_type_id": 0, "pad_token": "<|pad|>",
}  # fmt: skip
TRUNCATION: dict[str, Any] = {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
TEMPLATE: dict[str, Any] = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<|end|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"<|end|>": {"id": "<|end|>", "ids": [0], "tokens": ["<|end|>"]}},
}


def test_what_the_file_adds_is_kept_and_added_on_request(tok_json: Path, tmp_path: Path) -> None:
    content = json.loads(tok_json.read_text())
    content |= {"padding": PADDING, "truncation": TRUNCATION, "post_processor": TEMPLATE}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    theirs = tokenizers.Tokenizer.from_file(str(path))
    theirs.no_padding()
    theirs.no_truncation()
    tok = eurotok.load(path)
    text = "word " * 20
    assert np.array_equal(tok.encode(text), eurotok.load(tok_json).encode(text))
    assert tok.encode(text, special_tokens=True).tolist() == theirs.encode(text).ids
    assert tok.encode(text, "pair", special_tokens=True).tolist() == theirs.encode(text, "pair").ids
    assert tok.encode_batch([text, ""], special_tokens=True).to_list() == [
        theirs.encode(text).ids,
        theirs.encode("").ids,
    ]
    assert tok.count(text, special_tokens=True) == len(theirs.encode(text).ids)
    tok.save(tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text())
    assert {key: again[key] for key in ("padding", "truncation", "post_processor")} == {
        "padding": PADDING, "truncation": TRUNCATION, "post_processor": TEMPLATE,
    }  # fmt: skip


def test_compare_asks_the_libraries_for_any_file_that_is_refused(tok_json: Path, tmp_path: Path) -> None:
    content = json.loads(tok_json.read_text())
    content["added_tokens"].append(content["added_tokens"][0])  # a contradiction here, nothing to `tokenizers`
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(eurotok.FormatError):
        eurotok.load(path)
    expected = tokenizers.Tokenizer.from_file(str(path)).encode("ein Haus", add_special_tokens=False).ids
    assert list(encoder_of(path).encode(["ein Haus"])) == [expected]
