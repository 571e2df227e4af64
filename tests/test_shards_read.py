"""Shards read: any document, any order, sequences for training, and other shards made of them."""

import itertools
import json
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eurotok
from conftest import Run
from eurotok import shards
from eurotok.shards.dataset import Order
from eurotok.shards.loading import Share
from shard_formats import READERS
from test_shards_write import expected, files_of, records, write_lines

LANGUAGES = ("de", "el", "fr")


@pytest.fixture(scope="session")
def documents(tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]]) -> list[list[int]]:
    return expected(tok, sentences, LANGUAGES)


@pytest.fixture(params=READERS)
def folder(
    request: pytest.FixtureRequest, tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path
) -> Path:
    """Shards of every format, some a folder."""
    return made(tmp_path, tok, sentences, request.param)


def made(place: Path, tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], kind: str = "megatron") -> Path:
    paths = [write_lines(place / f"{it}.jsonl", records(it, sentences[it])) for it in LANGUAGES]
    shards.write(paths, place / "shards", tokenizer=tok, format=kind, shard_size=4000)
    return place / "shards"


def test_documents_are_read_by_number_and_in_order(folder: Path, documents: list[list[int]]) -> None:
    data = shards.open(folder)
    assert (len(data), data.tokens) == (len(documents), sum(map(len, documents)))
    assert [it.tolist() for it in data] == documents
    assert [data[number].tolist() for number in (0, 70, -1)] == [documents[it] for it in (0, 70, -1)]
    assert [it.tolist() for it in data[5:8]] == documents[5:8]
    assert data.lengths(3, 90).tolist() == [len(it) for it in documents[3:90]]
    order = np.array([200, 3, 3, 77, 0])
    taken = data.take(order)
    assert [taken[it : it + 1].ids.tolist() for it in range(5)] == [documents[it] for it in order.tolist()]
    assert pickle.loads(pickle.dumps(data))[9].tolist() == documents[9]
    with pytest.raises(IndexError):
        data[len(documents)]
    (folder / "manifest.json").unlink()
    assert [it.tolist() for it in shards.open(folder)] == documents


def test_windows_are_shuffled_whole_and_an_order_can_be_entered_anywhere(
    tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path, documents: list[list[int]]
) -> None:
    data = shards.open(made(tmp_path, tok, sentences))
    first = [it.tolist() for it in data.shuffled(seed=1, window=10)]
    assert sorted(first) == sorted(documents)
    assert first != documents
    assert first == [it.tolist() for it in data.shuffled(seed=1, window=10)]
    assert first != [it.tolist() for it in data.shuffled(seed=1, epoch=1, window=10)]
    assert first[33:] == [it.tolist() for it in data.shuffled(seed=1, window=10, start=33)]
    order = np.concatenate(list(Order(len(data), 1, 0, 10).batches()))
    assert {tuple(sorted(order[at : at + 10].tolist())) for at in range(0, 60, 10)} <= {
        tuple(range(at, at + 10)) for at in range(0, len(data), 10)
    } | {tuple(sorted(order[at : at + 10].tolist())) for at in range(0, 60, 10) if len(data) % 10}


@pytest.mark.parametrize("seed", [None, 4])
def test_sequences_have_every_token_in_turn_and_know_their_documents(
    seed: int | None, tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path
) -> None:
    data = shards.open(made(tmp_path, tok, sentences))
    ordered = list(data) if seed is None else list(data.shuffled(seed, window=20))
    stream = np.concatenate(ordered)
    numbers = np.repeat(np.arange(len(ordered)), [len(it) for it in ordered])
    packed = data.packed(50, seed=seed, window=20)
    assert len(packed) == stream.size // 50
    for place in (0, 1, 7, len(packed) - 1):
        sequence, part = packed[place], slice(50 * place, 50 * place + 50)
        assert sequence.ids.tolist() == stream[part].tolist()
        assert sequence.documents.tolist() == (numbers[part] - numbers[part][0]).tolist()
        starts = [next(iter(it)) for it in _groups(sequence.documents.tolist())]
        assert sequence.positions[starts].tolist() == [0] * len(starts)
        mask = sequence.mask()
        assert mask[10, 3] == (sequence.documents[10] == sequence.documents[3])
        assert not mask[3, 10]


def _groups(values: list[int]) -> Iterator[list[int]]:
    return (
        list(map(int, (place for place, _ in own))) for _, own in itertools.groupby(enumerate(values), lambda it: it[1])
    )


