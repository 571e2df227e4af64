"""Folders of text by language, and the texts inside files."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eurotok
from eurotok.corpus import decode_utf8, find_languages, read_lines, read_texts


def test_languages_of_a_folder(tmp_path: Path) -> None:
    for name in ("fr.txt", "fr.jsonl.gz", "sr-Latn.txt.zst", "fra_Latn.parquet", "el/1.txt", "el/more/2.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("README.md", "ids.tsv", "LICENSES/MIT.txt", ".hidden.txt", "empty/x.csv", "Notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {
        lang: [str(path.relative_to(tmp_path)) for path in paths] for lang, paths in find_languages(tmp_path).items()
    }
    assert found == {
        "el": ["el/1.txt", "el/more/2.jsonl"],
        "fr": ["fr.jsonl.gz", "fr.txt"],
        "fra_Latn": ["fra_Latn.parquet"],
        "sr-Latn": ["sr-Latn.txt.zst"],
    }


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
    assert read_lines(path) == ["a\nb", "c"]


@pytest.mark.parametrize(
    ("line", "message"), [("{", "line 2: not JSON"), ('{"texte": ""}', "line 2: no field"), ("[1]", "line 2: no field")]
)
def test_bad_records_are_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a"}\n' + line)
    with pytest.raises(eurotok.CorpusError, match=rf"t\.jsonl: {message}"):
        list(read_texts(path))


@given(before=st.text("aé", max_size=20), bad=st.sampled_from([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88"]))
def test_invalid_utf8_is_named_by_its_offset(before: str, bad: bytes) -> None:
    data = before.encode() + bad + b"z"
    with pytest.raises(eurotok.CorpusError, match=rf"^x: invalid UTF-8 at byte {len(before.encode())}$"):
        decode_utf8(data, "x")
    assert decode_utf8(data, "x", "replace").startswith(before + "\ufffd")
