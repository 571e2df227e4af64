"""Texts from outside in every output: nothing in them is obeyed, and nothing of them is lost."""

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eurotok
from conftest import Run, refusal
from eurotok import Comparison, Tokenizer, compare, escape
from eurotok.output.plots import Dot, Label, Scene, png, surcharges, svg
from eurotok.output.tables import show_tokens
from eurotok.pricing.parallel_text import ParallelText

HOSTILE = {
    "html": "\" onmouseover='alert(1)' x=\"</script></title></style><script>alert(1)</script><!-- &amp; ]]>",
    "ansi": "\x1b[31mred\x1b]0;title\x07\x9b2J\r\x08",
    "lines": "one\n\n\\two\u2028three\u2029\x85\x0b",
    "order": "\u202egpj.exe\u2066",
    "latex": r"\input{/etc/passwd} 100% #1 $x$ {a}_b^c~d & \\",
    "markdown": "[x](javascript:alert(1)) `a` *b* _c_ | d <img src=x> # e [f]: g",
    "unpaired": "not-utf-8-\udcff",
}
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that no output holds; line feeds are judged by the number of lines."""


def compared(text: str, tok: Tokenizer) -> Comparison:
    """Compare with `text` in every field that comes from outside."""

    def some_fail(sentence: str) -> int:
        if sentence.startswith("c"):
            raise RuntimeError(text)
        return len(sentence)

    sentence = text.encode(errors="replace").decode()
    sentences = {"en": [f"a {sentence}", "b"], f"x{text}": [f"a {sentence}", "c"]}
    return compare({f"tok {text}": tok, f"fails {text}": some_fail}, ParallelText(text, sentences, missing=(text,)))


class Structure(HTMLParser):
    """The tags of a page and the names of their attributes, without breaks in names and ticks, which follow figures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []
        self.values: list[str] = []
        self.feed(re.sub(r'<div class="row axis">.*?</div></div>|<i class="grid[^>]*></i>', "", page))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "wbr":
            self.found.append((tag, *(name for name, _ in attrs)))
        self.values += [value or "" for _, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}",))


@pytest.fixture(scope="module")
def plain(tok: Tokenizer) -> Comparison:
    return compared("plain", tok)


def test_no_other_module_escapes() -> None:
    package = Path(eurotok.__file__).parent
    escaping = [
        path.name
        for path in package.rglob("*.py")
        if re.search(r"html import|import html|ensure_ascii", path.read_text())
    ]
    # `tojson` of chat templates has an option of that name, and chats without a name are hashed as JSON.
    assert sorted(escaping) == ["chats.py", "escape.py", "written_json.py"]


@pytest.mark.parametrize("kind", HOSTILE)
class TestComparison:
    @pytest.fixture
    def hostile(self, kind: str, tok: Tokenizer) -> Comparison:
        return compared(HOSTILE[kind], tok)

    def test_page(self, kind: str, plain: Comparison, hostile: Comparison) -> None:
        page = hostile.to_html()
        seen = Structure(page)
        assert seen.found == Structure(plain.to_html()).found
        assert escape.terminal(f"x{HOSTILE[kind]}") in seen.values, "the code of the language is one attribute"
        data = page.partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
        assert not OBEYED.search(page.replace(data, ""))
        assert not re.search("[<>&\u2028\u2029\ud800-\udfff]", data)
        assert json.loads(data)["codes"][1] == f"x{HOSTILE[kind]}"
        assert json.loads(data)["tokenizers"][0] == f"tok {HOSTILE[kind]}"
        page.encode()

    def test_svg(self, kind: str, plain: Comparison, hostile: Comparison) -> None:
        drawn = svg(surcharges(hostile))
        assert not OBEYED.search(drawn)
        roots = [ET.fromstring(it) for it in (drawn, svg(surcharges(plain)))]
        # How many ticks there are depends on the figures.
        tags, expected = ({(it.tag, *sorted(it.attrib)) for it in root.iter()} for root in roots)
        assert tags == expected
        assert escape.terminal(f"tok {HOSTILE[kind]}") in [it.text for it in roots[0].iter()]

    def test_png(self, kind: str, hostile: Comparison) -> None:
        pytest.importorskip("matplotlib")
        assert png(surcharges(hostile), scale=0.5).startswith(b"\x89PNG")

    def test_latex(self, kind: str, plain: Comparison, hostile: Comparison) -> None:
        for figure in ("surcharge", "fertility"):
            latex, expected = hostile.to_latex(figure=figure), plain.to_latex(figure=figure)
            assert not OBEYED.search(latex)
            assert len(latex.splitlines()) == len(expected.splitlines())
            for line, other in zip(latex.splitlines(), expected.splitlines(), strict=True):
                assert commands(line) - {"textbackslash", "textasciitilde", "textasciicircum"} - TEXT == commands(other)
                active = [re.sub(r"\\[&%$#_{}]|\$-\$", "", it) for it in (line, other)]
                assert [active[0].count(it) for it in "&%$#_^~"] == [active[1].count(it) for it in "&%$#_^~"]
                assert active[0].count("{") == active[0].count("}")

    def test_markdown(self, kind: str, plain: Comparison, hostile: Comparison) -> None:
        for figure in ("surcharge", "fertility"):
            text, expected = hostile.to_markdown(figure=figure), plain.to_markdown(figure=figure)
            assert not OBEYED.search(text)
            assert not re.search(r"[<]|(?<!\\)(`|\*|\]\(|\]:|\$|#(?!124))", text)
            lines = [[len(re.findall(r"(?<!\\)\|", line)) for line in it.splitlines()] for it in (text, expected)]
            assert lines[0] == lines[1], "as many lines, and as many cells in each"

    def test_terminal(self, kind: str, plain: Comparison, hostile: Comparison) -> None:
        for width in (60, 200):
            for colours in (False, True):
                text = hostile.table(width=width, colours=colours)
                assert not OBEYED.search(re.sub(r"\x1b\[\d+m", "", text) if colours else text)
        rows = [len(it.table(width=10_000).partition("\n\n")[0].splitlines()) for it in (plain, hostile)]
        assert rows[0] == rows[1]

    def test_json(self, kind: str, hostile: Comparison, tmp_path: Path) -> None:
        data = json.loads(hostile.to_json(tmp_path / "x.json"))
        assert data == json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
        assert data["tokenizers"][0]["name"] == f"tok {HOSTILE[kind]}"
        assert data["text"] == HOSTILE[kind]
        assert not OBEYED.search(re.sub("[\u2028\u2029\u202a-\u202e\u2066-\u2069]", "", hostile.to_json()))


