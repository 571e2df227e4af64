"""Measure, and print one table: `python -m benches`. Figures of records again: `python -m benches --table FILE...`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benches import definitions, records, tables
from benches.definitions import Case
from benches.encoders import ENGINES
from benches.records import RECORDS, ROOT, SCRATCH
from benches.schedule import DisagreementError, Schedule, WorkerError, installed
from benches.texts import Texts, find_source
from benches.trainers import TRAINERS
from benches.vocabulary import prepare

DOCUMENTS = (ROOT / "BENCHMARKS.md", ROOT / "README.md")
"""Where tables of the records stand."""


def main() -> int:
    """Do what the arguments ask."""
    options = arguments()
    if options.table:
        report(options, options.table)
    elif options.write:
        found = records.read(sorted(RECORDS.glob("*.jsonl")))
        for path in DOCUMENTS:
            path.write_text(tables.document(path.read_text(encoding="utf-8"), found), encoding="utf-8")
    else:
        return measure(options)
    return 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument(
        "only", nargs="*", metavar="DEFINITION", help=f"by default all: {', '.join(definitions.DEFINITIONS)}"
    )
    parser.add_argument(
        "--quick", action="store_true", help="each thing once, on very little text: a check, no measurement"
    )
    parser.add_argument("--engines", type=names, help="engines by name, separated by commas; by default all there are")
    parser.add_argument("--texts", type=names, help="texts by name: mix, code, joined, base64, urls, all, a language")
    parser.add_argument("--sizes", type=names, help="vocabulary sizes to train, instead of the usual")
    parser.add_argument("--corpus", type=Path, help="folder of <lang>.txt; by default $EUROTOK_CORPUS, else the sample")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each engine in a case")
    parser.add_argument("--budget", type=float, default=30, help="seconds after which an engine rests for the case")
    parser.add_argument("--megabytes", type=float, default=20, help="of a language alone")
    parser.add_argument("--each", type=float, help="megabytes of a language in a mix, instead of the usual")
    parser.add_argument("--records", type=Path, default=SCRATCH, help="folder for the record")
    parser.add_argument("--table", type=Path, nargs="+", metavar="FILE", help="print the table of records")
    parser.add_argument("--cpu", action="store_true", help="print processor time, of all threads: for a busy machine")
    parser.add_argument("--write", action="store_true", help="write the tables of BENCHMARKS.md and README.md")
    options = parser.parse_args()
    for given, known in (
        (options.only, definitions.DEFINITIONS),
        (options.engines or (), {**ENGINES, **TRAINERS}),
    ):
        if unknown := set(given) - set(known):
            parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return options


def report(options: argparse.Namespace, paths: list[Path]) -> None:
    """Print the table of records, in seconds on the wall or of the processor."""
    found = records.read(paths)
    print(tables.summary([replace(one, seconds=one.cpu) for one in found] if options.cpu else found))


def names(text: str) -> list[str]:
    """Split at commas."""
    return text.split(",")


def measure(options: argparse.Namespace) -> int:
    """Run the cases asked for, record each as it ends, and print the table."""
    source = find_source(options.corpus)
    given = Texts(source, 0.1 if options.quick else options.megabytes)
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    cases = chosen(options, given.languages)
    absent = sorted({name for case in cases for name in case.engines if not installed(name)})
    log(f"text: {source.kind}" + (" (set EUROTOK_CORPUS or --corpus for more)" * (source.kind == "sample")))
    if absent:
        log(f"not installed, left out: {', '.join(absent)}")
    path = options.records / f"{began.replace(':', '')}.jsonl"
    with tempfile.TemporaryDirectory(prefix="eurotok-bench-") as folder:
        schedule = Schedule(
            Path(folder),
            given,
            prepare(Path(folder), small=options.quick),
            rounds=1 if options.quick else options.rounds,
            budget=options.budget,
            about={"run": began, "machine": records.machine()},
        )
        log(f"vocabulary: {schedule.vocabulary.name}; records: {path}")
        for number, case in enumerate(cases, 1):
            log(f"[{number}/{len(cases)}] {case}")
            try:
                found = schedule.run(case)
            except (DisagreementError, WorkerError) as fault:
                log(f"error: {fault}")
                return 1
            records.append(path, found)
    report(options, [path])
    failed = any(record.engine == definitions.OURS and record.refused for record in records.read([path]))
    return int(failed)


def chosen(options: argparse.Namespace, languages: list[str]) -> list[Case]:
    """The cases that the command line leaves or asks for."""
    planned = list(definitions.plan(languages, records.cores(), options.quick))
    if options.texts:
        fixed = [case for case in planned if case.definition in ("load", "small")]
        for text in options.texts:
            known = [case for case in planned if case.text == text]
            fixed += known or [case._replace(text=text) for case in planned if case.text == "mix"]
        planned = fixed
    if options.sizes:
        planned = [case._replace(size=int(size) * (case.size > 0)) for case in planned for size in options.sizes]
    if options.each is not None:
        planned = [case._replace(each=options.each) for case in planned]
    if options.engines:
        planned = [case._replace(engines=kept) for case in planned if (kept := only(case.engines, options.engines))]
    return [case for case in dict.fromkeys(planned) if not options.only or case.definition in options.only]


def only(found: tuple[str, ...], wanted: list[str]) -> tuple[str, ...]:
    """Of the engines found those wanted."""
    return tuple(name for name in found if name in wanted)


def log(line: str) -> None:
    """Tell on standard error."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
