"""The page and the pictures."""

import json
import re
import shutil
import subprocess
import tomllib
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from colours import contrast
from conftest import Run
from eurotok import Comparison, Tokenizer, compare
from eurotok.output import report
from eurotok.output.names import KINDS
from eurotok.output.plots import COLOURS, order, surcharges, svg
from eurotok.output.report.tokens import cuts as cuts_of
from eurotok.output.report.wording import HOME, wording
from eurotok.pricing.parallel_text import LANGUAGE_NAMES, ParallelText, language_name
from eurotok.pricing.statistics import PROBLEMS


@pytest.fixture(scope="session")
def comparison(tok: Tokenizer) -> Comparison:
    return compare({"ours": tok, "<b>&bytes</script>": lambda text: list(text.encode())})


ROOT = Path(__file__).parents[1]
OTHERS = ("fr", "de")


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in ("meta", "input", "link", "br", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def data_of(page: str) -> Any:
    return json.loads(page.partition('<script type="application/json" id="data">')[2].partition("</script>")[0])


def test_page_is_whole_and_fetches_nothing(comparison: Comparison) -> None:
    text = comparison.to_html()
    page = Page(text)
    assert page.open == []
    assert [it["href"] for _, it in page.attributes if (it.get("href") or "#")[0] != "#"] == [HOME]
    assert not [tag for tag, it in page.attributes if it.get("src")]
    assert not re.search(r"https?://|@import|url\(|fetch\(", text.replace(HOME, ""))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert HOME in project["urls"].values()
    assert "<b>" not in text
    data = data_of(text)
    assert data["tokenizers"] == ["ours", "<b>&bytes</script>"]
    assert len(data["figures"]) == len(comparison.figures)
    assert all(figure["values"][0] for figure in data["figures"])


def test_page_is_labelled(comparison: Comparison) -> None:
    page = Page(comparison.to_html())
    ids = [it["id"] for _, it in page.attributes if "id" in it]
    assert len(ids) == len(set(ids))
    assert all(it["aria-labelledby"] in ids for _, it in page.attributes if "aria-labelledby" in it)
    assert all("scope" in it for tag, it in page.attributes if tag == "th")
    assert [it.get("lang") for tag, it in page.attributes if tag == "html"] == ["en"]
    assert [tag for tag, _ in page.attributes].count("h1") == 1


def test_page_has_the_figures_of_the_table(comparison: Comparison) -> None:
    text = comparison.to_html()
    greek = comparison.languages.index("el")
    tokens = f'<span class="tokens">{comparison.prices[0, greek]:.1f}</span> '
    expected = tokens + f"{100 * comparison.surcharges[0, greek]:+.0f}\u00a0%"
    assert re.search(rf'data-code="el">Greek</th><td>{re.escape(expected)}', text)


def test_page_states_the_finding_and_its_reserve_first(comparison: Comparison) -> None:
    text = comparison.to_html()
    head = text.partition("<h2")[0]
    assert "72 sentences are too few for conclusions." in head
    worst = comparison.languages[comparison.surcharges[0].argmax()]
    finding = f"takes {100 * comparison.worst[0]:.0f}\u00a0% more tokens in {language_name(worst)} than in English"
    assert finding in head
    assert f"×{comparison.over_reference_mean[1]:.2f}" in head
    assert "Written for eurotok in 2026" in head
    enough = comparison.text.sentences
    many = ParallelText("many", {lang: [*enough[lang]] * 5 for lang in ("en", "el")}, source="<i>, 2019, CC0")
    page = compare([len, lambda text: len(text.encode())], many).to_html()
    assert "too few" not in page
    assert "&lt;i&gt;, 2019, CC0. Page of" in page
    unknown = compare([len], {"en": ["a", "b"], "el": ["c", "d"]}).to_html()
    assert "under which licence is not stated" in unknown


def test_the_page_draws_tokens_too(comparison: Comparison) -> None:
    text = comparison.to_html()
    tokens = text.partition('id="h-amount"')[2].partition("</section>")[0]
    english = comparison.prices[0, comparison.languages.index("en")]
    assert f'title="English, ours: {english:.1f} tokens per sentence"' in tokens
    assert len(re.findall(r'class="mark [^"]*" data-t="0"', tokens)) == 24


def mixed(colour: str, ground: str, part: float) -> str:
    pairs = zip(*(re.findall("..", it.lstrip("#")) for it in (colour, ground)), strict=True)
    return "#" + "".join(f"{round(part * int(a, 16) + (1 - part) * int(b, 16)):02x}" for a, b in pairs)


@pytest.mark.parametrize("place", [0, 1, 2], ids=["light", "dark by the system", "dark by choice"])
def test_text_has_contrast(place: int) -> None:
    css = (Path(report.__file__).parent / "page.css").read_text(encoding="utf-8")
    blocks = [dict(re.findall(r"--([\w-]+): (#\w+)", it)) for it in re.findall(r"\{[^{}]*--bg:[^{}]*\}", css)]
    assert len(blocks) == 3
    colours = {name: it if len(it) == 7 else "#" + "".join(2 * c for c in it[1:]) for name, it in blocks[place].items()}
    grounds = [(colours[text], colours[under]) for text in ("ink", "faint", "link") for under in ("bg", "panel")]
    grounds += [(colours[text], colours["panel"]) for text in ("good", "poor")]
    grounds += [(colours["ink"], colours[shade]) for shade in ("a", "b")]
    marks = [colours[name] for name in (*(f"c{n}" for n in range(len(COLOURS))), "off")]
    grounds += [(mark, colours[under]) for mark in marks for under in ("bg", "panel")]
    assert place or marks[:-1] == list(COLOURS), "pictures and pages have the same colours"
    # The strongest shade of a cell is 30 parts in 100, as the style sheet mixes it.
    assert css.count("* 30%") == 2
    grounds += [(colours["ink"], mixed(colours[it], colours["bg"], 0.3)) for it in ("better", "worse")]
    for text, ground in grounds:
        assert contrast(text, ground) >= 4.5, (text, ground)


def blanks(text: object) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", str(text)))


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_there_in_every_language(language: str) -> None:
    english, other = wording("en").texts, wording(language).texts
    assert {*english, "languages", "problems"} == set(other)
    for section, texts in {**english, "problems": PROBLEMS, "languages": LANGUAGE_NAMES}.items():
        assert list(texts) == list(other[section]), section
        for name, text in texts.items():
            assert blanks(text) == blanks(other[section][name]), name
            if isinstance(text, list):
                assert len(text) == len(other[section][name])
    assert list(english["figures"]) == list(KINDS)


def test_typography() -> None:
    french = (Path(report.__file__).parent / "texts" / "fr.toml").read_text(encoding="utf-8")
    for value in re.findall(r'"((?:[^"\\]|\\.)*)"', french):
        assert not re.search(r"(?<![\w&]) [;:?!%»]|« |\w'\w", value.replace("\\u202f", "\u202f")), value
    german = (Path(report.__file__).parent / "texts" / "de.toml").read_text(encoding="utf-8")
    assert not re.search(r"\d %", german)
    with pytest.raises(ValueError, match="no page in 'it'; there is en, fr, de"):
        wording("it")


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_in_english(tok: Tokenizer, language: Any) -> None:
    def lossy(text: str) -> list[int]:
        return [ord(it) for it in text if it != "e"]

    losing = SimpleNamespace(encode=lossy, decode=lambda ids: "".join(map(chr, ids)))
    result = compare({"ours": tok, "lossy": losing})
    text = result.to_html(language=language)
    body = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.DOTALL)
    assert not re.search(r"\b(the|languages|sentences|Greek|English|worst)\b", body)
    assert wording(language).texts["page"]["sample_source"] in body
    assert wording(language).language_name("el") in body


