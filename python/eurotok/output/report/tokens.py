"""Where the tokens of a sentence begin and end, as the scripts of pages count."""

from __future__ import annotations

from collections.abc import Sequence


def cuts(tokens: Sequence[bytes], sentence: str) -> list[int | list[int]]:
    r"""Tell how long each token is, in code units of UTF-16, as JavaScript counts.

    Tokens that cut a character are joined with the tokens that complete it. For each group, its length and its number
    of tokens.

    Examples
    --------
    >>> cuts([b"Ath", b"\xce", b"\xb1", b"."], "Athα.")
    [3, [1, 2], 1]
    """
    made: list[int | list[int]] = []
    held, parts = b"", 0
    first = b" " if tokens and b"".join(tokens) == b" " + sentence.encode() else b""
    for token in tokens:
        held, parts = held + token, parts + 1
        if first:
            held, first = held.removeprefix(first), b""
        try:
            length = len(held.decode().encode("utf-16-le")) // 2
        except UnicodeDecodeError:
            continue
        made.append(length if parts == 1 else [length, parts])
        held, parts = b"", 0
    return made
