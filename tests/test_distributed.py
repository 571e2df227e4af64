"""Counting on a Ray cluster of two cores on this machine gives what counting here gives."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import eurotok
from eurotok import distributed
from eurotok.literals import Errors

SECONDS = 120
NEEDS_RAY = "no Ray: pip install 'eurotok[ray]'"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    ray = pytest.importorskip("ray", reason=NEEDS_RAY)
    pytest.importorskip("ray.data", reason=NEEDS_RAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        started = ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield started
        ray.shutdown()


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    """Fail rather than hang if the cluster does."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"not done in {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def one_file_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "TASK_BYTES", 1)


def saved(counts: eurotok.Counts, folder: Path) -> bytes:
    """Equal counts give equal files."""
    counts.save(folder / "counts")
    return (folder / "counts").read_bytes()


pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]


def test_counts_are_those_of_one_machine(
    cluster: Any, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = saved(eurotok.count(sample, "gpt2"), tmp_path)
    for task_bytes in (1, distributed.TASK_BYTES):  # 24 tasks, added in two rounds, and eight tasks
        monkeypatch.setattr(distributed, "TASK_BYTES", task_bytes)
        assert saved(distributed.count(sample, "gpt2"), tmp_path) == expected
    backwards = {lang: str(sample / f"{lang}.txt") for lang in reversed(eurotok.count(sample).languages)}
    assert saved(distributed.count(backwards, "gpt2"), tmp_path) == expected


def test_a_killed_worker_loses_nothing(
    cluster: Any, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_file_a_task: None
) -> None:
    count_files, add_up = distributed._count_files, distributed._add_up

    def first(name: str) -> bool:
        try:
            (tmp_path / name).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def dying_count_files(row: dict[str, Any], scheme: str, errors: Errors) -> Any:
        counted = count_files(row, scheme, errors)
        if row["files"][0]["language"] == "fr" and first("counting"):
            os.kill(os.getpid(), signal.SIGKILL)
        return counted

    def dying_add_up(rows: dict[str, Any]) -> Any:
        added = add_up(rows)
        if first("adding"):
            os.kill(os.getpid(), signal.SIGKILL)
        return added

    monkeypatch.setattr(distributed, "_count_files", dying_count_files)
    monkeypatch.setattr(distributed, "_add_up", dying_add_up)
    counts = distributed.count(sample)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adding", "counting"], "both were killed"
    assert saved(counts, tmp_path) == saved(eurotok.count(sample), tmp_path)

    (tmp_path / "counting").unlink()
    from ray.exceptions import RayError

    with pytest.raises(RayError):
        distributed.count({"fr": sample / "fr.txt"}, max_retries=0)


def test_errors_come_back_as_they_were(cluster: Any, sample: Path, tmp_path: Path, one_file_a_task: None) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"bien\xe9")
    source = {"de": sample / "de.txt", "fr": bad}
    with pytest.raises(eurotok.CorpusError) as caught:
        distributed.count(source)
    assert str(caught.value) == f"{bad}: invalid UTF-8 at byte 4"
    assert saved(distributed.count(source, errors="replace"), tmp_path) == saved(
        eurotok.count(source, errors="replace"), tmp_path
    )
    (tmp_path / "fr.txt.gz").write_bytes(b"\x1f\x8b cut short")
    with pytest.raises(OSError, match=r"fr\.txt\.gz: .*gzip"):
        distributed.count({"fr": tmp_path / "fr.txt.gz"})
    with pytest.raises(FileNotFoundError) as refused:
        distributed.count({"fr": tmp_path / "absent.txt"})
    assert refused.value.filename == str(tmp_path / "absent.txt")
    (tmp_path / "empty.txt").touch()
    for files in ([], [tmp_path / "empty.txt"]):
        with pytest.raises(eurotok.CorpusError, match="no text"):
            distributed.count({"fr": files})


def test_a_cluster_at_an_address(cluster: Any, sample: Path, tmp_path: Path) -> None:
    """Connects, leaves, and leaves the cluster running, unlike one of its own."""
    import subprocess

    script = (
        "import sys, ray; from eurotok import distributed\n"
        "counts = distributed.count({'fr': sys.argv[1]}, address=sys.argv[2])\n"
        "assert not ray.is_initialized()\n"
        "counts.save('counts')\n"
    )
    address = cluster.address_info["address"]
    command = [sys.executable, "-c", script, str(sample / "fr.txt"), address]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=SECONDS)
    found = (tmp_path / "counts").read_bytes()
    assert found == saved(eurotok.count({"fr": sample / "fr.txt"}), tmp_path)
    assert distributed.count({"fr": sample / "fr.txt"}).languages == ["fr"]
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1:1: "):
        distributed.count({"fr": sample / "fr.txt"}, address="127.0.0.1:1")


def test_what_needs_no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"eurotok\[ray\]"):
        distributed.count(tmp_path)
