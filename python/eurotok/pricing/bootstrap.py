"""Intervals of figures: paired bootstrap over sentences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

REPLICATES = 1000
SEED = 0
LEVEL = 0.95


def resample(sentences: int, replicates: int = REPLICATES, seed: int = SEED) -> NDArray[np.float64]:
    """Draw as many sentences as there are, with replacement, again and again.

    The same draws are used for every language and every tokenizer, which makes the bootstrap *paired*. A sentence that
    is long in one language is long in all, so ratios between languages vary less than prices (Efron and Tibshirani,
    1993; Koehn, 2004, "Statistical Significance Tests for Machine Translation Evaluation").

    Parameters
    ----------
    sentences
        How many sentences the text has.
    replicates
        How many texts to draw.
    seed
        Of the random numbers; the same seed gives the same intervals.

    Returns
    -------
    NDArray[np.float64]
        Shape (replicates, sentences): the weight of each sentence in each draw; every row sums to 1.

    Examples
    --------
    >>> resample(3, 2).sum(axis=1).tolist()
    [1.0, 1.0]
    """
    drawn = np.random.default_rng(seed).multinomial(sentences, np.full(sentences, 1 / sentences), size=replicates)
    return drawn / sentences


def weighted_means(values: NDArray[np.generic], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the mean over sentences in each draw: shape (..., sentences) to (replicates, ...)."""
    flat = values.reshape(-1, values.shape[-1]).astype(np.float64)
    return (weights @ flat.T).reshape(len(weights), *values.shape[:-1])


def interval(samples: NDArray[np.float64], level: float = LEVEL) -> NDArray[np.float64]:
    """Take the percentile interval of a figure.

    Parameters
    ----------
    samples
        Shape (replicates, ...): the figure in each draw.
    level
        How sure the interval is to hold the figure.

    Returns
    -------
    NDArray[np.float64]
        Shape (2, ...): lower and upper end.

    Examples
    --------
    >>> interval(np.arange(101.0)).round(6).tolist()
    [2.5, 97.5]
    """
    return np.asarray(np.quantile(samples, [(1 - level) / 2, (1 + level) / 2], axis=0))
