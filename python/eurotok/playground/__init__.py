"""A page to paste text into, which shows its tokens, and the tokens of one sentence in many languages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from string import Template
from threading import Lock
from typing import Any, get_args

from eurotok import escape
from eurotok.output.report.tokens import cuts
from eurotok.output.report.wording import HOME, PageLanguage, wording
from eurotok.pricing.adapters import Encoder, run
from eurotok.pricing.measure import token_bytes
from eurotok.pricing.parallel_text import REFERENCE, ParallelText, load_parallel

MOST_BYTES = 1 << 20
"""Bytes of the longest question, and so of the longest text."""

MOST_SHOWN = 5_000
"""The number of tokens whose borders are shown. Further tokens are only counted."""


class QuestionError(ValueError):
    """A question that cannot be answered, with the reason."""


@dataclass(frozen=True)
class Playground:
    """The questions of the page.

    Attributes
    ----------
    encoders
        The tokenizers, by the names that the page shows.
    counted
        Others, which know the sample alone.
    language
        The language of the page; None for the language that the browser asks for.
    """

    encoders: Mapping[str, Encoder]
    counted: Mapping[str, Encoder] = field(default_factory=dict)
    language: PageLanguage | None = None
    # The tokenizers of other libraries may not know of threads.
    _one_at_a_time: Lock = field(default_factory=Lock, repr=False)

    @cached_property
    def sample(self) -> ParallelText:
        """The sentences in many languages."""
        return load_parallel()

    @cached_property
    def _all(self) -> list[Encoder]:
        return [*self.encoders.values(), *self.counted.values()]

    def tokens(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Answer for a text: `{"text": str, "tokenizers": [places of tokenizers]}`.

        Raises
        ------
        QuestionError
            If the question is another one.

        Examples
        --------
        >>> playground = Playground({"characters": Encoder("characters", lambda texts: [len(it) for it in texts])})
        >>> playground.tokens({"text": "été", "tokenizers": [0]})
        {'results': [{'count': 3, 'cuts': [], 'ids': []}]}
        """
        text = question.get("text")
        if not isinstance(text, str) or re.search("[\ud800-\udfff]", text):
            raise QuestionError("text: it must be a string of Unicode characters")
        chosen = self._chosen(question, len(self.encoders))
        return {"results": [self._cut(encoder, [text])[0] for encoder in chosen]}

    def sentence(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Answer for a sentence of the sample: `{"sentence": place, "tokenizers": [places of tokenizers]}`.

        Raises
        ------
        QuestionError
            If the question is another one.
        """
        place = question.get("sentence")
        last = len(self.sample.sentences[REFERENCE]) - 1
        if not isinstance(place, int) or not 0 <= place <= last:
            raise QuestionError(f"sentence: it must be a number from 0 to {last}")
        sentences = [self.sample.sentences[language][place] for language in self.sample.languages]
        chosen = self._chosen(question, len(self._all))
        return {"sentences": sentences, "results": [self._cut(encoder, sentences) for encoder in chosen]}

    def _chosen(self, question: Mapping[str, Any], count: int) -> list[Encoder]:
        places = question.get("tokenizers")
        if (
            not isinstance(places, list)
            or len(places) > count
            or not all(type(it) is int and 0 <= it < count for it in places)
        ):
            raise QuestionError(f"tokenizers: it must be a list of numbers below {count}, each once")
        return [self._all[place] for place in places]

    def _cut(self, encoder: Encoder, texts: Sequence[str]) -> list[dict[str, Any]]:
        with self._one_at_a_time:
            encoded = run(encoder, texts)
            results: list[dict[str, Any]] = []
            for place, text in enumerate(texts):
                if message := encoded.failures.get(place):
                    results.append({"failed": escape.terminal(message)})
                    continue
                result: dict[str, Any] = {"count": int(encoded.counts[place]), "cuts": [], "ids": []}
                if encoded.ids is not None and encoder.token is not None:
                    tokens = token_bytes(encoder, encoded.ids[place])
                    data = text.encode()
                    if b"".join(tokens) in (data, b" " + data):
                        shown = slice(0, MOST_SHOWN)
                        result |= {"cuts": cuts(tokens[shown], text), "ids": encoded.ids[place][shown].tolist()}
                results.append(result)
            return results

    def page(self, accepted: str = "") -> str:
        """Write the page.

        Parameters
        ----------
        accepted
            The languages that a browser asks for: the header `Accept-Language`.
        """
        words = wording(self.language or preferred(accepted))
        texts = words.texts["playground"]
        languages = self.sample.languages
        values = {"languages": words.number(len(languages)), "home": HOME}
        # The script fills in the texts with other blanks.
        html = {
            name: text.format_map(values)
            for name, text in texts.items()
            if set(re.findall(r"\{(\w+)\}", text)) <= values.keys()
        }
        data = {
            "language": words.language,
            "texts": {**words.texts["script"], **texts},
            "percent": words.texts["form"]["percent"],
            "tokenizers": list(self.encoders),
            "counted": list(self.counted),
            "codes": languages,
            "languages": [words.heading(it) for it in languages],
            "reference": languages.index(REFERENCE),
            "sentences": self.sample.sentences[REFERENCE],
            "examples": self.sample.sentences[words.language],
            "limit": MOST_BYTES,
            "shown": MOST_SHOWN,
        }
        template = Template((resources.files(__name__) / "page.html").read_text(encoding="utf-8"))
        return template.substitute(html, lang=words.language, data=escape.script(data))


def preferred(accepted: str) -> PageLanguage:
    """Choose the language of the page by the header `Accept-Language`; English if it names none that there is.

    Examples
    --------
    >>> preferred("it,fr-CA;q=0.8,de;q=0.9"), preferred("")
    ('de', 'en')
    """
    known: dict[str, PageLanguage] = {it: it for it in get_args(PageLanguage)}
    asked: list[tuple[float, PageLanguage]] = []
    for entry in accepted[:1000].split(","):
        found = re.fullmatch(r"\s*([A-Za-z]{2})(?:-[\w-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*", entry)
        if found and found[1].lower() in known:
            asked.append((-float(found[2] or 1), known[found[1].lower()]))
    return min(asked, key=lambda it: it[0], default=(0.0, "en"))[1]
