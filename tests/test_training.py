"""The contract of `count` and `train`."""

import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import eurotok
from eurotok import Counts
from eurotok.progress import Progress

TEXTS = {"fr": "l'école et l’amitié de l'été\n" * 20, "de": "Straße und Straßenbahn\n" * 30}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for language, text in TEXTS.items():
        (tmp_path / f"{language}.txt").write_text(text, encoding="utf-8")
    return tmp_path


def write_jsonl(folder: Path, language: str, text: str) -> None:
    (folder / f"{language}.jsonl").write_text(json.dumps({"text": text}) + "\n\n" + json.dumps({"text": ""}))


def write_gzip(folder: Path, language: str, text: str) -> None:
    (folder / f"{language}.txt.gz").write_bytes(gzip.compress(text.encode()))


def write_zstd(folder: Path, language: str, text: str) -> None:
    pa = pytest.importorskip("pyarrow")
    (folder / f"{language}.txt.zst").write_bytes(pa.compress(text.encode(), codec="zstd", asbytes=True))


def write_parquet(folder: Path, language: str, text: str) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"id": [1, 2], "text": [text, None]}), folder / f"{language}.parquet")


def write_folder(folder: Path, language: str, text: str) -> None:
    (folder / language / "deep").mkdir(parents=True)
    lines = text.splitlines(keepends=True)
    (folder / language / "a.txt").write_text("".join(lines[:5]), encoding="utf-8")
    (folder / language / "deep" / "b.txt").write_text("".join(lines[5:]), encoding="utf-8")


@pytest.mark.parametrize("write", [write_jsonl, write_gzip, write_zstd, write_parquet, write_folder])
def test_every_kind_of_file_gives_the_same_tokenizer(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, write: Callable[[Path, str, str], None]
) -> None:
    other = tmp_path_factory.mktemp("other")
    for language, text in TEXTS.items():
        write(other, language, text)
    (other / "README.md").write_text("not a language")
    (other / "LICENSES").mkdir()
    (other / "LICENSES" / "MIT.txt").write_text("not a language either")
    assert eurotok.count(other).bytes == eurotok.count(folder).bytes
    assert eurotok.train(other, vocab_size=280) == eurotok.train(folder, vocab_size=280)


def test_every_kind_of_source_gives_the_same_tokenizer(folder: Path) -> None:
    expected = eurotok.train(folder, vocab_size=280)
    files = {language: [folder / f"{language}.txt"] for language in TEXTS}
    assert eurotok.train(files, vocab_size=280) == expected
    assert eurotok.train({lang: str(paths[0]) for lang, paths in files.items()}, vocab_size=280) == expected
    counts = Counts("europe")
    for language, text in TEXTS.items():
        counts.add_texts(language, [text])
    assert eurotok.train(counts, vocab_size=280) == expected
    whole = eurotok.train((text for text in [TEXTS["fr"]]), vocab_size=270)
    assert whole == eurotok.train({"fr": folder / "fr.txt"}, vocab_size=270)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_threads_change_nothing(sample: Path, tok: eurotok.Tokenizer, threads: int) -> None:
    specials = list(tok.special_tokens)
    assert eurotok.train(sample, vocab_size=2000, special_tokens=specials, threads=threads) == tok


def test_counts_add_up_and_survive(folder: Path, tmp_path: Path) -> None:
    french = eurotok.count({"fr": folder / "fr.txt"})
    german = eurotok.count({"de": folder / "de.txt"})
    both = french + german
    assert both.languages == ["de", "fr"]
    assert both.bytes == {lang: len(text.encode()) for lang, text in TEXTS.items()}
    both.save(tmp_path / "c")
    loaded = Counts.load(tmp_path / "c")
    assert (loaded.scheme, loaded.bytes, loaded.unique) == (both.scheme, both.bytes, both.unique)
    assert eurotok.train(loaded, vocab_size=280) == eurotok.train(folder, vocab_size=280)
    with pytest.raises(ValueError, match="gpt2"):
        french + eurotok.count({"de": folder / "de.txt"}, scheme="gpt2")


def test_shares_weigh_languages() -> None:
    counts = Counts("gpt2")
    counts.add_texts("aa", ["xyxyxyxy"] * 4)
    counts.add_texts("bb", ["zwzwzwzw"] * 1000)
    favoured = [
        eurotok.train(counts, vocab_size=257, shares=shares).merges[0]
        for shares in ({"aa": 10, "bb": 1}, {"aa": 1, "bb": 10})
    ]
    assert favoured == [(b"x", b"y"), (b"z", b"w")]
    with pytest.raises(ValueError, match="cc"):
        eurotok.train(counts, vocab_size=257, shares={"cc": 1})


