"""One tokenizer in many threads and processes: no deadlock, no warning, the same ids; and input at its limits."""

import multiprocessing
import os
import pickle
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eurotok
from eurotok import Tokenizer

TIMEOUT = 60
"""Seconds after which a process is taken to hang."""

UNIT = " Grüße aus Malmö, l’été en Provence; Ελλάδα 2024."
TEXTS = [f"{UNIT * 2000}{number}" for number in range(8)]
"""A batch that is work for several threads."""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")


METHODS = multiprocessing.get_all_start_methods()
CONTEXTS = [pytest.param(multiprocessing.get_context(method), id=method) for method in METHODS]


def check(tok: Tokenizer, expected: Sequence[Sequence[int]], threads: int | None) -> None:
    """Hold every way to encode to what the parent found."""
    assert tok.encode_batch(TEXTS, threads).to_list() == expected
    assert tok.encode_list(TEXTS[0]) == expected[0]
    assert tok.count_batch(TEXTS, threads).tolist() == [len(ids) for ids in expected]
    assert tok.decode_batch(expected, threads) == TEXTS


def run_in_child(context: BaseContext, target: Callable[..., None], *args: object) -> None:
    process = context.Process(target=target, args=args)  # type: ignore[attr-defined]
    process.start()
    process.join(TIMEOUT)
    hangs = process.is_alive()
    process.kill()
    assert not hangs, "the child hangs"
    assert process.exitcode == 0


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("threads", [1, 2, None])
def test_a_child_encodes_with_what_its_parent_used(tok: Tokenizer, context: BaseContext, threads: int | None) -> None:
    expected = tok.encode_batch(TEXTS, threads).to_list()
    run_in_child(context, check, tok, expected, threads)
    check(tok, expected, threads)


@contextmanager
def busy(work: Callable[[], object]) -> Iterator[None]:
    """Keep another thread at work."""
    done, failures = threading.Event(), []

    def run() -> None:
        try:
            while not done.is_set():
                work()
        except BaseException as error:
            failures.append(error)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(TIMEOUT)
    assert not thread.is_alive()
    assert not failures


