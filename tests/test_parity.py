"""Parity-aware BPE against `tokenizers`, whose `ParityBpeTrainer` is its reference in Rust."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

import eurotok
from eurotok import Counts, Parity
from eurotok.corpus import read_text
from eurotok.pricing.parallel_text import load_sentences
from eurotok.training.parity import Variant

LANGUAGES = ("de", "el", "en", "fi", "fr")
Texts = Mapping[str, Sequence[str]]
Model = tuple[list[list[str]], dict[str, int]]


def theirs(texts: Texts, dev: Texts | None, merges: int, ratio: Mapping[str, float] | None = None, **how: Any) -> Model:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.ParityBpeTrainer(num_merges=merges, initial_alphabet=alphabet, show_progress=False, **how)
    prices: dict[str, Any] = {}
    if dev is not None:
        prices["dev_iterators"] = [iter(dev[language]) for language in sorted(dev)]
    if ratio is not None:
        prices["ratio"] = [ratio[language] for language in sorted(texts)]
    trainer.train_from_iterator(tokenizer, [iter(texts[language]) for language in sorted(texts)], **prices)
    return model(tokenizer.to_str())


def ours(texts: Texts, dev: Texts | None, size: int, parity: Parity, **how: Any) -> Model:
    counts = counts_of(texts)
    parallel = None if dev is None else counts_of(dev)
    tok = eurotok.train(counts, vocab_size=size, parallel=parallel, parity=parity, **how)
    return model(tok.to_bytes("json").decode())


def counts_of(texts: Texts) -> Counts:
    counts = Counts("gpt2")
    for language, lines in texts.items():
        counts.add_texts(language, lines)
    return counts


def model(tokenizer: str) -> Model:
    data = json.loads(tokenizer)["model"]
    return [merge.split(" ") if isinstance(merge, str) else merge for merge in data["merges"]], data["vocab"]


@pytest.fixture(scope="module")
def text(sample: Path) -> Texts:
    return load_sentences(sample, LANGUAGES)


@pytest.mark.parametrize(
    ("parity", "how"),
    [
        (Parity(), {}),
        (Parity("window"), {"variant": "window"}),
        (
            Parity("window", window_size=7, alpha=1.5),
            {"variant": "window", "window_size": 7, "alpha": 1.5},
        ),
        (Parity(global_merges=200), {"global_merges": 200}),
    ],
    ids=["base", "window", "a small window", "hybrid"],
)
@pytest.mark.parametrize("with_dev", [True, False])
def test_merges_are_theirs(text: Texts, parity: Parity, how: dict[str, Any], with_dev: bool) -> None:
    dev = {language: lines[::3] for language, lines in text.items()} if with_dev else None
    expected = theirs(text, dev, 1000, **how)
    assert len(expected[0]) == 1000
    assert ours(text, dev, 1256, parity, min_frequency=0) == expected


@pytest.mark.parametrize(("variant", "alpha"), [("base", 2.0), ("window", 1.2)])
def test_merges_by_ratio_are_theirs(text: Texts, variant: Any, alpha: float) -> None:
    ratio = {language: 1 + 0.3 * place for place, language in enumerate(LANGUAGES)}
    expected = theirs(text, None, 1000, ratio, variant=variant, alpha=alpha)
    assert ours(text, None, 1256, Parity(variant, alpha=alpha, ratio=ratio), min_frequency=0) == expected


def test_merges_of_real_text_are_theirs(corpus: Path) -> None:
    def lines(path: Path, end: int) -> list[str]:
        return read_text(path).encode()[:end].decode(errors="ignore").splitlines()

    texts = {language: lines(corpus / "train" / f"{language}.txt.zst", 100_000) for language in LANGUAGES}
    dev = {language: lines(corpus / "parallel" / "ntrex" / f"{language}.txt.zst", 20_000) for language in LANGUAGES}
    variants: tuple[Variant, ...] = ("base", "window")
    for variant in variants:
        expected = theirs(texts, dev, 2000, variant=variant)
        assert ours(texts, dev, 2256, Parity(variant), min_frequency=0) == expected


def words(alphabet: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.text(alphabet, min_size=1, max_size=20), min_size=1, max_size=12)


@given(
    texts=st.one_of(*(st.tuples(*[words(alphabet)] * 3) for alphabet in ("ab", "abc", "abcdef", "aé€b"))),
    dev=st.none() | st.tuples(*[words("abcde")] * 3),
    merges=st.integers(1, 60),
    global_merges=st.sampled_from([0, 5]),
    min_frequency=st.integers(0, 4),
    max_token_length=st.none() | st.integers(2, 8),
)
def test_merges_of_any_text_are_theirs(
    texts: Sequence[list[str]],
    dev: Sequence[list[str]] | None,
    merges: int,
    global_merges: int,
    min_frequency: int,
    max_token_length: int | None,
) -> None:
    by_language = dict(zip("abc", texts, strict=True))
    dev_by_language = None if dev is None else dict(zip("abc", dev, strict=True))
    how: dict[str, Any] = {"min_frequency": min_frequency, "max_token_length": max_token_length}
    expected = theirs(by_language, dev_by_language, merges, global_merges=global_merges, **how)
    got = ours(by_language, dev_by_language, len(expected[1]), Parity(global_merges=global_merges), **how)
    assert got[1] == expected[1]
    # Theirs goes on to merges that make known tokens.
    assert got[0] == expected[0][: len(got[0])]


STUCK = """
from tests.test_parity import theirs
theirs({"aa": ["abcdefghijk"] * 9, "bb": ["xy"] * 3}, None, 12, variant="window", window_size=2, alpha=1.0)
"""


def test_a_window_over_few_languages_comes_to_an_end() -> None:
    """Theirs does not: with `bb` exhausted and `aa` above the threshold, it looks for a language for ever."""
    texts = {"aa": ["abcdefghijk"] * 9, "bb": ["xy"] * 3}
    merges, _ = ours(texts, None, 268, Parity("window", window_size=2, alpha=1.0))
    assert merges[:3] == [["j", "k"], ["i", "jk"], ["x", "y"]]
    assert len(merges) == 11
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", STUCK], cwd=Path(__file__).parents[1], timeout=10, check=False)


def test_a_vocabulary_has_the_size_asked_for() -> None:
    """Theirs counts merges, so a merge that makes the text of a special token leaves it short."""
    texts = {"aa": ["ababab"] * 9, "bb": ["cdcdcd"] * 3}
    expected, vocab = theirs(texts, None, 4, special_tokens=["ab"])
    assert (len(expected), len(vocab)) == (4, 256 + 1 + 3)
    merges, vocab = ours(texts, None, 256 + 1 + 4, Parity(), special_tokens=["ab"])
    assert merges[:4] == expected
    assert len(vocab) == 256 + 1 + 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"parity": "other"}, "parity: 'other'"),
        ({"parity": Parity("window", window_size=0)}, "window_size"),
        ({"parity": Parity("window", window_size=-1)}, "window_size"),
        ({"parity": Parity("window", alpha=0.0)}, "alpha"),
        ({"parity": Parity("window", alpha=float("nan"))}, "alpha"),
        ({"parity": Parity(ratio={"aa": 1.0})}, 'ratio: there is none for "bb"'),
        ({"parity": Parity(ratio={"aa": 1.0, "bb": 0.0})}, "ratio: 0"),
        ({"parity": Parity(ratio={"aa": 1.0, "bb": 1.0, "cc": 1.0})}, 'ratio: "cc"'),
        ({"parity": "base", "fairness": 1.0, "target": {"aa": 1.0}}, "parity"),
        ({"parity": "base", "shares": {"aa": 2.0}}, "shares"),
        ({"parity": "base", "parallel": counts_of({"aa": ["a"]})}, 'parallel: no text for "bb"'),
        ({"parity": Parity(ratio={"aa": 1, "bb": 1}), "parallel": counts_of({"aa": ["a"], "bb": ["b"]})}, "ratio"),
    ],
)
def test_arguments_outside_their_domain(arguments: dict[str, Any], message: str) -> None:
    counts = counts_of({"aa": ["ab"], "bb": ["cd"]})
    with pytest.raises(ValueError, match=message):
        eurotok.train(counts, vocab_size=300, **arguments)
