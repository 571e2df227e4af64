"""Readers of shard formats, written from their descriptions alone, to judge the package's own."""

import csv
import gzip
import itertools
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

Documents = list[list[int]]


def megatron(folder: Path) -> Documents:
    """`MMIDIDX`, version, code of the type, lengths, byte pointers, list of documents."""
    found: Documents = []
    for index in sorted(folder.glob("*.idx")):
        data = index.read_bytes()
        assert data[:9] == b"MMIDIDX\x00\x00"
        version, code, count, entries = struct.unpack_from("<QBQQ", data, 9)
        assert version == 1
        assert entries == count + 1
        assert len(data) == 42 + 20 * count
        dtype = {8: "<u2", 4: "<i4"}[code]
        lengths = np.frombuffer(data, "<i4", count, 34)
        pointers = np.frombuffer(data, "<i8", count, 34 + 4 * count)
        documents = np.frombuffer(data, "<i8", entries, 34 + 12 * count)
        assert documents[0] == 0
        assert documents[-1] == count
        ids = index.with_suffix(".bin").read_bytes()
        for length, pointer in zip(lengths.tolist(), pointers.tolist(), strict=True):
            found.append(np.frombuffer(ids, dtype, length, pointer).tolist())
        assert int(lengths.sum()) * np.dtype(dtype).itemsize == len(ids)
    return found


def datatrove(folder: Path) -> Documents:
    found: Documents = []
    for path in sorted(folder.glob("*.ds")):
        name, tokens, _ = path.with_name(f"{path.name}.metadata").read_text().split("\n")
        ids = np.fromfile(path, f"<u{name.rpartition('|')[2]}")
        ends = np.fromfile(path.with_name(f"{path.name}.index"), "<u8").tolist()
        assert ids.size == int(tokens) == ends[-1]
        found += [ids[start:end].tolist() for start, end in zip([0, *ends], ends, strict=False)]
    return found


def dolma(folder: Path, dtype: str = "<u2") -> Documents:
    found: Documents = []
    for path in sorted(folder.glob("*.npy")):
        ids = np.memmap(path, dtype=dtype, mode="r")
        with gzip.open(path.with_suffix(".csv.gz"), "rt", newline="") as file:
            rows = list(csv.reader(file))
        assert all(len(row) == 5 for row in rows)
        found += [ids[int(row[0]) : int(row[1])].tolist() for row in rows]
    return found


def npy(folder: Path) -> Documents:
    found: Documents = []
    for path in sorted(folder.glob("*.offsets.npy")):
        offsets = np.load(path).tolist()
        ids = np.load(path.with_name(path.name.replace(".offsets", "")), mmap_mode="r")
        found += [ids[start:end].tolist() for start, end in itertools.pairwise(offsets)]
    return found


def mds(folder: Path) -> Documents:
    index = json.loads((folder / "index.json").read_text())
    found: Documents = []
    for shard in index["shards"]:
        data = (folder / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"] < 1 << 32
        (count,) = struct.unpack_from("<I", data)
        assert count == shard["samples"]
        offsets = np.frombuffer(data, "<u4", count + 1, 4).tolist()
        dtype = shard["column_encodings"][0].partition(":")[2]
        config: dict[str, Any] = json.loads(data[4 + 4 * (count + 1) : offsets[0]])
        assert config == {key: shard[key] for key in config}
        for start, end in itertools.pairwise(offsets):
            (size,) = struct.unpack_from("<I", data, start)
            assert start + 4 + size == end
            width = {0: 1, 1: 2, 2: 4, 3: 8}[data[start + 4] % 4]
            assert data[start + 4] >> 2 == 1
            found.append(np.frombuffer(data[start + 5 + width : end], dtype).tolist())
    return found


def litdata(folder: Path) -> Documents:
    index = json.loads((folder / "index.json").read_text())
    dtype = {"no_header_numpy:5": "<u2", "no_header_numpy:6": "<u4"}[index["config"]["data_format"][0]]
    found: Documents = []
    for chunk in index["chunks"]:
        data = (folder / chunk["filename"]).read_bytes()
        assert len(data) == chunk["chunk_bytes"]
        (count,) = struct.unpack_from("<I", data)
        assert count == chunk["chunk_size"]
        offsets = np.frombuffer(data, "<u4", count + 1, 4).tolist()
        documents = [np.frombuffer(data[start:end], dtype).tolist() for start, end in itertools.pairwise(offsets)]
        assert sum(map(len, documents)) == chunk["dim"]
        found += documents
    return found


def tables(folder: Path, ending: str) -> Documents:
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: Documents = []
    for path in sorted(folder.glob(f"*.{ending}")):
        table = pq.read_table(path) if ending == "parquet" else pa.ipc.open_file(path).read_all()
        found += table.column("input_ids").to_pylist()
    return found


def parquet(folder: Path) -> Documents:
    return tables(folder, "parquet")


def arrow(folder: Path) -> Documents:
    return tables(folder, "arrow")


FLAT = {"megatron": megatron, "datatrove": datatrove, "dolma": dolma, "npy": npy}
READERS = {**FLAT, "mds": mds, "litdata": litdata, "parquet": parquet, "arrow": arrow}
