"""Checks before a tokenizer is published: each answers one question, and lists its findings."""

from __future__ import annotations

import base64
import re
import tempfile
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from pathlib import Path
from typing import Any, Literal

import numpy as np

from eurotok import _core
from eurotok.pricing.parallel_text import load_parallel
from eurotok.tokenizer import Tokenizer
from eurotok.vocabulary import text_of

Encode = Callable[[Sequence[str]], list[list[int]]]
"""Of a library: texts to the ids of each."""

Status = Literal["ok", "failed", "warning", "not checked"]

SCALARS = [*range(0xD800), *range(0xE000, 0x110000)]
"""Every Unicode scalar: all code points but surrogates."""

LONGEST_RUN = 16
"""Of the same character in a token, white space aside; longer ones are listed as junk."""

LONGEST_TOKEN = 64
"""In bytes, white space aside; longer ones are listed as junk."""

BESIDE = ("a", "A", "é", "1", " ", "\n", ".", ")", ";", "/", "*", "'", "§", "**")
"""Neighbours of a token: characters of each kind that schemes tell apart, frequent and rare; and two marks of
punctuation, since one may begin a word."""

CONTRACTED = ("s", "t", "d", "m", "re", "ve", "ll")
"""English endings after an apostrophe, which some schemes cut off."""

# Texts that are split, spelled or normalized in unusual ways.
ADVERSARIAL = [
    "", " ", "   ", "\n", "\r\n\r\n", " \n \n", "\t\t x", "\x00\x01\x7f\x85\xad", "\u00a0\u2028\u2029\u3000\ufeff",
    "it's IT'S l’été L'ÉTÉ dell'arte", "e\u0301\u0323\u0345", "\u0301alone", "ǅ ʰ ﬁ ß ẞ ſ İ ı", "Å \u212b \u2126 ½ ٣ Ⅷ",
    "한글 \u1112\u1161\u11ab", "日本語と中文。", "שָׁלוֹם עולם", "مرحبا بالعالم", "नमस्ते दुनिया", "ไม่มีช่องว่าง", "ᚠᛇᚻ",
    "\U00010330\U00010331 𝔸 𝟘", "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308",
    "\U0001f1ea\U0001f1fa \U0001f44d\U0001f3fd", "\U0010ffff\ue000\ufdd0\ufffd", "1234567890" * 5, "a" * 1000, "!" * 99,
    " " * 300, "\n" * 100, "<|endoftext|><|im_start|>[INST]</s><s><unk>", "https://example.org/a?b=c&d=%20#e",
    "\tif x != y:\n\t\treturn -1\n",
]  # fmt: skip
"""Texts that a tokenizer must give back."""


@dataclass(frozen=True)
class Finding:
    """The answer to one question.

    Attributes
    ----------
    check
        The question, in a few words.
    status
        `"failed"` is a reason not to publish, `"warning"` one to look; `"not checked"` needs a library that is absent.
    detail
        What was found, in a sentence.
    examples
        Tokens or texts that it was found on, as many as there are.
    """

    check: str
    status: Status
    detail: str
    examples: tuple[str, ...] = ()


def check(tokenizer: Tokenizer) -> list[Finding]:
    """Ask everything about a tokenizer.

    Parameters
    ----------
    tokenizer
        The tokenizer.

    Returns
    -------
    list[Finding]
        An answer to each question; publish if none has failed.

    Examples
    --------
    >>> import eurotok
    >>> tok = eurotok.train(["ein Haus, zwei Häuser"], vocab_size=260, special_tokens=["<|end|>"])
    >>> [finding.check for finding in check(tok) if finding.status == "failed"]
    []
    """
    subject = _Subject(tokenizer)
    return [_asked(question, subject) for question in QUESTIONS]


def _asked(question: Callable[[_Subject], Finding], subject: _Subject) -> Finding:
    if question in OF_BYTES and not subject.tokenizer._spells_bytes():
        return Finding(OF_BYTES[question], "not checked", "the tokens are not byte-level")
    return question(subject)


def ordinary_tokens(tokenizer: Tokenizer) -> dict[int, bytes]:
    """Give the tokens that are not special, by id; there may be gaps between the ids."""
    special, found = set(tokenizer.special_tokens.values()), {}
    for number in range(tokenizer.vocab_size):
        if number not in special:
            try:
                found[number] = tokenizer.token(number)
            except _core.UnknownIdError:
                continue
    return found


