"""Folders that hold a tokenizer: the file that is it, and what the files beside that say of it.

A folder enters; the tokenizer's file, or a `tokenizer.json` made of `vocab.json` and `merges.txt`, leaves, with the
special tokens by their roles and the template of chats. What contradicts itself is an error that names both places.
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eurotok import _core
from eurotok.escape import json_text

FILES = ("tokenizer.json", "tokenizer.model", "tekken.json", "vocab.json")
"""Names that a tokenizer has in a folder, the first that is there first."""

ENDINGS = ("*.eurotok", "*.model", "*.tiktoken", "*.gguf")
"""Files that are a tokenizer if a folder has one of the kind, and none of `FILES`."""

ROLES = ("bos", "eos", "pad", "unk")
"""The roles of special tokens, in the files `bos_token` and so on."""

LARGEST = 1 << 26
"""Bytes of a file beside a tokenizer."""

GPT2 = ("GPT2Tokenizer", "RobertaTokenizer", "BartTokenizer", "LongformerTokenizer", "WhisperTokenizer")
"""Classes of `transformers` whose `vocab.json` and `merges.txt` mean text that is split as by GPT-2."""

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Statement:
    """The settings in the files beside a tokenizer.

    Attributes
    ----------
    added
        Added tokens and their ids, each with the file that says so.
    roles
        The text of the special token of each role that is stated, or None where a role is stated to have none.
    chat_template
        The template of chats, if there is one.
    """

    added: list[tuple[str, int, Path]] = field(default_factory=list)
    roles: dict[str, str | None] = field(default_factory=dict)
    chat_template: str | None = None


@dataclass(frozen=True)
class Found:
    """A tokenizer in a folder.

    Attributes
    ----------
    path
        Its file.
    data
        A `tokenizer.json` that means the same, if the file alone is not a whole tokenizer.
    statement
        What stands beside it.
    special_tokens
        Special tokens and their ids, if the file is one that does not name them, and others do.
    """

    path: Path
    data: bytes | None
    statement: Statement
    special_tokens: dict[str, int] | None = None


def find(folder: Path) -> Found:
    """Find the tokenizer in a folder.

    Raises
    ------
    IsADirectoryError
        If there is none.
    FormatError
        If a file beside it cannot be read, or contradicts itself or another.
    UnsupportedError
        If `vocab.json` and `merges.txt` are of a class whose splitting rule is not known.
    """
    path = next(_files(folder), None)
    if path is None:
        names = ", ".join((*FILES[:-1], "vocab.json with merges.txt"))
        raise IsADirectoryError(errno.EISDIR, f"Is a directory, without a {names}", str(folder))
    statement = _statement(folder)
    data = _joined(folder, statement) if path.name == "vocab.json" else None
    added = {content: number for content, number, _ in statement.added}
    return Found(path, data, statement, added if added and _has_ranks(path) else None)


def check(found: Found, ids: Mapping[str, int]) -> dict[str, int]:
    """Hold the special tokens of a tokenizer to what stands beside it; give the ids of the roles.

    Parameters
    ----------
    found
        The tokenizer in its folder.
    ids
        The ids of its special and added tokens.

    Returns
    -------
    dict[str, int]
        The id of each role that is stated and whose token there is.

    Raises
    ------
    FormatError
        If a token has another id there, or another file says so.
    """
    stated = {}
    for content, number, path in found.statement.added:
        own = ids.get(content)
        if own is not None and own != number:
            raise _core.FormatError(
                f"{path}: the token {content!r} has the id {number}, but {own} in {found.path.name}"
            )
        stated[content] = number
    known = {**stated, **ids}
    return {role: known[text] for role, text in found.statement.roles.items() if text is not None and text in known}


def _files(folder: Path) -> Iterator[Path]:
    for name in FILES:
        if (folder / name).is_file() and (name != "vocab.json" or (folder / "merges.txt").is_file()):
            yield folder / name
    for ending in ENDINGS:
        there = sorted(folder.glob(ending))
        if len(there) > 1:
            names = ", ".join(path.name for path in there[:4])
            raise _core.FormatError(f"{folder}: holds several tokenizers, of which none is tokenizer.json: {names}")
        yield from there


def _has_ranks(path: Path) -> bool:
    """Whether a file begins as a `.tiktoken` file, whatever it is called."""
    with path.open("rb") as file:
        return re.match(rb"[A-Za-z0-9+/]+=* [0-9]+\r?\n", file.read(4096)) is not None


def _statement(folder: Path) -> Statement:
    config = _object(folder / "tokenizer_config.json")
    added: list[tuple[str, int, Path]] = []
    path = folder / "added_tokens.json"
    for content, number in _object(path).items():
        added.append((content, _id(path, content, number), path))
    path = folder / "tokenizer_config.json"
    for number, token in _mapping(path, config, "added_tokens_decoder").items():
        text = _text(token)
        if text is None or not number.isdecimal() or len(number) > 10:
            raise _core.FormatError(f"{path}: added_tokens_decoder: {number[:40]!r} is not an id with a token")
        added.append((text, _id(path, text, int(number)), path))
    _check_ids(added)
    roles: dict[str, str | None] = {}
    for path, values in ((folder / "special_tokens_map.json", None), (folder / "tokenizer_config.json", config)):
        for role in ROLES:
            stated = (_object(path) if values is None else values).get(f"{role}_token", ...)
            if stated is not ... and not (role in roles and stated is None):
                roles[role] = _text(stated)
    return Statement(added, roles, _template(folder, config))


def _check_ids(added: list[tuple[str, int, Path]]) -> None:
    """Refuse a token with two ids, and an id with two tokens."""
    by_content: dict[str, tuple[int, Path]] = {}
    by_id: dict[int, tuple[str, Path]] = {}
    for content, number, path in added:
        other, there = by_content.setdefault(content, (number, path))
        if other != number:
            raise _core.FormatError(f"{path}: the token {content!r} has the id {number}, but {other} in {there.name}")
        text, there = by_id.setdefault(number, (content, path))
        if text != content:
            raise _core.FormatError(f"{path}: the id {number} is of {content!r}, but of {text!r} in {there.name}")


def _template(folder: Path, config: Mapping[str, Any]) -> str | None:
    path = folder / "chat_template.jinja"
    if path.is_file():
        return _read(path)
    stated = config.get("chat_template")
    if isinstance(stated, list):
        # Several, by name.
        named = {item.get("name"): item.get("template") for item in stated if isinstance(item, dict)}
        stated = named.get("default")
    return stated if isinstance(stated, str) else None


def _joined(folder: Path, statement: Statement) -> bytes:
    """Make a `tokenizer.json` of `vocab.json` and `merges.txt`."""
    config = _object(folder / "tokenizer_config.json")
    kind = str(config.get("tokenizer_class") or "GPT2Tokenizer").removesuffix("Fast")
    byte_level: dict[str, Any] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    normalizer: dict[str, Any] | None = None
    if kind in GPT2:
        byte_level["add_prefix_space"] = bool(config.get("add_prefix_space", False))
        pre_tokenizer: dict[str, Any] = {**byte_level, "use_regex": True}
    elif kind == "Qwen2Tokenizer":
        split = {"type": "Split", "pattern": {"Regex": QWEN2}, "behavior": "Isolated", "invert": False}
        pre_tokenizer = {"type": "Sequence", "pretokenizers": [split, {**byte_level, "use_regex": False}]}
        normalizer = {"type": "NFC"}
    else:
        raise _core.UnsupportedError(
            f"{folder}: not supported: vocab.json and merges.txt of a {kind}, whose splitting rule they do not state"
        )
    vocab = _object(folder / "vocab.json")
    specials = {text for text in statement.roles.values() if text is not None}
    added = {content: number for content, number, _ in statement.added}
    added.update({text: vocab[text] for text in specials if text in vocab})
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    lines = _read(folder / "merges.txt").split("\n")
    merges = [line.removesuffix("\r") for line in lines if line.strip() and not line.startswith("#version:")]
    file = {
        "version": "1.0",
        "added_tokens": [
            {"id": number, "content": content, **flags}
            for content, number in sorted(added.items(), key=lambda item: item[1])
        ],
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "decoder": {**byte_level, "use_regex": True},
        "model": {"type": "BPE", "vocab": vocab, "merges": merges},
    }
    return json_text(file).encode()


def _read(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise _core.FormatError(f"{path}: more than {LARGEST} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise _core.FormatError(f"{path}: invalid UTF-8 at byte {error.start}") from None


def _object(path: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one if there is no such file."""
    if not path.is_file():
        return {}

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        known: dict[str, Any] = {}
        for key, value in pairs:
            if key in known:
                raise _core.FormatError(f"{path}: the key {key!r} occurs twice")
            known[key] = value
        return known

    try:
        value = json.loads(_read(path), object_pairs_hook=distinct)
    except RecursionError:
        raise _core.FormatError(f"{path}: objects within objects, too many for JSON") from None
    except _core.FormatError:
        raise
    except ValueError as error:
        raise _core.FormatError(f"{path}: {error}") from None
    if not isinstance(value, dict):
        raise _core.FormatError(f"{path}: not a JSON object")
    return value


def _mapping(path: Path, config: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = config.get(key) or {}
    if not isinstance(value, dict):
        raise _core.FormatError(f"{path}: {key} is not an object")
    return value


def _text(token: object) -> str | None:
    """Give the text of a token: a string, or an object with its content."""
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else None


def _id(path: Path, content: str, number: object) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1 << 32:
        raise _core.FormatError(f"{path}: the token {content!r} has the id {number!r}, which is none")
    return number