@pytest.mark.parametrize(("world", "workers", "batch"), [(1, 1, 1), (1, 3, 4), (2, 2, 3), (4, 3, 2)])
def test_each_sequence_comes_once_under_ranks_and_workers(world: int, workers: int, batch: int) -> None:
    total = 101
    seen: list[int] = []
    for rank in range(world):
        share = Share(total, rank, world, batch)
        dealt = [list(share.numbers(0, 0, worker, workers)) for worker in range(workers)]
        mine = in_turns(dealt, batch)
        assert mine == list(share.numbers(0, 0, 0, 1)), "the order does not depend on workers"
        assert len(mine) == share.size == total // world
        seen += mine
        # After any number of batches, with any other number of workers.
        for done in (batch, 2 * batch):
            rest = [list(share.numbers(done, 0, worker, workers + 1)) for worker in range(workers + 1)]
            assert mine[:done] + in_turns(rest, batch) == mine
        first = dealt[0]
        assert list(share.numbers(0, 3, 0, workers)) == first[3:]
    assert len(set(seen)) == len(seen) == total // world * world


def in_turns(dealt: list[list[int]], batch: int) -> list[int]:
    """Batches of workers in turn, as a `DataLoader` gives them."""
    batches = [[own[at : at + batch] for at in range(0, len(own), batch)] for own in dealt]
    turns = itertools.zip_longest(*batches, fillvalue=[])
    return [number for turn in turns for own in turn for number in own]


