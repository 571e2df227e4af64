"""Parallel text: the same sentences in many languages."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

from eurotok import _core
from eurotok.corpus import read_lines
from eurotok.languages import LANGUAGE_NAMES as LANGUAGE_NAMES
from eurotok.languages import OFFICIAL as OFFICIAL
from eurotok.languages import code_of_name, meant, resolve
from eurotok.languages import language_name as language_name
from eurotok.literals import Errors
from eurotok.sequences import several
from eurotok.sources import UNDETERMINED, Source, Texts, by_language

REFERENCE = "en"
"""The language with which the other languages are compared."""

SOURCE = "en-src"
"""The English that a parallel text was translated from, where it has that and other Englishes."""

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
"""The embedded parallel text: some dozen sentences in each official language, written for this package."""


SAMPLE_NAME = "the embedded sample"
"""Its name."""

SAMPLE_SOURCE = "Written for eurotok in 2026, under its licence (MIT or Apache-2.0)"
"""Where the embedded sample is from."""


@dataclass(frozen=True)
class ParallelText:
    """The same sentences in several languages.

    Attributes
    ----------
    name
        Where the text is from: the name of its folder.
    sentences
        The sentences of each language, equally many. English is the English that the text was translated from.
    missing
        Official languages that the text lacks.
    source
        Where it is from, of which year and under which licence, in a few words.
    """

    name: str
    sentences: Mapping[str, Sequence[str]]
    missing: tuple[str, ...] = ()
    source: str = ""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages, in alphabetical order."""
        return tuple(sorted(self.sentences))

    def part(self, which: slice) -> ParallelText:
        """Take some of the sentences, the same ones in each language."""
        return ParallelText(
            self.name, {lang: text[which] for lang, text in self.sentences.items()}, self.missing, self.source
        )


Parallel = Source | ParallelText
"""Parallel text: as `eurotok.sources.Source` has it, or loaded already."""


def load_parallel(
    source: Parallel | None = None,
    languages: Iterable[str] | Literal["all"] | None = None,
    errors: Errors = "strict",
) -> ParallelText:
    """Load parallel text: sentence i is the same one in every language.

    Parameters
    ----------
    source
        A folder (see `eurotok.corpus.find_languages`), or files or sentences by language; by default the embedded
        sample. A sentence is a line of a text file, or a record of JSON Lines or parquet.
    languages
        The languages to take, by their code in any form (`fr`, `FR`, `fra`), or `"all"`. By default the official
        languages; but all languages if only English is official, or if the source is a dict by language. English is
        taken in any case, from `en-src` where there is one.
    errors
        `"strict"`, or `"replace"` to put U+FFFD where a file is not UTF-8.

    Returns
    -------
    ParallelText

    Raises
    ------
    OSError
        If a file cannot be read.
    CorpusError
        If English or a language asked for is not there, a line is empty, or the numbers of lines differ.
    TypeError, ValueError
        If the source is none, as for `eurotok.sources.by_language`.

    Examples
    --------
    >>> load_parallel({"en": ["One."], "fr": ["Un."]}).languages
    ('en', 'fr')
    """
    if languages is not None and languages != "all":
        several("languages", languages)
    if isinstance(source, ParallelText):
        return source
    given = _given(SAMPLE if source is None else source, errors)
    origin = SAMPLE_NAME if source is None else name_of(source)
    if REFERENCE not in given:
        raise _core.CorpusError(f"{origin}: no English text ({REFERENCE} or {SOURCE}) to compare with")
    official = set(OFFICIAL) & set(given)
    missing: tuple[str, ...] = ()
    if languages == "all" or (languages is None and (official == {REFERENCE} or isinstance(source, Mapping))):
        wanted = set(given)
    elif languages is None:
        wanted = official
        missing = tuple(lang for lang in OFFICIAL if lang not in given)
    else:
        wanted = {REFERENCE, *(resolve(language, given) for language in languages)}
        if absent := sorted(wanted - set(given)):
            there = f"there is {', '.join(sorted(given))}{meant(absent[0], given)}"
            raise _core.CorpusError(f"{origin}: no text for {', '.join(absent)}; {there}")
    sentences = _aligned({language: given[language] for language in sorted(wanted)}, origin, errors)
    name = Path(source).resolve().name if isinstance(source, (str, os.PathLike)) else origin
    return ParallelText(name, sentences, missing, SAMPLE_SOURCE if source is None else "")


