"""Formulas against figures worked out by hand, and against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurotok.pricing import bootstrap, metrics

prices = st.lists(st.floats(0.1, 1e6), min_size=1, max_size=30)


def test_by_hand() -> None:
    counts = [[[1, 2, 3], [2, 4, 6]], [[5, 5, 5], [5, 5, 5]]]
    price = metrics.tokens_per_sentence(counts)
    assert price.tolist() == [[2.0, 4.0], [5.0, 5.0]]
    assert metrics.surcharge(price, price[:, [0]]).tolist() == [[0.0, 1.0], [0.0, 0.0]]
    # |2 - 4| counted both ways, over 2 * 2 * (2 + 4).
    assert metrics.gini(price) == pytest.approx([4 / 24, 0.0])


@given(prices)
def test_gini_is_its_definition(values: list[float]) -> None:
    x = np.array(values)
    definition = np.abs(x[:, None] - x[None, :]).sum() / (2 * len(x) * x.sum())
    assert metrics.gini(x) == pytest.approx(definition, abs=1e-9)


@given(prices, st.floats(0.01, 100))
def test_gini_has_no_unit(values: list[float], scale: float) -> None:
    assert metrics.gini(np.array(values) * scale) == pytest.approx(metrics.gini(values), abs=1e-9)


def test_ratios_are_of_sums() -> None:
    tokens, words = [[2, 10], [4, 4]], [1, 4]
    assert metrics.ratio(tokens, words).tolist() == [12 / 5, 8 / 5]
    assert metrics.units_per_token(tokens, words).tolist() == [5 / 12, 5 / 8]
    assert metrics.parity(tokens, [1, 2]).tolist() == [3.5, 3.0]
    assert np.isnan(metrics.ratio([1], [0]))


def test_byte_adjusted_premium_takes_out_length() -> None:
    # Greek: twice the tokens for 1.8 times the bytes. The same tokens for twice the bytes is half of English.
    assert metrics.byte_adjusted_premium([20.0, 10.0], 10.0, [180.0, 200.0], 100.0) == pytest.approx([2 / 1.8, 0.5])


def test_parity_weighs_sentences_alike() -> None:
    tokens, english = np.array([2, 300]), np.array([1, 100])
    assert metrics.parity(tokens, english) == 2.5
    price = metrics.tokens_per_sentence([tokens, english])
    assert metrics.surcharge(price[0], price[1]) == pytest.approx(302 / 101 - 1), "the surcharge goes by length"
    assert np.isnan(metrics.parity([2, np.nan], [1, 1]))


def test_shares_of_words_and_tokens() -> None:
    parts, forms = [1, 3, 1, 2, 2], [0, 1, 2, 2, 3]
    assert metrics.continued_words(parts) == 3 / 5
    assert metrics.single_token_words(parts, forms) == 2 / 4, "0 and 2, which is two tokens elsewhere"
    assert np.isnan([metrics.continued_words([]), metrics.single_token_words([], []), metrics.cut_tokens([])]).all()
    assert metrics.exact_sentences([True, True, False]) == 2 / 3
    assert np.isnan(metrics.vocabulary_used(3, 0))


def test_money_and_context() -> None:
    # 1.8 tokens a word at 2.50 a million: 4.50 a million words; 128,000 tokens hold 71,111 words.
    assert metrics.cost_per_million_words(1.8, 2.5) == pytest.approx(4.5)
    assert metrics.context_in_words([1.8, 1.0], 128_000) == pytest.approx([71_111.1, 128_000], abs=0.1)


def test_renyi_efficiency_by_hand() -> None:
    # Shares 1/2, 1/4, 1/4 and order 2: -log2(1/4 + 1/16 + 1/16) over log2(8).
    assert metrics.renyi_efficiency([2, 1, 1], 8, alpha=2.0) == pytest.approx(-np.log2(6 / 16) / 3)
    # Order 2.5: 2^-2.5 + 2 * 4^-2.5 = 0.1767767 + 0.0625 = 0.2392767; -ln / 1.5 / ln 8.
    assert metrics.renyi_efficiency([2, 1, 1], 8) == pytest.approx(1.430135 / 1.5 / 2.0794415, abs=1e-6)
    assert np.isnan(metrics.renyi_efficiency([], 8))


def test_p90_is_over_languages() -> None:
    # 23 languages: the 90th percentile lies at 0.9 * 22 = 19.8, between the 20th and the 21st.
    surcharges = np.arange(23) ** 2 / 100
    assert metrics.p90(surcharges) == pytest.approx(3.61 + 0.8 * (4.0 - 3.61))


def test_worst_and_p90() -> None:
    surcharges = [0.1 * n for n in range(11)]
    assert float(metrics.worst(surcharges)) == 1.0
    assert float(metrics.p90(surcharges)) == pytest.approx(0.9)
    assert np.isnan(metrics.worst(np.zeros((3, 0)))).all()
    assert np.isnan(metrics.p90(np.zeros((3, 0)))).shape == (3,)


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=50))
def test_renyi_efficiency_is_its_definition(frequencies: list[int]) -> None:
    shares = np.array(frequencies) / sum(frequencies)
    entropy = np.log((shares**2.5).sum()) / (1 - 2.5)
    assert metrics.renyi_efficiency(frequencies, 64) == pytest.approx(entropy / np.log(64), abs=1e-12)


def test_intervals_of_a_mean() -> None:
    # The mean of n draws from 0 and 1 is normal with deviation 0.5 / sqrt(n): 95 % within 1.96 of these.
    values = np.array([[0, 1] * 2000])
    low, high = bootstrap.interval(bootstrap.weighted_means(values, bootstrap.resample(4000)))
    assert [low[0], high[0]] == pytest.approx([0.5 - 1.96 * 0.5 / 4000**0.5, 0.5 + 1.96 * 0.5 / 4000**0.5], abs=0.002)


def test_draws_are_shared_by_all() -> None:
    counts = np.array([[3, 1, 4, 1, 5], [6, 2, 8, 2, 10]])
    means = bootstrap.weighted_means(counts, bootstrap.resample(5))
    assert means[:, 1] == pytest.approx(2 * means[:, 0]), "paired: a ratio that never varies has no interval"
