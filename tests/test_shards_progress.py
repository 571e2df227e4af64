"""How far a run is: a line on a terminal, a line of JSON a minute elsewhere, a function's calls."""

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import eurotok
from eurotok import shards
from eurotok.shards.meter import Meter
from test_shards_write import records, write_lines

MB = 1_000_000


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A clock that goes on when it is told."""

    class Clock:
        now = 1000.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    yield clock


def run(meter: Meter, clock: Any, seconds: int) -> None:
    """Read 2 MB a second, which hold 6 MB of text."""
    for second in range(1, seconds + 1):
        clock.now += 1
        meter.add(100, 1_500_000, 6 * MB)
        meter.at(2 * MB * second)


def test_a_terminal_has_documents_tokens_speed_and_time_left(clock: Any) -> None:
    stream = Terminal()
    meter = Meter(True, 600 * MB, stream)
    run(meter, clock, 30)
    line = stream.getvalue().rpartition("\r")[2].strip()
    assert line == "encoding 3,000 documents, 45,000,000 tokens: 10%, 6.0 MB/s of text, 5 min left"
    meter.close()
    assert stream.getvalue().endswith("\r")


def test_elsewhere_there_is_a_line_of_json_a_minute(clock: Any) -> None:
    stream = io.StringIO()
    run(Meter(True, 600 * MB, stream), clock, 185)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [it["documents"] for it in lines] == [6000, 12_000, 18_000]
    assert lines[1] == {
        "documents": 12_000,
        "tokens": 180_000_000,
        "text_bytes": 720 * MB,
        "done": 240 * MB,
        "total": 600 * MB,
        "mb_per_s": 6.0,
        "seconds_left": 180,
    }


def test_parts_that_were_done_before_do_not_count_as_pace(clock: Any) -> None:
    stream = io.StringIO()
    meter = Meter(True, 1000 * MB, stream)
    meter.skip(400 * MB)
    run(meter, clock, 60)
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["done"], line["seconds_left"]) == (520 * MB, 240)


def test_nobody_is_told_unless_asked(clock: Any) -> None:
    stream = io.StringIO()
    run(Meter(False, 0, stream), clock, 100)
    assert stream.getvalue() == ""


def test_a_function_is_told_to_the_end(
    tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "fr.jsonl", records("fr", sentences["fr"]))
    told: list[tuple[str, int, int]] = []
    shards.write(path, tmp_path / "out", tokenizer=tok, progress=lambda *report: told.append(report))
    size = path.stat().st_size
    assert told[-1] == ("encoding", size, size)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
