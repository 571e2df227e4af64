"""The vocabulary that all encoders are given, in the files they read."""

from __future__ import annotations

import base64
from importlib import import_module
from pathlib import Path

import eurotok
from benches.encoders import SCHEME, Vocabulary
from eurotok.pricing.parallel_text import SAMPLE

FALLBACK_SIZE = 8192


def prepare(folder: Path, small: bool = False) -> Vocabulary:
    """Write GPT-4o's vocabulary, which `quicktok-v1` carries; without that, or if asked, a small one of the sample."""
    try:
        bundled = None if small else import_module("quicktok").get_encoding("o200k_base")
    except ImportError:
        bundled = None
    if bundled is None:
        tok = eurotok.train(SAMPLE, vocab_size=FALLBACK_SIZE, scheme=SCHEME)
        return _write(folder, "sample8k", [tok.token(rank) for rank in range(tok.vocab_size)], {})
    specials = {text: bundled.encode_single_token(text) for text in bundled.special_tokens_set}
    tokens = [bundled.decode_single_token_bytes(rank) for rank in range(len(bundled.token_byte_values()))]
    return _write(folder, "o200k", tokens, specials)


def _write(folder: Path, name: str, tokens: list[bytes], specials: dict[str, int]) -> Vocabulary:
    vocabulary = Vocabulary(name, str(folder), eurotok.schemes()[SCHEME], specials)
    ranks = "".join(f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in enumerate(tokens))
    Path(vocabulary.tiktoken).write_text(ranks, encoding="ascii")
    tok = eurotok.load(vocabulary.tiktoken, SCHEME, specials)
    tok.save(vocabulary.json)
    tok.save(vocabulary.eurotok)
    return vocabulary
