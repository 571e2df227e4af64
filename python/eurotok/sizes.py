"""Sizes in bytes, as people write them."""

import re

WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?))?b?\s*", re.ASCII | re.IGNORECASE)


def bytes_of(size: int | str) -> int:
    """Read a size.

    Parameters
    ----------
    size
        Bytes, or such as `"4GB"`, `"300 MB"`, `"1.5G"` (powers of 1000) and `"512MiB"` (of 1024).

    Raises
    ------
    ValueError
        If it is none, or less than a byte.

    Examples
    --------
    >>> bytes_of("1.5GB"), bytes_of("2 KiB"), bytes_of(77)
    (1500000000, 2048, 77)
    """
    if isinstance(size, str):
        written = WRITTEN.fullmatch(size)
        if written is None:
            raise ValueError(f"{size!r} is not a size, such as 4GB or 300MiB")
        number, unit, binary = written.groups()
        size = int(float(number) * (1024 if binary else 1000) ** (" kmgt".index(unit.lower()) if unit else 0))
    if size < 1:
        raise ValueError(f"{size} is not a size: it takes a byte at least")
    return size
