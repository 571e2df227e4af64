"""Training against `tokenizers`, whose `BpeTrainer` defines the result: merges, ids and ties."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from eurotok import _core
from eurotok.corpus import read_text

Model = dict[str, Any]


def theirs(texts: Iterable[str], vocab_size: int, specials: Sequence[str], **options: Any) -> Model:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(specials),
        initial_alphabet=alphabet,
        show_progress=False,
        **options,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return model(tokenizer.to_str())


def ours(texts: Sequence[str], vocab_size: int, specials: Sequence[str], threads: int | None, **options: Any) -> Model:
    counts = _core.Counts("gpt2")
    counts.add_texts("und", texts, threads=threads)
    trained = _core.train(counts, vocab_size, special_tokens=specials, threads=threads, **options)
    return model(trained.to_bytes("json").decode())


def model(tokenizer: str) -> Model:
    """The vocabulary and the merges of a `tokenizer.json`; of special tokens, which we keep elsewhere, the ids."""
    data = json.loads(tokenizer)
    vocab = data["model"]["vocab"] | {token["content"]: token["id"] for token in data["added_tokens"]}
    merges = data["model"]["merges"]
    return {"vocab": vocab, "merges": [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]}


def words(alphabet: str, longest: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.text(alphabet, min_size=1, max_size=longest), min_size=1, max_size=40)


@given(
    texts=st.one_of(words("ab ", 20), words("abc ", 30), words("a", 60), words("abcdefgh ", 40), words("aé€😀 ", 20)),
    size=st.integers(257, 340),
    specials=st.sampled_from([[], ["<|end|>"], ["ab"], ["b", "<pad>", "aa"]]),
    min_frequency=st.integers(0, 4),
    max_token_length=st.none() | st.integers(0, 8),
    threads=st.sampled_from([1, 2]),
)
def test_merges_are_theirs(
    texts: list[str],
    size: int,
    specials: list[str],
    min_frequency: int,
    max_token_length: int | None,
    threads: int,
) -> None:
    options = {"min_frequency": min_frequency, "max_token_length": max_token_length}
    size += len(specials)
    assert ours(texts, size, specials, threads, **options) == theirs(texts, size, specials, **options)


def test_merges_of_the_sample_are_theirs(sample: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(sample.glob("*.txt"))]
    expected = theirs(texts, 8000, ["<|end|>"], min_frequency=2)
    assert len(expected["merges"]) > 5000
    for threads in (1, 2, 8):
        assert ours(texts, 8000, ["<|end|>"], threads) == expected


@pytest.mark.parametrize("languages", [["en"], ["fr", "hu", "el"], ["bg", "fi", "mt", "pl"]])
def test_merges_of_real_text_are_theirs(corpus: Path, languages: Sequence[str]) -> None:
    files = [str(corpus / "train" / f"{language}.txt.zst") for language in languages]
    texts = [read_text(file).encode()[:300_000].decode(errors="ignore") for file in files]
    expected = theirs(texts, 12_000, [], min_frequency=2)
    assert ours(texts, 12_000, [], None) == expected


def test_growing_and_cutting_are_training(sample: Path) -> None:
    counts = _core.Counts("europe")
    for path in sorted(sample.glob("*.txt")):
        counts.add_files(path.stem, [str(path)])
    small, large = (_core.train(counts, size, special_tokens=["<|end|>"]) for size in (1000, 3000))
    assert _core.extend(small, counts, 3000).to_bytes("json") == large.to_bytes("json")
    assert _core.truncate(large, 1000).to_bytes("json") == small.to_bytes("json")


def test_a_limit_of_memory_changes_nothing(sample: Path) -> None:
    """The rest of this limit for the pieces of the sample, 130 kB of them, takes some phases."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(sample.glob("*.txt"))]
    for options in ({}, {"max_token_length": 6}, {"min_frequency": 5}):
        expected = ours(texts, 2500, ["<|end|>"], None, **options)
        assert ours(texts, 2500, ["<|end|>"], 2, memory=7_000_000, **options) == expected


def test_a_run_goes_on_from_its_checkpoint(sample: Path, tmp_path: Path) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "merges":
            raise KeyboardInterrupt

    counts = _core.Counts("europe")
    counts.add_files("fr", [str(sample / "fr.txt")])
    checkpoint = str(tmp_path / "checkpoint")
    with pytest.raises(KeyboardInterrupt):
        _core.train(counts, 1000, checkpoint=checkpoint, progress=interrupt)
    resumed = _core.train(counts, 1000, checkpoint=checkpoint)
    assert resumed.to_bytes("json") == _core.train(counts, 1000).to_bytes("json")
    with pytest.raises(_core.FormatError, match="checkpoint"):
        _core.train(counts, 1000, min_frequency=3, checkpoint=checkpoint)


def test_ctrl_c_stops_at_the_next_report() -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    counts = _core.Counts("gpt2")
    counts.add_texts("und", ["low lower lowest"])
    with pytest.raises(KeyboardInterrupt):
        _core.train(counts, 1000, progress=interrupt)
