"""The tokenizers of others that ours are priced beside, as packages and published files carry them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

from eurotok import Tokenizer
from eurotok.corpus import read_text

BASE = "o200k"
"""The reference for the prices of the shipped tokenizers: the vocabulary of GPT-4o."""

FILES = "EUROTOK_TOKENIZERS"
"""The variable that names a folder of published files; those that it lacks are not priced."""

QWEN_3_6 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+"
)
"""The splitting rule that its file does not state."""


def peers() -> dict[str, object]:
    """Load them: from the packages `quicktok-v1`, `mistral-common` and `tokenizers`, and from files."""
    quicktok = import_module("quicktok")
    data = Path(str(import_module("mistral_common").__file__)).parent / "data"
    found = {
        BASE: quicktok.get_encoding("o200k_base").encode_ordinary,
        "cl100k": quicktok.get_encoding("cl100k_base").encode_ordinary,
        "Llama 3": quicktok.get_encoding("llama3").encode_ordinary,
        "Qwen 3": quicktok.get_encoding("qwen3").encode_ordinary,
        "Tekken": data / "tekken_240911.json",
        "Mistral v3": data / "mistral_instruct_tokenizer_240323.model.v3",
    }
    folder = Path(os.environ.get(FILES, ""))
    return found | {name: load(folder / file) for name, (file, load) in PUBLISHED.items() if (folder / file).is_file()}


def _ranks(path: Path, scheme: str) -> Tokenizer:
    return Tokenizer(read(path).encode(), path.name, scheme)


def _described(path: Path) -> object:
    return import_module("tokenizers").Tokenizer.from_str(read(path))


def _packed(path: Path) -> Tokenizer:
    with import_module("pyarrow").input_stream(str(path)) as file:
        return Tokenizer(file.read(), path.name)


def read(path: Path) -> str:
    """Read a file as one text, though its name says that it holds records."""
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, f"text.txt{path.suffix}")
        link.symlink_to(path.absolute())
        return read_text(link)


PUBLISHED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "Llama 4": ("llama4.tiktoken.zst", partial(_ranks, scheme="o200k")),
    "Qwen 3.6": ("qwen3_6.tiktoken.zst", partial(_ranks, scheme=QWEN_3_6)),
    "DeepSeek": ("deepseek-v4.json.zst", _described),
    "Gemma 4": ("ggml-vocab-gemma-4.gguf.zst", _packed),
    "Lucie": ("Lucie-7B.json.zst", _described),
}
"""By name: the file, and how it is read."""
