"""Results in a line, and as a small table of HTML for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from eurotok import escape

if TYPE_CHECKING:
    from eurotok._core import Counts

ROWS = 60
"""Rows of a table before the rest is only counted."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Write a table of HTML: the first column to the left, the others to the right.

    Examples
    --------
    >>> table(["", "a"], [["<fr>", 1.5]])
    '<table><thead><tr><th></th><th>a</th></tr></thead><tbody><tr><th>&lt;fr&gt;</th><td>1.5</td></tr></tbody></table>'
    """
    rows = list(rows)
    names = "".join(f"<th>{escape.html(name)}</th>" for name in head)
    lines = [
        f"<tr><th>{escape.html(str(row[0]))}</th>{''.join(f'<td>{escape.html(str(it))}</td>' for it in row[1:])}</tr>"
        for row in rows[:ROWS]
    ]
    if len(rows) > ROWS:
        lines.append(f'<tr><td colspan="{len(head)}">and {len(rows) - ROWS:,} more</td></tr>')
    said = f"<caption>{escape.html(caption)}</caption>" if caption else ""
    return f"<table>{said}<thead><tr>{names}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def line(counts: Counts) -> str:
    """Describe counts in a line, without what would have to be read from disk.

    Examples
    --------
    >>> from eurotok import count_pieces
    >>> count_pieces(["one two"])
    Counts(scheme='europe', languages=1, bytes=7)
    """
    total = sum(counts.bytes.values())
    return f"Counts(scheme={_short(counts.scheme)}, languages={len(counts.languages)}, bytes={total})"


def html(counts: Counts) -> str:
    """Describe counts in a table: the bytes of text of each language."""
    rows = [[language, f"{size:,}"] for language, size in counts.bytes.items()]
    return table(["language", "bytes"], rows, line(counts))


def _short(scheme: str) -> str:
    return repr(scheme if len(scheme) <= 40 else f"{scheme[:39]}…")
