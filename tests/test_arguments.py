"""One string where several things are wanted, lone surrogates, and ids at the ends of texts: the same in every call."""

import inspect
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

import eurotok
from eurotok import Counts, Ragged, Tokenizer, training
from eurotok.pricing import adapters as encoders
from eurotok.pricing import measure
from eurotok.pricing import parallel_text as prices
from eurotok.training import limits as wishes
from test_sharing import ERRORS

Call = Callable[..., Any]


def bare_strings(tok: Tokenizer, counts: Counts, sample: Path) -> dict[str, Callable[[Any], object]]:
    """Every argument of a public call that is several things, given one value."""
    sentences = prices.load_parallel(languages=["fr"]).sentences
    encoder = encoders.encoder_of(tok)
    wish = [eurotok.Wish(None, 0.5)]
    return {
        "train special_tokens": lambda one: eurotok.train(counts, vocab_size=300, special_tokens=one),
        "train shares": lambda one: eurotok.train(counts, vocab_size=300, shares=one),
        "train target": lambda one: eurotok.train(counts, vocab_size=300, target=one),
        "extend shares": lambda one: eurotok.extend(tok, counts, vocab_size=3000, shares=one),
        "extend target": lambda one: eurotok.extend(tok, counts, vocab_size=3000, target=one),
        "load special_tokens": lambda one: eurotok.load("euro-64k", special_tokens=one),
        "compare tokenizers": eurotok.compare,
        "compare languages": lambda one: eurotok.compare([tok], languages=one),
        "compare languages beside text": lambda one: eurotok.compare([tok], dict(sentences), languages=one),
        "sweep vocab_size": lambda one: eurotok.sweep(counts, sample, vocab_size=one),
        "sweep fairness": lambda one: eurotok.sweep(counts, sample, vocab_size=[300], fairness=one),
        "sweep target": lambda one: eurotok.sweep(counts, sample, vocab_size=[300], target=one),
        "sweep special_tokens": lambda one: eurotok.sweep(counts, sample, vocab_size=[300], special_tokens=one),
        "grant wishes": lambda one: wishes.grant(counts, one, vocab_size=300, parallel=sample),
        "grant special_tokens": lambda one: wishes.grant(
            counts, wish, vocab_size=300, parallel=sample, special_tokens=one
        ),
        "load_parallel languages": lambda one: prices.load_parallel(languages=one),
        "load_sentences languages": lambda one: prices.load_sentences(sample, one),
        "Tokenizer.encode_batch texts": tok.encode_batch,
        "Tokenizer.count_batch texts": tok.count_batch,
        "Tokenizer.decode ids": tok.decode,
        "Tokenizer.decode_bytes ids": tok.decode_bytes,
        "Tokenizer.decode_batch batch": tok.decode_batch,
        "Tokenizer.decode_batch ids of one": lambda one: tok.decode_batch([[1], one]),
        "Counts.add_texts texts": lambda one: counts.add_texts("und", one),
        "Counts.add_files paths": lambda one: counts.add_files("und", one),
        "Counts.filter languages": lambda one: counts.filter(languages=one),
        "Ragged ids": lambda one: Ragged(one, [0, 1]),
        "Ragged.from_lists lists": Ragged.from_lists,
        "adapters.run sentences": lambda one: encoders.run(encoder, one),
        "measure.Text sentences": measure.Text,
    }


TAKES_ONE = {
    "train source",  # a folder, by its path
    "extend source",
    "count source",
    "count_pieces source",
    "compare text",
    "Tokenizer.encode_files paths",  # a file
    "Tokenizer.count_files paths",
    "Tokenizer.encode_stream chunks",  # the characters of a text are the text
    "Tokenizer.chat messages",  # a str is refused as a message, with a ChatError
    "Tokenizer.chat tools",
    "sweep source",  # what `count` takes
    "grant source",
}
"""Arguments that are several things, or one that a string names."""


