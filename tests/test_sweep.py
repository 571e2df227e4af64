"""Traces, wishes and sweeps: what training did, what was wished for, and what equal prices cost."""

import json
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import eurotok
from conftest import Run
from eurotok import Counts, Sweep, Tokenizer, Trace, Wish
from eurotok.output import plots, training_plots
from eurotok.pricing.parallel_text import OFFICIAL, language_name, load_parallel, load_sentences
from eurotok.training import limits as wishes

SIZE = 1200
MERGES = SIZE - 256


@pytest.fixture(scope="module")
def counts(sample: Path) -> Counts:
    return eurotok.count(sample)


@pytest.fixture(scope="module")
def traced(counts: Counts, sample: Path) -> tuple[Tokenizer, Trace]:
    traces: list[Trace] = []
    tok = eurotok.train(counts, vocab_size=SIZE, parallel=sample, trace=traces.append)
    return tok, traces[0]


def prices(tok: Tokenizer, folder: Path) -> dict[str, int]:
    text = load_sentences(folder, OFFICIAL)
    return {language: int(tok.count_batch(list(sentences)).sum()) for language, sentences in text.items()}


def test_a_trace_ends_with_the_prices_that_the_tokenizer_gives(
    traced: tuple[Tokenizer, Trace], sample: Path, counts: Counts
) -> None:
    tok, trace = traced
    assert trace.languages == tuple(counts.languages)
    assert trace.final() == prices(tok, sample)
    assert trace.winners.shape == (MERGES,)
    assert sum(trace.won().values()) == MERGES
    assert trace.merges[0] == 0
    assert trace.merges[-1] == MERGES
    # Before the first merge, a token is a byte.
    text = load_sentences(sample, OFFICIAL)
    assert trace.prices[0].tolist() == [len("".join(text[language]).encode()) for language in trace.languages]
    assert np.all(np.diff(trace.prices, axis=0) <= 0)


def test_a_trace_has_the_prices_of_every_size(traced: tuple[Tokenizer, Trace], sample: Path, counts: Counts) -> None:
    _, trace = traced
    point = len(trace.merges) // 2
    tok = eurotok.train(counts, vocab_size=256 + int(trace.merges[point]), parallel=sample)
    assert list(prices(tok, sample).values()) == trace.prices[point].tolist()


def test_the_winner_is_the_language_that_a_merge_helps(sample: Path) -> None:
    counts = Counts("europe")
    counts.add_texts("aa", ["xyxy " * 50])
    counts.add_texts("bb", ["zwzwzw " * 50])
    traces: list[Trace] = []
    tok = eurotok.train(counts, vocab_size=258, fairness=5, target={"aa": 1.0}, trace=traces.append)
    languages = [traces[0].languages[winner] for winner in traces[0].winners]
    assert languages == ["aa" if left == b"x" else "bb" for left, _ in tok.merges]


def test_parity_is_traced(counts: Counts, sample: Path) -> None:
    traces: list[Trace] = []
    parity = eurotok.Parity(global_merges=10)
    parallel = load_sentences(sample, OFFICIAL)
    steering = Counts(counts.scheme)
    for language, lines in parallel.items():
        steering.add_texts(language, lines)
    tok = eurotok.train(counts, vocab_size=700, parallel=steering, parity=parity, trace=traces.append)
    assert traces[0].final() == prices(tok, sample)
    assert np.all(traces[0].winners[:10] == -1)
    assert np.all(traces[0].winners[10:] >= 0)


def test_plain_training_has_no_trace(counts: Counts) -> None:
    traces: list[Trace] = []
    eurotok.train(counts, vocab_size=300, trace=traces.append)
    assert traces == []


def test_traces_survive_and_are_drawn(traced: tuple[Tokenizer, Trace], tmp_path: Path) -> None:
    _, trace = traced
    path = tmp_path / "trace.json"
    trace.save(path)
    loaded = Trace.load(path)
    assert loaded.languages == trace.languages
    for name in ("winners", "merges", "prices"):
        assert np.array_equal(getattr(loaded, name), getattr(trace, name))
    scene = training_plots.trace(trace)
    texts = [element.text for element in ET.fromstring(plots.svg(scene)).iter() if element.tag.endswith("text")]
    assert all(texts.count(language_name(language)) == 2 for language in OFFICIAL)
    for bad in ("{}", "[]", "not json", '{"format": "eurotok trace 1", "languages": []}'):
        path.write_text(bad)
        with pytest.raises(eurotok.FormatError, match=r"trace\.json"):
            Trace.load(path)
    with pytest.raises(ValueError, match="too few"):
        training_plots.trace(Trace.of(["fr"], [], [0], [[5]]))


