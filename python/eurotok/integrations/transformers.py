"""Fast tokenizers of `transformers` that encode and decode here.

`accelerate` gives an object of a class derived from that of the tokenizer, with a few methods overridden: the one that
encodes batches and the one that decodes. A call that they cannot answer exactly goes to the method of the library.
"""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cache, wraps
from itertools import pairwise
from typing import Any

import numpy as np

from eurotok import _core
from eurotok.batch import Batch, Cut, Frame, Texts, assembled, rows
from eurotok.literals import Specials
from eurotok.ragged import Ragged, padded_width
from eurotok.tokenizer import Tokenizer

SLOW = {
    "is_split_into_words": "words that are split already",
    "sanitize_control_tokens": "control tokens that are marked",
}
"""Options that go to the library, each with its meaning."""

CLEANS_BPE = "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output"
"""The setting without which version 5 no longer cleans the spaces of BPE."""


class SlowWarning(UserWarning):
    """A call goes to `transformers`, at its speed."""

    __module__ = "eurotok"


def accelerate(tokenizer: Any) -> Any:
    """Give a tokenizer of `transformers` that encodes and decodes with `eurotok`: the same ids, masks and text.

    Parameters
    ----------
    tokenizer
        A `PreTrainedTokenizerFast`. It stays as it is.

    Returns
    -------
    PreTrainedTokenizerFast
        An object of a class derived from its own, of the same name. `save_pretrained`, chat templates and all that is
        not encoding or decoding are the library's.

    Raises
    ------
    TypeError
        If it is no fast tokenizer.
    UnsupportedError
        If its file asks for a feature that cannot be reproduced exactly. The message names the feature.

    Examples
    --------
    >>> from transformers import AutoTokenizer  # doctest: +SKIP
    >>> tok = eurotok.accelerate(AutoTokenizer.from_pretrained("my-tokenizer"))  # doctest: +SKIP
    """
    backend = getattr(tokenizer, "_tokenizer", None)
    if backend is None or not hasattr(backend, "to_str"):
        raise TypeError(f"accelerate takes a fast tokenizer of transformers, got {type(tokenizer).__name__}")
    if isinstance(tokenizer, Accelerated):
        return tokenizer
    kind: Any = type(tokenizer)
    made: Any = object.__new__(_derived(kind))
    made.__dict__.update(tokenizer.__dict__)
    made.__dict__["_eurotok"] = _of(backend)
    made.__dict__.update(_slow={}, _frames={})
    return made


def accelerate_all() -> None:
    """Accelerate every fast tokenizer that `AutoTokenizer.from_pretrained` gives from now on, in this process.

    For programs that load tokenizers themselves. A tokenizer that cannot be accelerated stays as it is, with a
    `SlowWarning` that says why.
    """
    from transformers import AutoTokenizer

    load = AutoTokenizer.from_pretrained
    if hasattr(load, "__wrapped__"):
        return

    @wraps(load)
    def from_pretrained(*args: Any, **named: Any) -> Any:
        made = load(*args, **named)
        try:
            return accelerate(made)
        except (TypeError, _core.Error) as error:
            warnings.warn(f"a tokenizer stays as it is: {error}", SlowWarning, stacklevel=2)
            return made

    AutoTokenizer.from_pretrained = staticmethod(from_pretrained)


def plugin() -> None:
    """Accelerate all tokenizers if the environment has `EUROTOK_ACCELERATE=1`; vLLM calls this in each process."""
    if os.environ.get("EUROTOK_ACCELERATE") == "1":
        accelerate_all()


def explain(tokenizer: Any) -> str:
    """Tell which calls run here and which in `transformers`.

    Parameters
    ----------
    tokenizer
        A result of `accelerate`, or any tokenizer of `transformers`.
    """
    if not isinstance(tokenizer, Accelerated):
        try:
            accelerate(tokenizer)
        except (TypeError, _core.Error) as error:
            return f"cannot be accelerated: {error}"
        return "is not accelerated: eurotok.accelerate(tokenizer) does that"
    slow = tokenizer.__dict__["_slow"]
    done = "encoding, batches, pairs, padding, truncation, overflow, offsets, masks and decoding run in eurotok"
    if not slow:
        return done
    calls = "; ".join(f"{reason} ({times} calls)" for reason, times in slow.items())
    return f"{done}; in transformers: {calls}"


