"""The cost of equal prices in training: `python -m benches.fairness`, a process for each trainer and round, by turns.

Plain BPE (balanced), fairness 10 and parity-aware BPE on the same text of the official languages, steered by the same
parallel text; beside them, with `--peer`, `tokenizers`' `ParityBpeTrainer`. Reading, splitting and counting are part of
it. Prices are the tokens of the parallel text under the result.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from benches import records
from benches.records import ROOT, SCRATCH
from benches.tables import fill
from benches.texts import Texts, find_source, write_lines
from eurotok.pricing.parallel_text import SAMPLE

SCHEME = "o200k"
FAIRNESS = 10.0
DOCUMENT = ROOT / "BENCHMARKS.md"
RECORDS = records.RECORDS / "fairness"

Job = dict[str, Any]
Prices = Callable[[], dict[str, int]]


def ours(job: Job, how: dict[str, Any]) -> Prices:
    """Train with eurotok."""
    import eurotok
    from eurotok.pricing.parallel_text import load_sentences

    tok = eurotok.train(job["texts"], vocab_size=job["size"], scheme=SCHEME, threads=job["threads"], **how)
    sentences = load_sentences(job["parallel"], job["languages"])
    return lambda: {language: int(tok.count_batch(list(lines)).sum()) for language, lines in sentences.items()}


def theirs(job: Job) -> Prices:
    """Train with tokenizers."""
    import tokenizers
    from tokenizers import models, pre_tokenizers, trainers

    import eurotok
    from eurotok.pricing.parallel_text import load_sentences

    split = pre_tokenizers.Split(tokenizers.Regex(eurotok.schemes()[SCHEME]), "isolated")
    tok = tokenizers.Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    sentences = load_sentences(job["parallel"], job["languages"])
    languages = sorted(sentences)

    def read(language: str) -> Iterable[str]:
        with Path(job["texts"], f"{language}.txt").open(encoding="utf-8", newline="\n") as file:
            yield from file

    trainer = trainers.ParityBpeTrainer(
        num_merges=job["size"] - 256,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    trainer.train_from_iterator(
        tok, [read(it) for it in languages], dev_iterators=[iter(sentences[it]) for it in languages]
    )
    return lambda: {
        language: sum(len(it.ids) for it in tok.encode_batch(list(lines), add_special_tokens=False))
        for language, lines in sentences.items()
    }


TRAINERS: dict[str, tuple[str, Callable[[Job], Prices]]] = {
    "plain": ("eurotok", lambda job: ours(job, {})),
    f"fairness {FAIRNESS:g}": (
        "eurotok",
        lambda job: ours(job, {"parallel": job["parallel"], "fairness": FAIRNESS}),
    ),
    "parity": ("eurotok", lambda job: ours(job, {"parallel": job["parallel"], "parity": "base"})),
    "ParityBpeTrainer": ("tokenizers", theirs),
}
PEER = "ParityBpeTrainer"


def work() -> None:
    """Do the job on standard input, in a process of its own."""
    job = json.load(sys.stdin)
    cpu, wall = time.process_time(), time.perf_counter()
    prices = TRAINERS[job["trainer"]][1](job)
    seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    json.dump(seconds | {"prices": prices()}, sys.stdout)


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run all trainers by turns."""
    source = find_source(options.corpus)
    texts = Texts(source, options.each)
    beside = source.folder.parent / "parallel" / "ntrex"
    parallel = options.parallel or (beside if beside.is_dir() else SAMPLE)
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = [name for name in TRAINERS if name != PEER or options.peer]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="eurotok-bench-") as folder:
        for language in texts.languages:
            write_lines(Path(folder, f"{language}.txt"), texts.lines(language, options.each))
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        for number in range(options.rounds):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                print(f"[{number + 1}/{options.rounds}] {name}", file=sys.stderr, flush=True)
                job = {
                    "trainer": name,
                    "texts": folder,
                    "parallel": str(parallel),
                    "languages": texts.languages,
                    "size": options.size,
                    "threads": options.threads,
                }
                call = [sys.executable, "-m", "benches.fairness", "--work"]
                done = subprocess.run(
                    call, cwd=ROOT, input=json.dumps(job), capture_output=True, text=True, check=False
                )
                if done.returncode:
                    raise SystemExit(f"{name} failed:\n{done.stderr}")
                found[name].append(json.loads(done.stdout))
    return [
        {
            "run": began,
            "machine": records.machine(),
            "trainer": name,
            "package": TRAINERS[name][0],
            "version": version(TRAINERS[name][0]) + (records.commit() if TRAINERS[name][0] == "eurotok" else ""),
            "source": source.kind,
            "parallel": Path(parallel).name,
            "scheme": SCHEME,
            "bytes": size,
            "size": options.size,
            "threads": options.threads,
            "wall": [round(one["wall"], 4) for one in rounds],
            "cpu": [round(one["cpu"], 4) for one in rounds],
            "prices": rounds[0]["prices"],
        }
        for name, rounds in found.items()
    ]


