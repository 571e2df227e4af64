"""Expressions over the fields of a document, such as `lang == "fr" and score >= 0.5`.

An expression is parsed to functions, and nothing in it is run as Python. It has fields by dotted paths, numbers,
strings in quotes, `true`, `false`, `null`, lists in brackets; `== != < <= > >= in`, `not in`, `contains`; `and`, `or`,
`not` and parentheses.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<string>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<name>[^\W\d][\w-]*(?:\.[\w-]+)*)|(?P<sign>==|!=|<=|>=|[<>()\[\],]))"
)
NAMED = {"true": True, "false": False, "null": None}
WORDS = {"and", "or", "not", "in", "contains"}
ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}

Row = Mapping[str, Any]
Value = Callable[[Row], Any]


class Filter:
    """A condition on documents.

    Parameters
    ----------
    text
        The expression.

    Attributes
    ----------
    fields
        The paths of the fields that it reads.

    Raises
    ------
    ValueError
        If it is no expression, naming the place.

    Examples
    --------
    >>> keep = Filter('lang in ["fr", "de"] and not (quality.score < 0.5)')
    >>> keep.fields
    ['lang', 'quality.score']
    >>> keep.mask({"lang": ["fr", "en"], "quality.score": [0.7, 0.9]})
    [True, False]
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.fields: list[str] = []
        self._tokens = self._split(text)
        self._at = 0
        self._test = self._either()
        if self._at < len(self._tokens):
            raise self._fault("the expression should end")

    def mask(self, columns: Mapping[str, Sequence[Any]]) -> list[bool]:
        """Tell of each document whether the condition holds. A comparison of values of different types does not."""
        names = self.fields
        if not names:
            raise ValueError(f"where: {self.text!r} names no field")
        test = self._test
        return [
            bool(test(dict(zip(names, row, strict=True)))) for row in zip(*(columns[it] for it in names), strict=True)
        ]

    def _split(self, text: str) -> list[tuple[str, str, int]]:
        tokens, place = [], 0
        while text[place:].strip():
            found = TOKEN.match(text, place)
            if not found:
                raise ValueError(f"where: {text!r}: not understood at character {place + 1}: {text[place:].strip()!r}")
            kind = str(found.lastgroup)
            tokens.append((kind, found[kind], found.start(kind)))
            place = found.end()
        return tokens

    def _fault(self, wanted: str) -> ValueError:
        rest = self._tokens[self._at :]
        where = f"at character {rest[0][2] + 1}" if rest else "at its end"
        return ValueError(f"where: {self.text!r}: {wanted} {where}")

    def _accept(self, *words: str) -> str | None:
        if self._at < len(self._tokens) and self._tokens[self._at][0] in ("name", "sign"):
            word = self._tokens[self._at][1]
            if word in words:
                self._at += 1
                return word
        return None

    def _either(self) -> Value:
        test = self._both()
        while self._accept("or"):
            test = _any(test, self._both())
        return test

    def _both(self) -> Value:
        test = self._single()
        while self._accept("and"):
            test = _all(test, self._single())
        return test

    def _single(self) -> Value:
        if self._accept("not"):
            inner = self._single()
            return lambda row: not inner(row)
        if self._accept("("):
            inner = self._either()
            if not self._accept(")"):
                raise self._fault("a closing parenthesis is missing")
            return inner
        return self._comparison()

    def _comparison(self) -> Value:
        left = self._operand()
        negated = bool(self._accept("not"))
        sign = self._accept("in") if negated else self._accept("==", "!=", *ORDER, "in", "contains")
        if sign is None:
            if negated:
                raise self._fault("`in` should follow `not`")
            return left
        right = self._operand()
        if sign == "contains":
            left, right = right, left
        if sign in ("in", "contains"):
            return lambda row: _within(left(row), right(row)) is not negated
        if sign in ("==", "!="):
            wanted = sign == "=="
            return lambda row: _same(left(row), right(row)) is wanted
        return lambda row: _ordered(ORDER[sign], left(row), right(row))

    def _operand(self) -> Value:
        if self._accept("["):
            items = []
            while not self._accept("]"):
                items.append(self._operand())
                if not self._accept(",") and self._tokens[self._at : self._at + 1] != [] and not self._peek("]"):
                    raise self._fault("a comma or a closing bracket is missing")
                if self._at >= len(self._tokens):
                    raise self._fault("a closing bracket is missing")
            return lambda row: [item(row) for item in items]
        if self._at >= len(self._tokens):
            raise self._fault("a value is missing")
        kind, word, _ = self._tokens[self._at]
        if kind == "sign" or word in WORDS:
            raise self._fault("a value should stand")
        self._at += 1
        if kind == "number":
            number = float(word) if re.search(r"[.eE]", word) else int(word)
            return lambda _: number
        if kind == "string":
            string = re.sub(r"\\(.)", r"\1", word[1:-1])
            return lambda _: string
        if word in NAMED:
            value = NAMED[word]
            return lambda _: value
        if word not in self.fields:
            self.fields.append(word)
        return lambda row: row[word]

    def _peek(self, word: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at][1] == word


def _any(left: Value, right: Value) -> Value:
    return lambda row: left(row) or right(row)


def _all(left: Value, right: Value) -> Value:
    return lambda row: left(row) and right(row)


def _same(left: object, right: object) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _ordered(compare: Callable[[Any, Any], bool], left: object, right: object) -> bool:
    numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
    return (numbers or (isinstance(left, str) and isinstance(right, str))) and compare(left, right)


def _within(item: object, container: object) -> bool:
    if isinstance(container, str):
        return isinstance(item, str) and item in container
    return isinstance(container, list) and any(_same(item, other) for other in container)
