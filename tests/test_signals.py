"""Ctrl-C, SIGTERM and SIGKILL: an answer soon, files that are old or new, never half, and no litter."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import eurotok
from eurotok import Tokenizer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

KILLS = int(os.environ.get("EUROTOK_KILLS", "2"))
"""How many times each writer is killed; 100 take some minutes."""

ANSWER = 0.5
"""Seconds in which a call answers Ctrl-C if a core is free; longer if other processes have the cores."""


@pytest.fixture(scope="module")
def text(sample: Path) -> str:
    """Some 20 MB that are not the same over and over."""
    unit = "\n".join(path.read_text(encoding="utf-8") for path in sorted(sample.glob("*.txt")))
    return "".join(f"{number} {unit}" for number in range(20_000_000 // len(unit)))


CALLS: dict[str, Callable[[Tokenizer, str], object]] = {
    "encode": lambda tok, text: [tok.encode(text) for _ in range(10)],
    "encode_with_offsets": lambda tok, text: [tok.encode_with_offsets(text) for _ in range(10)],
    "encode_batch": lambda tok, text: tok.encode_batch([text] * 40, 2),
    "encode_batch of many": lambda tok, text: tok.encode_batch(text.split("\n") * 20, 2),
    "count": lambda tok, text: [tok.count(text) for _ in range(20)],
    "count_batch": lambda tok, text: tok.count_batch([text] * 40, 1),
    "a regex of one's own": lambda tok, text: Tokenizer(
        eurotok.train(["ab"], vocab_size=256, scheme=r"\w+|\W+").to_bytes("eurotok")
    ).encode_batch([text] * 20, 1),
    "count pieces": lambda tok, text: [eurotok.count([text]) for _ in range(100)],
    "load": lambda tok, text: [eurotok.load("euro-200k") for _ in range(100)],
}


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_ends_every_call(tok: Tokenizer, text: str, name: str) -> None:
    sent: list[float] = []

    def send() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.3, send)
    begin, cpu = time.monotonic(), time.process_time()
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        CALLS[name](tok, text)
        timer.join()
        pytest.fail(f"done after {time.monotonic() - begin:.1f} s, before it was interrupted")
    # Beside other work, a core is there for a part of the time.
    busy = (time.process_time() - cpu) / (time.monotonic() - begin)
    assert time.monotonic() - sent[0] < ANSWER / min(1.0, max(busy, 0.05))
    assert tok.decode(tok.encode("as before")) == "as before"


def test_ctrl_c_in_the_first_call_that_returns_an_array(tok_json: Path) -> None:
    program = """
        import os, signal, sys, threading
        import eurotok
        tok = eurotok.load(sys.argv[1])
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            tok.encode("ein Haus, zwei Häuser " * 20_000_000)
        except KeyboardInterrupt:
            print("interrupted")
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tok_json)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (result.stdout, result.stderr) == ("interrupted\n", "")


def test_threads_that_are_not_the_main_one_are_left_alone(tok: Tokenizer, text: str) -> None:
    expected = tok.count(text)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(tok.count(text))) for _ in range(4)]
    with pytest.raises(KeyboardInterrupt):
        for thread in threads:
            thread.start()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


@pytest.fixture(scope="module")
def writers(tmp_path_factory: pytest.TempPathFactory, tok: Tokenizer) -> Path:
    """A folder of inputs for the commands that write."""
    folder = tmp_path_factory.mktemp("writers")
    (folder / "corpus").mkdir()
    letters = np.random.default_rng(0).integers(97, 123, 4_000_000, dtype=np.uint8)
    letters[::7] = 32
    (folder / "corpus" / "xx.txt").write_bytes(letters.tobytes())
    tok.save(folder / "tok.json")
    return folder


