"""How each trainer is called: a file of lines in, tokens in the order of their merges out, in the scheme `gpt2`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEME = "gpt2"
BYTES = 256
MIN_FREQUENCY = 2
LIMIT = "300MB"
"""Of memory, for one that trains within it."""
WITHIN = f"eurotok within {LIMIT}"

Tokens = list[bytes]


@dataclass(frozen=True)
class Given:
    """The input of a trainer: a file of lines, the regex of the scheme, the size of the vocabulary, threads."""

    path: Path
    pattern: str
    size: int
    threads: int


@dataclass(frozen=True)
class Trainer:
    """A trainer: its name on PyPI and what it does."""

    package: str
    module: str
    train: Callable[[Any, Given], Callable[[], Tokens]]
    """To a trained model, whose tokens are read after the clock."""
    count: Callable[[Any, Given], Any] | None = None
    """Counts alone."""
    merge: Callable[[Any, Any, Given], Callable[[], Tokens]] | None = None
    """Merges alone, of the counts."""


def _eurotok_count(module: Any, given: Given) -> Any:
    return module.count({"und": given.path}, SCHEME, threads=given.threads)


def _eurotok_merge(module: Any, counts: Any, given: Given) -> Callable[[], Tokens]:
    tok = module.train(counts, vocab_size=given.size, min_frequency=MIN_FREQUENCY, threads=given.threads)
    return lambda: [tok.token(rank) for rank in range(BYTES, tok.vocab_size)]


def _eurotok(module: Any, given: Given) -> Callable[[], Tokens]:
    return _eurotok_merge(module, _eurotok_count(module, given), given)


def _eurotok_within(module: Any, given: Given) -> Callable[[], Tokens]:
    limits = {"memory": LIMIT, "threads": given.threads}
    counts = module.count({"und": given.path}, SCHEME, **limits)
    tok = module.train(counts, vocab_size=given.size, min_frequency=MIN_FREQUENCY, **limits)
    return lambda: [tok.token(rank) for rank in range(BYTES, tok.vocab_size)]


def _gigatoken(module: Any, given: Given) -> Callable[[], Tokens]:
    tokens, _ = module.train_bpe(str(given.path), given.size, [])
    return lambda: [tokens[rank] for rank in range(BYTES, len(tokens))]


def _tokenizers(module: Any, given: Given) -> Callable[[], Tokens]:
    tok = module.Tokenizer(module.models.BPE())
    tok.pre_tokenizer = module.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = module.trainers.BpeTrainer(
        vocab_size=given.size,
        min_frequency=MIN_FREQUENCY,
        initial_alphabet=module.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tok.train([str(given.path)], trainer)

    def tokens() -> Tokens:
        ranks = sorted(json.loads(tok.to_str())["model"]["vocab"].items(), key=lambda item: item[1])
        return [bytes(BYTE_OF[character] for character in token) for token, _ in ranks[BYTES:]]

    return tokens


def byte_level() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary stands for: itself if printable, else from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(BYTES) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(BYTES + rank): byte for rank, byte in enumerate(others)}


BYTE_OF = byte_level()


def _rustbpe(module: Any, given: Given) -> Callable[[], Tokens]:
    tok = module.Tokenizer()
    with given.path.open(encoding="utf-8", newline="\n") as lines:
        tok.train_from_iterator(lines, given.size, pattern=given.pattern)
    return lambda: [token for token, _ in tok.get_mergeable_ranks()[BYTES:]]


def _sentencepiece(module: Any, given: Given) -> Callable[[], Tokens]:
    with tempfile.TemporaryDirectory() as folder:
        model = f"{folder}/model"
        module.SentencePieceTrainer.train(
            input=str(given.path),
            model_prefix=model,
            model_type="bpe",
            vocab_size=given.size,
            character_coverage=0.9995,
            byte_fallback=True,
            normalization_rule_name="identity",
            max_sentence_length=1 << 20,
            num_threads=given.threads,
            minloglevel=2,
        )
        tok = module.SentencePieceProcessor(model_file=f"{model}.model")
    pieces = [tok.id_to_piece(rank) for rank in range(tok.get_piece_size()) if not tok.is_byte(rank)]
    return lambda: [piece.replace("\u2581", " ").encode() for piece in pieces]


def _ffbpe_count(module: Any, given: Given) -> Any:
    counter = module.PreTokenizer([], pat_str=given.pattern).word_counter()
    with given.path.open(encoding="utf-8", newline="\n") as lines:
        counter.add_source(lines)
    return counter


def _ffbpe_merge(module: Any, counter: Any, given: Given) -> Callable[[], Tokens]:
    trainer = module.BpeTrainer([], initial_alphabet="byte_level", tie_break="smallest_pair_id")
    trainer.add_word_counter(counter)
    trainer.train(given.size)
    return lambda: [token for token, _ in sorted(trainer.vocab.items(), key=lambda item: item[1])[BYTES:]]


def _ffbpe(module: Any, given: Given) -> Callable[[], Tokens]:
    return _ffbpe_merge(module, _ffbpe_count(module, given), given)


TRAINERS: dict[str, Trainer] = {
    "eurotok": Trainer("eurotok", "eurotok", _eurotok, count=_eurotok_count, merge=_eurotok_merge),
    WITHIN: Trainer("eurotok", "eurotok", _eurotok_within),
    "gigatoken": Trainer("gigatoken", "gigatoken", _gigatoken),
    "tokenizers": Trainer("tokenizers", "tokenizers", _tokenizers),
    "rustbpe": Trainer("rustbpe", "rustbpe", _rustbpe),
    "sentencepiece": Trainer("sentencepiece", "sentencepiece", _sentencepiece),
    "ffbpe": Trainer("ffbpe", "ffbpe", _ffbpe, count=_ffbpe_count, merge=_ffbpe_merge),
}