def _of(backend: Any) -> Tokenizer:
    return Tokenizer(backend.to_str().encode(), "the tokenizer")


class Accelerated:
    """The methods that a derived class overrides."""

    _eurotok: Tokenizer | None
    _slow: dict[str, int]
    _frames: dict[tuple[bool, bool], Frame]

    def _add_tokens(self, *args: Any, **named: Any) -> int:
        added: int = super()._add_tokens(*args, **named)  # type: ignore[misc]
        self._eurotok = None
        self._frames.clear()
        return added

    def update_post_processor(self) -> None:
        """Have the special tokens of texts follow `add_bos_token` and `add_eos_token`, where a class has these."""
        super().update_post_processor()  # type: ignore[misc]
        self._frames.clear()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (
            type(self).__mro__[2],
            {key: self.__dict__[key] for key in self.__dict__ if key != "_eurotok"},
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        kind, state = self.__reduce__()[1]
        return _restored(kind, deepcopy(state, memo))

    def _inner(self) -> Tokenizer:
        if self._eurotok is None:
            self._eurotok = _of(self._tokenizer)  # type: ignore[attr-defined]
        return self._eurotok

    def _goes_slow(self, reason: str) -> None:
        if reason not in self._slow:
            warnings.warn(f"{reason}: encoded by transformers, at its speed", SlowWarning, stacklevel=5)
        self._slow[reason] = self._slow.get(reason, 0) + 1

    def _decode(
        self, token_ids: Any, skip_special_tokens: bool = False, clean_up_tokenization_spaces: Any = None, **_: Any
    ) -> str:
        """Decode ids; ids past the vocabulary are left out."""
        clean = clean_up_tokenization_spaces
        if clean is None:
            clean = getattr(self, "clean_up_tokenization_spaces", False)
        kind = type(self._tokenizer.model).__name__  # type: ignore[attr-defined]
        if kind == "BPE" and getattr(self, CLEANS_BPE, None) is False:
            clean = False
        if isinstance(token_ids, dict):
            token_ids = token_ids["input_ids"]
        tok = self._inner()
        ids = np.atleast_1d(np.asarray(token_ids, np.int64))
        try:
            text = tok.decode(ids, skip_specials=skip_special_tokens)
        except (_core.UnknownIdError, ValueError):
            known = [number for number in ids.tolist() if _knows(tok, number)]
            text = tok.decode(known, skip_specials=skip_special_tokens)
        return str(self.clean_up_tokenization(text)) if clean else text  # type: ignore[attr-defined]

    def _rows(self, texts: Sequence[Any], paired: bool, options: dict[str, Any]) -> Any:
        """Encode a batch, or return `None` if it has to go to the library."""
        get = options.get
        for option, reason in SLOW.items():
            if get(option):
                self._goes_slow(reason)
                return None
        truncation = str(getattr(get("truncation_strategy"), "value", "do_not_truncate"))
        padding = str(getattr(get("padding_strategy"), "value", "do_not_pad"))
        overflow, offsets = bool(get("return_overflowing_tokens")), bool(get("return_offsets_mapping"))
        names = self.model_input_names  # type: ignore[attr-defined]
        types = "token_type_ids" in names if get("return_token_type_ids") is None else get("return_token_type_ids")
        masks = "attention_mask" in names if get("return_attention_mask") is None else get("return_attention_mask")
        if paired and overflow and truncation == "longest_first":
            return self._goes_slow("overflow of both texts of a pair")
        tok, special = self._inner(), bool(get("add_special_tokens", True))
        split = get("split_special_tokens")
        specials: Specials = (
            "text" if (getattr(self, "split_special_tokens", False) if split is None else split) else "parse"
        )
        frame = self._frame(paired, special)
        limit = get("max_length")
        asked = ("return_tensors", "return_offsets_mapping", "return_special_tokens_mask", "return_length")
        if not paired and truncation == "do_not_truncate" and padding == "do_not_pad" and not any(map(get, asked)):
            return self._plain(texts, frame, specials, bool(types), bool(masks), options)

        def encoded(lines: Sequence[str]) -> Texts:
            if not offsets:
                return Texts(tok.encode_batch(lines, specials=specials))
            pairs = [tok.encode_with_offsets(line, specials=specials) for line in lines]
            return Texts(Ragged.from_lists([ids for ids, _ in pairs]), np.concatenate([spans for _, spans in pairs]))

        firsts = [text[0] for text in texts] if paired else texts
        cut = Cut(
            None if truncation == "do_not_truncate" or limit is None else truncation,  # type: ignore[arg-type]
            limit or 0,
            get("stride") or 0,
            self.truncation_side,  # type: ignore[attr-defined]
            overflow,
        )
        parts, samples = rows(encoded(firsts), encoded([text[1] for text in texts]) if paired else None, frame, cut)
        lengths = np.stack([part.ids.lengths for part in parts]).sum(axis=0)
        width = None
        if padding != "do_not_pad":
            longest = int(lengths.max(initial=0))
            width = padded_width(lengths, limit if padding == "max_length" else None, get("pad_to_multiple_of") or None)
            if width < longest:
                return self._goes_slow("rows that are longer than the padded length")
        side = get("padding_side") or self.padding_side  # type: ignore[attr-defined]
        pad = self.pad_token_id or 0  # type: ignore[attr-defined]
        pad_type = int(getattr(self, "pad_token_type_id", 0)) if types else None
        batch = assembled(parts, samples, width=width, pad=pad, side=side, spans=offsets, pad_type=pad_type)
        kind = get("return_tensors")
        made = {"input_ids": _listed(batch.ids, batch, kind)}
        if types:
            made["token_type_ids"] = _listed(batch.token_types, batch, kind)
        if masks:
            made["attention_mask"] = _listed(batch.attention_mask, batch, kind)
        if get("return_special_tokens_mask"):
            made["special_tokens_mask"] = _listed(batch.special_mask, batch, kind)
        if offsets and batch.offsets is not None:
            made["offset_mapping"] = batch.offsets if kind else _pairs(batch)
        if get("return_length"):
            made["length"] = [width if width is not None else int(size) for size in lengths]
        if overflow:
            made["overflow_to_sample_mapping"] = samples.tolist()
        longest = int(lengths.argmax()) if lengths.size else 0
        if lengths.size:
            ids = range(int(lengths[longest]))
            self._eventual_warn_about_too_long_sequence(ids, limit, get("verbose", True))  # type: ignore[attr-defined]
        return made

    def _plain(
        self, texts: Sequence[str], frame: Frame, specials: Specials, types: bool, masks: bool, options: dict[str, Any]
    ) -> dict[str, Any]:
        """Encode texts of which nothing but ids and masks is asked for: without arrays, which take longer to make."""
        tok, before, behind = self._inner(), frame.before.tolist(), frame.behind.tolist()
        if len(texts) == 1:
            rows_of = [tok.encode_list(texts[0], specials=specials)]
        else:
            rows_of = tok.encode_batch(texts, specials=specials).to_list()
        if before or behind:
            rows_of = [[*before, *row, *behind] for row in rows_of]
        made: dict[str, Any] = {"input_ids": rows_of}
        if types:
            first, of_text, _, _, last = frame.types or ([], 0, [], 0, [])
            around = len(first) + len(last)
            made["token_type_ids"] = [[*first, *[of_text] * (len(row) - around), *last] for row in rows_of]
        if masks:
            made["attention_mask"] = [[1] * len(row) for row in rows_of]
        if options.get("return_overflowing_tokens"):
            made["overflow_to_sample_mapping"] = list(range(len(rows_of)))
        longest = max(rows_of, key=len)
        self._eventual_warn_about_too_long_sequence(longest, options.get("max_length"), options.get("verbose", True))  # type: ignore[attr-defined]
        return made

    def _frame(self, paired: bool, special: bool) -> Frame:
        """Find the special tokens around a text, or two, and the types of all tokens, by short texts."""
        if (paired, special) in self._frames:
            return self._frames[paired, special]
        backend = self._tokenizer  # type: ignore[attr-defined]
        backend.no_truncation()
        backend.no_padding()
        whole = backend.encode("x", "y" if paired else None, add_special_tokens=special)
        self._frames[paired, special] = _split_frame(whole.ids, whole.type_ids, whole.sequence_ids)
        return self._frames[paired, special]


def _split_frame(ids: Sequence[int], types: Sequence[int], sequences: Sequence[int | None]) -> Frame:
    def ends(sequence: int) -> tuple[int, int]:
        return sequences.index(sequence), len(sequences) - sequences[::-1].index(sequence)

    begin, end = ends(0)
    second, last = ends(1) if 1 in sequences else (end, end)
    before, between, behind = (np.array(part, np.uint32) for part in (ids[:begin], ids[end:second], ids[last:]))
    of_second = types[second] if second < last else 0
    return Frame(before, between, behind, (types[:begin], types[begin], types[end:second], of_second, types[last:]))


def _knows(tok: Tokenizer, number: int) -> bool:
    try:
        tok.token(number)
    except (_core.UnknownIdError, OverflowError, ValueError):
        return False
    return True


def _listed(values: Any, batch: Any, kind: Any) -> Any:
    """Give the rows as lists, or as an array for tensors."""
    if isinstance(values, Ragged):
        return values.to_list()
    if isinstance(batch.ids, Ragged):
        bounds = batch.ids.offsets.tolist()
        flat = values.tolist()
        return [flat[begin:end] for begin, end in pairwise(bounds)]
    return values if kind else values.tolist()


def _pairs(batch: Batch) -> list[list[tuple[int, int]]]:
    """Give the offsets of each row as a list of tuples."""
    assert batch.offsets is not None
    begin, end = batch.offsets.reshape(-1, 2).T.tolist()
    flat = [*zip(begin, end, strict=True)]
    if isinstance(batch.ids, Ragged):
        return [flat[first:last] for first, last in pairwise(batch.ids.offsets.tolist())]
    width = batch.ids.shape[1]
    return [flat[row * width : (row + 1) * width] for row in range(len(batch))]


def _restored(kind: type, state: dict[str, Any]) -> Any:
    made: Any = object.__new__(_derived(kind))
    made.__dict__.update(state)
    made.__dict__["_eurotok"] = None
    return made


@cache
def _derived(kind: Any) -> Any:
    """Derive a class whose calls go to `Accelerated._rows` first. Versions 4 and 5 encode in different methods."""
    from transformers import BatchEncoding

    class Encoding(BatchEncoding):  # type: ignore[misc]
        """A result whose `encodings` are made by the library when they are asked for."""

        @property
        def _encodings(self) -> Any:
            made = self.__dict__.get("_made")
            if callable(made):
                made = self.__dict__["_made"] = made().encodings
            return made

        @_encodings.setter
        def _encodings(self, value: Any) -> None:
            self.__dict__["_made"] = value

        @property
        def is_fast(self) -> bool:
            return True

    def answered(self: Any, texts: Any, single: bool, options: dict[str, Any], again: Callable[[], Any]) -> Any:
        """Give the result for a batch, or for a single text; or `None` if the library has to."""
        if options.get("is_split_into_words"):
            return self._goes_slow(SLOW["is_split_into_words"])
        if not isinstance(texts, (list, tuple)) or not texts:
            return None
        paired = isinstance(texts[0], (list, tuple)) and len(texts[0]) == 2
        if not paired and not all(isinstance(text, str) for text in texts):
            return None
        made = self._rows(texts, paired, options)
        if made is None:
            return None
        kind_of = options.get("return_tensors")
        if single and kind_of is None and not options.get("return_overflowing_tokens"):
            made = {key: value[0] if value and isinstance(value[0], list) else value for key, value in made.items()}
        return Encoding(made, again, tensor_type=kind_of, n_sequences=1 + paired)

    def overriding(name: str) -> Callable[..., Any]:
        """Make the method that takes the place of one of the library's."""
        slow: Callable[..., Any] = getattr(kind, name)
        signature = inspect.signature(slow)

        def encode(self: Any, *args: Any, **named: Any) -> Any:
            bound = signature.bind(self, *args, **named)
            options = {**bound.arguments, **bound.arguments.pop("kwargs", {})}
            texts, single = options.get("batch_text_or_text_pairs"), False
            if name == "_encode_plus":
                text, pair = options["text"], options.get("text_pair")
                single = isinstance(text, str)
                texts = [text] if single else text
                if pair:
                    texts = list(zip(texts, [pair] if single else pair, strict=True))
            untyped = {key: value for key, value in named.items() if key != "return_tensors"}
            made = answered(self, texts, single, options, lambda: slow(self, *args, **untyped))
            return slow(self, *args, **named) if made is None else made

        return encode

    methods = {name: overriding(name) for name in ("_encode_plus", "_batch_encode_plus") if hasattr(kind, name)}
    return type(kind.__name__, (Accelerated, kind), {**methods, "__module__": kind.__module__})
