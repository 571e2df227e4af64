"""The questions before publishing: each is asked of a tokenizer that is good and of one that is not."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import eurotok
from conftest import Run
from eurotok import Tokenizer
from eurotok.checks import ADVERSARIAL, SCALARS, Finding, check, junk, merged, unreachable

GPT2 = {byte: chr(byte) for byte in (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))}
GPT2 |= {byte: chr(0x100 + n) for n, byte in enumerate(byte for byte in range(256) if byte not in GPT2)}


def spelt(token: bytes) -> str:
    return "".join(GPT2[byte] for byte in token)


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


def changed(path: Path, tmp_path: Path, **changes: Any) -> Tokenizer:
    """The tokenizer of a file with other parts."""
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"].update(changes.pop("model", {}))
    (tmp_path / "changed.json").write_text(json.dumps(content | changes), encoding="utf-8")
    return eurotok.load(tmp_path / "changed.json")


def test_a_good_one_passes(tok: Tokenizer) -> None:
    pytest.importorskip("tokenizers")
    pytest.importorskip("tiktoken")
    findings = check(tok)
    assert {it.status for it in findings} <= {"ok", "warning"}
    assert len(findings) == 8
    assert [it.status for it in findings if it.check.startswith("same ids")] == ["ok", "ok"]


def test_a_normalizer_is_lossy(tok_json: Path, tmp_path: Path) -> None:
    found = by_name(check(changed(tok_json, tmp_path, normalizer={"type": "NFC"})))["lossless"]
    assert found.status == "failed"
    assert repr("e\u0301\u0323\u0345") in found.examples
    assert repr("it's IT'S l’été L'ÉTÉ dell'arte") not in found.examples


def test_every_scalar_is_asked() -> None:
    assert len(SCALARS) == 0x110000 - 0x800
    assert "".join(map(chr, SCALARS)).encode(), "no surrogates"
    assert all(text.encode() is not None for text in ADVERSARIAL)


def test_tokens_that_no_text_reaches(tok: Tokenizer, tok_json: Path, tmp_path: Path) -> None:
    content = json.loads(tok_json.read_text(encoding="utf-8"))["model"]
    free = max([*content["vocab"].values(), *tok.special_tokens.values()]) + 1
    # "q!" would span two pieces; "\xb1\xce" is made of its merges but for the order of a character's bytes.
    vocab = content["vocab"] | {spelt(b"q!x"): free + 1, spelt(b"!x"): free}
    merges = [*content["merges"], [spelt(b"!"), spelt(b"x")], [spelt(b"q"), spelt(b"!x")]]
    other = changed(tok_json, tmp_path, model={"vocab": vocab, "merges": merges})
    found = by_name(check(other))["no unreachable tokens"]
    assert found.status == "failed"
    assert f"{free + 1} 'q!x'" in found.examples
    tokens = {number: other.token(number) for number in (free, free + 1, tok.encode_list(" ")[0])}
    assert free + 1 in unreachable(other, tokens)
    assert tok.encode_list(" ")[0] not in unreachable(other, tokens)


def test_merging_by_definition() -> None:
    ranks = {(b"b", b"c"): 0, (b"a", b"b"): 1, (b"a", b"bc"): 2}
    assert merged(b"abcab", ranks) == [b"abc", b"ab"]
    assert merged(b"", ranks) == []


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (b" haus", None),
        ("λόγος".encode(), None),
        ("日本のカ".encode(), None),
        (b"\xb1\xce", None),
        ("α".encode() + b"\xce", None),
        (b" " * 80, None),
        (b"\n\n\n\n", None),
        ("раy".encode(), "letters of several scripts: CYRILLIC, LATIN"),
        (" nº".encode(), None),
        ("Cª".encode(), None),
        ("µm".encode(), None),
        (b"a\x00", "control, private or unassigned characters"),
        ("\ufffd".encode(), "control, private or unassigned characters"),
        (b"-" * 17, "more than 16 times the same character"),
        (b"-" * 16, None),
        (b"abcdefgh" * 9, "longer than 64 bytes"),
        (b"\xc0\x80", "never part of UTF-8"),
        (b"a\xff", "never part of UTF-8"),
        (b"\x80\x80\x80\x80", "never part of UTF-8"),
    ],
)
def test_junk(token: bytes, why: str | None) -> None:
    assert junk(token) == why


def test_special_tokens_at_fault(tok_json: Path, tmp_path: Path) -> None:
    assert by_name(check(eurotok.train(["ein Haus"], vocab_size=258)))["special tokens sane"].status == "warning"
    content = json.loads(tok_json.read_text(encoding="utf-8"))
    # Recognised in any text: what a user writes could pass for it.
    added = [it | {"special": False} for it in content["added_tokens"]]
    found = by_name(check(changed(tok_json, tmp_path, added_tokens=added)))["special tokens sane"]
    assert found.status == "failed"
    assert "'<|end|>' in plain text is its id: a text could forge it" in found.examples


def test_special_tokens_that_are_words_or_begin_others(
    tok_json: Path, tmp_path: Path, sentences: dict[str, Sequence[str]]
) -> None:
    words = sentences["de"][0][:30]
    content = json.loads(tok_json.read_text(encoding="utf-8"))
    (first, *rest) = content["added_tokens"]
    next_id = max(content["model"]["vocab"].values()) + 1
    added = [
        first,
        *rest,
        first | {"content": "<|end|>x", "id": next_id},
        first | {"content": words, "id": next_id + 1},
    ]
    found = by_name(check(changed(tok_json, tmp_path, added_tokens=added)))["special tokens sane"]
    assert "'<|end|>' begins '<|end|>x': libraries differ in which of them they find" in found.examples
    assert f"{words!r} occurs in ordinary sentences" in found.examples


def test_absent_libraries_are_not_checked(tok: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    found = by_name(check(tok))
    assert found["same ids in tokenizers"].status == found["same ids in tiktoken"].status == "not checked"


def test_other_ids_are_found(tok: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    encoding = tiktoken.Encoding

    def other(name: str, *, pat_str: str, **rest: Any) -> Any:
        return encoding(name, pat_str=r"\S+|\s+", **rest)

    monkeypatch.setattr(tiktoken, "Encoding", other)
    found = by_name(check(tok))["same ids in tiktoken"]
    assert found.status == "failed"
    assert "with other ids" in found.detail


def test_the_command(run: Run, tok_json: Path, tmp_path: Path) -> None:
    done: subprocess.CompletedProcess[bytes] = run("check", tok_json)
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stdout.splitlines() if not line.startswith(b" ")]) == 8
    changed(tok_json, tmp_path, normalizer={"type": "NFC"})
    done = run("check", "changed.json")
    assert done.returncode == 1
    lines = done.stdout.decode().splitlines()
    failed = sum(line.startswith("failed ") for line in lines)
    assert done.stderr.decode() == f"eurotok: error: changed.json: {failed} of 8 checks failed\n"
    assert any(line.startswith("failed       lossless: ") for line in lines)
    assert any("more (--all)" in line for line in lines)
    assert len(run("check", "changed.json", "--all").stdout.splitlines()) > len(lines) + 100
