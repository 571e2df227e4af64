"""Show a chat as the model reads it: control tokens in colour, and the words of the assistant underlined.

The file holds a list of messages with 'role' and 'content', or an object with 'messages' and perhaps 'tools', as JSON.
Text of messages never becomes a control token, even if it spells one.

example:
  eurotok chat euro-64k messages.json
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from eurotok.chat import ChatError
from eurotok.cli.arguments import add_tokenizer, load_tokenizer
from eurotok.escape import terminal
from eurotok.output.tables import has_colours

CONTROL, SAID, END = "\x1b[1;35m", "\x1b[4m", "\x1b[0m"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_tokenizer(parser)
    parser.add_argument("messages", metavar="FILE", help="messages as JSON; - for standard input")
    parser.add_argument("--template", metavar="FILE", help="a Jinja template, in place of the tokenizer's")
    parser.add_argument("--generation-prompt", action="store_true", help="end with the beginning of an answer")
    parser.add_argument("--ids", action="store_true", help="print ids alone, a chat a line")


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok.chat.calls import encoded_chat

    tokenizer = load_tokenizer(args)
    template = None
    if args.template is not None:
        template = Path(args.template).read_text(encoding="utf-8")
    messages, tools = _read(args.messages)
    try:
        encoded = encoded_chat(tokenizer, messages, tools, args.generation_prompt, template)
    except ChatError as error:
        raise ChatError(f"{args.messages}: {error}") from None
    if args.ids:
        print(*encoded.ids.tolist())
        return
    control = {number: text for text, number in tokenizer.special_tokens.items()}
    colours = has_colours(sys.stdout)
    text = str.__str__(encoded.text)
    shown = []
    for number, said, (begin, end) in zip(
        encoded.ids.tolist(), encoded.mask.tolist(), encoded.spans.tolist(), strict=True
    ):
        part = "\n".join(map(terminal, text[begin:end].split("\n")))
        marks = (CONTROL if number in control else "") + (SAID if said else "")
        shown.append(f"{marks}{part}{END}" if colours and marks else part)
    print("".join(shown))
    print(f"{encoded.ids.size} tokens, {int(encoded.mask.sum())} of them said by the assistant", file=sys.stderr)


def _read(path: str) -> tuple[list[Any], list[Any] | None]:
    try:
        value = json.loads(sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ChatError(f"{path}, line {error.lineno}: {error.msg}") from None
    if isinstance(value, dict):
        return value.get("messages", []), value.get("tools")
    if not isinstance(value, list):
        raise ChatError(f"{path}: a list of messages is expected")
    return value, None
