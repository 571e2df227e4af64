"""Every figure of a comparison, and how certain it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from eurotok.pricing import bootstrap, metrics, steering
from eurotok.pricing.adapters import Encoded, Encoder
from eurotok.pricing.measure import SHARES, Text, Usage
from eurotok.pricing.parallel_text import REFERENCE, ParallelText

Floats = NDArray[np.float64]

FEW = 30
"""Sentences below which a bootstrap says little."""

ENOUGH = 300
"""Sentences below which differences between tokenizers prove nothing yet."""

FIRST_FEW = 3
"""Languages that a note names before it only counts them."""


PROBLEMS = {
    "missing": "Not in the text: {languages}.",
    "single": "A single sentence: no intervals, and no verdict.",
    "rough": "Only {sentences} sentences: the intervals are rough, and no verdict.",
    "few": "Only {sentences} sentences: too few for conclusions; compare on {enough} or more.",
    "steered": (
        "{name} was trained with this text as its parallel text ({share} % of the sentences that it remembers are "
        "here): its prices are better here than on other text. Compare on text that did not steer its training, such "
        "as the other half that 'eurotok split-parallel' makes."
    ),
    "fails": (
        "{name} fails on {count} of {sentences} sentences in {language}, which has no price under it "
        "(sentence {first}: {message})."
    ),
    "lossy": "{name} is lossy: {places} do not decode to the same text.",
    "apart": "{name}: the tokens of {places} do not join to the text: no figures of its words.",
    "places": "sentences {places}",
    "place": "{count} in {language} (first {first})",
    "more": " and others in {count} languages",
}
"""The texts of findings, by their kind; the last three are parts of sentences."""


class Finding:
    """Something that a reader of the figures must know.

    Parameters
    ----------
    kind
        One of `PROBLEMS`.
    places
        The places of sentences, by language, if it is about some.
    values
        The names and numbers in the sentence.
    """

    def __init__(self, kind: str, places: Mapping[str, Sequence[int]] | None = None, **values: object) -> None:
        self.kind, self.places, self.values = kind, places or {}, values

    def told(
        self,
        texts: Mapping[str, str] = PROBLEMS,
        number: Callable[[int], str] = "{:,}".format,
        language: Callable[[str], str] = str,
    ) -> str:
        """Say it in a sentence.

        Parameters
        ----------
        texts
            The sentences, by kind.
        number, language
            Functions that write numbers and names of languages.
        """

        def written(name: str, value: object) -> str:
            if isinstance(value, int):
                return number(value)
            if isinstance(value, tuple):
                return ", ".join(map(language, value))
            return language(str(value)) if name == "language" else str(value)

        values = {name: written(name, value) for name, value in self.values.items()}
        few = [
            texts["place"].format(count=number(len(each)), language=language(code), first=number(each[0] + 1))
            for code, each in self.places.items()
        ]
        more = texts["more"].format(count=number(len(few) - FIRST_FEW)) if len(few) > FIRST_FEW else ""
        places = texts["places"].format(places=", ".join(few[:FIRST_FEW]) + more) if few else ""
        return texts[self.kind].format(places=places, **values)


@dataclass(frozen=True)
class Figures:
    """Tokens that each tokenizer spends on the same sentences in each language, and all that follows from them.

    Shapes are (tokenizers, languages) unless said otherwise. A tokenizer that fails on a sentence has no price (NaN) in
    that language, and no mean, worst, p90 and Gini: `problems` says so.

    Attributes
    ----------
    tokenizers
        Names of the tokenizers.
    text
        The sentences.
    counts
        int64, shape (tokenizers, languages, sentences): tokens of each sentence, -1 where the tokenizer failed; the
        languages as in `text.languages`.
    encoders, texts, encoded, usages
        The data of the figures: by tokenizer, by language, and by both.
    price
        Money for a million tokens.
    context
        Length of a context in tokens.
    base
        The number of the reference tokenizer.
    """

    tokenizers: tuple[str, ...]
    text: ParallelText
    counts: NDArray[np.int64]
    encoders: tuple[Encoder, ...]
    texts: tuple[Text, ...]
    encoded: tuple[tuple[Encoded, ...], ...]
    usages: tuple[tuple[Usage, ...], ...]
    price: float = 1.0
    context: int = 128_000
    base: int = 0

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages, in alphabetical order."""
        return self.text.languages

    @property
    def sentences(self) -> int:
        """Number of sentences."""
        return int(self.counts.shape[2])

    @cached_property
    def prices(self) -> Floats:
        """Tokens per sentence."""
        return self._priced(metrics.tokens_per_sentence(self.counts))

    @cached_property
    def surcharges(self) -> Floats:
        """Surcharge over English under the same tokenizer: 0.25 is a quarter dearer."""
        return self._over_english(self.prices)

    @cached_property
    def over_reference(self) -> Floats:
        """The ratio of the tokens to the tokens of the reference tokenizer for the same sentences."""
        return metrics.over_reference(self.prices, self.prices[[self.base]])

    @cached_property
    def over_reference_mean(self) -> Floats:
        """The ratio of the tokens of all languages to the tokens of the reference tokenizer: shape (tokenizers,)."""
        price = self.prices.mean(axis=1)
        return metrics.over_reference(price, price[[self.base]])

    @cached_property
    def mean(self) -> Floats:
        """Mean surcharge of the languages other than English: shape (tokenizers,); NaN if there are none."""
        return _mean(self._others(self.surcharges))

    @cached_property
    def worst(self) -> Floats:
        """Largest surcharge of the languages other than English: shape (tokenizers,); NaN if there are none."""
        return metrics.worst(self._others(self.surcharges))

    @cached_property
    def p90(self) -> Floats:
        """Surcharge that nine of ten languages other than English stay below: shape (tokenizers,); NaN if none."""
        return metrics.p90(self._others(self.surcharges))

    @cached_property
    def gini(self) -> Floats:
        """Gini coefficient of the prices of all languages, English too: shape (tokenizers,)."""
        return metrics.gini(self.prices)

    @cached_property
    def vocabulary_used(self) -> Floats:
        """Share of the vocabulary that occurs in any of the languages: shape (tokenizers,); NaN if not known."""
        used = [len(np.unique(np.concatenate([each.used for each in row]))) for row in self.usages]
        sizes = [
            each.vocab_size if each.vocab_size and count else 0 for each, count in zip(self.encoders, used, strict=True)
        ]
        return metrics.vocabulary_used(used, sizes)

    @cached_property
    def figures(self) -> dict[str, Floats]:
        """Every figure of a language under a tokenizer, by name: see the function of that name in `metrics`."""
        size = np.array([text.size for text in self.texts])
        characters = np.array([text.characters for text in self.texts])
        fertility = self._priced(metrics.ratio(self.counts, np.array([text.words for text in self.texts])))
        english = self.languages.index(REFERENCE)
        length = metrics.tokens_per_sentence(size)
        return {
            "surcharge": self.surcharges,
            "tokens_per_sentence": self.prices,
            "over_reference": self.over_reference,
            "fertility": fertility,
            "bytes_per_token": self._priced(metrics.units_per_token(self.counts, size)),
            "characters_per_token": self._priced(metrics.units_per_token(self.counts, characters)),
            "byte_adjusted_premium": metrics.byte_adjusted_premium(
                self.prices, self.prices[:, [english]], length, length[english]
            ),
            "parity": metrics.parity(self._known, self._known[:, [english]]),
            "cost_per_million_words": metrics.cost_per_million_words(fertility, self.price),
            "context_in_words": metrics.context_in_words(fertility, self.context),
        } | {name: np.array([[getattr(each, name) for each in row] for row in self.usages]) for name in SHARES}

    @cached_property
    def intervals(self) -> dict[str, Floats]:
        """95 % intervals: shape (2, tokenizers, languages), or (2, tokenizers) for figures over all languages.

        They come from the paired bootstrap over sentences (`eurotok.pricing.bootstrap`). They show the figures that
        another draw of similar sentences could give, not another domain. NaN for a single sentence. Three figures have
        no interval (single-token words, vocabulary used, Rényi efficiency). They depend on the number of different
        words or tokens, and a draw repeats sentences, so it holds fewer of these than the text. Nor has exactness:
        where nothing is lost, no draw would lose anything.
        """
        weights = bootstrap.resample(self.sentences)
        english = self.languages.index(REFERENCE)

        def mean(values: NDArray[np.generic]) -> Floats:
            return bootstrap.weighted_means(values, weights)

        prices = self._priced(mean(self.counts))
        words, size, characters = (
            mean(np.array([getattr(text, unit) for text in self.texts]))[:, None, :]
            for unit in ("words", "size", "characters")
        )
        continued, cut = (
            mean(np.array([[getattr(each, unit) for each in row] for row in self.usages]))
            for unit in ("continued", "cut")
        )
        surcharges = self._over_english(prices)
        others = self._others(surcharges)
        fertility = metrics.quotient(prices, words)
        samples = {
            "tokens_per_sentence": prices,
            "surcharge": surcharges,
            "over_reference": metrics.over_reference(prices, prices[:, [self.base]]),
            "fertility": fertility,
            "bytes_per_token": size / prices,
            "characters_per_token": characters / prices,
            "byte_adjusted_premium": metrics.byte_adjusted_premium(
                prices, prices[..., [english]], size, size[..., [english]]
            ),
            "parity": mean(metrics.quotient(self._known, self._known[:, [english]])),
            "cost_per_million_words": metrics.cost_per_million_words(fertility, self.price),
            "context_in_words": metrics.context_in_words(fertility, self.context),
            "continued_words": metrics.quotient(continued, words),
            "cut_tokens": metrics.quotient(cut, prices),
            "surcharge_mean": _mean(others),
            "over_reference_mean": metrics.over_reference(prices.mean(axis=2), prices.mean(axis=2)[:, [self.base]]),
            "surcharge_worst": metrics.worst(others),
            "surcharge_p90": metrics.p90(others),
            "gini": metrics.gini(prices),
        }
        if self.sentences < 2:
            return {name: np.full((2, *values.shape[1:]), np.nan) for name, values in samples.items()}
        return {name: bootstrap.interval(values) for name, values in samples.items()}

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Warnings for readers of the figures: failures, losses, languages that are missing."""
        found = []
        if self.text.missing:
            found.append(Finding("missing", languages=self.text.missing))
        if self.sentences < 2:
            found.append(Finding("single"))
        elif self.sentences < ENOUGH:
            found.append(Finding("rough" if self.sentences < FEW else "few", sentences=self.sentences, enough=ENOUGH))
        found.extend(self._steered)
        for name, encoded, used in zip(self.tokenizers, self.encoded, self.usages, strict=True):
            failures = {lang: it.failures for lang, it in zip(self.languages, encoded, strict=True) if it.failures}
            for language, places in failures.items():
                (first, message), count = next(iter(places.items())), len(places)
                found.append(
                    Finding(
                        "fails",
                        name=name,
                        count=count,
                        sentences=self.sentences,
                        language=language,
                        first=first + 1,
                        message=message,
                    )
                )
            inexact = {lang: it.inexact for lang, it in zip(self.languages, used, strict=True) if it.inexact}
            if inexact:
                found.append(Finding("lossy", name=name, places=inexact))
            apart = {lang: it.unaligned for lang, it in zip(self.languages, used, strict=True) if it.unaligned}
            if apart and apart != inexact:
                found.append(Finding("apart", name=name, places=apart))
        return tuple(found)

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """The findings, a sentence each."""
        return tuple(finding.told() for finding in self.findings)

    @cached_property
    def steered(self) -> tuple[str, ...]:
        """A sentence for each tokenizer whose training this text steered: its prices are too good here."""
        return tuple(finding.told() for finding in self._steered)

    @cached_property
    def _steered(self) -> tuple[Finding, ...]:
        shares = (steering.known(each.steered_by, self.text.sentences) for each in self.encoders)
        return tuple(
            Finding("steered", name=name, share=max(1, round(100 * share)))
            for name, share in zip(self.tokenizers, shares, strict=True)
            if share
        )

    def flaw(self, t: int) -> str:
        """Tell in a word whether a tokenizer fails on this text or is lossy; an empty text if neither."""
        if any(each.failures for each in self.encoded[t]):
            return "fails"
        return "lossy" if any(each.inexact for each in self.usages[t]) else ""

    @cached_property
    def _known(self) -> Floats:
        """Tokens of each sentence, as `counts`; NaN where the tokenizer failed."""
        return np.where(self.counts < 0, np.nan, self.counts)

    def _priced(self, values: Floats) -> Floats:
        """Take the price from languages in which a tokenizer failed. Shape (..., tokenizers, languages)."""
        return np.where((self.counts < 0).any(axis=2), np.nan, values)

    def _over_english(self, prices: Floats) -> Floats:
        return metrics.surcharge(prices, prices[..., [self.languages.index(REFERENCE)]])

    def _others(self, values: Floats) -> Floats:
        return values[..., [language != REFERENCE for language in self.languages]]

    def notes(self) -> list[str]:
        """Describe the table, and add everything in `problems`."""
        count = "1 sentence" if self.sentences == 1 else f"{self.sentences:,} sentences"
        against = f", × the tokens under {self.tokenizers[self.base]}" if len(self.tokenizers) > 1 else ""
        about = f"Tokens per sentence{against}, and surcharge over English; {count}, {self.text.name}."
        if self.sentences > 1:
            about += " In brackets 95 % intervals (paired bootstrap over sentences)."
        return [about, "The mean, p90 and the worst surcharge leave English out.", *self.problems]


def _mean(values: Floats) -> Floats:
    return np.asarray(values.mean(axis=-1)) if values.shape[-1] else np.full(values.shape[:-1], np.nan)
