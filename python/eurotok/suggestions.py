"""The nearest known word to a mistyped one."""

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """End a sentence about an unknown word with the known word that is nearest, if one is near.

    Examples
    --------
    >>> did_you_mean("euro-46k", ["euro-64k", "euro-128k"]), did_you_mean("tran", ["train", "demo"])
    ('; did you mean euro-64k?', '; did you mean train?')
    >>> did_you_mean("klingon", ["fr", "de"])
    ''
    """
    from difflib import get_close_matches  # only where something is wrong: it takes milliseconds to import

    words = {each.casefold(): each for each in known}
    near = get_close_matches(word.casefold(), words, n=1, cutoff=0.6)
    return f"; did you mean {words[near[0]]}?" if near else ""
