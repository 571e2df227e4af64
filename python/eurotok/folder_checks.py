"""Open a published folder with the libraries that read it, and compare what they give: a check a question."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from eurotok.chat import ChatError
from eurotok.chat.calls import named_tokens
from eurotok.checks import ADVERSARIAL, Finding
from eurotok.pricing.parallel_text import load_parallel
from eurotok.publishing.javascript import compiles
from eurotok.tokenizer import Tokenizer

CHAT = [
    {"role": "user", "content": "Où est l’école ?"},
    {"role": "assistant", "content": "Là-bas."},
    {"role": "user", "content": "Ευχαριστώ!"},
]
"""A chat that every template takes."""


def check_folder(tokenizer: Tokenizer, folder: Path) -> list[Finding]:
    """Ask whether other libraries read a folder as it is meant.

    Parameters
    ----------
    tokenizer
        The tokenizer, as it was loaded from the folder.
    folder
        The folder.

    Returns
    -------
    list[Finding]
        An answer to each question; `"not checked"` if a library is absent.
    """
    texts = [*ADVERSARIAL, *(line for lines in load_parallel().sentences.values() for line in lines)]
    questions: dict[str, Callable[[], Iterator[str]]] = {
        "files agree": lambda: _contradictions(tokenizer, folder),
        "compiles in JavaScript": lambda: _javascript(folder),
    }
    findings = [_asked(name, question) for name, question in questions.items()]
    if importlib.util.find_spec("transformers") is None:
        return [*findings, Finding("opens in transformers", "not checked", "transformers is not installed")]
    try:
        other = _auto(folder)
    except Exception as error:
        return [*findings, Finding("opens in transformers", "failed", f"{type(error).__name__}: {error}")]
    asked: dict[str, Callable[[], Iterator[str]]] = {
        "ids in transformers": lambda: _ids(tokenizer, other, texts),
        "decoding in transformers": lambda: _decoding(tokenizer, other, texts),
        "special tokens in transformers": lambda: _specials(tokenizer, other),
        "chats in transformers": lambda: _chats(tokenizer, other),
        "padded rows in transformers": lambda: _padded(tokenizer, other, texts),
    }
    return [*findings, *(_asked(name, question) for name, question in asked.items())]


def _asked(name: str, question: Callable[[], Iterator[str]]) -> Finding:
    try:
        wrong = tuple(question())
    except Exception as error:
        return Finding(name, "failed", f"{type(error).__name__}: {error}")
    if wrong:
        return Finding(name, "failed", f"{len(wrong)} differences", wrong)
    return Finding(name, "ok", "as it is meant")


def _auto(folder: Path) -> Any:  # noqa: ANN401 - transformers has no types
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(folder))


def _contradictions(tokenizer: Tokenizer, folder: Path) -> Iterator[str]:
    """Find special tokens that the files of a folder give different ids or texts."""
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for number, token in config.get("added_tokens_decoder", {}).items():
        found = tokenizer.special_tokens.get(token["content"])
        if found != int(number):
            yield f"tokenizer_config.json gives {token['content']!r} the id {number}, tokenizer.json {found}"
    for file in ("tokenizer_config.json", "special_tokens_map.json"):
        path = folder / file
        named = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        for role in ("bos_token", "eos_token", "pad_token", "unk_token"):
            value = named.get(role)
            text = value.get("content") if isinstance(value, dict) else value
            if isinstance(text, str) and text not in tokenizer.special_tokens and tokenizer.id(text.encode()) is None:
                yield f"{file} names {text!r} as {role}, which tokenizer.json does not have"


def _javascript(folder: Path) -> Iterator[str]:
    for pattern in _patterns(json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))):
        if not compiles(pattern):
            yield f"{pattern!r}: JavaScript refuses it, so transformers.js cannot use the folder"


def _patterns(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "Regex" and isinstance(part, str):
                yield part
            elif key != "model":
                yield from _patterns(part)
    elif isinstance(value, list):
        for part in value:
            yield from _patterns(part)


def _ids(tokenizer: Tokenizer, other: Any, texts: Sequence[str]) -> Iterator[str]:  # noqa: ANN401 - as above
    for text in texts:
        expected = tokenizer.encode_list(text, specials="parse")
        found = other(text, add_special_tokens=False)["input_ids"]
        if found != expected:
            yield f"{text!r}: {found}, not {expected}"


def _decoding(tokenizer: Tokenizer, other: Any, texts: Sequence[str]) -> Iterator[str]:  # noqa: ANN401 - as above
    for text in texts:
        ids = tokenizer.encode_list(text, specials="parse")
        expected, found = tokenizer.decode(ids), other.decode(ids, skip_special_tokens=False)
        if found != expected:
            yield f"{text!r}: {found!r}, not {expected!r}"


def _specials(tokenizer: Tokenizer, other: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    for text, number in tokenizer.special_tokens.items():
        found = other.convert_tokens_to_ids(text)
        if found != number:
            yield f"{text!r} has the id {found}, not {number}"
    for role, text in named_tokens(tokenizer).items():
        found = getattr(other, role, None)
        if found != text:
            yield f"{role} is {found!r}, not {text!r}"


def _chats(tokenizer: Tokenizer, other: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    if tokenizer.chat_template is None:
        return
    for prompt in (False, True):
        try:
            expected = tokenizer.chat(CHAT, add_generation_prompt=prompt).tolist()
        except ChatError as error:
            yield str(error)
            continue
        text = other.apply_chat_template(CHAT, add_generation_prompt=prompt, tokenize=False)
        found = other(text, add_special_tokens=False)["input_ids"]
        if found != expected:
            yield f"{text!r}: {found}, not {expected}"
        bos = tokenizer.bos_id
        if bos is not None and found.count(bos) > 1:
            yield f"{text!r} begins with {found.count(bos)} tokens of the beginning"


def _padded(tokenizer: Tokenizer, other: Any, texts: Sequence[str]) -> Iterator[str]:  # noqa: ANN401 - as above
    if tokenizer.pad_id is None:
        yield "there is no padding token, so rows of a batch cannot be filled up"
        return
    some = list(texts[:50])
    expected = tokenizer(some, padding=True, multiple_of=8, specials="parse")
    other.padding_side = "right"
    found = other(some, padding=True, pad_to_multiple_of=8, add_special_tokens=False)
    if found["input_ids"] != expected.ids.tolist():  # type: ignore[union-attr]
        yield "rows are filled up otherwise"
    if found["attention_mask"] != expected.attention_mask.tolist():
        yield "masks of rows that are filled up differ"
    beyond = [*tokenizer.encode_list("x"), tokenizer.vocab_size + 7]
    if other.decode(beyond) != "x":
        yield f"an id past the vocabulary decodes to {other.decode(beyond)[1:]!r}, not to nothing"
