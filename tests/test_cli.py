"""The command line, end to end."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import eurotok
from conftest import Run, refusal
from eurotok import training
from eurotok.cli import COMMANDS, build_parser
from eurotok.pricing.parallel_text import OFFICIAL, REFERENCE, load_parallel

TEXT = "Zażółć gęślą jaźń. L’été à Malmö; Ελλάδα!\n\nEnd without line feed"


def module_of(command: str) -> ModuleType:
    return import_module(f"eurotok.cli.{command.replace('-', '_')}")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_from_corpus_to_prices(run: Run, sample: Path, tmp_path: Path, book: Path) -> None:
    result = run("train", "--corpus", sample, "--vocab-size", 1000, "--special-token", "<|end|>", "-o", "t.json")
    assert result.returncode == 0, result.stderr
    assert result.stdout == b""
    assert re.search(rb"24 languages, .* 1,000 tokens .* -> t\.json", result.stderr)
    tok = eurotok.load(tmp_path / "t.json")
    assert tok.vocab_size == 1000
    assert "<|end|>" in tok.special_tokens

    assert run("encode", "t.json", book, "-o", "ids.npy").returncode == 0
    ids = np.load(tmp_path / "ids.npy")
    assert ids.dtype == np.uint32
    assert ids.tolist() == tok.encode_list(TEXT)
    assert run("decode", "t.json", "ids.npy").stdout.decode() == TEXT
    assert run("decode", "t.json", "ids.npy", "-o", "again.txt").returncode == 0
    assert (tmp_path / "again.txt").read_text(encoding="utf-8") == TEXT
    assert run("count", "t.json", "book.txt", "book.txt").stdout.decode().splitlines() == [
        f"{len(ids)}\tbook.txt",
        f"{len(ids)}\tbook.txt",
        f"{2 * len(ids)}\ttotal",
    ]

    result = run("compare", "t.json", "--json", "prices.json")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.decode().splitlines()
    assert [line.split()[0] for line in lines[1:25]] == list(eurotok.compare([tok]).languages)
    assert b"\x1b" not in result.stdout, "no colours in a pipe"
    prices = json.loads((tmp_path / "prices.json").read_text())
    assert prices["tokenizers"][0]["gini"] == eurotok.compare([tok]).gini[0]
    assert json.loads(run("compare", "t.json", "--json", "-").stdout) == prices


def test_pipes(run: Run, tok_json: Path) -> None:
    encoded = run("encode", tok_json, "-", input=TEXT.encode()).stdout
    assert np.load(io.BytesIO(encoded)).dtype == np.uint32
    assert run("decode", tok_json, "-", input=encoded).stdout.decode() == TEXT
    assert run("count", tok_json, "-", input=b"").stdout == b"0\t-\n"
    assert run("decode", tok_json, "-", input=run("encode", tok_json, "-").stdout).stdout == b""


def test_train_to_a_pipe(run: Run, sample: Path, tmp_path: Path) -> None:
    result = run("train", "--corpus", sample, "--vocab-size", 300, "-o", "-")
    (tmp_path / "t.json").write_bytes(result.stdout)
    assert eurotok.load(tmp_path / "t.json").vocab_size == 300


def test_train_on_saved_counts(run: Run, sample: Path, tmp_path: Path) -> None:
    assert run("count-pieces", "--corpus", sample, "--scheme", "gpt2", "-o", "all.counts").returncode == 0
    others = sorted(path for path in sample.glob("*.txt") if path.stem not in ("fr", "de"))
    (tmp_path / "part-1.txt").write_bytes((sample / "fr.txt").read_bytes())
    for arguments in (
        ("--corpus", "part-1.txt", "--language", "fr", "--scheme", "gpt2", "-o", "fr.counts"),
        ("--corpus", sample, "--language", "de", "--add", "fr.counts", "-o", "fr-de.counts"),
        ("--corpus", *others, "--scheme", "gpt2", "-o", "others.counts"),
        ("--add", "others.counts", "fr-de.counts", "-o", "sum.counts"),
    ):
        result = run("count-pieces", *arguments)
        assert result.returncode == 0, result.stderr
        assert result.stderr.decode().endswith(f"s -> {arguments[-1]}\n")
    assert (tmp_path / "sum.counts").read_bytes() == (tmp_path / "all.counts").read_bytes()
    result = run("train", "fr-de.counts", "others.counts", "--vocab-size", 1000, "-o", "t.json")
    assert b"24 languages" in result.stderr, result.stderr
    assert eurotok.load(tmp_path / "t.json") == eurotok.train(sample, vocab_size=1000, scheme="gpt2")


def test_a_run_within_a_limit_that_grows_and_is_cut(run: Run, sample: Path, tmp_path: Path) -> None:
    limits = ("--memory", "2MB", "--checkpoint", "run.checkpoint")
    small = run("train", "--corpus", sample, "--vocab-size", 1000, *limits, "-o", "small.json")
    assert small.returncode == 0, small.stderr
    grow = ("train", "--extend", "small.json", "--corpus", sample, "--vocab-size", 2000)
    assert run(*grow, "--memory", "2MB", "-o", "grown.json").returncode == 0
    assert eurotok.load(tmp_path / "grown.json") == eurotok.train(sample, vocab_size=2000)
    assert run("convert", "grown.json", "cut.json", "--vocab-size", 1000).returncode == 0
    assert eurotok.load(tmp_path / "cut.json") == eurotok.load(tmp_path / "small.json")
    result = run("count-pieces", "--corpus", sample, "--memory", "1MB", "--min-count", 2, "-o", "some.counts")
    assert result.returncode == 0, result.stderr
    assert eurotok.Counts.load(tmp_path / "some.counts").unique == eurotok.count(sample).filter(2).unique
    assert "not a size" in refusal(run(*grow, "--memory", "much", "-o", "x.json"), 2)
    assert "--extend" in refusal(run(*grow, "--scheme", "gpt2", "-o", "x.json"), 2)


def test_bad_counts(run: Run, sample: Path, tmp_path: Path) -> None:
    assert run("count-pieces", "--corpus", sample / "fr.txt", "-o", "good.counts").returncode == 0
    good = (tmp_path / "good.counts").read_bytes()
    train = ("train", "good.counts", "bad.counts", "--vocab-size", 300, "-o", "t.json")
    add = ("count-pieces", "--add", "good.counts", "bad.counts", "-o", "sum.counts")
    assert refusal(run(*add)) == "bad.counts: No such file or directory"
    flipped = bytearray(good)
    flipped[-1] ^= 1
    for bad in (bytes(flipped), good[:-1], good[: len(good) // 2], good + b"!", b"", b"text"):
        (tmp_path / "bad.counts").write_bytes(bad)
        assert refusal(run(*train)).startswith("bad.counts: ")
    eurotok.count(["a b"], "gpt2").save(tmp_path / "bad.counts")
    for command in (train, add):
        assert refusal(run(*command)) == "bad.counts: the counts were made with 'gpt2', not 'europe'"
    (tmp_path / "part 1.txt").write_text("text")
    assert "--language" in refusal(run("count-pieces", "--corpus", "part 1.txt", "-o", "x.counts"))
    assert "'xx'" in refusal(run("count-pieces", "--corpus", sample, "--language", "xx", "-o", "x.counts"))
    assert refusal(run("count-pieces", "--corpus", sample, "-o", "absent/x")) == "absent: No such folder"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.counts", "good.counts", "part 1.txt"]


def test_several_files_and_records(run: Run, tok: eurotok.Tokenizer, tok_json: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "uno"}\n{"text": "due"}\n')
    (tmp_path / "b.txt").write_text("tre")
    assert run("encode", tok_json, "a.jsonl", "b.txt", "-o", "ids.npy").returncode == 0
    assert tok.decode(np.load(tmp_path / "ids.npy")) == "unoduetre"


def test_specials(run: Run, tok: eurotok.Tokenizer, tok_json: Path) -> None:
    plain = run("count", tok_json, "-", input=b"a<|end|>").stdout
    parsed = run("count", tok_json, "--specials", "parse", "-", input=b"a<|end|>").stdout
    assert (int(plain.split()[0]), int(parsed.split()[0])) == (tok.count("a<|end|>"), 2)


def test_convert_and_info(run: Run, tok: eurotok.Tokenizer, tok_json: Path, tmp_path: Path) -> None:
    for source, target in ((tok_json, "x.eurotok"), ("x.eurotok", "x.tiktoken"), ("x.tiktoken", "y.json")):
        result = run("convert", source, target)
        assert result.returncode == 0, result.stderr
    assert eurotok.load(tmp_path / "y.json").encode_list(TEXT) == tok.encode_list(TEXT)
    assert eurotok.load(tmp_path / "y.json").special_tokens == tok.special_tokens
    (tmp_path / "x.tiktoken.json").unlink()
    end = tok.special_tokens["<|end|>"]
    told = ("--scheme", "europe", "--special-token", f"<|end|>={end}")
    assert run("convert", "x.tiktoken", "z.json", *told).returncode == 0
    assert eurotok.load(tmp_path / "z.json").special_tokens == {"<|end|>": end}
    info = run("info", "y.json").stdout.decode()
    assert "2,000 ids" in info
    assert f"<|end|> = {end}" in info
    assert eurotok.schemes()["europe"] in info
    tok.save(tmp_path / "gap.tiktoken")
    lines = (tmp_path / "gap.tiktoken").read_text().splitlines(keepends=True)
    (tmp_path / "gap.tiktoken").write_text("".join(lines[:-2] + lines[-1:]))
    info = run("info", "gap.tiktoken").stdout.decode()
    assert f"{len(lines) - 1:,}, on average" in info, "ids may have gaps"
    schemes = [line.split()[0] for line in run("info").stdout.decode().splitlines()]
    assert schemes == list(eurotok.schemes())


def test_demo(run: Run, tok_json: Path) -> None:
    result = run("demo", tok_json)
    assert result.returncode == 0, result.stderr
    shown = result.stdout.decode()
    others = set(OFFICIAL) - {REFERENCE}
    assert all(re.search(rf"^{language} +\d+\.\d [-+]\d+ % +\d+\.\d ×\d", shown, re.MULTILINE) for language in others)
    assert re.search(r"^ 1 o200k_base +\d", shown, re.MULTILINE), "first a tokenizer that people pay for"
    last = len(eurotok.models()) + 3
    assert re.search(rf"^ *{last} this demo +\d", shown, re.MULTILINE), "last the one that is for show"
    assert all(name in shown for name in eurotok.models())
    assert "tokenizer.json" in shown
    assert "eurotok train DIR" in shown
    assert result.stderr == b""


def test_every_command_has_an_example_that_parses(tok_json: Path) -> None:
    import shlex

    for name in COMMANDS:
        verb = module_of(name)
        example = (verb.__doc__ or "").partition("example:")[2].strip()
        lines = [line.strip() for line in example.splitlines()]
        assert lines, name
        for line in lines:
            command = line.partition("| eurotok ")[2] or line.removeprefix("eurotok ")
            arguments = shlex.split(re.split(" >>? ", command)[0])
            assert arguments[0] == name
            assert build_parser().parse_args(arguments).run is verb.run


def test_help_and_version(run: Run) -> None:
    assert run("--version").stdout.decode() == f"eurotok {eurotok.__version__}\n"
    for name, summary in COMMANDS.items():
        result = run(name, "--help")
        assert result.returncode == 0
        assert b"example:" in result.stdout
        assert (module_of(name).__doc__ or "").startswith(f"{summary}.\n"), "the list of commands has the same sentence"
        assert run("help", name).stdout == result.stdout
    assert run("help").stdout == run("--help").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("train",),
        ("train", "--corpus", "x", "--vocab-size", "many", "-o", "t.json"),
        ("train", "--corpus", "x", "--vocab-size", "300", "--share", "fr", "-o", "t.json"),
        ("train", "--corpus", "x", "--vocab-size", "300", "--share", "fr=much", "-o", "t.json"),
        ("encode", "t.json"),
        ("train", "--corpus", "x", "a.counts", "--vocab-size", "300", "-o", "t.json"),
        ("train", "--vocab-size", "300", "-o", "t.json"),
        ("count-pieces", "-o", "a.counts"),
        ("count", "t.json", "x", "--errors", "ignore"),
    ],
)
def test_wrong_command_lines(run: Run, arguments: tuple[str, ...]) -> None:
    assert "--help" in refusal(run(*arguments), code=2)


def test_missing_files(run: Run, sample: Path, tok_json: Path, tmp_path: Path) -> None:
    absent = "No such file or directory"
    assert refusal(run("info", "absent.json")) == f"absent.json: {absent}"
    assert refusal(run("count", tok_json, "absent.txt")) == f"absent.txt: {absent}"
    assert refusal(run("decode", tok_json, "absent.npy")) == f"absent.npy: {absent}"
    assert refusal(run("train", "--corpus", "absent", "--vocab-size", 300, "-o", "t.json")) == f"absent: {absent}"
    assert refusal(run("compare", tok_json, "--text", "absent")) == f"absent: {absent}"
    train = ("train", "--corpus", sample, "--vocab-size", 300, "-o")
    assert refusal(run(*train, "absent/t.json")) == "absent: No such folder"
    assert "must end in" in refusal(run(*train, "t.model"))
    assert list(tmp_path.iterdir()) == []


def test_bad_data(run: Run, sample: Path, tok: eurotok.Tokenizer, tok_json: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty: no languages" in refusal(run("train", "--corpus", "empty", "--vocab-size", 300, "-o", "t.json"))
    assert "256" in refusal(run("train", "--corpus", sample, "--vocab-size", 200, "-o", "t.json"))
    assert not (tmp_path / "t.json").exists()

    (tmp_path / "bad.txt").write_bytes(b"good\xffbad")
    for verb in ("count", "encode"):
        assert refusal(run(verb, tok_json, "bad.txt")) == "bad.txt: invalid UTF-8 at byte 4"
    assert refusal(run("count", tok_json, "-", input=b"\xff")) == "standard input: invalid UTF-8 at byte 0"
    counted = run("count", tok_json, "bad.txt", "--errors", "replace").stdout
    assert int(counted.split()[0]) == tok.count("good\ufffdbad")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "fr.txt").write_bytes(b"good\xffbad")
    train = ("train", "--corpus", "corpus", "--vocab-size", 257, "-o", "t.json")
    assert refusal(run(*train)) == "corpus/fr.txt: invalid UTF-8 at byte 4"
    assert run(*train, "--errors", "replace").returncode == 0

    (tmp_path / "broken.json").write_bytes(tok_json.read_bytes()[:1000])
    assert refusal(run("info", "broken.json")).startswith("broken.json: ")
    (tmp_path / "not.npy").write_bytes(b"nonsense")
    assert refusal(run("decode", tok_json, "not.npy")).startswith("not.npy: not an .npy file")
    np.save(tmp_path / "wrong.npy", [[1.0]])
    assert refusal(run("decode", tok_json, "wrong.npy")) == "wrong.npy: not a one-dimensional array of integers"
    np.save(tmp_path / "beyond.npy", [5, 10**9])
    assert "id 1000000000 at position 1" in refusal(run("decode", tok_json, "beyond.npy"))


def test_output_before_an_error_is_kept(run: Run, tok_json: Path, book: Path) -> None:
    result = run("count", tok_json, book, "absent.txt")
    assert refusal(result).startswith("absent.txt")
    assert str(book).encode() in result.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_full_disk(run: Run, tok_json: Path, book: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        for arguments in (("info", tok_json), ("encode", tok_json, book), ("compare", tok_json, "--json", "-")):
            assert refusal(run(*arguments, stdout=full)) == "No space left on device"
    finally:
        os.close(full)
    assert refusal(run("encode", tok_json, book, "-o", "/dev/full")) == "/dev/full: No space left on device"


def test_a_reader_that_leaves_is_no_error(tok_json: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "eurotok", "info", str(tok_json)], stdout=write, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(write)
    assert (result.returncode, result.stderr) == (141, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_stops_training(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    noise = np.random.default_rng(0).integers(97, 123, 60_000_000, dtype=np.uint8)
    noise[::9] = 32
    (corpus / "xx.txt").write_bytes(noise.tobytes())
    with subprocess.Popen(
        [sys.executable, "-m", "eurotok", "train", "--corpus", corpus, "--vocab-size", "200000", "-o", "t.json"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            time.sleep(2.0)
            assert process.poll() is None, "the work is long enough to be interrupted"
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, stderr) == (130, b"eurotok: error: interrupted\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus"]


def test_train_on_calibrated_counts(run: Run, sample: Path, tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    for language, text in load_parallel().sentences.items():
        words = Counter(word for line in text for word in re.findall(r"\w+", line))
        lines = "".join(f"{word}\t{number}\n" for word, number in words.items())
        (tmp_path / "words" / f"{language}.tsv").write_text(lines, encoding="utf-8")
    arguments = ("train", "--corpus", sample, "--vocab-size", 1000, "-o", "t.json")
    for given, strength in ((["--calibrate", 0.7], 0.7), ([], training.DEFAULT_CALIBRATION)):
        result = run(*arguments, "--frequencies", "words", *given)
        assert result.returncode == 0, result.stderr
        counts = eurotok.count(sample).calibrate(tmp_path / "words", strength)
        assert eurotok.load(tmp_path / "t.json") == eurotok.train(counts, vocab_size=1000)
    assert "--frequencies" in run(*arguments, "--calibrate", 0.7).stderr.decode()
    assert "no list" in refusal(run(*arguments, "--frequencies", sample))