def test_cuts_join_to_the_sentences(comparison: Comparison) -> None:
    data = data_of(comparison.to_html())
    for sentence, cuts in zip(data["sentences"], data["cuts"][0], strict=True):
        for language, text, each in zip(data["codes"], sentence, cuts, strict=True):
            assert text in comparison.text.sentences[language]
            assert sum(it if isinstance(it, int) else it[0] for it in each) == len(text.encode("utf-16-le")) // 2
    assert all(cuts == [] for cuts in data["cuts"][1][0]), "a function does not tell its tokens"
    assert cuts_of([b"\xf0\x9f", b"\x98\x80", b" a"], "\U0001f600 a") == [[2, 2], 2], "JavaScript counts pairs"


def test_many_tokenizers_are_rows(tok: Tokenizer) -> None:
    names = {f"tok-{n}": tok for n in range(20)}
    text = compare({**names, "characters": len}).to_html()
    ranking = text.partition('<table class="ranking">')[2].partition("</table>")[0]
    rows = re.findall(r'<tr[^>]*><th scope="row" title="([^"]*)"', ranking)
    assert sorted(rows) == sorted([*names, "characters"])
    legend = text.partition("<legend>")[2].partition("</fieldset>")[0]
    assert legend.count("checked") in (4, 5), "the others are grey until they are chosen"
    marks = set(re.findall(r'class="mark (\w+)" data-t="\d+" style="--c:var\((--c\d)\)', legend))
    assert len(marks) == 21, "no two look alike"


