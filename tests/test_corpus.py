"""Folders of text by language, and the texts inside files."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eurotok
from eurotok.corpus import decode_utf8, find_languages, language_of, read_lines, read_texts
from eurotok.training.limits import grant
from eurotok.training.sweep import sweep


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_languages_of_a_folder(tmp_path: Path) -> None:
    make(tmp_path, "fr.txt", "fr.jsonl.gz", "sr-Latn.txt.zst", "fra_Latn.parquet", "el/1.txt", "el/more/2.jsonl")
    make(tmp_path, "de.TXT", "de.JSONL", "de.ndjson", "de.json", "de.json.gz", "de.txt.ZST")
    make(tmp_path, "README.md", "Makefile", "counts", "LICENSES/MIT.txt")
    make(tmp_path, ".hidden.txt", ".git/fr.txt", "el/.git/3.txt", "el/.3.txt", ".fr.txt.swp")
    found = {
        lang: [str(path.relative_to(tmp_path)) for path in paths] for lang, paths in find_languages(tmp_path).items()
    }
    assert found == {
        "de": ["de.JSONL", "de.TXT", "de.json", "de.json.gz", "de.ndjson", "de.txt.ZST"],
        "el": ["el/1.txt", "el/more/2.jsonl"],
        "fr": ["fr.jsonl.gz", "fr.txt"],
        "fra_Latn": ["fra_Latn.parquet"],
        "sr-Latn": ["sr-Latn.txt.zst"],
    }


@pytest.mark.parametrize(
    "name", ["de.tsv", "de.txt.xz", "de.parquet.gz", "Notes.txt", "part 1.jsonl", "de/part.csv", "empty/x.csv"]
)
def test_files_that_may_be_text_are_not_left_out_without_a_word(tmp_path: Path, name: str) -> None:
    make(tmp_path, "fr.txt", name)
    with pytest.warns(UserWarning, match=f"not read as text of a language: {name}$"):
        assert list(find_languages(tmp_path)) == ["fr"]


def test_languages_in_capitals(tmp_path: Path) -> None:
    for name in ("FR.txt", "SR-LATN.txt", "README.txt", "fra_Latn.jsonl"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "DE").mkdir()
    (tmp_path / "DE" / "a.txt").write_text("x")
    with pytest.warns(UserWarning, match=r"README\.txt"):
        assert set(find_languages(tmp_path)) == {"fr", "sr-Latn", "de", "fra_Latn"}
    assert language_of("up/FRA.TXT.gz") == "fr"


def test_many_files_are_counted(tmp_path: Path) -> None:
    make(tmp_path, "fr.txt", *(f"de/{number}.csv" for number in range(9)))
    with pytest.warns(UserWarning, match=r"de/0\.csv, .*, de/4\.csv and 4 more$"):
        find_languages(tmp_path)


def test_a_folder_without_languages(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    with pytest.raises(eurotok.CorpusError, match=r"no languages here: expected <lang>\.txt"):
        find_languages(tmp_path)
    with pytest.raises(NotADirectoryError):
        find_languages(tmp_path / "README.md")


@given(text=st.text(st.characters(exclude_categories=["Cs"])), compress=st.booleans())
def test_a_text_file_is_one_text(tmp_path_factory: pytest.TempPathFactory, text: str, compress: bool) -> None:
    path = tmp_path_factory.getbasetemp() / ("t.txt.gz" if compress else "t.txt")
    path.write_bytes(gzip.compress(text.encode()) if compress else text.encode())
    text = text.removeprefix("\ufeff")
    assert list(read_texts(path)) == [[text]]
    assert "\n".join(read_lines(path)) == text.removesuffix("\n").replace("\r\n", "\n").removesuffix("\r")


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes("one\u2028still one\x0b\r\ntwo\n\nfour".encode())
    assert read_lines(path) == ["one\u2028still one\x0b", "two", "", "four"]


def test_records(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a\\nb", "id": 1}\n\n{"text": "c"}\n')
    assert list(read_texts(path)) == [["a\nb", "c"]]
    assert read_lines(path) == ["a\nb", "", "c"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: not JSON"),
        ('{"texte": ""}', "line 2: not an object with a string in its field `text`: missing field"),
        ('["a"]', "line 2: not an object with a string in its field `text`"),
        ('{"text": "a", "n": NaN}', "line 2: not JSON"),
        ('{"text": "a", "text": "b"}', "line 2: .*duplicate field"),
        ("\u00a0", "line 2: not JSON"),
        ("\f", "line 2: not JSON"),
        (r'{"text": "a\ud83d b"}', "line 2: a lone surrogate at column 12"),
    ],
)
def test_bad_records_are_named_alike_by_all_who_read(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "en.jsonl"
    path.write_text('{"text": "a"}\n' + line, encoding="utf-8")
    tok = eurotok.train(["a"], vocab_size=256)
    readers: list[Callable[[], object]] = [
        lambda: list(read_texts(path)),
        lambda: read_lines(path),
        lambda: eurotok.count({"en": path}),
        lambda: eurotok.compare([len], {"en": path}),
        lambda: tok.encode_files(path, tmp_path / "ids.npy"),
        lambda: tok.count_files(path),
    ]
    for read in readers:
        with pytest.raises(eurotok.CorpusError, match=rf"en\.jsonl: {message}"):
            read()


def test_half_a_surrogate_pair_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(r'{"text": "a\ud83d b\ude00"}')
    assert list(read_texts(path, "replace")) == [["a\ufffd b\ufffd"]]
    assert eurotok.count({"en": path}, errors="replace").bytes == {"en": 9}


def test_records_may_nest_deeply(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(f'{{"n": {"[" * 2000}{"]" * 2000}, "text": "a"}}')
    assert list(read_texts(path)) == [["a"]]
    assert eurotok.count({"en": path}).bytes == {"en": 1}


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    for name, text in (("t.txt", "a"), ("t", "a"), ("t.jsonl", '{"text": "a"}')):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
        assert list(read_texts(tmp_path / name)) == [["a"]]
        assert read_lines(tmp_path / name) == ["a"]
    assert decode_utf8(b"\xef\xbb\xbfa", "x") == "a"


def write_column(path: Path, rows: Sequence[str | None]) -> None:
    pq.write_table(pa.table({"text": rows}), path)


def write_records(path: Path, rows: Sequence[str | None]) -> None:
    path.write_text("".join((json.dumps({"text": row}) if row else "") + "\n" for row in rows), encoding="utf-8")


def write_plain(path: Path, rows: Sequence[str | None]) -> None:
    path.write_text("".join(f"{row or ''}\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize(
    ("ending", "write"), [("parquet", write_column), ("jsonl", write_records), ("txt", write_plain)]
)
@pytest.mark.parametrize(("gap", "language"), [(1, "en"), (0, "fr")])
def test_parallel_text_does_not_shift(
    tmp_path: Path, ending: str, write: Callable[[Path, Sequence[str | None]], None], gap: int, language: str
) -> None:
    for each, rows in {"en": ["One.", "Two.", "Three."], "fr": ["Un.", "Deux.", "Trois."]}.items():
        (tmp_path / each).mkdir()
        write(tmp_path / each / f"1.{ending}", rows)
        with_gap: list[str | None] = list(rows)
        if each == language:
            with_gap[gap] = None
        write(tmp_path / each / f"2.{ending}", with_gap)
    counts = eurotok.count(["One. Un."])
    counts.add_texts("en", ["One."])
    counts.add_texts("fr", ["Un."])
    readers: list[Callable[[], object]] = [
        lambda: eurotok.compare([len], tmp_path),
        lambda: eurotok.train(counts, vocab_size=257, parallel=tmp_path),
        lambda: sweep(counts, tmp_path, vocab_size=[257]),
        lambda: grant(counts, [], vocab_size=257, parallel=tmp_path),
    ]
    for read in readers:
        with pytest.raises(eurotok.CorpusError, match=rf"{language}/2\.{ending}: line {gap + 1} is empty"):
            read()


@given(before=st.text("aé", max_size=20), bad=st.sampled_from([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88"]))
def test_invalid_utf8_is_named_by_its_offset(before: str, bad: bytes) -> None:
    data = before.encode() + bad + b"z"
    with pytest.raises(eurotok.CorpusError, match=rf"^x: invalid UTF-8 at byte {len(before.encode())}$"):
        decode_utf8(data, "x")
    assert decode_utf8(data, "x", "replace").startswith(before + "\ufffd")