def surcharge(paid: dict[str, int]) -> float:
    return max(paid.values()) / paid["en"] - 1


def test_a_cap_on_surcharges_is_met(counts: Counts, sample: Path) -> None:
    before = prices(eurotok.train(counts, vocab_size=SIZE, parallel=sample, fairness=5), sample)
    limit = 0.6 * surcharge(before)
    outcome = eurotok.grant(counts, [Wish(None, limit)], vocab_size=SIZE, parallel=sample, fairness=5)
    paid = prices(outcome.tokenizer, sample)
    (granted,) = outcome.granted
    assert surcharge(paid) <= limit
    assert granted.met
    assert granted.worst == pytest.approx(surcharge(paid))
    assert granted.cost == sum(paid.values()) - sum(before.values())
    assert outcome.targets
    assert all(target <= 1 for target in outcome.targets.values())


def test_a_floor_and_a_price_under_another_tokenizer(counts: Counts, sample: Path) -> None:
    other = eurotok.train(counts, vocab_size=SIZE, shares={"en": 3})
    own = prices(other, sample)["en"]
    wishes = [Wish("en", 0.03, other), Wish("el", 0.3, "bg", least=True)]
    outcome = eurotok.grant(counts, wishes, vocab_size=SIZE, parallel=sample)
    paid = prices(outcome.tokenizer, sample)
    assert [granted.met for granted in outcome.granted] == [paid["en"] <= 1.03 * own, paid["el"] >= 1.3 * paid["bg"]]
    assert outcome.granted[0].met
    assert outcome.granted[0].worst == pytest.approx(paid["en"] / own - 1)


