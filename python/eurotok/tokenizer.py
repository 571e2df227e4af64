"""The tokenizer: the methods of the binding, and those that are written in Python."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from eurotok import _core, described, vocabulary
from eurotok.chat.calls import Chats
from eurotok.corpus import StrPath
from eurotok.encoded_files import EncodedFiles, Sources, offsets_path
from eurotok.files import check_outputs
from eurotok.literals import Errors, Specials
from eurotok.progress import Report, reporting
from eurotok.publishing.folder import publish
from eurotok.publishing.gguf import save_gguf
from eurotok.ragged import Ragged
from eurotok.rows import Rows
from eurotok.streams import StreamDecoder, encode_stream


class Tokenizer(Chats, Rows, _core.Tokenizer):
    """A tokenizer: text to ids and back; byte-level BPE without loss, or any other of `tokenizers`.

    Made by `eurotok.load` and `eurotok.train`; immutable, shared freely between threads and processes. Two are equal
    if all their parts are, whatever text steered their training.

    Parameters
    ----------
    data
        The contents of a `tokenizer.json`, `.tiktoken` or `.eurotok` file; or a tokenizer, whose parts are then shared.
    origin
        What errors call it.
    scheme
        The splitting rule, for a `.tiktoken` file, which states none: a name of `eurotok.schemes()` or a regex.
    special_tokens
        Ids of special tokens, for a `.tiktoken` file, which states none.

    Examples
    --------
    >>> import eurotok
    >>> tok = eurotok.train(["ein Haus, zwei Häuser", "kein Haus"], vocab_size=262)
    >>> tok.decode(tok.encode("Häuser"))
    'Häuser'
    >>> tok.count("ein Haus")
    2
    """

    stated_roles: Mapping[str, int] = MappingProxyType({})
    """The ids of the special tokens of each role (`bos`, `eos`, `pad`, `unk`) that the folder it came from states."""

    card: Path | None = None
    """The model card of a shipped tokenizer: Markdown."""

    def encode_batch(
        self,
        texts: Sequence[str],
        threads: int | None = None,
        *,
        special_tokens: bool = False,
        specials: Specials = "text",
        errors: Errors = "strict",
        bos: str | int | None = None,
        eos: str | int | None = None,
    ) -> Ragged:
        """Encode many texts on several threads.

        Parameters
        ----------
        texts
            The texts.
        threads
            How many threads to use; by default all cores. The result does not depend on it.
        special_tokens
            As for `encode`: whether to put the special tokens around each text that the file asks for.
        specials, errors
            As for `encode`: what to do with special tokens that occur in a text, and with lone surrogates.
        bos, eos
            As for `encode`: what to put before and behind the ids of each text.

        Returns
        -------
        Ragged
            The ids of every text, in order.

        Raises
        ------
        TypeError
            If `texts` is one `str`, or one of them is none, naming its place.
        ValueError
            As for `encode`, naming the place of the text.
        """
        return Ragged(*self._encode_batch(texts, threads, special_tokens, specials, errors, bos, eos))

    def encode_files(
        self,
        paths: StrPath | Iterable[StrPath],
        output: StrPath,
        *,
        dtype: DTypeLike | None = None,
        separator: str | None = None,
        specials: Specials = "text",
        threads: int | None = None,
        errors: Errors = "strict",
        progress: bool | Report = False,
    ) -> EncodedFiles:
        """Encode files of any size into a file of ids, in bounded memory.

        This is the simplest case of `eurotok.shards.write`: one array. Use that for runs that are to be resumed or
        shared by machines, and for files that training frameworks read.

        Beside `output`, a file with the ending `.offsets.npy` in place of its own says where documents are: document i
        has the ids `offsets[i]` to `offsets[i + 1]`. Both appear whole or not at all.

        Parameters
        ----------
        paths
            A file or files: each line of JSON Lines (`.jsonl`, `.ndjson`, `.json`; its field `text`) that is not blank
            and each row of a `.parquet` (its column `text`) that is not null is a document, and so is the whole of any
            other file. Plain, `.gz` or `.zst`.
        output
            The file to write: the ids of all documents in a row, as an `.npy` file or, if the name ends in `.bin`,
            without a header, little-endian.
        dtype
            `uint16` or `uint32`; by default the smaller one if it holds the vocabulary.
        separator
            A special token to put after every document, as part of it.
        specials
            As for `encode`: what to do with special tokens that occur in a text.
        threads
            How many threads to use; by default all cores. The output does not depend on it.
        errors
            `"strict"`, or `"replace"` to put U+FFFD where a file is not UTF-8.
        progress
            Whether to show the progress on a terminal, or a function of (stage, done, total) to call.

        Returns
        -------
        EncodedFiles
            How much was written.

        Raises
        ------
        OSError
            If a file cannot be read or written.
        CorpusError
            If a file is not what its name says, naming the byte or line at fault.
        ValueError
            If an argument is outside its domain, such as a `dtype` that does not hold the vocabulary; if `output` or
            the file of offsets is one of `paths`, or that file holds the offsets of another file of ids.
        ImportError
            If a file is parquet and pyarrow is absent.

        Examples
        --------
        >>> import eurotok, tempfile
        >>> tok = eurotok.train(["un, deux, trois"], vocab_size=256, special_tokens=[])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     book = Path(folder, "book.txt")
        ...     _ = book.write_text("un, deux")
        ...     written = tok.encode_files(book, Path(folder, "ids.npy"))
        ...     tok.decode(np.load(Path(folder, "ids.npy"))), written.documents, written.offsets.name
        ('un, deux', 1, 'ids.offsets.npy')
        """
        if separator is not None and separator not in self.special_tokens:
            raise ValueError(f"separator: {separator!r} is not a special token of this vocabulary")
        files = [Path(paths)] if isinstance(paths, (str, os.PathLike)) else [Path(path) for path in paths]
        sources = Sources(files, errors)
        offsets = offsets_path(output)
        check_outputs([output, offsets], files)
        with reporting(progress) as report:
            documents, tokens, size = _core.encode_files(
                self,
                sources,
                output,
                offsets,
                dtype=None if dtype is None else np.dtype(dtype).name,
                separator=None if separator is None else self.special_tokens[separator],
                specials=specials,
                threads=threads,
                errors=errors,
                progress=report and sources.telling(report),
            )
        return EncodedFiles(documents, tokens, size, offsets)

    def count_files(
        self,
        paths: StrPath | Iterable[StrPath],
        *,
        specials: Specials = "text",
        threads: int | None = None,
        errors: Errors = "strict",
        progress: bool | Report = False,
    ) -> int:
        """Count the tokens of files of any size, in bounded memory.

        Parameters
        ----------
        paths, specials, threads, errors, progress
            As for `encode_files`.

        Returns
        -------
        int
            The ids that `encode_files` writes without a separator.

        Raises
        ------
        OSError, CorpusError, ValueError, ImportError
            As for `encode_files`.

        Examples
        --------
        >>> import eurotok, tempfile
        >>> tok = eurotok.train(["un, deux, trois"], vocab_size=256)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     book = Path(folder, "book.txt")
        ...     _ = book.write_text("un, deux")
        ...     tok.count_files(book)
        8
        """
        files = [Path(paths)] if isinstance(paths, (str, os.PathLike)) else [Path(path) for path in paths]
        sources = Sources(files, errors)
        total = 0
        with reporting(progress) as report:
            tell = report and sources.telling(report)
            for paths_of_core, texts in sources:
                if texts:
                    total += int(self.count_batch(texts, threads, specials=specials).sum())
                    if tell:
                        tell("counting", 0, 0)
                else:
                    total += _core.count_files(
                        self, paths_of_core, specials=specials, threads=threads, errors=errors, progress=tell
                    )[1]
        return total

    def decode_batch(
        self,
        batch: Ragged | Iterable[ArrayLike],
        threads: int | None = None,
        *,
        errors: Errors = "replace",
        skip_specials: bool = False,
    ) -> list[str]:
        """Decode the ids of many texts on several threads.

        Parameters
        ----------
        batch
            A `Ragged`, or the ids of each text.
        threads
            How many threads to use; by default all cores.
        errors
            `"replace"` to put U+FFFD where bytes are not UTF-8, or `"strict"`.
        skip_specials
            Whether to leave out special tokens.

        Returns
        -------
        list[str]
            The texts, in order.

        Raises
        ------
        UnknownIdError
            If an id is not in the vocabulary.
        """
        ragged = batch if isinstance(batch, Ragged) else Ragged.from_lists(batch)
        return self._decode_batch(ragged.ids, ragged.offsets, threads, errors, skip_specials)

    def decoder(
        self, *, errors: Literal["strict", "replace"] = "replace", skip_specials: bool = False
    ) -> StreamDecoder:
        """Make a decoder of ids that come one at a time, as a model writes them.

        Parameters
        ----------
        errors, skip_specials
            As for `decode`.

        Examples
        --------
        >>> from eurotok import load
        >>> tok = load("euro-64k")
        >>> stream = tok.decoder()
        >>> "".join(stream.push(id) for id in tok.encode("Λόγος 👩‍👩‍👧")) + stream.finish()
        'Λόγος 👩‍👩‍👧'
        """
        return StreamDecoder(self, errors, skip_specials)

    def encode_stream(
        self, chunks: Iterable[str], *, specials: Literal["text", "parse"] = "text"
    ) -> Iterator[NDArray[np.uint32]]:
        """Encode text that comes in parts.

        Parameters
        ----------
        chunks
            The parts of the text, cut anywhere.
        specials
            As for `encode`.

        Yields
        ------
        NDArray[np.uint32]
            Ids, shape (tokens,), as soon as they are certain: as far as the last place where a visible ASCII character
            stands before a space. Joined, they are those of the whole text. With a regex of one's own in place of a
            scheme, or a special token that has such a place in it, all come at the end.

        Examples
        --------
        >>> from eurotok import load
        >>> tok = load("euro-64k")
        >>> parts = tok.encode_stream(["Der Bo", "den ist na", "ss."])
        >>> sum(ids.size for ids in parts) == tok.count("Der Boden ist nass.")
        True
        """
        return encode_stream(self, chunks, specials)

    def publish(
        self,
        folder: StrPath,
        *,
        name: str | None = None,
        generation_config: bool = False,
        card: bool = True,
        format: Literal["transformers", "tekken"] = "transformers",  # noqa: A002 - as of to_bytes
        renumber: bool = False,
    ) -> list[Path]:
        """Write a folder that `AutoTokenizer.from_pretrained` of `transformers` reads, from version 4.44 on.

        It holds `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json` and, if there is a chat template,
        `chat_template.jinja`: with the same ids, and special tokens in their roles. Regexes are spelled so that
        JavaScript compiles them, too, where that is known. `eurotok check FOLDER` opens it with the libraries that are
        installed.

        Parameters
        ----------
        folder
            The folder; files of these names in it are replaced.
        name
            What the card calls it; by default the name of the folder.
        generation_config
            Whether to write `generation_config.json`, by which generation stops at the ends of texts and turns.
        card
            Whether to write a model card, `README.md`.
        format
            `"tekken"` to write `tekken.json` alone, which mistral-common reads.
        renumber
            Whether tokens may get other ids in `tekken.json`, where special tokens come first, and then the 256 bytes
            in their order. Do that before a model is trained, not after.

        Returns
        -------
        list[Path]
            The files.

        Raises
        ------
        UnsupportedError
            If the file cannot hold this tokenizer exactly.
        ValueError
            If `format` is neither, or `renumber` is given for another than `"tekken"`.
        OSError
            If a file cannot be written.
        """
        return publish(
            self,
            folder,
            name=name,
            generation_config=generation_config,
            card=card,
            format=format,
            renumber=renumber,
        )

    def save(self, path: StrPath) -> None:
        """Write the tokenizer to a file, whole or not at all.

        Parameters
        ----------
        path
            Ends in `.json` (a `tokenizer.json`), `.tiktoken`, `.eurotok` (compact, loads fastest) or `.gguf` (see
            `save_gguf`). Beside a `.tiktoken` file, which holds tokens only, `<path>.json` takes the pattern and the
            special tokens.

        Raises
        ------
        ValueError
            If the name ends otherwise.
        UnsupportedError
            If the format cannot hold this tokenizer exactly.
        OSError
            If the file cannot be written; nothing is left behind.
        """
        if os.fspath(path).endswith(".gguf"):
            save_gguf(self, path)
        else:
            self._save(os.fspath(path))

    def save_gguf(self, path: StrPath, *, pre: str | None = None) -> None:
        """Write the vocabulary as a GGUF file without a model, for llama.cpp.

        llama.cpp knows splitting rules by name only. Without `pre`, a file is written only if it has a rule that gives
        the same ids: the schemes `gpt2`, `llama3` and `qwen2`.

        Parameters
        ----------
        path
            The file, whole or not at all.
        pre
            A rule of llama.cpp to name in the file, such as `gpt-4o`, although ids may then differ.

        Raises
        ------
        UnsupportedError
            If this is not byte-level BPE, or llama.cpp would give other ids and `pre` is not given; the message says
            why.
        ImportError
            If the package gguf is absent: `pip install 'eurotok[gguf]'`.
        OSError
            If the file cannot be written.
        """
        save_gguf(self, path, pre)

    def tokens(self, text: str, *, specials: Specials = "text", errors: Errors = "strict") -> list[str]:
        """Give the tokens of a text, to read: `"".join` makes the text again if no token cuts a character.

        Parameters
        ----------
        text, specials, errors
            As for `encode`.

        Returns
        -------
        list[str]
            The tokens of `encode`, one for each id, as in `get_vocab`: as text, or bytes that are not UTF-8 as `<0xC3>`
            each.

        Examples
        --------
        >>> from eurotok import load
        >>> load("euro-64k").tokens("L’école européenne")
        ['L', '’', 'école', ' européenne']
        """
        written = vocabulary.Written(self)
        return [written.text(each) for each in self.encode_list(text, specials=specials, errors=errors)]

    def get_vocab(self) -> dict[str, int]:
        """Give the vocabulary, special tokens included: the id of each token, by the token as `tokens` writes it.

        In a `tokenizer.json`, and in `tokenizers`, a byte-level token is spelled otherwise: `Ġécole` is `ĠÃ©cole`.

        Examples
        --------
        >>> from eurotok import load
        >>> load("euro-64k").get_vocab()[" the"] == load("euro-64k").token_to_id(" the")
        True
        """
        return vocabulary.Written(self).vocabulary()

    def token_to_id(self, token: str) -> int | None:
        """Give the id of a token, or None if it is none.

        Parameters
        ----------
        token
            A special token; a token as `tokens` writes it; or, if it is neither, as a `tokenizer.json` spells it
            (`Ġthe`).

        Examples
        --------
        >>> from eurotok import load
        >>> tok = load("euro-64k")
        >>> tok.token_to_id(" the") == tok.token_to_id("Ġthe"), tok.token_to_id("<|none|>")
        (True, None)
        """
        return vocabulary.id_of(self, token)

    @property
    def bos_id(self) -> int | None:
        """The id of the special token that begins a text, as its folder states it or by its usual names; else None."""
        return self._role("bos")

    @property
    def eos_id(self) -> int | None:
        """The id of the special token that ends a text, as its folder states it or by its usual names; else None."""
        return self._role("eos")

    @property
    def pad_id(self) -> int | None:
        """The id of the special token that fills a batch, as its folder states it or by its usual names; else None."""
        return self._role("pad")

    def _role(self, role: str) -> int | None:
        stated = self.stated_roles.get(role)
        return vocabulary.special(self, role) if stated is None else stated

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tokenizer):
            return NotImplemented
        if self is other:
            return True
        same = self._is_same(other)
        return self.to_bytes("eurotok") == other.to_bytes("eurotok") if same is None else same

    def __hash__(self) -> int:
        return hash((self.vocab_size, self.scheme))

    def __repr__(self) -> str:
        try:
            rule = f"scheme={self.scheme!r}" if self.scheme else f"pattern={self.pattern!r}"
        except _core.UnsupportedError:
            rule = "several stages"
        return f"Tokenizer(vocab_size={self.vocab_size}, {rule}, special_tokens={len(self.special_tokens)})"

    def _repr_html_(self) -> str:
        specials = ", ".join(f"{text} = {number}" for text, number in [*self.special_tokens.items()][:8])
        more = len(self.special_tokens) - 8
        rows = [
            ["entries", f"{self.vocab_size:,}"],
            ["splitting rule", self.scheme or self.pattern],
            ["special tokens", f"{specials}, and {more} more" if more > 0 else specials or "none"],
        ]
        return described.table(["Tokenizer", ""], rows)

    def __reduce__(self) -> tuple[type[Self], tuple[bytes, str], dict[str, object]]:
        return type(self), (self.to_bytes("eurotok"), "pickled tokenizer"), vars(self)
