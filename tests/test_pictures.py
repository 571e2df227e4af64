"""Pictures that a reader can read: nothing overprints, outliers leave room for the others, and directions are told."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colours import contrast
from eurotok import Tokenizer, compare
from eurotok.output import plots, training_plots
from eurotok.output.layout import Axis, apart, axis, beside, text_width, ticks
from eurotok.output.plots import COLOURS, FAINT, INK, Dot, Label, Line, Scene
from eurotok.pricing import stored
from eurotok.pricing.parallel_text import OFFICIAL, language_name
from eurotok.training.sweep import Point, Sweep
from eurotok.training.trace import Trace


def labels(scene: Scene) -> list[Label]:
    return [it for it in scene.marks if isinstance(it, Label)]


def said(scene: Scene) -> str:
    return "\n".join(it.text for it in labels(scene))


def box(label: Label) -> tuple[float, float, float, float]:
    width = text_width(label.text, label.size)
    left = label.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[label.anchor] * width
    return left, label.y - 0.55 * label.size, left + width, label.y + 0.55 * label.size


def overprinted(scene: Scene) -> list[tuple[str, str]]:
    boxes = [(it.text, box(it)) for it in labels(scene)]
    return [
        (one, other)
        for (one, a), (other, b) in combinations(boxes, 2)
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]


def test_ticks() -> None:
    assert ticks(-0.05, 0.3) == [-0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
    assert ticks(0, 4.05) == [0, 1, 2, 3, 4, 5]
    assert len(ticks(0, 123456)) <= 9


@given(st.lists(st.floats(-0.9, 30), min_size=1, max_size=60))
def test_an_axis_keeps_the_order_and_most_of_the_room_for_most_values(values: list[float]) -> None:
    made = axis(values)
    parts = [made.part(value) for value in sorted(values)]
    assert parts == sorted(parts)
    assert all(-1e-9 <= part <= 1 + 1e-9 for part in parts)
    assert 0.0 in made.ticks
    if made.broken:
        beyond = [value for value in values if value > made.ticks[-1]]
        assert 0 < len(beyond) <= 0.35 * len(values) + 1
        linear = Axis((made.ticks[0], made.end), made.end)
        largest = max(value for value in [0.0, *values] if value <= made.ticks[-1])
        assert made.part(largest) >= linear.part(largest), "the break gives room to the values before it"


def test_one_outlier_does_not_set_the_scale() -> None:
    usual = [0.1, 0.2, 0.3, 0.4]
    assert axis([*usual, 4.12]).part(0.4) >= 0.7
    assert not axis([*usual, 0.5]).broken
    assert not axis([4.0, 4.1, 4.2]).broken, "all are far"
    steady = [0.05 + 0.01 * n for n in range(10)] + [0.15 + 0.05 * n for n in range(12)]
    assert not axis(steady).broken, "none is far from the one before it"
    assert not axis([*usual, 4.12], keep=4.12).broken
    assert axis([*steady, *steady, *steady, 0.9, 1.4, 2.1, 2.5]).broken, (
        "a few that are far, one farther than the other"
    )


@given(st.lists(st.floats(0, 100), max_size=30), st.floats(0.1, 20))
def test_marks_that_would_touch_are_in_lanes_of_their_own(places: list[float], near: float) -> None:
    moved = apart(places, near)
    for (x, lane), (y, other) in combinations(zip(places, moved, strict=True), 2):
        assert abs(x - y) >= near or abs(lane - other) >= 0.5
        assert lane != other or abs(x - y) >= near
    alone = [n for n, x in enumerate(places) if all(m == n or abs(x - y) >= near for m, y in enumerate(places))]
    assert all(moved[n] == 0 for n in alone)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 300)), max_size=12))
def test_names_overlap_nothing(points: list[tuple[int, int]]) -> None:
    texts = [f"f={n}, en=0.9" for n in range(len(points))]
    boxes = beside(points, texts, 10.0, (-100, -100, 700, 400))
    for one, other in combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    for left, upper, right, lower in boxes:
        assert not [it for it in points if left < it[0] < right and upper < it[1] < lower]


def test_colours_are_told_from_white() -> None:
    assert min(contrast(colour, "#ffffff") for colour in (*COLOURS, INK, FAINT)) >= 4.5


@pytest.fixture(scope="module")
def swept() -> Sweep:
    """Tokenizers that lie near each other, some of them on each other; of two sizes."""
    points = []
    for size in (1000, 2000):
        for n, fairness in enumerate((None, 0.0, 3.0, 10.0, 30.0, 100.0)):
            for target in ({}, {"en": 0.9}):
                extra = 3 * n + len(target)
                prices = {"en": 5000 + 20 * n, "fr": 9000 - 300 * n + extra, "de": 8000 - 200 * n}
                scale = 4000 // size
                points.append(Point(fairness, target, size, {it: scale * price for it, price in prices.items()}))
    return Sweep("a text", tuple(points))


def test_a_sweep_is_legible(swept: Sweep) -> None:
    scene = training_plots.sweep(swept)
    assert overprinted(scene) == []
    text = said(scene)
    assert "lower is fairer" in text
    assert "further left is cheaper" in text
    assert "Gini of prices (0: all languages pay alike" in text
    assert f"* {swept.explanation}" in text
    front = swept.frontier()
    assert 0 < len(front) < len(swept.points)
    for point in swept.points:
        starred, plain = (re.findall(rf"^{re.escape(point.name)}{end}$", text, re.MULTILINE) for end in (r" \*", ""))
        twins = [it for it in swept.points if it.name == point.name]
        assert (len(starred), len(plain)) == (sum(it in front for it in twins), sum(it not in front for it in twins))
    assert (
        max(it.x + (text_width(it.text, it.size) if it.anchor == "start" else 0) for it in labels(scene)) <= scene.width
    )


@pytest.fixture(scope="module")
def traced() -> Trace:
    points = [1, 10, 100, 1000]
    prices = [[1000 + 7 * n - 100 * step + n * step for n in range(len(OFFICIAL))] for step in range(len(points))]
    return Trace.of(OFFICIAL, [n % len(OFFICIAL) for n in range(1000)], points, prices)


def test_a_trace_of_24_languages_shows_eight(traced: Trace) -> None:
    scene = training_plots.trace(traced)
    names = {language_name(it) for it in OFFICIAL}
    texts = [it.text for it in labels(scene)]
    assert all(texts.count(name) == 2 for name in names)
    assert not set(OFFICIAL) & set(texts)
    in_colour = {it.text for it in labels(scene) if it.text in names and it.colour in COLOURS}
    final = traced.final()
    ordered = sorted(final, key=lambda it: final[it])
    assert in_colour == {language_name(it) for it in ("en", *ordered[:3], *ordered[-4:])}
    strokes = {it.colour for it in scene.marks if isinstance(it, Line)}
    assert strokes >= {*COLOURS, training_plots.GREY}
    assert "In colour 8 of 24" in said(scene)
    assert "lower is better" in said(scene)
    assert overprinted(scene) == []


def test_a_trace_of_many_languages_names_those_in_colour() -> None:
    languages = [f"x{n}" for n in range(60)]
    trace = Trace.of(languages, [0], [1, 2], [[100 + n for n in range(60)], [50 + n for n in range(60)]])
    scene = training_plots.trace(trace)
    lines = [it for it in labels(scene) if it.text in languages and it.anchor == "start"]
    assert {it.text for it in lines if it.colour in COLOURS} == {f"x{n}" for n in (0, 1, 2, 3, 56, 57, 58, 59)}
    assert overprinted(scene) == []


def test_the_picture_of_prices(tok: Tokenizer, tmp_path: Path) -> None:
    result = compare({"ours": tok, "again": tok, "far": lambda text: 3 * len(text.encode())})
    scene = plots.surcharges(result)
    assert "lower is better" in said(scene)
    assert "Surcharge over English, which is at 0" in said(scene)
    dots = [it for it in scene.marks if isinstance(it, Dot)]
    english = [it for it in dots if it.title.startswith("English, ") and "tokens per sentence" not in it.title]
    zero = next(it for it in labels(scene) if it.text == "0")
    assert [it.x for it in english] == [zero.x] * 3
    assert not [(a, b) for a, b in combinations(dots, 2) if abs(a.x - b.x) < 9 and abs(a.y - b.y) < 9]
    assert plots.BROKEN in said(scene), "one tokenizer is far beyond the others"
    reference = compare({"far": lambda text: 3 * len(text.encode()), "ours": tok, "again": tok})
    tokens = plots.Panel(reference, "tokens_per_sentence", plots.order(reference), 0)
    assert not tokens.axis.broken, "the reference is no outlier"
    assert plots.BROKEN not in said(plots.surcharges(compare(["euro-64k", stored.encoder()])))
    assert ET.fromstring(plots.svg(scene)).tag.endswith("svg")