def test_nobody_pays_more_than_under_another_tokenizer(
    counts: Counts, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = eurotok.train(counts, vocab_size=SIZE, shares={"en": 3, "fr": 2})
    limits = prices(other, sample)
    plain = prices(eurotok.train(counts, vocab_size=SIZE, parallel=sample), sample)
    assert any(plain[language] > limits[language] for language in limits)
    for enough in (wishes.ENOUGH, 4 * SIZE):
        monkeypatch.setattr(wishes, "ENOUGH", enough)
        outcome = eurotok.grant(counts, [Wish(None, 0.02, other)], vocab_size=SIZE, parallel=sample)
        paid = prices(outcome.tokenizer, sample)
        (granted,) = outcome.granted
        worst = max(paid, key=lambda language: paid[language] / limits[language])
        assert granted.met == (paid[worst] <= 1.02 * limits[worst])
        assert granted.language == worst
        assert granted.worst == pytest.approx(paid[worst] / limits[worst] - 1)
        assert granted.worst < max(plain[language] / limits[language] for language in limits) - 1
        assert str(granted.wish) == "each at most +2 % beside itself under another tokenizer"


def test_prices_under_any_tokenizer_are_targets(counts: Counts, sample: Path) -> None:
    text = {language: list(lines) for language, lines in load_parallel().sentences.items()}
    other = eurotok.train(counts, vocab_size=SIZE, shares={"en": 3})
    under = wishes.prices_under(other, text)
    assert under == prices(other, sample)

    class Counter:
        def count(self, text: str) -> int:
            return other.count(text)

    assert wishes.prices_under(Counter(), text) == under
    tok = eurotok.train(counts, vocab_size=SIZE, parallel=sample, fairness=100, target=under)
    paid = prices(tok, sample)
    ratios = [paid[language] / under[language] for language in under]
    assert max(ratios) / min(ratios) < 1.1
    with pytest.raises(ValueError, match="fails on sentence 1 of 'bg'"):
        wishes.prices_under(lambda text: [] if "а" in text else [1], text)


def test_what_cannot_be_is_reported(counts: Counts, sample: Path) -> None:
    outcome = eurotok.grant(counts, [Wish("fr", -0.9)], vocab_size=600, parallel=sample)
    (granted,) = outcome.granted
    assert not granted.met
    assert str(granted).startswith("NOT met: fr at most -90 % beside en (fr ")


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish("tlh", 0.1), "'tlh'"),
        (Wish("fr", 0.1, "tlh"), "'tlh'"),
    ],
)
def test_wishes_about_unknown_languages(counts: Counts, sample: Path, wish: Wish, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        eurotok.grant(counts, [wish], vocab_size=600, parallel=sample)


@pytest.mark.parametrize("limit", [-1.0, float("nan"), float("inf"), 20])
def test_limits_outside_their_domain(limit: float) -> None:
    with pytest.raises(ValueError, match=f"wish: a limit of {limit:g}"):
        Wish("fr", limit)


@pytest.fixture(scope="module")
def swept(counts: Counts, sample: Path) -> Sweep:
    return eurotok.sweep(counts, sample, vocab_size=[600, 1000], fairness=[None, 0, 10], target=[{}, {"en": 0.8}])


def test_points_of_a_sweep_are_what_training_gives(swept: Sweep, counts: Counts, sample: Path) -> None:
    assert [(point.name, point.vocab_size) for point in swept.points] == [
        (name, size) for name in ("plain", "f=0", "f=10", "f=10, en=0.8") for size in (600, 1000)
    ]
    for point in swept.points:
        how = {} if point.fairness is None else {"parallel": sample, "fairness": point.fairness, "target": point.target}
        tok = eurotok.train(counts, vocab_size=point.vocab_size, **how)  # type: ignore[arg-type]
        assert point.prices == prices(tok, sample)
    frontier = [point for point in swept.frontier() if point.vocab_size == 600]
    for cheap, dear in pairwise(sorted(frontier, key=lambda point: point.total)):
        assert cheap.gini > dear.gini


def test_sweeps_survive_and_are_drawn(swept: Sweep, tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    swept.save(path)
    assert Sweep.load(path) == swept
    drawn = ET.fromstring(plots.svg(training_plots.sweep(swept)))
    titles = [element.text for element in drawn.iter() if element.tag.endswith("title")]
    assert sum("Gini" in (title or "") for title in titles) == len(swept.points)
    path.write_text("{}")
    with pytest.raises(eurotok.FormatError, match=r"sweep\.json"):
        Sweep.load(path)


def test_on_the_command_line(run: Run, sample: Path, tmp_path: Path) -> None:
    out, trace, sweep = (tmp_path / name for name in ("t.json", "trace.svg", "sweep.json"))
    done = run(
        "train", "--corpus", sample, "--parallel", sample, "--vocab-size", 600, "--wish", "surcharge<=90%",
        "--trace", trace, "-o", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"met: no surcharge above +90 %" in done.stderr
    assert b"<svg" in trace.read_bytes()
    assert eurotok.load(out).vocab_size == 600
    done = run(
        "sweep", "--corpus", sample, "--parallel", sample, "--vocab-size", "400,500", "--fairness", "1,10", "-o", sweep
    )
    assert done.returncode == 0, done.stderr
    assert len(json.loads(sweep.read_bytes())["points"]) == 6
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 7 + 2
    assert lines[-1].startswith("* on the front: no other tokenizer of its size ")
    assert lines[-1].endswith("lower is fairer.")
    for arguments, message in (
        (["train", "--corpus", sample, "--vocab-size", 600, "--wish", "fr<=1%", "-o", out], b"--parallel"),
        (["train", "--corpus", sample, "--vocab-size", 600, "--wish", "fr=1", "-o", out], b"fr=1"),
        (["train", "--corpus", sample, "--vocab-size", 600, "--trace", "x.svg", "-o", out], b"--trace"),
        (["sweep", "--corpus", sample, "--parallel", sample, "--vocab-size", "a"], b"commas"),
        (["sweep", "--corpus", sample, "--parallel", sample, "--vocab-size", "300", "-o", "x.pdf"], b"x.pdf"),
    ):
        done = run(*arguments)
        assert done.returncode in (1, 2)
        assert message in done.stderr
