"""Ratios of records: one table for the terminal, and the tables of BENCHMARKS.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from statistics import median

from benches.definitions import DEFINITIONS, OURS, SIZES
from benches.encoders import ENGINES
from benches.records import Record, newest
from benches.trainers import TRAINERS

ORDER = list(dict.fromkeys([*ENGINES, *TRAINERS]))
BEST_WAY = "best way"

Table = tuple[list[str], list[list[str]]]
"""A header and rows."""

Key = tuple[str, str, str, int, int]
"""Definition, phase, text, threads and size: `Record.case`."""


def summary(records: Sequence[Record]) -> str:
    """One table of all cases: our figure, and how many times as fast we are as each peer."""
    lines = []
    for run, ours in by_run(records):
        header, rows = grid(best_ways(ours) + ours, _ratio)
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        lines += [f"{run}: {about(ours)}", ""]
        for row in [header, *rows]:
            first, *others = zip(row, widths, strict=True)
            lines.append("  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip())
        lines += ["", LEGEND]
        lines += notes(ours)
    return "\n".join(lines)


LEGEND = (
    "Ours: the median of all samples (the best in brackets). The others: how many times as fast ours is, median to "
    "median.\n≠: no figure, since its answers differ from the judge's or it failed. *: trains other merges. Best way: "
    "each engine by calls or in a batch, whichever is faster for it."
)


def document(text: str, records: Sequence[Record]) -> str:
    """A text with its tables made anew, each where the text has a place for it."""
    bodies: dict[str, Callable[[], str]] = {
        "brief": lambda: _markdown(brief(records)),
        "short": lambda: f"{SHORT}\n\n{_markdown(headlines(records))}",
        "records": lambda: markdown(records),
    }
    for name, body in bodies.items():
        if f"<!-- {name} -->" in text:
            text = fill(text, name, body())
    return text


def brief(records: Sequence[Record]) -> Table:
    """The headlines without the run and the peers that are used less."""
    header, rows = headlines(records)
    columns = [0, 1, *(header.index(name) for name in USED)]
    return [header[column] for column in columns], [[row[column] for column in columns] for row in rows]


def fill(text: str, name: str, body: str) -> str:
    """A text with another body between the markers of a name.

    >>> print(fill("<!-- a -->old<!-- /a --> and so on", "a", "new"))
    <!-- a -->
    <BLANKLINE>
    new
    <!-- /a --> and so on
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, opening, rest = text.partition(begin)
    _, closing, after = rest.partition(end)
    if not opening or not closing:
        raise ValueError(f"no {begin} ... {end}")
    return f"{before}{begin}\n\n{body}\n{end}{after}"


def markdown(records: Sequence[Record]) -> str:
    """The current state: a table of headlines for each machine, and one of all languages."""
    parts = []
    for cpu, found in reversed(by_machine(records)):
        parts.append(f"### {cpu}, {found[-1].machine['cores']} cores\n")
        parts.append(_markdown(headlines(found)))
        if wrong := notes([one for one in newest(found) if one.refused]):
            parts.append("Not timed:\n\n" + "\n".join(f"- {line}" for line in wrong) + "\n")
    parts.append(f"### Each language\n\n{LANGUAGES}\n")
    parts.append(_markdown(languages(records)))
    return "\n".join(parts) or "There are no records yet: `make bench`.\n"


def by_machine(records: Iterable[Record]) -> list[tuple[str, list[Record]]]:
    """Records by the processor that they are of, in the order of their newest run."""
    machines: dict[str, list[Record]] = {}
    for one in sorted(records, key=attrgetter("run")):
        machines.setdefault(one.machine["cpu"], []).append(one)
    return sorted(machines.items(), key=lambda item: item[1][-1].run)


PEER = "gigatoken"
LANGUAGES = (
    f"A batch on one thread, MB/s (the best in brackets), and its ratio to {PEER}: the first pass and a repeated one, "
    "in the newest run on each machine that has all languages."
)


