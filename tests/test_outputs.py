"""Outputs are refused before the work if they can be, and never cost an input or a result."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import eurotok
from conftest import Run, refusal
from eurotok import training
from eurotok.cli.streams import save_or_keep
from eurotok.files import check_outputs

ALIASES: dict[str, Callable[[Path, Path], object]] = {
    "path": lambda _input, _alias: None,
    "symlink": lambda source, alias: alias.symlink_to(source),
    "hard link": lambda source, alias: os.link(source, alias),
}
TEXT = "low lower lowest\n" * 4


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A folder with a corpus, parallel text, counts and tokenizers, in which the command runs."""
    for folder in ("corpus", "parallel"):
        (tmp_path / folder).mkdir()
        for language in ("en", "fr"):
            (tmp_path / folder / f"{language}.txt").write_text(TEXT)
    (tmp_path / "book.txt").write_text(TEXT)
    tok = eurotok.train([TEXT], vocab_size=260)
    tok.save(tmp_path / "tok.json")
    tok.save(tmp_path / "tok.tiktoken")
    eurotok.count({"en": tmp_path / "book.txt"}).save(tmp_path / "en.counts")
    np.save(tmp_path / "ids.npy", tok.encode(TEXT))
    return tmp_path


# A command, its output left out, and the inputs that no output may be.
COMMANDS = [
    (("encode", "tok.json", "book.txt", "-o"), ("book.txt", "tok.json")),
    (("encode", "tok.tiktoken", "ids.npy", "-o"), ("ids.npy", "tok.tiktoken", "tok.tiktoken.json")),
    (("decode", "tok.json", "ids.npy", "-o"), ("ids.npy", "tok.json")),
    (("convert", "tok.json"), ("tok.json",)),
    (("count-pieces", "--corpus", "corpus", "--add", "en.counts", "-o"), ("corpus/fr.txt", "en.counts")),
    (("train", "--extend", "tok.json", "--corpus", "corpus", "--vocab-size", "261", "-o"), ("tok.json",)),
    (
        ("train", "--corpus", "corpus", "--vocab-size", "261", "-o", "t.json", "--checkpoint"),
        ("corpus/en.txt", "t.json"),
    ),
    (("train", "en.counts", "--vocab-size", "261", "-o", "t.json", "--checkpoint"), ("en.counts",)),
    (
        ("train", "--corpus", "corpus", "--vocab-size", "261", "--target", "en=1", "-o", "t.tiktoken", "--trace"),
        ("t.tiktoken.json",),
    ),
    (("sweep", "en.counts", "--parallel", "parallel", "--vocab-size", "260", "-o"), ("tok.json",)),
    (("compare", "tok.json", "--text", "parallel", "--html"), ("parallel/fr.txt", "tok.json")),
    (("compare", "tok.json", "--text", "parallel", "--html", "same", "--json"), ("same",)),
]


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize(("command", "inputs"), COMMANDS)
def test_no_command_writes_to_an_input(
    run: Run, texts: Path, command: tuple[str, ...], inputs: tuple[str, ...], alias: str
) -> None:
    if command[0] == "sweep":
        (texts / "counts.json").write_bytes((texts / "en.counts").read_bytes())
        command, inputs = ("sweep", "counts.json", *command[2:]), ("counts.json",)
    for name in inputs:
        source = texts / name
        if alias != "path" and not source.exists():
            continue  # an output of the same command is known by its path alone
        link = source if alias == "path" else texts / f"alias{source.suffix}"
        ALIASES[alias](source, link)
        before = {path: path.read_bytes() for path in texts.rglob("*") if path.is_file()}
        assert "of the same work" in refusal(run(*command, link.relative_to(texts)))
        assert {path: path.read_bytes() for path in texts.rglob("*") if path.is_file()} == before
        if link != source:
            link.unlink()


def test_offsets_are_an_output(texts: Path, run: Run) -> None:
    tok = eurotok.load(texts / "tok.json")
    (texts / "a.offsets.npy").write_bytes(b"an input")
    with pytest.raises(ValueError, match=r"a\.offsets\.npy: is an input"):
        tok.encode_files(texts / "a.offsets.npy", texts / "a.bin")
    assert "a.offsets.npy: is an input" in refusal(run("encode", "tok.json", "a.offsets.npy", "-o", "a.bin"))
    assert (texts / "a.offsets.npy").read_bytes() == b"an input"
    tok.encode_files(texts / "book.txt", texts / "b.bin")
    tok.encode_files(texts / "book.txt", texts / "b.bin")
    with pytest.raises(ValueError, match=r"b\.offsets\.npy holds the offsets of b\.bin"):
        tok.encode_files(texts / "book.txt", texts / "b.npy")
    assert not (texts / "b.npy").exists()


def test_the_library_refuses_a_checkpoint_that_is_text(texts: Path) -> None:
    with pytest.raises(ValueError, match="is an input"):
        eurotok.train(texts / "corpus", vocab_size=261, checkpoint=texts / "corpus" / "en.txt")


