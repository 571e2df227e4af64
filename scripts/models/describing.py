"""What the corpora are: sources, licences, hashes; tables beside the recipe, for the cards."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from pathlib import Path

from eurotok.corpus import find_languages, read_text
from scripts.models.recipe import Recipe

SOURCES = ("source", "domain", "languages", "bytes", "licence", "repositories")
TEXTS = ("language", "bytes", "sha256")


def describe(recipe: Recipe, sources: Path, texts: Path) -> None:
    """Write the table of sources, out of the corpus' manifest, and that of texts with the SHA-256 of each."""
    domain_of = {source: name for name, domain in recipe.domains.items() for source in domain.sources}
    rows = defaultdict(list)
    with (recipe.text.parent / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["file"].startswith(f"{recipe.text.name}/"):
                rows[row["source"]].append(row)
    _write(sources, SOURCES, (_source(name, domain_of[name], found) for name, found in sorted(rows.items())))
    _write(texts, TEXTS, (_text(language, path) for language, (path,) in find_languages(recipe.text).items()))


def _source(name: str, domain: str, rows: list[dict[str, str]]) -> tuple[object, ...]:
    def all_of(column: str, separator: str) -> str:
        return separator.join(dict.fromkeys(row[column] for row in rows))

    repositories = dict.fromkeys(repository for row in rows for repository in row["repo@commit"].split())
    size = sum(int(row["bytes"]) for row in rows)
    return name, domain, all_of("language", " "), size, all_of("licence", "; "), " ".join(repositories)


def _text(language: str, path: Path) -> tuple[object, ...]:
    data = read_text(path).encode()
    return language, len(data), hashlib.sha256(data).hexdigest()


def _write(path: Path, head: tuple[str, ...], rows: object) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, escapechar="\\")
        writer.writerow(head)
        writer.writerows(rows)  # type: ignore[arg-type]
