"""Run cases: check every engine's answers, then let the engines work by turns, each in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import eurotok
from benches import texts
from benches.definitions import DEFINITIONS, OURS, TRAINING, Case
from benches.encoders import ENGINES, JUDGES, Vocabulary
from benches.records import ROOT, Record, commit
from benches.texts import Texts
from benches.trainers import SCHEME, TRAINERS, WITHIN
from benches.worker import Answer, Job, read_documents, write_documents

TIMEOUT = 3600
SAID = 3
"""Last lines that are repeated of an engine that failed."""


class WorkerError(Exception):
    """A worker ended without an answer; says why."""


class DisagreementError(Exception):
    """Our own answer is wrong: nothing is measured."""


class Schedule:
    """Runs cases and makes records of them.

    `budget` is the time in seconds after which an engine takes part in no further round of a case; in the first one it
    does.
    """

    def __init__(
        self, folder: Path, given: Texts, vocabulary: Vocabulary, *, rounds: int, budget: float, about: dict[str, Any]
    ) -> None:
        """Work in a folder; `about` is what all records of the run say."""
        self.folder, self.texts, self.vocabulary = folder, given, vocabulary
        self.rounds, self.budget, self.about = rounds, budget, about
        self._expected: dict[tuple[Path, str], list[int]] = {}
        self._trained: dict[tuple[Path, int], list[str]] = {}

    def run(self, case: Case) -> list[Record]:
        """Check and measure a case.

        Raises
        ------
        DisagreementError
            If eurotok's answer is not the judge's.
        """
        path = self._text(case)
        engines = [name for name in case.engines if installed(name)]
        refused = {name: fault for name in engines if (fault := self._check(name, case, path))}
        if OURS in refused:
            raise DisagreementError(f"{case}: {OURS}: {refused[OURS]}")
        answers = self._measure(case, path, [name for name in engines if name not in refused], refused)
        same = self._agreement(case, path, answers)
        for name in (OURS, WITHIN):
            if not same.get(name, (True, 1.0))[0]:
                raise DisagreementError(f"{case}: {name}: the merges are not those of tokenizers, or without a limit")
        return [
            record
            for name in engines
            for record in self._records(case, path, name, answers.get(name, []), same.get(name), refused.get(name))
        ]

    def _measure(self, case: Case, path: Path, engines: list[str], refused: dict[str, str]) -> dict[str, list[Answer]]:
        """Let the engines work by turns, another one first in each round; those that fail are refused."""
        answers: dict[str, list[Answer]] = {name: [] for name in engines}
        spent = dict.fromkeys(engines, 0.0)
        for turn in range(self.rounds):
            for name in rotated(engines, turn):
                if name in refused or spent[name] > self.budget:
                    continue
                began = time.perf_counter()
                try:
                    answers[name].append(self._ask(name, case.definition, case, path))
                except WorkerError as failure:
                    refused[name] = str(failure)
                spent[name] += time.perf_counter() - began
        return answers

    def _text(self, case: Case) -> Path:
        """Write the text of a case, once: lines to train on, or documents."""
        if case.definition in TRAINING:
            path = self.folder / f"{case.text}-{case.each}.txt"
            return texts.once(path, lambda path: texts.write_lines(path, self.texts.lines(case.text, case.each)))
        name = "short" if case.definition == "load" else case.text
        path = self.folder / f"{name}-{case.each}.documents"
        return texts.once(path, lambda path: write_documents(path, self.texts.documents(name, case.each)))

    def _ask(self, name: str, task: str, case: Case, path: Path, ways: Iterable[str] = ()) -> Answer:
        kind = case.text if case.definition == "load" else None
        pattern = eurotok.schemes()[SCHEME]
        vocabulary = asdict(self.vocabulary)
        return ask(Job(name, task, str(path), case.threads, vocabulary, pattern, case.size, kind, tuple(ways)))

    def _check(self, name: str, case: Case, path: Path) -> str | None:
        """The fault in an engine's answers, if there is one."""
        ways = DEFINITIONS[case.definition].ways
        if not ways:
            return None
        expected = {way: self._expect(way, case, path) for way in ways}
        try:
            answer = self._ask(name, "check", case, path, ways)
        except WorkerError as failure:
            return str(failure)
        if not answer.checks:
            return f"has no {ways[0]}"
        for way, given in answer.checks.items():
            if fault := difference(given, expected[way]):
                return f"{way}: {fault}"
        return None

    def _expect(self, way: str, case: Case, path: Path) -> list[int]:
        """The right answers, from the first judge that has them; for decoding, from the text itself."""
        asked = "encode" if way in ("batch", "encode_list") else way
        if (path, asked) not in self._expected:
            if asked == "decode":
                self._expected[path, asked] = [zlib.crc32(text.encode()) for text in read_documents(path)]
            for judge in filter(installed, JUDGES):
                if (path, asked) not in self._expected:
                    checks = self._ask(judge, "check", case, path, (asked,)).checks
                    self._expected.update({(path, way): right for way, right in checks.items()})
        if (path, asked) not in self._expected:
            raise DisagreementError(f"{case}: nothing can be checked without one of {', '.join(JUDGES)}")
        return self._expected[path, asked]

    def _agreement(self, case: Case, path: Path, answers: dict[str, list[Answer]]) -> dict[str, tuple[bool, float]]:
        """Whether each trainer's tokens are those of `tokenizers`, or else of ours, and which share of them."""
        tokens = {name: given[0].vocabulary for name, given in answers.items() if given and given[0].vocabulary}
        judge = next((name for name in ("tokenizers", OURS) if name in tokens), None)
        if judge and (path, case.size) not in self._trained:
            self._trained[path, case.size] = tokens[judge]
        judged = self._trained.get((path, case.size))
        if judged is None:
            return {}
        return {name: (given == judged, len({*given} & {*judged}) / len(judged)) for name, given in tokens.items()}

    def _records(
        self,
        case: Case,
        path: Path,
        name: str,
        answers: Sequence[Answer],
        same: tuple[bool, float] | None,
        refused: str | None,
    ) -> Iterable[Record]:
        documents = 1 if case.definition in TRAINING else len(read_documents(path))
        package, version = installed(name) or ("", "")
        for phase in DEFINITIONS[case.definition].phases:
            measured = [answer for answer in answers if phase in answer.seconds]
            if measured or refused:
                yield Record(
                    **self.about,
                    definition=case.definition,
                    phase=phase,
                    text=case.text,
                    source=self.texts.source.kind if case.text != "code" else "Python's standard library",
                    vocabulary=self.vocabulary.name,
                    size=case.size,
                    threads=case.threads,
                    engine=name,
                    package=package,
                    version=version,
                    bytes=path.stat().st_size - (documents - 1),
                    documents=documents,
                    tokens=max((answer.tokens for answer in measured), default=0),
                    calls=max((answer.calls for answer in measured), default=1),
                    seconds=tuple(round(second, 9) for answer in measured for second in answer.seconds[phase]),
                    cpu=tuple(round(second, 9) for answer in measured for second in answer.cpu[phase]),
                    base=max((answer.base for answer in measured), default=0),
                    peak=max((answer.peak for answer in measured), default=0),
                    equal=same and same[0],
                    same=same and same[1],
                    refused=refused,
                )


