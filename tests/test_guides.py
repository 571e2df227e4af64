"""The code of README and of the guides runs, in the order in which it stands, in an empty folder."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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
