"""The process of one engine: a job on standard input, what was measured on standard output, both as JSON.

Text and modules are in memory before the clock starts; the garbage collector rests while it runs. Only the engine's own
package is imported, and numpy.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benches import encoders
from benches.encoders import ENGINES, JUDGES, Vocabulary, Ways
from benches.trainers import TRAINERS, Given

WARM_PASSES, WARM_SECONDS = 3, 3.0
"""Repeated passes end after so many, or after so much time; there is at least one."""

SMALL_SAMPLES = 25

LETTER = "a"
"""Text that is encoded before the clock starts, so that nothing is imported and no thread started while it runs."""

STATUS = Path("/proc/self/status")

SEPARATOR = "\x1e"
"""Between documents in a file, and not in them."""


def write_documents(path: Path, documents: list[str]) -> None:
    """Write documents for workers."""
    path.write_bytes(SEPARATOR.join(documents).encode())


def read_documents(path: Path) -> list[str]:
    """Read what `write_documents` wrote."""
    return path.read_bytes().decode().split(SEPARATOR)


@dataclass(frozen=True)
class Job:
    """The task of a worker: the engine, the task, and its arguments."""

    engine: str
    task: str
    text: str
    threads: int
    vocabulary: dict[str, Any]
    """The `Vocabulary` for encoders."""
    pattern: str
    """The scheme for trainers."""
    size: int = 0
    kind: str | None = None
    ways: tuple[str, ...] = ()


@dataclass
class Answer:
    """The report of a worker. Seconds on the wall and of the processor by phase; bytes of memory before and at most."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    tokens: int = 0
    calls: int = 1
    base: int = 0
    peak: int = 0
    checks: dict[str, list[int]] = field(default_factory=dict)
    """A checksum of every document's answer, by way."""
    vocabulary: list[str] = field(default_factory=list)
    """Trained tokens in hexadecimal."""

    def time(self, phase: str, call: Callable[[], Any]) -> Any:
        """Call, and note how long it took."""
        gc.collect()
        gc.disable()
        cpu, wall = time.process_time(), time.perf_counter()
        result = call()
        self.seconds.setdefault(phase, []).append(time.perf_counter() - wall)
        self.cpu.setdefault(phase, []).append(time.process_time() - cpu)
        gc.enable()
        return result

    def repeat(self, phase: str, call: Callable[[], Any]) -> None:
        """Call again and again."""
        begin = time.perf_counter()
        for _ in range(WARM_PASSES):
            self.time(phase, call)
            if time.perf_counter() - begin > WARM_SECONDS:
                break


def memory(which: str) -> int:
    """Bytes resident now (`VmRSS`) or at most (`VmHWM`); where there is no /proc, at most for both."""
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith(which))
        return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def forget_peak() -> None:
    """Begin the highest mark anew, where the system allows it."""
    marks = Path("/proc/self/clear_refs")
    if marks.exists():
        marks.write_text("5")


def checksums(documents: Iterable[Any]) -> list[int]:
    """A number for the ids of every document."""
    return [zlib.crc32(np.asarray(ids, np.uint32).tobytes()) for ids in documents]


def check(job: Job, ways: Ways, documents: list[str], answer: Answer) -> None:
    """Give the ways asked for every document, without a clock."""
    encode, decode, split = ways.encode, ways.decode, ways.split
    answers: dict[str, Callable[[], list[int]]] = {}
    if encode:
        answers["encode"] = lambda: checksums(map(encode, documents))
        if job.engine in JUDGES:
            answers["count"] = lambda: [len(encode(text)) for text in documents]
    if batch := ways.batch:
        answers["batch"] = lambda: checksums(ways.rows(batch(documents)))
    if encode_list := ways.encode_list:
        answers["encode_list"] = lambda: checksums(map(encode_list, documents))
    if count := ways.count:
        answers["count"] = lambda: list(map(count, documents))
    if encode and decode:
        given = (ways.decodes(np.asarray(encode(text)).tolist()) for text in documents)
        answers["decode"] = lambda: [zlib.crc32(decode(ids).encode()) for ids in given]
    if split:
        answers["split"] = lambda: [zlib.crc32("\0".join(split(text)).encode()) for text in documents]
    answer.checks = {way: answers[way]() for way in job.ways if way in answers}