def annotated() -> Iterator[str]:
    """Name the arguments of public calls that are annotated as several things."""
    owners: list[tuple[str, object]] = [("", eurotok), ("Tokenizer.", Tokenizer), ("Ragged.", Ragged)]
    owners += [(f"{module.__name__.rpartition('.')[2]}.", module) for module in (encoders, measure)]
    owners += [("", prices), ("", training)]
    for prefix, owner in owners:
        for name, call in inspect.getmembers(owner, inspect.isroutine):
            if name.startswith("_") or not isinstance(call, (types.FunctionType, types.MethodType)):
                continue
            if inspect.ismodule(owner) and call.__module__ != owner.__name__ and owner is not eurotok:
                continue
            for argument, parameter in inspect.signature(call).parameters.items():
                kind = str(parameter.annotation)
                if any(word in kind for word in ("Sequence[", "Iterable[", "Source")) and not kind.startswith(
                    "Mapping"
                ):
                    yield f"{prefix}{name} {argument}"


def test_every_argument_that_is_several_things_is_held_to_this(tok: Tokenizer, sample: Path) -> None:
    known = {*bare_strings(tok, eurotok.count(["a b"]), sample), *TAKES_ONE}
    internal = {
        "add_files languages",
        "counted source",
        "stand_in languages",
        "measure.usages texts",
        "measure.usages encoded",
        "warn_of_names languages",
    }
    assert set(annotated()) - known - internal == set()


@pytest.mark.parametrize("one", ["<eos>", "fr", "12", ""])
def test_a_bare_string_is_not_a_sequence(tok: Tokenizer, sample: Path, one: Any) -> None:
    counts = eurotok.count({"en": sample / "en.txt", "fr": sample / "fr.txt"})
    before = counts.bytes
    for name, call in bare_strings(tok, counts, sample).items():
        with pytest.raises(TypeError):
            call(one)
            pytest.fail(f"{name} takes {one!r}")
    assert counts.bytes == before


def test_a_bare_string_is_named(tok: Tokenizer) -> None:
    with pytest.raises(
        TypeError, match=r"special_tokens: several are needed, such as a list, not one str: \['<eos>'\]"
    ):
        eurotok.train(["a b"], vocab_size=300, special_tokens="<eos>")
    with pytest.raises(TypeError, match="languages: several are needed"):
        eurotok.compare([tok], languages="fr")
    assert eurotok.compare([tok], languages="all").languages


SURROGATES = "a\ud83d b \ud83d\ude00 c\ude00\ud83d"
REPLACED = "a\ufffd b 😀 c\ufffd\ufffd"


def each_way(tok: Tokenizer, text: str, **arguments: Any) -> list[list[int]]:
    """Encode a text in all ways."""
    batch, counts = tok.encode_batch([text, "ok"], **arguments), tok.count_batch([text, "ok"], **arguments)
    ids = tok.encode_list(text, **arguments)
    assert (tok.count(text, **arguments), counts.tolist()) == (len(ids), batch.lengths.tolist())
    spanned, spans = tok.encode_with_offsets(text, **arguments)
    assert spans.shape == (len(spanned), 2)
    assert batch[1].tolist() == tok.encode_list("ok", **arguments)
    return [ids, tok.encode(text, **arguments).tolist(), batch[0].tolist(), spanned.tolist()]


@pytest.mark.parametrize("more", ["", "é" * 100, "long " * 2000])
def test_lone_surrogates_are_replaced_if_asked(tok: Tokenizer, more: str) -> None:
    text, expected = more + SURROGATES, tok.encode_list(more + REPLACED)
    assert each_way(tok, text, errors="replace") == [expected] * 4
    assert each_way(tok, more, errors="replace") == [tok.encode_list(more)] * 4
    calls: list[Call] = [tok.encode, tok.encode_list, tok.encode_with_offsets, tok.count]
    for call in calls:
        with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
            call(text)
        with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
            call(text, errors="strict")
        with pytest.raises(ValueError, match='errors: "maybe" is neither'):
            call("fine", errors="maybe")
    batches: list[Call] = [tok.encode_batch, tok.count_batch]
    for batch in batches:
        with pytest.raises(ValueError, match='errors: "maybe" is neither'):
            batch(["fine"], errors="maybe")


