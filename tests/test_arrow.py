"""Columns of Arrow, and parquet files."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import eurotok
from eurotok.arrow import read_column
from eurotok.corpus import read_lines, read_texts

ROWS = ["Où ?", None, "", "\U0001f600"]
BYTES = [None if row is None else row.encode() for row in ROWS]

COLUMNS = {
    "string": pa.array(ROWS),
    "large_string": pa.array(ROWS, pa.large_string()),
    "string_view": pa.array(ROWS, pa.string_view()),
    "dictionary": pa.array(ROWS).dictionary_encode(),
    "binary": pa.array(BYTES, pa.binary()),
    "large_binary": pa.array(BYTES, pa.large_binary()),
    "dictionary of binary": pa.array(BYTES, pa.binary()).dictionary_encode(),
}


def write(path: Path, column: Any) -> Path:
    pq.write_table(pa.table({"id": range(len(column)), "text": column}), path)
    return path


def damaged_text() -> Any:
    """A column of strings in which the second is not UTF-8."""
    return pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(np.array([0, 1, 4], np.int32)), pa.py_buffer(b"a" + b"b\xffc")]
    )


@pytest.mark.parametrize("kind", COLUMNS)
def test_texts_of_any_type_are_read(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "fr.parquet", COLUMNS[kind])
    assert [row for rows in read_column(path) for row in rows] == ROWS
    assert list(read_texts(path)) == [["Où ?", "", "\U0001f600"]]
    assert read_lines(path) == ["Où ?", "", "", "\U0001f600"]
    assert eurotok.count({"fr": path}).bytes == {"fr": 9}
    assert eurotok.count(COLUMNS[kind]).bytes == {"und": 9}


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([1, 2]), "int64"),
        (pa.array([["a"], ["b"]]), r"list<\w+: string>"),
        (pa.array([{"a": "b"}]), "struct"),
        (pa.array([1.5]), "double"),
    ],
    ids=["int", "list", "struct", "float"],
)
def test_a_column_of_anything_else_is_named(tmp_path: Path, column: Any, kind: str) -> None:
    path = write(tmp_path / "fr.parquet", column)
    for call in (list, lambda batches: eurotok.count({"fr": path})):
        with pytest.raises(eurotok.CorpusError, match=rf"fr\.parquet: column 'text' is of type {kind}.*, not text"):
            call(read_texts(path))
    with pytest.raises(eurotok.CorpusError, match=rf"text is of type {kind}"):
        eurotok.count(column)


@pytest.mark.parametrize("column", [damaged_text(), pa.array([b"a", b"b\xffc"])], ids=["string", "binary"])
def test_invalid_utf8_is_named_by_its_row_or_replaced(tmp_path: Path, column: Any) -> None:
    path = write(tmp_path / "fr.parquet", column)
    message = r"fr\.parquet: column 'text': row 2: invalid UTF-8 at byte 1"
    tok = eurotok.train(["ab"], vocab_size=256)
    for call in (
        lambda errors: list(read_texts(path, errors)),
        lambda errors: eurotok.count({"fr": path}, errors=errors),
        lambda errors: tok.encode_files(path, tmp_path / "ids.npy", errors=errors),
    ):
        with pytest.raises(eurotok.CorpusError, match=message):
            call("strict")
        call("replace")
    assert list(read_texts(path, "replace")) == [["a", "b\ufffdc"]]
    with pytest.raises(eurotok.CorpusError, match="row 2: invalid UTF-8 at byte 1"):
        eurotok.count(column)
    assert eurotok.count(column, errors="replace").bytes == {"und": 6}


def test_rows_are_numbered_over_batches(tmp_path: Path) -> None:
    path = write(tmp_path / "fr.parquet", pa.array([b"a"] * 20_000 + [b"\xff"]))
    with pytest.raises(eurotok.CorpusError, match="row 20001: invalid"):
        list(read_texts(path))


@pytest.mark.parametrize(
    ("names", "message"), [(["texte"], "no column 'text'"), (["text", "text"], "2 columns 'text'")]
)
def test_one_column_is_wanted(tmp_path: Path, names: Sequence[str], message: str) -> None:
    pq.write_table(pa.table([pa.array(["a"])] * len(names), names=list(names)), tmp_path / "fr.parquet")
    with pytest.raises(eurotok.CorpusError, match=rf"fr\.parquet: {message}"):
        list(read_texts(tmp_path / "fr.parquet"))


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_damage_is_a_fault_of_the_corpus(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "fr.parquet"
    rows = [f"{number * 7919 % 100_003}" for number in range(30_000)]
    pq.write_table(pa.table({"text": rows}), path, compression=compression, use_dictionary=False)
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    refused = 0
    for cut in [whole[:-1], whole[: len(whole) // 2], whole[4:], b"", b"PAR1", b"PAR1nonsensePAR1"]:
        path.write_bytes(cut)
        with pytest.raises(eurotok.CorpusError, match=r"fr\.parquet: column 'text'"):
            list(read_texts(path))
    for place in random.integers(4, len(whole) - 8, 60):
        path.write_bytes(whole[:place] + bytes(random.integers(0, 256, 8, np.uint8)) + whole[place + 8 :])
        try:
            list(read_texts(path))
        except eurotok.CorpusError as error:
            assert "fr.parquet: column 'text'" in str(error)
            refused += 1
    assert refused


def test_what_the_system_refuses_is_its_own_error(tmp_path: Path) -> None:
    (tmp_path / "folder.parquet").mkdir()
    for name, number in (("absent.parquet", errno.ENOENT), ("folder.parquet", errno.EISDIR)):
        with pytest.raises(OSError, match=name) as caught:
            list(read_texts(tmp_path / name))
        assert caught.value.errno == number
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.parquet")
        with pytest.raises(eurotok.CorpusError, match=r"pipe\.parquet: parquet is read from the end"):
            list(read_texts(tmp_path / "pipe.parquet"))