def languages(records: Iterable[Record]) -> Table:
    """Rows are languages; each machine has a column for the first pass and one for a repeated pass."""
    columns: list[tuple[str, dict[str, str]]] = []
    for cpu, found in reversed(by_machine(records)):
        for _, run in reversed(by_run(one for one in found if one.definition == "batch" and one.threads == 1)):
            cells: dict[str, dict[str, str]] = {"cold": {}, "warm": {}}
            ours = {one.case: one for one in run if one.engine == OURS and one.seconds}
            for one in run:
                if one.engine == PEER and one.seconds and one.case in ours and len(one.text) == 2:
                    cells[one.phase][one.text] = f"{_figure(ours[one.case], None)}, {_times(one, ours[one.case])}"
            if len(cells["cold"]) > 20:
                columns += [(f"{cpu}, {phase}", cells[phase]) for phase in cells]
                break
    codes = sorted({code for _, cells in columns for code in cells})
    return ["", *(name for name, _ in columns)], [
        [code, *(cells.get(code, "") for _, cells in columns)] for code in codes
    ]


SHORT = (
    "Ours: the median of its newest run (the best in brackets). The others: how many times as fast ours was, in the "
    "newest run that has both; of those less used, the fastest. Best way: each engine by calls or in a batch, "
    "whichever is faster for it. Small: a call on 32 characters. *: trains other merges."
)
HEADLINES = ("small", "decode", "load", "train")
USED = ("gigatoken", "tokenizers", "tiktoken")


def headlines(records: Iterable[Record]) -> Table:
    """The cases by which encoders and trainers are told apart: the mix, English, and the vocabulary of middle size."""
    latest: dict[Key, dict[str, tuple[Record, Record]]] = {}
    for _, run in by_run(records):
        chosen = [one for one in best_ways(run) + run if one.seconds and _is_headline(one)]
        ours = {one.case: one for one in chosen if one.engine == OURS}
        for one in chosen:
            if one.case in ours:
                latest.setdefault(one.case, {})[one.engine] = one, ours[one.case]
    rows = []
    for case, found in sorted(latest.items(), key=lambda item: _rank(item[0])):
        own, _ = found.pop(OURS)
        used = [_times(*found.pop(name)) if name in found else "" for name in USED]
        others = sorted((median(one.seconds) / median(ours.seconds), name) for name, (one, ours) in found.items())
        fastest = [f"{_times(*found[name])} ({name})" for _, name in others[:1]] or [""]
        rows.append([label(case), _ratio(own, None), date(own.run), *used, *fastest])
    return ["", OURS, "run", *USED, "fastest other"], rows


def _is_headline(record: Record) -> bool:
    definition, phase, text, threads, size = record.case
    if definition == BEST_WAY:
        return text in ("mix", "en")
    if definition == "batch":
        return text == "mix" and threads > 1
    known = definition == "load" or text in ("mix", "short")
    return definition in HEADLINES and known and phase != "empty" and size in (0, SIZES[1])


def by_run(records: Iterable[Record]) -> list[tuple[str, list[Record]]]:
    """Records by the run that they are of, the oldest first."""
    return [(run, list(found)) for run, found in groupby(sorted(records, key=attrgetter("run")), key=attrgetter("run"))]


def date(run: str) -> str:
    """When a run began, to the minute.

    >>> date("2026-11-27T15:28:46Z")
    '2026-11-27 15:28'
    """
    return run[:16].replace("T", " ")


def grid(records: Sequence[Record], cell: Callable[[Record, Record | None], str]) -> Table:
    """Rows are cases, columns engines."""
    engines = [name for name in ORDER if any(record.engine == name and record.seconds for record in records)]
    cases: dict[Key, dict[str, Record]] = {}
    for record in records:
        cases.setdefault(record.case, {})[record.engine] = record
    rows = []
    for case, by_engine in sorted(cases.items(), key=lambda item: _rank(item[0])):
        cells = [cell(by_engine[name], by_engine.get(OURS)) if name in by_engine else "" for name in engines]
        rows.append([label(case), *cells])
    return ["", *engines], rows


