"""Forms of input text: told apart by type, the same in every function."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import eurotok
from eurotok.pricing.parallel_text import load_parallel
from eurotok.sources import Texts, by_language, list_files
from eurotok.training.limits import Wish, grant
from eurotok.training.sweep import sweep

PARALLEL = {"en": ["The house.", "Two houses."], "fr": ["La maison.", "Deux maisons."]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The parallel text as files, in the working directory."""
    for language, lines in PARALLEL.items():
        (tmp_path / f"{language}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def series(library: str) -> Any:
    return pytest.importorskip(library).Series(["un", None, "deux"])


COLUMNS: dict[str, Callable[[], Any]] = {
    "list": lambda: ["un", "deux"],
    "tuple with None": lambda: ("un", None, "deux"),
    "generator": lambda: (word for word in ("un", "deux")),
    "numpy": lambda: np.array(["un", "deux"]),
    "objects of numpy": lambda: np.array(["un", "deux"], object),
    "Array": lambda: pa.array(["un", None, "deux"]),
    "ChunkedArray": lambda: pa.chunked_array([["un", None], [], ["deux"]]),
    "Series of pandas": lambda: series("pandas"),
    "strings of pandas": lambda: series("pandas").astype("string"),
    "category of pandas": lambda: series("pandas").astype("category"),
    "Series of polars": lambda: series("polars"),
}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_is_texts(column: str) -> None:
    expected = eurotok.count(["un", "deux"])
    found = eurotok.count(COLUMNS[column]())
    assert (found.bytes, found.unique) == (expected.bytes, expected.unique)
    assert eurotok.count({"fr": COLUMNS[column]()}).bytes == {"fr": 6}


def table(library: str) -> Any:
    return pytest.importorskip(library).DataFrame({"text": ["un"], "title": ["deux"]})


NO_TEXTS: dict[str, tuple[Callable[[], Any], str]] = {
    "DataFrame of pandas": (lambda: table("pandas"), r"pandas\.DataFrame is a table: pass its column of texts"),
    "DataFrame of polars": (lambda: table("polars"), r"polars\.DataFrame is a table: pass its column of texts"),
    "Table": (lambda: pa.table({"text": ["un"]}), r"pyarrow\.Table is a table: pass its column of texts"),
    "RecordBatch": (lambda: pa.record_batch({"text": ["un"]}), r"RecordBatch is a table"),
    "bytes": (lambda: b"un", "bytes holds no texts: pass a folder, files, or texts"),
    "number": (lambda: 7, "int holds no texts"),
    "None": (lambda: None, "NoneType holds no texts"),
    "list of bytes": (lambda: ["un", b"deux"], "item 1 is a bytes, not a str"),
    "list of dicts": (lambda: [{"text": "un"}], "item 0 is a dict, not a str"),
    "late number": (lambda: ["un"] * 5000 + [7], "item 5000 is a int, not a str"),
    "Series of numbers": (lambda: pytest.importorskip("pandas").Series([1, 2]), "item 0 is a int, not a str"),
}


@pytest.mark.parametrize("name", NO_TEXTS)
def test_what_holds_no_texts_is_refused_with_what_to_pass(name: str) -> None:
    make, message = NO_TEXTS[name]
    with pytest.raises(TypeError, match=message):
        eurotok.train(make(), vocab_size=256)
    with pytest.raises(TypeError, match=f"text of 'fr': .*{message}"):
        eurotok.train({"fr": make()}, vocab_size=256)


def test_a_dict_is_by_language() -> None:
    with pytest.raises(TypeError, match=r"text of 'fr': dict holds no texts"):
        by_language({"fr": {"text": ["un"]}})
    with pytest.raises(TypeError, match="a language is a str, not 7"):
        by_language({7: ["un"]})  # type: ignore[arg-type]


def test_names_of_files_are_files_if_all_are(folder: Path) -> None:
    (folder / "part 1").write_text("un", encoding="utf-8")
    files = {"en": [Path("en.txt")], "fr": [Path("fr.txt")]}
    assert by_language(["fr.txt", "en.txt"]) == files == by_language([Path("en.txt"), Path("fr.txt")])
    assert by_language(["part 1"]) == {"und": [Path("part 1")]}
    assert by_language(["."]) == files
    assert by_language("fr.txt") == by_language(Path("fr.txt")) == {"fr": [Path("fr.txt")]}
    assert by_language({"de": ["fr.txt", "part 1"]}) == {"de": [Path("fr.txt"), Path("part 1")]}
    assert by_language({"de": "."}) == {"de": [Path("en.txt"), Path("fr.txt")]}
    trained = eurotok.train(["en.txt", "fr.txt"], vocab_size=260)
    assert trained.merges == eurotok.train(folder, vocab_size=260).merges


def test_names_of_files_among_texts_are_refused(folder: Path) -> None:
    for source in (["fr.txt", "Deux maisons."], {"fr": ["fr.txt", "Deux maisons."]}):
        with pytest.raises(ValueError, match=r"'fr\.txt' is the name of a file, and others of these are not"):
            eurotok.train(source, vocab_size=256)


@pytest.mark.parametrize("source", [["absent.txt"], {"fr": ["absent.txt"]}, {"fr": "absent"}, "absent", Path("absent")])
def test_files_that_are_not_there_are_no_texts(folder: Path, source: Any) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        eurotok.train(source, vocab_size=256)


def test_texts_are_texts(folder: Path) -> None:
    texts = ["fr", "", "x" * 10_000, "a\0b", "See fr.txt", "line\nfr.txt", "\ud800"]
    found = by_language(texts)["und"]
    assert isinstance(found, Texts)
    assert list(found.batches) == [texts]


def test_files_where_nothing_else_will_do(folder: Path) -> None:
    assert list_files({"fr": ["fr.txt"]}) == {"fr": [Path("fr.txt")]}
    with pytest.raises(TypeError, match="expected a folder or files, not texts"):
        list_files({"fr": ["un"]})


PARALLELS: dict[str, Callable[[], Any]] = {
    "folder": lambda: ".",
    "files by language": lambda: {"en": Path("en.txt"), "fr": ["fr.txt"]},
    "files": lambda: ["en.txt", "fr.txt"],
    "texts by language": lambda: PARALLEL,
    "columns by language": lambda: {language: pa.array(lines) for language, lines in PARALLEL.items()},
    "loaded": lambda: load_parallel(PARALLEL),
}


@pytest.mark.parametrize("kind", PARALLELS)
def test_parallel_text_is_the_same_everywhere(folder: Path, kind: str) -> None:
    make = PARALLELS[kind]
    assert {language: list(lines) for language, lines in load_parallel(make()).sentences.items()} == PARALLEL
    assert eurotok.compare([len], make()).counts.tolist() == eurotok.compare([len], PARALLEL).counts.tolist()
    counts = eurotok.count(folder)
    steered = eurotok.train(counts, vocab_size=270, parallel=make())
    assert steered.merges == eurotok.train(counts, vocab_size=270, parallel=PARALLEL).merges
    assert steered.merges == eurotok.train(counts, vocab_size=270, parallel=counts).merges
    points = sweep(folder, make(), vocab_size=[270], fairness=[10.0]).points
    assert points == sweep(counts, PARALLEL, vocab_size=[270], fairness=[10.0]).points
    granted = grant(folder, [Wish("fr", 1.0)], vocab_size=270, parallel=make())
    assert (
        granted.tokenizer.merges == grant(counts, [Wish("fr", 1.0)], vocab_size=270, parallel=PARALLEL).tokenizer.merges
    )


def test_parallel_text_needs_languages_and_sentences(folder: Path) -> None:
    with pytest.raises(TypeError, match=r"texts without languages: pass \{language: sentences\}"):
        eurotok.compare([len], ["un", "deux"])
    with pytest.raises(TypeError, match="Counts hold no sentences"):
        sweep(eurotok.count(folder), eurotok.count(folder), vocab_size=[270])  # type: ignore[arg-type]


def test_an_empty_scheme_is_refused_alike() -> None:
    for call in (eurotok.count, lambda texts, scheme: eurotok.train(texts, vocab_size=256, scheme=scheme)):
        with pytest.raises(ValueError, match="scheme: empty"):
            call(["un"], scheme="")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_read(folder: Path) -> None:
    from threading import Thread

    os.mkfifo("pipe.jsonl")
    writer = Thread(target=Path("pipe.jsonl").write_text, args=('{"text": "un"}\n{"text": "deux"}\n',))
    writer.start()
    assert eurotok.count({"fr": "pipe.jsonl"}).bytes == {"fr": 6}
    writer.join()
