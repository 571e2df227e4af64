"""Compare for some minutes: `python -m scripts.differential --minutes 20`."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time

import eurotok
from scripts.differential import compare, texts
from scripts.differential.subjects import subjects

BATCH = 50
"""Texts that are compared at a time."""


def available() -> list[str]:
    """List the instruction sets of this machine, each by trying it: the core refuses those that it does not have."""
    return [isa for isa in ("avx512", "avx2", "neon", "portable") if _runs(isa)]


def _runs(isa: str) -> bool:
    command = [sys.executable, "-c", "import eurotok; eurotok.load('euro-64k')"]
    environment = {**os.environ, "EUROTOK_ISA": isa}
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def run(isa: str, seconds: float, seed: int) -> compare.Difference | None:
    """Compare until the time is over or there is a difference, and print what was compared."""
    sources = texts.sources(texts.corpus())
    all_of_them = list(subjects())
    end, rng = time.monotonic() + seconds, random.Random(seed)
    done = dict.fromkeys(sources, (0, 0))
    peers: set[str] = set()
    found = None
    while found is None:
        subject, (kind, make) = rng.choice(all_of_them), rng.choice(list(sources.items()))
        batch = [make(rng) for _ in range(BATCH)]
        found = compare.on_texts(subject, batch) or compare.on_ids(subject, rng)
        done[kind] = (done[kind][0] + len(batch), done[kind][1] + sum(len(text.encode()) for text in batch))
        peers.add(subject.name)
        if time.monotonic() > end:
            break
    parts = [f"{kind} {count:,} texts, {size / 1e6:.1f} MB" for kind, (count, size) in done.items()]
    print(f"differential: {isa}, seed {seed}, {len(peers)} of {len(all_of_them)} pairs: {'; '.join(parts)}")
    return found


def main() -> int:
    """Start a process for each instruction set, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m scripts.differential", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20, help="over all instruction sets (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="where random numbers begin (default: the time)")
    parser.add_argument("--isa", help="one instruction set, in this process")
    arguments = parser.parse_args()
    seed = int(time.time()) if arguments.seed is None else arguments.seed
    if arguments.isa:
        difference = run(arguments.isa, 60 * arguments.minutes, seed)
        if difference:
            print(f"differential: {difference}")
        return difference is not None
    isas, code = available(), 0
    print(f"differential: eurotok {eurotok.__version__}, corpus {texts.corpus() or 'within the package'}", flush=True)
    for isa in isas:
        minutes = str(arguments.minutes / len(isas))
        command = [
            sys.executable,
            "-m",
            "scripts.differential",
            "--isa",
            isa,
            "--minutes",
            minutes,
            "--seed",
            str(seed),
        ]
        code |= subprocess.run(command, env={**os.environ, "EUROTOK_ISA": isa}, check=False).returncode
    return code


if __name__ == "__main__":
    sys.exit(main())
