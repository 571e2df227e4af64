"""SentencePiece models, and the vocabularies in GGUF files, against the libraries that they are of."""

import os
import random
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tokenizers

import eurotok

sentencepiece = pytest.importorskip("sentencepiece")

PLACES = [os.environ.get("EUROTOK_TOKENIZERS"), Path(__file__).parents[2] / "shared" / "tokenizers"]
FOLDER = next((Path(place) for place in PLACES if place and Path(place).is_dir()), None)

ODD = [
    "",
    " ",
    "  a  b  ",
    "a",
    "▁",
    "a▁b",
    " ▁ ",
    "<s>",
    "<0x0A>",
    "\n\t",
    "é́ 字字 😀",
    "a" * 700,
    " " * 70,
    "été\u00a0l’été",
]

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


def train(folder: Path, sentences: Sequence[str], **options: Any) -> Path:
    text = folder / "text.txt"
    text.write_text("\n".join(sentences), encoding="utf-8")
    given = {
        "vocab_size": 700,
        "model_type": "bpe",
        "byte_fallback": True,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "minloglevel": 2,
        **options,
    }
    sentencepiece.SentencePieceTrainer.train(input=str(text), model_prefix=str(folder / "m"), **given)
    return folder / "m.model"


def texts_of(sentences: Sequence[str], seed: str) -> list[str]:
    rng = random.Random(seed)
    characters = [*"ab éè字▁ \n.,0", *(chr(rng.randrange(0x20, 0xD800)) for _ in range(40)), "😀", "𝒳"]
    return [*sentences, *ODD, *("".join(rng.choices(characters, k=rng.randrange(60))) for _ in range(300))]


def alike(path: Path, texts: Sequence[str]) -> eurotok.Tokenizer:
    """Hold ids, spans and decoding to `sentencepiece`."""
    peer = sentencepiece.SentencePieceProcessor(model_file=str(path))
    tok = eurotok.load(path)
    for text, ids in zip(texts, tok.encode_batch(texts).to_list(), strict=True):
        assert ids == peer.encode(text), ascii(text)
        assert tok.encode(text).tolist() == ids, ascii(text)
        assert tok.decode(ids) == peer.decode(ids), ascii(text)
        spanned, spans = tok.encode_with_offsets(text)
        assert spanned.tolist() == ids, ascii(text)
        places = peer.encode(text, return_type="offset_mapping")["offsets"]
        assert spans.tolist() == [list(place) for place in places], ascii(text)
    rng = random.Random(7)
    there = [number for number in range(tok.vocab_size) if not peer.is_control(number)]
    for _ in range(200):
        ids = rng.choices(there[: rng.choice((300, len(there)))], k=rng.randrange(9))
        assert tok.decode(ids) == peer.decode(ids), ids
    return tok


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"add_dummy_prefix": False},
        {"remove_extra_whitespaces": True},
        {"byte_fallback": False},
        {"add_dummy_prefix": False, "user_defined_symbols": ["l'", "▁▁▁", "07"]},
        {"split_by_whitespace": False},
    ],
)
def test_bpe_has_the_ids_of_sentencepiece(
    options: dict[str, Any], sentences: dict[str, list[str]], tmp_path: Path
) -> None:
    trained = [*sentences["fr"], *sentences["el"]] * 3
    path = train(tmp_path, trained, **options)
    texts = texts_of([*sentences["fr"], *sentences["fi"]], str(options))
    tok = alike(path, texts)
    tok.save(tmp_path / "x.json")
    again, peer = eurotok.load(tmp_path / "x.json"), tokenizers.Tokenizer.from_file(str(tmp_path / "x.json"))
    for text in texts:
        ids = tok.encode(text).tolist()
        assert again.encode(text).tolist() == ids
        if not any(token in text for token in tok.special_tokens):
            assert peer.encode(text, add_special_tokens=False).ids == ids, repr(text)