def test_torch_reads_each_sequence_once_and_goes_on_in_the_middle(
    tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    data = shards.open(made(tmp_path, tok, sentences))

    def loader(own: Any, workers: int) -> Any:
        return torch.utils.data.DataLoader(own, batch_size=2, num_workers=workers)

    whole = [it["ids"].tolist() for it in loader(data.torch(64, batch_size=2, seed=3), 0)]
    assert [it["ids"].tolist() for it in loader(data.torch(64, batch_size=2, seed=3), 2)] == whole
    again = data.torch(64, batch_size=2, seed=3)
    again.resume(0, 6)
    assert [it["ids"].tolist() for it in loader(again, 2)] == whole[3:]


def test_shards_are_merged_in_any_format(folder: Path, documents: list[list[int]], tmp_path: Path) -> None:
    for kind in ("megatron", "datatrove", "mds"):
        manifest = shards.merge([folder, folder], tmp_path / kind, format=kind)
        assert len(manifest.shards) == 1
        assert READERS[kind](tmp_path / kind) == 2 * documents
        assert shards.verify(tmp_path / kind) == []
        assert manifest.counts[0]["bytes"] > 0
    with pytest.raises(ValueError, match="not empty; choose another folder"):
        shards.merge(folder, tmp_path / "mds")


def test_documents_are_split_by_ratio_and_by_length(
    tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path, documents: list[list[int]]
) -> None:
    folder = made(tmp_path, tok, sentences)
    low, high = (sorted(map(len, documents))[len(documents) * third // 3] for third in (1, 2))
    by_length = shards.split(folder, tmp_path / "lengths", lengths=[low, high])
    ranges = {f"0-{low - 1}": (0, low), f"{low}-{high - 1}": (low, high), f"{high}-": (high, 1 << 30)}
    assert list(by_length) == list(ranges)
    for name, (least, end) in ranges.items():
        assert READERS["megatron"](tmp_path / "lengths" / name) == [it for it in documents if least <= len(it) < end]
    shards.split(folder, tmp_path / "ratios", ratios={"train": 3, "test": 1}, seed=1)
    parts = [READERS["megatron"](tmp_path / "ratios" / name) for name in ("train", "test")]
    assert sorted(itertools.chain(*parts)) == sorted(documents)
    assert 0.6 < len(parts[0]) / len(documents) < 0.9
    with pytest.raises(ValueError, match="either ratios or lengths"):
        shards.split(folder, tmp_path / "none")


def test_a_mix_has_its_weights_and_tells_its_epochs(
    tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path
) -> None:
    folder = made(tmp_path, tok, sentences)
    whole = {it: sum(len(tok.encode(text)) for text in sentences[it]) for it in LANGUAGES}
    wanted = 3 * whole["fr"]
    sampled = shards.sample(folder, tmp_path / "mix", mix={"fr": 2, "de": 1}, tokens=wanted, seed=2)
    longest = max(len(it) for it in READERS["megatron"](folder))
    assert 0 <= sampled.tokens["fr"] - 2 * wanted / 3 < longest
    assert 0 <= sampled.tokens["de"] - wanted / 3 < longest
    assert sampled.epochs == {it: sampled.tokens[it] / whole[it] for it in ("de", "fr")}
    drawn = READERS["megatron"](tmp_path / "mix")
    assert sum(map(len, drawn)) == sum(sampled.tokens.values()) == sampled.manifest.tokens
    french = {tuple(it) for it in expected(tok, sentences, ["fr"])}
    times = [sum(tuple(it) == own for it in drawn) for own in french]
    assert {2} <= set(times) <= {2, 3}, "each once in each epoch"
    again = shards.sample(folder, tmp_path / "again", mix={"fr": 2, "de": 1}, tokens=wanted, seed=2)
    assert again.manifest.files == sampled.manifest.files
    assert shards.verify(tmp_path / "mix") == []
    with pytest.raises(ValueError, match=r"'it' is not one of the sources, which are de, el, fr$"):
        shards.sample(folder, tmp_path / "no", mix={"it": 1}, tokens="1K")
    small = shards.sample({"a": folder}, tmp_path / "a", tokens="0.5K")
    assert 500 <= small.manifest.tokens < 500 + longest


def test_an_order_by_a_seed_has_every_document_once(
    tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path, documents: list[list[int]]
) -> None:
    folder = made(tmp_path, tok, sentences)
    shards.shuffle(folder, tmp_path / "one", seed=3)
    found = READERS["megatron"](tmp_path / "one")
    assert sorted(found) == sorted(documents)
    assert found != documents
    paths = sorted(tmp_path.glob("*.jsonl"))
    shards.write(paths, tmp_path / "direct", tokenizer=tok, shuffle=3, shard_size=4000)
    assert READERS["megatron"](tmp_path / "direct") == found
    assert shards.verify(tmp_path / "direct") == []
    before = files_of(tmp_path / "direct")
    shards.write(paths, tmp_path / "direct", tokenizer=tok, shuffle=3, shard_size=4000)
    assert files_of(tmp_path / "direct") == before


def test_figures_by_language(
    tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path, documents: list[list[int]]
) -> None:
    folder = made(tmp_path, tok, sentences)
    found = shards.stats(folder)
    assert [row.language for row in found.rows] == ["de", "el", "fr", "all"]
    greek, every = found.rows[1], found.rows[3]
    assert greek.bytes == sum(len(text.encode()) for text in sentences["el"])
    assert every.tokens == sum(map(len, documents))
    assert every.median == sorted(map(len, documents))[(len(documents) - 1) // 2]
    assert sum(every.lengths) == len(documents)
    partial = sum(
        len(tok.token(it)) for ids in expected(tok, sentences, ["el"]) for it in ids if not _is_text(tok.token(it))
    )
    assert greek.fallback == partial / greek.bytes
    assert "tokens/byte" in found.table()
    found.plot(tmp_path / "lengths.svg")
    picture = (tmp_path / "lengths.svg").read_text()
    assert picture.startswith("<svg")
    assert all(f">{word}</text>" in picture for word in ("el", "all", "tokens a byte", "bytes that fell back"))
    assert f">{greek.tokens_per_byte:.3f}</text>" in picture
    assert json.loads(json.dumps(found.to_json()))["rows"][0]["language"] == "de"


def _is_text(token: bytes) -> bool:
    return "\ufffd" not in token.decode(errors="replace")


def test_the_commands_on_shards(
    tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path, run: Run
) -> None:
    made(tmp_path, tok, sentences)
    calls: list[tuple[Any, ...]] = [
        ("merge", "shards", "shards", "-o", "merged"),
        ("split", "shards", "-o", "split", "--ratio", "a=1", "--ratio", "b=2"),
        ("sample", "shards", "-o", "sample", "--tokens", "2K", "--mix", "fr=2,de=1"),
        ("shuffle", "shards", "-o", "shuffled", "--seed", "3"),
        ("stats", "shards", "--plot", "lengths.svg"),
        ("head", "shards", "-n", "2"),
    ]
    for call in calls:
        done = run("shards", *call)
        assert done.returncode == 0, done.stderr.decode()
        if call[0] == "head":
            assert done.stdout.decode().startswith("document 0, ")
        if call[0] == "sample":
            assert "epochs" in done.stdout.decode()
