"""Counting: text in any form → counts of its pieces."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from eurotok import _core, defaults
from eurotok._core import Counts
from eurotok.corpus import is_parquet, read_texts
from eurotok.literals import Errors, Scheme
from eurotok.pricing.parallel_text import warn_of_names
from eurotok.progress import Report, reporting
from eurotok.sizes import bytes_of
from eurotok.sources import Given, Source, Texts, by_language

DEFAULT_SCHEME = defaults.SCHEME


def count_pieces(
    source: Source,
    scheme: Scheme = DEFAULT_SCHEME,
    *,
    memory: int | str | None = None,
    threads: int | None = None,
    errors: Errors = "strict",
    progress: bool | Report = False,
) -> Counts:
    """Split text into pieces and count them, per language.

    `eurotok.count` is the same function by its first name. Tokens are counted by `Tokenizer.count`.

    Parameters
    ----------
    source
        A folder (see `eurotok.corpus.find_languages`), files or texts by language (`{"fr": "fr.txt", "de": [...]}`), or
        files or texts alone: a column, or any iterable of `str`. Strings are files if all of them name files that
        exist; if only some do, it is an error. See `eurotok.sources.Source`.
    scheme
        The splitting rule: a name of `eurotok.schemes()` or a regex.
    memory
        About how much memory to take, in bytes or as `"4GB"`: the rest goes to a temporary file. 100 MB and 30 MB for
        each thread are always enough. By default there is no limit. The result does not depend on it.
    threads
        How many threads to use; by default all cores. The result does not depend on it.
    errors
        `"strict"`, or `"replace"` to put U+FFFD where a file is not UTF-8.
    progress
        Whether to show the progress on a terminal, or a function of (stage, done, total) to call.

    Returns
    -------
    Counts
        Can be saved, loaded, added to one another, and trained on. Texts in memory that have a language are added
        with `Counts.add_texts`.

    Raises
    ------
    OSError
        If a file cannot be read.
    CorpusError
        If a file is not what its name says, naming the byte or line at fault, or if there is no text at all.
    TypeError
        If the source holds no texts, such as a table. The message says what to pass instead.
    ValueError
        If some of its texts are names of files; if the scheme is empty.
    ImportError
        If a file is parquet and pyarrow is absent.

    Examples
    --------
    >>> counts = count_pieces(["the cat, the hat"])
    >>> counts.languages, counts.bytes, counts.unique
    (['und'], {'und': 16}, {'und': 5})
    """
    given = by_language(source, errors)
    warn_of_names(given)
    return count_given(given, scheme, memory, threads, errors, progress)


count = count_pieces


def counted(
    source: Counts | Source,
    scheme: Scheme | None = None,
    *,
    memory: int | str | None = None,
    threads: int | None = None,
    errors: Errors = "strict",
    progress: bool | Report = False,
) -> Counts:
    """Give counts back, and count anything else. Parameters and errors are the same as in `count_pieces`.

    Raises
    ------
    ValueError
        If counts were made with another scheme than the one that is given.
    """
    given = source if isinstance(source, Counts) else by_language(source, errors)
    return count_given(given, outline(given, scheme, DEFAULT_SCHEME)[0], memory, threads, errors, progress)


def count_given(
    given: Counts | Given,
    scheme: Scheme,
    memory: int | str | None,
    threads: int | None,
    errors: Errors,
    progress: bool | Report,
) -> Counts:
    """Count text whose languages are known; give counts back."""
    if isinstance(given, Counts):
        return given
    counts = Counts(scheme, memory=limit_of(memory))
    with reporting(progress) as report:
        files = {language: paths for language, paths in given.items() if not isinstance(paths, Texts)}
        add_files(counts, files, threads=threads, errors=errors, report=report)
        for language, texts in given.items():
            if isinstance(texts, Texts):
                for batch in texts.present():
                    counts.add_texts(language, batch, threads=threads)
    if not any(counts.bytes.values()):
        raise _core.CorpusError("the source holds no text")
    return counts


def add_files(
    counts: Counts,
    languages: Mapping[str, Sequence[Path]],
    *,
    threads: int | None = None,
    errors: Errors = "strict",
    report: Report | None = None,
) -> None:
    """Count the files of each language into `counts`. Parameters and errors are the same as in `count_pieces`."""
    sizes = {language: sum(map(_size, paths)) for language, paths in languages.items()}
    before = 0
    for language, paths in languages.items():
        stage = None if report is None else _part(report, f"counting {language}", before, sum(sizes.values()))
        for path in filter(is_parquet, paths):
            for batch in read_texts(path, errors):
                counts.add_texts(language, batch, threads=threads)
        others = [os.fspath(path) for path in paths if not is_parquet(path)]
        if others:
            counts.add_files(language, others, threads=threads, errors=errors, progress=stage)
        before += sizes[language]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # whoever reads it says what is wrong
        return 0


def _part(report: Report, stage: str, before: int, total: int) -> Report:
    """Report progress as `before` plus the part that is done, of `total`."""
    return lambda _, done, __: report(stage, before + done, total)


def stand_in(scheme: Scheme, languages: Iterable[str]) -> Counts:
    """Make counts of these languages from which nothing can be learnt.

    Training on them is a rehearsal: it raises at once the errors that it would raise after hours of counting, and
    returns the tokenizer before its first merge.

    Parameters
    ----------
    scheme
        The splitting rule: a name of `eurotok.schemes()` or a regex.
    languages
        The languages to be counted.

    Examples
    --------
    >>> from eurotok import train
    >>> train(stand_in("gpt2", ["fr"]), vocab_size=65_536).vocab_size
    256
    """
    counts = Counts(scheme)
    for language in languages:
        counts.add_texts(language, ["a"], threads=1)
    return counts


def count_sentences(sentences: Mapping[str, Sequence[str]], scheme: Scheme, threads: int | None = None) -> Counts:
    """Count parallel text, to steer training by it."""
    counts = Counts(scheme)
    for language, lines in sentences.items():
        counts.add_texts(language, lines, threads=threads)
    return counts


def outline(given: Counts | Given, scheme: Scheme | None, default: str) -> tuple[str, list[str]]:
    """Give the scheme and the languages of the text to train on, without counting it."""
    if not isinstance(given, Counts):
        return default if scheme is None else scheme, list(given)
    if scheme is not None and scheme != given.scheme:
        raise ValueError(f"scheme: the counts were made with {given.scheme!r}, not {scheme!r}")
    return given.scheme, given.languages


def limit_of(memory: int | str | None) -> int | None:
    """Give a limit of memory in bytes."""
    try:
        return None if memory is None else bytes_of(memory)
    except ValueError as error:
        raise ValueError(f"memory: {error}") from None
