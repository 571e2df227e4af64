"""GGUF files that hold a vocabulary alone, for llama.cpp.

llama.cpp knows splitting rules by name only, so a vocabulary is written only if one of these names splits as it does.
The package `gguf` writes the file; it is imported when used.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from eurotok._core import Tokenizer as Core
from eurotok._core import UnsupportedError
from eurotok.chat.calls import named_tokens
from eurotok.corpus import StrPath
from eurotok.files import check_outputs, replacing
from eurotok.vocabulary import text_of

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
"""Types of tokens, as llama.cpp numbers them."""

EXACT = {"gpt2": "gpt-2", "qwen2": "qwen2", "llama3": "dbrx"}
"""Names of llama.cpp, by the schemes that they split like."""

WHOLE = {"llama3": "llama-bpe"}
"""The same, for vocabularies whose tokens are taken whole, whatever the merges say (`ignore_merges`)."""

NEAREST = {"cl100k": "dbrx", "o200k": "gpt-4o", "europe": "gpt-4o", "tekken": "tekken"}
"""Names of rules that split nearly alike."""

FLAGS = ("lstrip", "rstrip", "single_word", "normalized")
"""What an added token may ask for, that llama.cpp does not know."""

SEPARATOR = "\n__ggml_vocab_test__\n"
"""What stands between the texts of llama.cpp's test vectors."""


class Vocabulary(Protocol):
    """The part of a tokenizer that a GGUF file needs."""

    chat_template: str | None

    @property
    def scheme(self) -> str | None:
        """The name of the splitting rule, if it has one."""

    @property
    def special_tokens(self) -> dict[str, int]:
        """Ids of special and added tokens, by their text."""

    @property
    def vocab_size(self) -> int:
        """One more than the largest id."""

    def to_bytes(self, format: str) -> bytes:  # noqa: A002 - of the binding
        """Give the contents of a file."""


class Vectored(Protocol):
    """The part of a tokenizer that test vectors need."""

    def encode_list(self, text: str) -> list[int]:
        """Encode a text."""


def save_gguf(tokenizer: Vocabulary, path: StrPath, pre: str | None = None) -> None:
    """Write the vocabulary of a tokenizer as a GGUF file without a model; see `Tokenizer.save_gguf`."""
    try:
        from gguf import GGUFWriter
    except ImportError as error:
        raise ImportError("writing .gguf needs that package: pip install 'eurotok[gguf]'") from error
    check_outputs([path])
    data = json.loads(tokenizer.to_bytes("json"))
    _check_bytes(data)
    name = pre or _rule(tokenizer, data)
    tokens, types = _tokens(data, tokenizer.vocab_size)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "vocabulary.gguf"
        writer: Any = GGUFWriter(made, "llama")
        writer.add_type("vocab")
        writer.add_name(Path(path).stem)
        # llama.cpp asks for the shape of a model even where it loads none.
        for key in ("context_length", "embedding_length", "block_count", "feed_forward_length", "head_count"):
            getattr(writer, f"add_{key}")(1)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(name)
        writer.add_token_list(tokens)
        writer.add_token_types(types)
        merges = data["model"]["merges"]
        writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
        for role, text in named_tokens(tokenizer).items():
            if role != "unk_token":
                getattr(writer, f"add_{role.removesuffix('_token')}_token_id")(tokenizer.special_tokens[text])
        writer.add_add_bos_token(False)
        writer.add_add_eos_token(False)
        if tokenizer.chat_template is not None:
            writer.add_chat_template(tokenizer.chat_template)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        with replacing(path) as file:
            file.write(made.read_bytes())


def vectors(tokenizer: Vectored, texts: Sequence[str]) -> tuple[str, str]:
    """Give the contents of two files by which llama.cpp tests a vocabulary: texts (`.inp`), and their ids (`.out`)."""
    lines = ["".join(f" {number}" for number in tokenizer.encode_list(text)) for text in texts]
    return SEPARATOR.join([*texts, ""]), "\n".join([*lines, ""])


def _check_bytes(data: Any) -> None:  # noqa: ANN401 - any JSON
    if data["model"]["type"] != "BPE" or "ByteLevel" not in json.dumps(data["pre_tokenizer"]):
        kind = "BPE of characters" if data["model"]["type"] == "BPE" else data["model"]["type"]
        raise UnsupportedError(f"a tokenizer of the model {kind} is not written as GGUF; byte-level BPE is")


def _rule(tokenizer: Vocabulary, data: Any) -> str:  # noqa: ANN401 - any JSON
    """Name the rule by which llama.cpp gives the same ids; refuse if there is none."""
    try:
        scheme = tokenizer.scheme
    except UnsupportedError:
        scheme = None
    names = WHOLE if _takes_whole(data) else EXACT
    reason = None
    if data["normalizer"] is not None:
        reason = "it does not normalize text, as this tokenizer does"
    elif data["post_processor"] is not None and data["post_processor"]["type"] != "ByteLevel":
        reason = "it does not know the post-processor of this tokenizer"
    elif any(token[flag] for token in data["added_tokens"] for flag in FLAGS):
        reason = "it does not know added tokens that take white space along, stand alone or are normalized"
    elif scheme not in names:
        shown = "the regex of this tokenizer" if scheme is None else f"the scheme {scheme!r}"
        whole = " and takes tokens whole" if scheme in EXACT else ""
        reason = f"it has no rule that splits as {shown} does{whole}"
    if reason is None:
        return names[str(scheme)]
    nearest = names.get(scheme or "") or {**EXACT, **NEAREST}.get(scheme or "", "gpt-4o")
    raise UnsupportedError(
        f"llama.cpp would give other ids: {reason}; pre={nearest!r} (--pre {nearest}) writes the file nevertheless, "
        f"with its nearest rule"
    )


def _takes_whole(data: Any) -> bool:  # noqa: ANN401 - any JSON
    """Say whether a text that is a token has other ids where tokens are not taken whole, but merged."""
    model = data["model"]
    if not model.get("ignore_merges"):
        return False
    whole, merged = (
        Core(json.dumps({**data, "model": {**model, "ignore_merges": taken}}).encode(), "the vocabulary")
        for taken in (True, False)
    )
    tokens = (whole.token(number) for number in model["vocab"].values())
    texts = filter(None, map(text_of, tokens))
    return any(whole.encode_list(text) != merged.encode_list(text) for text in texts)


def _tokens(data: Any, size: int) -> tuple[list[str], list[int]]:  # noqa: ANN401 - any JSON
    """Give the text and the type of every id; ids without a token get one that is never used."""
    tokens = [f"[PAD{number}]" for number in range(size)]
    types = [UNUSED] * size
    for text, number in data["model"]["vocab"].items():
        tokens[number], types[number] = text, NORMAL
    for token in data["added_tokens"]:
        tokens[token["id"]] = token["content"]
        types[token["id"]] = CONTROL if token["special"] else USER_DEFINED
    return tokens, types
