"""Encode, decode and train against `tokenizers`, on one thread, ids checked before the clock starts.

Reads the first part of every language of the corpus in `EUROTOK_CORPUS`, or the embedded sample. The vocabulary is
small, trained on the same text, so the figures say how the two compare here, not how fast either is on yours.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import eurotok
from eurotok import _core
from eurotok.corpus import find_languages
from eurotok.prices import OFFICIAL, SAMPLE

os.environ["TOKENIZERS_PARALLELISM"] = "false"
tokenizers = pytest.importorskip("tokenizers")

VOCAB_SIZE = 8192
BYTES_A_LANGUAGE = 200_000
Bench = Any  # pytest-benchmark has no types


class Engines(NamedTuple):
    texts: list[str]
    ours: eurotok.Tokenizer
    theirs: Any


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Documents of about 1 kB, the languages by turns."""
    corpus = os.environ.get("EUROTOK_CORPUS")
    folder = Path(corpus) / "train" if corpus else SAMPLE
    columns = []
    for language, paths in find_languages(folder).items():
        if language in OFFICIAL:
            text = _core.read_bytes(str(paths[0]))[:BYTES_A_LANGUAGE].decode(errors="ignore")
            columns.append([text[start : start + 1000] for start in range(0, len(text), 1000)])
    return [text for row in zip(*columns, strict=False) for text in row]


@pytest.fixture(scope="session")
def engines(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Engines:
    path = tmp_path_factory.mktemp("bench") / "tokenizer.json"
    ours = eurotok.train(texts, vocab_size=VOCAB_SIZE, scheme="gpt2")
    ours.save(path)
    theirs = tokenizers.Tokenizer.from_file(str(path))
    assert [encoding.ids for encoding in theirs.encode_batch(texts)] == ours.encode_batch(texts).to_list()
    return Engines(texts, ours, theirs)


@pytest.mark.benchmark(group="encode, warm")
def bench_encode_eurotok(benchmark: Bench, engines: Engines) -> None:
    benchmark(engines.ours.encode_batch, engines.texts, 1)


@pytest.mark.benchmark(group="encode, warm")
def bench_encode_tokenizers(benchmark: Bench, engines: Engines) -> None:
    benchmark(engines.theirs.encode_batch_fast, engines.texts)


@pytest.mark.benchmark(group="decode")
def bench_decode_eurotok(benchmark: Bench, engines: Engines) -> None:
    ids = engines.ours.encode_batch(engines.texts).ids.tolist()
    assert benchmark(engines.ours.decode, ids) == "".join(engines.texts)


@pytest.mark.benchmark(group="decode")
def bench_decode_tokenizers(benchmark: Bench, engines: Engines) -> None:
    ids = engines.ours.encode_batch(engines.texts).ids.tolist()
    assert benchmark(engines.theirs.decode, ids) == "".join(engines.texts)


@pytest.mark.benchmark(group="train")
def bench_train_eurotok(benchmark: Bench, texts: list[str]) -> None:
    benchmark.pedantic(eurotok.train, (texts,), dict(vocab_size=VOCAB_SIZE, scheme="gpt2", threads=1), rounds=2)


@pytest.mark.benchmark(group="train")
def bench_train_tokenizers(benchmark: Bench, texts: list[str], engines: Engines) -> None:
    def train() -> Any:
        peer = tokenizers.Tokenizer(tokenizers.models.BPE())
        peer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
        peer.train_from_iterator(
            texts,
            tokenizers.trainers.BpeTrainer(
                vocab_size=VOCAB_SIZE, min_frequency=2, initial_alphabet=alphabet, show_progress=False
            ),
        )
        return peer

    peer = benchmark.pedantic(train, rounds=2)
    assert peer.get_vocab() == engines.theirs.get_vocab()