def rotated(names: list[str], turn: int) -> list[str]:
    """Everybody once, another one first.

    >>> rotated(["a", "b", "c"], 4)
    ['b', 'c', 'a']
    """
    start = turn % len(names) if names else 0
    return names[start:] + names[:start]


def difference(given: Sequence[int], expected: Sequence[int]) -> str | None:
    """Say how many documents have another answer, if any.

    >>> difference([1, 2, 9], [1, 2, 3])
    'differs in 1 of 3 documents, first in number 3'
    """
    wrong = [number for number, pair in enumerate(zip(given, expected, strict=False), 1) if pair[0] != pair[1]]
    if len(given) != len(expected):
        return f"{len(given)} answers to {len(expected)} documents"
    return f"differs in {len(wrong)} of {len(expected)} documents, first in number {wrong[0]}" if wrong else None


@cache
def installed(name: str) -> tuple[str, str] | None:
    """Package and version of an engine, or None where it is absent."""
    package = (ENGINES.get(name) or TRAINERS[name]).package
    if package == OURS:
        return package, metadata.version(package) + commit()
    folder = own_folder(name)
    try:
        if folder is None:
            return package, metadata.version(package)
        return package, next(iter(metadata.distributions(name=package, path=[folder]))).version
    except (metadata.PackageNotFoundError, StopIteration):
        return None


def own_folder(name: str) -> str | None:
    """Where an engine lives that has a folder of its own."""
    path = ENGINES[name].path if name in ENGINES else None
    return path and str(Path(sys.prefix) / path)


def ask(job: Job) -> Answer:
    """Have a worker do a job.

    Raises
    ------
    WorkerError
        If it did not, with the last that it said.
    """
    threads = str(job.threads)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, [own_folder(job.engine), str(ROOT), os.environ.get("PYTHONPATH")])),
        "RAYON_NUM_THREADS": threads,
        "TOKENIZERS_PARALLELISM": str(job.threads > 1).lower(),
    }
    command = [sys.executable, "-m", "benches.worker"]
    try:
        done = subprocess.run(
            command, input=json.dumps(asdict(job)), env=environment, capture_output=True, text=True, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise WorkerError(f"took more than {TIMEOUT} seconds") from None
    if done.returncode:
        said = " / ".join(line.strip() for line in done.stderr.strip().splitlines()[-SAID:]) or "said nothing"
        raise WorkerError(f"failed ({done.returncode}): {said}")
    answer = json.loads(done.stdout)
    if "missing" in answer:
        raise WorkerError(answer["missing"])
    return Answer(**answer)
