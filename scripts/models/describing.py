"""Descriptions of the corpora: sources, licences, hashes; tables beside the recipe, for the cards."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from pathlib import Path

from eurotok.corpus import find_languages, read_text
from scripts.models.counting import NEW
from scripts.models.recipe import Recipe

SOURCES = ("source", "domain", "languages", "bytes", "licence", "repositories")
TEXTS = ("language", "what", "bytes", "sha256")
LISTS = "SOURCES.tsv"
"""Beside the lists of word frequencies: what each was made of."""


def describe(recipe: Recipe, sources: Path, texts: Path) -> None:
    """Write the table of sources, out of the corpora's manifests, and that of files with the SHA-256 of each."""
    domain_of = {source: name for name, domain in recipe.domains.items() for source in domain.sources}
    rows = [_source(name, domain_of[name], found) for name, found in _by_source(recipe.text, "MANIFEST.tsv", "..")]
    rows += [_source(name, NEW, found) for name, found in _by_source(recipe.new, "MANIFEST.tsv")]
    _write(sources, SOURCES, sorted(rows) + [_list(*found) for found in _lists(recipe.frequencies / LISTS)])
    files = [("text", find_languages(recipe.text)), ("new text", find_languages(recipe.new))]
    described = [_text(language, what, path) for what, found in files for language, (path,) in found.items()]
    lists = sorted(path for path in recipe.frequencies.iterdir() if path.name != LISTS)
    _write(texts, TEXTS, described + [_text(path.name.partition(".")[0], "word frequencies", path) for path in lists])


def _by_source(folder: Path, manifest: str, up: str = ".") -> list[tuple[str, list[dict[str, str]]]]:
    """Read the rows of a manifest that are about files of a folder, by source."""
    rows = defaultdict(list)
    with (folder / up / manifest).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["file"].startswith(f"{folder.name}/"):
                rows[row["source"]].append(row)
    return sorted(rows.items())


def _lists(path: Path) -> list[tuple[str, list[dict[str, str]]]]:
    rows = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            rows[row["source"]].append(row)
    return sorted(rows.items())


def _all_of(rows: list[dict[str, str]], column: str, separator: str) -> str:
    return separator.join(dict.fromkeys(row[column] for row in rows))


def _source(name: str, domain: str, rows: list[dict[str, str]]) -> tuple[object, ...]:
    repositories = dict.fromkeys(repository for row in rows for repository in row["repo@commit"].split())
    size = sum(int(row["bytes"]) for row in rows)
    return name, domain, _all_of(rows, "language", " "), size, _all_of(rows, "licence", "; "), " ".join(repositories)


def _list(name: str, rows: list[dict[str, str]]) -> tuple[object, ...]:
    """Describe a source of word frequencies; it has words, not bytes."""
    origins, licences = zip(*(row["origin and licence"].partition(" | ")[::2] for row in rows), strict=True)
    licence = "; ".join(dict.fromkeys(licences))
    return name, "word frequencies", _all_of(rows, "language", " "), "", licence, "; ".join(dict.fromkeys(origins))


def _text(language: str, what: str, path: Path) -> tuple[object, ...]:
    data = read_text(path).encode()
    return language, what, len(data), hashlib.sha256(data).hexdigest()


def _write(path: Path, head: tuple[str, ...], rows: object) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, escapechar="\\")
        writer.writerow(head)
        writer.writerows(rows)  # type: ignore[arg-type]
