"""The shipped tokenizers: what they hold, that other libraries give their ids, and that what is said of them is so."""

import gzip
import hashlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from string import Template
from typing import Any

import jinja2
import pytest
from scripts.gather_code import formulas
from scripts.models import cards, counting, peers, picture, pricing
from scripts.models.recipe import Recipe, read
from scripts.models.training import reported, steering

import eurotok
from conftest import Run, refusal
from ecosystem.recipes import follow, recipes
from eurotok import Counts
from eurotok.checks import check
from eurotok.loading import MODELS
from eurotok.output.plots import svg
from eurotok.pricing.parallel_text import OFFICIAL
from eurotok.pricing.steering import known

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "recipes" / "euro.toml"
PACKAGED = MODELS.parent / "data" / "prices.json"
SIZES = {"euro-64k": 65_536, "euro-128k": 131_072, "euro-200k": 200_064, "euro-256k": 262_144}
LARGEST = "euro-256k"


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
    assert sum(path.stat().st_size for path in MODELS.glob("*.eurotok")) < 9_000_000


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
    assert ", ".join(SIZES) in refusal(run("info", "euro-32k"))
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
    assert cards.LANGUAGES_BEGIN in readme
    assert readme == cards.with_table(readme, cards.who(prices, recipe), cards.WHO_BEGIN, cards.WHO_END)
    languages = cards.of_base(prices, recipe)
    assert readme == cards.with_table(readme, languages, cards.LANGUAGES_BEGIN, cards.LANGUAGES_END)
    ablations = (ROOT / "recipes" / "ABLATIONS.md").read_text(encoding="utf-8")
    knob = readme.partition("## What equal prices cost")[2].partition("\n## ")[0]
    figures = [line.split("|")[2:-1] for line in knob.splitlines() if re.match(r"\| (none|\d)", line)]
    assert len(figures) == 4
    for tokens, *others in figures:
        assert re.search(rf"\|{re.escape(tokens)}\|[^|]*\|{re.escape('|'.join(others))}\|", ablations)
    more = {name: [it for it in recipe.priced if prices["tokenizers"][name]["of_base"][it][0] > 1] for name in SIZES}
    assert more["euro-200k"] == more["euro-256k"] == ["en"], "as README says"
    for name in ("euro-64k", "euro-128k"):
        assert re.search(rf"under {name} {len(more[name])}(,| pay more)", " ".join(readme.split()))
    for table in (cards.summary(prices, SIZES), languages):
        assert table.splitlines()[0].count("|") == 6, "five columns"
    drawn = svg(picture.beside(prices, list(recipe.models), recipe.priced))
    assert (RECIPE.parent / "prices.svg").read_text(encoding="utf-8") == drawn


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
    texts = {"fr": 1, "nb": 1, "ru": 2 * recipe.rest_full, "fo": recipe.rest_full // 2}
    found = counting.shares(recipe, texts, ["c", "rust"])
    assert found["fr"] == found["nb"] == 1
    assert found["ru"] == recipe.rest_share == 2 * found["fo"]
    assert (found["c"] + found["rust"]) / sum(found.values()) == pytest.approx(recipe.code_share)


def test_the_smaller_are_the_beginning_of_the_largest() -> None:
    largest = eurotok.load(LARGEST)
    for name, size in SIZES.items():
        assert eurotok.load(name) == eurotok.truncate(largest, size)


@pytest.mark.parametrize("name", ["euro-200k", "euro-256k"])
def test_nobody_but_english_pays_more_than_today(recipe: Recipe, prices: Any, name: str) -> None:
    ratio = {language: it[0] for language, it in prices["tokenizers"][name]["of_base"].items()}
    assert {language for language in recipe.priced if ratio[language] > 1} == {"en"}


def test_entries_hold_no_handle_no_address_and_no_full_name() -> None:
    tok = eurotok.load(LARGEST)
    entries = [tok.token(number).decode("utf-8", "replace") for number in range(tok.vocab_size)]
    suspect = re.compile(
        r"\w@\w|@\w{5,}|https?://\w|www\.\w+\.|\+\d{6,}|[A-ZÀ-Þ][a-zà-ÿ]{2,}[ ._-]?[A-ZÀ-Þ][a-zà-ÿ]{2,}"
    )
    assert not [entry for entry in entries if suspect.search(entry)]


def test_the_package_has_the_prices_of_others(prices: Any) -> None:
    packaged = json.loads(PACKAGED.read_text(encoding="utf-8"))
    assert packaged == pricing.extract(prices)
    assert set(packaged["tokens_per_sentence"]) == set(prices["tokenizers"])
    assert set(packaged["languages"]) == set(OFFICIAL)


def test_chats_by_the_template(recipe: Recipe) -> None:
    environment = jinja2.Environment()
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    template = environment.from_string(recipe.chat.read_text(encoding="utf-8"))
    call = {"name": "météo", "arguments": {"ville": "Liège"}}
    messages = [
        {"role": "system", "content": "Sois bref."},
        {"role": "user", "content": [{"type": "text", "text": "Quel temps"}, {"type": "text", "text": " fait-il ?"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": call}]},
        {"role": "tool", "content": "pluie"},
    ]
    tools = [{"type": "function", "function": {"name": "météo"}}]
    text = template.render(messages=messages, tools=tools, add_generation_prompt=True)
    assert text == (
        f"<|begin_of_text|><|tools|>{json.dumps(tools, ensure_ascii=False)}<|end_of_tools|>"
        "<|system|>Sois bref.<|end_of_turn|><|user|>Quel temps fait-il ?<|end_of_turn|>"
        f"<|assistant|><|tool_call|>{json.dumps(call, ensure_ascii=False)}<|end_of_tool_call|><|end_of_turn|>"
        "<|tool|><|tool_result|>pluie<|end_of_tool_result|><|end_of_turn|><|assistant|>"
    )
    assert set(recipe.content) <= set(recipe.special_tokens)
    assert set(re.findall(r"<\|\w+\|>", text)) <= set(recipe.special_tokens)

    def refuse(reason: str) -> None:
        raise ValueError(reason)

    with pytest.raises(ValueError, match="role wizard"):
        template.render(messages=[{"role": "wizard", "content": ""}], raise_exception=refuse)


@pytest.mark.parametrize("name", SIZES)
def test_marks_of_content_are_kept_in_decoding(recipe: Recipe, name: str) -> None:
    tok = eurotok.load(name)
    ids = list(tok.special_tokens.values())
    assert tok.decode(ids, skip_specials=True) == "".join(it for it in tok.special_tokens if it in recipe.content)
    assert all(len(tok.encode(it)) > 1 for it in recipe.content), "text is text"


@pytest.mark.parametrize("name", SIZES)
def test_the_text_that_steered_is_known(recipe: Recipe, corpus: Path, name: str) -> None:
    remembered = eurotok.load(name)._steered_by
    folder = corpus / "parallel" / "ntrex"
    text = steering(folder, recipe.priced).sentences
    assert known(remembered, text) == 1
    assert all(known(remembered, {language: lines}) for language, lines in text.items())
    assert known(remembered, reported(folder, recipe.priced).sentences) == 0


def test_counts_are_calibrated_before_code_is_added(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "fr.tsv").write_text("le\t1\nchat\t3\n", encoding="utf-8")
    counts = {name: Counts("europe") for name in (*recipe.domains, counting.NEW, counting.CODE)}
    counts["law"].add_texts("fr", [" le le chat"])
    counts[counting.NEW].add_texts("fr", [" chat"])
    counts[counting.CODE].add_texts("c", [" le le"])
    chosen = replace(recipe, frequencies=tmp_path, strength=1.0, new_times=2, resolution=10, least=1)
    total = counting.weigh(chosen, counts)
    # Of 5 words in the text, new text counting twice, 5/4 are to be "le".
    assert total.bytes == {"fr": 13 * len(" le") + 38 * len(" chat"), "c": 6}
    uncalibrated = counting.weigh(replace(chosen, strength=0.0), counts)
    assert uncalibrated.bytes == {"fr": 20 * len(" le") + 30 * len(" chat"), "c": 6}
    assert counting.weigh(replace(chosen, code_share=0.0), counts).languages == ["fr"]


def test_published_files_are_read_whatever_their_name(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json.gz").write_bytes(gzip.compress(b'{"a": 1}'))
    assert peers.read(tmp_path / "tokenizer.json.gz") == '{"a": 1}'


def test_formulas_of_docstrings() -> None:
    text = (
        'r"""The ratio :math:`\\frac{a}{b}`\n\n    .. math::\n\n        a &= b^2 \\\\\n        b &= 1\n\n    where"""'
    )
    assert formulas(text) == "$\\frac{a}{b}$\n\\[\na &= b^2 \\\\\nb &= 1\n\\]\n"
    assert formulas('"""A doubled :math:`\\\\alpha`."""') == "$\\alpha$\n"
    assert not formulas("no formula, :ref:`nowhere`")