@pytest.mark.parametrize(
    "options",
    [
        {"model_type": "unigram"},
        {"model_type": "unigram", "byte_fallback": False, "normalization_rule_name": "nmt_nfkc"},
        {"model_type": "unigram", "normalization_rule_name": "nfkc_cf", "remove_extra_whitespaces": True},
        {"model_type": "unigram", "user_defined_symbols": ["l'", "▁▁▁", "07"], "remove_extra_whitespaces": True},
        {"model_type": "unigram", "split_by_whitespace": False},
        {"model_type": "unigram", "treat_whitespace_as_suffix": True, "remove_extra_whitespaces": True},
        {"normalization_rule_name": "nmt_nfkc", "remove_extra_whitespaces": True},
        {"treat_whitespace_as_suffix": True},
        {"user_defined_symbols": ["xx", "l'", "é", "a▁b"]},
        {"model_type": "word", "byte_fallback": False, "normalization_rule_name": "nfkc", "vocab_size": 60},
        {"model_type": "char", "normalization_rule_name": "nfkc", "user_defined_symbols": ["ll"]},
    ],
)
def test_every_model_has_the_ids_of_sentencepiece(
    options: dict[str, Any], sentences: dict[str, list[str]], tmp_path: Path
) -> None:
    trained = [*sentences["fr"], *sentences["el"]] * 3
    if options.get("model_type") in ("unigram", "word", "char"):
        options = {"hard_vocab_limit": False, **options}
    path = train(tmp_path, trained, **options)
    texts = texts_of([*sentences["fr"], *sentences["fi"], " ".join(sentences["fr"] * 9)], str(options))
    tok = alike(path, [*texts, *NORMALIZED])
    tok.save(tmp_path / "x.eurotok")
    again = eurotok.load(tmp_path / "x.eurotok")
    assert again == tok
    assert again.encode_batch(texts).to_list() == tok.encode_batch(texts).to_list()
    with pytest.raises(eurotok.UnsupportedError, match=r"tokenizer\.json"):
        tok.save(tmp_path / "x.json")


NORMALIZED = [
    "ﬁn ①② ｶﾞ カ\u3099 ﷺ",
    "e\u0301a\u0301\u0302 E\u0301",
    "\u3000 a\u00a0\u00a0b \u2003",
    "ᄀ\u1161\u11a8 각",
    "\u200b\ufeff\u00ada\u0007b\x00c",
    "ẞß Ἀθῆναι ΑΣ",
]


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def _piece(text: bytes, score: float, kind: int = NORMAL) -> bytes:
    inner = b"\x0a" + _varint(len(text)) + text + b"\x15" + struct.pack("<f", score) + b"\x18" + _varint(kind)
    return b"\x0a" + _varint(len(inner)) + inner


def _model(*pieces: bytes) -> bytes:
    first = [_piece(b"<unk>", 0, UNKNOWN), _piece(b"<s>", 0, CONTROL), _piece("▁".encode(), -9)]
    trainer = b"\x18\x02"
    return b"".join([*first, *pieces]) + b"\x12" + _varint(len(trainer)) + trainer


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_model(_piece(b"a", float("nan"))), 'the score of piece 3, "a", is not a number'),
        (_model(_piece(b"a\xff", -1)), "piece 3: .* is not UTF-8"),
        (_model(_piece(b"", -1)), "piece 3 is empty"),
        (_model(_piece(b"a", -1), _piece(b"a", -2)), 'the pieces 3 and 4 are both "a"'),
        (_model(_piece(b"a", -1, 9)), "piece 3: the type 9"),
        (_model(_piece(b"a", float("-inf"))), 'the score of piece 3, "a", is infinite'),
        (_model(_piece(b"a\x00", -1)), "piece 3, .* has a null character"),
        (_model(_piece(b"<0x0A>", -1, BYTE)), "piece 3 is of the type byte, but byte_fallback is false"),
        (_model(_piece(b"<unk2>", -1, UNKNOWN)), "the pieces 0 and 3 are both of the type unknown"),
        (_model() + b"\x1a\x04\x12\x02ab", "precompiled_charsmap: it is shorter than its header"),
        (_model() + b"\x1a\x08\x12\x06\xff\xff\xff\x7fab", "precompiled_charsmap: its trie is longer than it"),
        (_model(_piece(b"a", -1))[:-1], "Protobuf"),
        (_model(_piece(b"a", -1)) + b"\x12\xff\xff\xff\xff\xff\xff\xff\x7f", "Protobuf"),
    ],
)
def test_hostile_models(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "m.model"
    path.write_bytes(data)
    with pytest.raises(eurotok.Error, match=rf"m\.model: .*{reason}"):
        eurotok.load(path)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _gguf(**entries: object) -> bytes:
    """Write a GGUF file with these entries of the tokenizer."""
    out = b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries))
    for key, value in entries.items():
        out += _text(f"tokenizer.ggml.{key}")
        if isinstance(value, str):
            out += struct.pack("<I", 8) + _text(value)
        elif isinstance(value, bool):
            out += struct.pack("<I?", 7, value)
        elif isinstance(value, list) and isinstance(value[0], str):
            out += struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
        elif isinstance(value, list) and isinstance(value[0], float):
            out += struct.pack("<IIQ", 9, 6, len(value)) + struct.pack(f"<{len(value)}f", *value)
        elif isinstance(value, list):
            out += struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
    return out


