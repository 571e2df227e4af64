"""Write the folder that `AutoTokenizer.from_pretrained` reads, for old and new versions of `transformers`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Any, Literal, Protocol, get_args

from eurotok._core import __version__
from eurotok.chat.calls import named_tokens
from eurotok.corpus import StrPath
from eurotok.escape import json_text
from eurotok.files import replacing
from eurotok.publishing.javascript import respelled
from eurotok.publishing.tekken import tekken

PublishedFormat = Literal["transformers", "tekken"]
"""The libraries that a folder can be for: `transformers`, and those that read its files; or mistral-common."""

UNLIMITED = int(1e30)
"""The `model_max_length` of a tokenizer that knows no limit, as `transformers` writes it."""

CLOSING = ("<|end_of_turn|>", "<|im_end|>", "<|eot_id|>", "<|eot|>", "<end_of_turn>", "<|end|>")
"""Special tokens that end a turn of a chat: generation stops at them, too."""


class Publishable(Protocol):
    """The part of a tokenizer that a folder needs."""

    chat_template: str | None
    card: Path | None

    @property
    def special_tokens(self) -> dict[str, int]:
        """Ids of special and added tokens, by their text."""

    @property
    def vocab_size(self) -> int:
        """One more than the largest id."""

    @property
    def pattern(self) -> str:
        """The regex that splits text."""

    def to_bytes(self, format: str) -> bytes:  # noqa: A002 - of the binding
        """Give the contents of a file."""


CARD = Template("""---
library_name: transformers
tags: [tokenizer]
---

# $name

A tokenizer with $entries entries, $specials of them special tokens, written by eurotok $version.

```python
from transformers import AutoTokenizer

tok = AutoTokenizer.from_pretrained("$name")
ids = tok("L’école européenne")["input_ids"]
tok.decode(ids)
```
$chat""")

CHAT = """
It has a template of chats; no text of a message becomes a control token with `eurotok`:

```python
tok.apply_chat_template([{"role": "user", "content": "Ça va ?"}], add_generation_prompt=True)  # transformers

import eurotok

eurotok.load("tokenizer-folder").chat([{"role": "user", "content": "Ça va ?"}], add_generation_prompt=True)
```
"""


def publish(
    tokenizer: Publishable,
    folder: StrPath,
    *,
    name: str | None = None,
    generation_config: bool = False,
    card: bool = True,
    format: PublishedFormat = "transformers",  # noqa: A002 - as of to_bytes
    renumber: bool = False,
) -> list[Path]:
    """Write a folder; see `Tokenizer.publish`."""
    if format not in get_args(PublishedFormat):
        raise ValueError(f"format: {format!r} is neither 'transformers' nor 'tekken'")
    if format == "tekken":
        return _write(_folder(folder), {"tekken.json": tekken(tokenizer, renumber)})
    if renumber:
        raise ValueError("renumber: only a Tekken file may change ids")
    target = _folder(folder)
    roles = named_tokens(tokenizer)
    data = json.loads(tokenizer.to_bytes("json"))
    respelled(data)
    files: dict[str, str] = {
        "tokenizer.json": _json(data),
        "tokenizer_config.json": _json(_config(tokenizer, data["added_tokens"], roles)),
        "special_tokens_map.json": _json(_map(data["added_tokens"], roles)),
    }
    if tokenizer.chat_template is not None:
        files["chat_template.jinja"] = tokenizer.chat_template
    if generation_config:
        files["generation_config.json"] = _json(_generation(tokenizer, roles))
    if card:
        files["README.md"] = _card(tokenizer, name or target.resolve().name)
    written = _write(target, files)
    for file in ("chat_template.jinja", "generation_config.json"):
        if file not in files:
            (target / file).unlink(missing_ok=True)
    return written


def _folder(folder: StrPath) -> Path:
    """Make the folder, if it does not exist."""
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{target}: is a file; a folder is expected")
    target.mkdir(parents=True, exist_ok=True)
    return target


def _write(target: Path, files: Mapping[str, str]) -> list[Path]:
    for file, text in files.items():
        with replacing(target / file) as out:
            out.write(text.encode())
    return [target / file for file in files]


def _json(value: Mapping[str, Any]) -> str:
    return json_text(value, indent=2) + "\n"


def _config(tokenizer: Publishable, added: Iterable[Mapping[str, Any]], roles: Mapping[str, str]) -> dict[str, Any]:
    decoder = {str(token["id"]): {key: token[key] for key in token if key != "id"} for token in added}
    return {
        "added_tokens_decoder": decoder,
        "additional_special_tokens": _additional(added, roles),
        **roles,
        **({"chat_template": tokenizer.chat_template} if tokenizer.chat_template is not None else {}),
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": UNLIMITED,
        "padding_side": "right",
        "tokenizer_class": "PreTrainedTokenizerFast",
    }


def _additional(added: Iterable[Mapping[str, Any]], roles: Mapping[str, str]) -> list[str]:
    """Name the special tokens that have no role of their own."""
    return [token["content"] for token in added if token["special"] and token["content"] not in roles.values()]


def _map(added: Iterable[Mapping[str, Any]], roles: Mapping[str, str]) -> dict[str, Any]:
    keys = ("content", "lstrip", "normalized", "rstrip", "single_word")
    tokens = {token["content"]: {key: token[key] for key in keys} for token in added}
    named = {role: tokens[text] for role, text in roles.items()}
    return {"additional_special_tokens": _additional(added, roles), **named}


def _generation(tokenizer: Publishable, roles: Mapping[str, str]) -> dict[str, Any]:
    specials = tokenizer.special_tokens
    ends = [specials[text] for text in (roles.get("eos_token"), *CLOSING) if text in specials]
    ids = {f"{role}_token_id": specials[roles[f"{role}_token"]] for role in ("bos", "pad") if f"{role}_token" in roles}
    return ids | {"eos_token_id": [*dict.fromkeys(ends)]}


def _card(tokenizer: Publishable, name: str) -> str:
    if tokenizer.card is not None:
        return tokenizer.card.read_text(encoding="utf-8")
    return CARD.substitute(
        name=name,
        entries=f"{tokenizer.vocab_size:,}",
        specials=len(tokenizer.special_tokens),
        version=__version__,
        chat=CHAT if tokenizer.chat_template is not None else "",
    )
