"""The contract of `Tokenizer`, `load` and `save`."""

import copy
import json
import pickle
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eurotok
from eurotok import Ragged, Tokenizer

ENDINGS = (".json", ".tiktoken", ".eurotok")
strings = st.text(st.characters(exclude_categories=["Cs"]))


@given(text=strings)
def test_text_survives(tok: Tokenizer, text: str) -> None:
    ids = tok.encode(text)
    assert ids.dtype == np.uint32
    assert ids.ndim == 1
    assert tok.decode(ids) == text
    assert tok.decode_bytes(ids) == text.encode()
    assert tok.count(text) == len(ids)
    assert tok.encode_list(text) == ids.tolist()
    assert b"".join(tok.token(int(i)) for i in ids) == text.encode()
    assert "".join(tok.split(text)) == text


@given(text=strings)
def test_spans_are_characters_of_the_text(tok: Tokenizer, text: str) -> None:
    ids, spans = tok.encode_with_offsets(text)
    assert spans.shape == (len(ids), 2)
    assert spans.dtype == np.int64
    assert ids.tolist() == tok.encode(text).tolist()
    if text:
        assert spans[0, 0] == 0
        assert spans[-1, 1] == len(text)
    for i, (start, end) in zip(ids, spans, strict=True):
        assert tok.token(int(i)) in text[start:end].encode()


@given(texts=st.lists(strings, max_size=20), threads=st.sampled_from([None, 1, 2, 8]))
def test_a_batch_is_its_texts_one_by_one(tok: Tokenizer, texts: list[str], threads: int | None) -> None:
    batch = tok.encode_batch(texts, threads)
    assert isinstance(batch, Ragged)
    assert batch.ids.dtype == np.uint32
    assert batch.offsets.dtype == np.int64
    assert batch.to_list() == [tok.encode_list(text) for text in texts]
    assert tok.count_batch(texts, threads).tolist() == batch.lengths.tolist()
    assert tok.count_batch(texts, threads).dtype == np.int64
    assert tok.decode_batch(batch, threads) == texts
    assert tok.decode_batch(batch.to_list(), threads) == texts


def test_memory_is_used_again_only_when_nobody_needs_it(tok: Tokenizer) -> None:
    def address(ids: np.ndarray) -> int:
        return int(ids.__array_interface__["data"][0])

    ones, twos = (tok.encode_batch([text] * 5000) for text in ("one and one", "two by two"))
    ids, place = tok.encode("one and one"), address(ones.ids)
    view = ones.ids[len(ids) : 2 * len(ids)]
    del ones
    threes = tok.encode_batch(["three of three"] * 5000)
    assert place not in (address(twos.ids), address(threes.ids)), "a part of it is still needed"
    np.testing.assert_array_equal(view, ids)
    view[:] = 0  # whoever has an array may write to it
    del view
    few = tok.encode_batch(["one and one"] * 100)
    assert address(few.ids) != place, "what is kept of a small batch holds no large memory"
    again = tok.encode_batch(["one and one"] * 5000)
    assert address(again.ids) == place
    np.testing.assert_array_equal(again.ids, np.tile(ids, 5000))
    np.testing.assert_array_equal(twos[4999], tok.encode("two by two"))


def test_decode_takes_ids_in_any_form(tok: Tokenizer) -> None:
    ids = tok.encode("Ελλάδα, Éire")
    forms = (
        ids,
        ids.tolist(),
        list(ids),
        tuple(ids.tolist()),
        iter(ids.tolist()),
        *(ids.astype(kind) for kind in (np.int64, np.uint64, np.int32, np.uint16, np.int16)),
        *(np.repeat(ids, 2).astype(kind)[::2] for kind in (np.uint32, np.int64)),
        Tensor(ids.astype(np.int64), "cpu"),
        Tensor(ids.astype(np.int64), "cuda"),
    )
    assert {tok.decode(form) for form in forms} == {"Ελλάδα, Éire"}
    assert {tok.decode(np.array([104, 105], kind)) for kind in (np.uint8, np.int8)} == {tok.decode([104, 105])}
    assert tok.decode([]) == ""


