"""Vocabularies as GGUF files: read back, and refused where llama.cpp would give other ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import eurotok
from eurotok.cli import main
from eurotok.publishing.gguf import EXACT, NEAREST, SEPARATOR, vectors

gguf = pytest.importorskip("gguf")

TEXT = ["Où est l’école? L'ÉTÉ à MÜNCHEN 1234, it's IT'S.\n  x"]


def trained(scheme: str, **options: Any) -> eurotok.Tokenizer:
    return eurotok.train(TEXT * 3, vocab_size=330, scheme=scheme, special_tokens=["<|begin|>", "<|end|>"], **options)


def fields(path: Path) -> dict[str, Any]:
    return {key: field.contents() for key, field in gguf.GGUFReader(path).fields.items()}


@pytest.mark.parametrize("scheme", EXACT)
def test_a_written_vocabulary_is_read_back(scheme: str, tmp_path: Path) -> None:
    tok = trained(scheme)
    tok.chat_template = "{{ messages }}"
    tok.save(tmp_path / "x.gguf")
    found = fields(tmp_path / "x.gguf")
    assert found["tokenizer.ggml.pre"] == EXACT[scheme]
    assert len(found["tokenizer.ggml.tokens"]) == tok.vocab_size
    assert found["tokenizer.chat_template"] == tok.chat_template
    assert [found["tokenizer.ggml.token_type"][number] for number in tok.special_tokens.values()] == [3, 3]
    back = eurotok.load(tmp_path / "x.gguf")
    assert back.special_tokens == tok.special_tokens
    for text in [*TEXT, "\n \n", "1 23 456 7890", "<|begin|>"]:
        assert back.encode_list(text) == tok.encode_list(text)
        assert back.encode_list(text, specials="parse") == tok.encode_list(text, specials="parse")


@pytest.mark.parametrize("scheme", NEAREST)
def test_a_rule_that_splits_otherwise_must_be_asked_for(scheme: str, tmp_path: Path) -> None:
    tok, path = trained(scheme), tmp_path / "x.gguf"
    with pytest.raises(eurotok.UnsupportedError, match=f"other ids.*'{scheme}'.*--pre {NEAREST[scheme]}"):
        tok.save(path)
    assert not path.exists()
    tok.save_gguf(path, pre=NEAREST[scheme])
    assert fields(path)["tokenizer.ggml.pre"] == NEAREST[scheme]


def changed(tok: eurotok.Tokenizer, **parts: Any) -> eurotok.Tokenizer:
    return eurotok.Tokenizer(json.dumps({**json.loads(tok.to_bytes("json")), **parts}).encode(), "changed")


def test_what_llama_cpp_does_not_know_is_refused(tmp_path: Path) -> None:
    path, tok = tmp_path / "x.gguf", trained("qwen2")
    data = json.loads(tok.to_bytes("json"))
    whole = {**data["model"], "ignore_merges": True, "merges": data["model"]["merges"][:-3]}
    stripping = [{**token, "lstrip": True} for token in data["added_tokens"]]
    for parts, reason in (
        ({"normalizer": {"type": "NFC"}}, "normalize"),
        ({"model": whole}, "takes tokens whole"),
        ({"added_tokens": stripping}, "white space"),
    ):
        with pytest.raises(eurotok.UnsupportedError, match=reason):
            changed(tok, **parts).save(path)
    model = {"type": "WordLevel", "vocab": {"x": 0, "[UNK]": 1}, "unk_token": "[UNK]"}
    other = {"model": model, "pre_tokenizer": {"type": "Whitespace"}, "added_tokens": [], "decoder": None}
    with pytest.raises(eurotok.UnsupportedError, match="WordLevel is not written as GGUF"):
        changed(tok, **other).save_gguf(path, pre="gpt-4o")
    assert not path.exists()
    llama = trained("llama3")
    model = json.loads(llama.to_bytes("json"))["model"]
    changed(llama, model={**model, "ignore_merges": True, "merges": model["merges"][:-3]}).save(path)
    assert fields(path)["tokenizer.ggml.pre"] == "llama-bpe"


def test_ids_without_a_token_are_never_used(tmp_path: Path) -> None:
    path = tmp_path / "x.tiktoken"
    trained("gpt2").save(path)
    path.with_name("x.tiktoken.json").unlink()
    tok = eurotok.load(path, "gpt2", {"<|late|>": 340})
    tok.save(tmp_path / "x.gguf")
    types = fields(tmp_path / "x.gguf")["tokenizer.ggml.token_type"]
    assert (types[339], types[340], len(types)) == (5, 3, 341)


def test_test_vectors_have_the_form_of_llama_cpp() -> None:
    tok = trained("gpt2")
    texts, ids = vectors(tok, ["école", "a\n b"])
    assert texts == f"école{SEPARATOR}a\n b{SEPARATOR}"
    assert [[int(number) for number in line.split()] for line in ids.splitlines()] == [
        tok.encode_list("école"), tok.encode_list("a\n b"),
    ]  # fmt: skip


def test_the_command_writes_vectors_beside_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.gguf"
    assert main(["convert", "euro-64k", str(path)]) == 1
    assert "llama.cpp would give other ids" in capsys.readouterr().err
    assert main(["convert", "euro-64k", str(path), "--pre", "gpt-4o", "--vectors"]) == 0
    texts = Path(f"{path}.inp").read_bytes().decode().split(SEPARATOR)[:-1]
    lines = Path(f"{path}.out").read_text(encoding="utf-8").splitlines()
    tok = eurotok.load("euro-64k")
    assert len(texts) > 70
    assert [[int(number) for number in line.split()] for line in lines] == tok.encode_batch(texts).to_list()
    assert main(["convert", "euro-64k", str(tmp_path / "x.json"), "--vectors"]) == 2
