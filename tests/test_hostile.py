"""Small files that stand for much: refused, or read, within a second or so and without much memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from eurotok.tokenizer import Tokenizer

SECONDS = 5
"""More than any of these takes on a busy machine; before there were limits they took 8 s to hours."""

PROBE = """
import resource, sys, eurotok
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    tok = eurotok.Tokenizer(open(sys.argv[1], "rb").read())
    tok.encode("<" * 1000 + "a" * int(sys.argv[2]))
except eurotok.Error as error:
    print(str(error)[:200])
print("KiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
print("CPU", resource.getrusage(resource.RUSAGE_SELF).ru_utime)
"""


def probe(path: Path, letters: int = 1000) -> tuple[str, int, float]:
    """The message of a separate process about a file, the bytes and the seconds that it takes."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, path, str(letters)], capture_output=True, text=True, check=True, timeout=120
    )
    said, _, rest = done.stdout.rpartition("KiB ")
    memory, _, seconds = rest.partition("CPU")
    return said, 1024 * int(memory), float(seconds)


def added(contents: list[str], tok_json: Path) -> str:
    content = json.loads(tok_json.read_text())
    size = len(content["model"]["vocab"])
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
    content["added_tokens"] += [
        {"id": size + place, "content": text, "normalized": bool(place % 2), "special": True, **flags}
        for place, text in enumerate(contents)
    ]
    return json.dumps(content)


@pytest.mark.parametrize(
    "contents",
    [["<" * 40_000, "<>"], ["<" * 4_096, "x>"], [chr(97 + place) + "<" * (4_000 - place) for place in range(20)]],
    ids=["longer than allowed", "as long as allowed", "twenty long ones"],
)
def test_added_tokens(contents: list[str], tok_json: Path, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(added(contents, tok_json))
    _, memory, seconds = probe(path)
    assert seconds < SECONDS
    assert memory < 100 * path.stat().st_size + (64 << 20)


def test_regexes(tok_json: Path, tmp_path: Path) -> None:
    content = json.loads(tok_json.read_text())
    pattern = {"Regex": "(?:(?!b)(?:a|aa)){1,16}c|a"}
    content["pre_tokenizer"]["pretokenizers"][0]["pattern"] = pattern
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    said, _, seconds = probe(path, letters=100_000)
    assert "too many steps" in said
    assert seconds < SECONDS


def test_limits_do_not_bind_what_is_written(tok: Tokenizer) -> None:
    assert Tokenizer(tok.to_bytes("eurotok")) == tok
