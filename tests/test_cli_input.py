"""The command line: what it reads, and arguments that it refuses."""

import io
from pathlib import Path

import numpy as np
import pytest

import eurotok
from conftest import Run, refusal


@pytest.mark.parametrize(
    ("option", "first", "second", "message"),
    [
        ("--share", "fr=1", "fr=2", "argument --share: fr is given twice, as 1 and 2"),
        ("--target", "en=0.9", "en=0.9", "argument --target: en is given twice, as 0.9 and 0.9"),
    ],
)
def test_a_language_is_given_once(run: Run, option: str, first: str, second: str, message: str) -> None:
    command = ("train", "--corpus", ".", "--vocab-size", 300, "-o", "t.json", option, first, option, "de=1")
    assert message in refusal(run(*command, option, second), 2)


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("count-pieces --corpus . -o x.counts", "--min-count"),
        ("count-pieces --corpus . -o x.counts", "--threads"),
        ("train --corpus . -o x.json", "--vocab-size"),
        ("train --corpus . -o x.json --vocab-size 300", "--min-frequency"),
        ("train --corpus . -o x.json --vocab-size 300", "--max-token-length"),
    ],
)
@pytest.mark.parametrize("value", ["-1", "0", "many"])
def test_numbers_out_of_their_domain_are_refused_at_once(run: Run, command: str, option: str, value: str) -> None:
    message = refusal(run(*command.split(), option, value), 2)
    assert f"argument {option}: expected a whole number above 0, not '{value}'" in message


def test_an_empty_scheme_is_refused_by_every_command(run: Run, sample: Path) -> None:
    for command in (
        ("train", "--corpus", sample, "--vocab-size", 300, "-o", "t.json"),
        ("count-pieces", "--corpus", sample, "-o", "x.counts"),
        ("sweep", "--corpus", sample, "--parallel", sample, "--vocab-size", 300),
    ):
        assert "empty: give a name of eurotok.schemes() or a regex" in refusal(run(*command, "--scheme", ""))


def test_a_sweep_without_english_has_no_surcharge(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fr.txt").write_text("Un.\nDeux.\n", encoding="utf-8")
    result = run("sweep", "--corpus", ".", "--parallel", ".", "--vocab-size", 258, "--fairness", 1)
    assert result.returncode == 0, result.stderr
    assert b"nan" not in result.stdout
    assert b"f=1" in result.stdout


def test_files_left_out_are_named_in_a_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fr.txt").write_text("Un. Deux.", encoding="utf-8")
    (tmp_path / "de.csv").write_text("Eins.", encoding="utf-8")
    result = run("train", "--corpus", ".", "--vocab-size", 257, "-o", "t.json")
    assert result.returncode == 0
    assert "eurotok: warning: .: not read as text of a language: de.csv\n" in result.stderr.decode()


def test_count_and_encode_read_alike(run: Run, tmp_path: Path, tok_json: Path) -> None:
    tok = eurotok.load(tok_json)
    (tmp_path / "a.JSONL").write_text('{"text": "un"}\n\n{"n": [[1]], "text": "deux"}\r\n', encoding="utf-8")
    (tmp_path / "b.json").write_text('\ufeff{"text": "trois"}', encoding="utf-8")
    (tmp_path / "c.TXT").write_text("\ufeffquatre\0", encoding="utf-8")
    expected = [tok.encode_list("un") + tok.encode_list("deux"), tok.encode_list("trois"), tok.encode_list("quatre\0")]
    names = ["a.JSONL", "b.json", "c.TXT"]
    for name, ids in zip(names, expected, strict=True):
        assert run("encode", tok_json, name, "-o", "ids.npy").returncode == 0
        assert np.load(tmp_path / "ids.npy").tolist() == ids
        assert np.load(io.BytesIO(run("encode", tok_json, name).stdout)).tolist() == ids
    counted = run("count", tok_json, *names).stdout.decode().splitlines()
    assert [int(line.split("\t")[0]) for line in counted[:3]] == [len(ids) for ids in expected]
    piped = run("count", tok_json, "-", input=(tmp_path / "c.TXT").read_bytes())
    assert piped.stdout.decode() == f"{len(expected[2])}\t-\n"


@pytest.mark.parametrize("name", ["a.txt.xz", "a.parquet.gz", "a.zip"])
def test_what_is_not_read_is_refused(run: Run, tmp_path: Path, tok_json: Path, name: str) -> None:
    (tmp_path / name).write_text("text", encoding="utf-8")
    for command in (("encode", tok_json, name, "-o", "ids.npy"), ("count", tok_json, name)):
        assert refusal(run(*command)).startswith(f"{name}: ")
