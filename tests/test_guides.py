"""The code of README and of the guides runs, in the order in which it stands, in an empty folder."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from scripts.site import on_page_markdown

import eurotok

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
BUILDS = "make demo"
"""The command of README that installs; `make` is tried by whoever runs this."""


def blocks(page: Path) -> list[tuple[str, str]]:
    found = re.findall(r"^```(python|sh)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [(language, code) for language, code in found if BUILDS not in code]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    found = blocks(page)
    assert found
    for language, code in found:
        if language == "sh":
            call = ["bash", "-euo", "pipefail", "-c", code]
            done = subprocess.run(call, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{code}\n{done.stderr}"
        else:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(code, str(page), "exec"), names)


def test_links_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "tests" / "README.md"]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert not broken


def test_the_reference_has_every_public_name() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    named = {name for members in re.findall(r"members: \[(.*?)\]", reference) for name in members.split(", ")}
    assert set(eurotok.__all__) - named == {"__version__", "shards", "count"}
    assert "::: eurotok.shards\n" in reference


@pytest.mark.parametrize(
    ("page", "link", "led"),
    [
        ("files.md", "](../SECURITY.md)", "](https://x.org/e/blob/main/SECURITY.md)"),
        ("guides/price.md", "](../files.md#limits)", "](../files.md#limits)"),
        ("guides/price.md", "](../../README.md#use)", "](https://x.org/e/blob/main/README.md#use)"),
    ],
)
def test_links_out_of_the_site_lead_to_the_repository(page: str, link: str, led: str) -> None:
    files = [SimpleNamespace(src_uri=name) for name in ("files.md", "guides/price.md")]
    here = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    config = SimpleNamespace(repo_url="https://x.org/e/")
    assert on_page_markdown(f"see [it{link}.", page=here, config=config, files=files) == f"see [it{led}."
