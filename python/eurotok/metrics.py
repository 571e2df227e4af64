"""What prices say: one function a metric, with its formula, its unit and where it comes from.

Every function takes the last axis as the one it sums over (sentences, then languages) and keeps the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def tokens_per_sentence(counts: ArrayLike) -> NDArray[np.float64]:
    r"""Price of a text: the mean number of tokens of its sentences.

    .. math:: p = \frac{1}{n} \sum_{i=1}^{n} t_i

    Parameters
    ----------
    counts
        Integers, shape (..., sentences): tokens of each sentence.

    Returns
    -------
    NDArray[np.float64]
        Shape (...), in tokens per sentence. Comparable between languages only if the sentences are the same ones in
        each; Petrov et al. (2023), "Language Model Tokenizers Introduce Unfairness Between Languages", compare so.

    Examples
    --------
    >>> tokens_per_sentence([[10, 20], [20, 40]]).tolist()
    [15.0, 30.0]
    """
    return np.asarray(np.asarray(counts, dtype=np.float64).mean(axis=-1))


def surcharge(price: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """How much dearer a language is than the language of reference, for the same content.

    .. math:: s_l = p_l / p_{ref} - 1

    Parameters
    ----------
    price
        Shape (...): tokens per sentence of the languages.
    reference
        Tokens per sentence of the reference, under the same tokenizer; broadcast against `price`.

    Returns
    -------
    NDArray[np.float64]
        Shape (...), without unit: 0.25 is a quarter dearer. One less than the "premium" of Petrov et al. (2023).

    Examples
    --------
    >>> surcharge([15.0, 30.0], 20.0).tolist()
    [-0.25, 0.5]
    """
    return np.asarray(price, dtype=np.float64) / np.asarray(reference, dtype=np.float64) - 1.0


def gini(values: ArrayLike) -> NDArray[np.float64]:
    r"""How unequal the prices are: the Gini coefficient.

    .. math:: G = \frac{\sum_i \sum_j |x_i - x_j|}{2 n \sum_i x_i}

    Parameters
    ----------
    values
        Shape (..., languages): prices, positive.

    Returns
    -------
    NDArray[np.float64]
        Shape (...), from 0 (all equal) to 1 - 1/n (one bears all). Foroutan et al. (2025), "Parity-Aware Byte-Pair
        Encoding", measure tokenizers so; the coefficient is of Gini (1912).

    Examples
    --------
    >>> float(gini([1.0, 1.0, 1.0])), float(gini([1.0, 3.0]))
    (0.0, 0.25)
    """
    # Sorted, the double sum of |x_i - x_j| is 2 * sum_i (2 i - n - 1) x_i with i from 1.
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=-1)
    n = ordered.shape[-1]
    weights = 2.0 * np.arange(1, n + 1) - n - 1
    return np.asarray((ordered * weights).sum(axis=-1) / (n * ordered.sum(axis=-1)))
