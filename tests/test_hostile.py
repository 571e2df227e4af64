"""Small files that stand for much: time and memory grow with the size of file and text, never with its square.

Times are those of the processor, at two sizes: a bar in seconds would be that of one machine.
"""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import eurotok
from eurotok.tokenizer import Tokenizer

LARGER = 4
"""How many times as large the second size is."""

MOST = 9
"""How many times as long the larger one may take; what grows with the square takes 16 times as long."""

BASE = 64 << 20
"""Bytes that the tables of any vocabulary may take."""


def seconds(work: Callable[[], object]) -> float:
    """The least processor time of three calls, those that are refused among them."""

    def once() -> float:
        begin = time.process_time()
        with contextlib.suppress(eurotok.Error):
            work()
        return time.process_time() - begin

    return min(once() for _ in range(3))


def grows_with_its_size(make: Callable[[int], Callable[[], object]], size: int) -> None:
    small, large = make(size), make(LARGER * size)
    # A hundredth of a second is what loading any file takes.
    first, second = seconds(small) + 0.01, seconds(large)
    assert second < MOST * first, f"{first:.3f} s at {size}, {second:.3f} s at {LARGER * size}"


PROBE = """
import resource, sys, eurotok
sound, file, checkpoint = sys.argv[1:]
eurotok.Tokenizer(open(sound, "rb").read())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    if checkpoint:
        eurotok.train(["abab abc" * 99], vocab_size=260, checkpoint=checkpoint)
    else:
        eurotok.Tokenizer(open(file, "rb").read())
except eurotok.Error as error:
    print(str(error)[:200])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def more_memory(sound: Path, file: Path | None, checkpoint: Path | None = None) -> tuple[str, int]:
    """The message about a file or a checkpoint, and the bytes that it takes beyond those of a sound tokenizer."""
    command = [sys.executable, "-c", PROBE, str(sound), str(file or ""), str(checkpoint or "")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    said, _, kilobytes = done.stdout.rstrip().rpartition("\n")
    return said, int(kilobytes) << 10


def with_added(contents: list[str], tok_json: Path) -> bytes:
    content = json.loads(tok_json.read_text())
    size = len(content["model"]["vocab"])
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
    content["added_tokens"] += [
        {"id": size + place, "content": text, "normalized": bool(place % 2), "special": True, **flags}
        for place, text in enumerate(contents)
    ]
    return json.dumps(content).encode()


def test_a_token_of_40_000_characters(tok_json: Path, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(with_added(["<" * 40_000, "<>"], tok_json))
    said, memory = more_memory(tok_json, path)
    assert "4096" in said
    assert memory < 100 * path.stat().st_size + BASE


def test_added_tokens_that_begin_alike(tok_json: Path) -> None:
    """The longer they are, and the more of them."""

    def longer(length: int) -> Callable[[], object]:
        file = with_added([chr(97 + place) + "<" * length for place in range(20)], tok_json)
        return lambda: Tokenizer(file).encode("<" * length, specials="parse")

    def more(count: int) -> Callable[[], object]:
        file = with_added([f"{'<' * 1000}{place}" for place in range(count)], tok_json)
        return lambda: Tokenizer(file).encode("<" * 1000 + "a", specials="parse")

    grows_with_its_size(longer, 1000)
    grows_with_its_size(more, 100)


def packed(times: int, more: int) -> bytes:
    """A `.eurotok` of the 256 bytes, `a` doubled `times` times, and `more` tokens that each add a byte to the last."""

    def number(value: int) -> bytes:
        return bytes([value & 0x7F | 0x80, value >> 7])

    doubled = [97 if turn == 0 else 255 + turn for turn in range(times)]
    longer = [255 + times + turn for turn in range(more)]
    lefts = b"\x01" * 256 + b"".join(number(part + 2) for part in doubled + longer)
    rights = b"".join(map(number, doubled)) + number(98) * more
    literals = b"".join(bytes([1, byte]) for byte in range(256))
    head = b'{"pattern":"a","nfc":false,"specials":[],"ignore_merges":false,"post_processor":null}'
    blocks = (head, lefts, rights, literals, b"")
    body = b"".join(length(len(block)) + block for block in blocks)
    compressed: bytes = pa.Codec("zstd").compress(body, asbytes=True)
    return b"eurotok\x01" + compressed


def length(value: int) -> bytes:
    """LEB128."""
    digits = bytearray()
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def test_tokens_that_double(tok_json: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.eurotok"
    path.write_bytes(packed(27, 0))
    assert path.stat().st_size < 600
    said, memory = more_memory(tok_json, path)
    assert "longest token" in said
    assert memory < 100 * path.stat().st_size + BASE
    # Sound ones: the last token has a quarter of the limit.
    assert Tokenizer(packed(14, 0)).vocab_size == 256 + 14

    def more(count: int) -> Callable[[], object]:
        file = packed(10, count)
        return lambda: Tokenizer(file)

    grows_with_its_size(more, 1000)


@pytest.mark.parametrize("pattern", ["(?:(?!b)(?:a|aa)){1,16}c|a", "(?:a|aa){1,30}c|a", "(?:a(?!c))*b|a"])
def test_regexes(pattern: str, tok_json: Path) -> None:
    content = json.loads(tok_json.read_text())
    content["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": pattern}
    tok = Tokenizer(json.dumps(content).encode())

    def text(count: int) -> Callable[[], object]:
        letters = "a" * count
        return lambda: tok.encode(letters)

    grows_with_its_size(text, 5_000)


def test_checkpoints(tok_json: Path, tmp_path: Path) -> None:
    """What is unpacked is at most as much as a vocabulary may have."""
    path = tmp_path / "run.checkpoint"
    eurotok.train(["abab abc" * 99], vocab_size=260, checkpoint=path, checkpoint_every=0)
    magic, _, frame = path.read_bytes().partition(b"\n")
    sound = pa.input_stream(pa.py_buffer(frame), compression="zstd").read()
    zeros = bytes(1 << 20)
    written = pa.BufferOutputStream()
    with pa.CompressedOutputStream(written, "zstd") as stream:
        stream.write(sound[:8])
        for _ in range(3 << 10):
            stream.write(zeros)
    path.write_bytes(magic + b"\n" + written.getvalue().to_pybytes())
    assert path.stat().st_size < 400_000
    said, memory = more_memory(tok_json, None, path)
    assert "more than" in said
    assert memory < 100 * path.stat().st_size + BASE


def test_limits_do_not_bind_what_is_written(tok: Tokenizer) -> None:
    assert Tokenizer(tok.to_bytes("eurotok")) == tok
