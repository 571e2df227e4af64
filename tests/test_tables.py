"""Text for a terminal."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurotok.escape import terminal
from eurotok.output.tables import GREEN, RED, YELLOW, Cell, grade, has_colours, show_tokens, table

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert has_colours(Terminal())
    assert not has_colours(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not has_colours(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colours(Terminal())


def test_wide_tables_fold_and_lose_nothing() -> None:
    head = ["", *(f"tokenizer-{i}" for i in range(7))]
    rows: list[list[Cell]] = [[("fr", ""), *((f"{i}.5", RED) for i in range(7))], []]
    text = table(head, rows, width=40)
    assert max(map(len, text.splitlines())) <= 40
    assert all(name in text for name in head)
    assert text.count("fr") == 4, "two tokenizers fit beside the names of the languages"
    assert ESCAPE.sub("", table(head, rows, width=40, colours=True)) == text


def test_a_column_wider_than_the_page_stays_whole() -> None:
    assert "x" * 50 in table(["", "x" * 50], [[("a", ""), ("1", "")]], width=20)


def test_grades() -> None:
    style = grade(0.1, 0.2)
    assert [style(value) for value in (0.1, 0.2, 0.3)] == [GREEN, YELLOW, RED]


@given(st.text(st.characters(exclude_characters="|(\x1b\ufffd", exclude_categories=["Cs"])), st.data())
def test_shown_tokens_keep_every_character(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(raw) - 1)), max_size=6))) if len(raw) > 1 else []
    tokens = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    plain = show_tokens(tokens)
    assert re.sub(r"\(\d+\)(?=\||\Z)|\|", "", plain) == terminal(text)
    coloured = show_tokens(tokens, colours=True)
    assert ESCAPE.sub("", coloured) == plain.replace("|", "")


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert show_tokens([b"a", b"\xff", b"\xce"]) == "a|\ufffd|\ufffd"
