"""The sandbox that chat templates run in: Jinja's, as `transformers` sets it up, with text whose origin is traced.

Differences from a plain sandbox: joining, printing and filtering keep the origin of every character (`traced`), and
output, steps and time are bounded, so that a template cannot hang or fill the memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from eurotok.chat.traced import TEMPLATE, Origin, Traced, UntraceableError, has_content, joined, written
from eurotok.chat.written_json import to_json

OUTPUT = 64 << 20
"""The most characters that a template writes."""

SECONDS = 10.0
"""The longest that a template runs."""

STEPS = 1_000
"""Steps between two looks at the clock."""


class RefusedError(ValueError):
    """The template itself refuses the messages, by `raise_exception`."""


class Generation(Extension):
    """`{% generation %}` … `{% endgeneration %}`: marks text as said by the assistant, as in `transformers`."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Parser) -> nodes.Node:
        """Parse a block."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_marked"), [], [], body).set_lineno(line)

    def _marked(self, caller: Callable[[], str]) -> Traced:
        return joined((caller(),)).marked()


class _Tracing(NodeTransformer):
    """Sends `~` through `Sandbox.joined`, and each turn of a loop through `Sandbox.step`."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        return nodes.Call(nodes.EnvironmentAttribute("joined"), node.nodes, [], None, None, lineno=node.lineno)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        step = nodes.Call(nodes.EnvironmentAttribute("step"), [], [], None, None, lineno=node.lineno)
        node.body.insert(0, nodes.ExprStmt(step, lineno=node.lineno))
        return node


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment for one rendering at a time."""

    intercepted_binops = frozenset(["+", "*", "%", "**"])

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols], finalize=written, cache_size=0
        )
        self.begin(None)
        self.globals.pop("lipsum")
        self.globals.pop("joiner")
        self.globals.pop("cycler")
        self.globals["raise_exception"] = _raise
        self.globals["strftime_now"] = lambda form: (self._now or datetime.now()).strftime(form)
        self.filters = {name: self._traced(name, OWN.get(name, filter_)) for name, filter_ in self.filters.items()}
        self.filters["tojson"] = to_json

    def begin(self, now: datetime | None) -> None:
        """Begin a rendering, at a time that the template is told: by default that of the call."""
        self._now, self._steps, self._written, self._end = now, 0, 0, time.monotonic() + SECONDS

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = _Tracing().visit(super()._parse(source, name, filename))
        return tree

    def concat(self, parts: Iterable[str]) -> Traced:
        """Join the parts that a block writes."""
        return joined(self._bounded(parts))

    def joined(self, *parts: object) -> Traced:
        """Join operands of `~`."""
        return self.concat(map(written, parts))

    def _bounded(self, parts: Iterable[str]) -> Iterator[str]:
        for part in parts:
            self.step()
            self._written += len(part)
            if self._written > OUTPUT:
                raise SecurityError(f"it writes more than {OUTPUT} characters")
            yield part

    def step(self) -> str:
        """Take one of the steps that are allowed."""
        self._steps += 1
        if self._steps % STEPS == 0 and time.monotonic() > self._end:
            raise SecurityError(f"it runs for more than {SECONDS:.0f} seconds")
        return ""

    def call(self, context: Any, function: Any, /, *args: Any, **named: Any) -> Any:  # noqa: ANN401
        """Call a function or method; a method of plain text that is given content is that of traced text."""
        self.step()
        owner = getattr(function, "__self__", None)
        if type(owner) is str:
            function = getattr(Traced(owner, Origin(TEMPLATE)), function.__name__)
        made = super().call(context, function, *args, **named)
        if _is_plain(made) and (has_content([owner, *args]) or has_content(named)):
            raise UntraceableError(
                f"{getattr(function, '__name__', 'a call')!r} hides where the characters of its result are from"
            )
        return made

    def wrap_str_format(self, value: Any) -> None:  # noqa: ANN401 - of the template
        """Leave `format` to `Traced`, which knows plain fields alone, so none that reaches attributes."""

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - of the template
        """Apply an operator, so that text stays traced and numbers stay small."""
        self.step()
        if operator == "**" and (abs(right) > 64 or abs(left) > 1 << 32):
            raise SecurityError("it raises a number to a high power")
        if type(left) is str:
            left = Traced(left, Origin(TEMPLATE))
        if operator == "*":
            for number, repeated in ((left, right), (right, left)):
                if isinstance(repeated, (list, tuple)) and number * len(repeated) > OUTPUT:
                    raise SecurityError("it repeats a list too often")
            if type(right) is str:
                right = Traced(right, Origin(TEMPLATE))
        return super().call_binop(context, operator, left, right)

    def _traced(self, name: str, filter_: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a filter: it refuses if it makes plain text of content."""

        def checked(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - of the template
            self.step()
            given = args[1:] if hasattr(filter_, "jinja_pass_arg") else args
            made = filter_(*args, **named)
            if _is_plain(made) and (has_content(given) or has_content(named)):
                raise UntraceableError(f"the filter {name!r} hides where the characters of its result are from")
            return made

        if hasattr(filter_, "jinja_pass_arg"):
            checked.jinja_pass_arg = filter_.jinja_pass_arg  # type: ignore[attr-defined]
        return checked


def _is_plain(made: object) -> bool:
    """Say whether a result is text that does not know where it is from."""
    return isinstance(made, (str, bytes, bytearray)) and not isinstance(made, Traced) and bool(made)


def _raise(message: str) -> None:
    raise RefusedError(str.__str__(message))


def _join(value: Iterable[object], d: str = "", attribute: str | None = None) -> Traced:
    parts = [part if attribute is None else _attribute(part, attribute) for part in value]
    return Traced(d, Origin(TEMPLATE)).join(map(written, parts)) if type(d) is str else d.join(map(written, parts))  # type: ignore[return-value]


def _attribute(part: Any, attribute: str) -> Any:  # noqa: ANN401 - of the template
    return part[attribute] if isinstance(part, Mapping) else getattr(part, attribute)


def _replace(s: str, old: str, new: str, count: int | None = None) -> Traced:
    return joined((written(s),)).replace(old, written(new), -1 if count is None else count)


def _indent(s: str, width: int | str = 4, first: bool = False, blank: bool = False) -> Traced:
    margin = width if isinstance(width, str) else Traced(" ", Origin(TEMPLATE)) * width
    text = joined((s,))
    ended = text.endswith(("\n", "\r"))
    lines = [*text.splitlines(), *([""] if ended or not text else [])]
    shown = [margin + line if number and (blank or line) else line for number, line in enumerate(lines)]
    return joined((margin if first else "", Traced("\n", Origin(TEMPLATE)).join(shown)))


def _format(value: str, *args: Any, **named: Any) -> Traced:  # noqa: ANN401 - of the template
    return joined((value,)) % (named or args)


def _title(s: str) -> Traced:
    text = joined((s,))
    shown, begins = "", True
    for character in str.__str__(text):
        shown += character.upper() if begins else character.lower()
        begins = character.isspace() or character in "-({[<"
    return text._changed(shown)


OWN: dict[str, Callable[..., Any]] = {
    "join": _join,
    "replace": _replace,
    "indent": _indent,
    "format": _format,
    "title": _title,
    "string": written,
    "safe": written,
}
"""Filters that keep origins in place of Jinja's own, which do not."""

__all__ = ["RefusedError", "Sandbox", "TemplateError"]