@pytest.mark.parametrize("output", ["absent/out", "book.txt/out", "corpus"])
@pytest.mark.parametrize(("command", "_inputs"), COMMANDS)
def test_a_folder_that_cannot_be_written_to_is_refused_at_once(
    run: Run, texts: Path, command: tuple[str, ...], _inputs: object, output: str
) -> None:
    name = f"{output}.json" if output != "corpus" else output
    if output == "corpus" and command[0] in ("train", "sweep", "convert"):
        (texts / "corpus.json").mkdir()
        name = "corpus.json"
    (texts / "corpus" / "en.txt").write_bytes(b"\xff")  # the work would fail, too: it must not begin
    message = refusal(run(*command, name))
    assert any(reason in message for reason in ("No such folder", "Not a directory", "Is a directory")), message


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        check_outputs([tmp_path / "out"])
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scheme", r"\w+|\W+", "-o", "t.json"), "t.json"),
        (("--vocab-size", "100", "-o", "t.json"), "--vocab-size 100"),
        (("--special-token", "", "-o", "t.json"), "--special-token"),
        (("--share", "de=2", "-o", "t.json"), '"de" is not a language'),
        (("--parallel", "absent", "-o", "t.json"), "absent"),
        (("--parallel", "parallel", "--wish", "de<=5%", "-o", "t.json"), "'de' has no parallel text"),
        (("--fairness", "-1", "--target", "en=1", "-o", "t.json"), "fairness"),
        (("--checkpoint", "absent/c", "-o", "t.json"), "absent"),
        (("--checkpoint", "c", "--checkpoint-every", "nan", "-o", "t.json"), "--checkpoint-every nan"),
    ],
)
def test_training_refuses_before_it_counts(run: Run, texts: Path, arguments: tuple[str, ...], message: str) -> None:
    (texts / "corpus" / "en.txt").write_bytes(b"\xff")  # what counting would meet first
    defaults = () if "--vocab-size" in arguments else ("--vocab-size", "300")
    assert message in refusal(run("train", "--corpus", "corpus", *defaults, *arguments))


def test_the_library_refuses_before_it_counts(texts: Path) -> None:
    (texts / "corpus" / "en.txt").write_bytes(b"\xff")
    wrong: tuple[dict[str, object], ...] = ({"vocab_size": 3}, {"shares": {"de": 1.0}}, {"fairness": 1.0})
    for arguments in wrong:
        with pytest.raises(ValueError, match=next(iter(arguments))):
            eurotok.train(texts / "corpus", **{"vocab_size": 300, **arguments})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="vocab_size"):
        training.extend(eurotok.load(texts / "tok.json"), texts / "corpus", vocab_size=3)


def test_a_result_that_cannot_be_written_is_kept_beside(run: Run, texts: Path) -> None:
    # Only training tells whether "low" becomes a token, which a .tiktoken file cannot have as a special one, too.
    result = run("train", "--corpus", "corpus", "--vocab-size", "300", "--special-token", "low", "-o", "t.tiktoken")
    if result.returncode == 0:
        pytest.skip("the special token did not become an ordinary one")
    assert refusal(result).endswith("; the result is in t.eurotok")
    assert eurotok.load(texts / "t.eurotok").special_tokens == {"low": 0}


def test_kept_results_replace_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.spare").write_text("old")
    wish = tmp_path / "t.json"

    def save(path: str) -> None:
        if path.endswith(".json"):
            raise OSError(28, "No space left on device")
        Path(path).write_text("result")

    with pytest.raises(ValueError, match=r"t\.json: No space left on device; the result is in .*t1\.spare$"):
        save_or_keep(save, str(wish), ".spare")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.spare", "t1.spare"]
    assert (tmp_path / "t.spare").read_text() == "old"

    def fail(path: str) -> None:
        raise OSError(28, f"full: {path}")

    with pytest.raises(OSError, match=r"full: .*t\.json"):
        save_or_keep(fail, str(wish), ".spare")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("count tok.json book.txt >&-", 1, "standard output: it is closed"),
        ("encode tok.json book.txt >&-", 1, "standard output: it is closed"),
        ("--help >&-", 1, "standard output: it is closed"),
        ("count tok.json - <&-", 1, "standard input: it is closed"),
        ("decode tok.json - <&-", 1, "standard input: it is closed"),
        ("convert tok.json u.json >&- <&-", 0, ""),
        ("count tok.json book.txt 2>&- >count", 0, ""),
        ("count tok.json absent 2>&- >count", 1, ""),
        ("encode tok.json book.txt -o new.npy 2>&- <&- >&-", 0, ""),
        ("--help >/dev/full", 1, "No space left on device"),
        ("count tok.json book.txt >/dev/full", 1, "No space left on device"),
    ],
)
def test_closed_streams(texts: Path, line: str, code: int, message: str) -> None:
    if "/dev/full" in line and not Path("/dev/full").exists():
        pytest.skip("the system has no /dev/full")
    result = subprocess.run(
        ["sh", "-c", f'"$0" -m eurotok {line}', sys.executable],
        cwd=texts,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    expected = f"eurotok: error: {message}\n" if message else ""
    stderr = result.stderr.decode() if code else ""
    assert (result.returncode, stderr) == (code, expected), result.stderr.decode()
    if "count" in line and "new" not in line and not code and "2>&-" in line:
        assert (texts / "count").read_text().endswith("\tbook.txt\n")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
def test_messages_that_nobody_reads_do_not_spoil_the_work(texts: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        command = [sys.executable, "-m", "eurotok", "encode", "tok.json", "book.txt", "-o", "t.npy"]
        result = subprocess.run(command, cwd=texts, stderr=write, check=False)
    finally:
        os.close(write)
    assert result.returncode == 141
    assert len(np.load(texts / "t.npy")) > 0
