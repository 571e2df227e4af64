"""Special tokens of a finished tokenizer: renamed, added, reserved, marked as content. Every id stays what it is.

Each function gives a new tokenizer; the one it is given does not change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from eurotok.escape import json_text
from eurotok.sequences import several
from eurotok.tokenizer import Tokenizer


def rename(tokenizer: Tokenizer, names: Mapping[str, str]) -> Tokenizer:
    """Give special tokens other texts, such as a meaning to reserved ones; their ids stay.

    Parameters
    ----------
    tokenizer
        The tokenizer.
    names
        New texts by old ones. The chat template is changed alike.

    Raises
    ------
    ValueError
        If an old text is no special token, or a new one is a token already.

    Examples
    --------
    >>> import eurotok
    >>> tok = eurotok.load("euro-64k")
    >>> new = rename(tok, {"<|reserved_0|>": "<|french|>"})
    >>> new.special_tokens["<|french|>"] == tok.special_tokens["<|reserved_0|>"]
    True
    """
    known = tokenizer.special_tokens
    for old in names:
        if old not in known:
            raise ValueError(f"names: {old!r} is not a special token")
    kept = known.keys() - names.keys()
    if len({*names.values()}) < len(names):
        raise ValueError("names: two tokens would have the same text")
    for new in names.values():
        _check_new(tokenizer, new, kept)
    data = _data(tokenizer)
    for token in data["added_tokens"]:
        token["content"] = names.get(token["content"], token["content"])
    vocab = data["model"].get("vocab")
    if isinstance(vocab, dict):
        data["model"]["vocab"] = {names.get(text, text): number for text, number in vocab.items()}
    _rename_in(data.get("post_processor"), names)
    made = _made(tokenizer, data)
    if made.chat_template is not None:
        for old, new in names.items():
            made.chat_template = made.chat_template.replace(old, new)
    return made


def add(tokenizer: Tokenizer, tokens: Iterable[str]) -> Tokenizer:
    """Add special tokens behind the vocabulary.

    Raises
    ------
    ValueError
        If one is a token already, or empty.

    Examples
    --------
    >>> import eurotok
    >>> tok = eurotok.train(["un deux"], vocab_size=257)
    >>> add(tok, ["<|fr|>"]).special_tokens["<|fr|>"] == tok.vocab_size
    True
    """
    added = list(several("tokens", tokens))
    if len(set(added)) < len(added):
        raise ValueError("tokens: one occurs twice")
    for text in added:
        _check_new(tokenizer, text, tokenizer.special_tokens.keys())
    data = _data(tokenizer)
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    data["added_tokens"] += [
        {"id": number, "content": text, **flags} for number, text in enumerate(added, tokenizer.vocab_size)
    ]
    return _made(tokenizer, data)


def reserve(tokenizer: Tokenizer, number: int, pattern: str = "<|reserved_{}|>") -> Tokenizer:
    """Add so many special tokens without a meaning, to be renamed later: a model's size then need not change.

    Parameters
    ----------
    tokenizer
        The tokenizer.
    number
        How many.
    pattern
        Their text, with `{}` where the number of each goes. Numbers that are taken are passed over.

    Raises
    ------
    ValueError
        If the number is negative, or the pattern has no `{}`.
    """
    if number < 0:
        raise ValueError(f"number: {number} is negative")
    if "{}" not in pattern:
        raise ValueError(f"pattern: {pattern!r} has no {{}} for a number")
    texts: list[str] = []
    counted = 0
    while len(texts) < number:
        text = pattern.replace("{}", str(counted))
        counted += 1
        if text not in tokenizer.special_tokens:
            texts.append(text)
    return add(tokenizer, texts)


def keep(tokenizer: Tokenizer, tokens: Iterable[str]) -> Tokenizer:
    """Mark special tokens as content, such as those around a call of a tool.

    Decoding keeps them where it leaves out special tokens: `skip_specials=True` here, `skip_special_tokens=True` in
    `transformers`, where they are added tokens with `special=False`. Encoding still finds them only on request, so a
    text that spells one remains text.

    Parameters
    ----------
    tokenizer
        The tokenizer.
    tokens
        All the special tokens that are content; another one is so no longer.

    Raises
    ------
    ValueError
        If one is no special token, or the tokenizer has several stages.

    Examples
    --------
    >>> import eurotok
    >>> tok = eurotok.train(["un"], vocab_size=258, special_tokens=["<|end|>", "<|tool_call|>"])
    >>> ids = tok.encode("<|tool_call|>un<|end|>", specials="parse")
    >>> tok.decode(ids, skip_specials=True), keep(tok, ["<|tool_call|>"]).decode(ids, skip_specials=True)
    ('un', '<|tool_call|>un')
    """
    known = tokenizer.special_tokens
    kept = list(several("tokens", tokens))
    for text in kept:
        if text not in known:
            raise ValueError(f"tokens: {text!r} is not a special token")
    data = _data(tokenizer)
    decoder = data["decoder"]
    if not isinstance(decoder, dict) or decoder.get("type") != "ByteLevel":
        raise ValueError("tokens: only a byte-level tokenizer can keep special tokens")
    before = set(decoder.get("kept", ()))
    for token in data["added_tokens"]:
        token["special"] = token["special"] or token["id"] in before
    decoder["kept"] = sorted({known[text] for text in kept})
    return _made(tokenizer, data)


def _check_new(tokenizer: Tokenizer, text: str, taken: Iterable[str]) -> None:
    if not text:
        raise ValueError("a special token cannot be empty")
    if text in taken or (tokenizer.id(text.encode()) is not None and text not in tokenizer.special_tokens):
        raise ValueError(f"{text!r} is a token already")


def _data(tokenizer: Tokenizer) -> Any:  # noqa: ANN401 - JSON
    return json.loads(tokenizer.to_bytes("json"))


def _made(tokenizer: Tokenizer, data: Any) -> Tokenizer:  # noqa: ANN401 - JSON
    made = Tokenizer(json_text(data).encode(), "the changed tokenizer")
    made.chat_template = tokenizer.chat_template
    return made


def _rename_in(part: Any, names: Mapping[str, str]) -> None:  # noqa: ANN401 - JSON
    """Rename tokens in a post-processor, in place."""
    if isinstance(part, dict):
        for key in [key for key in part if key in names]:
            part[names[key]] = part.pop(key)
        for key, value in part.items():
            if isinstance(value, str):
                part[key] = names.get(value, value)
            else:
                _rename_in(value, names)
    elif isinstance(part, list):
        for place, value in enumerate(part):
            if isinstance(value, str):
                part[place] = names.get(value, value)
            else:
                _rename_in(value, names)