def load_sentences(
    source: Parallel, languages: Iterable[str], errors: Errors = "strict"
) -> Mapping[str, Sequence[str]]:
    """Load parallel text in some languages, or in the ones of them that it has.

    Parameters
    ----------
    source
        As for `load_parallel`.
    languages
        Which languages to take; English from `en-src` where there is one.
    errors
        `"strict"`, or `"replace"` to put U+FFFD where a file is not UTF-8.

    Returns
    -------
    mapping of str to sequence of str
        The sentences of each language, equally many.

    Raises
    ------
    OSError
        If a file cannot be read.
    CorpusError
        If none of the languages is there, a line is empty, or the numbers of lines differ.
    TypeError, ValueError
        If the source is none, as for `eurotok.sources.by_language`.
    """
    wanted = sorted(set(several("languages", languages)))
    if isinstance(source, ParallelText):
        there = source.languages
        found = {language: resolve(language, there) for language in wanted}
        sentences = {language: source.sentences[name] for language, name in found.items() if name in there}
    else:
        given = _given(source, errors)
        there = tuple(sorted(given))
        found = {language: resolve(language, given) for language in wanted}
        taken = {language: given[name] for language, name in found.items() if name in given}
        sentences = _aligned(taken, name_of(source), errors) if taken else {}
    if not sentences:
        raise _core.CorpusError(f"{name_of(source)}: no text for {', '.join(wanted)}; there is {', '.join(there)}")
    return sentences


def _given(source: Source, errors: Errors) -> dict[str, list[Path] | Texts]:
    """Tell the languages of a source by their usual codes. English is the English that the text was translated from."""
    if isinstance(source, _core.Counts):
        raise TypeError("parallel text: Counts hold no sentences: pass the text that they were made from")
    given = by_language(source, errors)
    warn_of_names(given)
    if isinstance(given.get(UNDETERMINED), Texts) and not isinstance(source, Mapping):
        raise TypeError("parallel text: texts without languages: pass {language: sentences}")
    if SOURCE in given:
        given[REFERENCE] = given.pop(SOURCE)
    for language in list(given):
        code = language if code_of_name(language) else resolve(language, LANGUAGE_NAMES)
        if code not in given:
            given[code] = given.pop(language)
    return given


def warn_of_names(languages: Iterable[str]) -> None:
    """Warn of languages that are called by their name instead of their code: `french.txt` is not known to be French.

    Examples
    --------
    >>> warn_of_names(["fr", "fra_Latn", "code"])
    """
    for language in languages:
        if code := code_of_name(language):
            warnings.warn(
                f"{language!r} is no language code: call the text {code} (such as {code}.txt), or it is not known to "
                f"be {LANGUAGE_NAMES[code]}",
                stacklevel=2,
            )


def name_of(source: Parallel) -> str:
    """Name parallel text, for errors and records.

    Examples
    --------
    >>> name_of("sentences/"), name_of({"en": ["One."]})
    ('sentences/', 'text in memory')
    """
    if isinstance(source, ParallelText):
        return source.name
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else "text in memory"


def _aligned(given: Mapping[str, list[Path] | Texts], origin: str, errors: Errors) -> dict[str, Sequence[str]]:
    """Read sentences, and see that none is empty and all languages have equally many."""
    places = {
        language: f"{origin}, {language}" if isinstance(members, Texts) else ", ".join(map(str, members))
        for language, members in given.items()
    }
    sentences = {language: _sentences(members, places[language], errors) for language, members in given.items()}
    reference = REFERENCE if REFERENCE in sentences else min(sentences)
    expected = len(sentences[reference])
    for language, lines in sentences.items():
        if len(lines) != expected:
            raise _core.CorpusError(
                f"{places[language]}: {len(lines)} lines, but {places[reference]} has {expected}; "
                "line i must be the same sentence in every file"
            )
    if not expected:
        raise _core.CorpusError(f"{places[reference]}: no sentences")
    return dict(sentences)


def _sentences(members: list[Path] | Texts, place: str, errors: Errors) -> list[str]:
    if isinstance(members, Texts):
        return _without_gaps(chain.from_iterable(members.batches), place)
    return [line for path in members for line in _without_gaps(read_lines(path, errors), str(path))]


def _without_gaps(lines: Iterable[str | None], place: str) -> list[str]:
    """Refuse an empty line: without it, all that follow would stand beside another sentence than their own."""
    sentences = []
    for number, line in enumerate(lines, 1):
        if line is None or not line.strip():
            raise _core.CorpusError(f"{place}: line {number} is empty")
        sentences.append(line)
    return sentences
