"""Files to files of ids: what `encode_batch` gives, in bounded memory, whole or not at all."""

import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import Run, refusal
from eurotok import Tokenizer
from eurotok.encoded_files import EncodedFiles

Write = Callable[..., EncodedFiles]


@pytest.fixture(scope="module")
def corpus_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[str]]:
    """Files of every kind, one of them of several blocks, and the documents in them."""
    folder = tmp_path_factory.mktemp("files")
    long = "Ταξίδι στη θάλασσα, l’été à Malmö; 12 345 €.\n" * 20_000
    records = ["", "uno", "due <|end|>\n" * 3] * 5_000
    rows = ["Zażółć gęślą jaźń", None, ""] * 4_000
    (folder / "a.txt").write_text(long, encoding="utf-8")
    (folder / "b.txt.gz").write_bytes(gzip.compress(long.encode()[: len(long) // 2 * 2 - 1]))
    (folder / "c.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in records))
    for number in range(2):
        pq.write_table(pa.table({"n": range(len(rows)), "text": rows}), folder / f"d{number}.parquet")
    (folder / "e.txt").touch()
    documents = [
        long,
        long.encode()[: len(long) // 2 * 2 - 1].decode(errors="replace"),
        *records,
        *[row for row in rows * 2 if row is not None],
        "",
    ]
    return sorted(folder.iterdir()), documents


@pytest.mark.parametrize("separator", [None, "<|end|>"])
def test_ids_are_those_of_the_documents(
    tok: Tokenizer, corpus_files: tuple[list[Path], list[str]], tmp_path: Path, separator: str | None
) -> None:
    paths, documents = corpus_files
    batch = tok.encode_batch(documents)
    ends = [] if separator is None else [tok.special_tokens[separator]]
    expected = np.concatenate([[*ids, *ends] for ids in batch.to_list()])
    offsets = batch.offsets + len(ends) * np.arange(len(documents) + 1)
    outputs = set()
    for threads in (1, 2, 8, None):
        written = tok.encode_files(paths, tmp_path / "ids.npy", separator=separator, threads=threads, errors="replace")
        outputs.add(((tmp_path / "ids.npy").read_bytes(), written.offsets.read_bytes()))
    assert len(outputs) == 1
    size = sum(len(document.encode()) for document in documents)
    assert written == EncodedFiles(len(documents), len(expected), size, tmp_path / "ids.offsets.npy")
    ids = np.load(tmp_path / "ids.npy", mmap_mode="r")
    assert ids.dtype == np.uint16
    assert np.array_equal(ids, expected)
    assert np.load(written.offsets).dtype == np.int64
    assert np.array_equal(np.load(written.offsets), offsets)
    tok.encode_files(paths, tmp_path / "raw.bin", dtype=np.uint32, separator=separator, errors="replace")
    assert np.array_equal(np.fromfile(tmp_path / "raw.bin", "<u4"), expected)
    assert len(list(tmp_path.iterdir())) == 4


def test_special_tokens_are_parsed_on_request(tok: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x<|end|>y")
    for specials in ("text", "parse"):
        tok.encode_files(tmp_path / "a.txt", tmp_path / "ids.npy", specials=specials)
        assert np.load(tmp_path / "ids.npy").tolist() == tok.encode_list("x<|end|>y", specials=specials)


@pytest.mark.parametrize(
    ("culprit", "arguments"),
    [
        ("dtype", {"dtype": "int64"}),
        ("separator", {"separator": "<|none|>"}),
        ("specials", {"specials": "maybe"}),
        ("errors", {"errors": "ignore"}),
        ("threads", {"threads": 0}),
        ("output", {"output": "ids.txt"}),
        ("paths", {"paths": []}),
        ("b.txt", {"paths": ["a.txt", "b.txt"]}),
        ("c.jsonl: line 2", {"paths": ["a.txt", "c.jsonl"]}),
        ("d.parquet", {"paths": ["a.txt", "d.parquet"]}),
        ("e.parquet", {"paths": ["a.txt", "e.parquet"]}),
        ("absent.txt", {"paths": ["a.txt", "d.parquet", "absent.txt"]}),
        ("absent", {"output": "absent/ids.npy"}),
        ("offsets", {"output": "taken.npy"}),
    ],
)
def test_errors_name_the_culprit_and_leave_nothing(
    tok: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, culprit: str, arguments: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("good")
    Path("b.txt").write_bytes(b"good\xffbad")
    Path("c.jsonl").write_text('{"text": "a"}\n{"txt": "b"}\n')
    Path("d.parquet").write_bytes(b"PAR1nonsense")
    pq.write_table(pa.table({"n": [1]}), "e.parquet")
    Path("taken.offsets.npy").mkdir()
    Path("ids.npy").write_bytes(b"old")
    before = sorted(tmp_path.iterdir())
    with pytest.raises((ValueError, OSError), match=culprit):
        tok.encode_files(**{"paths": "a.txt", "output": "ids.npy", **arguments})
    assert sorted(tmp_path.iterdir()) == before
    assert Path("ids.npy").read_bytes() == b"old"


def test_a_vocabulary_beyond_uint16_is_written_in_32_bits(tok: Tokenizer, tmp_path: Path) -> None:
    specials = {"<|far|>": 70_000}
    far = Tokenizer(tok.to_bytes("tiktoken"), scheme="gpt2", special_tokens=specials)
    (tmp_path / "a.txt").write_text("so <|far|>")
    far.encode_files(tmp_path / "a.txt", tmp_path / "ids.npy", specials="parse")
    ids = np.load(tmp_path / "ids.npy")
    assert (ids.dtype, ids[-1]) == (np.uint32, 70_000)
    with pytest.raises(ValueError, match="uint16 holds ids to 65,535, the vocabulary has 70001"):
        far.encode_files(tmp_path / "a.txt", tmp_path / "ids.npy", dtype="uint16")


def test_progress_is_told_and_can_stop_the_work(
    tok: Tokenizer, corpus_files: tuple[list[Path], list[str]], tmp_path: Path
) -> None:
    paths = corpus_files[0] * 200  # far more than is read between three reports
    seen = []

    def stop(stage: str, done: int, total: int) -> None:
        seen.append((stage, done, total))
        if len(seen) == 3:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        tok.encode_files(paths, tmp_path / "ids.npy", errors="replace", progress=stop)
    assert not any(tmp_path.iterdir())
    assert len(seen) == 3
    assert {(stage, total) for stage, _, total in seen} == {("encoding", sum(path.stat().st_size for path in paths))}
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert seen[-1][1] <= seen[-1][2]


LIMITED = """
import resource, sys
import eurotok
tok = eurotok.load(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    tok.encode_files([sys.argv[2]] * 20, sys.argv[3])
except OSError as error:
    print(type(error).__name__, error.strerror, error.filename)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_leaves_nothing(tok_json: Path, corpus_files: tuple[list[Path], list[str]], tmp_path: Path) -> None:
    """A limit on the size of files stands in for the end of a disk."""
    output = tmp_path / "ids.bin"
    command: list[str | Path] = [sys.executable, "-c", LIMITED, tok_json, corpus_files[0][0], output]
    result = subprocess.run(command, capture_output=True, timeout=120, check=True)
    assert result.stdout.decode().strip() == f"OSError File too large {output}"
    assert not any(tmp_path.iterdir())


PEAK = """
import resource, sys
import eurotok
tok = eurotok.load(sys.argv[1])
written = tok.encode_files([sys.argv[2]] * int(sys.argv[4]), sys.argv[3], threads=2)
print(written.bytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="usage of POSIX")
def test_memory_does_not_grow_with_the_corpus(tok_json: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Grüße aus Malmö, l’été en Provence.\n" * 200_000, encoding="utf-8")

    def measure(repeat: int) -> list[int]:
        command: list[str | Path] = [
            sys.executable,
            "-c",
            PEAK,
            tok_json,
            tmp_path / "a.txt",
            tmp_path / "ids.npy",
            str(repeat),
        ]
        return [int(number) for number in subprocess.check_output(command, timeout=120).split()]

    (small, before), (large, after) = measure(1), measure(12)
    assert large - small > 80_000_000
    assert after - before < 16_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_leaves_nothing(tok_json: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(97, 123, 20_000_000, dtype=np.uint8)
    noise[::9] = 32
    (tmp_path / "a.txt").write_bytes(noise.tobytes())
    command: list[str | Path] = [sys.executable, "-m", "eurotok", "encode", tok_json, *["a.txt"] * 500, "-o", "ids.npy"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        try:
            # Unfinished files have no name on Linux, so nothing shows that the work has begun.
            time.sleep(2)
            assert process.poll() is None, "the work is long enough to be interrupted"
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, stderr) == (130, b"eurotok: error: interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_the_command_line(run: Run, tok: Tokenizer, tok_json: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "uno"}\n{"text": "due"}\n')
    (tmp_path / "b.txt").write_text("tre")
    end = tok.special_tokens["<|end|>"]
    expected = [number for text in ("uno", "due", "tre") for number in [*tok.encode_list(text), end]]
    options = ("--separator", "<|end|>", "--dtype", "uint16", "--threads", 2)
    result = run("encode", tok_json, "a.jsonl", "b.txt", *options, "-o", "ids.bin")
    assert result.returncode == 0
    assert result.stderr.decode() == f"3 documents, 0.0 MB: {len(expected)} tokens -> ids.bin, ids.offsets.npy\n"
    assert np.fromfile(tmp_path / "ids.bin", "<u2").tolist() == expected
    assert np.load(tmp_path / "ids.offsets.npy").tolist()[-1] == len(expected)
    assert "<|none|>" in refusal(run("encode", tok_json, "b.txt", "--separator", "<|none|>", "-o", "other.npy"))
    for refused in (("--separator", "<|end|>"), ("--dtype", "uint16"), ("-o", "ids.bin")):
        assert "need files" in refusal(run("encode", tok_json, "-", *refused), code=2)
