"""Ours and `tokenizers` in one process, on one thread, ids checked before the clock starts: a quick look, and for CI.

Reads the first part of every language of the corpus in `EUROTOK_CORPUS`, or the embedded sample. The vocabulary is
small, trained on the same text, so the figures say how the two compare here, not how fast either is on yours;
`python -m benches` measures with care.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import eurotok
from benches.encoders import Vocabulary, Ways, load
from benches.texts import Texts, find_source, write_lines
from benches.trainers import TRAINERS, Given
from benches.vocabulary import prepare

os.environ["TOKENIZERS_PARALLELISM"] = "false"
pytest.importorskip("tokenizers")

MEGABYTES_A_LANGUAGE = 0.05
TRAINED_SIZE = 4096
Bench = Any  # pytest-benchmark has no types

both = pytest.mark.parametrize("name", ["eurotok", "tokenizers"])


@pytest.fixture(scope="session")
def texts() -> Texts:
    return Texts(find_source(), MEGABYTES_A_LANGUAGE)


@pytest.fixture(scope="session")
def documents(texts: Texts) -> list[str]:
    """Documents of about 1 kB, the languages by turns."""
    return texts.documents("mix", MEGABYTES_A_LANGUAGE)


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return prepare(tmp_path_factory.mktemp("vocabulary"), small=True)


@pytest.fixture(scope="session")
def engines(vocabulary: Vocabulary, documents: list[str]) -> dict[str, Ways]:
    """Both, after they have given the same ids for every document, a call each and in a batch."""
    ways = {name: load(name, vocabulary, threads=1) for name in ("eurotok", "tokenizers")}
    expected = [list(ways["tokenizers"].require("encode")(text)) for text in documents]
    for engine in ways.values():
        assert [list(engine.require("encode")(text)) for text in documents] == expected
        assert [list(ids) for ids in engine.rows(engine.require("batch")(documents))] == expected
    return ways


@both
@pytest.mark.benchmark(group="encode, a call a document")
def bench_encode(benchmark: Bench, engines: dict[str, Ways], documents: list[str], name: str) -> None:
    encode = engines[name].require("encode")
    benchmark(lambda: [encode(text) for text in documents])


@both
@pytest.mark.benchmark(group="encode, one batch")
def bench_batch(benchmark: Bench, engines: dict[str, Ways], documents: list[str], name: str) -> None:
    benchmark(engines[name].require("batch"), documents)


@both
@pytest.mark.benchmark(group="encode 32 characters to a list")
def bench_small(benchmark: Bench, engines: dict[str, Ways], documents: list[str], name: str) -> None:
    text = documents[0][:32]
    assert benchmark(engines[name].require("encode_list"), text) == engines["tokenizers"].require("encode_list")(text)


@both
@pytest.mark.benchmark(group="decode")
def bench_decode(benchmark: Bench, engines: dict[str, Ways], documents: list[str], name: str) -> None:
    engine = engines[name]
    ids = engine.decodes([int(rank) for text in documents for rank in engine.require("encode")(text)])
    assert benchmark(engine.require("decode"), ids) == "".join(documents)


@both
@pytest.mark.benchmark(group="split")
def bench_split(benchmark: Bench, engines: dict[str, Ways], documents: list[str], name: str) -> None:
    split, judge = engines[name].require("split"), engines["tokenizers"].require("split")
    assert benchmark(lambda: [split(text) for text in documents]) == [judge(text) for text in documents]


@both
@pytest.mark.benchmark(group="train")
def bench_train(benchmark: Bench, texts: Texts, tmp_path: Path, name: str) -> None:
    path = tmp_path / "lines.txt"
    write_lines(path, texts.lines("mix", MEGABYTES_A_LANGUAGE))
    given = Given(path, eurotok.schemes()["gpt2"], TRAINED_SIZE, threads=1)
    tokens = benchmark.pedantic(TRAINERS[name].train, (import_module(name), given), rounds=2)()
    ours = eurotok.train({"und": path}, vocab_size=TRAINED_SIZE, scheme="gpt2")
    assert tokens == [ours.token(rank) for rank in range(256, ours.vocab_size)]
