"""Any `tokenizer.json`: ids, spans and texts are those of `tokenizers`, for each stage and for published files."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eurotok

tokenizers = pytest.importorskip("tokenizers")

from tokenizers import (  # noqa: E402 - what was imported or skipped
    AddedToken,
    Regex,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

PLACES = [os.environ.get("EUROTOK_TOKENIZERS"), Path(__file__).parents[2] / "shared" / "tokenizers"]
FOLDER = next((Path(place) for place in PLACES if place and Path(place).is_dir()), None)

PROSE = [
    "Der schnelle braune Fuchs springt über den faulen Hund, 1234 Mal!",
    "L'été à Noël : un café, s'il vous plaît. Où ça ? Là-bas…",
    "Η γρήγορη καφέ αλεπού δεν πηδάει πάνω από το σκυλί.",
    "Zażółć gęślą jaźń; 'don't' and I'll, you've  two  spaces\tand\n\nlines",
    "日本語のテキストと한국어 텍스트。",
]
ODD = (
    "  é\u0301 \ufb01 ½ \u200d\u00ad\ufeff \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1eb\U0001f1f7\U0001f1e9 "
    "\u1100\u1161\u11a8 \u2581x \r\n a\u0345\u0334 \u01c5 İi \x00\x1c\u2028 \U000e0041\u0378"
)

ALPHABET = "ab Ab.é1\u0301\u0345ﬁ▁ \n\t'-x<u>中ー\u1100\u1161\u200d😀\u00ad\xa0İ½\u2028"
texts = st.one_of(st.text(max_size=30), st.text(st.sampled_from(ALPHABET), max_size=30))


def train(model: Any, trainer: Any, **stages: Any) -> Any:
    made = tokenizers.Tokenizer(model)
    for name, stage in stages.items():
        setattr(made, name, stage)
    made.train_from_iterator(PROSE * 3, trainer)
    return made


def bpe(**settings: Any) -> Callable[..., Any]:
    special = ["<unk>", "<s>", "</s>"]
    bytes_of = [f"<0x{byte:02X}>" for byte in range(256)] if settings.get("byte_fallback") else []
    names = {"continuing_subword_prefix", "end_of_word_suffix"}
    affixes = {name: value for name, value in settings.items() if name in names}
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=special + bytes_of, show_progress=False, **affixes)
    return lambda **stages: train(models.BPE(unk_token="<unk>", **settings), trainer, **stages)


def unigram(**stages: Any) -> Any:
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=["<unk>", "<s>"], unk_token="<unk>", show_progress=False
    )
    return train(models.Unigram(), trainer, **stages)


def word_piece(**stages: Any) -> Any:
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False)
    return train(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20), trainer, **stages)


def word_level(**stages: Any) -> Any:
    trainer = trainers.WordLevelTrainer(special_tokens=["[UNK]"], show_progress=False)
    return train(models.WordLevel(unk_token="[UNK]"), trainer, **stages)


def metaspace(scheme: str = "always", split: bool = True) -> Any:
    return pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)


NORMALIZERS = {
    "nfc": normalizers.NFC(),
    "nfd": normalizers.NFD(),
    "nfkc": normalizers.NFKC(),
    "nfkd": normalizers.NFKD(),
    "lowercase": normalizers.Lowercase(),
    "strip_accents": normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]),
    "strip": normalizers.Strip(),
    "strip_left": normalizers.Strip(left=True, right=False),
    "replace": normalizers.Replace("e", "zz"),
    "replace_nothing": normalizers.Replace("a", ""),
    "replace_regex": normalizers.Replace(Regex(r"(?<=\w) +(?=\w)|\n+$"), "_"),
    "prepend": normalizers.Prepend("▁"),
    "nmt": normalizers.Nmt(),
    "bert": normalizers.BertNormalizer(),
    "bert_cased": normalizers.BertNormalizer(lowercase=False, strip_accents=True, clean_text=False),
    "byte_level": normalizers.ByteLevel(),
    "sequence": normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" ", "▁"), normalizers.Prepend("▁")]),
}

PRE_TOKENIZERS = {
    "whitespace": pre_tokenizers.Whitespace(),
    "whitespace_split": pre_tokenizers.WhitespaceSplit(),
    "bert": pre_tokenizers.BertPreTokenizer(),
    "digits": pre_tokenizers.Digits(),
    "digits_one_by_one": pre_tokenizers.Digits(individual_digits=True),
    "delimiter": pre_tokenizers.CharDelimiterSplit("e"),
    "scripts": pre_tokenizers.UnicodeScripts(),
    "byte_level": pre_tokenizers.ByteLevel(),
    "byte_level_whole": pre_tokenizers.ByteLevel(use_regex=False, add_prefix_space=False),
    "metaspace": metaspace(),
    "metaspace_first": metaspace("first"),
    "metaspace_never": metaspace("never"),
    "metaspace_whole": metaspace(split=False),
    "first_after_others": pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), metaspace("first")]),
    "ends_of_pieces": pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r"\d{1,3}"), "isolated"), pre_tokenizers.Split(Regex(r"\s+(?!\S)|\S+"), "isolated")]
    ),
    "several": pre_tokenizers.Sequence(
        [
            pre_tokenizers.Punctuation("contiguous"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            pre_tokenizers.Digits(),
        ]
    ),
    **{f"punctuation_{it}": pre_tokenizers.Punctuation(it) for it in ("removed", "merged_with_previous")},
    **{
        f"split_{it}_{invert}": pre_tokenizers.Split(Regex(r"[aeé]|\s*"), it, invert)
        for it in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous")
        for invert in (False, True)
    },
    "split_string": pre_tokenizers.Split("e", "merged_with_next"),
}

MODELS: dict[str, Callable[[], Any]] = {
    "sentencepiece": lambda: bpe(byte_fallback=True, fuse_unk=True)(
        normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
        decoder=decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        ),
        post_processor=processors.TemplateProcessing("<s> $A", "<s> $A </s> $B:1", [("<s>", 1), ("</s>", 2)]),
    ),
    "unknown": lambda: bpe(fuse_unk=False)(pre_tokenizer=metaspace(), decoder=decoders.Metaspace()),
    "fused": lambda: bpe(fuse_unk=True)(pre_tokenizer=metaspace("first", split=False), decoder=decoders.Metaspace()),
    "suffix": lambda: bpe(end_of_word_suffix="</w>")(
        pre_tokenizer=pre_tokenizers.BertPreTokenizer(), decoder=decoders.BPEDecoder()
    ),
    "prefix": lambda: bpe(continuing_subword_prefix="##")(
        pre_tokenizer=pre_tokenizers.WhitespaceSplit(), decoder=decoders.WordPiece()
    ),
    "unigram": lambda: unigram(
        normalizer=normalizers.NFKC(), pre_tokenizer=metaspace(), decoder=decoders.Metaspace(),
        post_processor=processors.Sequence([processors.ByteLevel(trim_offsets=True)]),
    ),
    "unigram_whole": lambda: unigram(decoder=decoders.Fuse()),
    "word_piece": lambda: word_piece(
        normalizer=normalizers.BertNormalizer(), pre_tokenizer=pre_tokenizers.BertPreTokenizer(),
        decoder=decoders.WordPiece(), post_processor=processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1)),
    ),
    "word_level": lambda: word_level(pre_tokenizer=pre_tokenizers.Whitespace()),
    "ctc": lambda: word_level(pre_tokenizer=pre_tokenizers.Whitespace(), decoder=decoders.CTC("a", "|")),
    "roberta": lambda: bpe()(
        pre_tokenizer=pre_tokenizers.ByteLevel(), decoder=decoders.ByteLevel(),
        post_processor=processors.RobertaProcessing(("</s>", 2), ("<s>", 1)),
    ),
}  # fmt: skip


def alike(theirs: Any, ours: eurotok.Tokenizer, text: str) -> None:
    """Hold ids, spans, decoding and what stands around a text to `tokenizers`."""
    for specials in ("parse", "text"):
        theirs.encode_special_tokens = specials == "text"
        expected = theirs.encode(text, add_special_tokens=False)
        ids, spans = ours.encode_with_offsets(text, specials=specials)
        assert ids.tolist() == expected.ids, ascii(text)
        assert spans.tolist() == [list(span) for span in expected.offsets], ascii(text)
        assert ours.encode_list(text, specials=specials) == expected.ids
        assert ours.count(text, specials=specials) == len(expected.ids)
        for skipped in (False, True):
            decoded = theirs.decode(expected.ids, skip_special_tokens=skipped)
            assert ours.decode(ids, skip_specials=skipped) == decoded, ascii(text)
    theirs.encode_special_tokens = False
    for pair in (None, "Ein Paar"):
        whole = theirs.encode(text, pair)
        assert ours.encode_list(text, pair, special_tokens=True, specials="parse") == whole.ids, ascii(text)
        ids, spans = ours.encode_with_offsets(text, pair, special_tokens=True, specials="parse")
        assert (ids.tolist(), spans.tolist()) == (whole.ids, [list(span) for span in whole.offsets]), ascii(text)


def both(made: Any, folder: Path) -> tuple[Any, eurotok.Tokenizer]:
    path = folder / "tokenizer.json"
    made.save(str(path))
    return made, eurotok.load(path)


@pytest.mark.parametrize("name", NORMALIZERS)
def test_normalizers(name: str, tmp_path: Path) -> None:
    theirs, ours = both(bpe(byte_fallback=True)(normalizer=NORMALIZERS[name]), tmp_path)
    for text in [*PROSE, ODD, "", " ", "\u0301", "e", "aaa"]:
        alike(theirs, ours, text)

    @settings(deadline=None)
    @given(text=texts)
    def check(text: str) -> None:
        alike(theirs, ours, text)

    check()


@pytest.mark.parametrize(
    "name", ["nfc", "nfd", "nfkc", "nfkd", "lowercase", "strip_accents", "nmt", "bert", "bert_cased"]
)
def test_normalizers_on_every_character(name: str, tmp_path: Path) -> None:
    theirs, ours = both(bpe(byte_fallback=True)(normalizer=NORMALIZERS[name]), tmp_path)
    _each_character(theirs, ours)


@pytest.mark.parametrize(
    "name", ["whitespace", "whitespace_split", "bert", "digits", "scripts", "punctuation_removed", "byte_level"]
)
def test_pre_tokenizers_on_every_character(name: str, tmp_path: Path) -> None:
    theirs, ours = both(bpe(byte_fallback=True)(pre_tokenizer=PRE_TOKENIZERS[name]), tmp_path)
    _each_character(theirs, ours)


@pytest.mark.parametrize("regex", [r"\w+", r"\s+", r"\d+", r"\p{L}+", r"\p{M}+", r"\p{N}+", r"\p{P}|\p{S}", r"\p{Lu}+"])
def test_classes_of_regexes_on_every_character(regex: str, tmp_path: Path) -> None:
    split = pre_tokenizers.Split(Regex(regex), "removed")
    theirs, ours = both(bpe(byte_fallback=True)(pre_tokenizer=split), tmp_path)
    _each_character(theirs, ours, assigned=True)


def _each_character(theirs: Any, ours: eurotok.Tokenizer, *, assigned: bool = False) -> None:
    import unicodedata

    # All below U+3000, where scripts and classes alternate; of the rest one in seventeen, or all if asked for.
    step = 1 if os.environ.get("EUROTOK_SWEEP") else 17
    points = (chr(point) for point in (*range(0x3000), *range(0x3000, 0x110000, step)) if not 0xD800 <= point < 0xE000)
    every = [f"a{it}b" for it in points if not assigned or unicodedata.category(it) != "Cn"]
    found = ours.encode_batch(every)
    expected = theirs.encode_batch_fast(every, add_special_tokens=False)
    flat = np.fromiter((it for encoding in expected for it in encoding.ids), dtype=np.uint32)
    if len(flat) != len(found.ids) or not np.array_equal(flat, found.ids):
        wrong = [text for text, one, two in zip(every, found, expected, strict=True) if one.tolist() != two.ids]
        raise AssertionError(f"{len(wrong)} characters, such as {wrong[:9]!a}")


@pytest.mark.parametrize("name", PRE_TOKENIZERS)
def test_pre_tokenizers(name: str, tmp_path: Path) -> None:
    theirs, ours = both(bpe(byte_fallback=True)(pre_tokenizer=PRE_TOKENIZERS[name]), tmp_path)
    for text in [*PROSE, ODD, "", " ", "e", "e1e22e333e"]:
        alike(theirs, ours, text)

    @settings(deadline=None)
    @given(text=texts)
    def check(text: str) -> None:
        alike(theirs, ours, text)

    check()


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str, tmp_path: Path) -> None:
    theirs, ours = both(MODELS[name](), tmp_path)
    everything = [*PROSE, ODD, "", " ", "a|a a", "x" * 50, "ab" * 3000, "<unk> <s>a</s>"]
    for text in everything:
        alike(theirs, ours, text)
    batch = [theirs.encode(text, add_special_tokens=False).ids for text in everything]
    for threads in (1, 2):
        assert ours.encode_batch(everything, threads, specials="parse").to_list() == batch
        assert ours.count_batch(everything, threads, specials="parse").tolist() == [len(ids) for ids in batch]
    assert pickle.loads(pickle.dumps(ours)) == ours
    for ending in ("json", "eurotok"):
        ours.save(tmp_path / f"again.{ending}")
        again = eurotok.load(tmp_path / f"again.{ending}")
        assert again == ours
        assert again.encode_batch(everything, specials="parse").to_list() == batch
    reread = tokenizers.Tokenizer.from_file(str(tmp_path / "again.json"))
    assert [reread.encode(text, add_special_tokens=False).ids for text in everything] == batch

    @settings(deadline=None)
    @given(text=texts)
    def check(text: str) -> None:
        alike(theirs, ours, text)

    check()


@pytest.mark.parametrize("normalizer", [None, normalizers.Lowercase(), normalizers.Prepend("▁")])
def test_added_tokens(normalizer: Any, tmp_path: Path) -> None:
    flags = [{name: True} for name in ("lstrip", "rstrip", "single_word")] + [{"lstrip": True, "rstrip": True}, {}]
    tokens = [
        AddedToken(
            f"[{number}{'N' if normalized else 'o'}{'S' if special else 'p'}]",
            normalized=normalized,
            special=special,
            **it,
        )
        for number, it in enumerate(flags)
        for normalized in (False, True)
        for special in (False, True)
    ] + [AddedToken("Word", single_word=True, normalized=True), AddedToken("[0oS][", normalized=False)]
    made = bpe()(normalizer=normalizer, pre_tokenizer=metaspace("first"), decoder=decoders.Metaspace())
    made.add_tokens(tokens)
    theirs, ours = both(made, tmp_path)
    rng = random.Random(7)
    parts = (
        [token.content for token in tokens]
        + [token.content.lower() for token in tokens]
        + [" ", "  ", "a", "é", "_", "\n", "1"]
    )
    for _ in range(300):
        alike(theirs, ours, "".join(rng.choices(parts, k=8)))


def test_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    _, ours = both(MODELS["unigram"](), tmp_path)
    for what in ("merges", "pattern"):
        with pytest.raises(eurotok.UnsupportedError, match=what):
            getattr(ours, what)
    assert (ours.scheme, ours.vocab_size) == (None, len(ours))
    assert "several stages" in repr(ours)
    assert ours.id(ours.token(5)) == 5
    with pytest.raises(eurotok.UnknownIdError, match="id 9999 at position 1"):
        ours.decode([1, 9999])
    with pytest.raises(eurotok.UnsupportedError, match="tiktoken"):
        ours.save(tmp_path / "x.tiktoken")
    with pytest.raises(eurotok.UnsupportedError, match="byte-level"):
        eurotok.extend(ours, PROSE, vocab_size=1000)


@pytest.mark.parametrize("name", ["word_piece", "unigram", "roberta"])
def test_commands_take_any_tokenizer(name: str, tmp_path: Path) -> None:
    from eurotok.checks import check
    from eurotok.cli.info import describe

    _, ours = both(MODELS[name](), tmp_path)
    assert describe(ours)["scheme"] == "several stages"
    findings = {finding.check: finding.status for finding in check(ours)}
    assert findings["same ids in tokenizers"] == "ok"
    assert findings["same ids in tiktoken"] == "not checked"
    table = eurotok.compare([ours, tmp_path / "tokenizer.json"], {"en": PROSE[:1], "de": PROSE[:1]}).table()
    assert "several" in repr(ours)
    assert table


def test_files_are_encoded_document_by_document(tmp_path: Path) -> None:
    _, ours = both(MODELS["word_piece"](), tmp_path)
    lines = tmp_path / "x.jsonl"
    import json

    lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in PROSE))
    written = ours.encode_files(lines, tmp_path / "ids.npy")
    assert np.load(tmp_path / "ids.npy").tolist() == ours.encode_batch(PROSE).ids.tolist()
    assert (written.documents, ours.count_files(lines)) == (len(PROSE), written.tokens)


def test_what_is_unknown_without_a_token_for_it_is_refused(tmp_path: Path) -> None:
    made = tokenizers.Tokenizer(models.Unigram([("a", -1.0)], None))
    _, ours = both(made, tmp_path)
    assert ours.encode_list("aa") == [0, 0]
    with pytest.raises(ValueError, match='"b" is not in the vocabulary'):
        ours.encode("ab")


@pytest.mark.parametrize("change", ["score", "unk_id", "charsmap", "expansion", "regex", "twice"])
def test_hostile_files(change: str, tmp_path: Path) -> None:
    import json

    made = unigram(normalizer=normalizers.Replace("a", "b"))
    content = json.loads(made.to_str())
    text = json.dumps(content)
    if change == "score":
        text = text.replace('["<unk>", 0.0]', '["<unk>", 1e999]').replace('["<unk>",0.0]', '["<unk>",1e999]')
        assert "1e999" in text
    elif change == "unk_id":
        text = json.dumps(content | {"model": content["model"] | {"unk_id": 10**6}})
    elif change == "twice":
        tokens = content["added_tokens"]
        text = json.dumps(content | {"added_tokens": [*tokens, tokens[0]]})
    elif change == "charsmap":
        stage: dict[str, Any] = {"type": "Precompiled", "precompiled_charsmap": "/////wAA"}
        text = json.dumps(content | {"normalizer": stage})
    elif change == "regex":
        stage = {"type": "Replace", "pattern": {"Regex": "(?:(?!b)(?:a|aa)){1,16}c|a"}, "content": ""}
        text = json.dumps(content | {"normalizer": stage})
    else:
        stage = {"type": "Replace", "pattern": {"String": "a"}, "content": "x" * 100_000}
        text = json.dumps(content | {"normalizer": {"type": "Sequence", "normalizers": [stage]}})
    path = tmp_path / "hostile.json"
    path.write_text(text)
    if change in ("expansion", "regex"):
        tok = eurotok.load(path)
        with pytest.raises(eurotok.Error if change == "regex" else ValueError):
            tok.encode("a" * 100_000 + "b")
        return
    with pytest.raises(eurotok.Error):
        eurotok.load(path)


def published() -> list[str]:
    """Name the published files, if they are at hand."""
    return sorted(path.name for path in FOLDER.glob("*.json.zst")) if FOLDER else []


@pytest.mark.skipif(not FOLDER, reason="no folder of published tokenizers (EUROTOK_TOKENIZERS)")
@pytest.mark.parametrize("name", published())
def test_published_files(name: str, tmp_path: Path) -> None:
    assert FOLDER is not None
    path = tmp_path / "tokenizer.json"
    path.write_bytes(subprocess.run(["zstd", "-dc", FOLDER / name], check=True, capture_output=True).stdout)
    theirs = tokenizers.Tokenizer.from_file(str(path))
    theirs.no_padding()
    theirs.no_truncation()
    ours = eurotok.load(path)
    rng = random.Random(name)
    for text in [*PROSE, ODD, *("".join(rng.choices(ALPHABET, k=40)) for _ in range(20))]:
        alike(theirs, ours, text)
    special = [*ours.special_tokens, " ", "a"]
    for _ in range(10):
        alike(theirs, ours, "".join(rng.choices(special, k=6)))
