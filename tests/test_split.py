"""The schemes against the libraries that run them as regexes: `regex` and `tokenizers` (`test_formats`: `tiktoken`)."""

import unicodedata
from pathlib import Path

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Judge

import eurotok
from eurotok.pricing.parallel_text import load_parallel

SCHEMES = sorted(eurotok.schemes())

# Scalars whose class no version of Unicode in use disagrees on: assigned for years, and not reclassified since. Of the
# ideographs, syllables and private characters beyond U+3400, a sample.
SCALARS = [
    chr(code)
    for code in range(0x110000)
    if unicodedata.category(chr(code)) not in ("Cn", "Cs")
    and code != 0x295
    and (code < 0x3400 or unicodedata.category(chr(code)) not in ("Lo", "Co") or code % 37 == 0)
]

CHARS = st.sampled_from("astrevmldSLEſéΩǅжª字ʰ\u0301 12²٣ \t\u00a0\u2003\n\r''’/!-«»€🙂")
TEXTS = st.lists(st.one_of(CHARS, st.characters(exclude_categories=["Cs", "Cn"])), max_size=60).map("".join)


def judged(scheme: str) -> tuple[eurotok.Tokenizer, Judge]:
    """A tokenizer of single bytes with this scheme, and what `tokenizers` makes of it."""
    tok = eurotok.train(["x"], vocab_size=256, scheme=scheme)
    return tok, Judge.from_str(tok.to_bytes("json").decode())


JUDGED = {scheme: judged(scheme) for scheme in SCHEMES}


def pieces_of_judge(judge: Judge, text: str) -> list[str]:
    return [text[start:end] for _, (start, end) in judge.pre_tokenizer.pre_tokenize_str(text)]


@pytest.mark.parametrize("scheme", SCHEMES)
@given(text=TEXTS)
def test_pieces_are_those_of_tokenizers(scheme: str, text: str) -> None:
    tok, judge = JUDGED[scheme]
    assert tok.split(text) == pieces_of_judge(judge, text)


@pytest.mark.parametrize("scheme", SCHEMES)
@given(text=TEXTS)
def test_pieces_are_those_of_regex(scheme: str, text: str) -> None:
    # `regex` follows the newest Unicode: on what it has reclassified it is no judge.
    text = "".join(char for char in text if char != "\u0295" and unicodedata.category(char) != "Cn")
    assert eurotok.split(text, scheme) == regex.findall(eurotok.schemes()[scheme], text)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scalar(scheme: str) -> None:
    tok, judge = JUDGED[scheme]
    # Each in front of, between and behind letters, digits, marks and spaces; long texts, so that all offsets occur.
    for first in range(0, len(SCALARS), 4000):
        text = "".join(f"{c}a {c}B{c}'s{c}1!{c}\n{c}  {c}" for c in SCALARS[first : first + 4000])
        assert tok.split(text) == pieces_of_judge(judge, text)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_real_text(scheme: str, corpus: Path) -> None:
    tok, judge = JUDGED[scheme]
    sentences = load_parallel(corpus / "parallel" / "ntrex").sentences
    assert len(sentences) >= 24
    for lines in sentences.values():
        text = "\n".join(lines[:200])
        assert tok.split(text) == pieces_of_judge(judge, text)


def test_europe_keeps_what_belongs_together() -> None:
    def split(text: str) -> str:
        return "|".join(eurotok.split(text, "europe"))

    assert split("l'école d’été, aujourd'hui") == "l'|école| d’|été|,| aujourd'|hui"
    assert split("nell'arte e un po' di") == "nell'|arte| e| un| po'| di"
    assert split("il-belt ta' Malta u f’Għawdex") == "il|-belt| ta'| Malta| u| f’|Għawdex"
    assert split("don't, we’re, JOHN'S") == "don't|,| we’re|,| JOHN'S"
    assert split("e\u0301cole") == "e\u0301cole"
    assert max(map(len, eurotok.split("-" * 100, "europe"))) == 16


def test_a_users_regex() -> None:
    assert eurotok.split("a1b22", r"\d+") == ["a", "1", "b", "22"]
    with pytest.raises(eurotok.Error, match=r"\("):
        eurotok.split("a", "(")
