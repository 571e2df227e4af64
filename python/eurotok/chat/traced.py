"""Text that remembers where each of its characters is from: from a template, or from the content of a message.

A chat template joins its own text with that of messages. Only text of the template may become control tokens. So the
origin of every character has to survive all operations of the template. `Traced` is a `str` whose methods keep origins;
a method that cannot tell them refuses.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple, Self, SupportsIndex

TEMPLATE = -1
"""The text of the template itself, and the names of special tokens that it is given."""

OUTSIDE = -2
"""Content of no message: tools, documents, other variables."""

WIDEST = 1_000_000
"""The most characters to which text is padded, and the most repetitions."""


class Origin(NamedTuple):
    """Where text is from.

    Attributes
    ----------
    message
        The number of the message, `TEMPLATE`, or `OUTSIDE`.
    generated
        Whether it stands in a `{% generation %}` block.
    """

    message: int
    generated: bool = False

    @property
    def is_content(self) -> bool:
        """Whether the text is anything but the template's own."""
        return self.message != TEMPLATE


class UntraceableError(ValueError):
    """The template changes content in a way that hides where the characters of the result are from."""


class Traced(str):
    """A `str` that knows the origin of each character.

    Parameters
    ----------
    text
        The text.
    runs
        Pairs of the end of a run of characters and their origin, in order; the last end is the length of the text.
    """

    __slots__ = ("_runs",)

    _runs: tuple[tuple[int, Origin], ...]

    def __new__(cls, text: str, runs: Iterable[tuple[int, Origin]] | Origin) -> Self:
        """Make one: the origin of all characters, or a run for each stretch of one origin."""
        new = super().__new__(cls, str.__str__(text))
        if isinstance(runs, Origin):
            runs = ((len(new), runs),) if new else ()
        new._runs = tuple(runs)
        return new

    def __getnewargs__(self) -> tuple[Any, ...]:
        return str.__str__(self), self._runs

    def __str__(self) -> str:
        return self

    def spans(self) -> Iterator[tuple[int, int, Origin]]:
        """Give begin, end and origin of each run."""
        begin = 0
        for end, origin in self._runs:
            yield begin, end, origin
            begin = end

    def marked(self) -> Traced:
        """Give the text as one that stands in a `{% generation %}` block."""
        return Traced(self, [(end, origin._replace(generated=True)) for end, origin in self._runs])

    def _cut(self, begin: int, end: int) -> Traced:
        if begin >= end:
            return Traced("", ())
        first = bisect_right(self._runs, begin, key=lambda run: run[0])
        runs = []
        for stop, origin in self._runs[first:]:
            runs.append((min(stop, end) - begin, origin))
            if stop >= end:
                break
        return Traced(str.__getitem__(self, slice(begin, end)), runs)

    def _of_one(self, changed: str, *others: object) -> Traced:
        """Give a result with the only origin that it can have."""
        origins = {origin for text in (self, *others) for origin in origins_of(text)}
        if len(origins) > 1:
            raise UntraceableError("it changes text in which the template and content are joined")
        return Traced(changed, origins.pop() if origins else Origin(TEMPLATE))

    def _changed(self, changed: str) -> Traced:
        """Give the result of changing characters in place, such as their case."""
        return Traced(changed, self._runs) if len(changed) == len(self) else self._of_one(changed)

    # Joining

    def __add__(self, other: str) -> Traced:
        return joined((self, other)) if isinstance(other, str) else NotImplemented

    def __radd__(self, other: str) -> Traced:
        return joined((other, self)) if isinstance(other, str) else NotImplemented

    def __mul__(self, times: SupportsIndex) -> Traced:
        number = times.__index__()
        if number * len(self) > WIDEST:
            raise UntraceableError(f"it repeats text {number} times")
        return joined([self] * number)

    __rmul__ = __mul__

    def join(self, parts: Iterable[str]) -> Traced:
        """As `str.join`."""
        between: list[str] = []
        for part in parts:
            if not isinstance(part, str):
                raise TypeError(f"join: expected str, got {type(part).__name__}")
            between += [self, part]
        return joined(between[1:])

    # Cutting

    def __getitem__(self, key: Any) -> Traced:  # noqa: ANN401 - as str
        if isinstance(key, slice):
            begin, end, step = key.indices(len(self))
            if step == 1:
                return self._cut(begin, end)
            return joined([self._cut(place, place + 1) for place in range(begin, end, step)])
        place = range(len(self))[key]
        return self._cut(place, place + 1)

    def __iter__(self) -> Iterator[str]:
        return (self._cut(place, place + 1) for place in range(len(self)))

    def lstrip(self, chars: str | None = None, /) -> Traced:
        """As `str.lstrip`."""
        return self._cut(len(self) - len(str.lstrip(self, chars)), len(self))

    def rstrip(self, chars: str | None = None, /) -> Traced:
        """As `str.rstrip`."""
        return self._cut(0, len(str.rstrip(self, chars)))

    def strip(self, chars: str | None = None, /) -> Traced:
        """As `str.strip`."""
        return self.lstrip(chars).rstrip(chars)

    def removeprefix(self, prefix: str, /) -> Traced:
        """As `str.removeprefix`."""
        return self._cut(len(self) - len(str.removeprefix(self, prefix)), len(self))

    def removesuffix(self, suffix: str, /) -> Traced:
        """As `str.removesuffix`."""
        return self._cut(0, len(str.removesuffix(self, suffix)))

    def split(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        """As `str.split`."""
        parts: list[str] = []
        place = 0
        for part in str.split(self, sep, maxsplit):
            place = str.index(self, part, place) if sep is None else place
            parts.append(self._cut(place, place + len(part)))
            place += len(part) + (0 if sep is None else len(sep))
        return parts

    def rsplit(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        """As `str.rsplit`."""
        parts: list[str] = []
        place = len(self)
        for part in reversed(str.rsplit(self, sep, maxsplit)):
            place = str.rindex(self, part, 0, place) + len(part) if sep is None else place
            parts.append(self._cut(place - len(part), place))
            place -= len(part) + (0 if sep is None else len(sep))
        return parts[::-1]

    def partition(self, sep: str, /) -> tuple[str, str, str]:
        """As `str.partition`."""
        head, found, _ = str.partition(self, sep)
        middle = len(head) + len(found)
        return self._cut(0, len(head)), self._cut(len(head), middle), self._cut(middle, len(self))

    def rpartition(self, sep: str, /) -> tuple[str, str, str]:
        """As `str.rpartition`."""
        head, found, _ = str.rpartition(self, sep)
        middle = len(head) + len(found)
        return self._cut(0, len(head)), self._cut(len(head), middle), self._cut(middle, len(self))

    def splitlines(self, keepends: bool = False) -> list[str]:
        """As `str.splitlines`."""
        ends = [0]
        for line in str.splitlines(self, keepends=True):
            ends.append(ends[-1] + len(line))
        shown = str.splitlines(self, keepends)
        return [self._cut(begin, begin + len(line)) for (begin, _), line in zip(pairwise(ends), shown, strict=True)]

    # Changing

    def replace(self, old: str, new: str, count: SupportsIndex = -1, /) -> Traced:
        """As `str.replace`."""
        left, parts, done = count.__index__(), [], 0
        places = [match.start() for match in re.finditer(re.escape(old), str.__str__(self))]
        for place in places if left < 0 else places[:left]:
            parts += [self._cut(done, place), new]
            done = place + len(old)
        return joined([*parts, self._cut(done, len(self))])

    def upper(self) -> Traced:
        """As `str.upper`."""
        return self._changed(str.upper(self))

    def lower(self) -> Traced:
        """As `str.lower`."""
        return self._changed(str.lower(self))

    def title(self) -> Traced:
        """As `str.title`."""
        return self._changed(str.title(self))

    def capitalize(self) -> Traced:
        """As `str.capitalize`."""
        return self._changed(str.capitalize(self))

    def swapcase(self) -> Traced:
        """As `str.swapcase`."""
        return self._changed(str.swapcase(self))

    def casefold(self) -> Traced:
        """As `str.casefold`."""
        return self._changed(str.casefold(self))

    def translate(self, table: Any, /) -> Traced:  # noqa: ANN401 - as str
        """As `str.translate`."""
        return self._of_one(str.translate(self, table))

    def expandtabs(self, tabsize: SupportsIndex = 8) -> Traced:
        """As `str.expandtabs`."""
        narrow(tabsize)
        return self._of_one(str.expandtabs(self, tabsize))

    def center(self, width: SupportsIndex, fill: str = " ", /) -> Traced:
        """As `str.center`."""
        missing = narrow(width) - len(self)
        before = missing // 2 + (missing & narrow(width) & 1) if missing > 0 else 0
        pad = fill if isinstance(fill, Traced) else Traced(fill, Origin(TEMPLATE))
        return joined((pad * before, self, pad * max(0, missing - before)))

    def ljust(self, width: SupportsIndex, fill: str = " ", /) -> Traced:
        """As `str.ljust`."""
        pad = fill if isinstance(fill, Traced) else Traced(fill, Origin(TEMPLATE))
        return joined((self, pad * max(0, narrow(width) - len(self))))

    def rjust(self, width: SupportsIndex, fill: str = " ", /) -> Traced:
        """As `str.rjust`."""
        pad = fill if isinstance(fill, Traced) else Traced(fill, Origin(TEMPLATE))
        return joined((pad * max(0, narrow(width) - len(self)), self))

    def zfill(self, width: SupportsIndex, /) -> Traced:
        """As `str.zfill`."""
        sign = self[:1] if self[:1] in ("+", "-") else Traced("", ())
        return joined((sign, self[len(sign) :].rjust(narrow(width) - len(sign), "0")))

    # Formatting

    def __mod__(self, values: Any) -> Traced:  # noqa: ANN401 - as str
        pieces, done = [], 0
        rest = iter(values if isinstance(values, tuple) else (values,))
        for match in re.finditer(r"%(?:\((\w+)\))?([-#0 +]*\d*(?:\.\d+)?)([a-zA-Z%])", str.__str__(self)):
            pieces.append(self[done : match.start()])
            done = match.end()
            name, flags, kind = match.groups()
            if kind == "%":
                pieces.append(self[match.end() - 1 : match.end()])
                continue
            value = values[name] if name else next(rest)
            if flags:
                if max(map(int, re.findall(r"\d+", flags)), default=0) > WIDEST or has_content(value):
                    raise UntraceableError(f"it formats by {match[0]!r}")
                pieces.append(f"%{flags}{kind}" % value)
            elif kind == "s":
                pieces.append(written(value))
            elif has_content(value):
                raise UntraceableError(f"it formats by {match[0]!r}")
            else:
                pieces.append(f"%{kind}" % value)
        return joined([*pieces, self[done:]])

    def format(self, *values: Any, **named: Any) -> Traced:  # noqa: ANN401 - as str
        """As `str.format`, with plain fields: `{}`, `{0}`, `{name}`."""
        pieces: list[str] = []
        done, number = 0, 0
        for match in re.finditer(r"\{\{|\}\}|\{(\w*)\}|[{}]", str.__str__(self)):
            pieces.append(self[done : match.start()])
            done = match.end()
            if match[0] in ("{{", "}}"):
                pieces.append(self[match.start() : match.start() + 1])
                continue
            if match[1] is None:
                raise UntraceableError("it formats by more than a name or a number in braces")
            name = match[1] or str(number)
            number += not match[1]
            pieces.append(written(values[int(name)] if name.isdigit() else named[name]))
        return joined([*pieces, self[done:]])

    def format_map(self, mapping: Any, /) -> Traced:  # noqa: ANN401 - as str
        """As `str.format_map`, with plain fields."""
        return self.format(**mapping)

    def __format__(self, spec: str) -> str:
        if spec:
            raise UntraceableError(f"it formats by {spec!r}")
        return self


def narrow(width: SupportsIndex) -> int:
    """Check the width of padded text.

    Raises
    ------
    UntraceableError
        If it is above `WIDEST`.
    """
    number = width.__index__()
    if number > WIDEST:
        raise UntraceableError(f"it pads text to {number} characters")
    return number


def joined(parts: Iterable[str]) -> Traced:
    """Join texts; one that is not traced is the template's.

    Examples
    --------
    >>> text = joined(["<|user|>", Traced("Ça va ?", Origin(0))])
    >>> [(begin, end, origin.message) for begin, end, origin in text.spans()]
    [(0, 8, -1), (8, 15, 0)]
    """
    texts: list[str] = []
    runs: list[tuple[int, Origin]] = []
    length = 0
    for part in parts:
        texts.append(part)
        for begin, end, origin in part.spans() if isinstance(part, Traced) else ((0, len(part), Origin(TEMPLATE)),):
            if end > begin:
                if runs and runs[-1][1] == origin:
                    runs.pop()
                runs.append((length + end, origin))
        length += len(part)
    return Traced("".join(texts), runs)


def origins_of(value: object) -> set[Origin]:
    """Give the origins of all text in a value, at any depth."""
    if isinstance(value, Traced):
        return {origin for _, _, origin in value.spans()}
    if isinstance(value, str):
        return {Origin(TEMPLATE)} if value else set()
    if isinstance(value, Mapping):
        return {origin for pair in value.items() for part in pair for origin in origins_of(part)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return {origin for part in value for origin in origins_of(part)}
    return set()


def has_content(value: object) -> bool:
    """Say whether text in a value, at any depth, is from content."""
    return any(origin.is_content for origin in origins_of(value))


def content(value: Any, message: int) -> Any:  # noqa: ANN401 - any JSON
    """Give a value of JSON, all text in it traced to a message."""
    if isinstance(value, str):
        return Traced(value, Origin(message))
    if isinstance(value, Mapping):
        return {content(key, message): content(part, message) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [content(part, message) for part in value]
    return value


def written(value: Any) -> Traced:  # noqa: ANN401 - whatever a template prints
    """Give the text that printing a value gives, with its origins: `str(value)`.

    Raises
    ------
    UntraceableError
        If content is in it, and it is no text, list or mapping.
    """
    if isinstance(value, str):
        return joined((value,))
    return _shown(value)


def _shown(value: Any) -> Traced:  # noqa: ANN401 - whatever a template prints
    """Give `repr(value)`, but for text that is not content, which a template prints in lists alone."""
    if isinstance(value, str):
        return joined((value,))._of_one(repr(str.__str__(value)))
    if type(value) is dict:
        pairs = [joined((_shown(key), ": ", _shown(part))) for key, part in value.items()]
        return joined(("{", Traced(", ", Origin(TEMPLATE)).join(pairs), "}"))
    if type(value) is list:
        return joined(("[", Traced(", ", Origin(TEMPLATE)).join([_shown(part) for part in value]), "]"))
    if has_content(value):
        raise UntraceableError(f"it prints a {type(value).__name__} that holds content")
    return joined((str(value),))
