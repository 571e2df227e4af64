"""The shipped tokenizers: what they hold, that other libraries give their ids, and that what is said of them is so."""

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

import pytest
from scripts.models import cards, counting
from scripts.models.recipe import Recipe, read

import eurotok
from conftest import Run, refusal
from ecosystem.recipes import follow, recipes
from eurotok.checks import check
from eurotok.tokenizer import MODELS

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "recipes" / "euro.toml"
SIZES = {"euro-64k": 65_536, "euro-128k": 131_072, "euro-200k": 200_064}


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setenv("EUROTOK_CORPUS", "corpus")
    monkeypatch.setenv("EUROTOK_CODE", "code")
    return read(RECIPE)


@pytest.fixture(scope="module")
def prices() -> Any:
    return json.loads((RECIPE.parent / "prices.json").read_text(encoding="utf-8"))


def test_they_are_named_and_have_the_sizes_of_the_recipe(recipe: Recipe) -> None:
    assert eurotok.models() == list(SIZES)
    assert dict(recipe.models) == SIZES
    assert {name: eurotok.load(name).vocab_size for name in SIZES} == SIZES
    assert sum(path.stat().st_size for path in MODELS.glob("*.eurotok")) < 6_000_000


@pytest.mark.parametrize("name", SIZES)
def test_special_tokens_are_those_of_the_recipe(name: str, recipe: Recipe) -> None:
    tok = eurotok.load(name)
    assert tok.special_tokens == {token: number for number, token in enumerate(recipe.special_tokens)}
    assert sum(token.startswith("<|reserved_") for token in tok.special_tokens) >= 64
    chat = "<|user|>Ça va ?<|end_of_turn|>"
    ids = tok.encode(chat, specials="parse").tolist()
    assert (ids[0], ids[-1]) == (tok.special_tokens["<|user|>"], tok.special_tokens["<|end_of_turn|>"])
    assert tok.decode(ids) == chat
    assert not {ids[0], ids[-1]} & set(tok.encode(chat).tolist())


@pytest.mark.parametrize("name", SIZES)
def test_what_they_encode_comes_back(name: str, sentences: dict[str, Sequence[str]]) -> None:
    tok = eurotok.load(name)
    assert tok.scheme == "europe"
    assert tok.decode(tok.encode("L’école européenne")) == "L’école européenne"
    texts = [line for lines in sentences.values() for line in lines]
    assert tok.decode_batch(tok.encode_batch(texts)) == texts


def test_the_smallest_is_fit_to_be_published() -> None:
    findings = check(eurotok.load("euro-64k"))
    assert not [finding for finding in findings if finding.status == "failed"]


@pytest.mark.parametrize("name", SIZES)
def test_other_libraries_give_the_same_ids(
    name: str, sentences: dict[str, Sequence[str]], run: Run, tmp_path: Path
) -> None:
    texts = [line for lines in sentences.values() for line in lines[:10]]
    ids = eurotok.load(name).encode_batch(texts).to_list()
    for path in ("tokenizer.json", f"{name}.tiktoken"):
        assert run("convert", name, path).returncode == 0
        assert eurotok.load(tmp_path / path).encode_batch(texts).to_list() == ids
    for library in ("tokenizers", "tiktoken"):
        pytest.importorskip(library)
        done = follow(Path(sys.executable), recipes(name)[library], texts, tmp_path)
        assert done["ids"] == ids
        assert done["decoded"] == texts


def test_a_name_that_is_none(run: Run) -> None:
    assert "euro-64k, euro-128k, euro-200k" in refusal(run("info", "euro-32k"))
    with pytest.raises(FileNotFoundError, match="no shipped tokenizer"):
        eurotok.load("euro-32k")
    with pytest.raises(FileNotFoundError, match="No such file"):
        eurotok.load("./euro-64k")


def test_records_are_of_these_files(prices: Any) -> None:
    hashes = {name: hashlib.sha256((MODELS / f"{name}.eurotok").read_bytes()).hexdigest() for name in SIZES}
    assert prices["sha256"] == hashes


def test_cards_and_tables_are_what_the_records_say(recipe: Recipe, prices: Any) -> None:
    template = Template((RECIPE.parent / "card.template.md").read_text(encoding="utf-8"))
    for name in SIZES:
        written = (MODELS / f"{name}.md").read_text(encoding="utf-8")
        assert written == cards.card(name, recipe, RECIPE, prices, template)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert cards.BEGIN in readme
    assert readme == cards.with_table(readme, cards.summary(prices, prices["tokenizers"]))


def test_a_piece_counts_once_in_a_window() -> None:
    texts = ["le chat, le chat", "le chien"]
    (together,) = counting.windows(texts, "europe", 1000)
    assert sorted(together) == [" chat", " chien", " le", ",", "le"]
    apart = list(counting.windows(texts, "europe", 1))
    assert [sorted(pieces) for pieces in apart] == [[" chat", " le", ",", "le"], [" chien", "le"], []]
    assert list(counting.windows(texts, "europe", 0)) == [texts]


def test_blocks_are_those_of_the_index(tmp_path: Path) -> None:
    (tmp_path / "fr.txt").write_text("été\nun\n\ndeux\n", encoding="utf-8")
    index = tmp_path / "fr.tsv"
    index.write_text("block\tsource\tlines\tbytes\n0\ta\t2\t9\n1\tb\t1\t5\n")
    found = counting.blocks(tmp_path / "fr.txt", index, {"a": "x", "b": "y"})
    assert found == {"x": ["été\nun\n"], "y": ["deux\n"]}
    index.write_text("block\tsource\tlines\tbytes\n0\ta\t2\t9\n")
    with pytest.raises(ValueError, match="tells of 9 bytes"):
        counting.blocks(tmp_path / "fr.txt", index, {"a": "x"})


def test_shares_of_columns(recipe: Recipe) -> None:
    found = counting.shares(recipe, {"fr": 1, "nb": 2 * recipe.other_full, "fo": recipe.other_full // 2}, ["c", "rust"])
    assert found["fr"] == 1
    assert found["nb"] == recipe.other_share == 2 * found["fo"]
    assert (found["c"] + found["rust"]) / sum(found.values()) == pytest.approx(recipe.code_share)
