"""The page and the pictures."""

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from conftest import Run
from eurotok import Comparison, Tokenizer, compare
from eurotok.pictures import order, surcharges, svg, ticks

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def comparison(tok: Tokenizer) -> Comparison:
    return compare({"ours": tok, "<b>&bytes</script>": lambda text: list(text.encode())})


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in ("meta", "input", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_whole_and_fetches_nothing(comparison: Comparison) -> None:
    text = comparison.to_html()
    page = Page(text)
    assert page.open == []
    assert not [tag for tag, it in page.attributes if it.get("src") or (it.get("href") or "#")[0] != "#"]
    assert not re.search(r"https?://|@import|url\(|fetch\(", text)
    assert "<b>" not in text
    data = json.loads(text.partition('<script type="application/json" id="data">')[2].partition("</script>")[0])
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
    expected = f"{100 * comparison.surcharges[0, greek]:+.0f}\u00a0%"
    assert re.search(rf'data-code="el">Greek</th><td>{re.escape(expected)}', text)


def test_examples_join_to_the_sentences(comparison: Comparison) -> None:
    text = comparison.to_html()
    data = json.loads(text.partition('<script type="application/json" id="data">')[2].partition("</script>")[0])
    for sentence in data["examples"][0]:
        for language, segments in zip(data["codes"], sentence, strict=True):
            assert "".join(piece for piece, _ in segments) in comparison.text.sentences[language]
            assert all(parts >= 1 for _, parts in segments)
    assert all(segments[0][1] == 0 for segments in data["examples"][1][0]), "a function does not tell its tokens"


@pytest.mark.skipif(BROWSER is None, reason="no chromium")
def test_page_in_a_browser(comparison: Comparison, tmp_path: Path) -> None:
    comparison.to_html(tmp_path / "r.html")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--enable-logging=stderr"]
    command = [str(BROWSER), *options, f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "r.html").as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert b"CONSOLE" not in done.stderr
    dom = done.stdout.decode()
    tokens = dom.partition('<dl id="tokens">')[2].partition("</dl>")[0]
    assert tokens.count("<dt>") == 24
    assert dom.partition('id="spread"')[2].count('class="median"') == 23
    assert dom.partition('id="cost" ')[2].partition("</table>")[0].count("<tr>") == 3


def test_ticks() -> None:
    assert ticks(-0.05, 0.3) == [-0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
    assert ticks(0, 4.05) == [0, 1, 2, 3, 4, 5]
    assert len(ticks(0, 123456)) <= 9


def test_svg_holds_every_figure(comparison: Comparison) -> None:
    root = ET.fromstring(svg(surcharges(comparison)))
    space = "{http://www.w3.org/2000/svg}"
    titles = [it.text or "" for it in root.iter(f"{space}title")]
    assert len([it for it in titles if it.startswith("el, ours: +")]) == 1
    assert len(titles) == 1 + 2 + 2 * 23, "the picture, the key, and a mark a language and tokenizer"
    rows = [it.text for it in root.iter(f"{space}text") if it.text in comparison.languages]
    assert rows == [comparison.languages[i] for i in order(comparison)]
    dearest = comparison.surcharges[0].argmax()
    assert rows[0] == comparison.languages[dearest]


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
    assert r"<b>\&bytes" in latex


def test_the_command_writes_them(run: Run, tok_json: Path, tmp_path: Path) -> None:
    out = ["--html", "r.html", "--markdown", "r.md", "--latex", "r.tex", "--picture", "r.svg"]
    done = run("compare", tok_json, *out, "--price", 2.5, "--context", 8000)
    assert done.returncode == 0, done.stderr
    assert sorted(it.name for it in tmp_path.iterdir()) == ["r.html", "r.md", "r.svg", "r.tex"]
    assert 'value="2.5"' in (tmp_path / "r.html").read_text(encoding="utf-8")
