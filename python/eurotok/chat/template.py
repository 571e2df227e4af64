"""Chat templates: from messages to text whose every character has an origin."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from jinja2 import Template, TemplateError, TemplateSyntaxError

from eurotok.chat import ChatError
from eurotok.chat.environment import RefusedError, Sandbox
from eurotok.chat.traced import OUTSIDE, Traced, UntraceableError, content

ROLES = frozenset(["system", "developer", "user", "assistant", "tool", "function", "model", "ipython", "environment"])
"""Roles from which a template may build marks such as `<|user|>`. Any other role is content."""


_OF_THREAD = threading.local()


class Turn(NamedTuple):
    """The texts with which a template opens and closes an answer.

    Attributes
    ----------
    opening
        The text that stands before an answer; empty if the template has no generation prompt.
    closing
        The text that stands behind the content of an answer, up to its first control token; empty if there is none.
    """

    opening: str
    closing: str


def render(
    template: str,
    messages: Sequence[Mapping[str, Any]],
    *,
    tools: Sequence[Mapping[str, Any]] | None = None,
    add_generation_prompt: bool = False,
    special_tokens: Mapping[str, str] | None = None,
    variables: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> Traced:
    """Render messages by a Jinja template, as `transformers` does.

    Parameters
    ----------
    template
        The template, as `chat_template.jinja` of a model has it.
    messages
        The messages, each with a role and, as a rule, content.
    tools
        Descriptions of functions that the model may call, as JSON schemas.
    add_generation_prompt
        Whether the text ends with the beginning of an answer.
    special_tokens
        `bos_token` and the like: the template may use them, and they count as its own text.
    variables
        Other variables of the template, such as `enable_thinking`. Text in them is content.
    now
        The time that a template is told.

    Returns
    -------
    Traced
        The text.

    Raises
    ------
    ChatError
        If the template is not valid, refuses the messages, takes too long, or changes content in a way that hides
        where characters are from; if a message has no role.
    """
    told = {
        "messages": [_message(number, message) for number, message in enumerate(messages)],
        "tools": None if tools is None else content([_described(tool) for tool in tools], OUTSIDE),
        "documents": None,
        "add_generation_prompt": add_generation_prompt,
        **(special_tokens or {}),
        **content(dict(variables or {}), OUTSIDE),
    }
    try:
        text = _compiled(template, now).render(told)
    except RefusedError as error:
        raise ChatError(f"the chat template refuses the messages: {error}") from None
    except TemplateSyntaxError as error:
        raise ChatError(f"the chat template, line {error.lineno}: {error.message}") from None
    except (TemplateError, UntraceableError) as error:
        raise ChatError(f"the chat template cannot be used: {error}") from None
    except RecursionError:
        raise ChatError("the chat template calls itself without end") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ChatError(f"the chat template fails on these messages: {type(error).__name__}: {error}") from None
    if not isinstance(text, Traced):
        raise ChatError("the chat template hides where its text is from")
    return text


def turn_of(template: str, marks: Collection[str], special_tokens: Mapping[str, str] | None = None) -> Turn:
    """Find out by a question and an answer how a template opens and closes answers.

    Parameters
    ----------
    template, special_tokens
        As for `render`.
    marks
        The texts of control tokens.
    """
    question = {"role": "user", "content": "question"}
    answer = {"role": "assistant", "content": "answer"}
    try:
        asked = render(template, [question], special_tokens=special_tokens)
        prompted = render(template, [question], special_tokens=special_tokens, add_generation_prompt=True)
        answered = render(template, [question, answer], special_tokens=special_tokens)
    except ChatError:
        return Turn("", "")
    opening = str.__str__(prompted)[len(asked) :] if prompted.startswith(asked) else ""
    behind = str.__str__(answered).rpartition("answer")[2]
    ends = [behind.index(mark) + len(mark) for mark in marks if mark in behind]
    return Turn(opening, behind[: min(ends)] if ends else "")


def _compiled(template: str, now: datetime | None) -> Template:
    """Compile a template, or take the one that this thread compiled last."""
    if getattr(_OF_THREAD, "source", None) != template:
        _OF_THREAD.sandbox = Sandbox()
        _OF_THREAD.compiled = _OF_THREAD.sandbox.from_string(template)
        _OF_THREAD.source = template
    _OF_THREAD.sandbox.begin(now)
    compiled: Template = _OF_THREAD.compiled
    return compiled


def _message(number: int, message: Mapping[str, Any]) -> dict[Any, Any]:
    if not isinstance(message, Mapping):
        raise ChatError(f"message {number} is a {type(message).__name__}; a dict with role and content is expected")
    role = message.get("role")
    if not isinstance(role, str):
        raise ChatError(f"message {number} has no role")
    traced: dict[Any, Any] = content(dict(message), number)
    if role in ROLES:
        traced["role"] = role
    return traced


def _described(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(tool, Mapping):
        raise ChatError(f"tools: a JSON schema is expected, got {type(tool).__name__}")
    return tool