def gini(prices: Iterable[int]) -> float:
    """Inequality of prices, from 0."""
    ranked = sorted(prices)
    return sum((2 * place - len(ranked) + 1) * it for place, it in enumerate(ranked)) / (len(ranked) * sum(ranked))


def table(found: list[dict[str, Any]]) -> str:
    """The table of a run, in Markdown: times as ratios to plain training."""
    one = found[0]
    machine = one["machine"]
    plain = next(record for record in found if record["trainer"] == "plain")
    lines = [
        f"### Fairness, {one['run'][:10]}, {machine['cpu']}, {one['threads'] or machine['cores']} threads",
        "",
        f"{one['bytes'] / 1e6:.1f} MB of {len(one['prices'])} languages ({one['source']}), {one['size']:,} tokens, "
        f"scheme `{one['scheme']}`, priced and steered by {one['parallel']}; load before {machine['load']}.",
        "",
        "| trainer | s | of plain | processor s | of plain | tokens | Gini |",
        "|---|---|---|---|---|---|---|",
    ]
    for record in found:
        name = record["trainer"] if record["package"] == "eurotok" else f"{record['package']} {record['version']}"
        wall, cpu = median(record["wall"]), median(record["cpu"])
        ratios = wall / median(plain["wall"]), cpu / median(plain["cpu"])
        paid = record["prices"].values()
        times = f"{wall:.2f} | {ratios[0]:.2f}x | {cpu:.2f} | {ratios[1]:.2f}x"
        lines.append(f"| {name} | {times} | {sum(paid):,} | {gini(paid):.4f} |")
    return "\n".join(lines)


def runs(folder: Path) -> list[list[dict[str, Any]]]:
    """Read the runs in a folder, the newest first."""
    paths = sorted(folder.glob("*.jsonl"), reverse=True)
    return [[json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] for path in paths]


def document(text: str) -> str:
    """BENCHMARKS.md with the tables of the records."""
    return fill(text, "fairness", "\n\n".join(map(table, runs(RECORDS))) + "\n")


def main() -> None:
    """Do what the arguments ask."""
    parser = argparse.ArgumentParser(prog="python -m benches.fairness", description=__doc__)
    parser.add_argument("--corpus", type=Path, help="folder of <lang>.txt; by default $EUROTOK_CORPUS, else the sample")
    parser.add_argument("--parallel", type=Path, help="parallel text; by default parallel/ntrex there, else the sample")
    parser.add_argument("--size", type=int, default=65_536, help="entries of the vocabulary")
    parser.add_argument("--each", type=float, default=4.0, help="megabytes of each language")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="by default all cores")
    parser.add_argument("--peer", action="store_true", help="also tokenizers' ParityBpeTrainer, which takes its time")
    parser.add_argument("--records", type=Path, default=SCRATCH / "fairness", help="folder for the record")
    parser.add_argument("--write", action="store_true", help="write the tables of BENCHMARKS.md from the records there")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work()
    elif options.write:
        DOCUMENT.write_text(document(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        found = measure(options)
        options.records.mkdir(parents=True, exist_ok=True)
        path = options.records / f"{found[0]['run'].replace(':', '')}.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in found), encoding="utf-8")
        print(table(found))


if __name__ == "__main__":
    main()