def _rank(case: Key) -> tuple[int, int, int, int, str, int]:
    definition, phase, text, threads, size = case
    order = [BEST_WAY, *DEFINITIONS]
    phases = DEFINITIONS["encode" if definition == BEST_WAY else definition].phases
    return order.index(definition), phases.index(phase), text != "mix", threads, text, size


def label(case: Key) -> str:
    """Name a case.

    >>> label(("batch", "cold", "mix", 2, 0)), label(("train", "train", "fi", 2, 65_536))
    ('batch cold, mix, 2 threads', 'train, fi, 65,536')
    """
    definition, phase, text, threads, size = case
    words = [definition if phase == definition else f"{definition} {phase}", text]
    if definition not in ("train", "merge") and threads > 1:
        words.append(f"{threads} threads")
    return ", ".join(words + [f"{size:,}"] * (size > 0))


def best_ways(records: Iterable[Record]) -> list[Record]:
    """Each engine's faster way, where it encodes the same text by calls and in batches."""
    both: dict[tuple[str, str, int, str], list[Record]] = {}
    for record in records:
        if record.definition in ("encode", "batch") and record.seconds:
            both.setdefault((record.phase, record.text, record.threads, record.engine), []).append(record)
    pairs = (pair for pair in both.values() if len({record.definition for record in pair}) == 2)
    return [replace(min(pair, key=lambda record: median(record.seconds)), definition=BEST_WAY) for pair in pairs]


def _ratio(record: Record, ours: Record | None) -> str:
    if not record.seconds:
        return "≠"
    if record.engine == OURS or ours is None or not ours.seconds:
        unit = _unit(record)
        return f"{digits(record.figure(unit))} ({digits(record.figure(unit, best=True))}) {unit}"
    return _times(record, ours)


def _times(record: Record, ours: Record) -> str:
    other = "*" if record.equal is False else ""
    return f"{digits(median(record.seconds) / median(ours.seconds), 2)}x{other}"


def _figure(record: Record, ours: Record | None) -> str:
    if not record.seconds:
        return "≠"
    unit = _unit(record)
    if record.engine == OURS or ours is None or not ours.seconds:
        return f"{digits(record.figure(unit))} ({digits(record.figure(unit, best=True))})"
    return f"{digits(record.figure(unit))}, {_times(record, ours)}"


def _unit(record: Record) -> str:
    return DEFINITIONS["encode" if record.definition == BEST_WAY else record.definition].unit


def digits(figure: float, count: int = 3) -> str:
    """A figure to so many significant digits, in full.

    >>> digits(1234.5), digits(0.012345), digits(52.9, 2), digits(1.5, 2)
    ('1234', '0.0123', '53', '1.5')
    """
    whole = len(str(int(abs(figure))))
    if whole >= count or abs(figure) >= 1:
        return f"{figure:.{max(count - whole, 0)}f}"
    return f"{figure:.{count}g}"


def about(records: Sequence[Record]) -> str:
    """The machine, the versions and the text of a run, in a line."""
    first = records[0]
    pairs = dict.fromkeys((record.package, record.version) for record in records)
    versions = ", ".join(f"{package} {version}" for package, version in pairs)
    machine = first.machine
    memory = f"{machine['memory'] / 2**30:.0f} GiB"
    busy = f"; the machine was busy (load {machine['load']}) when it began" if machine["load"] > 0.5 else ""
    vocabulary, text = f"vocabulary {first.vocabulary}", f"text: {first.source}"
    return f"{machine['cpu']}, {machine['cores']} cores, {memory}; {vocabulary}; {text}; {versions}{busy}"


def notes(records: Iterable[Record]) -> list[str]:
    """Which engine gave no figures where, and why, or did another task."""
    cases: dict[tuple[str, str], list[str]] = {}
    for record in records:
        note = record.refused
        if record.equal is False:
            note = f"other merges than tokenizers; {record.same:.1%} of its tokens"
        if note:
            cases.setdefault((record.engine, note), []).append(f"{record.definition} {record.text}")
    return [f"{name} ({', '.join(dict.fromkeys(found))}): {why}" for (name, why), found in sorted(cases.items())]


def _markdown(table: Table) -> str:
    header, rows = table
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines) + "\n"
