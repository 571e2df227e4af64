"""Counts of a text, against counts by hand and by plain loops."""

import re
from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurotok import Tokenizer
from eurotok.pricing.adapters import Encoded, Encoder, encoder_of, piece_bytes, run
from eurotok.pricing.measure import Text, Usage, usages, word_spans
from eurotok.ragged import Ragged

WORD = re.compile(r"[^\W_](?:\S*[^\W_])?")


def usage(text: Text, encoder: Encoder, encoded: Encoded) -> Usage:
    return usages([text], encoder, [encoded])[0]


def cutter(tokens: Sequence[Sequence[bytes]]) -> Encoder:
    """A tokenizer that cuts given sentences in a given way."""
    known = sorted({each for sentence in tokens for each in sentence})
    ids = Ragged.from_lists([[known.index(each) for each in sentence] for sentence in tokens])
    return Encoder("cutter", lambda _: ids, None, lambda number: known[number], 100)


def test_words() -> None:
    def of(text: str) -> list[str]:
        return [text[begin:end] for begin, end in word_spans(text).T]

    assert of("« L’école », dit-il : 2,5 % – Mont-Blanc!") == ["L’école", "dit-il", "2,5", "Mont-Blanc"]
    assert of("- … _ ,") == of("") == []


@given(st.text())
def test_words_are_those_of_the_regex(text: str) -> None:
    assert word_spans(text).T.tolist() == [list(it.span()) for it in WORD.finditer(text)]


def test_by_hand() -> None:
    text = Text(["Athα and and.", "né, e"])
    assert text.words.tolist() == [3, 2]
    assert text.size.tolist() == [14, 6]
    assert text.characters.tolist() == [13, 5]
    tokens = [[b"Ath", b"\xce", b"\xb1", b" a", b"nd", b" and."], [b"n\xc3\xa9", b",", b" e"]]
    encoder = cutter(tokens)
    seen = usage(text, encoder, run(encoder, text.sentences))
    # Athα is three tokens, the first "and" two; the second "and.", "né" and "e" are one.
    assert seen.continued_words == 2 / 5
    assert seen.single_token_words == 3 / 4, "and, né and e; not Athα"
    assert seen.cut_tokens == 2 / 9, "the halves of α"
    assert (seen.continued.tolist(), seen.cut.tolist()) == ([2, 0], [2, 0])
    assert seen.exact_sentences == 1.0
    assert seen.vocabulary_used == 9 / 100
    assert seen.unaligned == seen.inexact == ()


def test_a_space_before_the_text_is_no_part_of_it() -> None:
    text = Text(["ab cd", "e"])
    encoder = cutter([[b" ", b"ab", b" c", b"d"], [b" e"]])
    seen = usage(text, encoder, run(encoder, text.sentences))
    assert (seen.continued_words, seen.unaligned) == (1 / 3, ())


def test_tokens_that_do_not_join_to_the_text_give_no_figures_of_words() -> None:
    text = Text(["ab", "cd"])
    encoder = cutter([[b"a", b"b"], [b"C", b"d"]])
    seen = usage(text, encoder, run(encoder, text.sentences))
    assert np.isnan([seen.continued_words, seen.single_token_words, seen.cut_tokens]).all()
    assert seen.unaligned == seen.inexact == (1,)
    assert seen.exact_sentences == 0.5


letters = st.text(st.sampled_from("ab α’,–\u0301"), min_size=1, max_size=12)


