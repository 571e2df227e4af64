"""Data that threads share with each other and the core: arrays that change, counts that grow, forks in between."""

import copy
import gc
import inspect
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import eurotok
from eurotok import Counts, Tokenizer
from test_processes import busy, needs_fork, run_in_child

SPAWN = multiprocessing.get_context("spawn")
"""Where a crash or a deadlock ends no more than a child."""

SECONDS = 0.9
"""How long threads run beside one another."""


@contextmanager
def changing(ids: NDArray[Any], values: NDArray[Any]) -> Iterator[None]:
    """Keep another thread at writing to an array: what it has by turns with other values."""
    own = ids.copy()

    def write() -> None:
        for some in (values, own):
            ids[:] = some
            time.sleep(0.0005)

    with busy(write):
        yield


def is_sound(text: str) -> bool:
    """Tell whether the memory of a str is what its kind says: as if it were made of its characters anew."""
    again = "".join(map(chr, np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).tolist()))
    return text == again and text.isascii() == again.isascii() and sys.getsizeof(text) >= sys.getsizeof(again)


def decode_what_changes(tok: Tokenizer, kind: str, count: int) -> None:
    """Decode an array while it is written to: narrow and wide characters, as many of both."""
    narrow, wide, wider = (tok.id(text.encode()) for text in ("a", "é", "α"))
    unknown = tok.vocab_size + 9
    assert None not in (narrow, wide, wider)
    room = bytearray(4 * count + 1)
    forms: dict[str, NDArray[Any]] = {
        "array": np.zeros(count, np.uint32),
        "int64": np.zeros(count, np.int64),
        "every second": np.zeros(2 * count, np.uint32)[::2],
        "bytearray": np.frombuffer(room, np.uint32, count),
        "misaligned": np.ndarray(count, np.uint32, room, offset=1),
    }
    ids = forms[kind]
    ids[:] = narrow
    results = {"str": 0, "error": 0}
    for value in (wide, wider, unknown):
        with changing(ids[count // 2 :], np.full(count - count // 2, value, ids.dtype)):
            end = time.monotonic() + SECONDS / 3
            while time.monotonic() < end:
                try:
                    text = tok.decode(ids, threads=2)
                except ValueError:
                    results["error"] += 1
                else:
                    assert len(text) == count
                    assert is_sound(text)
                    results["str"] += 1
    assert sum(results.values())


@pytest.mark.parametrize("count", [200, 1_000_000])
@pytest.mark.parametrize("kind", ["array", "int64", "every second", "bytearray", "misaligned"])
def test_ids_that_another_thread_writes_to(tok: Tokenizer, kind: str, count: int) -> None:
    tok = Tokenizer(tok.to_bytes("eurotok"))
    tok.decode(np.zeros(40_000, np.uint32))  # from now on, 128 ids and more go by the table of characters
    run_in_child(SPAWN, decode_what_changes, tok, kind, count)


def decode_batches_that_change(tok: Tokenizer) -> None:
    batch = tok.encode_batch(["a" * 100] * 2000)
    whole = tok.decode_batch(batch)
    offsets = batch.offsets.copy()
    for array, values in (
        (batch.ids, batch.ids[::-1] + 1),
        (batch.offsets, offsets[::-1]),
        (batch.offsets, offsets * 2),
    ):
        own = array.copy()
        with changing(array, values):
            end = time.monotonic() + SECONDS / 3
            while time.monotonic() < end:
                try:
                    texts = tok.decode_batch(batch, 2)
                except ValueError:
                    continue
                assert len(texts) == len(whole)
                assert all(map(is_sound, texts[::100]))
        array[:] = own
    assert tok.decode_batch(batch) == whole


def test_batches_that_another_thread_writes_to(tok: Tokenizer) -> None:
    run_in_child(SPAWN, decode_batches_that_change, tok)


@pytest.mark.parametrize("kind", [np.uint32, np.int64, np.uint16])
def test_ids_may_lie_anywhere(tok: Tokenizer, kind: type[np.integer[Any]]) -> None:
    text = "Ελλάδα, l'été 🙂 " * 40
    ids = tok.encode(text).astype(kind)
    room = bytearray(1 + ids.nbytes)
    misaligned: NDArray[Any] = np.ndarray(len(ids), kind, room, offset=1)
    misaligned[:] = ids
    assert not misaligned.flags.aligned
    for form in (
        misaligned,
        misaligned[::-1].copy()[::-1],
        np.repeat(ids, 3)[::3],
        ids.astype(ids.dtype.newbyteorder()),
    ):
        assert tok.decode(form) == text
        assert tok.decode_bytes(form) == text.encode()
        assert tok.decode(form[:0]) == ""
    batch = eurotok.Ragged(np.repeat(tok.encode(text), 2)[::2], np.array([0, len(ids), 7, len(ids)])[[0, 1]])
    batch.ids, batch.offsets = np.repeat(batch.ids, 2)[::2], np.repeat(batch.offsets, 2)[::2]
    assert tok.decode_batch(batch) == [text]


def train_and_add() -> None:
    counts = eurotok.count(["one two three four five"] * 50)
    added: list[list[str]] = []

    def progress(stage: str, done: int, total: int) -> None:
        if len(added) < 3:
            counts.add_texts("und", ["six seven eight"])
            added.append(counts.languages)

    before = eurotok.train(counts, vocab_size=270)
    assert eurotok.train(counts, vocab_size=270, progress=progress) == before, "counts are taken as they were"
    assert added
    assert counts.bytes["und"] == 50 * 23 + len(added) * 15


def add_beside_everything() -> None:
    texts = [f"Grüße aus Malmö {number}" for number in range(2000)]
    size = sum(len(text.encode()) for text in texts)
    counts, other = eurotok.count(texts), Counts("europe")
    rounds = {"add": 0}
    end = time.monotonic() + SECONDS
    failures: list[BaseException] = []

    def add() -> None:
        counts.add_texts("und", texts, threads=1)
        rounds["add"] += 1

    def learn() -> None:
        eurotok.train(counts, vocab_size=300, progress=lambda *_: counts.languages, threads=2)

    def look() -> None:
        assert counts.languages == ["und"]
        assert counts.bytes["und"] % size == 0
        assert counts.unique["und"] > 500
        assert counts.scheme == "europe"

    def combine() -> None:
        assert (counts + counts).bytes["und"] % size == 0
        assert ((counts + other) * 2).languages == ["und"]
        assert counts.filter(1).languages == ["und"]

    def repeat(work: Callable[[], None]) -> None:
        try:
            while time.monotonic() < end:
                work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=repeat, args=(work,)) for work in (add, add, learn, look, combine, combine)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    assert rounds["add"] > 1
    assert counts.bytes["und"] == size * (1 + rounds["add"])


def fork_while_adding() -> None:
    import warnings

    warnings.simplefilter("ignore", DeprecationWarning)  # Python's, for the thread beside
    # Of a short text, to count it takes no longer than to add it.
    counts = eurotok.count(["ten bytes."])
    with busy(lambda: counts.add_texts("und", ["ten bytes."], threads=8)):
        for _ in range(60):
            child = os.fork()
            if child == 0:
                # As many as there were: none is half added.
                sound = counts.languages == ["und"] and counts.bytes["und"] % 10 == 0
                counts.add_texts("fr", ["more"], threads=1)
                os._exit(0 if sound and counts.bytes["fr"] == 4 else 1)
            end, status = time.monotonic() + 20, (0, 0)
            while status[0] == 0 and time.monotonic() < end:
                time.sleep(0.003)
                status = os.waitpid(child, os.WNOHANG)
            if status[0] == 0:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                raise AssertionError("the child hangs")
            assert status[1] == 0


DAWDLE = """
import os

def dawdle():
    for _ in range(400_000):
        pass

os.register_at_fork(before=dawdle)

import test_sharing
test_sharing.fork_while_adding()
"""
"""Of the hooks before a fork the first registered is the last called: this one gives other threads their turn."""


@needs_fork
def test_other_hooks_of_a_fork_let_threads_go_on() -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run([sys.executable, "-c", DAWDLE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "work", [train_and_add, add_beside_everything, pytest.param(fork_while_adding, marks=needs_fork)]
)
def test_counts_are_shared_by_threads(work: Callable[[], None]) -> None:
    run_in_child(SPAWN, work)


def test_counts_are_pickled(tmp_path: Path) -> None:
    counts = eurotok.count({"fr": [_file(tmp_path, "été, été")], "en": [_file(tmp_path, "summer")]}, memory="100MB")
    counts.add_texts("de", ["Sommer"])
    for again in (pickle.loads(pickle.dumps(counts)), copy.copy(counts), copy.deepcopy(counts)):
        for name in ("languages", "bytes", "unique", "scheme"):
            assert getattr(again, name) == getattr(counts, name)
        counts.save(tmp_path / "a.counts")
        again.save(tmp_path / "b.counts")
        assert (tmp_path / "a.counts").read_bytes() == (tmp_path / "b.counts").read_bytes()
        again.add_texts("fr", ["hiver"])
        assert again.bytes["fr"] > counts.bytes["fr"]
    own = pickle.loads(pickle.dumps(Counts(r"\w+|\W+")))
    assert (own.scheme, own.languages) == (r"\w+|\W+", [])
    with pytest.raises(eurotok.FormatError, match="pickled counts"):
        own.__setstate__((b"nonsense", None))


def _file(folder: Path, text: str) -> Path:
    path = folder / f"{text}.txt"
    path.write_text(text, encoding="utf-8")
    return path


ERRORS = [each for _, each in inspect.getmembers(eurotok, inspect.isclass) if issubclass(each, Exception)]


@pytest.mark.parametrize("kind", ERRORS)
def test_errors_are_pickled_and_called_as_they_are(kind: type[Exception]) -> None:
    again = pickle.loads(pickle.dumps(kind("x.json: what is wrong")))
    assert (type(again), again.args) == (kind, ("x.json: what is wrong",))
    assert getattr(eurotok, kind.__name__) is kind
    assert kind.__module__ == "eurotok"


def test_every_public_object_is_pickled(tok: Tokenizer, sample: Path) -> None:
    counts = eurotok.count(["one two three"] * 3)
    traces: list[eurotok.Trace] = []
    eurotok.train(sample, vocab_size=260, fairness=1.0, parallel=sample, trace=traces.append)
    grown = eurotok.count(sample)
    objects = {
        "Alignment": eurotok.align(tok, tok),
        "Batch": tok(["a", "b c"], padding=True, pad=0),
        "Comparison": eurotok.compare([tok], languages=["fr"]),
        "Counts": counts,
        "Outcome": eurotok.grant(grown, [eurotok.Wish(None, 0.5)], vocab_size=258, parallel=sample),
        "Parity": eurotok.Parity("window"),
        "Ragged": tok.encode_batch(["a", "b c"]),
        "Sweep": eurotok.sweep(grown, sample, vocab_size=[257], fairness=[None]),
        "Tokenizer": tok,
        "Trace": traces[0],
        "Wish": eurotok.Wish("fr", 0.2),
    }
    public = {name for name in eurotok.__all__ if inspect.isclass(getattr(eurotok, name))}
    assert public - {kind.__name__ for kind in ERRORS} <= set(objects), "a public class is missing here"
    for name, each in objects.items():
        again = pickle.loads(pickle.dumps(each))
        assert type(again) is type(each), name
        shown: dict[str, Callable[[Any], object]] = {"Comparison": str, "Counts": lambda counts: counts.bytes}
        show = shown.get(name, repr)
        assert show(again) == show(each), name
        copy.deepcopy(each)


def test_a_tokenizer_holds_memory_for_as_many_threads_as_there_are_processors() -> None:
    run_in_child(SPAWN, encode_on_many_threads)


def encode_on_many_threads() -> None:
    """Hold the memory of twelve threads that fill their caches to that of one."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    letters = np.random.default_rng(1).integers(ord("a"), ord("i"), 12_000_000, dtype=np.uint8)
    # Different words of few tokens, short ones and long ones: each of them takes a place in a cache.
    letters[::31] = letters[9::31] = ord(" ")
    text = letters.tobytes().decode()
    tok = eurotok.train([text[:200_000]], vocab_size=1500)
    parts = [text[place : place + 250_000] for place in range(0, len(text), 250_000)]
    start = _resident()
    for _ in range(3):
        tok.count_batch(parts, threads=1)
    wide = _resident() - start
    assert wide > 24 << 20 or start == 0, "one cache is not full"
    barrier = threading.Barrier(12)

    def work(number: int) -> None:
        barrier.wait()
        for turn in range(3):
            for part in parts[number + turn :]:
                tok.count(part)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = min(12, processors)
    # Threads beyond the number of processors have narrow caches; each thread takes some memory beside its cache.
    assert _resident() - start < most * wide + (12 - most) * wide // 4 + (32 << 20)


def _resident() -> int:
    """Bytes of memory in use; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def test_the_module_needs_the_lock_of_the_interpreter() -> None:
    enabled = getattr(sys, "_is_gil_enabled", lambda: True)
    assert enabled(), "without it, lists may change while they are read"