TEXT = {"textless", "textgreater", "textbar"}


def commands(line: str) -> set[str]:
    return set(re.findall(r"\\([a-z]+)", line))


@pytest.mark.parametrize("kind", HOSTILE)
def test_marks_of_any_scene(kind: str) -> None:
    text = HOSTILE[kind]
    drawn = svg(Scene(text, 10, 10, (Label(0, 0, text), Dot(0, 0, "circle", "#000000", text))))
    assert not OBEYED.search(drawn)
    assert [it.text for it in ET.fromstring(drawn).iter() if it.text and it.text.strip()] == 3 * [escape.terminal(text)]


@given(st.text(st.characters(exclude_categories=[])))
def test_every_character_is_shown_once(text: str) -> None:
    shown = escape.terminal(text)
    assert not OBEYED.search(shown)
    assert "\n" not in shown
    spelled = [it if it in shown else it.encode("unicode_escape").decode() for it in text]
    assert shown == "".join(spelled)
    assert json.loads(escape.json_text({"text": text})) == json.loads(escape.script({"text": text})) == {"text": text}
    escape.json_text({"text": text}).encode()


def test_tokens_on_a_terminal() -> None:
    assert show_tokens([b"\x1b[2J", b"\n", "\u202e".encode()]) == r"\x1b[2J|\n|\u202e"


def test_names_that_stay_as_they_are() -> None:
    for name in ("tokenizer_240216.model.v2", "o200k_base", "Qwen/Qwen3-8B (2)", "élan-v2"):
        assert escape.markdown(name) == escape.terminal(name) == escape.html(name) == name


def test_commands_print_nothing_that_a_terminal_obeys(run: Run, tmp_path: Path, sample: Path) -> None:
    name = "a\x1b[31m\u202eb\n"
    special = "<\x1b]0;x\x07>"
    eurotok.train(["le chat", "le chien"], vocab_size=260, special_tokens=[special]).save(tmp_path / f"{name}.json")
    (tmp_path / name).write_text("le chat", encoding="utf-8")
    (tmp_path / "folder" / name).mkdir(parents=True)
    for command in (
        ["info", f"{name}.json"],
        ["count", f"{name}.json", name, name],
        ["encode", f"{name}.json", name, "-o", f"{name}.npy"],
        ["compare", f"{name}.json", "--languages", "fr"],
        ["compare", f"{name}.json", "--text", f"folder/{name}"],
        ["info", name],
        ["decode", f"{name}.json", name],
        ["count-pieces", f"folder/{name}", "-o", f"{name}.counts"],
        [f"no command {name}"],
    ):
        done = run(*command)
        shown = (done.stdout + done.stderr).decode()
        assert shown
        assert not OBEYED.search(shown.replace("\t", "")), command
    assert r"\x1b" in refusal(run("info", name))
