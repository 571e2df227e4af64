"""One interface for any tokenizer: sentences to ids, and the bytes of the ids if it tells them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from eurotok import _core
from eurotok.corpus import StrPath
from eurotok.literals import Scheme
from eurotok.loading import load, models
from eurotok.published import Vocabulary, labelled, locate
from eurotok.ragged import Ragged
from eurotok.sequences import several
from eurotok.tokenizer import Tokenizer
from eurotok.vocabulary import byte_level_alphabet

BYTE_PIECE = re.compile(r"<0x([0-9A-F]{2})>")
WORD_START = "▁"


@dataclass(frozen=True)
class Encoder:
    """The abilities of a tokenizer.

    Attributes
    ----------
    name
        Its name in tables.
    encode
        A function from sentences to the ids of each, or to their numbers. Ids that mark the ends of a text are not
        included.
    decode
        Ids of sentences to the sentences, if it can.
    token
        An id to the bytes it stands for, if it tells; None for an id that stands for none.
    vocab_size
        Number of ids, if it tells.
    steered_by
        Hashes of the parallel text that steered its training; see `eurotok.pricing.steering`.
    """

    name: str
    encode: Callable[[Sequence[str]], Any]
    decode: Callable[[Ragged], Sequence[str]] | None = None
    token: Callable[[int], bytes | None] | None = None
    vocab_size: int | None = None
    steered_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Encoded:
    """Sentences under an encoder.

    Attributes
    ----------
    counts
        int64, shape (sentences,): tokens of each; -1 where the tokenizer failed.
    ids
        The tokens, if it gives them and not their number alone; none where it failed.
    failures
        The messages of its failures, by the number of the sentence.
    """

    counts: NDArray[np.int64]
    ids: Ragged | None
    failures: dict[int, str] = field(default_factory=dict)


def run(encoder: Encoder, sentences: Sequence[str]) -> Encoded:
    """Encode sentences; if the tokenizer fails on some, find out on which. No tokens for a text is a failure."""
    several("sentences", sentences)
    failures: dict[int, str] = {}
    try:
        results = encoder.encode(sentences)
        if not isinstance(results, Ragged):
            results = list(results)
        if len(results) != len(sentences):
            raise ValueError(f"{len(results)} results for {len(sentences)} sentences")
    except Exception:  # whatever a foreign tokenizer raises, only some sentences may be at fault
        results = []
        for place, sentence in enumerate(sentences):
            try:
                (result,) = encoder.encode([sentence])
            except Exception as error:
                result, failures[place] = None, f"{type(error).__name__}: {error}"
            results.append(result)
    if isinstance(results, Ragged):
        counts, ids = np.diff(results.offsets), results
    elif all(result is None or isinstance(result, (int, np.integer)) for result in results):
        counts, ids = np.array([-1 if it is None else it for it in results], dtype=np.int64), None
    else:
        counts = np.array([-1 if it is None else len(it) for it in results], dtype=np.int64)
        ids = Ragged.from_lists([[] if it is None else it for it in results])
    for place in np.flatnonzero(counts == 0).tolist():
        if sentences[place]:
            counts[place], failures[place] = -1, "no tokens"
    return Encoded(counts, ids, failures)


def encoder_of(tokenizer: object, scheme: Scheme | None = None) -> Encoder:
    """Find out how to use a tokenizer.

    Parameters
    ----------
    tokenizer
        A `Tokenizer` or an `Encoder`; a name or file that `eurotok.load` takes, perhaps with a label (`NAME=PATH`), or
        else the libraries `tokenizers` (`tokenizer.json`) or `sentencepiece` (`.model`); an object of these, of
        `tiktoken` or of `transformers`; any other object with a method `encode`; or a function of a text that gives
        its tokens or their number.
    scheme
        The splitting rule of a file that states none and is not known by its content; see `eurotok.load`.

    Returns
    -------
    Encoder

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If a file is at fault, or in a format that nothing at hand reads.
    ImportError
        If a library that reads it is not installed.
    TypeError
        If it is nothing of the kind.
    """
    if isinstance(tokenizer, (str, os.PathLike)):
        return _of_name(tokenizer, scheme)
    if isinstance(tokenizer, Encoder):
        return tokenizer
    name = str(getattr(tokenizer, "name", None) or getattr(tokenizer, "__name__", type(tokenizer).__name__))
    if isinstance(tokenizer, Tokenizer):
        return _of_ours(tokenizer, f"{tokenizer.scheme or 'regex'}-{tokenizer.vocab_size}")
    library = type(tokenizer).__module__.partition(".")[0]
    if library == "transformers" and hasattr(tokenizer, "backend_tokenizer"):
        origin = Path(getattr(tokenizer, "name_or_path", "")).name
        return _of_tokenizers(tokenizer.backend_tokenizer, origin or name)
    if library == "tokenizers" and hasattr(tokenizer, "to_str"):
        return _of_tokenizers(tokenizer, name)
    if library == "tiktoken" and hasattr(tokenizer, "decode_single_token_bytes"):
        return _of_tiktoken(tokenizer, name)
    if library == "sentencepiece" and hasattr(tokenizer, "id_to_piece"):
        return _of_sentencepiece(tokenizer, name)
    return _of_anything(tokenizer, name)


def _of_name(tokenizer: StrPath, scheme: Scheme | None) -> Encoder:
    label, text = labelled(tokenizer)
    if text.casefold() in models() and (text in models() or not Path(text).exists()):
        return _of_ours(load(text), label or text.casefold())
    found = locate(text)
    if isinstance(found, Vocabulary):
        return _of_ours(load(text, scheme), label or text)
    path, given = found, Path(text)
    if path.is_dir():
        return _of_ours(load(text, scheme), label or given.name)
    name = os.path.join(given.parent.name, given.name) if given.name == "tokenizer.json" else given.name  # noqa: PTH118
    return _of_file(path, label or name, scheme)


def _of_file(path: Path, name: str, scheme: Scheme | None) -> Encoder:
    try:
        try:
            return _of_ours(load(path), name)
        except _core.FormatError:
            if scheme is None:
                raise
            return _of_ours(load(path, scheme), name)
    except (_core.UnsupportedError, _core.FormatError) as error:
        data = path.read_bytes()
        if not (library := _library_of(data)):
            raise
        try:
            if library == "tokenizers":
                import tokenizers

                return _of_tokenizers(tokenizers.Tokenizer.from_buffer(data), name)
            import sentencepiece

            return _of_sentencepiece(sentencepiece.SentencePieceProcessor(model_proto=data), name)
        except ImportError:
            if isinstance(error, _core.FormatError):
                raise error from None
            raise ImportError(f"{error} (pip install 'eurotok[compare]' to compare with it)") from None
        except Exception as foreign:  # both libraries raise bare ones
            raise _core.FormatError(f"{error}; and {library} says: {foreign}") from None


def _library_of(data: bytes) -> str | None:
    """Name the library that may read a file that is refused here: by a JSON object, or a Protocol Buffers message."""
    if data.lstrip().startswith(b"{"):
        return "tokenizers"
    return "sentencepiece" if data.startswith(b"\n") else None


def _of_ours(tokenizer: Tokenizer, name: str) -> Encoder:
    token = partial(_our_token, tokenizer)
    steered_by = tuple(tokenizer._steered_by)
    return Encoder(name, tokenizer.encode_batch, tokenizer.decode_batch, token, tokenizer.vocab_size, steered_by)


def _our_token(tokenizer: Tokenizer, id: int) -> bytes | None:  # noqa: A002 - ids are called id
    try:
        token = tokenizer.token(id)
    except _core.UnknownIdError:
        return None
    return token if tokenizer._spells_bytes() else piece_bytes(token.decode())


def _of_tokenizers(tokenizer: Any, name: str) -> Encoder:  # noqa: ANN401 - a library without types
    byte_level = '"ByteLevel"' in json.dumps(json.loads(tokenizer.to_str())["decoder"])
    alphabet = byte_level_alphabet()

    def token(id: int) -> bytes | None:  # noqa: A002
        text = tokenizer.id_to_token(id)
        if text is None or not byte_level:
            return None if text is None else piece_bytes(text)
        return bytes(alphabet[it] for it in text) if all(it in alphabet for it in text) else text.encode()

    return Encoder(
        name,
        lambda texts: [it.ids for it in tokenizer.encode_batch_fast(texts, add_special_tokens=False)],
        lambda batch: tokenizer.decode_batch(batch.to_list(), skip_special_tokens=False),
        token,
        tokenizer.get_vocab_size(),
    )


def _of_tiktoken(encoding: Any, name: str) -> Encoder:  # noqa: ANN401
    return Encoder(
        name,
        encoding.encode_ordinary_batch,
        lambda batch: encoding.decode_batch(batch.to_list()),
        encoding.decode_single_token_bytes,
        encoding.n_vocab,
    )


def _of_sentencepiece(model: Any, name: str) -> Encoder:  # noqa: ANN401
    return Encoder(
        name,
        lambda texts: model.encode(list(texts)),
        lambda batch: model.decode(batch.to_list()),
        lambda number: piece_bytes(model.id_to_piece(number)),
        model.vocab_size(),
    )


def _of_anything(tokenizer: Any, name: str) -> Encoder:  # noqa: ANN401
    if hasattr(tokenizer, "encode_ordinary"):
        one = tokenizer.encode_ordinary
    elif hasattr(tokenizer, "encode"):
        if type(tokenizer).__module__.startswith("transformers"):
            one = lambda text: tokenizer.encode(text, add_special_tokens=False)  # noqa: E731
        else:
            one = tokenizer.encode
    elif callable(tokenizer):
        one = tokenizer
    else:
        raise TypeError(f"not a tokenizer: {tokenizer!r} is no file, has no method 'encode' and cannot be called")
    seen: dict[Hashable, int] = {}

    def ids(result: Any) -> Any:  # noqa: ANN401 - whatever a tokenizer returns
        result = result["input_ids"] if isinstance(result, Mapping) else getattr(result, "ids", result)
        if isinstance(result, (int, np.integer)):
            if result < 0:
                raise ValueError(f"{result} tokens")
            return int(result)
        tokens = list(result)
        if tokens and not isinstance(tokens[0], (int, np.integer)):
            return [seen.setdefault(it, len(seen)) for it in tokens]
        return tokens

    decode = getattr(tokenizer, "decode", None)
    size = getattr(tokenizer, "vocab_size", None)
    return Encoder(
        name,
        lambda texts: [ids(one(text)) for text in texts],
        (lambda batch: [cast("str", decode(it)) for it in batch.to_list()]) if callable(decode) else None,
        None,
        size if isinstance(size, int) else None,
    )


def piece_bytes(piece: str) -> bytes:
    r"""Give the bytes of a piece as SentencePiece writes it.

    Examples
    --------
    >>> piece_bytes("▁été"), piece_bytes("<0xC3>")
    (b' \xc3\xa9t\xc3\xa9', b'\xc3')
    """
    byte = BYTE_PIECE.fullmatch(piece)
    return bytes([int(byte[1], 16)]) if byte else piece.replace(WORD_START, " ").encode()
