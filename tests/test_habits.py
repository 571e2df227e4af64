"""Habits of other libraries: tokens as text, the vocabulary as a dict, results in a line and in notebooks."""

from pathlib import Path
from typing import Any, get_args

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

import eurotok
from eurotok import literals, vocabulary
from eurotok.training.trace import Trace

TEXT = "L’école européenne, Ελλάδα! 🙂"


def test_tokens_are_those_of_encode(tok: eurotok.Tokenizer) -> None:
    tokens = tok.tokens(TEXT)
    assert [tok.token_to_id(token) for token in tokens] == tok.encode_list(TEXT)
    assert b"".join(map(vocabulary.read, tokens)).decode() == TEXT
    assert "".join(eurotok.load("euro-64k").tokens("Grüße aus Malmö")) == "Grüße aus Malmö"
    assert tok.tokens("a<|end|>", specials="parse")[-1] == "<|end|>"
    assert "<|end|>" not in tok.tokens("a<|end|>")
    assert tok.tokens("") == []


@given(st.binary(max_size=12))
def test_a_token_is_read_as_it_was_written(token: bytes) -> None:
    if not vocabulary.BYTE.search(token.decode("utf-8", "replace")):
        assert vocabulary.read(vocabulary.written(token)) == token


def test_the_vocabulary(tok: eurotok.Tokenizer, tok_json: Path) -> None:
    found = tok.get_vocab()
    assert sorted(found.values()) == list(range(tok.vocab_size))
    assert all(tok.token_to_id(token) == number for token, number in found.items())
    theirs = tokenizers.Tokenizer.from_file(str(tok_json))
    for token, number in theirs.get_vocab(with_added_tokens=True).items():
        if not token.isascii() and len(token) > 1 and token not in found:
            assert tok.token_to_id(token) == number, "as a tokenizer.json spells it"
    assert tok.token_to_id("<|none|>") is None


@pytest.mark.parametrize("name", eurotok.models())
def test_shipped_vocabularies_have_a_key_for_each_token(name: str) -> None:
    tok = eurotok.load(name)
    assert len(tok.get_vocab()) == tok.vocab_size


@pytest.mark.parametrize(
    ("specials", "ids"),
    [
        (["<s>", "</s>", "<pad>"], ("<s>", "</s>", "<pad>")),
        (["<|endoftext|>"], (None, "<|endoftext|>", None)),
        (["<|begin_of_text|>", "<|end_of_text|>"], ("<|begin_of_text|>", "<|end_of_text|>", None)),
        (["[CLS]", "[SEP]", "[PAD]"], ("[CLS]", "[SEP]", "[PAD]")),
        (["<|other|>"], (None, None, None)),
    ],
    ids=lambda it: " ".join(map(str, it)),
)
def test_ids_of_the_usual_special_tokens(specials: list[str], ids: tuple[str | None, ...]) -> None:
    tok = eurotok.train(["a b"], vocab_size=256 + len(specials), special_tokens=specials)
    assert (tok.bos_id, tok.eos_id, tok.pad_id) == tuple(None if it is None else tok.special_tokens[it] for it in ids)


def test_the_words_of_arguments_are_all_there() -> None:
    named, _ = get_args(literals.Scheme)
    assert set(get_args(named)) == set(eurotok.schemes())
    tok = eurotok.train(["a b"], vocab_size=256)
    for specials in get_args(literals.Specials):
        for errors in get_args(literals.Errors):
            assert tok.encode_list("a", specials=specials, errors=errors) == [64]


def test_results_are_a_line_and_a_table(tok: eurotok.Tokenizer, sample: Path) -> None:
    counts = eurotok.count_pieces({"en": sample / "en.txt", "<fr>": sample / "fr.txt"})
    traces: list[Trace] = []
    text = {language: [line] * 3 for language, line in (("en", "the cat"), ("<fr>", "le chat"))}
    outcome = eurotok.grant(counts, [eurotok.Wish("<fr>", 0.5)], vocab_size=270, parallel=text)
    results = [
        counts,
        tok,
        eurotok.compare([tok], text),
        eurotok.sweep(counts, text, vocab_size=300, fairness=[None, 3]),
        outcome,
        outcome.trace,
        eurotok.train(counts, vocab_size=300, parallel=text, trace=traces.append),
    ]
    for result in results:
        line, page = repr(result), result._repr_html_()  # type: ignore[attr-defined]
        assert "\n" not in line
        assert line.startswith(type(result).__name__)
        assert len(line) < 500
        assert page.count("<table>") == page.count("</table>") == 1
        assert "<fr>" not in page, "languages are escaped"
    assert "&lt;fr&gt;" in counts._repr_html_()


def test_old_names_of_arguments_work_and_warn(sample: Path) -> None:
    counts = eurotok.count({"en": sample / "en.txt"})
    new = eurotok.sweep(counts, sample, vocab_size=[260], fairness=3.0, target={"en": 0.9})
    with pytest.warns(FutureWarning) as warned:
        call: Any = eurotok.sweep
        old = call(counts=counts, parallel=sample, vocab_sizes=[260], fairness=[3.0], targets=[{"en": 0.9}])
    assert new == old
    assert {str(it.message) for it in warned} == {
        "sweep: 'counts' is the old name of 'source'",
        "sweep: 'vocab_sizes' is the old name of 'vocab_size'",
        "sweep: 'targets' is the old name of 'target'",
    }
    with pytest.raises(TypeError, match="which is given, too"):
        eurotok.sweep(counts, sample, vocab_size=[260], vocab_sizes=[260])  # type: ignore[call-arg]


def test_waits_are_announced(sample: Path) -> None:
    counts, said = eurotok.count_pieces(sample), list[str]()
    eurotok.sweep(counts, sample, vocab_size=[280, 300], fairness=[None, 3, 10], announce=said.append)
    eurotok.grant(counts, [eurotok.Wish(None, 9.0)], vocab_size=300, parallel=sample, announce=said.append)
    assert said[0].startswith("3 trainings of 300 entries: about ")
    eurotok.grant(
        eurotok.count_pieces({"en": ["a b c"] * 9, "code": ["x = 1"] * 9}),
        [eurotok.Wish("en", 9.0)],
        vocab_size=260,
        parallel={"en": ["a b"]},
        shares={"code": 0.1},
        special_tokens=["<s>"],
        announce=said.append,
    )
    assert len(said) == 3, "languages without a price have their share in the estimate, too"
    assert said[1].startswith("1 to 11 trainings of 300 entries: about ")
