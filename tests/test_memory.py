"""Too little memory is a MemoryError, never an abort, and the same tokenizer works afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import eurotok

PROGRAM = """
import ctypes, gc, resource, sys
import numpy as np
import eurotok

folder = sys.argv[1]
tok = eurotok.load(f"{folder}/t.json")
counts = eurotok.Counts.load(f"{folder}/a.counts")
# Words that differ: each takes memory of its own in the tables.
letters = np.random.default_rng(0).integers(97, 123, 1_000_000, dtype=np.uint8)
letters[::9] = 32
text = letters.tobytes().decode()
texts = text.split(" ")
many = eurotok.count([text], threads=1)
ids = np.random.default_rng(0).integers(300, tok.vocab_size, 1_000_000, dtype=np.uint32)
some = ids[:100_000].tolist()

WORK = {
    "load .json": lambda: eurotok.load(f"{folder}/t.json").vocab_size,
    "load .tiktoken": lambda: eurotok.load(f"{folder}/t.tiktoken").vocab_size,
    "load .eurotok": lambda: eurotok.load(f"{folder}/t.eurotok").vocab_size,
    "save": lambda: [tok.save(f"{folder}/out.json"), len(tok.to_bytes("eurotok")), len(tok.merges)][1:],
    "encode": lambda: tok.encode(text)[-100:].tolist(),
    "encode_list": lambda: tok.encode_list(text)[-100:],
    "encode_batch": lambda: tok.encode_batch(texts, threads=1).ids[-100:].tolist(),
    "encode_with_offsets": lambda: tok.encode_with_offsets(text)[1][-100:].tolist(),
    "decode": lambda: [tok.decode(ids, threads=1)[-100:], tok.decode(some)[-100:]],
    "decode_bytes": lambda: tok.decode_bytes(ids)[-100:],
    "decode_batch": lambda: tok.decode_batch([some, some[:7]] * 5, threads=1)[1],
    "decode a long range": lambda: refused(lambda: tok.decode(range(10**12))),
    "train": lambda: eurotok.train(counts, vocab_size=4000, threads=1).vocab_size,
    "count": lambda: eurotok.count([text], threads=1).bytes,
    "Counts + Counts": lambda: (many + many).bytes,
}


def refused(work):
    try:
        return work()
    except eurotok.UnknownIdError as error:
        return str(error)


def kilobytes():
    # Memory that was freed goes back to the system, so that none is left from before.
    gc.collect()
    if hasattr(trim := ctypes.CDLL(None), "malloc_trim"):
        trim.malloc_trim(0)
    return int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() >> 10


for name, work in WORK.items():
    print(name, end=" ", flush=True)
    expected, refusals = work(), 0
    for more in (512, 2 << 10, 8 << 10, 32 << 10, 128 << 10, 512 << 10):
        limit = kilobytes() + more << 10
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        try:
            found = work()
        except MemoryError:
            found, refusals = expected, refusals + 1
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert found == expected, f"{name}: wrong with {more} kB"
        assert tok.decode(tok.encode("l'eau, schön")) == "l'eau, schön", f"{name}: broken after {more} kB"
    assert work() == expected, name
    print(refusals, flush=True)
"""

NEVER_REFUSED = {"decode a long range"}
"""Takes no memory for ids that were not read."""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits of memory as Linux has them")
def test_too_little_memory_is_an_error(tmp_path: Path, sample: Path) -> None:
    """One thread works: glibc ends a process that has no memory for the variables of a thread that begins."""
    tok = eurotok.load("euro-64k")
    for name in ("t.json", "t.tiktoken", "t.eurotok"):
        tok.save(tmp_path / name)
    eurotok.count(sample).save(tmp_path / "a.counts")
    # Large allocations are the system's, whatever was freed before.
    settings = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env=os.environ | settings,
    )
    assert done.returncode == 0, f"{done.stdout[-500:]}\n{done.returncode}: {done.stderr[-2000:]}"
    refusals = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    assert len(refusals) > 10
    granted = {name for name, times in refusals.items() if times == "0"}
    assert granted == NEVER_REFUSED
