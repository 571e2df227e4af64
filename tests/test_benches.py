"""The benchmarks measure what they say: the same text for all, answers checked first, figures from records alone."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from benches import fairness, records, schedule, tables
from benches.__main__ import DOCUMENTS
from benches.definitions import DEFINITIONS, Case, plan
from benches.encoders import ENGINES, Vocabulary
from benches.records import ROOT, Record
from benches.schedule import DisagreementError, Schedule, WorkerError
from benches.texts import Texts, cut, find_source
from benches.trainers import BYTE_OF, TRAINERS
from benches.worker import SEPARATOR, Answer, Job, read_documents, write_documents
from hypothesis import given
from hypothesis import strategies as st

from eurotok.pricing.parallel_text import SAMPLE

MACHINE = {"cpu": "a processor", "cores": 2, "memory": 2**34, "load": 0.0, "system": "", "python": "", "isa": ""}


def record(engine: str, *seconds: float, **fields: object) -> Record:
    about = Record("2026-01-01", MACHINE, "encode", "cold", "mix", "sample", "v", 0, 1, engine, engine, "1.0")
    return replace(about, bytes=10_000_000, seconds=seconds, **fields)  # type: ignore[arg-type]


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 40))
def test_documents_are_the_text_in_order(text: str, size: int) -> None:
    documents = list(cut(text, size))
    assert "".join(documents) == text
    assert all(len(document.encode()) >= size for document in documents[:-1])


def test_documents_come_back_from_their_file(tmp_path: Path) -> None:
    documents = Texts(find_source(SAMPLE), megabytes=1).documents("mix", 1)
    write_documents(tmp_path / "d", documents)
    assert read_documents(tmp_path / "d") == documents
    assert len({document[:20] for document in documents[:24]}) == 24, "the languages by turns"
    assert not any(SEPARATOR in document for document in documents)


@pytest.mark.parametrize("name", ["mix", "fi", "joined", "urls", "base64", "all", "code"])
def test_lines_to_train_on_are_stripped_and_none_is_empty(name: str) -> None:
    lines = list(Texts(find_source(SAMPLE), megabytes=0.1).lines(name, 0.001))
    assert lines
    assert all(line == line.strip() != "" for line in lines)


def test_the_byte_level_alphabet_is_that_of_tokenizers() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    assert set(BYTE_OF) == set(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    splitter = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    text = "\0 é\u00adĀ€\x7f\U0001f600"
    ((mapped, _),) = splitter.pre_tokenize_str(text)
    assert bytes(BYTE_OF[character] for character in mapped) == text.encode()


def test_every_engine_is_required_once_and_pinned() -> None:
    lines = (ROOT / "benches" / "requirements.txt").read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line} | {"eurotok", "regex"}
    packages = {engine.package for engine in ENGINES.values()} | {trainer.package for trainer in TRAINERS.values()}
    assert packages == pinned


def test_every_definition_is_in_every_plan() -> None:
    for quick in (True, False):
        assert {case.definition for case in plan(["el", "en"], 2, quick)} == set(DEFINITIONS)


def test_ratios_are_median_to_median() -> None:
    found = [
        record("eurotok", 1.0, 1.0, 9.0),
        record("gigatoken", 4.0, 4.0, 0.5),
        record("tokie", refused="encode: differs in 1 of 9 documents, first in number 4"),
        record("eurotok", 2.0, definition="train", phase="train", size=1024),
        record("rustbpe", 1.0, definition="train", phase="train", size=1024, equal=False, same=0.998),
    ]
    table = tables.summary(found)
    assert re.search(r"^encode cold, mix +10.0 \(10.0\) MB/s +4.0x$", table, re.M)
    assert re.search(r"^train, mix, 1,024 +2.00 \(2.00\) s +0.5x\*$", table, re.M)
    assert "tokie (encode mix): encode: differs in 1 of 9 documents" in table
    assert "rustbpe (train mix): other merges than tokenizers; 99.8% of its tokens" in table


def test_the_best_way_is_each_engines_own() -> None:
    found = [
        record("eurotok", 1.0),
        record("eurotok", 2.0, definition="batch"),
        record("gigatoken", 4.0),
        record("gigatoken", 3.0, definition="batch"),
        record("tiktoken", 3.0),
    ]
    assert {one.engine: one.seconds for one in tables.best_ways(found)} == {"eurotok": (1.0,), "gigatoken": (3.0,)}


def test_headlines_compare_within_a_run_and_show_the_newest() -> None:
    old = [record("eurotok", 1.0), record("gigatoken", 3.0), record("tokie", 5.0), record("splintr", 4.0)]
    old = [replace(one, definition="decode", phase="warm", tokens=2_000_000) for one in old]
    new = [replace(one, run="2026-02-01T10:20:30Z", seconds=(0.5,)) for one in old[:2]]
    header, rows = tables.headlines([*new, *old, record("eurotok", 1.0), record("eurotok", 1.0, text="el")])
    assert header == ["", "eurotok", "run", "gigatoken", "tokenizers", "tiktoken", "fastest other"]
    assert rows == [
        ["decode warm, mix", "4.00 (4.00) Mtok/s", "2026-02-01 10:20", "1.0x", "", "", "4.0x (splintr)"],
    ]


def test_only_figures_of_one_run_are_compared(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    old, new = record("gigatoken", 1.0), replace(record("eurotok", 2.0), run="2026-02-01")
    other = replace(old, machine=MACHINE | {"cpu": "another"})
    records.append(path, [old, new])
    records.append(path, [other])
    assert records.read([path]) == [old, new, other]
    assert records.newest([old, new, other]) == [new, other]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_tables_are_those_of_the_records(path: Path) -> None:
    found = records.read(sorted(records.RECORDS.glob("*.jsonl")))
    assert path.read_text(encoding="utf-8") == tables.document(path.read_text(encoding="utf-8"), found)


class Asked(list[tuple[str, str]]):
    """Stands in for the processes: every engine is right but those told to be wrong."""

    def __init__(self, wrong: str = "", broken: str = "") -> None:
        self.wrong, self.broken = wrong, broken

    def __call__(self, job: Job) -> Answer:
        self.append((job.engine, job.task))
        if job.engine == self.broken and job.task != "check":
            raise WorkerError("failed (1): out of memory")
        ids = [1, 2, 3] if job.engine == self.wrong else [1, 2, 4]
        return Answer({"cold": [1.0], "warm": [0.5]}, {"cold": [1.0], "warm": [0.5]}, checks={"encode": ids})


@pytest.fixture
def case() -> Case:
    return Case("encode", "mix", ("eurotok", "gigatoken", "tokie"), each=0.001)


def scheduled(asked: Asked, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Schedule:
    monkeypatch.setattr(schedule, "ask", asked)
    monkeypatch.setattr(schedule, "installed", lambda name: (name, "1.0"))
    about = {"run": "2026-01-01", "machine": MACHINE}
    given = Texts(find_source(SAMPLE), megabytes=1)
    return Schedule(folder, given, Vocabulary("v", "", "", {}), rounds=2, budget=60, about=about)


def test_engines_are_checked_and_then_take_turns(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked()
    found = scheduled(asked, tmp_path, monkeypatch).run(case)
    ours, one, two = case.engines
    timed = [(name, "encode") for name in (ours, one, two, one, two, ours)]
    assert asked == [("tiktoken", "check"), *((name, "check") for name in case.engines), *timed]
    assert {(one.engine, one.phase, one.seconds) for one in found if one.engine == ours} == {
        (ours, "cold", (1.0, 1.0)),
        (ours, "warm", (0.5, 0.5)),
    }


def test_a_peer_with_other_ids_is_not_timed(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(wrong="tokie")
    found = scheduled(asked, tmp_path, monkeypatch).run(case)
    assert ("tokie", "encode") not in asked
    assert {(one.seconds, one.refused) for one in found if one.engine == "tokie"} == {
        ((), "encode: differs in 1 of 3 documents, first in number 3")
    }


def test_our_own_wrong_ids_end_the_run(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DisagreementError, match="encode mix, 1 thread: eurotok: encode: differs in 1 of 3"):
        scheduled(Asked(wrong="eurotok"), tmp_path, monkeypatch).run(case)


def test_an_engine_that_fails_is_recorded(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = scheduled(Asked(broken="gigatoken"), tmp_path, monkeypatch).run(case)
    assert {one.refused for one in found if one.engine == "gigatoken"} == {"failed (1): out of memory"}


@pytest.fixture
def quick(tmp_path: Path) -> list[Record]:
    """Records of a real run of processes."""
    pytest.importorskip("tokenizers")
    pytest.importorskip("tiktoken")
    command = [sys.executable, "-m", "benches", "--quick", "--corpus", str(SAMPLE), "--records", str(tmp_path)]
    engines = ["--engines", "eurotok,tokenizers", "encode", "batch", "small", "decode", "split", "load", "train"]
    done = subprocess.run([*command, *engines], cwd=ROOT, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert "encode cold, mix" in done.stdout
    return records.read(sorted(tmp_path.glob("*.jsonl")))


def test_a_quick_run_measures_everything(quick: list[Record]) -> None:
    assert {one.definition for one in quick} == set(DEFINITIONS) - {"count", "merge"}
    for one in quick:
        assert one.seconds and min(one.seconds) > 0 and not one.refused, json.dumps(one.machine)
        assert one.peak >= one.base > 0
    tokens = {(one.case, one.tokens) for one in quick if one.definition in ("encode", "batch", "decode")}
    assert len(tokens) == len({case for case, _ in tokens}), "all engines of a case give as many ids"
    assert all(one.equal for one in quick if one.definition == "train")


def test_fairness_is_measured_and_its_table_is_of_records(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "benches.fairness", "--corpus", str(SAMPLE), "--parallel", str(SAMPLE)]
    call += ["--size", "600", "--rounds", "1", "--peer", "--records", str(tmp_path)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (run,) = fairness.runs(tmp_path)
    assert fairness.table(run) == done.stdout.rstrip("\n")
    prices = {record["trainer"]: record["prices"] for record in run}
    assert prices["parity"] == prices["ParityBpeTrainer"]
    assert fairness.gini(prices["fairness 10"].values()) < fairness.gini(prices["plain"].values())


def test_the_tables_of_fairness_are_those_of_the_records() -> None:
    document = fairness.DOCUMENT.read_text(encoding="utf-8")
    assert fairness.document(document) == document
