"""Tables for a terminal, in colour where it has colours, and tokens made visible."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import TextIO

from eurotok import escape

RESET = "\x1b[0m"
BOLD = "\x1b[1m"
GREEN, YELLOW, RED = "\x1b[32m", "\x1b[33m", "\x1b[31m"
SHADES = ("\x1b[48;5;24m\x1b[97m", "\x1b[48;5;22m\x1b[97m")
"""Backgrounds of neighbouring tokens, by turns."""

Cell = tuple[str, str]
"""A text, and the escape sequence of its style (empty: none)."""


def has_colours(stream: TextIO) -> bool:
    """Tell whether to write colours to a stream: it is a terminal that has them, and `NO_COLOR` is not set."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if os.name == "nt" and not (os.environ.get("WT_SESSION") or os.environ.get("TERM")):
        return False
    return stream.isatty()


def table(head: Sequence[str], rows: Sequence[Sequence[Cell]], *, width: int = 100, colours: bool = False) -> str:
    """Set a table, folded where it is wider than the page. The first column is aligned left, the others right.

    Parameters
    ----------
    head
        Names of the columns.
    rows
        Cells of each row, one for each column. An empty row is a rule.
    width
        Width of the page in characters. Columns beyond it follow below, the first column repeated.
    colours
        Whether to write the styles.

    Examples
    --------
    >>> print(table(["", "a", "b"], [[("fr", ""), ("1.5", ""), ("10", "")]]))
          a   b
    fr  1.5  10
    """
    head = [escape.terminal(name) for name in head]
    rows = [[(escape.terminal(text), style) for text, style in row] for row in rows]
    columns = range(len(head))
    widths = [max([len(head[i])] + [len(row[i][0]) for row in rows if row]) for i in columns]
    blocks: list[list[int]] = [[]]
    for i in columns[1:]:
        if blocks[-1] and widths[0] + sum(widths[j] + 2 for j in [*blocks[-1], i]) > width:
            blocks.append([])
        blocks[-1].append(i)
    return "\n\n".join(_block([0, *block], head, rows, widths, colours) for block in blocks)


def _block(
    columns: Sequence[int], head: Sequence[str], rows: Sequence[Sequence[Cell]], widths: Sequence[int], colours: bool
) -> str:
    def line(cells: Sequence[Cell]) -> str:
        aligned: list[str] = []
        for i in columns:
            text, style = cells[i]
            filled = text.rjust(widths[i]) if i else text.ljust(widths[i])
            aligned.append(f"{style}{filled}{RESET}" if colours and style else filled)
        return "  ".join(aligned).rstrip()

    rule = "-" * (sum(widths[i] + 2 for i in columns) - 2)
    return "\n".join([line([(name, BOLD) for name in head]), *(line(row) if row else rule for row in rows)])


def show_tokens(tokens: Sequence[bytes], *, colours: bool = False) -> str:
    r"""Show where the tokens of a text begin: by their background, or by bars where there are no colours.

    Tokens that cut a character are shown joined with the tokens that complete it, followed by their number.

    Examples
    --------
    >>> show_tokens([b"Ath", b"\xce", b"\xb1", b"."])
    'Ath|α(2)|.'
    """
    shown: list[str] = []
    held, parts = b"", 0
    for token in tokens:
        held, parts = held + token, parts + 1
        try:
            text = held.decode()
        except UnicodeDecodeError as error:
            # Cut at the end: wait for the rest. Anything else is not text at all.
            if error.reason == "unexpected end of data":
                continue
            text = held.decode(errors="replace")
        shown.append(text if parts == 1 else f"{text}({parts})")
        held, parts = b"", 0
    if held:
        shown.append(held.decode(errors="replace"))
    shown = [escape.terminal(text) for text in shown]
    if not colours:
        return "|".join(shown)
    return "".join(f"{SHADES[place % 2]}{text}{RESET}" for place, text in enumerate(shown))


