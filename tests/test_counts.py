"""Counts against `collections.Counter` over the pieces of `split`."""

import json
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurotok import _core

SCHEMES = sorted(_core.schemes())
TEXT = st.text(st.sampled_from("ab l'’é.,0 \n\t語😀"), max_size=60)


def counted(texts: list[str], scheme: str, threads: int | None = None) -> _core.Counts:
    counts = _core.Counts(scheme)
    counts.add_texts("und", texts, threads=threads)
    return counts


@given(st.lists(TEXT, max_size=30), st.sampled_from(SCHEMES), st.sampled_from([1, 2]))
def test_pieces_are_those_of_split(texts: list[str], scheme: str, threads: int) -> None:
    counts = counted(texts, scheme, threads)
    pieces = Counter(piece for text in texts for piece in _core.split(text, scheme))
    assert counts.unique == {"und": len(pieces)}
    assert counts.bytes == {"und": sum(len(text.encode()) for text in texts)}


@given(st.lists(TEXT, max_size=20), st.integers(0, 20), st.sampled_from(SCHEMES))
def test_sums_are_counts_of_all(texts: list[str], cut: int, scheme: str) -> None:
    whole, sum_ = counted(texts, scheme), counted(texts[:cut], scheme) + counted(texts[cut:], scheme)
    assert (sum_.bytes, sum_.unique) == (whole.bytes, whole.unique)
    trained = [_core.train(counts, 300, min_frequency=1).merges for counts in (whole, sum_)]
    assert trained[0] == trained[1]


def test_equal_counts_are_equal_files(sample: Path, tmp_path: Path) -> None:
    files = sorted(map(str, sample.glob("*.txt")))
    for name, order, threads in (("a", files, 1), ("b", files[::-1], 2)):
        counts = _core.Counts("europe")
        for file in order:
            counts.add_files(Path(file).stem, [file], threads=threads)
        counts.save(str(tmp_path / name))
        _core.Counts.load(str(tmp_path / name)).save(str(tmp_path / f"{name}2"))
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
    assert len(list(tmp_path.iterdir())) == 4


def test_faults_are_named_and_change_nothing(tmp_path: Path) -> None:
    counts = counted(["abc"], "gpt2")
    before = (counts.bytes, counts.unique)
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text("fine", encoding="utf-8")
    bad.write_bytes(b"caf\xe9")
    with pytest.raises(_core.CorpusError, match=r"bad\.txt: invalid UTF-8 at byte 3"):
        counts.add_files("und", [str(good), str(bad)])
    lines = tmp_path / "lines.jsonl"
    lines.write_text(json.dumps({"text": "a"}) + '\n{"text": 1}\n')
    with pytest.raises(_core.CorpusError, match=r"lines\.jsonl: line 2"):
        counts.add_files("und", [str(lines)])
    with pytest.raises(FileNotFoundError, match=r"none\.txt"):
        counts.add_files("und", [str(good), str(tmp_path / "none.txt")])
    with pytest.raises(ValueError, match="errors"):
        counts.add_files("und", [str(good)], errors="ignore")  # type: ignore[arg-type]
    assert (counts.bytes, counts.unique) == before
    counts.add_files("und", [str(bad)], errors="replace")
    assert counts.bytes == {"und": before[0]["und"] + len("caf\ufffd".encode())}


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "counts"
    counted(["some text, and more text"], "gpt2").save(str(path))
    whole = path.read_bytes()
    for damaged in (b"", whole[:10], whole[:-3], whole[:-9] + b"?" + whole[-8:], b"PAR1" + whole):
        path.write_bytes(damaged)
        with pytest.raises(_core.FormatError, match="counts"):
            _core.Counts.load(str(path))


def test_counts_may_be_read_while_they_grow(sample: Path) -> None:
    files = sorted(map(str, sample.glob("*.txt"))) * 5
    counts = _core.Counts("europe")
    thread = threading.Thread(target=counts.add_files, args=("und", files))
    thread.start()
    seen = set()
    while thread.is_alive():
        seen.add(sum(counts.bytes.values()))
    thread.join()
    assert seen <= {0, sum(counts.bytes.values())}


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        counted(["a\ud800"], "gpt2")


