"""Tokenizers by the names that people have for them."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import eurotok
from conftest import Run, refusal
from eurotok import Tokenizer, compare
from eurotok.pricing import stored
from eurotok.pricing.parallel_text import load_parallel
from eurotok.published import OF_TIKTOKEN

TEXT = "Zwölf Boxkämpfer jagen Eva quer über den Sylter Deich."


@pytest.fixture
def cache(tok_json: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of Hugging Face in which `org/model` has an old and a new revision, of which `main` is the old one."""
    model = tmp_path / "hub" / "models--org--model"
    for revision, data in (("aaa", b"{}"), ("bbb", tok_json.read_bytes())):
        (model / "snapshots" / revision).mkdir(parents=True)
        (model / "snapshots" / revision / "tokenizer.json").write_bytes(data)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("bbb\n")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


def test_folders_and_the_cache(tok: Tokenizer, cache: Path, run: Run, sentences: dict[str, list[str]]) -> None:
    folder = cache / "hub" / "models--org--model" / "snapshots" / "bbb"
    assert eurotok.load("org/model") == eurotok.load(folder) == tok
    text = {"en": list(sentences["en"]), "fr": list(sentences["fr"])}
    result = compare(["org/model", folder, f"ours={folder}"], text)
    assert result.tokenizers == ("model", "bbb", "ours")
    assert (result.counts == result.counts[0]).all()
    assert run("count", "org/model", "-", input=TEXT.encode()).returncode == 0
    (folder / "tokenizer.json").unlink()
    with pytest.raises(IsADirectoryError, match=r"without a tokenizer\.json"):
        eurotok.load(folder)


def test_a_label_is_no_part_of_a_file(tok: Tokenizer, tok_json: Path, tmp_path: Path, run: Run) -> None:
    odd = tmp_path / "a=b.json"
    odd.write_bytes(tok_json.read_bytes())
    assert compare([odd, f"x={odd}", "y=euro-64k"]).tokenizers == ("a=b.json", "x", "y")
    assert eurotok.load(f"x={tok_json}") == tok
    assert "t.json: is an input" in refusal(
        run("compare", f"x={tok_json}", f"t={tmp_path / 't.json'}", "--json", "t.json")
    )


def test_without_a_network_it_is_said_that_tiktoken_fetches(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(_: str) -> object:
        raise ConnectionError("HTTPSConnectionPool(host='x'): Max retries exceeded")

    monkeypatch.setitem(
        sys.modules, "tiktoken", SimpleNamespace(list_encoding_names=list, encoding_for_model=fetch, get_encoding=fetch)
    )
    with pytest.raises(ConnectionError, match=r"^gpt-4o: tiktoken fetches this .* TIKTOKEN_CACHE_DIR names$"):
        eurotok.load("gpt-4o")


@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base", "gpt-4", "gpt-4o", "gpt-4o-mini", "gpt2", "o3-mini"])
def test_without_tiktoken_its_names_say_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(ImportError, match=f"{name}: .*pip install tiktoken"):
        eurotok.load(name)
    with pytest.raises(FileNotFoundError, match="no shipped tokenizer"):
        eurotok.load("euro-65k")


def test_tiktoken_gives_its_encodings(tok: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = {
        tok.token(number): rank
        for rank, number in enumerate(sorted(set(range(tok.vocab_size)) - {*tok.special_tokens.values()}))
    }
    encoding = SimpleNamespace(_mergeable_ranks=ranks, _pat_str=r"\w+|\W", _special_tokens={"<|end|>": len(ranks)})
    library = ModuleType("tiktoken")
    known = {"o200k_base": encoding}
    library.list_encoding_names = lambda: list(known)  # type: ignore[attr-defined]
    library.get_encoding = known.__getitem__  # type: ignore[attr-defined]
    library.encoding_for_model = {"gpt-4o": encoding}.__getitem__  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tiktoken", library)
    base = eurotok.load("o200k_base")
    assert base == eurotok.load("gpt-4o")
    assert base.special_tokens == {"<|end|>": len(ranks)}
    assert base.decode(base.encode(TEXT)) == TEXT
    assert compare(["paid=gpt-4o"], {"en": [TEXT]}).prices[0, 0] == base.count(TEXT)
    with pytest.raises(FileNotFoundError, match="tiktoken knows no such model"):
        eurotok.load("gpt-9")


def test_every_name_of_tiktoken_is_known_without_it() -> None:
    model = pytest.importorskip("tiktoken.model")
    import tiktoken

    names = [*tiktoken.list_encoding_names(), *model.MODEL_TO_ENCODING]
    assert [it for it in names if not OF_TIKTOKEN.fullmatch(it)] == []


def test_the_first_table_has_what_people_pay_for(run: Run) -> None:
    result = compare()
    assert result.tokenizers == ("o200k_base", *eurotok.models())
    greek, english = result.languages.index("el"), result.languages.index("en")
    assert result.surcharges[0, greek] > 0.8
    assert result.over_reference[1:, english].min() > 1, "English gains nothing, and the table says so"
    assert compare(text={"en": [TEXT]}).tokenizers == tuple(eurotok.models()), "figures are of the sample alone"
    assert "o200k_base" in run("compare").stdout.decode()


def test_stored_figures_are_of_this_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = load_parallel()
    encoder = stored.encoder()
    assert encoder.vocab_size == 200_019
    assert all(min(encoder.encode(lines)) > 2 for lines in sample.sentences.values())
    with pytest.raises(ValueError, match="o200k_base is stored for the embedded sample alone"):
        encoder.encode([TEXT])
    other = (stored.FIGURES / "o200k_base.json").read_text().replace('"sample":"', '"sample":"0')
    (tmp_path / "other.json").write_text(other)
    monkeypatch.setattr(stored, "FIGURES", tmp_path)
    with pytest.raises(eurotok.FormatError, match="not a file of figures of the embedded sample"):
        stored.encoder("other")


def test_stored_figures_are_right() -> None:
    quicktok = pytest.importorskip("quicktok")
    encoding, encoder = quicktok.get_encoding("o200k_base"), stored.encoder()
    for lines in load_parallel().sentences.values():
        assert encoder.encode(lines) == [len(encoding.encode_ordinary(line)) for line in lines]