class Tensor:
    """A sequence with items, and with an array only if numpy can read it."""

    def __init__(self, ids: np.ndarray[Any, np.dtype[np.int64]], device: str) -> None:
        self.ids, self.device = ids, device

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, np.dtype[np.int64]]:
        if self.device != "cpu":
            raise TypeError(f"on {self.device}")
        return self.ids

    def __iter__(self) -> Iterator[np.int64]:
        return iter(self.ids)


@pytest.mark.parametrize("kind", [np.uint32, np.int64, np.int32, np.uint16])
def test_ids_come_in_one_dimension(tok: Tokenizer, kind: type[np.integer[Any]]) -> None:
    for shape in ((1, 3), (), (0, 2)):
        with pytest.raises(ValueError, match=f"ids: an array of {len(shape)} dimensions, not of one"):
            tok.decode(np.ones(shape, kind))


@pytest.mark.parametrize(
    ("ids", "wrong"),
    [
        ([1, -1], -1),
        ((1, 2**33), 2**33),
        (np.array([1, -2]), -2),
        (np.array([1, 2**32]), 2**32),
        (np.array([1, -3, 5], np.int8), -3),
        (np.array([1, -4], np.int16), -4),
        (np.array([1, 2**64 - 1], np.uint64), 2**64 - 1),
        ([1, 2**70], 2**70),
        (Tensor(np.array([1, -5]), "cpu"), -5),
    ],
)
def test_ids_that_no_vocabulary_has_are_named(tok: Tokenizer, ids: Any, wrong: int) -> None:
    with pytest.raises(eurotok.UnknownIdError, match=f"id {wrong} at position 1 "):
        tok.decode(ids)
    with pytest.raises(eurotok.UnknownIdError, match=f"id {wrong} at position 1 "):
        tok.decode_bytes(ids)


def test_bytes_that_are_no_text(tok: Tokenizer) -> None:
    cut = tok.id(b"\xce")
    assert cut is not None
    ids = [cut]
    assert tok.decode_bytes(ids) == b"\xce"
    assert tok.decode(ids) == "\ufffd"
    with pytest.raises(ValueError, match="invalid UTF-8 at byte 0"):
        tok.decode(ids, errors="strict")
    assert tok.decode_batch([ids, []]) == ["\ufffd", ""]
    with pytest.raises(ValueError, match="errors"):
        tok.decode(ids, errors="maybe")  # type: ignore[arg-type]


LONG = 1 << 15
"""From so many ids on, `decode` goes by a table of characters."""


