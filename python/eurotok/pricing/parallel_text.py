"""Parallel text: the same sentences in many languages."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eurotok import _core
from eurotok.corpus import StrPath, find_languages, read_lines

# fmt: off
OFFICIAL = (
    "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr",
    "hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv",
)
# fmt: on
"""The 24 official languages of the European Union."""

# fmt: off
LANGUAGE_NAMES = {
    "be": "Belarusian", "bg": "Bulgarian", "bs": "Bosnian", "ca": "Catalan", "cs": "Czech", "cy": "Welsh",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "en-GB": "English (UK)", "es": "Spanish",
    "es-MX": "Spanish (Mexico)", "et": "Estonian", "eu": "Basque", "fi": "Finnish", "fo": "Faroese", "fr": "French",
    "fr-CA": "French (Canada)", "ga": "Irish", "gl": "Galician", "hr": "Croatian", "hu": "Hungarian", "is": "Icelandic",
    "it": "Italian", "lb": "Luxembourgish", "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian", "mt": "Maltese",
    "nb": "Norwegian Bokmål", "nl": "Dutch", "nn": "Norwegian Nynorsk", "pl": "Polish", "pt": "Portuguese",
    "pt-BR": "Portuguese (Brazil)", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian",
    "sq": "Albanian", "sr": "Serbian", "sr-Latn": "Serbian (Latin)", "sv": "Swedish", "tr": "Turkish",
    "uk": "Ukrainian",
}
# fmt: on
"""English names of languages, by the code that their file has."""

REFERENCE = "en"
"""The language that the others are compared with."""

SOURCE = "en-src"
"""The English that a parallel text was translated from, where it has that and other Englishes."""

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
"""The embedded parallel text: some dozen sentences in each official language, written for this package."""


def language_name(language: str) -> str:
    """Give the English name of a language, or its code if it is not known.

    Examples
    --------
    >>> language_name("mt"), language_name("tlh")
    ('Maltese', 'tlh')
    """
    return LANGUAGE_NAMES.get(language, language)


@dataclass(frozen=True)
class ParallelText:
    """The same sentences in several languages.

    Attributes
    ----------
    name
        Where the text is from: the name of its folder.
    sentences
        The sentences of each language, equally many; English is that which the text was translated from.
    missing
        Official languages that the text lacks.
    """

    name: str
    sentences: Mapping[str, Sequence[str]]
    missing: tuple[str, ...] = ()

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages, in alphabetical order."""
        return tuple(sorted(self.sentences))

    def part(self, which: slice) -> ParallelText:
        """Take some of the sentences, the same ones in each language."""
        return ParallelText(self.name, {lang: text[which] for lang, text in self.sentences.items()}, self.missing)


def load_parallel(
    folder: StrPath | None = None, languages: Iterable[str] | Literal["all"] | None = None, errors: str = "strict"
) -> ParallelText:
    """Load parallel text: line i is the same sentence in every file.

    Parameters
    ----------
    folder
        As `eurotok.corpus.find_languages` has it; by default the embedded sample.
    languages
        Which languages to take, or `"all"`; by default the official ones, or all if English is the only official one
        there. English is taken in any case, from `en-src` where there is one.
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
    """
    name = "the embedded sample" if folder is None else os.fspath(folder)
    files = find_languages(SAMPLE if folder is None else folder)
    if SOURCE in files:
        files[REFERENCE] = files.pop(SOURCE)
    if REFERENCE not in files:
        raise _core.CorpusError(f"{name}: no English text (en or en-src) to compare with")
    official = set(OFFICIAL) & set(files)
    missing: tuple[str, ...] = ()
    if languages == "all" or (languages is None and official == {REFERENCE}):
        wanted = set(files)
    elif languages is None:
        wanted = official
        missing = tuple(lang for lang in OFFICIAL if lang not in files)
    else:
        wanted = {REFERENCE, *languages}
        if absent := sorted(wanted - set(files)):
            raise _core.CorpusError(f"{name}: no text for {', '.join(absent)}; there is {', '.join(sorted(files))}")
    sentences = {}
    for language in sorted(wanted):
        sentences[language] = [line for path in files[language] for line in read_lines(path, errors)]
    _check_aligned(sentences, _places(files))
    return ParallelText(name if folder is None else Path(folder).resolve().name, sentences, missing)


def load_sentences(folder: StrPath, languages: Iterable[str], errors: str = "strict") -> dict[str, Sequence[str]]:
    """Load parallel text in some languages, or those of them that it has.

    Parameters
    ----------
    folder
        As `eurotok.corpus.find_languages` has it.
    languages
        Which languages to take; English from `en-src` where there is one.
    errors
        `"strict"`, or `"replace"` to put U+FFFD where a file is not UTF-8.

    Returns
    -------
    dict of str to sequence of str
        The sentences of each language, equally many.

    Raises
    ------
    OSError
        If a file cannot be read.
    CorpusError
        If none of the languages is there, a line is empty, or the numbers of lines differ.
    """
    files = find_languages(folder)
    if SOURCE in files:
        files[REFERENCE] = files.pop(SOURCE)
    wanted = sorted(set(languages))
    sentences: dict[str, Sequence[str]] = {
        language: [line for path in files[language] for line in read_lines(path, errors)]
        for language in wanted
        if language in files
    }
    if not sentences:
        raise _core.CorpusError(
            f"{os.fspath(folder)}: no text for {', '.join(wanted)}; there is {', '.join(sorted(files))}"
        )
    _check_aligned(sentences, _places(files))
    return sentences


def parallel(sentences: Mapping[str, Sequence[str]], name: str = "text in memory") -> ParallelText:
    """Take parallel text from memory: sentence i is the same one in every language.

    Raises
    ------
    CorpusError
        If there is no English, a sentence is empty, or the numbers of sentences differ.

    Examples
    --------
    >>> parallel({"en": ["One."], "fr": ["Un."]}).languages
    ('en', 'fr')
    """
    if REFERENCE not in sentences:
        raise _core.CorpusError(f"{name}: no English text ({REFERENCE}) to compare with")
    _check_aligned(sentences, {language: f"{name}, {language}" for language in sentences})
    return ParallelText(name, sentences)


def _places(files: Mapping[str, Sequence[Path]]) -> dict[str, str]:
    return {language: ", ".join(map(str, paths)) for language, paths in files.items()}


def _check_aligned(sentences: Mapping[str, Sequence[str]], places: Mapping[str, str]) -> None:
    reference = REFERENCE if REFERENCE in sentences else min(sentences)
    expected = len(sentences[reference])
    for language, lines in sentences.items():
        if len(lines) != expected:
            raise _core.CorpusError(
                f"{places[language]}: {len(lines)} lines, but {places[reference]} has {expected}; "
                "line i must be the same sentence in every file"
            )
        for number, line in enumerate(lines, 1):
            if not line.strip():
                raise _core.CorpusError(f"{places[language]}: line {number} is empty")
    if not expected:
        raise _core.CorpusError(f"{places[reference]}: no sentences")