def test_limits_of_merges() -> None:
    texts = ["abcdef " * 10, "qz"]
    assert max(map(len, (left + right for left, right in eurotok.train(texts, vocab_size=300).merges))) > 3
    short = eurotok.train(texts, vocab_size=300, max_token_length=4)
    assert max(len(left + right) for left, right in short.merges) == 3
    assert (b"q", b"z") not in eurotok.train(texts, vocab_size=300).merges
    assert (b"q", b"z") in eurotok.train(texts, vocab_size=300, min_frequency=1).merges


def test_a_small_corpus_gives_a_small_vocabulary() -> None:
    tok = eurotok.train(["ab ab"], vocab_size=100_000)
    assert tok.vocab_size < 300
    assert tok.decode(tok.encode("ab ab")) == "ab ab"


def test_progress_is_reported(folder: Path) -> None:
    reports: list[tuple[str, int, int]] = []
    eurotok.train(folder, vocab_size=280, progress=lambda *report: reports.append(report))
    assert reports
    assert all(isinstance(stage, str) and done >= 0 for stage, done, _ in reports)


def test_errors_of_progress_are_not_swallowed(folder: Path) -> None:
    def stop(*_: object) -> None:
        raise RuntimeError("stop here")

    with pytest.raises(RuntimeError, match="stop here"):
        eurotok.train(folder, vocab_size=280, progress=stop)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocab_size": 255}, "256"),
        ({"vocab_size": 257, "special_tokens": ["<a>", "<b>"]}, "258"),
        ({"vocab_size": -1}, None),
        ({"vocab_size": 300, "special_tokens": ["<a>", "<a>"]}, "<a>"),
        ({"vocab_size": 300, "special_tokens": [""]}, None),
        ({"vocab_size": 300, "scheme": "(("}, None),
        ({"vocab_size": 300, "shares": {"und": -1.0}}, None),
        ({"vocab_size": 300, "shares": {"und": float("nan")}}, None),
        ({"vocab_size": 300, "threads": 0}, "threads"),
    ],
)
def test_arguments_outside_their_domain(arguments: dict[str, object], message: str | None) -> None:
    with pytest.raises((ValueError, OverflowError), match=message):
        eurotok.train(["some text, some text"], **arguments)  # type: ignore[arg-type]


def test_counts_keep_their_scheme() -> None:
    counts = eurotok.count(["a b"], scheme="gpt2")
    with pytest.raises(ValueError, match="'gpt2'"):
        eurotok.train(counts, vocab_size=300, scheme="o200k")
    assert eurotok.train(counts, vocab_size=300).scheme == "gpt2"


@pytest.mark.parametrize("source", [[], [""], iter(())])
def test_no_text_at_all(source: Sequence[str]) -> None:
    with pytest.raises(eurotok.CorpusError, match="no text"):
        eurotok.train(source, vocab_size=300)


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        eurotok.count(tmp_path / "absent")
    with pytest.raises(FileNotFoundError) as caught:
        eurotok.count({"fr": tmp_path / "absent.txt"})
    assert caught.value.filename == str(tmp_path / "absent.txt")
    with pytest.raises(eurotok.CorpusError, match="no languages"):
        eurotok.count(tmp_path)
    cases = {
        "fr.txt": (b"bien\xe9", r"fr\.txt: invalid UTF-8 at byte 4"),
        "fr.jsonl": (b'{"text": "a"}\n{"text": 1}\n', r"fr\.jsonl.*line 2"),
        "fr.txt.gz": (b"not gzip", r"fr\.txt\.gz"),
        "fr.txt.zst": (b"not zstd", r"fr\.txt\.zst"),
    }
    for name, (content, message) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises((eurotok.Error, OSError), match=message):
            eurotok.count({"fr": path})
    assert eurotok.count({"fr": tmp_path / "fr.txt"}, errors="replace").bytes == {"fr": len("bien\ufffd".encode())}


def test_bad_parquet_is_named(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"texte": ["a"]}), tmp_path / "fr.parquet")
    with pytest.raises(eurotok.CorpusError, match=r"fr\.parquet: no column 'text'"):
        eurotok.count(tmp_path)
    (tmp_path / "fr.parquet").write_bytes(b"PAR1")
    with pytest.raises(eurotok.CorpusError, match=r"fr\.parquet"):
        eurotok.count(tmp_path)


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "fr.parquet").write_bytes(b"")
    with pytest.raises(ImportError, match=r"eurotok\[parquet\]"):
        eurotok.count(tmp_path)


def test_progress_is_a_line_that_goes_away() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        with Progress(stream) as progress:
            progress("counting fr", 5, 10)
            progress("counting fr", 6, 10)
            progress("counting fr", 10, 10)
            progress("merges", 3, 3)
    assert terminal.getvalue() == ("\rcounting fr: 50%\rcounting fr: 100%\rmerges: 100%     \r            \r")
    assert pipe.getvalue() == ""


