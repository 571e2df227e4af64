"""Ctrl-C, SIGTERM and SIGKILL: an answer soon, files that are old or new, never half, and no litter."""

import gc
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eurotok.cli.models
import eurotok.cli.streams
from eurotok import Tokenizer
from eurotok.checks import check

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

KILLS = int(os.environ.get("EUROTOK_KILLS", "2"))
"""How many times each writer is killed; 100 take some minutes."""

ANSWER = 0.5
"""Seconds in which a call answers Ctrl-C if a core is free; longer if other processes have the cores."""

LATEST = 60
"""Seconds after which a call that was not interrupted is not begun again."""


@pytest.fixture(scope="module")
def text(sample: Path) -> str:
    """Some 20 MB that are not the same over and over."""
    unit = "\n".join(path.read_text(encoding="utf-8") for path in sorted(sample.glob("*.txt")))
    return "".join(f"{number} {unit}" for number in range(20_000_000 // len(unit)))


LETTERS = {chr(97 + place): place + 1 for place in range(26)}

MODELS: dict[str, dict[str, Any]] = {
    "Unigram": {
        "type": "Unigram",
        "unk_id": 0,
        "vocab": [["?", -9.0], *([letter, -3.0] for letter in LETTERS), ["ab", -4.0]],
    },
    "BPE": {"type": "BPE", "vocab": {"?": 0} | LETTERS | {"ab": 27}, "merges": [["a", "b"]], "unk_token": "?"},
    "WordPiece": {
        "type": "WordPiece",
        "vocab": {"?": 0} | LETTERS | {f"##{letter}": place + 26 for letter, place in LETTERS.items()},
        "unk_token": "?",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 1 << 30,
    },
}
"""Models whose tokenizers run by stages."""


def staged(model: dict[str, Any]) -> dict[str, Any]:
    """Give the `tokenizer.json` of a model that is given whole texts, normalized."""
    normalizers = [{"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "NFC"}]
    nothing = dict.fromkeys(("pre_tokenizer", "post_processor", "truncation", "padding"))
    normalizer = {"type": "Sequence", "normalizers": normalizers}
    decoder = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}
    return nothing | {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": normalizer,
        "decoder": decoder,
        "model": model,
    }


class Work:
    """What takes long: texts, ids, counts and files that are large, some of them hostile."""

    def __init__(self, tok: Tokenizer, text: str, folder: Path) -> None:
        self.tok, self.text, self.folder = tok, text, folder
        letters = np.random.default_rng(0).integers(97, 123, 8_000_000, dtype=np.uint8)
        self.piece = letters.tobytes().decode()
        letters[::8] = 32
        self.words = letters.tobytes().decode()
        self.ids = np.tile(tok.encode(text), 4)
        self.ids64, self.list = self.ids.astype(np.int64), self.ids[:8_000_000].tolist()
        self.ragged = eurotok.Ragged(self.ids, np.append(np.arange(0, len(self.ids), 16), len(self.ids)))
        regex = eurotok.train(["ab"], vocab_size=256, scheme=r"\w+|\W+")
        self.by_regex = Tokenizer(regex.to_bytes("eurotok"))
        self.counts = eurotok.count({"xx": [self.words]})
        self.more = eurotok.count({"xx": [self.words[5:]], "yy": [self.words[3:]]})
        self.counts.save(folder / "some.counts")
        self.on_disk = eurotok.count({"xx": [self.words]}, memory="1MB")
        words = dict.fromkeys(self.words[:4_000_000].split())
        self.frequencies = {"xx": {word: float(place) for place, word in enumerate(words, 1)}}
        self.decomposed = unicodedata.normalize("NFD", text)
        self.surrogates = "\ud83d" * 20_000_000
        nfc = json.loads(tok.to_bytes("json")) | {"normalizer": {"type": "NFC"}}
        self.by_nfc = Tokenizer(json.dumps(nfc).encode())
        self.by_stages = {name: Tokenizer(json.dumps(staged(model)).encode()) for name, model in MODELS.items()}
        self.growing = eurotok.count({"xx": [self.words]}, memory="20MB")
        self.file = folder / "text.txt"
        self.file.write_text(text * 2, encoding="utf-8")


@pytest.fixture(scope="module")
def work(tok: Tokenizer, text: str, tmp_path_factory: pytest.TempPathFactory) -> Work:
    return Work(tok, text, tmp_path_factory.mktemp("work"))


HOSTILE = r"(?:(?!b)(?:a|aa)){1,16}c|a"
"""Takes 32,768 steps for each character."""

CALLS: dict[str, Callable[[Work], object]] = {
    "encode": lambda its: its.tok.encode(its.text),
    "encode one piece": lambda its: its.tok.encode(its.piece),
    "encode with replacement": lambda its: its.tok.encode(its.text + "\ud83d", errors="replace"),
    "encode_list": lambda its: its.tok.encode_list(its.text),
    "encode_with_offsets": lambda its: its.tok.encode_with_offsets(its.text),
    "encode_batch": lambda its: its.tok.encode_batch([its.text] * 40, 2),
    "encode_batch of one piece": lambda its: its.tok.encode_batch(["a", its.piece], 2),
    "encode_batch of many": lambda its: its.tok.encode_batch(its.text.split("\n") * 20, 2),
    "encode_files": lambda its: its.tok.encode_files([its.file] * 10, its.folder / "ids.npy"),
    "count": lambda its: its.tok.count(its.text),
    "count one piece": lambda its: its.tok.count(its.piece),
    "count_batch": lambda its: its.tok.count_batch([its.text] * 40, 1),
    "count_files": lambda its: its.tok.count_files([its.file] * 10),
    "decode": lambda its: its.tok.decode(its.ids),
    "decode int64": lambda its: its.tok.decode(its.ids64),
    "decode a list": lambda its: its.tok.decode(its.list),
    "decode_bytes": lambda its: its.tok.decode_bytes(its.ids),
    "decode_batch": lambda its: its.tok.decode_batch(its.ragged),
    "split": lambda its: its.tok.split(its.text),
    "eurotok.split": lambda its: eurotok.split(its.text),
    "encode by a regex": lambda its: its.by_regex.encode(its.text),
    "encode_batch by a regex": lambda its: its.by_regex.encode_batch([its.text] * 20, 2),
    "count_files by a regex": lambda its: its.by_regex.count_files([its.file]),
    "split by a hostile regex": lambda its: eurotok.split("a" * 300_000, HOSTILE),
    "encode many surrogates": lambda its: its.tok.encode(its.surrogates, errors="replace"),
    "encode to NFC": lambda its: its.by_nfc.encode(its.decomposed),
    "encode_batch to NFC": lambda its: its.by_nfc.encode_batch([its.decomposed, its.text] * 2, 2),
    "encode_with_offsets to NFC": lambda its: its.by_nfc.encode_with_offsets(its.decomposed),
    "encode by stages": lambda its: its.by_stages["Unigram"].encode(its.text),
    "encode one piece by Unigram": lambda its: its.by_stages["Unigram"].encode(its.piece),
    "encode one piece by WordPiece": lambda its: its.by_stages["WordPiece"].encode(its.piece),
    "encode one piece by BPE of characters": lambda its: its.by_stages["BPE"].encode(its.piece),
    "encode_with_offsets by stages": lambda its: its.by_stages["Unigram"].encode_with_offsets(its.text),
    "split by stages": lambda its: its.by_stages["BPE"].split(its.text),
    "decode by stages": lambda its: its.by_stages["Unigram"].decode(its.ids % 28),
    "decode_batch by stages": lambda its: its.by_stages["Unigram"].decode_batch([its.ids % 28] * 2),
    "save": lambda its: its.tok.save(its.folder / "tokenizer.json"),
    "load": lambda its: eurotok.load("euro-200k"),
    "eurotok.count": lambda its: eurotok.count([its.text] * 10),
    "eurotok.count of files": lambda its: eurotok.count([its.file] * 10),
    "eurotok.count by a regex": lambda its: eurotok.count([its.text], scheme=r"\w+|\W+"),
    "eurotok.count by a regex, one thread": lambda its: eurotok.count([its.text], scheme=r"\w+|\W+", threads=1),
    "eurotok.count by a hostile regex": lambda its: eurotok.count(["a" * 300_000], scheme=HOSTILE),
    "Counts.load": lambda its: eurotok.Counts.load(its.folder / "some.counts"),
    "Counts.save": lambda its: its.counts.save(its.folder / "other.counts"),
    "Counts of pickle": lambda its: pickle.loads(pickle.dumps(its.counts)),
    "Counts.add_texts": lambda its: its.growing.add_texts("xx", [its.words]),
    "Counts.unique": lambda its: its.on_disk.unique,
    "Counts + Counts": lambda its: its.counts + its.more,
    "Counts * 3": lambda its: its.more * 3,
    "Counts.filter": lambda its: its.more.filter(2),
    "Counts.filter without": lambda its: its.more.filter(without="[aeiou]{3}"),
    "Counts.calibrate": lambda its: its.counts.calibrate(its.frequencies, 0.9),
    "train": lambda its: eurotok.train(its.more, vocab_size=60_000),
    "train within memory": lambda its: eurotok.train(its.counts, vocab_size=60_000, memory="50MB"),
    "truncate": lambda its: eurotok.truncate(eurotok.load("euro-200k"), 150_000),
    "compare": lambda its: eurotok.compare(["euro-64k", "euro-128k"]),
    "check": lambda its: check(its.tok),
}


@pytest.fixture
def without_collections() -> Iterator[None]:
    """The garbage collector rests: Python drops an exception that a signal raises in one of its callbacks."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.usefixtures("without_collections")
def test_ctrl_c_ends_every_call(work: Work, name: str) -> None:
    sent: list[float] = []

    def send() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.3, send)
    begin, cpu = time.monotonic(), time.process_time()
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        while time.monotonic() - begin < LATEST:
            CALLS[name](work)
    # Beside other work, a core is there for a part of the time.
    busy = (time.process_time() - cpu) / (time.monotonic() - begin)
    share = min(1.0, max(busy, 0.05)) * min(1.0, (os.cpu_count() or 1) / os.getloadavg()[0])
    assert time.monotonic() - sent[0] < ANSWER / share
    assert work.tok.decode(work.tok.encode("as before")) == "as before"
    assert work.by_regex.decode(work.by_regex.encode("as before")) == "as before"
    assert (work.counts.languages, work.more.languages) == (["xx"], ["xx", "yy"])
    assert not list(work.folder.glob(".*")), "litter"


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


COMMANDS = {
    "train": ("train", "--corpus", "corpus", "--vocab-size", "60000", "-o", "t.json"),
    "sweep": ("sweep", "--corpus", "corpus", "--parallel", "corpus", "--vocab-size", "30000,60000", "-o", "s.json"),
    "count-pieces": ("count-pieces", "--corpus", "corpus", "-o", "t.counts"),
    "encode": ("encode", "tok.json", *["corpus/xx.txt"] * 20, "-o", "t.npy"),
    "count": ("count", "tok.json", *["corpus/xx.txt"] * 40),
    "compare": ("compare", "euro-64k", "euro-128k", "euro-200k", "gpt2"),
    "check": ("check", "euro-200k"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_end_with_130(writers: Path, tmp_path: Path, name: str) -> None:
    for path in writers.iterdir():
        (tmp_path / path.name).symlink_to(path)
    inputs = set(tmp_path.iterdir())
    program = """
        import os, signal, sys, threading
        from eurotok.cli import main
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        sys.exit(main(sys.argv[1:]))
    """
    command = [sys.executable, "-c", textwrap.dedent(program), *COMMANDS[name]]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert (result.returncode, result.stderr) == (130, "eurotok: error: interrupted\n")
    assert set(tmp_path.iterdir()) == inputs, "litter"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_import_that_hides_the_signal(monkeypatch: pytest.MonkeyPatch, number: int, code: int) -> None:
    """As numpy does, whatever is raised while it is imported."""

    def run(_: object) -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        except BaseException:
            raise ImportError("relaunch your interpreter from there") from None

    monkeypatch.setattr(eurotok.cli.models, "run", run)
    monkeypatch.setattr(eurotok.cli.streams, "close_standard", lambda: None)
    assert eurotok.cli.main(["models"]) == code


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
    np.save(folder / "ids.npy", np.resize(np.arange(300, 2000, dtype=np.uint16), 20_000_000))
    return folder


WRITERS = {
    "train": "train --corpus corpus --vocab-size 3000 --checkpoint c --checkpoint-every 0 -o t.json",
    "count-pieces": "count-pieces --corpus corpus -o t.counts",
    "encode": "encode tok.json" + 10 * " corpus/xx.txt" + " -o t.npy",
    "decode": "decode tok.json ids.npy -o t.txt",
    "convert": "convert euro-64k t.tiktoken",
    "compare": "compare tok.json --languages fr,de --json t.json",
}


def has_files_without_names(folder: Path) -> bool:
    """Say whether a file in the making needs no name, so that nothing is left of it if its process is killed."""
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR))
    except (AttributeError, OSError):
        return False
    return Path("/proc/self/fd").is_dir()


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_whoever_is_killed_leaves_old_or_new(writers: Path, tmp_path: Path, name: str, number: signal.Signals) -> None:
    for path in writers.iterdir():
        (tmp_path / path.name).symlink_to(path)
    inputs = set(tmp_path.iterdir())
    command = [sys.executable, "-m", "eurotok", *WRITERS[name].split()]

    def run(seconds: float | None) -> int:
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
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
        if number == signal.SIGKILL:
            parts = [file for file in left if file.startswith(".") and file.endswith(".part")]
            # Files without names leave one only between the two calls that give it a name, and its place.
            assert len(parts) <= 1 or not has_files_without_names(tmp_path), parts
            for file in parts:
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_the_signal_itself_leaves_a_checkpoint(writers: Path, tmp_path: Path, number: signal.Signals) -> None:
    # None is due within the hour.
    checkpoint = tmp_path / "run.checkpoint"
    program = """
        import os, sys
        from eurotok import training
        from eurotok.cli import main
        extend = training._core.train
        def train(*arguments, progress=None, **options):
            def report(stage, done, total):
                progress and progress(stage, done, total)
                if stage == "merges" and done > 2000:
                    os.kill(os.getpid(), int(sys.argv[1]))
            return extend(*arguments, progress=report, **options)
        training._core.train = train
        sys.exit(main(sys.argv[2:]))
    """
    options = ["--vocab-size", "60000", "--checkpoint", str(checkpoint), "--checkpoint-every", "3600"]
    arguments = [str(number.value), "train", "--corpus", "corpus", *options, "-o", str(tmp_path / "t.json")]
    command = [sys.executable, "-c", textwrap.dedent(program), *arguments]
    result = subprocess.run(command, cwd=writers, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 128 + number, result.stderr
    assert list(tmp_path.iterdir()) == [checkpoint]
    assert checkpoint.stat().st_size > 2000


def test_training_within_memory_leaves_a_checkpoint_between_its_phases(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    # As many words as take several phases in so little memory.
    letters = np.random.default_rng(3).integers(97, 123, 600_000, dtype=np.uint8)
    letters[::7] = 32
    counts = eurotok.count([letters.tobytes().decode()])
    options: dict[str, Any] = {"vocab_size": 1500, "memory": "8MB"}
    expected = eurotok.train(counts, **options)
    stages: list[str] = []

    def stop(stage: str, done: int, total: int) -> None:
        stages.append(stage)
        if stages[-2:] == ["merges", "pairs"]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        eurotok.train(counts, **options, checkpoint=checkpoint, checkpoint_every=3600, progress=stop)
    assert checkpoint.stat().st_size > 100
    reported: list[int] = []

    def note(stage: str, done: int, total: int) -> None:
        if stage == "merges":
            reported.append(done)

    assert eurotok.train(counts, **options, checkpoint=checkpoint, progress=note) == expected
    assert reported[0] > 256, "it began again"


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