def _kind(peer: Any, number: int) -> int:
    kinds = ((peer.is_unknown, UNKNOWN), (peer.is_control, CONTROL), (peer.is_byte, BYTE), (peer.is_unused, UNUSED))
    return next((kind for is_one, kind in kinds if is_one(number)), NORMAL)


def test_gguf_of_a_sentencepiece_model(sentences: dict[str, list[str]], tmp_path: Path) -> None:
    model = train(tmp_path, [*sentences["fr"], *sentences["el"]] * 3)
    peer = sentencepiece.SentencePieceProcessor(model_file=str(model))
    numbers = range(peer.get_piece_size())
    path = tmp_path / "m.gguf"
    path.write_bytes(
        _gguf(
            model="llama",
            tokens=[peer.id_to_piece(number) for number in numbers],
            scores=[peer.get_score(number) for number in numbers],
            token_type=[_kind(peer, number) for number in numbers],
        )
    )
    tok = eurotok.load(path)
    for text in texts_of(sentences["fr"], "gguf"):
        assert tok.encode(text).tolist() == peer.encode(text), repr(text)


def _splits(*regexes: str) -> Any:
    splits = [tokenizers.pre_tokenizers.Split(tokenizers.Regex(regex), "isolated") for regex in regexes]
    whole = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return tokenizers.pre_tokenizers.Sequence([*splits, whole])


SPLITS = {
    "starcoder": tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Digits(individual_digits=True),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    ),
    "deepseek-llm": _splits(
        r"[\r\n]",
        r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯ]+",
        r"\s?[!-/:-~！-／：-～‘-‟　-。]+",
        r"\s+\z",
        "[一-龥ࠀ-一가-퟿]+",
        r"\p{N}+",
    ),
    "viking": _splits(r" ?[^(\s|.,!?…。，、।۔،)]+", r"\p{N}"),
    "kimi-k2": _splits(
        r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
        r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
}
"""How text is split by the names that llama.cpp has, for the letters of these tests."""


@pytest.mark.parametrize("pre", ["gpt-2", "starcoder", "deepseek-llm", "viking", "kimi-k2"])
def test_gguf_of_a_byte_level_model(pre: str, sentences: dict[str, list[str]], tmp_path: Path) -> None:
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.pre_tokenizer = SPLITS.get(pre, byte_level)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=byte_level.alphabet(), special_tokens=["<|end|>"], show_progress=False
    )
    made.train_from_iterator(sentences["fr"], trainer)
    vocab = made.get_vocab()
    tokens = sorted(vocab, key=lambda token: vocab[token])
    folder = tmp_path / "model"
    folder.mkdir()
    made.model.save(str(folder))
    merges = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    kinds = [CONTROL if token == "<|end|>" else NORMAL for token in tokens]
    path = tmp_path / "m.gguf"
    path.write_bytes(_gguf(model="gpt2", pre=pre, tokens=tokens, token_type=kinds, merges=merges))
    tok = eurotok.load(path)
    lines = [*sentences["fr"], *sentences["el"], "in 1984 2,000", "中文字a漢字 B", "don't ROBERT'S  \n\n "]
    for text in [line for line in texts_of(lines, "gguf") if pre != "deepseek-llm" or max(line, default="") < "ⴰ"]:
        assert tok.encode(text).tolist() == made.encode(text).ids, repr(text)
    assert tok.special_tokens == {"<|end|>": 0}


