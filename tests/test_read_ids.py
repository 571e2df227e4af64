"""`eurotok decode` reads what `eurotok encode` writes, and says in its own words what it cannot read."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Run, refusal
from eurotok.cli.ids import read_ids

TEXT = "Le chat dort. Grüße aus Malmö.\n"


def npy(array: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
@pytest.mark.parametrize("ending", [".bin", ".npy"])
def test_decode_reads_what_encode_writes(run: Run, tok_json: Path, tmp_path: Path, dtype: str, ending: str) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    written = f"ids{ending}"
    assert run("encode", tok_json, "a.txt", "a.txt", "--dtype", dtype, "-o", written).returncode == 0
    done = run("decode", tok_json, written)
    assert done.stdout.decode() == 2 * TEXT, done.stderr
    if ending == ".bin":
        (tmp_path / "ids.offsets.npy").unlink()
        assert run("decode", tok_json, written, "--dtype", dtype).stdout.decode() == 2 * TEXT
        raw = (tmp_path / written).read_bytes()
        assert run("decode", tok_json, "-", "--dtype", dtype, input=raw).stdout.decode() == 2 * TEXT
        assert "ids.offsets.npy is not there; give --dtype" in refusal(run("decode", tok_json, written))


def test_an_empty_text(run: Run, tok_json: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"")
    assert run("encode", tok_json, "a.txt", "-o", "ids.bin").returncode == 0
    assert run("decode", tok_json, "ids.bin").stdout == b""


def test_offsets_of_another_file(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(bytes(10))
    (tmp_path / "x.offsets.npy").write_bytes(npy(np.array([0, 3], np.int64)))
    with pytest.raises(ValueError, match=r"x\.bin: 10 bytes are not the 3 ids that .*x\.offsets\.npy tells of"):
        read_ids(str(tmp_path / "x.bin"))
    (tmp_path / "x.offsets.npy").write_bytes(npy(np.array([0, 5], np.int64)))
    assert read_ids(str(tmp_path / "x.bin")).dtype == np.uint16
    (tmp_path / "x.offsets.npy").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"x\.offsets\.npy: the header"):
        read_ids(str(tmp_path / "x.bin"))
    with pytest.raises(ValueError, match="no whole number of integers of 4 bytes"):
        read_ids(str(tmp_path / "x.bin"), "uint32")


WHOLE = npy(np.arange(20, dtype=np.int16))
DAMAGED = {
    "text": b"not an array",
    "empty": b"",
    "cut in the header": WHOLE[:30],
    "cut in the ids": WHOLE[:-3],
    "more than the header tells": WHOLE + b"x",
    "a claimed length": WHOLE.replace(b"(20,)", b"(9999999999999,)"),
    "another version": WHOLE[:6] + b"\x09" + WHOLE[7:],
    "objects": npy(np.array([1, "a"], object)),
    "two dimensions": npy(np.zeros((2, 2), np.int32)),
    "floats": npy(np.zeros(3)),
    "no Python": WHOLE.replace(b"{", b"("),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_numpy_does_not_speak(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(DAMAGED[kind])
    with pytest.raises(ValueError, match=r"x\.npy: ") as raised:
        read_ids(str(path))
    assert not {"pickle", "reshape", "magic", "EOF", "fortran"} & set(str(raised.value).replace("_", " ").split())


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_any_byte_may_be_another(tmp_path_factory: pytest.TempPathFactory, place: int, byte: int) -> None:
    path = tmp_path_factory.mktemp("mutated") / "x.npy"
    path.write_bytes(WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :])
    try:
        read_ids(str(path))
    except ValueError as error:
        assert str(error).startswith(f"{path}: ")
    shutil.rmtree(path.parent)


def test_integers_of_any_type(tmp_path: Path) -> None:
    for dtype in ("<u2", ">u4", "<i8"):
        (tmp_path / "x.npy").write_bytes(npy(np.arange(5, dtype=dtype)))
        assert read_ids(str(tmp_path / "x.npy")).tolist() == [0, 1, 2, 3, 4]
