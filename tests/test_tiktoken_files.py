"""Published `.tiktoken` files that state no pattern, against `tiktoken` with the pattern of their models."""

import base64
import os
import random
import subprocess
from pathlib import Path

import pytest

import eurotok

tiktoken = pytest.importorskip("tiktoken")

PLACES = [os.environ.get("EUROTOK_TOKENIZERS"), Path(__file__).parents[2] / "shared" / "tokenizers"]
FOLDER = next((Path(place) for place in PLACES if place and Path(place).is_dir()), None)

CASED = r"[^\r\n\p{L}\p{N}]?"
UPPER, LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
SUFFIX = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"


def cased(without: str) -> str:
    """Give the words of o200k, without characters of a class."""
    upper, lower = f"[{UPPER}{without}]", f"[{LOWER}{without}]"
    return f"{CASED}{upper}*{lower}+{SUFFIX}?|{CASED}{upper}+{lower}*{SUFFIX}?"


NOT_HAN = r"&&[^\p{Han}]"
SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
PATTERNS = {
    "kimi_k2": rf"[\p{{Han}}]+|{cased(NOT_HAN)}|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{SPACES}",
    "llama4": rf"{cased('')}|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{SPACES}",
    "qwen3_6": rf"{SUFFIX}|{CASED}[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{SPACES}",
    "p50k_base": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "whisper-multilingual": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
}


@pytest.mark.skipif(not FOLDER, reason="no folder of published tokenizers (EUROTOK_TOKENIZERS)")
@pytest.mark.parametrize("name", PATTERNS)
def test_published_files_are_known_by_their_tokens(name: str, sentences: dict[str, list[str]], tmp_path: Path) -> None:
    assert FOLDER is not None
    path = tmp_path / f"{name}.tiktoken"
    packed = FOLDER / f"{name}.tiktoken.zst"
    path.write_bytes(subprocess.run(["zstd", "-dc", packed], check=True, capture_output=True).stdout)
    lines = (line.split() for line in path.read_bytes().splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    peer = tiktoken.Encoding(name, pat_str=PATTERNS[name], mergeable_ranks=ranks, special_tokens={})
    tok = eurotok.load(path)
    rng = random.Random(name)
    characters = [*"aB é字漢の\u0301 \n\r'.,/1٣", *(chr(rng.randrange(0x20, 0xD800)) for _ in range(60)), "s", "😀"]
    made = ["".join(rng.choices(characters, k=rng.randrange(60))) for _ in range(500)]
    texts = [*(line for lines in sentences.values() for line in lines), *made]
    assert tok.encode_batch(texts).to_list() == peer.encode_ordinary_batch(texts)
    assert tok.decode_batch(tok.encode_batch(texts)) == texts


@pytest.mark.parametrize("pattern", [PATTERNS["kimi_k2"], r"(?m:^)#+|[\p{L}]+|\s+(?m:$)", r"\p{L}+(?=\x{2019})|."])
def test_a_pattern_that_both_engines_read_is_written(
    pattern: str, sentences: dict[str, list[str]], tmp_path: Path
) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    path = tmp_path / "x.tiktoken"
    lines = [base64.b64encode(bytes([byte])).decode() + f" {byte}" for byte in range(256)]
    path.write_text("\n".join([*lines, "YWI= 256", "IyM= 257"]), encoding="ascii")
    tok = eurotok.load(path, scheme=pattern)
    tok.save(tmp_path / "x.json")
    peer = tokenizers.Tokenizer.from_file(str(tmp_path / "x.json"))
    for text in [*sentences["fr"], "## ab\n#ab  \n 漢字ab", "l’ab"]:
        assert tok.encode(text).tolist() == peer.encode(text).ids
    assert eurotok.load(tmp_path / "x.json").pattern == tok.pattern


def test_an_empty_token_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.tiktoken"
    lines = [base64.b64encode(bytes([byte])).decode() + f" {byte}" for byte in range(256)]
    path.write_text("\n".join([*lines, "= 256", "YWI= 257"]), encoding="ascii")
    tok = eurotok.load(path, scheme="gpt2")
    assert tok.vocab_size == 258
    assert tok.encode("ab").tolist() == [257]
    assert tok.decode([256, 257]) == "ab"
