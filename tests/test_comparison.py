"""Prices of languages, against figures worked out by hand and figures known from elsewhere."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import eurotok
from eurotok import Tokenizer, compare
from eurotok.pricing.parallel_text import OFFICIAL, load_parallel


def words(sentence: str) -> list[str]:
    return sentence.split()


def characters(sentence: str) -> int:
    return len(sentence)


def write(folder: Path, **texts: str) -> Path:
    for language, text in texts.items():
        (folder / f"{language.replace('_', '-')}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Words: en 2 and 4, fr 3 and 6, el 6 and 9. Prices 3, 4.5, 7.5; surcharges +50 % and +150 %.
    return write(tmp_path, en="a b\na b c d\n", fr="a b c\na b c d e f\n", el="α β γ δ ε ζ\r\nα β γ δ ε ζ η θ ι\r\n")


def test_by_hand(folder: Path) -> None:
    result = compare([words, characters], folder)
    assert result.tokenizers == ("words", "characters")
    assert result.languages == ("el", "en", "fr")
    assert result.counts.dtype == np.int64
    assert result.counts.tolist() == [[[6, 9], [2, 4], [3, 6]], [[11, 17], [3, 7], [5, 11]]]
    assert result.prices.tolist() == [[7.5, 3.0, 4.5], [14.0, 5.0, 8.0]]
    assert result.surcharges == pytest.approx(np.array([[1.5, 0.0, 0.5], [1.8, 0.0, 0.6]]))
    assert result.mean == pytest.approx([1.0, 1.2])
    assert result.worst == pytest.approx([1.5, 1.8])
    # Differences 3, 1.5 and 4.5, each twice, over 2 * 3 * 15; 6, 3 and 9 over 2 * 3 * 27.
    assert result.gini == pytest.approx([18 / 90, 36 / 162])


def test_the_table_says_the_same(folder: Path) -> None:
    lines = compare([words], folder).table().splitlines()
    assert [line.split() for line in lines[:9]] == [
        ["words"],
        # Sentences 1 and 1, 1 and 2, or 2 and 2 are drawn: Greek is 6/2, 15/6 or 9/4 of English, French always 3/2.
        ["el", "7.5", "+150", "%", "[+125,", "+200]"],
        ["en", "3.0"],
        ["fr", "4.5", "+50", "%", "[+50,", "+50]"],
        ["-" * len(lines[4])],
        ["mean", "5.0", "+100", "%", "[+88,", "+125]"],
        ["p90", "6.9", "+140", "%", "[+118,", "+185]"],
        ["worst", "7.5", "+150", "%", "[+125,", "+200]"],
        ["Gini", "0.200"],
    ]
    assert "Not in the text: bg, cs," in lines[-2]
    assert lines[-1] == "Only 2 sentences: the intervals are rough, and no verdict."
    assert max(map(len, lines)) <= 100
    assert str(compare([words], folder)) == compare([words], folder).table()


def test_a_table_that_is_too_wide_is_brief(folder: Path) -> None:
    def fails(sentence: str) -> list[str]:
        if "a" in sentence:
            raise RuntimeError("no a")
        return sentence.split()

    four = {"words": words, "characters": characters, "fails": fails, "again": words}
    result = compare(four, folder)
    lines = result.table(width=100).splitlines()
    assert [line.split() for line in lines[:10]] == [
        ["tokens", "×", "1", "mean", "surcharge", "p90", "worst", "Gini"],
        ["1", "words", "5.0", "+100", "%", "[+88,", "+125]", "+140", "%", "+150", "%", "el", "0.200"],
        # 27 characters for 15 words; 17 for 9 or 10 for 6, if one sentence is drawn twice.
        [
            *("2", "characters", "9.0", "×1.80", "[1.73,", "1.84]", "+120", "%", "[+100,", "+167]"),
            *("+168", "%", "+180", "%", "el", "0.222"),
        ],
        ["3", "fails", "failed"],
        [
            *("4", "again", "5.0", "×1.00", "[1.00,", "1.00]", "+100", "%", "[+88,", "+125]"),
            *("+140", "%", "+150", "%", "el", "0.200"),
        ],
        [],
        ["1", "2", "3", "4"],
        ["el", "7.5", "+150", "%", "14.0", "×1.87", "+180", "%", "7.5", "×1.00", "7.5", "×1.00", "+150", "%"],
        ["en", "3.0", "5.0", "×1.67", "failed", "3.0", "×1.00"],
        ["fr", "4.5", "+50", "%", "8.0", "×1.78", "+60", "%", "failed", "4.5", "×1.00", "+50", "%"],
    ]
    assert max(map(len, lines)) <= 100
    assert max(map(len, result.table(width=50).splitlines())) <= 50


def test_the_tokens_beside_another_tokenizer(folder: Path) -> None:
    # In words: el 6 and 9, en 2 and 4, fr 3 and 6 tokens. In characters: 11 and 17, 3 and 7, 5 and 11.
    result = compare({"w": words, "c": characters}, folder, reference="c")
    assert result.base == 1
    assert result.over_reference == pytest.approx(np.array([[15 / 28, 6 / 10, 9 / 16], [1.0, 1.0, 1.0]]))
    assert result.over_reference_mean == pytest.approx([30 / 54, 1.0])
    # One sentence twice, or both: the ends are the ratios of single sentences.
    assert result.intervals["over_reference"][:, 0, 1] == pytest.approx([4 / 7, 2 / 3])
    assert result.intervals["over_reference_mean"][:, 0] == pytest.approx([19 / 35, 11 / 19])
    table = result.table(width=120)
    assert table.splitlines()[1].split() == [
        *("el", "7.5", "×0.54", "[0.53,", "0.55]", "+150", "%", "[+125,", "+200]"),
        *("14.0", "+180", "%", "[+143,", "+267]"),
    ]
    assert table.splitlines()[5].split()[:3] == ["mean", "5.0", "×0.56"]
    assert "× the tokens under c" in table
    assert json.loads(result.to_json())["reference_tokenizer"] == "c"
    assert "| 7.5 ×0.54" in result.to_markdown()
    assert "×0.54" in result.to_latex()
    assert compare([words, characters], folder, reference=characters).base == 1, "as it was given"
    assert compare([words], folder, reference=characters).tokenizers == ("characters", "words"), "put first"
    alone = compare([words], folder)
    assert "×" not in alone.table() + alone.to_markdown() + alone.to_latex(), "nothing to set it against"


def test_colours_do_not_praise_what_takes_more_tokens() -> None:
    # Under the second tokenizer French pays little more than English, and twice what it pays under the first.
    text = {"en": ["a", "b"], "fr": ["c", "d"]}
    result = compare({"one": lambda _: 10, "two": lambda s: 20 if s in "ab" else 21}, text)
    line = next(it for it in result.table(colours=True).splitlines() if "fr" in it)
    assert line.count("\x1b[31m") == 1
    assert line.index("\x1b[31m") > line.index("\x1b[32m"), "the first is green, the second red"


def test_json_says_the_same(folder: Path, tmp_path: Path) -> None:
    result = compare({"w": words}, folder)
    text = result.to_json(tmp_path / "out.json")
    assert (tmp_path / "out.json").read_text() == text
    content = json.loads(text)
    assert content["sentences"] == 2
    assert content["reference"] == "en"
    assert len(content["missing"]) == 21
    (given,) = content["tokenizers"]
    assert given["name"] == "w"
    assert given["tokens_per_sentence"] == {"el": 7.5, "en": 3.0, "fr": 4.5}
    assert given["surcharge"] == {"el": 1.5, "en": 0.0, "fr": 0.5}
    assert (given["surcharge_mean"], given["surcharge_worst"]) == (1.0, 1.5)
    assert given["surcharge_p90"] == pytest.approx(1.4)
    assert given["gini"] == pytest.approx(0.2)
    assert given["intervals"]["surcharge"] == {"el": [1.25, 2.0], "en": [0.0, 0.0], "fr": [0.5, 0.5]}
    assert given["vocabulary_used"] is None, "a function has no vocabulary"


def test_every_figure_by_hand(folder: Path) -> None:
    # In words: el 6 and 9, en 2 and 4, fr 3 and 6 tokens, each a word of one letter (two bytes in Greek).
    figures = {name: values[0].tolist() for name, values in compare([words], folder, price=3.0).figures.items()}
    assert figures["fertility"] == [1.0, 1.0, 1.0]
    assert figures["bytes_per_token"] == pytest.approx([43 / 15, 10 / 6, 16 / 9])
    assert figures["characters_per_token"] == pytest.approx([28 / 15, 10 / 6, 16 / 9])
    assert figures["byte_adjusted_premium"] == pytest.approx([2.5 / 4.3, 1.0, 1.5 / 1.6])
    assert figures["parity"] == pytest.approx([(6 / 2 + 9 / 4) / 2, 1.0, 1.5])
    assert figures["cost_per_million_words"] == [3.0, 3.0, 3.0]
    assert figures["context_in_words"] == [128_000.0] * 3
    result = compare([words], folder, price=3.0)
    over = {"over_reference_mean": result.over_reference_mean}
    over |= {"surcharge_mean": result.mean, "surcharge_worst": result.worst, "surcharge_p90": result.p90}
    for name, (low, high) in result.intervals.items():
        value = (result.figures | over | {"gini": result.gini})[name]
        if name in ("continued_words", "cut_tokens"):  # what is not told has no interval
            assert np.isnan([low, value, high]).all()
            continue
        assert ((low <= value + 1e-9) & (value <= high + 1e-9)).all(), name
    # Sentences 1 and 1, 1 and 2, or 2 and 2 are drawn.
    assert result.intervals["parity"][:, 0, 0].tolist() == [9 / 4, 3.0]
    assert result.intervals["bytes_per_token"][:, 0, 0] == pytest.approx(np.sort([17 / 6, 26 / 9]))
    assert all(math.isnan(it) for it in figures["continued_words"]), "words that are not told are not guessed"
    with pytest.raises(ValueError, match="price"):
        compare([words], folder, price=-1.0)


def test_a_tokenizer_that_fails_has_no_price(folder: Path) -> None:
    def fails(sentence: str) -> list[str]:
        if "η" in sentence:
            raise RuntimeError("no eta")
        return sentence.split()

    result = compare([words, fails], folder)
    assert result.counts[1].tolist() == [[6, -1], [2, 4], [3, 6]]
    assert np.isnan(result.prices[1, 0])
    assert result.surcharges[1, 2] == 0.5, "the other languages keep theirs"
    assert all(np.isnan(it[1]) and not np.isnan(it[0]) for it in (result.mean, result.worst, result.p90, result.gini))
    (problem,) = [it for it in result.problems if "fails" in it]
    assert problem == (
        "fails fails on 1 of 2 sentences in el, which has no price under it (sentence 2: RuntimeError: no eta)."
    )
    assert problem in " ".join(result.table().split())
    assert "failed" in result.table()
    assert json.loads(result.to_json())["tokenizers"][1]["surcharge"]["el"] is None
    assert "failed" in result.to_markdown()
    assert "no eta" in result.to_html()

    def broken(sentence: str) -> list[str]:
        raise RuntimeError("out of order")

    with pytest.raises(ValueError, match="broken fails on every sentence: RuntimeError: out of order"):
        compare([words, broken], folder)


def test_any_figure_as_a_table(folder: Path) -> None:
    result = compare([words, characters], folder)
    assert [line.split() for line in result.table(figure="bytes_per_token").splitlines()[:6]] == [
        ["words", "characters"],
        ["el", "2.87", "[2.83,", "2.89]", "1.54", "[1.53,", "1.55]"],
        ["en", "1.67", "[1.50,", "1.75]", "1.00", "[1.00,", "1.00]"],
        ["fr", "1.78", "[1.67,", "1.83]", "1.00", "[1.00,", "1.00]"],
        ["-" * 42],
        ["mean", "2.10", "1.18"],
    ]
    assert "Bytes per token: Bytes of UTF-8" in result.to_markdown(figure="bytes_per_token")
    assert "| el | 100.0 % | – |" in result.to_markdown(figure="exact_sentences").replace(
        "| – | – |", "| 100.0 % | – |"
    )
    with pytest.raises(ValueError, match="no figure 'speed'; there is surcharge, tokens_per_sentence, "):
        result.to_latex(figure="speed")


def test_a_tokenizer_that_fails_in_english_has_no_surcharges(folder: Path) -> None:
    result = compare([lambda s: s.split() if s[0] != "a" else []], folder, languages=["el"])
    assert result.counts.tolist() == [[[6, 9], [-1, -1]]]
    assert result.prices[0].tolist()[0] == 7.5
    for name in ("surcharge", "parity", "byte_adjusted_premium"):
        assert np.isnan(result.figures[name]).all(), name
        assert np.isnan(result.intervals[name]).all(), name
    assert any("<lambda> fails on 2 of 2 sentences in en" in it and "no tokens" in it for it in result.problems)
    assert "no tokens" in result.to_html()


def test_a_tokenizer_may_fail_on_all_of_a_language(folder: Path) -> None:
    result = compare([lambda s: s.encode("ascii")], folder)
    assert np.isnan(result.prices[0]).tolist() == [True, False, False]
    assert result.surcharges[0, 2] == pytest.approx(16 / 10 - 1)


def test_a_lossy_tokenizer_is_named(folder: Path) -> None:
    lossy = SimpleNamespace(name="lossy", encode=lambda s: [ord(c) for c in s if c != "b"])
    lossy.decode = lambda ids: "".join(map(chr, ids))
    result = compare([lossy], folder)
    assert result.figures["exact_sentences"].tolist() == [[1.0, 0.0, 0.0]]
    assert '<a class="tag bad" href="#problems">lossy</a>' in result.to_html()
    assert any("lossy is lossy: sentences 2 in en (first 1), 2 in fr (first 1)" in it for it in result.problems)


def test_a_single_sentence_has_no_interval(tmp_path: Path) -> None:
    result = compare([words], write(tmp_path, en="a b\n", fr="a b c\n"))
    assert result.surcharges.tolist() == [[0.0, 0.5]]
    assert all(np.isnan(values).all() for values in result.intervals.values())
    assert "A single sentence: no intervals, and no verdict." in result.table()
    assert "[" not in result.table()
    assert "nan" not in result.to_html().lower().replace("nani", "")


def test_english_alone_has_no_surcharge(tmp_path: Path) -> None:
    result = compare([words], write(tmp_path, en="a b\n"))
    assert math.isnan(result.mean[0])
    assert json.loads(result.to_json())["tokenizers"][0]["surcharge_worst"] is None
    assert "nan" not in result.table()


def test_which_languages(tmp_path: Path) -> None:
    write(tmp_path, en="a b c\n", en_src="a\n", fr="a b\n", nb="a b c d\n")
    assert compare([words], tmp_path).languages == ("en", "fr")
    assert compare([words], tmp_path).prices.tolist() == [[1.0, 2.0]], "English is what was translated"
    assert compare([words], tmp_path, languages=["nb"]).languages == ("en", "nb")
    assert compare([words], tmp_path, languages="all").languages == ("en", "fr", "nb")
    with pytest.raises(eurotok.CorpusError, match="no text for de, xx; there is en, fr, nb"):
        compare([words], tmp_path, languages=["xx", "de"])
    (tmp_path / "fr.txt").unlink()
    assert compare([words], tmp_path).languages == ("en", "nb")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fr": "a\n"}, r"fr\.txt: 1 lines, but .*en\.txt has 2"),
        ({"fr": "a\n\n"}, r"fr\.txt: line 2 is empty"),
        ({"en": "a\n \n"}, r"en\.txt: line 2 is empty"),
        ({"en": "", "fr": "", "el": ""}, "no sentences"),
    ],
)
def test_text_that_is_not_parallel_is_named(folder: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(eurotok.CorpusError, match=message):
        compare([words], write(folder, **change))


def test_text_without_english_or_utf8(folder: Path) -> None:
    (folder / "fr.txt").write_bytes(b"a\nb\xff\n")
    with pytest.raises(eurotok.CorpusError, match=r"fr\.txt: invalid UTF-8 at byte 3"):
        compare([words], folder)
    assert compare([words], folder, errors="replace").prices[0, 2] == 1.0
    (folder / "en.txt").unlink()
    with pytest.raises(eurotok.CorpusError, match="no English text"):
        compare([words], folder)


def test_sentences_in_memory() -> None:
    seen: list[tuple[str, int, int]] = []
    text = {"en": ["a b", "c"], "fr": ["a b c", "d e f"]}
    result = compare([words, characters], text, progress=lambda *step: seen.append(step))
    assert result.prices[0].tolist() == [1.5, 3.0]
    assert seen == [("comparing", 1, 2), ("comparing", 2, 2)]
    with pytest.raises(eurotok.CorpusError, match="no English"):
        compare([words], {"fr": ["a"]})
    with pytest.raises(eurotok.CorpusError, match="text in memory, fr: 1 lines, but text in memory, en has 2"):
        compare([words], text | {"fr": ["a"]})
    with pytest.raises(eurotok.CorpusError, match="fr: line 2 is empty"):
        compare([words], text | {"fr": ["a", " "]})


def test_the_sample_is_the_24_languages() -> None:
    sample = load_parallel()
    assert sample.languages == OFFICIAL
    assert len(sample.sentences["en"]) >= 60
    assert sample.missing == ()


def test_all_kinds_of_tokenizers(tok: Tokenizer, tok_json: Path, sentences: dict[str, Sequence[str]]) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    peer = tokenizers.Tokenizer.from_file(str(tok_json))
    with_method = SimpleNamespace(encode=tok.encode_list)
    ordinary = SimpleNamespace(encode_ordinary=tok.encode, encode=None, name="tiktoken-like")
    kinds = [tok, tok_json, str(tok_json), peer, with_method, ordinary, tok.encode, tok.count]
    result = compare(kinds)
    expected = [tok.count_batch(sentences[lang]).tolist() for lang in OFFICIAL]
    assert all(counts.tolist() == expected for counts in result.counts)
    assert result.tokenizers[0] == "europe-2000"
    assert result.tokenizers[5] == "tiktoken-like"
    assert not [it for it in result.problems if "lossy" in it or "fails" in it]
    for figure in ("continued_words", "single_token_words", "cut_tokens", "exact_sentences", "renyi_efficiency"):
        values = result.figures[figure]
        assert (values[:4] == values[0]).all(), f"{figure}: ours, from files, and through tokenizers"
    for figure in ("continued_words", "cut_tokens"):
        (low, high), value = result.intervals[figure][:, 0], result.figures[figure][0]
        assert ((low <= value) & (value <= high)).all(), figure
    assert (result.intervals["continued_words"][0, 0] < result.intervals["continued_words"][1, 0]).all()
    assert len(set(result.tokenizers)) == len(kinds), "names are told apart"


def test_a_scheme_for_files_that_state_none(tok: Tokenizer, tok_json: Path, tmp_path: Path) -> None:
    tok.save(tmp_path / "x.tiktoken")
    (tmp_path / "x.tiktoken.json").unlink(missing_ok=True)
    (tmp_path / "x.json").unlink(missing_ok=True)
    with pytest.raises(eurotok.FormatError, match="does not say how text is split"):
        compare([tmp_path / "x.tiktoken"])
    result = compare([tmp_path / "x.tiktoken", tok_json], scheme="europe")
    assert (result.counts[0] == result.counts[1]).all()


def test_what_is_no_tokenizer() -> None:
    with pytest.raises(TypeError, match="not a tokenizer: 3"):
        compare([3])
    with pytest.raises(ValueError, match="no tokenizer"):
        compare([])
    with pytest.raises(FileNotFoundError):
        compare(["absent.json"])


def test_ntrex(tok: Tokenizer, corpus: Path) -> None:
    text = load_parallel(corpus / "parallel" / "ntrex")
    assert text.languages == OFFICIAL
    assert len(text.sentences["en"]) == 1997
    result = compare({"bytes": lambda s: len(s.encode()), "sample": tok}, text)
    assert result.counts.shape == (2, 24, 1997)
    greek = OFFICIAL.index("el")
    assert result.surcharges[0, greek] > 0.9, "Greek letters are two bytes"
    assert (result.prices[1] < result.prices[0]).all()


def test_intervals_hold_the_figure_and_shrink(tok: Tokenizer, corpus: Path) -> None:
    text = load_parallel(corpus / "parallel" / "ntrex", ["fr", "el"])
    whole, part = compare([tok], text), compare([tok], text.part(slice(0, 100)))
    low, high = whole.intervals["surcharge"]
    assert ((low <= whole.surcharges) & (whole.surcharges <= high)).all()
    wider = part.intervals["surcharge"]
    assert (wider[1] - wider[0] > 2 * (high - low))[0, [0, 2]].all()
    assert (compare([tok], text).intervals["surcharge"] == whole.intervals["surcharge"]).all(), "the seed is fixed"