def test_progress_says_how_fast_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, clock = Terminal(), iter([0.0, 1.0, 3.0, 4.0, 104.0, 105.0])
    monkeypatch.setattr("eurotok.progress.time.monotonic", lambda: next(clock))
    progress = Progress(terminal)
    for stage, done, total in (
        ("counting de", 0, 9_000_000),
        ("counting de", 1_500_000, 9_000_000),
        ("counting fr", 3_000_000, 9_000_000),
        ("merges", 256, 1256),
        ("merges", 356, 1256),
        ("merges", 1256, 1256),
    ):
        progress(stage, done, total)
    assert [line.rstrip() for line in terminal.getvalue().split("\r")[1:]] == [
        "counting de: 0%",
        "counting de: 17%, 1.5 MB/s, 5 s left",
        "counting fr: 33%, 1.0 MB/s, 6 s left",
        "merges: 20%",
        "merges: 28%, 1/s, 15 min left",
        "merges: 100%, 10/s, 0 s left",
    ]


def test_extend_and_truncate_are_training(folder: Path) -> None:
    small, large = (eurotok.train(folder, vocab_size=size, special_tokens=["<|end|>"]) for size in (265, 285))
    assert eurotok.extend(small, folder, vocab_size=285) == large
    assert eurotok.extend(small, eurotok.count(folder), vocab_size=285, memory="1MB") == large
    assert eurotok.truncate(large, 265) == small
    with pytest.raises(ValueError, match="vocab_size: 264"):
        eurotok.extend(small, folder, vocab_size=264)
    with pytest.raises(ValueError, match="counts: split by"):
        eurotok.extend(small, eurotok.count(folder, "gpt2"), vocab_size=285)
    with pytest.raises(ValueError, match="vocab_size"):
        eurotok.truncate(small, 100)
    plain = eurotok.train(folder, vocab_size=265, scheme=r"\S+|\s+")
    assert eurotok.extend(plain, folder, vocab_size=285).pattern == r"\S+|\s+"


@pytest.mark.parametrize("memory", [None, "6MB"])
def test_a_run_that_was_stopped_goes_on_from_its_checkpoint(tmp_path: Path, memory: str | None) -> None:
    checkpoint = tmp_path / "checkpoint"
    fresh: list[int] = []
    resumed: list[int] = []
    letters = np.random.default_rng(5).integers(97, 113, 1_500_000, dtype=np.uint8)
    letters[::7] = 32
    # Its training takes several times the interval between two reports.
    text = letters.tobytes().decode()

    def stop_at_the_second_report(stage: str, done: int, total: int) -> None:
        if stage == "merges":
            fresh.append(done)
            if len(fresh) == 2:
                raise KeyboardInterrupt

    def note(stage: str, done: int, total: int) -> None:
        if stage == "merges":
            resumed.append(done)

    with pytest.raises(KeyboardInterrupt):
        eurotok.train(
            [text], vocab_size=12_000, memory=memory, checkpoint=checkpoint, progress=stop_at_the_second_report
        )
    again = eurotok.train([text], vocab_size=12_000, checkpoint=checkpoint, progress=note)
    assert again == eurotok.train([text], vocab_size=12_000)
    assert resumed[0] > fresh[0]


def test_a_limit_of_memory_changes_nothing(sample: Path, tmp_path: Path) -> None:
    expected = eurotok.train(sample, vocab_size=3000)
    assert eurotok.train(sample, vocab_size=3000, memory="6MB") == expected

    for bad in ("much", "0", -1):
        with pytest.raises(ValueError, match="memory: "):
            eurotok.train(sample, vocab_size=3000, memory=bad)
    with pytest.raises(ValueError, match="memory: there is no limit"):
        eurotok.train(tmp_path / "not even read", vocab_size=3000, memory="1GB", parallel=sample)


PEAK = """
import sys
from pathlib import Path
import eurotok
tok = eurotok.train({"und": sys.argv[1]}, vocab_size=2000, scheme="gpt2", memory=sys.argv[2] or None, threads=2)
tok.save(sys.argv[3])
status = Path("/proc/self/status").read_text().splitlines()
print(next(line for line in status if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory as Linux tells it")
def test_the_whole_process_stays_within_the_limit(tmp_path: Path) -> None:
    """More than a million different words: without the limit, more than twice as much."""
    draw = np.random.default_rng(0)
    syllables = ["".join(pair) for pair in draw.choice(list("aeiounrtslkdmbvgph"), (2000, 2)).tolist()]
    rows = np.minimum(draw.zipf(1.15, (2_500_000, 4)), len(syllables)) - 1
    text = tmp_path / "text.txt"
    text.write_text(" ".join("".join(syllables[syllable] for syllable in row) for row in rows.tolist()))

    def peak(memory: str, name: str) -> int:
        command: list[str | Path] = [sys.executable, "-c", PEAK, text, memory, tmp_path / name]
        return int(subprocess.check_output(command, timeout=600)) * 1024

    free, limited = peak("", "free.eurotok"), peak("100MB", "limited.eurotok")
    assert free > 200_000_000
    assert limited < 120_000_000
    assert (tmp_path / "limited.eurotok").read_bytes() == (tmp_path / "free.eurotok").read_bytes()
