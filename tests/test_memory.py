"""Too little memory is a MemoryError, whatever asks for it, and the same objects work afterwards."""

import resource
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import eurotok

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are Linux's")

PRELUDE = """
import resource, sys
import numpy as np
import eurotok

def starved(work, room):
    # Does the work with so much more address space than there is now.
    with open("/proc/self/statm") as statm:
        now = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + room, resource.RLIM_INFINITY))
    try:
        work()
        return "done"
    except MemoryError:
        return "refused"
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

def hold(work, check=lambda: None):
    # Whatever there is room for, the work is done or refused, and nothing is lost. (What is freed may be used again: it may be done.)
    outcomes = []
    for room in range(0, 24):
        outcomes.append(starved(work, room << 22))
        check()
    assert set(outcomes) <= {"done", "refused"}, outcomes
    assert starved(work, 1 << 36) == "done"

tok = eurotok.load("euro-64k")
text = "".join(f"l'été n°{number} à Ελλάδα, 中文字 " for number in range(150_000))
ids = tok.encode("été 1")
def check():
    assert (tok.encode("été 1") == ids).all() and tok.decode(ids) == "été 1"
"""


def run(body: str) -> None:
    code = PRELUDE + textwrap.dedent(body)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    "work",
    [
        "tok.encode(text)",
        "tok.encode_list(text)",
        "tok.encode_with_offsets(text)",
        "tok.encode_batch([text] * 3, threads=1)",
        "tok.encode_batch([text] * 3, threads=2)",
        "tok.encode_batch([text[:1000]] * 20_000)",
        "tok.count_batch([text] * 3)",
    ],
)
def test_encoding(work: str) -> None:
    run(f"hold(lambda: {work}, check)")


@pytest.mark.parametrize("work", ["tok.decode(many)", "tok.decode_bytes(many)", "tok.decode(many.tolist())"])
def test_decoding(work: str) -> None:
    run(f"many = np.resize(tok.encode(text), 8_000_000)\nhold(lambda: {work}, check)")


def test_loading_counting_and_training(tmp_path: Path) -> None:
    run(f"""
    folder = {str(tmp_path)!r}
    hold(lambda: eurotok.load("euro-64k"), check)
    for name in ("a.json", "a.eurotok"):
        tok.save(f"{{folder}}/{{name}}")
        hold(lambda: eurotok.load(f"{{folder}}/{{name}}"), check)
    words = " ".join(f"mot{{number * number}}" for number in range(300_000))
    def count():
        counts = eurotok.Counts("europe")
        counts.add_texts("fr", [words])
        return counts
    hold(count)
    counts = count()
    hold(lambda: eurotok.train(counts, vocab_size=2000))
    """)


class Boastful:
    """A sequence of three that says it has a million million."""

    def __init__(self, items: list[object]) -> None:
        self.items = items

    def __len__(self) -> int:
        return 10**12

    def __length_hint__(self) -> int:
        return 10**12

    def __getitem__(self, place: int) -> object:
        return self.items[place]


def test_a_length_is_not_believed() -> None:
    tok = eurotok.load("euro-64k")
    ids = tok.encode_list("a b c")
    assert tok.decode(Boastful([*ids])) == "a b c"  # type: ignore[arg-type]
    assert len(tok.encode_batch(Boastful(["a", "b", "c"]))) == 3  # type: ignore[arg-type]
    counts = eurotok.Counts("europe")
    counts.add_texts("fr", Boastful(["a", "b", "c"]))  # type: ignore[arg-type]
    assert counts.bytes == {"fr": 3}
    run("""
    def claim():
        tok.decode(range(10**12))
    try:
        claim()
    except eurotok.UnknownIdError:
        pass
    """)
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