class _Subject:
    """A tokenizer, and what several questions need of it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    @cached_property
    def tokens(self) -> dict[int, bytes]:
        """The ordinary tokens by id."""
        return ordinary_tokens(self.tokenizer)

    @cached_property
    def texts(self) -> list[str]:
        """Texts of all kinds: every scalar in runs and among letters, what is adversarial, and 24 languages."""
        runs = ["".join(map(chr, SCALARS[at : at + 61])) for at in range(0, len(SCALARS), 61)]
        rng = np.random.default_rng(0)
        mixed = ["".join(chr(SCALARS[n]) for n in rng.integers(0, len(SCALARS), 40)) for _ in range(500)]
        among = [f"a{chr(n)} {chr(n)}b\n{chr(n)}1" for n in SCALARS[:0x3000]]
        spelt = [unicodedata.normalize(form, text) for text in ADVERSARIAL for form in ("NFC", "NFD", "NFKC")]
        return [*ADVERSARIAL, *spelt, *runs, *among, *mixed, *self.natural]

    @cached_property
    def natural(self) -> list[str]:
        """Sentences in the official languages."""
        return [line for lines in load_parallel().sentences.values() for line in lines]


def _bytes(subject: _Subject) -> Finding:
    absent = [f"{byte:#04x}" for byte in range(256) if subject.tokenizer.id(bytes([byte])) is None]
    return _finding("256 bytes present", absent, "every byte is a token", "bytes that are no token")


def _lossless(subject: _Subject) -> Finding:
    texts, tokenizer = subject.texts, subject.tokenizer
    again = tokenizer.decode_batch(tokenizer.encode_batch(texts))
    lost = [repr(text) for text, other in zip(texts, again, strict=True) if text != other]
    good = f"{len(texts):,} texts come back: every Unicode scalar, adversarial ones, 24 languages"
    return _finding("lossless", lost, good, "texts that do not come back")


def _duplicates(subject: _Subject) -> Finding:
    seen: dict[bytes, int] = {}
    twice = [
        f"{_shown(token)} is {seen[token]} and {number}"
        for number, token in subject.tokens.items()
        if seen.setdefault(token, number) != number
    ]
    return _finding("no duplicate tokens", twice, f"{len(seen):,} tokens are distinct", "tokens with two ids")


def _unreachable(subject: _Subject) -> Finding:
    never = [f"{number} {_shown(subject.tokens[number])}" for number in unreachable(subject.tokenizer, subject.tokens)]
    good = "every token is in the ids of some text"
    return _finding("no unreachable tokens", never, good, "tokens that no text was found to encode to")


def unreachable(tokenizer: Tokenizer, tokens: Mapping[int, bytes]) -> list[int]:
    """Find tokens that do not come out of any text: not alone, and not beside characters of any kind.

    A token that is no text by itself (part of a character) is reached if its merges make it of its bytes. Land and
    Bartolo (2024), "Fishing for Magikarp", ask for encode(decode(token)) == [token], without neighbours.

    Parameters
    ----------
    tokenizer
        The tokenizer.
    tokens
        Those to look for, by id.

    Returns
    -------
    list[int]
        Ids, in order.
    """
    whole, parts = {}, {}
    for number, token in tokens.items():
        text = text_of(token)
        if text is None:
            parts[number] = token
        else:
            whole[number] = text
    alone = tokenizer.encode_batch(list(whole.values()))
    left = [number for number, ids in zip(whole, alone, strict=True) if ids.tolist() != [number]]
    contexts = list(product(("", *BESIDE), ("", *BESIDE, *CONTRACTED)))
    never = []
    for number in left:
        batch = tokenizer.encode_batch([f"{before}{whole[number]}{after}" for before, after in contexts], threads=1)
        if number not in batch.ids:
            never.append(number)
    ranks = {pair: rank for rank, pair in enumerate(tokenizer.merges)} if parts else {}
    never += [number for number, token in parts.items() if merged(token, ranks) != [token]]
    return sorted(never)


def merged(word: bytes, ranks: Mapping[tuple[bytes, bytes], int]) -> list[bytes]:
    """Merge the bytes of a word pair by pair, the smallest rank first: BPE by its definition.

    Examples
    --------
    >>> merged(b"abab", {(b"a", b"b"): 0})
    [b'ab', b'ab']
    """
    parts = [word[n : n + 1] for n in range(len(word))]
    while True:
        rank, at = min(((ranks[pair], n) for n, pair in enumerate(pairwise(parts)) if pair in ranks), default=(None, 0))
        if rank is None:
            return parts
        parts[at : at + 2] = [parts[at] + parts[at + 1]]


def _junk(subject: _Subject) -> Finding:
    found = [f"{number} {_shown(token)}: {why}" for number, token in subject.tokens.items() if (why := junk(token))]
    status: Status = "warning" if found else "ok"
    bad = f"tokens that hardly help any text: {len(found):,} of {len(subject.tokens):,}"
    return Finding("junk tokens", status, bad if found else "no token looks like junk", tuple(found))


def junk(token: bytes) -> str | None:
    r"""Say why a token hardly helps any text, or None.

    Examples
    --------
    >>> junk(b"haus"), junk(b"\xc3"), junk("аb".encode())
    (None, None, 'letters of several scripts: CYRILLIC, LATIN')
    >>> junk(b"\xff\xfe")
    'never part of UTF-8'
    """
    if len(token) < 2:
        return None
    text = _longest_text(token)
    if text is None:
        return "never part of UTF-8"
    if any(c == "\ufffd" or (unicodedata.category(c) in ("Cc", "Co", "Cn") and not c.isspace()) for c in text):
        return "control, private or unassigned characters"
    scripts = sorted({unicodedata.name(c, "?").partition(" ")[0] for c in text if c.isalpha()} - _OF_ANY_SCRIPT)
    if len(scripts) > 1 and not _EAST_ASIAN.issuperset(scripts):
        return f"letters of several scripts: {', '.join(scripts)}"
    if re.search(rf"([^\s])\1{{{LONGEST_RUN},}}", text):
        return f"more than {LONGEST_RUN} times the same character"
    if len(token) > LONGEST_TOKEN and text.strip():
        return f"longer than {LONGEST_TOKEN} bytes"
    return None


_OF_ANY_SCRIPT = {"MODIFIER", "MASCULINE", "FEMININE", "MICRO", "?"}
"""First words of the names of letters that stand beside those of other scripts: `nº`, `1ª`, `µm`."""

_EAST_ASIAN = {"CJK", "HIRAGANA", "KATAKANA", "HALFWIDTH", "HANGUL", "KATAKANA-HIRAGANA", "IDEOGRAPHIC"}


def _longest_text(token: bytes) -> str | None:
    """Give the whole characters of a token that may begin and end inside one; None if it is part of no UTF-8."""
    start = next((n for n, byte in enumerate(token[:4]) if byte & 0xC0 != 0x80), min(4, len(token)))
    if start > 3:
        return None
    rest = token[start:]
    for end in range(len(rest), max(len(rest) - 4, -1), -1):
        try:
            text = rest[:end].decode()
        except UnicodeDecodeError:
            continue
        return text if _may_begin_character(rest[end:]) else None
    return None


def _may_begin_character(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


def _specials(subject: _Subject) -> Finding:
    tokenizer = subject.tokenizer
    specials, wrong = tokenizer.special_tokens, []
    ordinary = {token: number for number, token in subject.tokens.items()}
    sentences = "\n".join(subject.natural)
    for content, following in pairwise([*sorted(specials), ""]):
        if content and following.startswith(content):
            wrong.append(f"{content!r} begins {following!r}: libraries differ in which of them they find")
    for content, number in specials.items():
        if not content.strip():
            wrong.append(f"{content!r} is empty or white space")
        elif content in sentences:
            wrong.append(f"{content!r} occurs in ordinary sentences")
        if content.encode() in ordinary:
            wrong.append(f"{content!r} is an ordinary token, too ({ordinary[content.encode()]})")
        if not 0 <= number < tokenizer.vocab_size:
            wrong.append(f"{content!r} has id {number}, beyond the vocabulary of {tokenizer.vocab_size}")
        elif tokenizer.encode(content, specials="parse").tolist() != [number]:
            wrong.append(f"{content!r} is not its id when special tokens are parsed")
        elif number in tokenizer.encode(content):
            wrong.append(f"{content!r} in plain text is its id: a text could forge it")
        elif tokenizer.decode([number]) != content:
            wrong.append(f"{content!r} does not decode to itself")
    if len(set(specials.values())) != len(specials):
        wrong.append("two have the same id")
    if not specials:
        return Finding("special tokens sane", "warning", "there are none: not even one that ends a text")
    return _finding("special tokens sane", wrong, f"special tokens: {len(specials):,}", "special tokens at fault")


def _in_tokenizers(subject: _Subject) -> Finding:
    try:
        import tokenizers
    except ImportError:
        return Finding("same ids in tokenizers", "not checked", "tokenizers is not installed")

    def load(folder: Path) -> tuple[Encode, Encode]:
        path = folder / "tokenizer.json"
        subject.tokenizer.save(path)
        peer = tokenizers.Tokenizer.from_file(str(path))

        def encode(texts: Sequence[str], specials_are_text: bool) -> list[list[int]]:
            peer.encode_special_tokens = specials_are_text
            encode_batch = getattr(peer, "encode_batch_fast", peer.encode_batch)  # since version 0.20
            return [it.ids for it in encode_batch(texts, add_special_tokens=False)]

        return lambda texts: encode(texts, True), lambda texts: encode(texts, False)

    return _same_ids("same ids in tokenizers", subject, load)


def _in_tiktoken(subject: _Subject) -> Finding:
    try:
        import tiktoken
    except ImportError:
        return Finding("same ids in tiktoken", "not checked", "tiktoken is not installed")

    try:
        subject.tokenizer.pattern  # noqa: B018 - asks whether there is one
    except _core.UnsupportedError:
        return Finding(
            "same ids in tiktoken", "not checked", "tiktoken has byte-level BPE with one splitting rule alone"
        )

    def load(folder: Path) -> tuple[Encode, Encode]:
        path, tokenizer = folder / "x.tiktoken", subject.tokenizer
        tokenizer.save(path)
        # tiktoken's own function leaves a copy of every file in a cache.
        ranks = dict(line.split() for line in path.read_bytes().splitlines())
        peer: Any = tiktoken.Encoding(
            "checked",
            pat_str=tokenizer.pattern,
            mergeable_ranks={base64.b64decode(token): int(rank) for token, rank in ranks.items()},
            special_tokens=tokenizer.special_tokens,
        )
        return (
            lambda texts: [peer.encode_ordinary(text) for text in texts],
            lambda texts: [peer.encode(text, allowed_special="all") for text in texts],
        )

    return _same_ids("same ids in tiktoken", subject, load)


def _same_ids(check: str, subject: _Subject, load: Callable[[Path], tuple[Encode, Encode]]) -> Finding:
    """Compare ids with those of a library, which encodes with special tokens as text, and with them as ids."""
    # Not every scalar: neither library is made to be that quick.
    texts = [*ADVERSARIAL, *subject.natural, *subject.texts[len(ADVERSARIAL) :: 40]]
    marked = [f"a {content}b{content}" for content in subject.tokenizer.special_tokens if content]
    with tempfile.TemporaryDirectory() as folder:
        try:
            plain, parsing = load(Path(folder))
            theirs = [*plain(texts), *parsing(marked)]
        except Exception as error:  # both libraries raise what they like, and a panic of theirs is no reason to stop
            return Finding(check, "failed", f"it does not load: {type(error).__name__}: {error}")
    ours = subject.tokenizer.encode_batch(texts).to_list()
    ours += subject.tokenizer.encode_batch(marked, specials="parse").to_list()
    differ = [repr(text) for text, a, b in zip([*texts, *marked], ours, theirs, strict=True) if a != b]
    return _finding(check, differ, f"{len(ours):,} texts have the same ids", "texts with other ids")


def _shown(token: bytes) -> str:
    """Write a token as text, or as bytes if it is none."""
    text = text_of(token)
    return repr(token if text is None else text)


def _finding(check: str, wrong: Sequence[str], good: str, bad: str) -> Finding:
    if wrong:
        return Finding(check, "failed", f"{bad}: {len(wrong):,}", tuple(wrong))
    return Finding(check, "ok", good)


QUESTIONS: tuple[Callable[[_Subject], Finding], ...] = (
    _bytes,
    _lossless,
    _duplicates,
    _unreachable,
    _junk,
    _specials,
    _in_tokenizers,
    _in_tiktoken,
)
"""Everything that is asked, in order."""

OF_BYTES = {
    _bytes: "256 bytes present",
    _lossless: "lossless",
    _unreachable: "no unreachable tokens",
}
"""The questions about byte-level tokens alone, and the names of their findings."""
