"""Texts to compare on: of languages, of code, and such as nobody writes."""

from __future__ import annotations

import os
import random
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

from eurotok.corpus import read_text
from eurotok.pricing.parallel_text import SAMPLE

LONGEST = 4000
"""Characters of a text."""

_PREFIX = 1 << 21
"""Characters of a file of the corpus that texts are taken from."""

# Ranges of code points of every width in UTF-8 and of most classes that schemes tell apart.
_RANGES = (
    (0x00, 0x20), (0x20, 0x7F), (0x80, 0x100), (0x100, 0x250), (0x2B0, 0x370), (0x370, 0x530), (0x590, 0x700),
    (0x900, 0xE00), (0xE00, 0x1200), (0x1E00, 0x2070), (0x2070, 0x2C00), (0x2C00, 0x3100), (0x3100, 0xA000),
    (0xA640, 0xAC00), (0xAC00, 0xD7A4), (0xE000, 0xE010), (0xF900, 0x10000), (0x10000, 0x11000), (0x1D400, 0x1D800),
    (0x1F000, 0x1FA00), (0x20000, 0x20100), (0xE0000, 0xE0100), (0x10FFF0, 0x110000),
)  # fmt: skip

# Characters that splitting rules name.
_PARTS = (
    " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\u0085", "'", "’", "'s", "'LL", "ſ", "'ſ", "İ", "ǅ",
    "ʰ", "ª", "a", "Z", "é", "e\u0301", "\u0301", "\u0345", "\u200d", "\u200b", "\ufeff", "\u00ad", "ß", "ẞ", "ΐ", "ς",
    "1", "12", "٣", "²", "Ⅷ", "½", ".", "...", "/", "//",
    "_", "-", "#", "&", "€", "字", "가", "ก็", "👨‍👩‍👧", "🇪🇺", "\0", "\x7f", "\ufffd", "<|endoftext|>", "[INST]", "</s>",
)  # fmt: skip

Source = Callable[[random.Random], str]


def sources(corpus: Path | None = None) -> dict[str, Source]:
    """Name the kinds of texts, and how one of each is made from random numbers.

    Parameters
    ----------
    corpus
        A folder with `train/<language>.txt.zst`. Without one, the sentences within the package are taken.
    """
    prose = _files(corpus / "train", "*.txt*") if corpus else _files(SAMPLE, "*.txt")
    code = _files(Path(sysconfig.get_path("stdlib")), "*.py")
    return {"prose": _cuts(prose), "code": _cuts(code), "hostile": _hostile, "repeated": _repeated}


def _files(folder: Path, pattern: str) -> list[Path]:
    files = sorted(folder.glob(pattern))
    if not files:
        raise FileNotFoundError(f"{folder} has no {pattern}")
    return files


def _cuts(files: list[Path]) -> Source:
    """Stretches of files, of which the last one read is taken some times."""
    held: Iterator[str] = iter(())

    def stretches(rng: random.Random) -> Iterator[str]:
        text = read_text(rng.choice(files), errors="replace")[:_PREFIX]
        for _ in range(200):
            start = rng.randrange(len(text) + 1)
            yield text[start : start + rng.choice((20, 200, LONGEST))]

    def cut(rng: random.Random) -> str:
        nonlocal held
        while (text := next(held, None)) is None:
            held = stretches(rng)
        return text

    return cut


def _character(rng: random.Random) -> str:
    return chr(rng.randrange(*rng.choice(_RANGES)))


def _hostile(rng: random.Random) -> str:
    """Parts and characters at random, of few or of all classes."""
    few = [rng.choice(_PARTS) if rng.random() < 0.6 else _character(rng) for _ in range(rng.randint(1, 8))]
    make: Callable[[], str] = rng.choice((lambda: rng.choice(few), lambda: rng.choice(_PARTS), lambda: _character(rng)))
    return "".join(make() for _ in range(rng.choice((4, 30, 300))))


def _repeated(rng: random.Random) -> str:
    """Long pieces: a character or a part, over and over, with something at the ends."""
    unit = rng.choice((rng.choice(_PARTS), _character(rng), _character(rng) + _character(rng)))
    times = rng.choice((15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129, 500, 1000))
    return (_hostile(rng)[:5] + unit * times + _hostile(rng)[:5])[:LONGEST]


def corpus() -> Path | None:
    """Tell where the corpus is, if there is one: `EUROTOK_CORPUS`, or beside the repository."""
    folder = Path(os.environ.get("EUROTOK_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
    return folder if (folder / "train").is_dir() else None
