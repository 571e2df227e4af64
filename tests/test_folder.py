"""Folders that hold a tokenizer and what belongs to it."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

import eurotok
from eurotok import Tokenizer

TEXTS = ["Les maisons de l'île, 12 fois.", "zwei Häuser  und\n\n drei", "πόλη, Ünïcödé 😀", ""]

Write = Callable[[str, Any], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(name: str, content: object) -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return put


@pytest.fixture
def folder(tok: Tokenizer, tmp_path: Path) -> Path:
    tok.save(tmp_path / "tokenizer.json")
    return tmp_path


@pytest.fixture(scope="module")
def gpt2() -> tokenizers.Tokenizer:
    """A tokenizer in the manner of GPT-2, as `transformers` saved them in two files."""
    model = tokenizers.Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=alphabet, special_tokens=["<|endoftext|>"], show_progress=False
    )
    model.train_from_iterator(TEXTS * 3, trainer)
    return model


def test_the_files_beside_it_say_more(folder: Path, tok: Tokenizer, write: Write) -> None:
    content, number = next(iter(tok.special_tokens.items()))
    write("tokenizer_config.json", {"eos_token": {"content": content}, "pad_token": None, "chat_template": "{{ a }}"})
    write("special_tokens_map.json", {"bos_token": content, "unk_token": "<absent>"})
    loaded = eurotok.load(folder)
    assert loaded == tok
    assert dict(loaded.stated_roles) == {"bos": number, "eos": number}
    assert (loaded.bos_id, loaded.eos_id) == (number, number)
    assert loaded.chat_template == "{{ a }}"
    write("chat_template.jinja", "{{ b }}")
    assert eurotok.load(folder).chat_template == "{{ b }}"


def test_contradictions_are_named(folder: Path, tok: Tokenizer, write: Write) -> None:
    content, number = next(iter(tok.special_tokens.items()))
    write("added_tokens.json", {content: number + 1})
    with pytest.raises(eurotok.FormatError, match=rf"added_tokens\.json: .*the id {number + 1}, but {number} in"):
        eurotok.load(folder)
    write("added_tokens.json", {content: number})
    write("tokenizer_config.json", {"added_tokens_decoder": {str(number): {"content": "<other>"}}})
    with pytest.raises(eurotok.FormatError, match=r"tokenizer_config\.json: the id .*<other>.* in added_tokens\.json"):
        eurotok.load(folder)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("added_tokens.json", "[" * 100_000, "objects within objects|Expecting value"),
        ("added_tokens.json", '{"a": 1, "a": 2}', "'a' occurs twice"),
        ("added_tokens.json", '{"a": -1}', "the id -1"),
        ("added_tokens.json", '{"a": true}', "the id True"),
        ("special_tokens_map.json", "[]", "not a JSON object"),
        ("tokenizer_config.json", '{"added_tokens_decoder": {"x": {}}}', "'x' is not an id"),
        ("tokenizer_config.json", '{"a": ' + "9" * 5000 + "}", "limit|digits"),
    ],
)
def test_hostile_files_are_named(folder: Path, write: Write, name: str, content: str, reason: str) -> None:
    write(name, content)
    with pytest.raises(eurotok.FormatError, match=rf"{name}: .*({reason})"):
        eurotok.load(folder)


def test_a_file_that_is_not_utf_8(folder: Path) -> None:
    (folder / "chat_template.jinja").write_bytes(b"ab\xff")
    with pytest.raises(eurotok.FormatError, match=r"chat_template\.jinja: invalid UTF-8 at byte 2"):
        eurotok.load(folder)


def test_vocabulary_and_merges_in_two_files(gpt2: tokenizers.Tokenizer, tmp_path: Path, write: Write) -> None:
    gpt2.model.save(str(tmp_path))
    write("special_tokens_map.json", {"eos_token": "<|endoftext|>"})
    loaded = eurotok.load(tmp_path)
    for text in TEXTS:
        assert loaded.encode(text).tolist() == gpt2.encode(text).ids
        assert loaded.decode(loaded.encode(text)) == text
    assert loaded.special_tokens == {"<|endoftext|>": 0}
    assert dict(loaded.stated_roles) == {"eos": 0}
    write("tokenizer_config.json", {"tokenizer_class": "CodeGenX"})
    with pytest.raises(eurotok.UnsupportedError, match="CodeGenX"):
        eurotok.load(tmp_path)


def test_a_folder_with_several_tokenizers(tok: Tokenizer, tmp_path: Path) -> None:
    tok.save(tmp_path / "a.eurotok")
    assert eurotok.load(tmp_path) == tok
    tok.save(tmp_path / "b.eurotok")
    with pytest.raises(eurotok.FormatError, match=r"several tokenizers.*a\.eurotok, b\.eurotok"):
        eurotok.load(tmp_path)
    (tmp_path / "a.eurotok").unlink()
    (tmp_path / "b.eurotok").unlink()
    with pytest.raises(IsADirectoryError, match=r"without a tokenizer\.json"):
        eurotok.load(tmp_path)


def test_special_tokens_of_a_file_that_does_not_name_them(tmp_path: Path, write: Write) -> None:
    """Models such as Kimi have a `tiktoken.model`, and their special tokens in `tokenizer_config.json`."""
    lines = [f"{base64.b64encode(bytes([byte])).decode()} {byte}" for byte in range(256)]
    for name in ("tiktoken.model", "tokenizer.model"):
        path = write(name, "\n".join(lines))
        tokens = {"256": {"content": "[BOS]"}, "259": {"content": "<|im_end|>"}}
        write("tokenizer_config.json", {"added_tokens_decoder": tokens, "bos_token": "[BOS]"})
        tok = eurotok.load(tmp_path, scheme="gpt2")
        assert tok.special_tokens == {"[BOS]": 256, "<|im_end|>": 259}
        assert tok.encode("a[BOS]", specials="parse").tolist() == [97, 256]
        assert tok.bos_id == 256
        assert eurotok.load(tmp_path, scheme="gpt2", special_tokens={"[BOS]": 256}).special_tokens == {"[BOS]": 256}
        path.unlink()