def calls(job: Job, ways: Ways, documents: list[str], answer: Answer) -> None:
    """A call a document: the first pass, then repeated ones. Counts what it gets and drops it."""
    way = ways.require(job.task)
    way(LETTER)

    def every() -> int:
        total = 0
        for text in documents:
            total += len(way(text))
        return total

    answer.tokens = answer.time("cold", every)
    answer.repeat("warm", every)


def batch(_job: Job, ways: Ways, documents: list[str], answer: Answer) -> None:
    """All documents in a call: the first pass, then repeated ones."""
    way = ways.require("batch")
    way([LETTER])
    answer.tokens = sum(map(len, ways.rows(answer.time("cold", lambda: way(documents)))))
    answer.repeat("warm", lambda: way(documents))


def small(_job: Job, ways: Ways, documents: list[str], answer: Answer) -> None:
    """Calls on short texts, all seen before; and on the empty text, which costs only the call itself."""
    answer.calls = len(documents)
    for name, way, given in (
        ("encode", ways.encode, documents),
        ("encode_list", ways.encode_list, documents),
        ("count", ways.count, documents),
        ("empty", ways.count, [""] * len(documents)),
    ):
        if way is not None:
            every = partial(_on_each, way, given)
            every()
            for _ in range(SMALL_SAMPLES):
                answer.time(name, every)


def _on_each(way: Callable[[str], Any], texts: list[str]) -> None:
    for text in texts:
        way(text)


def decode(_job: Job, ways: Ways, documents: list[str], answer: Answer) -> None:
    """The ids of all documents as one sequence to text."""
    way, encode = ways.require("decode"), ways.require("encode")
    ids = np.concatenate([np.asarray(encode(text), np.uint32) for text in documents])
    given = ways.decodes(ids.tolist())
    answer.tokens = len(ids)
    if answer.time("first", lambda: way(given)) != "".join(documents):
        raise ValueError("decodes to another text")
    answer.repeat("warm", lambda: way(given))


def train(job: Job, answer: Answer) -> None:
    """Train on a file, or count it, or merge its counts."""
    trainer, given = TRAINERS[job.engine], Given(Path(job.text), job.pattern, job.size, job.threads)
    module = import_module(trainer.module)
    answer.base = memory("VmRSS")
    count, merge = trainer.count, trainer.merge
    if job.task == "train":
        forget_peak()
        tokens = answer.time("train", lambda: trainer.train(module, given))
    elif count is None or merge is None:
        raise LookupError(f"has no {job.task} alone")
    elif job.task == "count":
        forget_peak()
        answer.time("count", lambda: count(module, given))
        return
    else:
        counts = count(module, given)
        forget_peak()
        tokens = answer.time("merge", lambda: merge(module, counts, given))
    answer.peak = memory("VmHWM")
    answer.vocabulary = [token.hex() for token in tokens()]


def encode(job: Job, answer: Answer) -> None:
    """Load an engine and give it documents."""
    documents = read_documents(Path(job.text))
    vocabulary = Vocabulary(**job.vocabulary)
    answer.base = memory("VmRSS")
    forget_peak()
    import_module(ENGINES[job.engine].module)
    if job.task == "load":
        answer.base = memory("VmRSS")
    ways = answer.time("load", lambda: encoders.load(job.engine, vocabulary, job.threads, job.kind))
    tasks = {"check": check, "batch": batch, "small": small, "decode": decode}
    if job.task != "load":
        tasks.get(job.task, calls)(job, ways, documents, answer)


def run(job: Job) -> Answer:
    """Do a job."""
    answer = Answer()
    (train if job.task in ("train", "count", "merge") else encode)(job, answer)
    answer.peak = answer.peak or memory("VmHWM")
    return answer


def main() -> None:
    """Answer the job on standard input. What engines print goes to standard error."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = json.load(sys.stdin)
    try:
        answer = run(Job(**job))
    except LookupError as error:
        json.dump({"missing": str(error.args[0])}, out)
    else:
        json.dump(asdict(answer), out)
    out.close()


if __name__ == "__main__":
    main()