@needs_fork
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")  # Python's, for the thread of this test
def test_a_fork_in_the_middle_of_a_batch(tok: Tokenizer, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    expected = tok.encode_batch(TEXTS).to_list()
    with busy(lambda: tok.encode_batch(TEXTS * 4, 2)):
        for _ in range(10):
            run_in_child(context, check, tok, expected, 2)
    (tmp_path / "a.txt").write_text(TEXTS[0] * 20)
    tok.encode_files(tmp_path / "a.txt", tmp_path / "whole.npy")
    with busy(lambda: tok.encode_files(tmp_path / "a.txt", tmp_path / "ids.npy", threads=2)):
        for _ in range(10):
            run_in_child(context, check, tok, expected, 2)
    assert (tmp_path / "ids.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    assert len(list(tmp_path.iterdir())) == 5


class Dataset:
    """The object that loaders of training data send to their workers: an object that holds a tokenizer."""

    def __init__(self, tok: Tokenizer, texts: Sequence[str]) -> None:
        self.tok = tok
        self.texts = texts

    def __getitem__(self, place: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
        return self.tok.encode(self.texts[place])


@pytest.mark.parametrize("context", CONTEXTS)
def test_workers_of_a_loader(tok: Tokenizer, context: BaseContext) -> None:
    dataset = Dataset(tok, TEXTS)
    expected = [dataset[place].tolist() for place in range(len(TEXTS))]
    with ProcessPoolExecutor(2, context) as pool:
        found = list(pool.map(dataset.__getitem__, range(len(TEXTS)), timeout=TIMEOUT))
    assert [ids.tolist() for ids in found] == expected


def test_a_tokenizer_is_pickled_whole(tok: Tokenizer) -> None:
    again = pickle.loads(pickle.dumps(tok))
    assert again == tok
    assert again.special_tokens == tok.special_tokens
    assert type(again) is Tokenizer


def test_many_threads_share_a_tokenizer(tok: Tokenizer) -> None:
    fresh = Tokenizer(tok.to_bytes("eurotok"))
    expected = tok.encode_batch(TEXTS).to_list()

    def work(number: int) -> bool:
        if number % 4 == 0:
            return fresh.encode_batch(TEXTS, 2).to_list() == expected
        text, ids = TEXTS[number % len(TEXTS)], expected[number % len(TEXTS)]
        return fresh.encode_list(text) == ids and fresh.count(text) == len(ids) and fresh.decode(ids) == text

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(work, range(200), timeout=TIMEOUT))


def test_a_document_of_64_megabytes(tok: Tokenizer, tmp_path: Path) -> None:
    times = 64_000_000 // len(UNIT.encode()) + 1
    text = UNIT * times
    expected = np.tile(tok.encode(UNIT), times)
    for threads in (1, 2):
        batch = tok.encode_batch([text, "", text[:100]], threads)
        assert np.array_equal(batch[0], expected)
        assert (len(batch[1]), batch[2].tolist()) == (0, tok.encode_list(text[:100]))
    assert np.array_equal(tok.encode(text), expected)
    assert tok.count(text) == len(expected)
    assert tok.decode(expected) == text
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    (tmp_path / "a.jsonl").write_text(f'{{"text": "{text}"}}', encoding="utf-8")
    for name in ("a.txt", "a.jsonl"):
        written = tok.encode_files(tmp_path / name, tmp_path / "ids.npy")
        assert written.documents == 1
        assert np.array_equal(np.load(tmp_path / "ids.npy", mmap_mode="r"), expected)


@pytest.mark.parametrize("unit", ["a", " ", "^", "字", "\n", "é"])
def test_a_piece_of_megabytes(tok: Tokenizer, unit: str) -> None:
    text = unit * 4_000_000
    ids = tok.encode(text)
    assert tok.decode(ids) == text
    assert tok.count(text) == len(ids)


def test_a_million_empty_documents(tok: Tokenizer, tmp_path: Path) -> None:
    texts = [""] * 1_000_000
    for threads in (1, 2):
        batch = tok.encode_batch(texts, threads)
        assert (len(batch), len(batch.ids), batch.offsets.any()) == (len(texts), 0, np.False_)
        counts = tok.count_batch(texts, threads)
        assert (len(counts), counts.any()) == (len(texts), np.False_)
        assert tok.decode_batch(batch, threads) == texts
    (tmp_path / "a.jsonl").write_text('{"text": ""}\n' * len(texts))
    written = tok.encode_files(tmp_path / "a.jsonl", tmp_path / "ids.npy", separator="<|end|>")
    assert (written.documents, written.tokens) == (len(texts), len(texts))
    assert np.array_equal(np.load(written.offsets), np.arange(len(texts) + 1))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (2000, "id 2000 at position 2"),
        (2**32 - 1, "id 4294967295 at position 2"),
        (2**32, "integers from 0"),
        (2**62, "integers from 0"),
        (-1, "integers from 0"),
    ],
)
def test_ids_beyond_the_vocabulary_are_refused_in_batches(tok: Tokenizer, bad: int, message: str) -> None:
    assert tok.vocab_size == 2000
    for threads in (1, 2):
        with pytest.raises(ValueError, match=message):
            tok.decode_batch([[0], [], [1, bad]], threads)


def calls(tok: Tokenizer, path: Path) -> dict[str, Callable[[int], object]]:
    ids = tok.encode_batch(TEXTS)
    return {
        "encode_batch": lambda threads: tok.encode_batch(TEXTS, threads).to_list(),
        "count_batch": lambda threads: tok.count_batch(TEXTS, threads).tolist(),
        "decode": lambda threads: tok.decode(np.tile(ids.ids, 1 + 200_000 // len(ids.ids)), threads=threads),
        "decode_batch": lambda threads: tok.decode_batch(ids, threads),
        "encode_files": lambda threads: tok.encode_files(path, path.with_name("ids.npy"), threads=threads),
        "count": lambda threads: eurotok.count({"und": path}, threads=threads).unique,
        "train": lambda threads: eurotok.train({"und": path}, vocab_size=270, threads=threads).merges,
    }


@pytest.mark.parametrize(
    "name", ["encode_batch", "count_batch", "decode", "decode_batch", "encode_files", "count", "train"]
)
def test_any_number_of_threads(tok: Tokenizer, tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n".join(TEXTS), encoding="utf-8")
    call = calls(tok, path)[name]
    for none in (0, -1):
        with pytest.raises(ValueError, match=f"threads: {none} is not a number of threads"):
            call(none)
    expected = call(1)
    for threads in (10_000, sys.maxsize):
        assert call(threads) == expected


def test_a_free_threaded_interpreter_keeps_its_lock() -> None:
    """Safety without the lock is not claimed: the module must not declare it, which is PyO3's default."""
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("this interpreter is not free-threaded: it always has its lock")
    assert vars(sys)["_is_gil_enabled"]()
