"""Text to measure on: a corpus by language, or the embedded sample, as documents of about 1 kB or as lines."""

from __future__ import annotations

import os
import sysconfig
from base64 import encodebytes
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np

from benches.worker import SEPARATOR
from eurotok.corpus import find_languages, read_texts
from eurotok.pricing.parallel_text import OFFICIAL, SAMPLE

DOCUMENT_BYTES = 1000
MEGABYTE = 1_000_000

SHORT_CHARACTERS, SHORT_TEXTS = 32, 1000

GENERATED = 3
"""Times as much text is generated as there is, in `grown`."""

DRAWN, LINE = 10_000, 20
"""Words drawn at a time, and words of a line."""


@dataclass(frozen=True)
class Source:
    """A folder of text by language: `corpus` (of the environment), `folder` (given by the user) or `sample`."""

    kind: str
    folder: Path


def find_source(folder: Path | None = None) -> Source:
    """Choose the folder given, else that of `EUROTOK_CORPUS`, else the embedded sample."""
    corpus = os.environ.get("EUROTOK_CORPUS")
    if folder is None and not corpus:
        return Source("sample", SAMPLE)
    root = folder or Path(corpus or "")
    return Source("folder" if folder else "corpus", root / "train" if (root / "train").is_dir() else root)


class Texts:
    """Texts by name.

    `mix` is of the 24 official EU languages, or those there are; `joined` the same without spaces; `urls` addresses of
    words of all languages; `base64` random bytes in lines of 76; `short` beginnings of the mix's documents; `quarter` a
    fourth of the mix; `all` everything, `grown` the same and thrice as much of its words recombined; `code` the source
    of Python's standard library; any other name is a language.
    """

    def __init__(self, source: Source, megabytes: float) -> None:
        """Take at most so many megabytes of a language alone, and of each language in a mix the part asked for."""
        self.source = source
        self._files = find_languages(source.folder)
        self._limit = int(megabytes * MEGABYTE)

    @property
    def languages(self) -> list[str]:
        """The official languages that are there, or all if none is."""
        return [lang for lang in self._files if lang in OFFICIAL] or list(self._files)

    def documents(self, name: str, each: float) -> list[str]:
        """Documents of about 1 kB, cut at line ends; those of a mix by turns, `each` megabytes of a language."""
        size = int(each * MEGABYTE)
        if name == "mix":
            columns = [list(cut(self._language(lang, size))) for lang in self.languages]
            return [text for row in zip_longest(*columns) for text in row if text is not None]
        if name == "short":
            texts = (text[:SHORT_CHARACTERS] for text in self.documents("mix", each))
            return [text for text in texts if len(text) == SHORT_CHARACTERS][:SHORT_TEXTS]
        if name == "joined":
            return ["".join(text.split()) for text in self.documents("mix", each)]
        return list(cut(self._text(name, size)))

    def lines(self, name: str, each: float) -> Iterator[str]:
        """Lines to train on: stripped, none empty.

        Between such lines a newline is a piece of its own in the scheme `gpt2`, so that trainers that read line by line
        and those that read on see the same pieces.
        """
        size = int(each * MEGABYTE)
        if name in ("mix", "quarter"):
            size //= 4 if name == "quarter" else 1
            texts: Iterable[str] = (self._language(lang, size) for lang in self.languages)
        elif name == "all":
            texts = (self._language(lang, None) for lang in self._files)
        elif name == "grown":
            texts = (part for lang in self._files for part in grown(self._language(lang, None)))
        elif name == "joined":
            return (line.replace(" ", "") for line in self.lines("mix", each))
        else:
            texts = [self._text(name, size)]
        stripped = (line.strip() for text in texts for line in text.split("\n"))
        return (line for line in stripped if line)

    def _text(self, name: str, size: int) -> str:
        if name == "code":
            return code(self._limit)
        if name == "base64":
            return clip(encodebytes(np.random.default_rng(1).bytes(self._limit)).decode(), self._limit)
        if name == "urls":
            return clip(urls(" ".join(self._language(lang, size) for lang in self.languages)), self._limit)
        return self._language(name, self._limit)

    def _language(self, lang: str, size: int | None) -> str:
        text = "".join(chain.from_iterable(chain.from_iterable(read_texts(path) for path in self._files[lang])))
        return clip(text, size).replace(SEPARATOR, " ")


