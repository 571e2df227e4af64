r"""Texts from outside (names, languages, tokens, sentences, paths, messages) made fit for each kind of output.

Every output passes them through this module, in two steps. The first spells out characters that a reader does not see,
or that a terminal or an XML parser acts on: control characters (`\x1b`), line breaks (`\n`), changes of direction
(`\u202e`) and surrogates (`\udcff`, which stand for bytes of a file name that are not UTF-8). The second escapes the
characters that the format of the output reserves. All other letters stay as they are.
"""

import re
from collections.abc import Mapping
from html import escape
from typing import Any

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def terminal(text: str) -> str:
    r"""Spell out what a terminal would obey, on one line.

    Examples
    --------
    >>> print(terminal("\x1b[31mred\n"))
    \x1b[31mred\n
    """
    return _UNSEEN.sub(lambda found: _spelled(found[0]), text)


def _spelled(character: str) -> str:
    number = ord(character)
    return _SHORT.get(character) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")


def html(text: str) -> str:
    """Escape a text for the content or a quoted attribute of HTML and of XML.

    Examples
    --------
    >>> html('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return escape(terminal(text), quote=True)


def script(data: Mapping[str, Any]) -> str:
    r"""Write JSON that can stand in a `<script>` of a page: nothing in it ends the script, or a line of JavaScript.

    Examples
    --------
    >>> print(script({"name": "</script>"}))
    {"name":"\u003c/script\u003e"}
    """
    text = json_text(data)
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def json_text(data: Mapping[str, Any], indent: int | None = None, *, allow_nan: bool = False) -> str:
    r"""Write JSON as UTF-8 can hold it: letters as they are, surrogates by their number.

    Raises
    ------
    ValueError
        If a number is NaN or infinite, unless `allow_nan`.

    Examples
    --------
    >>> print(json_text({"é": "\udcff"}))
    {"é":"\udcff"}
    """
    import json  # only for what writes JSON: --help is to answer in milliseconds

    separators = (",", ":") if indent is None else None
    text = json.dumps(data, indent=indent, separators=separators, ensure_ascii=False, allow_nan=allow_nan)
    return re.sub("[\x7f-\x9f\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


_MARKDOWN = str.maketrans(
    {"&": "&amp;", "<": "&lt;", "|": "&#124;", **{character: f"\\{character}" for character in "\\`*_~#$"}}
)


def markdown(text: str) -> str:
    r"""Escape a text so that Markdown shows its characters, in a paragraph or in the cell of a table.

    An underscore within a word and brackets that begin no link stay as they are, since Markdown does not read them.

    Examples
    --------
    >>> print(markdown("o200k_base *new* [x](https://example.org) [+1, +2]"))
    o200k_base \*new\* [x\](https://example.org) [+1, +2]
    """
    escaped = terminal(text).translate(_MARKDOWN)
    escaped = re.sub(r"(?<=[^\W_])\\_(?=[^\W_])", "_", escaped)
    escaped = re.sub(r"\](?=[\[(:])", r"\]", escaped)
    return re.sub(r"^(\s*(?:\d+)?)(?=[-+.)]\s)", r"\1\\", escaped)


_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        **{character: f"\\{character}" for character in "&%$#_{}"},
    }
)


def latex(text: str) -> str:
    r"""Escape a text for LaTeX, and set a minus before a number as one.

    Examples
    --------
    >>> print(latex("a_b: -5 %"))
    a\_b: $-$5 \%
    """
    return re.sub(r"(?<![\w.])-(?=\d)", "$-$", terminal(text).translate(_LATEX))


def matplotlib(text: str) -> str:
    r"""Escape a text for matplotlib, which reads formulas between dollar signs.

    Examples
    --------
    >>> print(matplotlib("$x$"))
    \$x\$
    """
    return terminal(text).replace("$", r"\$")
