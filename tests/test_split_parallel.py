"""Parallel text in two halves, and what is said of prices on the half that steered training."""

from pathlib import Path

import pytest

import eurotok
from conftest import Run, refusal
from eurotok.pricing.parallel_text import load_parallel
from eurotok.pricing.split import split_parallel


def write(folder: Path, size: int, documents: str = "") -> Path:
    folder.mkdir()
    for language in ("en", "fr"):
        (folder / f"{language}.txt").write_text("".join(f"{language} line {n}\n" for n in range(size)))
    if documents:
        (folder / "DOCUMENT_IDS.tsv").write_text("".join(f"{it}\tsource\n" for it in documents))
    return folder


def numbers(folder: Path, language: str) -> list[int]:
    return [int(line.split()[-1]) for line in load_parallel(folder).sentences[language]]


def test_documents_stay_whole(tmp_path: Path, run: Run) -> None:
    write(tmp_path / "text", 7, "aabbbca")
    done = run("split-parallel", "text", "one", "two")
    assert done.returncode == 0, done.stderr
    assert done.stderr.decode() == "4 sentences -> one, 3 sentences -> two\n"
    for language in ("en", "fr"):
        assert numbers(tmp_path / "one", language) == [0, 1, 5, 6], "documents a and c"
        assert numbers(tmp_path / "two", language) == [2, 3, 4]
    assert (tmp_path / "two" / "DOCUMENT_IDS.tsv").read_text() == "b\nb\nb\n"
    assert "one: holds something already" in refusal(run("split-parallel", "text", "one", "three"))
    assert "both halves" in refusal(run("split-parallel", "text", "three", "three"))


def test_blocks_where_documents_are_not_known(tmp_path: Path) -> None:
    write(tmp_path / "text", 50)
    assert split_parallel(tmp_path / "text", tmp_path / "a", tmp_path / "b") == (30, 20)
    assert numbers(tmp_path / "b", "fr") == list(range(20, 40))


def test_text_that_cannot_be_split_is_named(tmp_path: Path) -> None:
    write(tmp_path / "one", 3, "aaa")
    with pytest.raises(ValueError, match="one: 3 sentences of a single document: nothing to split"):
        split_parallel(tmp_path / "one", tmp_path / "a", tmp_path / "b")
    write(tmp_path / "short", 3, "ab")
    with pytest.raises(eurotok.CorpusError, match=r"DOCUMENT_IDS\.tsv has 2 lines, en 3"):
        split_parallel(tmp_path / "short", tmp_path / "a", tmp_path / "b")
    (tmp_path / "short" / "fr.txt").write_text("fr\n")
    with pytest.raises(eurotok.CorpusError, match="fr has 1 lines, en 3"):
        split_parallel(tmp_path / "short", tmp_path / "a", tmp_path / "b")
    assert not (tmp_path / "a").exists()


def test_training_tells_what_each_language_pays(tmp_path: Path, run: Run) -> None:
    write(tmp_path / "text", 6)
    command = ("train", "--corpus", "text", "--parallel", "text", "--vocab-size", 262, "-o", "t.json")
    done = run(*command)
    assert done.returncode == 0, done.stderr
    last = done.stderr.decode().splitlines()[-1]
    tok = eurotok.load(tmp_path / "t.json")
    prices = {it: sum(map(tok.count, load_parallel(tmp_path / "text").sentences[it])) / 6 for it in ("en", "fr")}
    assert f"en {prices['en']:.1f}" in last
    assert f"fr {prices['fr']:.1f} (" in last
    assert "on the text that steered training" in last


def test_a_wish_that_is_not_met_ends_with_1_and_is_said_first(tmp_path: Path, run: Run) -> None:
    write(tmp_path / "text", 6)
    command = ("train", "--corpus", "text", "--parallel", "text", "--vocab-size", 258, "-o", "t.json")
    done = run(*command, "--wish", "fr<=400%", "--wish", "fr<=-90%")
    assert done.returncode == 1
    lines = done.stderr.decode().splitlines()
    assert lines[0] == "1 of 2 wishes not met (exit code 1)"
    assert [line.partition(":")[0] for line in lines if "met: fr" in line] == ["NOT met", "met"]
    assert eurotok.load(tmp_path / "t.json").vocab_size == 258, "the tokenizer is there for all that"


def test_a_limit_in_per_cent_is_refused(tmp_path: Path, run: Run) -> None:
    text = write(tmp_path / "text", 6)
    with pytest.raises(ValueError, match=r"a limit of 20 is 2,000 %; it is given in parts: 0\.2 is 20 %"):
        eurotok.grant(text, [eurotok.Wish(None, 20)], vocab_size=258, parallel=text)
    command = ("train", "--corpus", "text", "--parallel", "text", "--vocab-size", 258, "-o", "t.json")
    done = run(*command, "--wish", "surcharge<=2000%")
    assert done.returncode == 2
    assert "argument --wish: a limit of 2,000 % is not between -100 and 1,000 %" in done.stderr.decode()


def test_a_language_by_its_name_is_warned_of(tmp_path: Path) -> None:
    text = write(tmp_path / "text", 3)
    (text / "fr.txt").rename(text / "french.txt")
    with pytest.warns(UserWarning, match=r"'french' is no language code: call the text fr"):
        eurotok.count(text)
    with pytest.warns(UserWarning, match="French"):
        assert eurotok.compare([len], text).languages == ("en", "french")


def test_a_page_is_html(tmp_path: Path, run: Run) -> None:
    assert "x.pdf: a page must end in .html or .htm" in refusal(run("compare", "--html", "x.pdf"))
    with pytest.raises(ValueError, match=r"x\.pdf: a page must end in"):
        eurotok.compare([len]).to_html(tmp_path / "x.pdf")
    assert not (tmp_path / "x.pdf").exists()