@pytest.mark.parametrize(
    "sentences",
    [
        {"en": ["a b c"], "fr": ["a b c d"]},
        {"en": ["a b c", "d e"]},
        {"en": ["...", "?"], "fr": ["!!", "…"]},
        {"en": ["\U0001f600 <b>"] * 3, "de": ["\U0001f600 </script>"] * 3},
    ],
    ids=["one sentence", "English alone", "no words", "emoji and markup"],
)
@pytest.mark.parametrize("count", [1, 6])
def test_every_output_of_a_poor_text(tok: Tokenizer, sentences: dict[str, list[str]], count: int) -> None:
    def fails(sentence: str) -> int:
        if "d" in sentence:
            raise RuntimeError("no d")
        return len(sentence)

    result = compare({f"t{n}": tok for n in range(count)} | {"fails": fails}, ParallelText("poor", sentences))
    page = data_of(result.to_html())
    assert page["sentences"][0][page["reference"]] == sentences["en"][0]
    assert svg(surcharges(result)).endswith("</svg>\n")
    for figure in result.figures:
        outputs = [result.table(figure=figure), result.to_markdown(figure=figure), result.to_latex(figure=figure)]
        assert not [it for it in [*outputs, result.table(width=60)] if re.search(r"\bnan\b", it)]
    assert "NaN" not in result.to_json()


def test_svg_holds_every_figure(comparison: Comparison) -> None:
    root = ET.fromstring(svg(surcharges(comparison)))
    space = "{http://www.w3.org/2000/svg}"
    titles = [it.text or "" for it in root.iter(f"{space}title")]
    assert len([it for it in titles if it.startswith("Greek, ours: +")]) == 1
    tokens = comparison.prices[0, comparison.languages.index("el")]
    assert len([it for it in titles if it.startswith(f"Greek, ours: {tokens:.1f} tokens per sentence")]) == 1
    assert len(titles) == 1 + 2 + 2 * 24 + 2 * 24, "the picture, the key, and a mark a language and tokenizer, twice"
    names = [language_name(it) for it in comparison.languages]
    rows = [it.text for it in root.iter(f"{space}text") if it.text in names]
    assert rows == [*(names[i] for i in order(comparison)), "English"]
    dearest = comparison.surcharges[0].argmax()
    assert rows[0] == names[dearest]


def test_pictures_as_files(comparison: Comparison, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.svg or \.png"):
        comparison.picture(tmp_path / "x.gif")
    comparison.picture(tmp_path / "x.svg")
    assert (tmp_path / "x.svg").read_text(encoding="utf-8").startswith("<svg ")
    pytest.importorskip("matplotlib")
    comparison.picture(tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_markdown_and_latex(comparison: Comparison) -> None:
    lines = comparison.to_markdown().splitlines()
    assert lines[1] == "|:--|--:|--:|"
    assert len([it for it in lines if it.startswith("| ")]) == 1 + 24 + 4
    latex = comparison.to_latex()
    assert latex.count(r"\\") == 1 + 24 + 4
    assert not re.search(r"(?<!\\)%", latex), "a bare % hides the rest of its line"
    assert r"\multicolumn{5}{c}{\textless{}b\textgreater{}\&bytes\textless{}/script\textgreater{}}" in latex
    assert all(line.count("&") - line.count(r"\&") == 8 for line in latex.splitlines() if re.match("[a-z]{2} &", line))


def test_latex_compiles(comparison: Comparison, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex: the table is not compiled")
    document = r"\documentclass{article}\usepackage{booktabs}\begin{document}" + comparison.to_latex()
    for figure in ("fertility", "cut_tokens"):
        document += comparison.to_latex(figure=figure)
    (tmp_path / "t.tex").write_text(document + r"\end{document}", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-1000:]


def test_the_command_writes_them(run: Run, tok_json: Path, tmp_path: Path) -> None:
    out = ["--html", "r.html", "--markdown", "r.md", "--latex", "r.tex", "--picture", "r.svg"]
    done = run("compare", tok_json, *out, "--price", 2.5, "--context", 8000)
    assert done.returncode == 0, done.stderr
    assert sorted(it.name for it in tmp_path.iterdir()) == ["r.html", "r.md", "r.svg", "r.tex"]
    assert 'value="2.5"' in (tmp_path / "r.html").read_text(encoding="utf-8")
    done = run("compare", tok_json, "--html", "r.html", "--language", "fr")
    assert done.returncode == 0, done.stderr
    assert '<html lang="fr">' in (tmp_path / "r.html").read_text(encoding="utf-8")
    done = run("compare", tok_json, "--language", "fr")
    assert (done.returncode, b"--languages says which languages to price" in done.stderr) == (2, True)