@pytest.mark.parametrize("unit", ["ascii only", "l'été à Málaga", "Ελλάδα, Éire", "fin 🙂, 🙃", "\ufeff\uffff\0"])
def test_long_texts_decode_as_short_ones(tok: Tokenizer, unit: str) -> None:
    ids = np.tile(tok.encode(unit), LONG)
    assert tok.decode(ids) == unit * LONG
    assert tok.decode(ids, errors="strict") == unit * LONG


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_many_ids_decode_alike_on_any_number_of_threads(tok: Tokenizer, threads: int) -> None:
    cut, narrow, wide = tok.id(b"\xf0"), tok.id(b"a"), tok.id("é".encode())
    assert cut is not None
    assert narrow is not None
    assert wide is not None
    once = [*tok.encode_list("Ελλάδα 🙂, l'été"), cut, *tok.special_tokens.values()]
    ids = np.tile(once, 1 + 1_000_000 // len(once))
    for skip in (False, True):
        expected = tok.decode_bytes(ids, skip_specials=skip).decode(errors="replace")
        assert tok.decode(ids, threads=threads, skip_specials=skip) == expected
    # One character in a million takes all of them to another width, whichever thread it is of.
    for place in (0, 500_000, 1_000_000):
        ids = np.full(1_000_001, narrow)
        ids[place] = wide
        text = tok.decode(ids, threads=threads)
        assert text == "a" * place + "é" + "a" * (1_000_000 - place)
    ids[[400_000, 900_000]] = tok.vocab_size, tok.vocab_size + 1
    with pytest.raises(eurotok.UnknownIdError, match=f"id {tok.vocab_size} at position 400000"):
        tok.decode(ids, threads=threads)


def test_texts_that_are_not_short_decode_alike_before_and_after_the_table_is_made(tok: Tokenizer) -> None:
    tok = pickle.loads(pickle.dumps(tok))
    unit = "Ελλάδα 🙂, l'été "
    ids = tok.encode(unit * 500)
    for _ in range(2 + (1 << 21) // len(ids)):
        assert tok.decode(ids) == unit * 500
        assert tok.decode(ids[:200]) == tok.decode_bytes(ids[:200]).decode(errors="replace")


def test_long_bytes_that_are_no_text(tok: Tokenizer) -> None:
    cut, end = tok.id(b"\xf0"), tok.special_tokens["<|end|>"]
    assert cut is not None
    ids = np.tile([*tok.encode_list("é🙂"), cut, end], LONG)
    for skip in (False, True):
        assert tok.decode(ids, skip_specials=skip) == tok.decode_bytes(ids, skip_specials=skip).decode(errors="replace")
    with pytest.raises(ValueError, match="invalid UTF-8 at byte 6"):
        tok.decode(ids, errors="strict")
    with pytest.raises(ValueError, match="errors"):
        tok.decode(ids, errors="maybe")  # type: ignore[arg-type]
    ids[-1] = tok.vocab_size
    with pytest.raises(eurotok.UnknownIdError, match=f"id {tok.vocab_size} at position {len(ids) - 1}"):
        tok.decode(ids)


@pytest.mark.parametrize("bad", [-1, 10**6, 2**32, 2**40])
def test_unknown_ids_are_named(tok: Tokenizer, bad: int) -> None:
    for decode in (tok.decode, tok.decode_bytes):
        with pytest.raises(eurotok.UnknownIdError, match=rf"id {bad} at position 1"):
            decode([0, bad])


@pytest.mark.parametrize("number", [-1, 2**32, 2**63, 2**64, -(2**63) - 1, 2**200, -(10**30)])
def test_a_number_that_is_no_id_is_named_whatever_its_size(tok: Tokenizer, number: int) -> None:
    named = f"id {number} at position 1 is not in the vocabulary"
    for ids in ([0, number], (0, number), iter([0, number])):
        with pytest.raises(eurotok.UnknownIdError, match=named):
            tok.decode(ids)  # type: ignore[arg-type]
    if 0 <= number < 2**64:
        with pytest.raises(eurotok.UnknownIdError, match=named):
            tok.decode(np.array([0, number], np.uint64))
    with pytest.raises(eurotok.UnknownIdError, match=f"id {number} "):
        tok.token(number)


def test_a_number_too_long_to_write(tok: Tokenizer) -> None:
    for call in (tok.token, lambda number: tok.decode([number])):
        with pytest.raises(eurotok.UnknownIdError, match="id of thousands of digits at position 0"):
            call(10**10_000)


@pytest.mark.parametrize("bad", [[0.5], ["a"], [[1, 2]], None])
def test_what_is_no_array_of_ids_is_refused(tok: Tokenizer, bad: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        tok.decode(bad)  # type: ignore[arg-type]


def test_lone_surrogates_are_refused(tok: Tokenizer) -> None:
    for call in (tok.encode, tok.count, tok.encode_list):
        with pytest.raises(ValueError, match="surrogate"):
            call("a\ud800b")
    long = "fine" * 100_000
    for texts in (["fine", "a\ud800b"], [long, "é" * 100, "a\ud800b", long + "\udfff", "\ud801"] * 2):
        for batch in (tok.encode_batch, tok.count_batch):
            for threads in (1, 2):
                with pytest.raises(UnicodeEncodeError, match="surrogate") as caught:
                    batch(texts, threads)
                assert caught.value.object == "a\ud800b"


def test_special_tokens_are_text_unless_asked(tok: Tokenizer) -> None:
    text = "a<|end|>b"
    end = tok.special_tokens["<|end|>"]
    assert end not in tok.encode(text)
    assert tok.decode(tok.encode(text)) == text
    parsed = tok.encode(text, specials="parse")
    assert parsed.tolist() == [*tok.encode("a").tolist(), end, *tok.encode("b").tolist()]
    assert tok.decode(parsed) == text
    assert tok.decode(parsed, skip_specials=True) == "ab"
    assert tok.encode_batch([text], specials="parse")[0].tolist() == parsed.tolist()
    assert tok.count(text, specials="parse") == len(parsed)
    with pytest.raises(ValueError, match="specials"):
        tok.encode(text, specials="maybe")  # type: ignore[arg-type]


def test_vocabulary(tok: Tokenizer) -> None:
    assert tok.vocab_size == len(tok) == 2000
    assert list(tok.special_tokens) == ["<|end|>", "<|pad|>"]
    assert {tok.token(i) for i in range(tok.vocab_size)} >= {bytes([byte]) for byte in range(256)}
    assert all(tok.id(tok.token(i)) == i for i in range(tok.vocab_size))
    assert len(tok.merges) == 2000 - 256 - 2
    assert all(tok.id(left + right) is not None for left, right in tok.merges)
    assert tok.id(b"no such token") is None
    assert tok.scheme == "europe"
    assert tok.pattern == eurotok.schemes()["europe"]
    with pytest.raises(eurotok.UnknownIdError):
        tok.token(2000)
    assert repr(tok) == "Tokenizer(vocab_size=2000, scheme='europe', special_tokens=2)"


def test_threads_share_a_tokenizer(tok: Tokenizer, sentences: dict[str, Sequence[str]]) -> None:
    texts = [line for lines in sentences.values() for line in lines]
    expected = tok.encode_batch(texts, 1)
    with ThreadPoolExecutor(4) as pool:
        assert all(batch == expected for batch in pool.map(lambda _: tok.encode_batch(texts), range(4)))


def test_copies_are_equal(tok: Tokenizer) -> None:
    for other in (pickle.loads(pickle.dumps(tok)), copy.copy(tok), copy.deepcopy(tok)):
        assert type(other) is Tokenizer
        assert other == tok
        assert hash(other) == hash(tok)
        assert other.encode_list("déjà vu") == tok.encode_list("déjà vu")
    assert tok != eurotok.train(["other text"], vocab_size=257)
    assert tok != "other"


@pytest.mark.parametrize("ending", ENDINGS)
def test_saved_and_loaded_is_the_same(
    tok: Tokenizer, tmp_path: Path, ending: str, sentences: dict[str, Sequence[str]]
) -> None:
    path = tmp_path / f"x{ending}"
    tok.save(path)
    loaded = eurotok.load(path)
    assert loaded.special_tokens == tok.special_tokens
    assert (loaded.vocab_size, loaded.scheme, loaded.pattern) == (tok.vocab_size, tok.scheme, tok.pattern)
    for lines in sentences.values():
        assert loaded.encode_batch(lines) == tok.encode_batch(lines)
    expected = {path} | ({tmp_path / "x.tiktoken.json"} if ending == ".tiktoken" else set())
    assert set(tmp_path.iterdir()) == expected
    renamed = tmp_path / "renamed.bin"
    path.rename(renamed)
    if ending != ".tiktoken":
        assert eurotok.load(renamed) == loaded, "the format is recognised by the content"


def test_a_tiktoken_file_alone(tok: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "x.tiktoken"
    tok.save(path)
    (tmp_path / "x.tiktoken.json").unlink()
    with pytest.raises(ValueError, match="scheme"):
        eurotok.load(path)
    assert eurotok.load(path, scheme="europe", special_tokens=tok.special_tokens).encode_list("a b") == (
        tok.encode_list("a b")
    )


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pattern": 1, "special_tokens": {}}'])
def test_a_bad_companion_is_named(tok: Tokenizer, tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.tiktoken"
    tok.save(path)
    (tmp_path / "x.tiktoken.json").write_text(content)
    with pytest.raises(eurotok.FormatError, match=r"x\.tiktoken\.json"):
        eurotok.load(path)


def test_loads_in_tokenizers(tok_json: Path, tok: Tokenizer, sentences: dict[str, Sequence[str]]) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    peer = tokenizers.Tokenizer.from_file(str(tok_json))
    for lines in sentences.values():
        assert [peer.encode(line).ids for line in lines] == tok.encode_batch(lines).to_list()


def test_save_refuses_an_unknown_ending(tok: Tokenizer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"x\.bin .*\.json"):
        tok.save(tmp_path / "x.bin")


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_failure_to_write_leaves_what_was_there(tok: Tokenizer, tmp_path: Path, ending: str) -> None:
    import resource

    path = tmp_path / f"x{ending}"
    path.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            tok.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        eurotok.load(tmp_path / "absent.json")
    with pytest.raises(IsADirectoryError):
        eurotok.load(tmp_path)


def _hostile() -> dict[str, object]:
    """Ways in which a `tokenizer.json` can lie, each as a change to a sound one."""

    def set_vocab(change: dict[str, int]) -> object:
        return lambda it: it["model"]["vocab"].update(change)

    return {
        "no model": lambda it: it.pop("model"),
        "another model": lambda it: it["model"].update(type="WordPiece"),
        "vocabulary of 10^9": set_vocab({"zz": 10**9}),
        "id beyond 32 bits": set_vocab({"zz": 2**32}),
        "negative id": set_vocab({"zz": -1}),
        "an id twice": set_vocab({"zz": 0}),
        "merge of unknown tokens": lambda it: it["model"]["merges"].append(["qqq", "zzz"]),
        "merge to an unknown token": lambda it: it["model"]["merges"].append(["a", "%"]),
        "merge of one": lambda it: it["model"]["merges"].append(["a"]),
        "a byte missing": lambda it: it["model"]["vocab"].pop("a"),
        "two special tokens with an id": lambda it: it["added_tokens"][0].update(id=it["added_tokens"][1]["id"]),
        "a special token twice": lambda it: it["added_tokens"].append(dict(it["added_tokens"][0])),
        "a special token without text": lambda it: it["added_tokens"][0].update(content=""),
        "unknown normalizer": lambda it: it.update(normalizer={"type": "Uppercase"}),
        "a pattern that does not compile": lambda it: _set_pattern(it["pre_tokenizer"], "(("),
        "dropout": lambda it: it["model"].update(dropout=0.1),
        "not a vocabulary": lambda it: it["model"].update(vocab=[1, 2]),
    }


def _set_pattern(node: object, pattern: str) -> None:
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        if isinstance(value, dict) and "Regex" in value:
            value["Regex"] = pattern
        _set_pattern(value, pattern)


@pytest.mark.parametrize("lie", _hostile())
def test_a_hostile_file_is_refused(tok_json: Path, tmp_path: Path, lie: str) -> None:
    content = json.loads(tok_json.read_text())
    change = _hostile()[lie]
    assert callable(change)
    change(content)
    path = tmp_path / "hostile.json"
    path.write_text(json.dumps(content))
    with pytest.raises(eurotok.Error) as caught:
        eurotok.load(path)
    if lie != "a pattern that does not compile":
        assert "hostile.json" in str(caught.value)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_truncated_file_is_refused(tok: Tokenizer, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    tok.save(path)
    whole = path.read_bytes()
    middle = whole.index(b" ", len(whole) // 2)  # in .tiktoken, between a token and its rank
    for size in (0, 1, middle) if ending == ".tiktoken" else (0, 1, middle, len(whole) - 3):
        path.write_bytes(whole[:size])
        with pytest.raises(eurotok.Error, match=r"x\."):
            eurotok.load(path)


@given(noise=st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(eurotok.Error):
        Tokenizer(noise, "noise")


@pytest.mark.parametrize("kind", [Tokenizer, eurotok.Counts])
def test_every_public_name_is_documented(kind: type) -> None:
    names = [name for name in dir(kind) if not name.startswith("_")]
    assert {"encode", "decode"} <= set(names) or {"add_files", "save"} <= set(names)
    # What a class holds as data is described in its source, where documentation finds it.
    data = {"card", "chat_template", "stated_roles"}
    assert [name for name in names if name not in data and not getattr(kind, name).__doc__] == []
