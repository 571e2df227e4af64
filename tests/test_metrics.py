"""Formulas against figures worked out by hand, and against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurotok import intervals, metrics

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
    low, high = intervals.interval(intervals.weighted_means(values, intervals.resample(4000)))
    assert [low[0], high[0]] == pytest.approx([0.5 - 1.96 * 0.5 / 4000**0.5, 0.5 + 1.96 * 0.5 / 4000**0.5], abs=0.002)


def test_draws_are_shared_by_all() -> None:
    counts = np.array([[3, 1, 4, 1, 5], [6, 2, 8, 2, 10]])
    means = intervals.weighted_means(counts, intervals.resample(5))
    assert means[:, 1] == pytest.approx(2 * means[:, 0]), "paired: a ratio that never varies has no interval"
