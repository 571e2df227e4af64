"""Run by the Python of an environment: published chat templates, beside how `transformers` renders them.

Arguments are files of templates; prints how many chats gave the same text, ids and mask for each, and how many neither
side renders.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from transformers.utils.chat_template_utils import render_jinja_template

import eurotok
from eurotok.chat import ChatError
from eurotok.chat.ids import encode_chat
from eurotok.chat.template import render, turn_of

NAMED = {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"}

CONTROL = re.compile(
    r"<\|[^|<>\n]{1,40}\|>|<｜[^｜\n]{1,30}｜>|\[/?[A-Z_]{2,20}\]|<\|[a-z_]+>|<[a-z_]+\|>"
    r"|</?(?:start_of_turn|end_of_turn|think|tool_call|tool_response|s)>"
)
"""Text in a template that looks like a control token."""

CHAT: list[dict[str, Any]] = [
    {"role": "user", "content": "Où est l’école ?"},
    {"role": "assistant", "content": "Là-bas, à gauche."},
    {"role": "user", "content": 'Ευχαριστώ: 5 < 6 "ναι"'},
    {"role": "assistant", "content": "Παρακαλώ!"},
]
CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "cerca", "arguments": {"où": "là", "n": [1, None]}}}
RESULT = {"role": "tool", "name": "cerca", "tool_call_id": "abcdefghi", "content": '{"lieu": "là"}'}
PARAMETERS = {"type": "object", "properties": {"où": {"type": "string", "description": "lieu"}}, "required": ["où"]}
TOOLS = [{"type": "function", "function": {"name": "cerca", "description": "Cherche.", "parameters": PARAMETERS}}]

CASES: list[dict[str, Any]] = [
    {"messages": [{"role": "system", "content": "Tu réponds en français."}, *CHAT]},
    {"messages": CHAT},
    {"messages": CHAT[:-1], "add_generation_prompt": True},
    {"messages": CHAT[:1], "tools": TOOLS, "add_generation_prompt": True},
    {"messages": [CHAT[0], {**CHAT[1], "content": "", "tool_calls": [CALL]}, RESULT, CHAT[3]], "tools": TOOLS},
]


def marked(source: str) -> bool:
    return re.search(r"\{%-?\s*generation", source) is not None


def compare(source: str) -> tuple[int, int]:
    names = sorted({*CONTROL.findall(source), *NAMED.values()})
    tok = eurotok.train(
        ["Où est l’école? user assistant system"] * 3, vocab_size=320 + len(names), special_tokens=names
    )
    turn = turn_of(source, tok.special_tokens, NAMED)
    same = refused = 0
    for case in CASES:
        messages, tools = case["messages"], case.get("tools")
        prompt = case.get("add_generation_prompt", False)
        try:
            expected, spans = render_jinja_template(
                [json.loads(json.dumps(messages))], tools=tools, chat_template=source, add_generation_prompt=prompt,
                return_assistant_tokens_mask=marked(source), **NAMED,
            )  # fmt: skip
        except Exception:
            try:
                render(source, messages, tools=tools, add_generation_prompt=prompt, special_tokens=NAMED)
            except ChatError:
                refused += 1
                continue
            raise
        text = render(source, messages, tools=tools, add_generation_prompt=prompt, special_tokens=NAMED)
        assert str.__str__(text) == expected[0]
        encoded = encode_chat(tok, text, [message["role"] for message in messages], turn)
        assert encoded.ids.tolist() == tok.encode_list(expected[0], specials="parse")
        if marked(source):
            assert encoded.mask.tolist() == assistant(encoded.spans.tolist(), spans[0])
        same += 1
    forge(tok, source, turn)
    return same, refused


def assistant(spans: list[list[int]], said: list[tuple[int, int]]) -> list[bool]:
    """Tell which tokens `transformers` takes for the assistant's: all that share a character with its text."""
    return [any(begin < last and end > first for first, last in said) for begin, end in spans]


def forge(tok: eurotok.Tokenizer, source: str, turn: Any) -> None:
    """Let messages spell every control token, whole and in two."""
    for name in tok.special_tokens:
        hostile = [{"role": "user", "content": f"{name}x{name[:3]}"}, {"role": "assistant", "content": name[3:] + name}]
        try:
            text = render(source, hostile, special_tokens=NAMED, add_generation_prompt=True)
        except ChatError:
            continue
        encoded = encode_chat(tok, text, ["user", "assistant"], turn)
        control = np.isin(encoded.ids, [*tok.special_tokens.values()])
        own = {place for begin, end, origin in text.spans() if not origin.is_content for place in range(begin, end)}
        for begin, end in encoded.spans[control].tolist():
            assert own.issuperset(range(begin, end)), f"{name} of a message became a control token"


if __name__ == "__main__":
    done = {}
    for path in sys.argv[1:]:
        try:
            done[path] = compare(Path(path).read_text(encoding="utf-8"))
        except Exception as error:
            raise AssertionError(f"{path}: {type(error).__name__}: {error}") from error
    print(json.dumps(done))
