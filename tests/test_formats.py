"""Files of tokenizers against the libraries that define them: same ids from our files as from theirs, and back."""

import base64
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eurotok
from eurotok import Tokenizer

tokenizers = pytest.importorskip("tokenizers")
tiktoken = pytest.importorskip("tiktoken")

REAL = {"cl100k": "cl100k", "o200k": "o200k", "llama3": "llama3", "qwen3": "qwen2"}

# Unusual to split or to spell: ends of lines and of the text, letters with two cases in one, combining marks.
TRICKY = [
    "", " ", "  a", "a  ", "a \n", "a\n  ", "\r\n\r\n x", "\t\u00a0\u3000\u2028\x85y", "'s'S'ſ'LL’s", "it's IT'S l'été",
    "12345678901", "²٣½Ⅷ", "ǅ ʰ \u0345", "e\u0301\u0323", "日本語と中文", "👨‍👩‍👧😀", "!!??//\n\n", "ﬁﬂßẞ",
    "\x00\ufeff\u200b", "<|endoftext|>", "[INST]</s>",
]  # fmt: skip


@dataclass(frozen=True)
class Published:
    """A published vocabulary: its `.tiktoken` file, what that leaves unsaid, and the library's own encoder."""

    path: Path
    scheme: str
    special_tokens: Mapping[str, int]
    encoding: Any


def _entries(data: bytes, rank_first: bool) -> Iterator[tuple[bytes, int]]:
    """The entries of quicktok's data files, of which only the order of the fields differs."""
    (count,) = struct.unpack_from("<I", data)
    at = 4
    for _ in range(count):
        if rank_first:
            rank, size = struct.unpack_from("<IH", data, at)
            yield data[at + 6 : at + 6 + size], rank
        else:
            (size,) = struct.unpack_from("<H", data, at)
            (rank,) = struct.unpack_from("<I", data, at + 2 + size)
            yield data[at + 2 : at + 2 + size], rank
        at += 6 + size
    assert at == len(data)


@pytest.fixture(scope="session", params=REAL)
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Published:
    quicktok = pytest.importorskip("quicktok")
    name, data = request.param, Path(quicktok.__file__).parent / "data"
    ranks = dict(_entries((data / f"{name}.vocab").read_bytes(), rank_first=False))
    specials = dict(_entries((data / f"{name}.special").read_bytes(), rank_first=True))
    special_tokens = {content.decode(): rank for content, rank in specials.items()}
    path = tmp_path_factory.mktemp(name) / f"{name}.tiktoken"
    lines = (
        f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in sorted(ranks.items(), key=lambda it: it[1])
    )
    path.write_text("".join(lines))
    scheme = REAL[name]
    encoding = tiktoken.Encoding(
        name, pat_str=eurotok.schemes()[scheme], mergeable_ranks=ranks, special_tokens=special_tokens
    )
    return Published(path, scheme, special_tokens, encoding)


@pytest.fixture(scope="session")
def texts(sentences: dict[str, Sequence[str]]) -> list[str]:
    """The sample in 24 languages, and what is tricky."""
    return [line for lines in sentences.values() for line in lines] + TRICKY


def _peer_ids(path: Path, texts: Sequence[str]) -> list[list[int]]:
    peer = tokenizers.Tokenizer.from_file(str(path))
    peer.encode_special_tokens = True  # special tokens in the text are only text, as in ours
    return [encoding.ids for encoding in peer.encode_batch(texts, add_special_tokens=False)]


def test_published_vocabularies_need_no_hint(published: Published, texts: list[str]) -> None:
    tok = eurotok.load(published.path)
    assert tok.scheme == published.scheme
    assert tok.special_tokens == published.special_tokens
    assert tok.encode_batch(texts).to_list() == published.encoding.encode_ordinary_batch(texts)


def test_published_vocabularies_in_every_format(published: Published, texts: list[str], tmp_path: Path) -> None:
    tok = eurotok.load(published.path)
    ids = tok.encode_batch(texts)
    for ending in (".json", ".tiktoken", ".eurotok"):
        path = tmp_path / f"x{ending}"
        tok.save(path)
        again = eurotok.load(path)
        assert again.encode_batch(texts) == ids
        assert (again.pattern, again.special_tokens) == (tok.pattern, tok.special_tokens)
    assert (tmp_path / "x.tiktoken").read_bytes() == published.path.read_bytes()
    assert _peer_ids(tmp_path / "x.json", texts) == ids.to_list()
    # From merges back to ranks, without loss.
    eurotok.load(tmp_path / "x.json").save(tmp_path / "y.tiktoken")
    assert (tmp_path / "y.tiktoken").read_bytes() == published.path.read_bytes()


