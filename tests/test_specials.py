"""Special tokens that are content: decoding keeps them, here and elsewhere, and a text that spells one remains text."""

import json
from pathlib import Path

import pytest

import eurotok
from eurotok.specials import add, keep, rename

CALL, END = "<|tool_call|>", "<|end|>"


@pytest.fixture(scope="module")
def tok() -> eurotok.Tokenizer:
    made = eurotok.train(["un deux"] * 3, vocab_size=262, special_tokens=[END, CALL, "<|other|>"])
    return keep(made, [CALL])


def test_decoding_keeps_them(tok: eurotok.Tokenizer) -> None:
    ids = tok.encode(f"{CALL}un{END}<|other|>", specials="parse")
    assert tok.decode(ids) == f"{CALL}un{END}<|other|>"
    assert tok.decode(ids, skip_specials=True) == f"{CALL}un"
    assert tok.decode_bytes(ids, skip_specials=True) == f"{CALL}un".encode()
    assert tok.decode_batch([ids], skip_specials=True) == [f"{CALL}un"]
    assert tok.encode_list(CALL) == keep(tok, []).encode_list(CALL), "text is text"
    assert keep(tok, [END]).decode(ids, skip_specials=True) == f"un{END}", "those named are all"


@pytest.mark.parametrize("ending", ["json", "eurotok", "tiktoken"])
def test_files_remember_them(tok: eurotok.Tokenizer, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{ending}"
    tok.save(path)
    again = eurotok.load(path)
    ids = again.encode(f"{CALL}un{END}", specials="parse")
    assert again.decode(ids, skip_specials=True) == f"{CALL}un"
    assert again.encode_list(CALL) == tok.encode_list(CALL)
    assert len(again.encode_list(CALL)) > 1


def test_changed_tokenizers_remember_them(tok: eurotok.Tokenizer) -> None:
    ids = tok.encode(f"{CALL}un{END}", specials="parse")
    assert eurotok.truncate(tok, tok.vocab_size - 1).decode(ids, skip_specials=True).startswith(CALL)
    assert add(tok, ["<|new|>"]).decode(ids, skip_specials=True) == f"{CALL}un"
    assert rename(tok, {CALL: "<|call|>"}).decode(ids, skip_specials=True) == "<|call|>un"


def test_other_libraries_keep_them(tok: eurotok.Tokenizer) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    theirs = tokenizers.Tokenizer.from_str(tok.to_bytes("json").decode())
    ids = theirs.encode(f"{CALL}un{END}", add_special_tokens=False).ids
    assert ids == tok.encode_list(f"{CALL}un{END}", specials="parse")
    assert theirs.decode(ids, skip_special_tokens=True) == f"{CALL}un"


@pytest.mark.parametrize("special", [True, False])
def test_streams_leave_out_what_decoding_leaves_out(tok: eurotok.Tokenizer, special: bool) -> None:
    data = json.loads(tok.to_bytes("json"))
    next(it for it in data["added_tokens"] if it["content"] == "<|other|>")["special"] = special
    changed = eurotok.Tokenizer(json.dumps(data).encode(), "changed")
    ids = changed.encode_list(f"{CALL}un<|other|>{END}", specials="parse")
    stream = changed.decoder(skip_specials=True)
    streamed = "".join(map(stream.push, ids)) + stream.finish()
    assert streamed == changed.decode(ids, skip_specials=True) == f"{CALL}un{'' if special else '<|other|>'}"


def test_only_special_tokens_are_kept(tok: eurotok.Tokenizer) -> None:
    with pytest.raises(ValueError, match="'un' is not a special token"):
        keep(tok, ["un"])
