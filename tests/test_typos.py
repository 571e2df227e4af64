"""What people type: names in other forms, and typos, which are answered with what was meant."""

from pathlib import Path

import pytest

import eurotok
from conftest import Run, refusal
from eurotok import languages
from eurotok.pricing.parallel_text import LANGUAGE_NAMES, load_parallel, load_sentences


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["tran"], "train"),
        (["comprae", "euro-64k"], "compare"),
        (["train", "--vocabsize", "300"], "--vocab-size"),
        (["compare", "--langauges", "fr"], "--languages"),
        (["compare", "--figure", "fertilty"], "fertility"),
        (["help", "trian"], "train"),
    ],
    ids=" ".join,
)
def test_typos_in_commands_and_options(run: Run, arguments: list[str], meant: str) -> None:
    assert f"; did you mean {meant}?" in refusal(run(*arguments), 2)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["info", "euro-46k"], "euro-64k"),
        (["compare", "euro-64", "euro-128k"], "euro-64k"),
        (["compare", "euro-64k", "--languages", "frr"], "fr"),
    ],
    ids=" ".join,
)
def test_typos_in_models_and_languages(run: Run, arguments: list[str], meant: str) -> None:
    assert f"did you mean {meant}?" in refusal(run(*arguments))


def test_an_option_that_is_none_is_named_before_one_that_is_missing(run: Run) -> None:
    message = refusal(run("train", "texts", "--outptu", "t.json"), 2)
    assert message.startswith("there is no option --outptu; did you mean --output?")


def test_languages_in_other_forms(run: Run, sample: Path, tmp_path: Path) -> None:
    train = ("train", sample, "--vocab-size", "300", "-o")
    assert run(*train, "a.json", "--share", "fr=3", "--share", "de=2").returncode == 0
    assert run(*train, "b.json", "--share", "FRA=3", "--share", "german=2").returncode == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert "given twice" in refusal(run(*train, "c.json", "--share", "fr=1", "--share", "FR=2"))
    one, other = (run("compare", "euro-64k", "--languages", given).stdout for given in ("fr,el", "FRA,ell"))
    assert one == other


def test_entries_and_models_in_other_forms(run: Run, sample: Path, tmp_path: Path) -> None:
    assert run("train", sample, "--vocab-size", "1k", "-o", "t.json").returncode == 0
    assert eurotok.load(tmp_path / "t.json").vocab_size == 1024
    assert eurotok.load("euro-64K") == eurotok.load("euro-64k")
    assert eurotok.compare(["Euro-64K"]).tokenizers == ("euro-64k",)


def test_a_label_before_a_tokenizer_anywhere(run: Run, tok_json: Path) -> None:
    for command in (["info"], ["check"], ["count-tokens", "-"], ["encode", "-"], ["tokens", "a"]):
        verb, *rest = command
        assert run(verb, f"ours={tok_json}", *rest, input=b"a").returncode == 0, command
    assert b" ours" in run("compare", f"ours={tok_json}", "--reference", "euro-64k").stdout
    assert b" ours" in run("demo", f"ours={tok_json}").stdout


def test_text_to_train_on_without_an_option(run: Run, sample: Path, tmp_path: Path) -> None:
    options = ("--vocab-size", "300", "-o")
    assert run("train", "--corpus", sample, *options, "a.json").returncode == 0
    assert run("train", f"{sample}/", *options, "b.json").returncode == 0
    assert run("train", *sorted(sample.glob("*.txt")), *options, "c.json").returncode == 0
    assert len({(tmp_path / name).read_bytes() for name in ("a.json", "b.json", "c.json")}) == 1
    assert run("count-pieces", sample, "-o", "all.counts").returncode == 0
    assert run("train", "all.counts", *options, "d.json").returncode == 0
    assert (tmp_path / "d.json").read_bytes() == (tmp_path / "a.json").read_bytes()


def test_the_old_name_of_a_command_works_and_warns(run: Run, tok_json: Path) -> None:
    new, old = (run(name, tok_json, "-", input=b"a b") for name in ("count-tokens", "count"))
    assert new.stdout == old.stdout
    assert new.stderr == b""
    assert old.stderr == b"eurotok: warning: 'count' is the old name of count-tokens\n"


def test_tokens_are_shown(run: Run) -> None:
    result = run("tokens", "euro-64k", "L’école\neuropéenne")
    assert result.stdout.decode() == "L|’|école|\\n\neuro|pé|enne\n"
    assert result.stderr == b"7 tokens\n"
    assert run("tokens", "euro-64k", "-", "--ids", input="été".encode()).stdout.decode().split()[1:] == ["été"]


def test_help_is_as_wide_as_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (50, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = run("train", "--help").stdout.decode().splitlines()
        assert width - 20 < max(map(len, lines)) <= width
        joined = " ".join(" ".join(line.strip().removesuffix("\\") for line in lines).split())
        assert "eurotok train texts/ --vocab-size 64k --share en=4 --special-token '<|end|>' -o token" in joined


def test_every_code_of_three_letters_is_one_language() -> None:
    codes = [code for each in languages._LONG.values() for code in each.split()]
    assert len(codes) == len(set(codes))
    assert set(languages._LONG) == {code for code in LANGUAGE_NAMES if "-" not in code}
    for code in LANGUAGE_NAMES:
        assert languages.resolve(code.upper(), LANGUAGE_NAMES) == code


def test_parallel_text_with_the_names_of_flores(tmp_path: Path) -> None:
    for name, line in (("eng_Latn", "One."), ("ell_Grek", "Ένα."), ("fra_Latn", "Un."), ("srp_Cyrl", "Један.")):
        (tmp_path / f"{name}.txt").write_text(f"{line}\n", encoding="utf-8")
    assert load_parallel(tmp_path, "all").languages == ("el", "en", "fr", "sr")
    assert load_sentences(tmp_path, ["fr", "ell_Grek"]) == {"ell_Grek": ["Ένα."], "fr": ["Un."]}