def signed_percent(value: float) -> str:
    """Write a proportion as a percentage with its sign.

    Examples
    --------
    >>> signed_percent(0.374), signed_percent(-0.001), signed_percent(0)
    ('+37 %', '0 %', '0 %')
    """
    rounded = round(100 * value)
    return f"{rounded:+d} %" if rounded else "0 %"


def between(low: float, high: float) -> str:
    """Write an interval of proportions in per cent; nothing if it is not known.

    Examples
    --------
    >>> between(0.351, 0.37), between(-0.12, -0.001), between(float("nan"), 1.0)
    ('[+35, +37]', '[-12, 0]', '')
    """
    if low != low or high != high:
        return ""
    ends = (round(100 * low), round(100 * high))
    return f"[{', '.join(f'{end:+d}' if end else '0' for end in ends)}]"


def fill(text: str, width: int) -> str:
    """Break a text into lines of a terminal."""
    return "\n".join(textwrap.wrap(escape.terminal(text), width, break_long_words=False, break_on_hyphens=False))


def shorten(text: str, width: int) -> str:
    """Leave out the middle of a text that is too long: names of files differ at both ends.

    Examples
    --------
    >>> shorten("tokenizer_240216.model.v2", 16)
    'tokeniz…model.v2'
    """
    return text if len(text) <= width else f"{text[: (width - 1) // 2]}…{text[len(text) - width // 2 :]}"


def width_of(text: str) -> int:
    """Give the length of the longest line, without its escape sequences."""
    return max(map(len, re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()), default=0)


def grade(low: float, high: float) -> Callable[[float], str]:
    """Make the style of a number where less is better: green to `low`, yellow to `high`, then red."""
    return lambda value: GREEN if value <= low else YELLOW if value <= high else RED


def markdown(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    r"""Set a table of cells in Markdown, in which only `|` is escaped; rules are left out, styles too.

    Examples
    --------
    >>> print(markdown(["", "a|b"], [[("fr", ""), ("1.5 ", "")], []]), end="")
    |  | a\|b |
    |:--|--:|
    | fr | 1.5 |
    """

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |\n"

    rule = "|:--" + "|--:" * (len(head) - 1) + "|\n"
    return line(head) + rule + "".join(line([text for text, _ in row]) for row in rows if row)


def latex(head: Sequence[str], rows: Sequence[Sequence[Sequence[str]]], *, caption: str = "") -> str:
    r"""Set a table in LaTeX, for the package booktabs.

    Parameters
    ----------
    head
        Names of the columns.
    rows
        The cells of each row, one for each column. All cells of a column have the same number of parts, which are
        aligned. An empty row is a rule.
    caption
        The caption of the table.

    Examples
    --------
    >>> print(latex(["", "a_b"], [[["fr"], ["1.5", "-10 %"]]], caption="50 %"))
    \begin{table}
    \caption{50 \%}
    \begin{tabular}{lr@{\ }r}
    \toprule
     & \multicolumn{2}{c}{a\_b} \\
    \midrule
    fr & 1.5 & $-$10 \% \\
    \bottomrule
    \end{tabular}
    \end{table}
    <BLANKLINE>
    """

    def line(cells: Sequence[Sequence[str]]) -> str:
        return " & ".join(escape.latex(part) for parts in cells for part in parts) + r" \\"

    between_parts = r"@{\ }"
    parts = [len(cell) for cell in next(filter(None, rows))[1:]]
    names = [
        rf"\multicolumn{{{count}}}{{c}}{{{escape.latex(name)}}}" if count > 1 else escape.latex(name)
        for name, count in zip(head[1:], parts, strict=True)
    ]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{escape.latex(caption)}}}",
            rf"\begin{{tabular}}{{l{''.join(between_parts.join('r' * count) for count in parts)}}}",
            r"\toprule",
            " & ".join([escape.latex(head[0]), *names]) + r" \\",
            r"\midrule",
            *(line(row) if row else r"\midrule" for row in rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )
