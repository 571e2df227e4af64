"""The parallel text that steered training is known again: from files, in parts, under any name."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import eurotok
from conftest import Run
from eurotok.pricing import steering
from eurotok.pricing.parallel_text import load_parallel

Text = Mapping[str, Sequence[str]]


@pytest.fixture(scope="module")
def halves() -> tuple[Text, Text]:
    sample = load_parallel()
    return sample.part(slice(0, 36)).sentences, sample.part(slice(36, None)).sentences


@pytest.fixture(scope="module")
def steered(sample: Path, halves: tuple[Text, Text]) -> eurotok.Tokenizer:
    return eurotok.train(sample, vocab_size=600, parallel=halves[0])


def steered_by(tok: object, text: Text) -> bool:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        comparison = eurotok.compare([tok], text)
    assert [str(it.message) for it in caught if it.category is eurotok.SteeredWarning] == list(comparison.steered)
    assert set(comparison.steered) <= set(comparison.problems), "the page says so, too"
    return bool(comparison.steered)


@pytest.mark.parametrize("ending", ["json", "eurotok", "tiktoken"])
def test_files_remember_it(steered: eurotok.Tokenizer, halves: tuple[Text, Text], ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{ending}"
    steered.save(path)
    assert eurotok.load(path).encode_list("L’école") == steered.encode_list("L’école")
    assert steered_by(path, halves[0])
    assert not steered_by(path, halves[1])


def test_other_libraries_read_the_file(steered: eurotok.Tokenizer) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    theirs = tokenizers.Tokenizer.from_str(steered.to_bytes("json").decode())
    assert theirs.encode("L’école", add_special_tokens=False).ids == steered.encode_list("L’école")


def test_parts_are_known_again(steered: eurotok.Tokenizer, halves: tuple[Text, Text]) -> None:
    first, second = halves
    assert steered_by(steered, {"en": first["en"], "fr": first["fr"], "de": first["de"]})
    assert steered_by(steered, {language: [*first[language], *second[language]] for language in first})
    assert steered_by(steered, {language: lines[:18] for language, lines in first.items()})


def test_pickles_and_smaller_ones_remember_it(steered: eurotok.Tokenizer, halves: tuple[Text, Text]) -> None:
    import pickle

    assert steered_by(pickle.loads(pickle.dumps(steered)), halves[0])
    assert steered_by(eurotok.truncate(steered, 500), halves[0])
    grown = eurotok.extend(steered, dict(halves[1]), vocab_size=650, parallel=halves[1])
    assert steered_by(grown, halves[0])
    assert steered_by(grown, halves[1])


def test_every_training_that_goes_by_prices_remembers(sample: Path, halves: tuple[Text, Text]) -> None:
    counts = eurotok.count_pieces(sample)
    outcome = eurotok.grant(counts, [eurotok.Wish(None, 9.0)], vocab_size=300, parallel=halves[0])
    assert steered_by(outcome.tokenizer, halves[0])
    assert steered_by(eurotok.train(counts, vocab_size=300, parallel=halves[0], parity="base"), halves[0])
    assert not steered_by(eurotok.train(counts, vocab_size=300), halves[0])


def test_the_command_warns(run: Run, steered: eurotok.Tokenizer, tmp_path: Path, sample: Path) -> None:
    whole = run("train", sample, "--vocab-size", 300, "--parallel", sample, "-o", "t.json")
    assert whole.returncode == 0, whole.stderr
    said = run("compare", "ours=t.json").stderr.decode()
    assert said.startswith("eurotok: warning: ours was trained with this text as its parallel text (100 % of ")


def test_one_of_many_languages_is_known_again() -> None:
    text = {f"l{number}": [f"Sentence {line} of {number}." for line in range(200)] for number in range(38)}
    kept = steering.sketch(text)
    assert len(kept) == 38 * steering.EACH
    assert all(steering.known(kept, {language: lines}) for language, lines in text.items())


def test_few_hashes_are_kept() -> None:
    text = {"en": [f"Sentence {number}." for number in range(1000)]}
    assert len(steering.sketch(text)) == steering.SENTENCES
    assert steering.known(steering.sketch(text), {"de": text["en"][:500]}) == pytest.approx(0.5, abs=0.2)
