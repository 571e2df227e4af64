"""Shards as they are written: every format, every kind of input, filters and splits."""

import gzip
import hashlib
import io
import json
import lzma
import pickle
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eurotok
from conftest import Run, refusal
from eurotok import _core, shards
from shard_formats import READERS

Sentences = dict[str, Sequence[str]]


@pytest.fixture(scope="session")
def data(sentences: Sentences, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `.jsonl` file for each of some languages."""
    folder = tmp_path_factory.mktemp("data")
    for language in ("fr", "de", "el"):
        write_lines(folder / f"{language}.jsonl", records(language, sentences[language]))
    return folder


def records(language: str, texts: Sequence[str]) -> list[dict[str, object]]:
    return [
        {"metadata": {"id": f"{language}-{place}", "n": place}, "text": text, "lang": language}
        for place, text in enumerate(texts)
    ]


def write_lines(path: Path, rows: Sequence[object]) -> Path:
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    paths = sorted(folder.rglob("*"))
    return {str(it.relative_to(folder)): it.read_bytes() for it in paths if it.is_file() and ".eurotok" not in it.parts}


def expected(tok: eurotok.Tokenizer, sentences: Sentences, languages: Sequence[str]) -> list[list[int]]:
    return tok.encode_batch([text for it in languages for text in sentences[it]]).to_list()


@pytest.mark.parametrize("kind", READERS)
def test_another_reader_gives_back_each_document(
    kind: str, tok: eurotok.Tokenizer, data: Path, sentences: Sentences, tmp_path: Path
) -> None:
    written = shards.write(data, tmp_path / "out", tokenizer=tok, format=kind, shard_size=2000)
    assert READERS[kind](tmp_path / "out") == expected(tok, sentences, ["de", "el", "fr"])
    assert len(written.shards) > 3
    assert shards.verify(tmp_path / "out") == []
    assert written.bytes == sum(len(text.encode()) for it in ("fr", "de", "el") for text in sentences[it])
    by_language = {it["language"]: it["documents"] for it in written.counts}
    assert by_language == {it: len(sentences[it]) for it in ("de", "el", "fr")}
    assert {it["sha256"] for it in written.inputs} == {
        hashlib.sha256(path.read_bytes()).hexdigest() for path in data.iterdir()
    }


@pytest.mark.parametrize("kind", READERS)
def test_threads_batches_and_workers_change_no_byte(
    kind: str, tok: eurotok.Tokenizer, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eurotok.shards.planning.PART_BYTES", 1)
    options: dict[str, Any] = {"format": kind, "shard_size": 3000, "validation": "30%", "id": "metadata.id"}
    shards.write(data, tmp_path / "one", tokenizer=tok, threads=1, **options)
    if kind not in ("parquet", "arrow"):  # whose groups of rows are batches
        monkeypatch.setattr("eurotok.shards.documents.BATCH", 1000)
    for worker in ("3/3", "1/3"):
        shards.write(data, tmp_path / "many", tokenizer=tok, threads=3, worker=worker, **options)
    with pytest.raises(ValueError, match="not finished: of 3 parts these are not done: 1"):
        shards.finish(tmp_path / "many")
    shards.write(data, tmp_path / "many", tokenizer=tok, worker="2/3", **options)
    shards.finish(tmp_path / "many")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "many")


def test_every_kind_of_input_gives_the_same_documents(
    tok: eurotok.Tokenizer, sentences: Sentences, tmp_path: Path
) -> None:
    zstd = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    rows = records("fr", sentences["fr"])
    plain = write_lines(tmp_path / "fr.jsonl", rows).read_bytes()
    (tmp_path / "fr.jsonl.gz").write_bytes(gzip.compress(plain))
    (tmp_path / "fr.jsonl.xz").write_bytes(lzma.compress(plain))
    (tmp_path / "fr.json.zst").write_bytes(zstd.compress(plain, codec="zstd", asbytes=True))
    table = zstd.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "fr.parquet", row_group_size=7)
    with zstd.OSFile(str(tmp_path / "fr.arrow"), "wb") as file, zstd.ipc.new_file(file, table.schema) as out:
        out.write_table(table, max_chunksize=10)
    with zstd.OSFile(str(tmp_path / "stream.arrow"), "wb") as file, zstd.ipc.new_stream(file, table.schema) as out:
        out.write_table(table)
    (tmp_path / "fr.txt").write_text("\n".join(sentences["fr"]), encoding="utf-8")
    wanted = expected(tok, sentences, ["fr"])
    names = [
        "fr.jsonl",
        "fr.jsonl.gz",
        "fr.jsonl.xz",
        "fr.json.zst",
        "fr.parquet",
        "fr.arrow",
        "stream.arrow",
        "fr.txt",
    ]
    for name in names:
        shards.write(tmp_path / name, tmp_path / f"out-{name}", tokenizer=tok, lines=True)
        assert READERS["megatron"](tmp_path / f"out-{name}") == wanted, name
    for name in ("fr.jsonl", "fr.parquet", "fr.arrow"):
        options: dict[str, Any] = {"id": "metadata.id", "where": "metadata.n >= 5", "format": "dolma"}
        shards.write(tmp_path / name, tmp_path / f"some-{name}", tokenizer=tok, **options)
        assert READERS["dolma"](tmp_path / f"some-{name}") == wanted[5:], name
        rows_of = gzip.decompress((tmp_path / f"some-{name}" / "part-00-00000.csv.gz").read_bytes()).decode()
        assert rows_of.splitlines()[0].split(",")[2:] == ["fr-5", str(tmp_path / name), "6"], name


def test_whole_texts_separators_and_several_tokenizers(tok: eurotok.Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("un\ndeux", encoding="utf-8")
    end = tok.special_tokens["<|end|>"]
    given = {"small": tok, "large": eurotok.load("euro-64k")}
    shards.write(tmp_path / "book.txt", tmp_path / "out", tokenizer=given, bos=1, eos=1)
    for name, processor in given.items():
        assert READERS["megatron"](tmp_path / "out" / name) == [[1, *processor.encode("un\ndeux").tolist(), 1]]
    shards.write(tmp_path / "book.txt", tmp_path / "eos", tokenizer=tok, eos="<|end|>")
    assert READERS["megatron"](tmp_path / "eos") == [[*tok.encode("un\ndeux").tolist(), end]]
    with pytest.raises(ValueError, match="not a special token"):
        shards.write(tmp_path / "book.txt", tmp_path / "no", tokenizer=tok, eos="<|none|>")


def test_validation_goes_by_the_hash_of_the_id(tok: eurotok.Tokenizer, data: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"id": "metadata.id", "validation": 0.3}
    shards.write([data / "fr.jsonl", data / "de.jsonl"], tmp_path / "a", tokenizer=tok, **options)
    shards.write(data / "de.jsonl", tmp_path / "b", tokenizer=tok, **options)
    ids = [json.loads(line)["metadata"]["id"] for line in (data / "de.jsonl").read_text().splitlines()]
    held = [int.from_bytes(hashlib.sha256(it.encode()).digest()[:8]) < 0.3 * 2**64 for it in ids]
    texts = [json.loads(line)["text"] for line in (data / "de.jsonl").read_text().splitlines()]
    wanted = [tok.encode(text).tolist() for text, own in zip(texts, held, strict=True) if own]
    assert 5 < len(wanted) < 40
    assert READERS["megatron"](tmp_path / "b" / "validation") == wanted
    assert READERS["megatron"](tmp_path / "a" / "validation")[-len(wanted) :] == wanted


def test_filters_by_length_and_expression_are_counted(
    tok: eurotok.Tokenizer, data: Path, sentences: Sentences, tmp_path: Path
) -> None:
    all_of = expected(tok, sentences, ["fr"])
    limit = sorted(map(len, all_of))[len(all_of) // 2]
    written = shards.write(data, tmp_path / "out", tokenizer=tok, where='lang == "fr"', min_tokens=5, max_tokens=limit)
    kept = [it for it in all_of if 5 <= len(it) <= limit]
    assert READERS["megatron"](tmp_path / "out") == kept
    assert written.skipped["filtered"] == 3 * len(all_of) - len(kept)


def test_missing_and_null_fields_are_refused_or_counted(tok: eurotok.Tokenizer, tmp_path: Path) -> None:
    rows: list[object] = [{"text": "un"}, {"other": 1}, {"text": None}, {"text": "deux"}, {"other": 2}]
    path = write_lines(tmp_path / "fr.jsonl", rows)
    with pytest.raises(eurotok.CorpusError, match=r"fr\.jsonl: line 2: the field `text` is missing"):
        shards.write(path, tmp_path / "a", tokenizer=tok)
    written = shards.write(path, tmp_path / "b", tokenizer=tok, missing="skip")
    assert (written.documents, written.skipped) == (2, {"missing": 2, "null": 1, "filtered": 0})
    path = write_lines(tmp_path / "de.jsonl", [{"text": 7}])
    with pytest.raises(eurotok.CorpusError, match="line 1: the field `text` is a number, not a string"):
        shards.write(path, tmp_path / "c", tokenizer=tok, missing="skip")


def test_counts_go_by_fields(tok: eurotok.Tokenizer, data: Path, sentences: Sentences, tmp_path: Path) -> None:
    joined = tmp_path / "all.jsonl"
    joined.write_bytes(b"".join(path.read_bytes() for path in sorted(data.iterdir())))
    written = shards.write({"web": joined}, tmp_path / "out", tokenizer=tok, language="lang")
    assert [(it["source"], it["language"]) for it in written.counts] == [("web", it) for it in ("de", "el", "fr")]


def test_encode_files_writes_the_bytes_of_one_shard(tok: eurotok.Tokenizer, data: Path, tmp_path: Path) -> None:
    paths = [data / "de.jsonl", data / "fr.jsonl"]
    one = tok.encode_files(paths, tmp_path / "ids.npy", separator="<|end|>")
    shards.write(paths, tmp_path / "out", tokenizer=tok, format="npy", eos="<|end|>")
    stem = tmp_path / "out" / "part-00000-00000"
    assert (tmp_path / "ids.npy").read_bytes() == stem.with_suffix(".npy").read_bytes()
    assert one.offsets.read_bytes() == stem.with_suffix(".offsets.npy").read_bytes()
    assert [it.tolist() for it in shards.open(tmp_path)] == [it.tolist() for it in shards.open(tmp_path / "out")]


def test_a_vocabulary_beyond_16_bits_takes_32(sentences: Sentences, tmp_path: Path) -> None:
    tok = eurotok.load("euro-128k")
    path = write_lines(tmp_path / "fr.jsonl", records("fr", sentences["fr"]))
    for kind in ("megatron", "datatrove", "npy"):
        shards.write(path, tmp_path / kind, tokenizer=tok, format=kind)
        assert READERS[kind](tmp_path / kind) == expected(tok, sentences, ["fr"])
    with pytest.raises(ValueError, match="dtype: uint16 holds ids to 65,535, the vocabulary has 131,072"):
        shards.write(path, tmp_path / "no", tokenizer=tok, dtype="uint16")


def test_engines_do_parts_of_a_plan(
    tok: eurotok.Tokenizer, data: Path, sentences: Sentences, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eurotok.shards.planning.PART_BYTES", 1)
    parts = shards.plan(data, tmp_path / "out", tokenizer=tok)
    assert parts == [0, 1, 2]
    shards.work(tmp_path / "out", [2])
    assert shards.plan(data, tmp_path / "out", tokenizer=tok) == [0, 1]
    shards.work(tmp_path / "out", [0, 1, 2], threads=1)
    assert shards.finish(tmp_path / "out").documents == 3 * len(sentences["fr"])
    assert READERS["megatron"](tmp_path / "out") == expected(tok, sentences, ["de", "el", "fr"])
    with pytest.raises(ValueError, match="workers read files"):
        shards.plan("-", tmp_path / "none", tokenizer=tok)


def test_a_function_for_datasets_has_the_same_pickle_in_every_process(tok: eurotok.Tokenizer, tok_json: Path) -> None:
    from eurotok.integrations.datasets import Tokenize

    used, other = Tokenize(tok, eos=1), Tokenize(tok_json, eos=1, threads=1)
    before = pickle.dumps(used)
    assert used({"text": ["un", "deux"]})["input_ids"][1].tolist() == [*tok.encode("deux").tolist(), 1]
    assert pickle.dumps(used) == pickle.dumps(other) == before
    assert pickle.dumps(Tokenize(tok)) != before
    assert pickle.loads(before)({"text": ["un"]})["input_ids"][0].tolist() == [*tok.encode("un").tolist(), 1]


def test_a_url_is_read_through_fsspec(tok: eurotok.Tokenizer, data: Path, sentences: Sentences, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    with memory.open("/shards/fr.jsonl.gz", "wb") as file:
        file.write(gzip.compress((data / "fr.jsonl").read_bytes()))
    for url in ("memory://shards/fr.jsonl.gz", "memory://shards/*.gz"):
        shards.write(url, tmp_path / str(len(url)), tokenizer=tok)
        assert READERS["megatron"](tmp_path / str(len(url))) == expected(tok, sentences, ["fr"])


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("lang =", "at its end"),
        ("lang == ", "a value is missing at its end"),
        ("(lang == 'fr'", "a closing parenthesis is missing"),
        ("lang == 'fr' score", "the expression should end at character 14"),
        ("__import__('os')", "the expression should end at character 11"),
        ("lang in ['fr'", "a closing bracket is missing"),
        ("1 == 1", "names no field"),
    ],
)
def test_expressions_are_not_python(expression: str, message: str) -> None:
    from eurotok.shards.filters import Filter

    with pytest.raises(ValueError, match="where: "):
        try:
            Filter(expression).mask({"lang": ["fr"]})
        except ValueError as error:
            assert message in str(error) or "not understood" in str(error)
            raise


def test_checksums_are_those_of_zlib() -> None:
    ids = np.array([1, 2, 70_000], dtype=np.uint32)
    sums = _core.checksums(ids, np.array([0, 2, 2, 3]))
    assert sums.tolist() == [zlib.crc32(ids[:2].tobytes()), 0, zlib.crc32(ids[2:].tobytes())]


def test_shards_are_cut_where_the_next_document_would_not_fit() -> None:
    from eurotok.shards.encoded import cut

    lengths = np.array([4, 4, 4, 20, 1])
    assert list(cut(lengths, 0, 8)) == [(0, 2), (2, 3), (3, 4), (4, 5)]
    assert list(cut(lengths, 5, 8)) == [(0, 0), (0, 2), (2, 3), (3, 4), (4, 5)]
    assert list(cut(np.array([3]), 5, 8)) == [(0, 1)]


def test_the_command_writes_and_verifies(run: Run, tok_json: Path, data: Path, tmp_path: Path) -> None:
    done = run("shards", "write", tok_json, data, "-o", "out", "--eos", "<|end|>", "--validation", "10%")
    assert done.returncode == 0, done.stderr
    assert b"216 documents" in done.stderr or b"documents" in done.stderr
    done = run("shards", "verify", "out")
    assert (done.returncode, done.stdout) == (0, b"")
    lines = io.BytesIO(b'{"text": "un"}\n').getvalue()
    done = run("shards", "write", tok_json, "-", "-o", "stdin", input=lines)
    assert done.returncode == 0, done.stderr
    assert len(READERS["megatron"](tmp_path / "stdin")) == 1
    assert "another run" in refusal(run("shards", "write", tok_json, data, "-o", "out"))
