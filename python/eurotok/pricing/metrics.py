"""Metrics of prices: one function a metric, with its formula, its unit and its source.

Every function sums over the last axis (sentences, then languages) and keeps the other axes.
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
    """Compute the surcharge of a language over the language of reference, for the same content.

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


def over_reference(price: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """Compute the tokens of a tokenizer for each token of another one, for the same sentences and language.

    .. math:: q_t = p_t / p_{ref}

    Parameters
    ----------
    price
        Shape (...): tokens per sentence under the tokenizers.
    reference
        Tokens per sentence under the tokenizer of reference, in the same language; broadcast against `price`.

    Returns
    -------
    NDArray[np.float64]
        Shape (...), without unit: 1.15 is 15 % more tokens. A surcharge does not say this: a tokenizer that is
        expensive in all languages has small surcharges.

    Examples
    --------
    >>> over_reference([23.0, 18.0], 20.0).tolist()
    [1.15, 0.9]
    """
    return np.asarray(price, dtype=np.float64) / np.asarray(reference, dtype=np.float64)


def gini(values: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the inequality of the prices: the Gini coefficient.

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


def ratio(tokens: ArrayLike, units: ArrayLike) -> NDArray[np.float64]:
    r"""Tokens per unit of text, over a whole text: the ratio of the sums, not the mean of ratios.

    .. math:: r = \sum_i t_i / \sum_i u_i

    With words it is the *fertility* of Rust et al. (2021), "How Good is Your Tokenizer?". A word stands between white
    space and holds a letter or a digit. Punctuation at its ends does not belong to the word (but its tokens are
    counted): `l'école`, `2,5` and `Mont-Blanc` are one word each.

    Parameters
    ----------
    tokens
        Shape (..., sentences): tokens of each sentence.
    units
        Words, bytes or characters of each sentence; broadcast against `tokens`.

    Returns
    -------
    NDArray[np.float64]
        Shape (...), in tokens per unit; NaN if there are no units.

    Examples
    --------
    >>> float(ratio([3, 5], [1, 3]))
    2.0
    """
    return quotient(np.asarray(tokens, dtype=np.float64).sum(axis=-1), np.asarray(units, dtype=np.float64).sum(axis=-1))


def units_per_token(tokens: ArrayLike, units: ArrayLike) -> NDArray[np.float64]:
    r"""Compression: bytes or characters (code points) per token, over a whole text.

    .. math:: c = \sum_i u_i / \sum_i t_i

    Bytes are bytes of UTF-8, so letters outside ASCII count two or three; characters do not favour any script. See
    Zouhar et al. (2023), "Tokenization and the Noiseless Channel", on compression as a measure.

    Parameters
    ----------
    tokens
        Shape (..., sentences): tokens of each sentence.
    units
        Bytes or characters of each sentence; broadcast against `tokens`.

    Returns
    -------
    NDArray[np.float64]
        Shape (...), in units per token.

    Examples
    --------
    >>> float(units_per_token([2, 2], [6, 10]))
    4.0
    """
    return 1.0 / ratio(tokens, units)


def byte_adjusted_premium(
    price: ArrayLike, reference: ArrayLike, size: ArrayLike, reference_size: ArrayLike
) -> NDArray[np.float64]:
    r"""Premium that is left when the length of the language in bytes is taken out.

    .. math:: a_l = \frac{p_l / p_{ref}}{b_l / b_{ref}}

    The denominator is the *byte premium* of Arnett et al. (2024), "A Bit of a Problem: Measurement Disparities in
    Dataset Sizes Across Languages".

    Parameters
    ----------
    price, reference
        Tokens per sentence of the languages and of the reference.
    size, reference_size
        Bytes per sentence of the same.

    Returns
    -------
    NDArray[np.float64]
        Without unit: 1 means as many bytes per token as the reference, 2 half as many.

    Examples
    --------
    >>> float(byte_adjusted_premium(30.0, 20.0, 180.0, 90.0))
    0.75
    """
    lengthening = np.asarray(size, dtype=np.float64) / np.asarray(reference_size, dtype=np.float64)
    return np.asarray((1.0 + surcharge(price, reference)) / lengthening)


def parity(counts: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    r"""Tokenizer parity: the mean over sentences of tokens over the tokens of the same sentence in the reference.

    .. math:: q_l = \frac{1}{n} \sum_i t_{l,i} / t_{ref,i}

    Every sentence weighs the same, where the surcharge weighs them by their length. Petrov et al. (2023), "Language
    Model Tokenizers Introduce Unfairness Between Languages".

    Parameters
    ----------
    counts
        Shape (..., sentences): tokens of each sentence.
    reference
        The same of the reference; broadcast against `counts`.

    Returns
    -------
    NDArray[np.float64]
        Shape (...), without unit: 1 is parity. NaN if a sentence of the reference has no tokens.

    Examples
    --------
    >>> float(parity([2, 6], [1, 2]))
    2.5
    """
    return np.asarray(quotient(counts, reference).mean(axis=-1))


def worst(surcharges: ArrayLike) -> NDArray[np.float64]:
    r"""Largest surcharge of any language.

    .. math:: w = \max_l s_l

    Parameters
    ----------
    surcharges
        Shape (..., languages): surcharges of the languages other than the reference.

    Returns
    -------
    NDArray[np.float64]
        Shape (...), without unit; NaN if there is no language. The max-min view of fairness, for which
        Foroutan et al. (2025), "Parity-Aware Byte-Pair Encoding", train.

    Examples
    --------
    >>> float(worst([0.25, 1.0, 0.5]))
    1.0
    """
    values = np.asarray(surcharges, dtype=np.float64)
    return np.asarray(values.max(axis=-1)) if values.shape[-1] else np.full(values.shape[:-1], np.nan)


def p90(surcharges: ArrayLike) -> NDArray[np.float64]:
    r"""Surcharge that nine languages of ten stay below: the 90th percentile, interpolated linearly.

    .. math:: q = s_{(k)} + (h - k) (s_{(k+1)} - s_{(k)}), \quad h = 0.9 (n - 1) + 1, \; k = \lfloor h \rfloor

    Parameters
    ----------
    surcharges
        Shape (..., languages): surcharges of the n languages other than the reference; :math:`s_{(k)}` is the k-th
        smallest.

    Returns
    -------
    NDArray[np.float64]
        Shape (...), without unit; NaN if there is no language. Type 7 of Hyndman and Fan (1996), "Sample Quantiles in
        Statistical Packages". Every language weighs the same, however many speak it.

    Examples
    --------
    >>> float(p90([0.0, 1.0]))
    0.9
    """
    values = np.asarray(surcharges, dtype=np.float64)
    return np.asarray(np.quantile(values, 0.9, axis=-1)) if values.shape[-1] else np.full(values.shape[:-1], np.nan)


def continued_words(parts: ArrayLike) -> float:
    r"""Share of words that several tokens make up.

    .. math:: c = |\{w : t_w > 1\}| / |\{w\}|

    Parameters
    ----------
    parts
        Integers, shape (words,): the tokens that each word of a text has bytes in, words as in `ratio`. A token that
        also holds the space or the punctuation beside a word is one of its tokens.

    Returns
    -------
    float
        Without unit, from 0 to 1; NaN if there are no words. The "proportion of continued words" of Rust et al. (2021),
        "How Good is Your Tokenizer?".

    Examples
    --------
    >>> continued_words([1, 3, 1, 2])
    0.5
    """
    return _share(np.asarray(parts) > 1)


def single_token_words(parts: ArrayLike, forms: ArrayLike) -> float:
    r"""Share of the distinct words of a text that are one token at least once.

    .. math:: s = |\{v : \min_{w \in v} t_w = 1\}| / |\{v\}|, \quad v \text{ the occurrences of a word}

    Words are distinct if they are spelt differently, by case, too. `continued_words` weighs a word by how often it
    occurs; this tells how much of the lexicon the vocabulary covers.

    Parameters
    ----------
    parts
        Integers, shape (words,): as in `continued_words`.
    forms
        Integers from 0 on, shape (words,): the number of the distinct word that each is.

    Returns
    -------
    float
        Without unit, from 0 to 1; NaN if there are no words. After Acs (2019), "Exploring BERT's Vocabulary".

    Examples
    --------
    >>> single_token_words([1, 3, 1, 2], [0, 1, 2, 2])
    0.6666666666666666
    """
    parts, forms = np.asarray(parts), np.asarray(forms, dtype=np.int64)
    single = np.zeros(forms.max(initial=-1) + 1, dtype=bool)
    single[forms[parts == 1]] = True
    return _share(single)


def cut_tokens(cut: ArrayLike) -> float:
    r"""Share of the tokens of a text that begin or end inside a character (a code point).

    .. math:: x = |\{t : t \text{ is not whole characters}\}| / |\{t\}|

    A token that is not whole characters means nothing by itself, and a model that stops at one has not written valid
    text.

    Parameters
    ----------
    cut
        Booleans, shape (tokens,): whether each token begins or ends inside a character.

    Returns
    -------
    float
        Without unit, from 0 to 1; NaN if there are no tokens. Land and Bartolo (2024), "Fishing for Magikarp", call
        these tokens partial UTF-8 sequences.

    Examples
    --------
    >>> cut_tokens([True, True, False, False])
    0.5
    """
    return _share(cut)


def exact_sentences(exact: ArrayLike) -> float:
    r"""Round-trip exactness: the share of sentences that decode to themselves, code point by code point.

    .. math:: e = |\{s : \mathrm{decode}(\mathrm{encode}(s)) = s\}| / |\{s\}|

    Parameters
    ----------
    exact
        Booleans, shape (sentences,).

    Returns
    -------
    float
        Without unit, from 0 to 1. The measure is of this package; byte-level tokenizers are made to reach 1 (Radford et
        al., 2019, "Language Models are Unsupervised Multitask Learners").

    Examples
    --------
    >>> exact_sentences([True, False])
    0.5
    """
    return _share(exact)


def vocabulary_used(used: ArrayLike, vocab_size: ArrayLike) -> NDArray[np.float64]:
    r"""Share of the vocabulary that occurs in a text.

    .. math:: u = |\{t \in V : f_t > 0\}| / |V|

    It grows with the text: compare tokenizers on the same one only.

    Parameters
    ----------
    used
        Shape (...): how many different tokens occur.
    vocab_size
        Size of the vocabulary, special tokens included; 0 if it is not known.

    Returns
    -------
    NDArray[np.float64]
        Shape (...), without unit, from 0 to 1; NaN where the size is not known. The measure is of this package.

    Examples
    --------
    >>> vocabulary_used([50, 7], [200, 0]).tolist()
    [0.25, nan]
    """
    return quotient(used, vocab_size)


def quotient(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    """Divide; NaN where the divisor is 0.

    Examples
    --------
    >>> quotient([1, 1], [4, 0]).tolist()
    [0.25, nan]
    """
    part, whole = np.broadcast_arrays(np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64))
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0))


def _share(of: ArrayLike) -> float:
    which = np.asarray(of, dtype=bool)
    return float(quotient(np.count_nonzero(which), which.size))


def renyi_efficiency(frequencies: ArrayLike, vocab_size: int, alpha: float = 2.5) -> float:
    r"""Compute how evenly the vocabulary is used: the Rényi entropy of the tokens over its largest possible value.

    .. math:: E = \frac{1}{(1 - \alpha) \log |V|} \log \sum_t p_t^\alpha

    Zouhar et al. (2023), "Tokenization and the Noiseless Channel", found :math:`\alpha = 2.5` to predict the quality of
    machine translation best. Vocabularies of different sizes compare only with care.

    Parameters
    ----------
    frequencies
        Shape (tokens,): the number of occurrences of each token. Tokens that do not occur may be left out.
    vocab_size
        Size of the vocabulary.
    alpha
        Order of the entropy, positive and not 1.

    Returns
    -------
    float
        Without unit, from 0 (one token only) to 1 (all tokens equally often).

    Examples
    --------
    >>> renyi_efficiency([5, 5, 5, 5], 4), renyi_efficiency([7], 4)
    (1.0, 0.0)
    """
    counted = np.asarray(frequencies, dtype=np.float64)
    if vocab_size < 2 or not counted.sum():
        return float("nan")
    shares = counted / counted.sum()
    return abs(float(np.log((shares**alpha).sum()) / ((1.0 - alpha) * np.log(vocab_size))))


def cost_per_million_words(fertility: ArrayLike, price: float) -> NDArray[np.float64]:
    r"""Money for a million words: :math:`k = f \cdot m`.

    Parameters
    ----------
    fertility
        Tokens per word.
    price
        Money for a million tokens, in any currency.

    Returns
    -------
    NDArray[np.float64]
        Money, in that currency. Words differ between languages: compare tokenizers by this figure, not languages. After
        Ahia et al. (2023), "Do All Languages Cost the Same? Tokenization in the Era of Commercial Language Models".

    Examples
    --------
    >>> float(cost_per_million_words(1.5, 2.0))
    3.0
    """
    return np.asarray(np.asarray(fertility, dtype=np.float64) * price)


def context_in_words(fertility: ArrayLike, context: int) -> NDArray[np.float64]:
    r"""Words that fit into the context of a model: :math:`w = c / f`.

    Parameters
    ----------
    fertility
        Tokens per word.
    context
        Length of the context in tokens.

    Returns
    -------
    NDArray[np.float64]
        In words. Petrov et al. (2023) compare languages by how much of a text fits into a context.

    Examples
    --------
    >>> float(context_in_words(2.0, 128_000))
    64000.0
    """
    return np.asarray(context / np.asarray(fertility, dtype=np.float64))
