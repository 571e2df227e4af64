"""Arguments that are several things, where one string would pass for the sequence of its characters."""

from __future__ import annotations

import os
from typing import TypeVar

Values = TypeVar("Values")


def several(name: str, values: Values) -> Values:
    """Give the values of an argument back.

    Raises
    ------
    TypeError
        If they are one string or path, naming the argument.

    Examples
    --------
    >>> several("languages", ["fr"])
    ['fr']
    >>> several("languages", "fr")
    Traceback (most recent call last):
    ...
    TypeError: languages: several are needed, such as a list, not one str: ['fr']
    """
    if isinstance(values, (str, bytes, bytearray, os.PathLike)):
        kind = type(values).__name__
        raise TypeError(f"{name}: several are needed, such as a list, not one {kind}: [{values!r}]")
    return values