def grown(text: str) -> Iterator[str]:
    """A text, and thrice as much of its words: by turns one as it is, and the front of one with the back of another.

    That makes words that occur once or a few times, as a corpus of many times the size has them. Words are drawn as
    often as they occur, and the same ones each time.
    """
    yield text
    numbers: dict[str, int] = {}
    occurrences = np.array([numbers.setdefault(word, len(numbers)) for word in text.split()])
    words = list(numbers)
    fronts = [word[: (len(word) + 1) // 2] for word in words]
    backs = [word[(len(word) + 1) // 2 :] for word in words]
    draw, left = np.random.default_rng(len(words)), GENERATED * len(text.encode()) * bool(words)
    while left > 0:
        old, front, back = draw.choice(occurrences, size=(3, DRAWN)).tolist()
        new = map(str.__add__, map(fronts.__getitem__, front), map(backs.__getitem__, back))
        drawn = list(chain.from_iterable(zip(map(words.__getitem__, old), new, strict=True)))
        lines = "\n".join(" ".join(drawn[start : start + LINE]) for start in range(0, len(drawn), LINE))
        yield lines
        left -= len(lines.encode())


def code(size: int) -> str:
    """Python's own standard library, as source code."""
    folder = Path(sysconfig.get_path("stdlib"))
    names = (path for path in sorted(folder.rglob("*.py")) if "site-packages" not in path.parts)
    parts, total = [], 0
    for path in names:
        parts.append(path.read_bytes().decode(errors="replace").replace(SEPARATOR, " "))
        total += len(parts[-1])
        if total >= size:
            break
    return clip("".join(parts), size)


def urls(text: str) -> str:
    """As many addresses as `text` has words, made of those in ASCII: host, path and, of every second one, a query."""
    words = [word.lower() for word in text.split() if word.isascii() and word.isalpha()]
    draw = np.random.default_rng(1)
    drawn = np.array(words or ["a"])[draw.integers(max(len(words), 1), size=(len(words), 5))].tolist()
    numbers = draw.integers(1 << 40, size=len(words)).tolist()
    parts = (
        f"https://www.{host}.{('com', 'org', 'eu', 'fr', 'de')[number % 5]}/{first}/{second}-{third}"
        + (f"?{key[:6]}={number:x}&page={number % 1000}" if number % 2 else ".html")
        for (host, first, second, third, key), number in zip(drawn, numbers, strict=True)
    )
    return "\n".join(parts) + "\n"


def clip(text: str, size: int | None) -> str:
    """The beginning of a text, at most `size` bytes of UTF-8.

    >>> clip("één", 4)
    'éé'
    """
    return text if size is None else text.encode()[:size].decode(errors="ignore")


def cut(text: str, size: int = DOCUMENT_BYTES) -> Iterator[str]:
    r"""Documents of `size` bytes or somewhat more, each of whole lines.

    >>> list(cut("one\ntwo\nthree\n", 5))
    ['one\ntwo\n', 'three\n']
    """
    document: list[str] = []
    length = 0
    for line in text.splitlines(keepends=True):
        document.append(line)
        length += len(line.encode())
        if length >= size:
            yield "".join(document)
            document, length = [], 0
    if document:
        yield "".join(document)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines for trainers, one text a line."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def once(path: Path, write: Callable[[Path], None]) -> Path:
    """Make a file unless it is there."""
    if not path.exists():
        write(path)
    return path
