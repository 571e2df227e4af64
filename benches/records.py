"""Records of measurements, with machine and versions: a line of JSON for each engine and phase of a case."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
RECORDS = Path(__file__).parent / "records"
"""The records that BENCHMARKS.md is made of."""

SCRATCH = ROOT / ".benchmarks"
"""Where a run keeps its record by default, outside the repository."""


@dataclass(frozen=True)
class Record:
    """An engine in one phase of a case. Times in seconds, a figure a sample; memory in bytes, the highest of all."""

    run: str
    """When the run began, UTC; figures are compared within a run only."""
    machine: dict[str, Any]
    definition: str
    phase: str
    text: str
    source: str
    """Where the text is from: `corpus`, `folder` or `sample`."""
    vocabulary: str
    size: int
    """Of the vocabulary to train, else 0."""
    threads: int
    engine: str
    package: str
    version: str
    bytes: int = 0
    documents: int = 0
    tokens: int = 0
    calls: int = 1
    seconds: tuple[float, ...] = ()
    cpu: tuple[float, ...] = ()
    base: int = 0
    peak: int = 0
    equal: bool | None = None
    """Whether the trained tokens are those of `tokenizers`, in the same order."""
    same: float | None = None
    """The share of its tokens that are among them."""
    refused: str | None = None
    """Why there are no figures: the ids differ, the engine failed."""

    @property
    def case(self) -> tuple[str, str, str, int, int]:
        """The key of records that are compared with one another."""
        return self.definition, self.phase, self.text, self.threads, self.size

    def figure(self, unit: str, best: bool = False) -> float:
        """The median of the samples, or the best, in a unit of DEFINITIONS."""
        seconds = min(self.seconds) if best else median(self.seconds)
        match unit:
            case "MB/s":
                return self.bytes / seconds / 1e6
            case "Mtok/s":
                return self.tokens / seconds / 1e6
            case "ns":
                return seconds / self.calls * 1e9
            case "ms":
                return seconds * 1e3
            case _:
                return seconds


def append(path: Path, records: Iterable[Record]) -> None:
    """Add records to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(record), ensure_ascii=False) + "\n" for record in records)


def read(paths: Iterable[Path]) -> list[Record]:
    """Read files of records."""
    lines = (line for path in paths for line in path.read_text(encoding="utf-8").splitlines())
    return [
        Record(**fields | {"seconds": tuple(fields["seconds"]), "cpu": tuple(fields["cpu"])})
        for fields in map(json.loads, lines)
    ]


def newest(records: Iterable[Record]) -> list[Record]:
    """Of each case the records of the latest run on each kind of machine, since only those of one run compare."""
    latest: dict[tuple[Any, ...], str] = {}
    records = list(records)
    for record in records:
        key = record.case, record.machine["cpu"]
        latest[key] = max(latest.get(key, ""), record.run)
    return [record for record in records if record.run == latest[record.case, record.machine["cpu"]]]


def machine() -> dict[str, Any]:
    """The processor, its cores, memory, the system, Python, and how busy it all was before."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return {
        "cpu": _cpu(),
        "cores": cores(),
        "memory": pages,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0,
        "isa": os.environ.get("EUROTOK_ISA", "best"),
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def commit() -> str:
    """The state of the tree that was measured, as `+03cf2b0`, or nothing outside a repository."""
    try:
        call = ("git", "describe", "--always", "--dirty", "--exclude=*")
        done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"+{done.stdout.strip()}"


def _cpu() -> str:
    """The processor's name, with family, model and stepping where the name alone says little."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    pairs = (line.partition(":") for line in info.read_text().partition("\n\n")[0].splitlines())
    fields = {key.strip(): value.strip() for key, _, value in pairs}
    numbers = "-".join(fields.get(key, "?") for key in ("cpu family", "model", "stepping"))
    return f"{fields.get('model name', platform.machine())} ({numbers})"
