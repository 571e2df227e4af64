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
    peer = sentencepiece.SentencePieceProcessor(model_file=str(path))
    tok = eurotok.load(path)
    for text, ids in zip(texts, tok.encode_batch(texts).to_list(), strict=True):
        assert ids == peer.encode(text), repr(text)
        assert tok.encode(text).tolist() == ids, repr(text)
        if "▁" not in text:
            # Of several spaces at the beginning, of which the text itself has none, sentencepiece may drop more.
            assert tok.decode(ids) == peer.decode(ids), repr(text)
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
    ("options", "reason"),
    [
        ({"model_type": "unigram"}, "unigram"),
        ({"normalization_rule_name": "nmt_nfkc"}, "nmt_nfkc"),
        ({"treat_whitespace_as_suffix": True}, "treat_whitespace_as_suffix"),
        ({"user_defined_symbols": ["xx"]}, "'xx'|\"xx\""),
    ],
)
def test_models_that_are_refused_say_why(
    options: dict[str, Any], reason: str, sentences: dict[str, list[str]], tmp_path: Path
) -> None:
    path = train(tmp_path, [*sentences["fr"]] * 3, **options)
    with pytest.raises(eurotok.UnsupportedError, match=rf"m\.model: .*({reason})"):
        eurotok.load(path)


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
        (_model(_piece(b"a", -1), _piece(b"ab", -2)), "whose character 'b' is no piece"),
        (_model(*[_piece(it, -1) for it in (b"a", b"b")], _piece(b"ab", -2), _piece(b"ba", -2)), "the same score"),
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


@pytest.mark.parametrize("pre", ["gpt-2", "starcoder"])
def test_gguf_of_a_byte_level_model(pre: str, sentences: dict[str, list[str]], tmp_path: Path) -> None:
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = tokenizers.pre_tokenizers.Digits(individual_digits=True)
    made.pre_tokenizer = byte_level if pre == "gpt-2" else tokenizers.pre_tokenizers.Sequence([digits, byte_level])
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
    for text in [*texts_of(sentences["fr"], "gguf"), "in 1984 2,000"]:
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


REFUSED = {
    "bpemb-en": "nfkc",
    "nai-t5": "unigram",
    "spm-ja": "unigram",
    "spm-test": "unigram",
    "xlnet_base_cased": "unigram",
}
"""What of the published models is not read, and the reason."""


@pytest.mark.skipif(not FOLDER, reason="no folder of published tokenizers (EUROTOK_TOKENIZERS)")
@pytest.mark.parametrize("name", published(".model"))
def test_published_models(name: str, sentences: dict[str, list[str]], tmp_path: Path) -> None:
    path = unpacked(name, tmp_path)
    if path.stem in REFUSED:
        with pytest.raises(eurotok.UnsupportedError, match=REFUSED[path.stem]):
            eurotok.load(path)
    else:
        alike(path, texts_of([line for lines in sentences.values() for line in lines], name))


@pytest.mark.skipif(not FOLDER, reason="no folder of published tokenizers (EUROTOK_TOKENIZERS)")
@pytest.mark.parametrize(
    ("name", "twin"), [("ggml-vocab-llama-spm", "llama2.json"), ("ggml-vocab-phi-3", "llama2.json")]
)
def test_published_gguf_files(name: str, twin: str, sentences: dict[str, list[str]], tmp_path: Path) -> None:
    ours = eurotok.load(unpacked(f"{name}.gguf.zst", tmp_path))
    theirs = tokenizers.Tokenizer.from_file(str(unpacked(f"{twin}.zst", tmp_path)))
    for text in [line for lines in sentences.values() for line in lines]:
        assert ours.encode(text).tolist() == theirs.encode(text, add_special_tokens=False).ids