@given(st.lists(letters, min_size=1, max_size=4), st.data())
def test_is_what_plain_loops_count(sentences: list[str], data: st.DataObject) -> None:
    tokens, words, continued, cut = [], 0, 0, 0
    single: dict[str, bool] = {}
    for sentence in sentences:
        raw = sentence.encode()
        inner = data.draw(st.sets(st.integers(1, len(raw) - 1))) if len(raw) > 1 else set()
        bounds = [0, *sorted(inner), len(raw)]
        tokens.append([raw[a:b] for a, b in pairwise(bounds)])
        whole = {len(sentence[:n].encode()) for n in range(len(sentence) + 1)}
        cut += sum(not {a, b} <= whole for a, b in pairwise(bounds))
        for word in WORD.finditer(sentence):
            begin, end = len(sentence[: word.start()].encode()), len(sentence[: word.end()].encode())
            several = any(begin < bound < end for bound in bounds)
            words, continued = words + 1, continued + several
            single[word[0]] = single.get(word[0], False) or not several
    text, encoder = Text(sentences), cutter(tokens)
    seen = usage(text, encoder, run(encoder, sentences))
    assert text.words.sum() == words
    assert seen.cut_tokens == cut / sum(map(len, tokens))
    if words:
        assert seen.continued_words == continued / words
        assert seen.single_token_words == sum(single.values()) / len(single)


def test_libraries_see_the_same(tok: Tokenizer, sentences: dict[str, Sequence[str]]) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {tok.token(i): i for i in range(tok.vocab_size) if i not in tok.special_tokens.values()}
    peer = tiktoken.Encoding("peer", pat_str=tok.pattern, mergeable_ranks=ranks, special_tokens=tok.special_tokens)
    ours, theirs = encoder_of(tok), encoder_of(peer)
    for lines in sentences.values():
        text = Text(lines)
        expected, actual = (usage(text, each, run(each, lines)) for each in (ours, theirs))
        assert actual.continued_words == expected.continued_words
        assert actual.renyi_efficiency == expected.renyi_efficiency
        assert actual.exact_sentences == 1.0


def test_sentencepiece(tmp_path_factory: pytest.TempPathFactory, sentences: dict[str, Sequence[str]]) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    folder = tmp_path_factory.mktemp("spm")
    (folder / "text.txt").write_text("\n".join([*sentences["fr"]] * 3), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text.txt"), model_prefix=str(folder / "m"), vocab_size=600, model_type="bpe",
        byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, minloglevel=2,
    )  # fmt: skip
    encoder = encoder_of(folder / "m.model")
    assert (encoder.name, encoder.vocab_size) == ("m.model", 600)
    text = Text(sentences["el"])
    seen = usage(text, encoder, run(encoder, text.sentences))
    assert (seen.exact_sentences, seen.unaligned) == (1.0, ())
    assert seen.cut_tokens > 0.5, "Greek was not learnt: its letters are bytes"
    assert piece_bytes("▁ab") == b" ab"


def test_the_measures_of_a_word_piece_model(tmp_path_factory: pytest.TempPathFactory) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    from tokenizers import decoders, models, pre_tokenizers

    made = tokenizers.Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]"))
    made.pre_tokenizer, made.decoder = pre_tokenizers.Whitespace(), decoders.WordPiece()
    path = tmp_path_factory.mktemp("wordpiece") / "tokenizer.json"
    made.save(str(path))
    encoder = encoder_of(path)
    text = Text(["ab a", "c"])
    encoded = run(encoder, text.sentences)
    assert encoded.counts.tolist() == [3, 1]
    assert usage(text, encoder, encoded).inexact == (1,)


def test_results_of_any_shape() -> None:
    assert run(encoder_of(len), ["abc", ""]).counts.tolist() == [3, 0]
    assert run(encoder_of(str.split), ["a b a"]).counts.tolist() == [3]
    words = run(encoder_of(str.split), ["a b a"]).ids
    assert words is not None
    assert words.to_list() == [[0, 1, 0]]
    holder = SimpleNamespace(encode=lambda text: SimpleNamespace(ids=np.arange(len(text))))
    assert run(encoder_of(holder), ["abc"]).counts.tolist() == [3]
    assert run(encoder_of(lambda text: {"input_ids": [5, 6], "attention_mask": [1]}), ["abc"]).counts.tolist() == [2]
    negative = run(encoder_of(lambda text: len(text) - 2), ["abc", "a"])
    assert (negative.counts.tolist(), negative.failures) == ([1, -1], {1: "ValueError: -1 tokens"})