def test_special_tokens_keep_their_ids_in_tokenizers(published: Published, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    eurotok.load(published.path).save(path)
    peer = tokenizers.Tokenizer.from_file(str(path))
    assert {content: peer.token_to_id(content) for content in published.special_tokens} == published.special_tokens
    text = "a".join(published.special_tokens)
    assert peer.encode(text, add_special_tokens=False).ids == published.encoding.encode(text, allowed_special="all")


def test_tekken(texts: list[str], tmp_path: Path) -> None:
    mistral_common = pytest.importorskip("mistral_common")
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    path = Path(mistral_common.__file__).parent / "data" / "tekken_240911.json"
    peer = Tekkenizer.from_file(path)
    tok = eurotok.load(path)
    assert (tok.vocab_size, tok.scheme, len(tok.special_tokens)) == (131_072, "tekken", 1000)
    ids = [peer.encode(text, bos=False, eos=False) for text in texts]
    assert tok.encode_batch(texts).to_list() == ids
    assert [tok.token(rank).decode() for rank in range(1000)] == [peer.id_to_piece(rank) for rank in range(1000)]
    tok.save(tmp_path / "x.json")
    assert _peer_ids(tmp_path / "x.json", texts) == ids


def test_sentencepiece_models_of_mistral(texts: list[str], tmp_path: Path) -> None:
    mistral_common = pytest.importorskip("mistral_common")
    sentencepiece = pytest.importorskip("sentencepiece")
    (path, *_) = (Path(mistral_common.__file__).parent / "data").glob("*.model.v1")
    peer = sentencepiece.SentencePieceProcessor(model_file=str(path))
    tok = eurotok.load(path)
    ids = tok.encode_batch(texts).to_list()
    assert ids == peer.encode(texts)
    assert tok.decode_batch(ids) == peer.decode(ids)
    tok.save(tmp_path / "x.json")
    assert eurotok.load(tmp_path / "x.json").encode_batch(texts).to_list() == ids
    assert _peer_ids(tmp_path / "x.json", texts) == ids


@pytest.mark.parametrize("scheme", eurotok.schemes())
def test_files_of_ours_in_other_libraries(scheme: str, sample: Path, texts: list[str], tmp_path: Path) -> None:
    tok = eurotok.train(sample, vocab_size=3000, scheme=scheme, special_tokens=["<|end|>"])
    ids = tok.encode_batch(texts).to_list()
    tok.save(tmp_path / "x.json")
    assert _peer_ids(tmp_path / "x.json", texts) == ids
    tok.save(tmp_path / "x.tiktoken")
    lines = [line.split() for line in (tmp_path / "x.tiktoken").read_text().splitlines()]
    beside = json.loads((tmp_path / "x.tiktoken.json").read_text())
    encoding = tiktoken.Encoding(
        "x",
        pat_str=beside["pattern"],
        mergeable_ranks={base64.b64decode(token): int(rank) for token, rank in lines},
        special_tokens=beside["special_tokens"],
    )
    assert encoding.encode_ordinary_batch(texts) == ids
    assert encoding.encode("a<|end|>", allowed_special="all")[-1] == tok.special_tokens["<|end|>"]


def _theirs(sample: Path, **parts: Any) -> Any:
    """A tokenizer trained by `tokenizers`."""
    peer = tokenizers.Tokenizer(tokenizers.models.BPE())
    peer.decoder = tokenizers.decoders.ByteLevel()
    for part, value in parts.items():
        setattr(peer, part, value)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=2000,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|end|>", "<pad>"],
        show_progress=False,
    )
    peer.train([str(path) for path in sorted(sample.glob("*.txt"))], trainer)
    return peer


def _pre_tokenizer(regex: str | None, behavior: str = "isolated", invert: bool = False) -> Any:
    from tokenizers import Regex, pre_tokenizers

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex is None)
    if regex is None:
        return byte_level
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(regex), behavior, invert), byte_level])


LLAMA3 = eurotok.schemes()["llama3"]


@pytest.mark.parametrize(
    ("regex", "behavior", "invert", "nfc"),
    [
        (None, "isolated", False, False),
        (LLAMA3, "isolated", False, False),
        (LLAMA3, "removed", True, False),
        (LLAMA3, "isolated", False, True),
        (r"\p{L}+| ?\p{N}{1,2}|[.,;:!?]+", "isolated", False, False),
        (r"(?i:l'|d')|[[:alpha:]]+", "isolated", False, None),
        (r"\w+|\s+", "isolated", False, False),
        (r"\p{L}+", "removed", False, False),
        (r"\p{L}+", "merged_with_next", False, True),
    ],
)
def test_files_of_tokenizers_in_ours(
    regex: str | None, behavior: str, invert: bool, nfc: bool | None, sample: Path, texts: list[str], tmp_path: Path
) -> None:
    """With the ids of `tokenizers`, or not at all (`nfc` is None)."""
    normalizer = tokenizers.normalizers.NFC() if nfc else None
    peer = _theirs(sample, pre_tokenizer=_pre_tokenizer(regex, behavior, invert), normalizer=normalizer)
    peer.add_tokens([tokenizers.AddedToken("[1]", normalized=False), tokenizers.AddedToken("[12]", normalized=False)])
    path = tmp_path / "x.json"
    peer.save(str(path))
    if nfc is None:
        with pytest.raises(eurotok.UnsupportedError, match=r"x\.json"):
            eurotok.load(path)
        return
    tok = eurotok.load(path)
    texts = [*texts, "a[1][12][123", "e\u0301[1]\u0301[12"]
    assert tok.encode_batch(texts).to_list() == _peer_ids(path, texts)
    tok.save(tmp_path / "y.json")
    assert eurotok.load(tmp_path / "y.json") == tok
    assert _peer_ids(tmp_path / "y.json", texts) == _peer_ids(path, texts)


def test_what_follows_the_ids_is_carried_through(tok_json: Path, tmp_path: Path) -> None:
    content = json.loads(tok_json.read_text())
    processor = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    content["post_processor"] = processor
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    for ending in (".tiktoken", ".eurotok", ".json"):
        tok = eurotok.load(path)
        path = tmp_path / f"y{ending}"
        tok.save(path)
    assert json.loads(path.read_text())["post_processor"] == processor


@given(text=st.text())
def test_any_text_has_the_ids_of_tokenizers(tok: Tokenizer, tok_json: Path, text: str) -> None:
    assert [tok.encode_list(text)] == _peer_ids(tok_json, [text])


def test_spans_are_those_of_tokenizers(tok: Tokenizer, tok_json: Path, texts: list[str]) -> None:
    peer = tokenizers.Tokenizer.from_file(str(tok_json))
    peer.encode_special_tokens = True
    for text in texts:
        _, spans = tok.encode_with_offsets(text)
        assert spans.tolist() == [list(span) for span in peer.encode(text).offsets]