SOUND = {"model": "llama", "tokens": ["<unk>", "▁", "a"], "scores": [0.0, -1.0, -2.0], "token_type": [2, 1, 1]}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60), "ends within"),
        (b"GGUF" + struct.pack("<IQQ", 9, 0, 0), "version 9"),
        (_gguf(model="llama") + b"", "tokenizer.ggml.tokens"),
        (_gguf(), "without a tokenizer"),
        (_gguf(**{**SOUND, "scores": [0.0]}), "1 entries in tokenizer.ggml.scores for 3 tokens"),
        (_gguf(**{**SOUND, "scores": [0.0, float("nan"), -1.0]}), "is not a number"),
        (_gguf(**{**SOUND, "token_type": [2, 1, 7]}), "token 2: the type 7"),
        (_gguf(**{**SOUND, "model": "rwkv"}), 'the tokenizer "rwkv"'),
        (_gguf(**{**SOUND, "model": "gpt2", "merges": ["a a"]}), "tokenizer.ggml.pre"),
        (_gguf(**{**SOUND, "model": "gpt2", "merges": ["a a"], "pre": "unheard"}), '"unheard"'),
        (_gguf(**SOUND)[:-1], "ends within"),
        (_gguf(tokens=["a"]).replace(struct.pack("<IQ", 8, 1), struct.pack("<IQ", 8, 1 << 60)), "ends within"),
        (_gguf(tokens=["a"]).replace(b"\x01" + b"\x00" * 7 + b"a", b"\x01" + b"\x00" * 7 + b"\xff"), "is not UTF-8"),
    ],
)
def test_hostile_gguf_files(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    with pytest.raises(eurotok.Error, match=rf"m\.gguf: .*{reason}"):
        eurotok.load(path)


def published(ending: str) -> list[str]:
    """Name the published files of a kind, if they are at hand."""
    return sorted(path.name for path in FOLDER.glob(f"*{ending}.zst")) if FOLDER else []


def unpacked(name: str, folder: Path) -> Path:
    assert FOLDER is not None
    path = folder / name.removesuffix(".zst")
    path.write_bytes(subprocess.run(["zstd", "-dc", FOLDER / name], check=True, capture_output=True).stdout)
    return path


@pytest.mark.skipif(not FOLDER, reason="no folder of published tokenizers (EUROTOK_TOKENIZERS)")
@pytest.mark.parametrize("name", published(".model"))
def test_published_models(name: str, sentences: dict[str, list[str]], tmp_path: Path) -> None:
    lines = [line for lines in sentences.values() for line in lines]
    alike(unpacked(name, tmp_path), [*texts_of(lines, name), *NORMALIZED])


def test_pieces_of_one_score_and_pieces_that_are_never_given(tmp_path: Path) -> None:
    """Where places decide, and where a merged piece comes apart again, stages of `tokenizers` cannot follow."""
    letters = [_piece(it, -1) for it in (b"a", b"b", b"c")]
    joined = [_piece(b"ab", -2), _piece(b"ba", -2), _piece(b"abc", -3), _piece(b"abab", -4, 5), _piece(b"bc", -2, 5)]
    path = tmp_path / "m.model"
    path.write_bytes(_model(*letters, *joined))
    tok = alike(path, ["abab", "bab", "abcabc", "bcbc", "ababababc aab", "xay"])
    with pytest.raises(eurotok.UnsupportedError, match="of the type unused"):
        tok.save(tmp_path / "x.json")


def test_a_map_that_makes_texts_far_longer_is_stopped(tmp_path: Path) -> None:
    # One unit for `a`, whose value is the place of a text of 100,000 letters.
    units = [0] * 256
    units[0] = 1 << 10
    units[1 ^ ord("a")] = ord("a") | 1 << 8 | (1 << 10)
    units[1 ^ ord("a") ^ 1] = 1 << 31
    data = struct.pack("<I256I", 1024, *units) + b"x" * 100_000 + b"\x00"
    inner = b"\x12" + _varint(len(data)) + data
    path = tmp_path / "m.model"
    path.write_bytes(_model(_piece(b"x", -1)) + b"\x1a" + _varint(len(inner)) + inner)
    tok = eurotok.load(path)
    assert tok.count("a") > 1
    with pytest.raises(ValueError, match="precompiled_charsmap"):
        tok.encode("a" * 10_000)


@pytest.mark.skipif(not FOLDER, reason="no folder of published tokenizers (EUROTOK_TOKENIZERS)")
@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("ggml-vocab-gpt-neox", "gpt_neox.json"),
        ("ggml-vocab-bert-bge", "gte.json"),
        ("ggml-vocab-llama-spm", "llama2.json"),
        ("ggml-vocab-phi-3", "llama2.json"),
    ],
)
def test_published_gguf_files(name: str, twin: str, sentences: dict[str, list[str]], tmp_path: Path) -> None:
    ours = eurotok.load(unpacked(f"{name}.gguf.zst", tmp_path))
    theirs = tokenizers.Tokenizer.from_file(str(unpacked(f"{twin}.zst", tmp_path)))
    theirs.no_padding()
    theirs.no_truncation()
    for text in [line for lines in sentences.values() for line in lines]:
        assert ours.encode(text).tolist() == theirs.encode(text, add_special_tokens=False).ids
