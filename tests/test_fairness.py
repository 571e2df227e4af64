"""Training that heeds what languages pay."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import eurotok
from eurotok import Counts, Tokenizer
from eurotok.pricing.metrics import gini
from eurotok.pricing.parallel_text import OFFICIAL, load_sentences

SIZE = 1500


def prices(tok: Tokenizer, folder: Path) -> dict[str, int]:
    """Tokens of the parallel text in each language."""
    text = load_sentences(folder, OFFICIAL)
    return {language: int(tok.count_batch(list(sentences)).sum()) for language, sentences in text.items()}


def spread(prices: Mapping[str, int]) -> float:
    return float(gini(np.array(list(prices.values()), dtype=float)))


@pytest.fixture(scope="module")
def counts(sample: Path) -> Counts:
    return eurotok.count(sample)


@pytest.fixture(scope="module")
def fair(counts: Counts, sample: Path) -> Tokenizer:
    return eurotok.train(counts, vocab_size=SIZE, parallel=sample, fairness=10)


def test_the_knob_goes_from_cheap_to_equal(counts: Counts, sample: Path, fair: Tokenizer) -> None:
    toks = [eurotok.train(counts, vocab_size=SIZE, parallel=sample, fairness=f) for f in (0, 2, 30)]
    paid = [prices(tok, sample) for tok in (toks[0], toks[1], fair, toks[2])]
    spreads = [spread(each) for each in paid]
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[-1] < spreads[0] / 3
    totals = [sum(each.values()) for each in paid]
    assert totals[0] == min(totals)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_threads_change_nothing(counts: Counts, sample: Path, fair: Tokenizer, threads: int) -> None:
    assert eurotok.train(counts, vocab_size=SIZE, parallel=sample, threads=threads) == fair


def test_the_result_is_an_ordinary_tokenizer(fair: Tokenizer, tmp_path: Path) -> None:
    fair.save(tmp_path / "tokenizer.json")
    assert eurotok.load(tmp_path / "tokenizer.json") == fair
    assert fair.vocab_size == SIZE


def test_targets_are_what_languages_pay_in_proportion(counts: Counts, sample: Path) -> None:
    for target in (0.8, 0.9):
        tok = eurotok.train(counts, vocab_size=SIZE, parallel=sample, fairness=100, target={"en": target})
        paid = prices(tok, sample)
        others = [price for language, price in paid.items() if language != "en"]
        assert paid["en"] / np.mean(others) == pytest.approx(target, rel=0.03)


def test_without_parallel_text_targets_are_of_tokens_per_byte(counts: Counts, sample: Path) -> None:
    tok = eurotok.train(counts, vocab_size=SIZE, fairness=100, target={"el": 0.6, "bg": 0.6})
    sizes = counts.bytes
    per_byte = {language: price / sizes[language] for language, price in prices(tok, sample).items()}
    others = [price for language, price in per_byte.items() if language not in ("el", "bg")]
    assert per_byte["el"] / np.mean(others) == pytest.approx(0.6, rel=0.05)


def test_text_without_a_price_keeps_its_share(counts: Counts, sample: Path) -> None:
    code = Counts(counts.scheme)
    code.add_texts("code", [Path(__file__).read_text(encoding="utf-8")])
    both = counts + code
    with pytest.raises(ValueError, match=r"parallel: no text for \"code\".*share"):
        eurotok.train(both, vocab_size=SIZE, parallel=sample)
    text = Path(__file__).read_text(encoding="utf-8")
    tokens = [
        eurotok.train(both, vocab_size=SIZE, parallel=sample, shares={"code": share}).count(text) for share in (0, 1, 8)
    ]
    assert tokens[0] > tokens[1] > tokens[2]


def test_a_language_that_is_not_trained_on_is_not_priced(counts: Counts, sample: Path, fair: Tokenizer) -> None:
    parallel = Counts(counts.scheme)
    for language, sentences in load_sentences(sample, OFFICIAL).items():
        parallel.add_texts(language, sentences)
    parallel.add_texts("tlh", ["nuqneH"] * 100)
    assert eurotok.train(counts, vocab_size=SIZE, parallel=parallel) == fair


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fairness": -1.0}, "fairness: -1"),
        ({"fairness": float("nan")}, "fairness: NaN"),
        ({"fairness": float("inf")}, "fairness: inf"),
        ({"target": {"en": 0.0}}, 'target: 0 for "en"'),
        ({"target": {"en": float("nan")}}, 'target: NaN for "en"'),
        ({"target": {"tlh": 1.0}}, 'target: "tlh"'),
        ({"parallel": Counts("gpt2")}, r'parallel: split by "gpt2", the counts by "europe"'),
        ({"parallel": Counts("europe")}, "parallel: no text"),
    ],
)
def test_arguments_outside_their_domain(
    counts: Counts, sample: Path, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(eurotok.Error, match=message):
        eurotok.train(counts, vocab_size=SIZE, **({"parallel": sample} | arguments))  # type: ignore[arg-type]


def test_fairness_needs_to_know_what_languages_pay(counts: Counts) -> None:
    with pytest.raises(ValueError, match="parallel"):
        eurotok.train(counts, vocab_size=SIZE, fairness=1)


def test_parallel_text_that_is_not_parallel(tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    parallel = tmp_path / "parallel"
    for folder in (texts, parallel):
        folder.mkdir()
    for language in ("de", "fr"):
        (texts / f"{language}.txt").write_text("abc abd\n" * 9)
    with pytest.raises(eurotok.CorpusError, match="no languages"):
        eurotok.train(texts, vocab_size=260, parallel=parallel)
    (parallel / "it.txt").write_text("uno\n")
    with pytest.raises(eurotok.CorpusError, match="no text for de, fr; there is it"):
        eurotok.train(texts, vocab_size=260, parallel=parallel)
    (parallel / "de.txt").write_text("eins\nzwei\n")
    with pytest.raises(ValueError, match='no text for "fr"'):
        eurotok.train(texts, vocab_size=260, parallel=parallel)
    (parallel / "fr.txt").write_text("un\n")
    with pytest.raises(eurotok.CorpusError, match=r"fr\.txt: 1 lines, but .*de\.txt has 2"):
        eurotok.train(texts, vocab_size=260, parallel=parallel)
    (parallel / "fr.txt").write_text("un\n\n")
    with pytest.raises(eurotok.CorpusError, match=r"fr\.txt: line 2 is empty"):
        eurotok.train(texts, vocab_size=260, parallel=parallel)
    (parallel / "fr.txt").write_text("un\ndeux\n")
    assert eurotok.train(texts, vocab_size=260, parallel=parallel).vocab_size == 260
