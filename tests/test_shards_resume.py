"""Runs that are killed, and folders and inputs that are not as they were: in the end the bytes are the same."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import eurotok
from eurotok import shards
from shard_formats import FLAT, READERS
from test_shards_write import files_of, records, write_lines

KILLS = int(os.environ.get("EUROTOK_KILLS", "4"))
"""How many times each kind of kill is tried."""

RUN = """
import json, resource, sys
import eurotok
from eurotok import shards
import eurotok.shards.documents, eurotok.shards.planning
eurotok.shards.planning.PART_BYTES, eurotok.shards.documents.BATCH = 1 << 14, 1 << 13
limit, options = int(sys.argv[1]), json.loads(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
print("begun", flush=True)
shards.write("data", "out", tokenizer="tokenizer.json", threads=2, **options)
"""

OPTIONS = {
    "megatron": {"format": "megatron", "shard_size": 20_000, "validation": 0.2, "eos": "<|end|>"},
    "shuffled": {"format": "npy", "shard_size": 30_000, "shuffle": 5},
}


@pytest.fixture(params=OPTIONS)
def place(
    request: pytest.FixtureRequest, tok_json: Path, sentences: dict[str, Sequence[str]], tmp_path: Path
) -> tuple[Path, dict[str, Any], dict[str, bytes]]:
    """A folder with data, the options of a run, and what it gives if nobody kills it."""
    options: dict[str, Any] = OPTIONS[request.param]
    (tmp_path / "data").mkdir()
    for language, texts in sentences.items():
        write_lines(tmp_path / "data" / f"{language}.jsonl", records(language, texts))
    shutil.copy(tok_json, tmp_path / "tokenizer.json")
    assert ended(start(tmp_path, options)) == 0
    expected = files_of(tmp_path / "out")
    assert len(expected) > 4
    shutil.rmtree(tmp_path / "out")
    return tmp_path, options, expected


def start(folder: Path, options: dict[str, Any], limit: int = 0) -> "subprocess.Popen[bytes]":
    call = [sys.executable, "-c", RUN, str(limit), json.dumps(options)]
    return subprocess.Popen(call, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def ended(run: "subprocess.Popen[bytes]") -> int:
    with run:
        return run.wait()


def leftovers(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*.partial")]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda it: it.name)
def test_whoever_is_killed_goes_on_to_the_same_bytes(place: Any, number: int) -> None:
    folder, options, expected = place
    rng, killed = random.Random(number), 0
    begun = time.monotonic()
    assert ended(start(folder, options)) == 0
    whole = time.monotonic() - begun
    shutil.rmtree(folder / "out")
    for _ in range(KILLS):
        run = start(folder, options)
        assert run.stdout
        run.stdout.readline()
        time.sleep(rng.random() * whole / 2)
        run.send_signal(number)
        killed += ended(run) != 0
        if run.returncode == 0:
            assert files_of(folder / "out") == expected
            shutil.rmtree(folder / "out")
    assert killed, "no run was killed before its end"
    assert ended(start(folder, options)) == 0
    assert files_of(folder / "out") == expected
    assert leftovers(folder / "out") == []
    assert shards.verify(folder / "out") == []


def test_a_disk_that_is_full_at_any_byte_does_no_harm(place: Any) -> None:
    folder, options, expected = place
    rng, failed = random.Random(7), 0
    for _ in range(KILLS):
        run = start(folder, options, rng.randrange(100_000, 300_000))
        failed += ended(run) != 0
        if run.returncode == 0:
            shutil.rmtree(folder / "out")
    for _ in range(3):
        failed += ended(start(folder, options, rng.randrange(1000, 20_000))) != 0
    assert failed
    assert ended(start(folder, options)) == 0
    assert files_of(folder / "out") == expected
    assert leftovers(folder / "out") == []


@pytest.fixture
def two(tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path, monkeypatch: Any) -> Path:
    """A folder with two inputs and an output of which only the first part is done."""
    monkeypatch.setattr("eurotok.shards.planning.PART_BYTES", 1)
    for language in ("de", "fr"):
        write_lines(tmp_path / f"{language}.jsonl", records(language, sentences[language]))
    shards.write(tmp_path / "*.jsonl", tmp_path / "out", tokenizer=tok, worker="1/2")
    return tmp_path


def test_a_kill_while_a_run_is_finished_leaves_nothing_behind(
    two: Path, tok: eurotok.Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (two / "out" / ".part-00001-00000.bin.0123.partial").touch()  # of a worker that was killed

    def killed(folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("eurotok.shards.writing.remove_partial", killed)
        with pytest.raises(KeyboardInterrupt):
            shards.write(two / "*.jsonl", two / "out", tokenizer=tok)
    shards.write(two / "*.jsonl", two / "out", tokenizer=tok)
    assert leftovers(two / "out") == []
    assert shards.verify(two / "out") == []


@pytest.mark.skipif(sys.platform == "win32", reason="a script of bash")
def test_the_script_for_slurm_gives_the_shards_of_one_machine(
    sentences: dict[str, Sequence[str]], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    write_lines(tmp_path / "data" / "fr.jsonl", [{"id": str(n), "text": it} for n, it in enumerate(sentences["fr"])])
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "srun").write_text('#!/bin/bash\nshift\nexec "$@"\n')
    (tmp_path / "bin" / "eurotok").write_text(f'#!/bin/bash\nexec {sys.executable} -m eurotok "$@"\n')
    for path in (tmp_path / "bin").iterdir():
        path.chmod(0o755)
    script = Path(__file__).parents[1] / "docs" / "shards.slurm"
    settings = {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "DATA": str(tmp_path / "data"),
        "SHARDS": str(tmp_path / "out"),
        "WORKERS": "2",
        "SLURM_CPUS_PER_TASK": "1",
    }
    for number in "21":
        call = ["bash", str(script)]
        own = os.environ | settings | {"SLURM_ARRAY_TASK_ID": number}
        done = subprocess.run(call, env=own, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert ("not finished" in done.stderr) == (number == "2")
    shards.write(tmp_path / "data", tmp_path / "one", tokenizer="euro-128k", id="id", eos="<|end_of_text|>")
    assert files_of(tmp_path / "out") == files_of(tmp_path / "one")


def test_another_run_is_refused_with_what_differs(two: Path, tok: eurotok.Tokenizer) -> None:
    inputs, out = two / "*.jsonl", two / "out"
    with pytest.raises(ValueError, match=r"out: the output of another run: eos is None there and '<\|end\|>' here"):
        shards.write(inputs, out, tokenizer=tok, eos="<|end|>")
    with pytest.raises(ValueError, match="another tokenizer"):
        shards.write(inputs, out, tokenizer="euro-64k")
    write_lines(two / "it.jsonl", [{"text": "uno"}])
    with pytest.raises(ValueError, match=r"it\.jsonl is not among the inputs there"):
        shards.write(inputs, out, tokenizer=tok)
    with pytest.raises(ValueError, match=r"fr\.jsonl is not among the inputs here"):
        shards.write(two / "de.jsonl", out, tokenizer=tok)
    (two / "other").mkdir()
    (two / "other" / "thesis.tex").touch()
    with pytest.raises(ValueError, match=r"not empty, and no output of eurotok: it holds thesis\.tex"):
        shards.write(inputs, two / "other", tokenizer=tok)


def test_renamed_inputs_are_known_by_their_content(two: Path, tok: eurotok.Tokenizer) -> None:
    wanted = shards.write(two / "*.jsonl", two / "whole", tokenizer=tok)
    (two / "fr.jsonl").rename(two / "a.jsonl")
    os.utime(two / "a.jsonl", (0, 0))
    done = shards.write(two / "*.jsonl", two / "out", tokenizer=tok)
    assert done.files == wanted.files
    assert done.inputs[1]["path"] == str(two / "a.jsonl")


def test_a_changed_input_is_refused_only_where_it_was_written(two: Path, tok: eurotok.Tokenizer) -> None:
    rows = (two / "fr.jsonl").read_text()
    (two / "fr.jsonl").write_text(rows + '{"text": "fin"}\n')
    shards.write(two / "*.jsonl", two / "out", tokenizer=tok)
    assert READERS["megatron"](two / "out")[-1] == tok.encode("fin").tolist()
    (two / "de.jsonl").write_text(rows)
    with pytest.raises(ValueError, match=r"de\.jsonl changed since it was written to shards"):
        shards.write(two / "*.jsonl", two / "out", tokenizer=tok)


@pytest.mark.parametrize("kind", ["megatron", "parquet"])
def test_an_output_within_the_folder_of_inputs_is_no_input(
    kind: str, tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "fr.jsonl", records("fr", sentences["fr"]))
    options: dict[str, Any] = {"tokenizer": tok, "format": kind, "validation": 0.2}
    done = shards.write(tmp_path, tmp_path / "out", **options)
    assert [it["path"] for it in done.inputs] == [str(path)]
    assert shards.write(tmp_path, tmp_path / "out", **options).files == done.files
    with pytest.raises(eurotok.CorpusError, match=r"out: no file here that is read"):
        shards.write(tmp_path / "out", tmp_path / "of-shards", tokenizer=tok)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_tokens": -1}, "min_tokens: -1 is below 0"),
        ({"max_tokens": -1}, "max_tokens: -1 is less than min_tokens, 0"),
        ({"text": ""}, "text: '' is no path of a field"),
        ({"id": "a..b"}, r"id: 'a\.\.b' is no path of a field"),
        ({"validation": "150%"}, r"validation: 1\.5 is no share"),
        ({"worker": "0/3"}, "worker: 0 is not one of 1 to 3"),
        ({"missing": "ignore"}, "missing: 'ignore' is neither"),
        ({"format": "tfrecord"}, "format: 'tfrecord' is not one of"),
    ],
)
def test_options_outside_their_domain_leave_no_folder(
    options: dict[str, Any], message: str, tok: eurotok.Tokenizer, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "fr.jsonl", [{"text": "un"}])
    with pytest.raises(ValueError, match=message):
        shards.write(path, tmp_path / "out", tokenizer=tok, **options)
    assert not (tmp_path / "out").exists()


def test_inputs_of_the_same_name_stay_apart(tok: eurotok.Tokenizer, tmp_path: Path) -> None:
    for folder, word in (("a", "un"), ("b", "deux")):
        (tmp_path / folder).mkdir()
        write_lines(tmp_path / folder / "part.jsonl", [{"text": word}])
    shards.write([tmp_path / "a", tmp_path / "b"], tmp_path / "out", tokenizer=tok)
    assert READERS["megatron"](tmp_path / "out") == [tok.encode(it).tolist() for it in ("un", "deux")]
    with pytest.raises(ValueError, match=r"part\.jsonl: given twice"):
        shards.write([tmp_path / "a", tmp_path / "a" / "part.jsonl"], tmp_path / "twice", tokenizer=tok)


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.zst", "jsonl.gz", "jsonl.xz", "parquet"])
def test_a_file_that_is_cut_off_is_named_and_can_be_replaced(
    ending: str, tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path
) -> None:
    pa = pytest.importorskip("pyarrow")
    import gzip
    import lzma

    import pyarrow.parquet as pq

    rows = records("fr", sentences["fr"])
    path = tmp_path / f"fr.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        plain = write_lines(tmp_path / "plain", rows).read_bytes()
        pack = {"zst": lambda it: pa.compress(it, codec="zstd", asbytes=True), "gz": gzip.compress, "xz": lzma.compress}
        path.write_bytes(pack.get(ending.rpartition(".")[2], bytes)(plain))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises((eurotok.CorpusError, OSError), match=rf"fr\.{ending}|fr\.jsonl"):
        shards.write(path, tmp_path / "out", tokenizer=tok)
    assert list(files_of(tmp_path / "out")) == []
    path.write_bytes(whole)
    assert shards.write(path, tmp_path / "out", tokenizer=tok).documents == len(rows)


def test_a_line_of_gigabytes_is_refused_without_being_held(tok_json: Path, tmp_path: Path) -> None:
    """The line is never on the disk either: a pipe gives it."""
    code = """
        import resource, sys
        from pathlib import Path
        from eurotok.cli import main
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30,) * 2)
        code = main()
        print(next(line.split()[1] for line in Path("/proc/self/status").open() if line.startswith("VmHWM")))
        sys.exit(code)
    """
    args = ["shards", "write", str(tok_json), "-", "-o", "out", "--max-document", "64MB", "--threads", "1"]
    call = [sys.executable, "-c", textwrap.dedent(code), *args]
    with subprocess.Popen(
        call, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdin
        assert run.stdout
        assert run.stderr
        with contextlib.suppress(BrokenPipeError):
            run.stdin.write(b'{"text": "un"}\n{"text": "')
            for _ in range(3 << 10):
                run.stdin.write(b"a" * (1 << 20))
        message = run.stderr.read().decode()
        with contextlib.suppress(BrokenPipeError):
            run.stdin.close()
        kilobytes = int(run.stdout.read())
    assert run.returncode == 1, message
    assert "standard input.jsonl: line 2 has more than 64000000 bytes" in message
    assert kilobytes < 2 << 20


@pytest.mark.parametrize("kind", FLAT)
def test_verify_names_the_document_of_a_flipped_byte(
    kind: str, tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "fr.jsonl", records("fr", sentences["fr"]))
    written = shards.write(path, tmp_path / "out", tokenizer=tok, format=kind)
    (shard,) = written.shards
    main = tmp_path / "out" / next(it for it in shard["files"] if it.endswith((".bin", ".ds", "0.npy")))
    documents = READERS[kind](tmp_path / "out")
    place = main.stat().st_size - 2 * sum(map(len, documents)) + 2 * sum(map(len, documents[:7]))
    data = bytearray(main.read_bytes())
    data[place] ^= 1
    main.write_bytes(data)
    faults = shards.verify(tmp_path / "out")
    assert faults == [
        f"{main}: its bytes differ from the bytes that were written",
        f"{main}: document 7 changed (of {path})",
    ]
    data[place] ^= 1
    main.write_bytes(data)
    assert shards.verify(tmp_path / "out") == []
    main.write_bytes(data[:-5])
    assert (
        "document" in " ".join(shards.verify(tmp_path / "out"))
        or "bytes are no whole" in shards.verify(tmp_path / "out")[1]
    )
    for name in shard["files"]:
        other = tmp_path / "out" / name
        main.write_bytes(data)
        kept = other.read_bytes()
        for at in range(0, len(kept), max(1, len(kept) // 40)):
            other.write_bytes(kept[:at] + bytes([kept[at] ^ 0x40]) + kept[at + 1 :])
            assert shards.verify(tmp_path / "out"), (name, at)
        other.unlink()
        assert shards.verify(tmp_path / "out")[0] == f"{other}: missing"
        other.write_bytes(kept)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data, count: data[:34] + b"\x09" + data[35:], "document 0: its length is wrong"),
        (
            lambda data, count: data[: 34 + 4 * count + 8 * 5] + b"\xff" + data[35 + 4 * count + 8 * 5 :],
            "document 5: its pointer is wrong",
        ),
        (lambda data, count: data[:-8] + b"\x00" * 8, "does not run from 0 to"),
        (lambda data, count: data[:-3], "cut off"),
        (lambda data, count: b"X" + data[1:], "not an index of Megatron's"),
    ],
)
def test_a_wrong_index_is_found_without_a_manifest(
    change: Any, message: str, tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "fr.jsonl", records("fr", sentences["fr"]))
    shards.write(path, tmp_path / "out", tokenizer=tok)
    (tmp_path / "out" / "manifest.json").unlink()
    assert shards.verify(tmp_path / "out") == []
    index = tmp_path / "out" / "part-00000-00000.idx"
    index.write_bytes(change(index.read_bytes(), len(sentences["fr"])))
    (fault,) = shards.verify(tmp_path / "out")
    assert message in fault