def test_spans_are_those_of_the_text_that_has_surrogates(tok: Tokenizer) -> None:
    ids, spans = tok.encode_with_offsets(SURROGATES, errors="replace")
    assert (spans[0, 0], spans[-1, 1]) == (0, len(SURROGATES))
    for number, (start, end) in zip(ids, spans, strict=True):
        covered = SURROGATES[start:end].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        assert tok.token(int(number)) in covered.encode()


@pytest.mark.parametrize("place", [0, 4999, 5000])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_names_the_text(tok: Tokenizer, place: int, threads: int) -> None:
    texts = ["ok"] * 5001
    texts[place] = "\ud83d"
    for batch in (tok.encode_batch, tok.count_batch):
        with pytest.raises(UnicodeEncodeError, match=rf"surrogates not allowed \(texts\[{place}\]\)"):
            batch(texts, threads)
        assert len(batch(texts, threads, errors="replace")) == len(texts)


@given(text=st.text(st.characters(), max_size=20) | st.text(st.sampled_from("a\ud83d\ude00\udfff\ud800é😀\ufeff")))
def test_surrogates_are_replaced_as_tiktoken_does(tok: Tokenizer, text: str) -> None:
    theirs = tiktoken.Encoding(
        "bytes", pat_str=r"[\s\S]", mergeable_ranks={bytes([byte]): byte for byte in range(256)}, special_tokens={}
    )
    expected = theirs.decode(theirs.encode(text, disallowed_special=()))
    assert tok.decode(tok.encode(text, errors="replace")) == expected


def test_ids_at_the_ends(tok: Tokenizer) -> None:
    end, pad = tok.special_tokens["<|end|>"], tok.special_tokens["<|pad|>"]
    for text in ("", "ein Haus", "é" * 100, "long " * 2000):
        ids = tok.encode_list(text)
        assert each_way(tok, text, bos="<|pad|>") == [[pad, *ids]] * 4
        assert each_way(tok, text, eos=np.int64(end)) == [[*ids, end]] * 4
        assert each_way(tok, text, bos=pad, eos="<|end|>") == [[pad, *ids, end]] * 4
        assert each_way(tok, text, bos=0, eos=0) == [[0, *ids, 0]] * 4
        _, spans = tok.encode_with_offsets(text, bos=pad, eos=end)
        assert (spans[0].tolist(), spans[-1].tolist()) == ([0, 0], [len(text)] * 2)
    batch = tok.encode_batch([], bos=pad, eos=end)
    assert (len(batch), len(batch.ids)) == (0, 0)
    texts = [f"text {number}" * (number % 50) for number in range(3000)]
    assert tok.encode_batch(texts, bos=pad, eos=end).to_list() == [
        [pad, *ids, end] for ids in tok.encode_batch(texts).to_list()
    ]


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        ("<s>", ValueError, 'eos: "<s>" is not a special token of this vocabulary'),
        ("a", ValueError, 'eos: "a" is not a special token'),
        (2000, ValueError, r"eos: 2000 is not the id of a token of this vocabulary \(size 2000\)"),
        (-1, ValueError, "eos: -1 is not the id"),
        (2**70, ValueError, f"eos: {2**70} is not the id"),
        (True, TypeError, "eos: the text of a special token or an id is needed, not bool"),
        (1.0, TypeError, "not float"),
        (b"<|end|>", TypeError, "not bytes"),
    ],
)
def test_ids_that_cannot_stand_at_the_ends(tok: Tokenizer, wrong: Any, kind: type[Exception], message: str) -> None:
    calls: list[Call] = [tok.encode, tok.encode_list, tok.encode_with_offsets, tok.count]
    for call in calls:
        with pytest.raises(kind, match=message):
            call("a", eos=wrong)
    for batch in (tok.encode_batch, tok.count_batch):
        with pytest.raises(kind, match=message):
            batch([], eos=wrong)


def test_errors_have_the_names_that_they_are_called_by() -> None:
    assert [kind.__name__ for kind in ERRORS if kind.__module__ == "eurotok"] == [kind.__qualname__ for kind in ERRORS]
