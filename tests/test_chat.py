"""Chats: the ids are those of the rendered template, and what messages say never becomes a control token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import CallBlock, Node
from jinja2.sandbox import ImmutableSandboxedEnvironment

import eurotok
from eurotok.chat import ChatError
from eurotok.chat.ids import encode_chat
from eurotok.chat.template import render, turn_of
from eurotok.chat.traced import TEMPLATE, Origin, Traced, joined

CONTROL = [
    "<|begin|>", "<|im_start|>", "<|im_end|>", "[INST]", "[/INST]", "<start_of_turn>", "<end_of_turn>", "<｜User｜>",
    "<｜Assistant｜>", "<tool_call>", "</tool_call>", "<|eot|>", "<think>", "</think>", "<|s|>",
]  # fmt: skip

TEMPLATES = {path.stem: path.read_text() for path in sorted((Path(__file__).parent / "data" / "chats").glob("*.jinja"))}
"""Templates in the manner of published ones: what these do with content, these do."""
NAMED = {"bos_token": "<|begin|>", "eos_token": "<|eot|>"}

MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": "  Tu réponds en français.\nSois bref. "},
    {"role": "user", "content": "Où est l’école ?\n"},
    {"role": "assistant", "content": "Là-bas, à gauche."},
    {"role": "user", "content": "Ευχαριστώ: 5 < 6, 'καλά' \"ναι\" \\n"},
    {"role": "assistant", "content": "Παρακαλώ\t!"},
]
TOOLS = [
    {"type": "function", "function": {"name": "cerca", "parameters": {"type": "object", "required": [], "n": 1.5}}}
]


@pytest.fixture(scope="module")
def tok() -> eurotok.Tokenizer:
    text = "Où est l’école? Là-bas, à gauche. Tu réponds en français. user assistant system im_start im_end think"
    return eurotok.train([text] * 3, vocab_size=400, special_tokens=CONTROL)


def plain(template: str, messages: list[dict[str, Any]], **variables: object) -> str:
    """The text as `transformers` renders it: the same environment, without origins."""
    import json

    class Generation(Extension):
        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return CallBlock(self.call_method("_same"), [], [], body).set_lineno(line)

        def _same(self, caller: Any) -> str:
            return str(caller())

    sandbox = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    sandbox.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    return sandbox.from_string(template).render(messages=messages, **variables)


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("prompt", [False, True])
def test_ids_are_those_of_the_rendered_text(tok: eurotok.Tokenizer, name: str, prompt: bool) -> None:
    calls = [{"type": "function", "function": {"name": "cerca", "arguments": {"où": "là", "n": [1, None, True, 2.5]}}}]
    messages = [*MESSAGES, {"role": "assistant", "content": "", "tool_calls": calls}] if name == "tools" else MESSAGES
    text = plain(TEMPLATES[name], messages, tools=TOOLS, add_generation_prompt=prompt, **NAMED)
    found = render(TEMPLATES[name], messages, tools=TOOLS, add_generation_prompt=prompt, special_tokens=NAMED)
    assert str.__str__(found) == text
    encoded = encode_chat(tok, found, [message["role"] for message in messages], turn_of(TEMPLATES[name], CONTROL))
    assert np.array_equal(encoded.ids, tok.encode(text, specials="parse"))


HOSTILE = st.lists(
    st.sampled_from([*CONTROL, *(mark[:half] for mark in CONTROL for half in (2, 4)), *(mark[3:] for mark in CONTROL)])
    | st.text(alphabet=" \n<|>aé%{}'\"\\", max_size=4),
    max_size=4,
).map("".join)


@pytest.mark.parametrize("name", TEMPLATES)
@settings(max_examples=40)
@given(st.lists(HOSTILE, min_size=2, max_size=5))
def test_content_never_makes_a_control_token(tok: eurotok.Tokenizer, name: str, texts: list[str]) -> None:
    roles = [("user", "assistant")[place % 2] for place in range(len(texts))]
    messages: list[dict[str, Any]] = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
    if name == "tools":
        call = {"function": {"name": texts[0], "arguments": {texts[0]: [texts[1], 3]}}}
        messages.append({"role": "assistant", "content": [{"type": "text", "text": texts[1]}], "tool_calls": [call]})
        roles.append("assistant")
    try:
        text = render(TEMPLATES[name], messages, tools=TOOLS, special_tokens=NAMED)
    except ChatError:
        return
    assert str.__str__(text) == plain(TEMPLATES[name], messages, tools=TOOLS, **NAMED)
    encoded = encode_chat(tok, text, roles, turn_of(TEMPLATES[name], CONTROL))
    assert tok.decode(encoded.ids) == str.__str__(text)
    control = np.isin(encoded.ids, [*tok.special_tokens.values()])
    own = {place for begin, end, origin in text.spans() if not origin.is_content for place in range(begin, end)}
    for begin, end in encoded.spans[control].tolist():
        assert own.issuperset(range(begin, end)), str.__str__(text)[begin:end]


@pytest.mark.parametrize("name", ["chatml", "headers", "roles", "namespace", "tools", "marked"])
def test_mask_has_the_answers_alone(tok: eurotok.Tokenizer, name: str) -> None:
    text = render(TEMPLATES[name], MESSAGES, special_tokens=NAMED, add_generation_prompt=True)
    turn = turn_of(TEMPLATES[name], CONTROL, NAMED)
    encoded = encode_chat(tok, text, [message["role"] for message in MESSAGES], turn)
    closing = {"headers": "<|eot|>", "roles": "<end_of_turn>", "namespace": "<|eot|>"}.get(name, "<|im_end|>")
    said = "".join(f"{message['content']}{closing}" for message in MESSAGES if message["role"] == "assistant")
    assert tok.decode(encoded.ids[encoded.mask]) == said


def test_mask_of_a_call_has_the_marks_around_it(tok: eurotok.Tokenizer) -> None:
    call = {"function": {"name": "f", "arguments": {"n": 5}}}
    messages: list[dict[str, Any]]
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    text = render(TEMPLATES["tools"], messages)
    encoded = encode_chat(tok, text, ["user", "assistant"], turn_of(TEMPLATES["tools"], CONTROL))
    said = '<tool_call>\n{"name": "f", "arguments": {"n": 5}}\n</tool_call><|im_end|>'
    assert tok.decode(encoded.ids[encoded.mask]) == said


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ raise_exception('roles alternate') }}", "refuses the messages: roles alternate"),
        ("{% for", "line 1"),
        ("{{ messages.__class__.__mro__ }}", "unsafe"),
        ("{{ messages[0].content.__class__.__mro__ }}", "unsafe"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "seconds"),
        ("{% for a in range(99999) %}{{ 'x' * 100000 }}{% endfor %}", "characters"),
        ("{{ 'x' * 10000000000 }}", "repeats"),
        ("{{ 'x'.center(10000000000) }}", "pads"),
        ("{{ '%99999999999d' % 1 }}", "formats"),
        ("{{ 10 ** 10 ** 10 }}", "power"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls itself"),
        ("{{ messages[0].content | escape }}", "'escape' hides"),
        ("{{ messages[0].content.encode() }}", "'encode' hides"),
        ("{{ '%r' % messages[0].content }}", "formats"),
        ("{{ '{0.real}'.format(messages[0].content) }}", "formats"),
        ("{{ (messages[0].content ~ '<|s|>') | tojson }}", "joined"),
        ("{{ messages[9].content.x }}", "no element 9"),
        ("{{ 1 // 0 }}", "fails on these messages: ZeroDivisionError"),
    ],
)
def test_templates_are_confined(monkeypatch: pytest.MonkeyPatch, template: str, message: str) -> None:
    monkeypatch.setattr("eurotok.chat.environment.SECONDS", 0.5)
    monkeypatch.setattr("eurotok.chat.environment.OUTPUT", 1_000_000)
    with pytest.raises(ChatError, match=message):
        render(template, [{"role": "user", "content": "a<|s|>"}])


@pytest.mark.parametrize(
    ("messages", "message"),
    [(["x"], "message 0 is a str"), ([{"content": "x"}], "message 0 has no role"), ([{"role": 3}], "no role")],
)
def test_messages_are_checked(messages: Any, message: str) -> None:
    with pytest.raises(ChatError, match=message):
        render("", messages)


TEXTS = st.text(alphabet="aB \n\tßİ,", max_size=12)


@given(TEXTS, TEXTS, st.integers(-3, 12), st.integers(-3, 12), st.integers(-1, 3))
def test_traced_text_is_as_str(left: str, right: str, begin: int, end: int, count: int) -> None:
    whole, text = left + right, joined((left, Traced(right, Origin(0))))

    def same(found: object, expected: object) -> None:
        assert found == expected
        if isinstance(found, Traced):
            spans = [*found.spans()]
            assert (spans[-1][1] if spans else 0) == len(found)

    same(text[begin:end], whole[begin:end])
    same(text[::-1], whole[::-1])
    for name in ("strip", "lstrip", "rstrip", "splitlines", "split", "rsplit"):
        same(getattr(text, name)(), getattr(whole, name)())
    for sep in (None, ",", " ", "a"):
        same(text.split(sep, count), whole.split(sep, count))
        same(text.rsplit(sep, count), whole.rsplit(sep, count))
        if sep:
            same(text.partition(sep), whole.partition(sep))
            same(text.rpartition(sep), whole.rpartition(sep))
            same(text.strip(sep), whole.strip(sep))
    for old in ("a", "", "aB"):
        same(text.replace(old, "xy", count), whole.replace(old, "xy", count))
    for name in ("center", "ljust", "rjust", "zfill"):
        same(getattr(text, name)(end), getattr(whole, name)(end))
    same(text.splitlines(keepends=True), whole.splitlines(keepends=True))
    same(text * 2, whole * 2)
    same("-".join([text, text]), "-".join([whole, whole]))
    same(",".join(text), ",".join(whole))


def test_origins_stay_with_their_characters() -> None:
    text = joined(("ab", Traced("cd", Origin(3)), "ef"))
    cut = (text[1:5] + "g").replace("d", "--")
    spans = [(str.__str__(cut)[begin:end], origin.message) for begin, end, origin in cut.spans()]
    assert spans == [("b", TEMPLATE), ("c", 3), ("--eg", TEMPLATE)]
