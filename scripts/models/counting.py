"""Counts of the corpora: of each domain, of new text and of code, kept as files; their sum, weighted and calibrated."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path

from eurotok import Counts, split
from eurotok.corpus import find_languages, read_text
from eurotok.training.counting import count
from scripts.models.recipe import Recipe

CODE = "code"
NEW = "new"


def count_all(recipe: Recipe, folder: Path) -> dict[str, Counts]:
    """Count the text of each domain, `new` and `code`, by language, and leave out the pieces that match `without`.

    What the folder has already is not counted again.
    """
    kind = hashlib.sha256(f"{recipe.scheme} {recipe.window}".encode()).hexdigest()[:8]
    paths = {name: folder / f"{name}.{kind}.counts" for name in (*recipe.domains, NEW, CODE)}
    folder.mkdir(parents=True, exist_ok=True)
    if not all(paths[name].is_file() for name in recipe.domains):
        for name, counts in _count_domains(recipe).items():
            counts.save(paths[name])
    if not paths[NEW].is_file():
        _count_new(recipe).save(paths[NEW])
    if not paths[CODE].is_file():
        count(recipe.code, recipe.scheme).save(paths[CODE])
    return {name: Counts.load(path).filter(without=recipe.without or None) for name, path in paths.items()}


def _count_new(recipe: Recipe) -> Counts:
    counts = Counts(recipe.scheme)
    for language, (path,) in find_languages(recipe.new).items():
        lines = (f"{line}\n" for line in read_text(path).split("\n"))
        for pieces in windows(lines, recipe.scheme, recipe.window):
            counts.add_texts(language, pieces)
    return counts


def _count_domains(recipe: Recipe) -> dict[str, Counts]:
    domain_of = {source: name for name, domain in recipe.domains.items() for source in domain.sources}
    counts = {name: Counts(recipe.scheme) for name in recipe.domains}
    for language, (path,) in find_languages(recipe.text).items():
        for domain, texts in blocks(path, recipe.index / f"{language}.tsv", domain_of).items():
            for pieces in windows(texts, recipe.scheme, recipe.window):
                counts[domain].add_texts(language, pieces)
    return counts


def blocks(path: Path, index: Path, domain_of: dict[str, str]) -> dict[str, list[str]]:
    """Read the blocks of a text by domain, as its index tells them.

    Raises
    ------
    ValueError
        If the text is not what the index says.
    KeyError
        If a source belongs to no domain.
    """
    text = read_text(path).encode()
    found: dict[str, list[str]] = {}
    end = -1
    for source, size in _rows(index):
        start = end + 1
        end = start + size
        found.setdefault(domain_of[source], []).append(text[start:end].decode())
    if text[end:].strip() or not text[:end].endswith(b"\n"):
        raise ValueError(f"{index}: tells of {end} bytes, {path} has {len(text)}")
    return found


def windows(texts: Iterable[str], scheme: str, size: int) -> Iterator[list[str]]:
    """Give the different pieces of each stretch of so many bytes of text, each piece once; 0: the texts as they are.

    A word is then worth as many counts as there are stretches in which it occurs, and not what a single novel or law
    makes of its own words: a document frequency, which says more about other texts than a sum does.
    """
    if not size:
        yield list(texts)
        return
    seen: set[str] = set()
    length = 0
    for text in texts:
        seen.update(split(text, scheme))
        length += len(text.encode())
        if length >= size:
            yield list(seen)
            seen, length = set(), 0
    yield list(seen)


def _rows(index: Path) -> Iterator[tuple[str, int]]:
    with index.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield row["source"], int(row["bytes"])


def weigh(recipe: Recipe, counts: dict[str, Counts]) -> Counts:
    """Add up the domains and new text, each as many times as it counts; calibrate; add code; leave out rare pieces."""
    times = {name: domain.times for name, domain in recipe.domains.items()} | {NEW: recipe.new_times}
    parts = [counts[name] * (number * recipe.resolution) for name, number in times.items() if number]
    total: Counts = reduce(add, parts)
    if recipe.strength:
        total = total.calibrate(recipe.frequencies, recipe.strength)
    if recipe.code_share:
        total = total + counts[CODE]
    return total.filter(recipe.least)


def shares(recipe: Recipe, texts: Mapping[str, int], code: Sequence[str]) -> dict[str, float]:
    """Give the weight of each column: 1 for a language with a price, a part of it for others, code its part of all.

    `texts` has the bytes of each language. Where there is little text in another language, it has less of a share: a
    word must not count for much because it occurs twice in a few pages.
    """

    def share(language: str, size: int) -> float:
        return 1.0 if language in recipe.priced else recipe.rest_share * min(1.0, size / recipe.rest_full)

    found = {language: share(language, size) for language, size in texts.items()}
    of_code = sum(found.values()) * recipe.code_share / (1 - recipe.code_share)
    return found | {language: of_code / len(code) for language in code if recipe.code_share}
