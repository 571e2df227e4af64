"""Formulas against figures worked out by hand, and against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurotok import metrics

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
