"""Published folders and accelerated tokenizers in old and new versions of `transformers`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

import eurotok
from ecosystem.test_recipes import PAIRS, ROOT, interpreter

PLACES = [os.environ.get("EUROTOK_TOKENIZERS"), ROOT.parent / "shared" / "tokenizers"]
PUBLISHED = next((Path(place) for place in PLACES if place and Path(place).is_dir()), None)

TEMPLATES = sorted(Path(os.environ.get("EUROTOK_TEMPLATES", "none")).glob("*.jinja"))
"""Published chat templates, such as those in the wheels of `trl` and `axolotl`."""

ENVIRONMENTS = [environment for environment, library in PAIRS if library == "transformers"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A published folder; and one whose file puts special tokens around texts."""
    tok = eurotok.load("euro-64k")
    plain, framed = (tmp_path_factory.mktemp("published") / name for name in ("plain", "framed"))
    for folder in (plain, framed):
        tok.publish(folder, generation_config=True)
    data = json.loads((framed / "tokenizer.json").read_text(encoding="utf-8"))
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|pad|>"]
    marks = {name: {"SpecialToken": {"id": name, "type_id": 0}} for name in names}
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    data["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [marks[names[0]], first],
        "pair": [marks[names[0]], first, marks[names[2]], second, marks[names[1]]],
        "special_tokens": {name: {"id": name, "ids": [tok.special_tokens[name]], "tokens": [name]} for name in names},
    }
    (framed / "tokenizer.json").write_text(json.dumps(data), encoding="utf-8")
    return [plain, framed]


def run(environment: str, *arguments: str) -> str:
    command = [str(interpreter(environment)), *arguments]
    paths = os.pathsep.join([str(ROOT / "python"), str(ROOT / "tests")])
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_accelerated_tokenizers_give_the_same(environment: str, folders: list[Path]) -> None:
    script = str(Path(__file__).parent / "accelerated.py")
    done = json.loads(run(environment, script, *map(str, folders)))
    assert all(number > 1000 for number in done.values()), done


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_published_folders_are_read_as_they_are_meant(environment: str, folders: list[Path]) -> None:
    told = run(environment, "-m", "eurotok", "check", str(folders[0]))
    answers = [line.split(maxsplit=1) for line in told.splitlines() if "transformers" in line or "JavaScript" in line]
    assert [answer[0] for answer in answers] == ["ok"] * 6, told


@pytest.mark.skipif(not PUBLISHED, reason="no folder of published tokenizers (EUROTOK_TOKENIZERS)")
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_families_are_accelerated_alike(environment: str, sentences: dict[str, Sequence[str]], tmp_path: Path) -> None:
    assert PUBLISHED
    pa = pytest.importorskip("pyarrow")
    for packed in PUBLISHED.glob("*.json.zst"):
        (tmp_path / packed.stem).write_bytes(pa.CompressedInputStream(pa.OSFile(str(packed)), "zstd").read())
    texts = tmp_path / "texts"
    texts.write_text(json.dumps([" ".join(lines[:4]) for lines in sentences.values()]), encoding="utf-8")
    done = json.loads(run(environment, str(Path(__file__).parent / "families.py"), str(tmp_path), str(texts)))
    compared = {name: number for name, number in done.items() if number is not None}
    assert len(compared) > (20 if environment == "transformers-4.44" else 30), done
    assert all(number > 100 for number in compared.values()), done


@pytest.mark.skipif(not TEMPLATES, reason="no folder of published chat templates (EUROTOK_TEMPLATES)")
@pytest.mark.parametrize("environment", [each for each in ENVIRONMENTS if each != "transformers-4.44"])
def test_chats_are_rendered_alike(environment: str) -> None:
    script = str(Path(__file__).parent / "templates.py")
    done = json.loads(run(environment, script, *map(str, TEMPLATES)))
    assert sum(same > 0 for same, _ in done.values()) >= min(30, len(TEMPLATES)), done