WRITERS = {
    "train": ("train", "--corpus", "corpus", "--vocab-size", "3000", "--checkpoint", "c", "--checkpoint-every", "0"),
    "count-pieces": ("count-pieces", "--corpus", "corpus"),
    "encode": ("encode", "tok.json", *["corpus/xx.txt"] * 10),
    "convert": ("convert", "euro-64k"),
}
OUTPUTS = {"train": "t.json", "count-pieces": "t.counts", "encode": "t.npy", "convert": "t.tiktoken"}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_whoever_is_killed_leaves_old_or_new(writers: Path, tmp_path: Path, name: str, number: signal.Signals) -> None:
    for path in writers.iterdir():
        (tmp_path / path.name).symlink_to(path)
    inputs = set(tmp_path.iterdir())
    command = [sys.executable, "-m", "eurotok", *WRITERS[name], *(() if name == "convert" else ("-o",)), OUTPUTS[name]]

    def run(seconds: float | None) -> int:
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(number)
                return process.wait(60)

    def outputs() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in tmp_path.iterdir() if path not in inputs and path.name != "c"}

    begin = time.monotonic()
    assert run(None) == 0
    whole, duration = outputs(), time.monotonic() - begin
    codes = {signal.SIGKILL: {-9}, signal.SIGTERM: {143, -15}, signal.SIGINT: {130, -2, 1}}[number]
    for _ in range(KILLS):
        old = dict.fromkeys(whole, b"old")
        for file, content in old.items():
            (tmp_path / file).write_bytes(content)
        (tmp_path / "c").unlink(missing_ok=True)
        code = run(random.uniform(0.3, 1) * duration)
        assert code in codes or code == 0
        left = outputs()
        if number == signal.SIGKILL:  # nobody is there any more to remove what the core began
            for file in [file for file in left if file.startswith(".") and file.endswith(".part")]:
                (tmp_path / file).unlink()
                del left[file]
        assert set(left) == set(whole), "litter" if set(left) > set(whole) else "a file is gone"
        assert all(content in (b"old", whole[file]) for file, content in left.items()), "half a file"
        # A run that goes on from what is there ends with the same bytes.
        assert run(None) == 0
        assert outputs() == whole


def test_sigterm_leaves_a_checkpoint(writers: Path, tmp_path: Path) -> None:
    checkpoint, output = tmp_path / "run.checkpoint", tmp_path / "t.json"
    command = [sys.executable, "-m", "eurotok", "train", "--corpus", "corpus", "--vocab-size", "60000"]
    command += ["--checkpoint", str(checkpoint), "--checkpoint-every", "0", "-o", str(output)]
    with subprocess.Popen(command, cwd=writers, stderr=subprocess.PIPE) as process:
        while process.poll() is None and not checkpoint.exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (143, b"eurotok: error: stopped by SIGTERM\n")
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_checkpoints_by_time(tmp_path: Path, sample: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    seen: set[int] = set()

    def look(stage: str, done: int, total: int) -> None:
        if stage == "merges" and checkpoint.exists():
            seen.add(checkpoint.stat().st_mtime_ns)

    counts = eurotok.count(sample)
    tok = eurotok.train(counts, vocab_size=8000, checkpoint=checkpoint, checkpoint_every=0, progress=look)
    assert checkpoint.exists()
    assert eurotok.train(counts, vocab_size=8000, checkpoint=checkpoint) == tok
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="checkpoint_every"):
            eurotok.train(counts, vocab_size=8000, checkpoint=checkpoint, checkpoint_every=wrong)


def test_a_checkpoint_that_cannot_be_written_is_a_warning(tmp_path: Path, sample: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    def remove(stage: str, done: int, total: int) -> None:
        if stage == "pairs" and folder.exists():
            folder.rmdir()

    options = {"vocab_size": 2000, "checkpoint": folder / "c", "checkpoint_every": 0.0, "progress": remove}
    counts = eurotok.count(sample)
    with pytest.warns(RuntimeWarning, match="no checkpoint: .*No such file"):
        tok = eurotok.train(counts, **options)  # type: ignore[arg-type]
    assert tok == eurotok.train(counts, vocab_size=2000)