@pytest.mark.parametrize("memory", [None, 200_000])
def test_filtering_drops_rare_pieces_and_languages(memory: int | None) -> None:
    counts = _core.Counts("gpt2", memory=memory)
    counts.add_texts("fr", ["le la le la les"])
    counts.add_texts("de", ["der die der das"])
    assert counts.filter().unique == counts.unique == {"de": 4, "fr": 4}
    assert counts.filter(2).unique == {"de": 0, "fr": 1}, "of fr: ' la'"
    only = counts.filter(1, languages=["fr"])
    assert (only.languages, only.bytes) == (["fr"], {"fr": 15})
    assert counts.languages == ["de", "fr"], "the counts are as before"
    with pytest.raises(ValueError, match='languages: "xx"'):
        counts.filter(languages=["xx"])
    with pytest.raises(ValueError, match="min_count: -1"):
        counts.filter(-1)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_names_the_folder_and_loses_nothing(sample: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk."""
    script = """
import resource, signal, sys
from eurotok import _core
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
counts = _core.Counts("gpt2", memory=1000)
counts.add_texts("fr", ["un peu de texte"])
before = counts.unique
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
for work in (
    lambda: counts.add_files("el", sys.argv[1:2]),
    lambda: _core.train(counts, 300, memory=1, min_frequency=1),
):
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        work()
    except OSError as error:
        print(error.filename, error.strerror)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert counts.unique == before
counts.add_files("el", sys.argv[1:2])
assert counts.languages == ["el", "fr"]
"""
    command = [sys.executable, "-c", script, str(sample / "el.txt")]
    result = subprocess.run(command, env=os.environ | {"TMPDIR": str(tmp_path)}, capture_output=True, timeout=120)
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout.decode().splitlines() == [f"{tmp_path} File too large"] * 2
    assert list(tmp_path.iterdir()) == [], "nothing is left"


def test_counts_near_the_largest_number(tmp_path: Path) -> None:
    """Up to 2^63, weights times lengths can be added up; up to 2^64, counts can."""
    counts = counted(["abcd abcd"], "gpt2")
    for _ in range(59):
        counts = counts + counts
    assert counts.bytes == {"und": 9 << 59}
    counts.save(tmp_path / "large")
    counts = _core.Counts.load(tmp_path / "large")
    for memory in (None, 1):
        tok = _core.train(counts, 259, memory=memory)
        assert tok.merges == _core.train(counted(["abcd abcd"], "gpt2"), 259).merges
    counts = counts + counts
    for memory in (None, 1):
        with pytest.raises(_core.CorpusError, match=r"2\^63"):
            _core.train(counts, 259, memory=memory)
    with pytest.raises(_core.CorpusError, match=r"2\^64"):
        counts + counts


def test_filtering_drops_what_a_regex_matches() -> None:
    counts = _core.Counts("europe")
    counts.add_texts("el", ["και και αb αb και γ"])
    assert counts.unique == {"el": 4}, "the first piece has no space before it"
    assert counts.filter(without=r"\p{Greek}\p{Latin}").unique == {"el": 3}
    assert counts.filter(2, without=r"\p{Greek}\p{Latin}").unique == {"el": 1}
    assert counts.filter(without=".").bytes == counts.bytes
    with pytest.raises(_core.PatternError):
        counts.filter(without="(")


def test_counts_times_a_number(tmp_path: Path) -> None:
    counts = _core.Counts("europe")
    counts.add_texts("fr", ["un deux deux"])
    for name, many in {"times": counts * 3, "sum": counts + counts + counts}.items():
        many.save(tmp_path / name)
    assert (tmp_path / "times").read_bytes() == (tmp_path / "sum").read_bytes()
    with pytest.raises(ValueError, match="-1 is negative"):
        counts * -1


def test_calibration_to_a_mapping_or_a_folder(tmp_path: Path) -> None:
    counts = counted([" le(le le chat 7"], "europe") * 100
    words = {"le": 1, "chat": 3.0, "nuit": 1}
    given = counts.calibrate({"und": words}, 1)
    assert given.unique == {"und": 6}
    assert given.bytes == {"und": len(" le" * 53 + "(le" * 27 + " chat" * 240 + " nuit" * 80 + " 7" * 100)}
    (tmp_path / "und.tsv").write_text("\ufeffchat\t3e-6\r\nle\t1e-6\r\nnuit\t1e-6\r\n", encoding="utf-8", newline="")
    given.save(tmp_path / "given")
    counts.calibrate(tmp_path, 1).save(tmp_path / "read")
    assert (tmp_path / "given").read_bytes() == (tmp_path / "read").read_bytes()
    unchanged = counts.calibrate({"und": words}, 0)
    assert (unchanged.bytes, unchanged.unique) == (counts.bytes, counts.unique)


def test_calibration_to_bad_lists(tmp_path: Path) -> None:
    counts = counted(["le chat dort"], "europe")
    for lists, message in (
        ({"und": {"le": -1.0}}, 'frequencies of "und": entry 0: "le" has -1'),
        ({"und": {"le": float("nan")}}, '"le" has NaN'),
        ({"und": {"der": 1.0, "die": 1.0}}, "agrees by 0 %"),
        ({"und": {}}, "no word has a frequency"),
        ({}, "no list of any language"),
        ({"fr": {"le": 1.0}}, '"fr" is not a language of the counts'),
    ):
        with pytest.raises(_core.Error, match=re.escape(message)):
            counts.calibrate(lists, 0.5)
    with pytest.raises(_core.Error, match="strength: 2 is not between 0 and 1"):
        counts.calibrate({"und": {"le": 1.0}}, 2)
    with pytest.raises(_core.CorpusError, match=r"no list <language>\.tsv for any of und"):
        counts.calibrate(tmp_path, 0.5)
    (tmp_path / "und.tsv").write_text("le\t1\nle\t2\n")
    with pytest.raises(_core.CorpusError, match=r'und\.tsv: line 2: "le" again, after line 1'):
        counts.calibrate(tmp_path, 0.5)
    with pytest.raises(FileNotFoundError):
        counts.calibrate(tmp_path / "absent", 0.5)
    for wrong in (7, {"und": [("le", 1.0)]}, {"und": {"le": "much"}}):
        with pytest.raises(TypeError):
            counts.calibrate(wrong, 0.5)  # type: ignore[arg-type]
