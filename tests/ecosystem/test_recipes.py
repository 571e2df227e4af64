"""The recipes of the cards, in the oldest and the newest versions that they claim."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import eurotok
from ecosystem.recipes import follow, recipes

ROOT = Path(__file__).parents[2]
PAIRS = sorted(
    (path.stem, line.partition("=")[0].strip("><"))
    for path in Path(__file__).parent.glob("*.txt")
    if path.stem not in ("engines", "llama", "shards")
    for line in path.read_text(encoding="utf-8").splitlines()
    if line != "jinja2"
)
"""Environments, by the files that say what is in them, and the libraries that each is for."""

SPACES = ["Il n 't a . , ! ' s", "a  b\t\n c ", "do n't , is n't . it 's ? we 've ( un ) « oui »", " ", "12345 €"]
"""Texts that `clean_up_tokenization_spaces` would change, and other white space."""

NAME = "euro-64k"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    for file in ("tokenizer.json", f"{NAME}.tiktoken"):
        eurotok.load(NAME).save(made / file)
    return made


def interpreter(environment: str) -> Path:
    """The Python of an environment; a test without one is skipped, and says so."""
    folder = ROOT / ".venv" / f"ecosystem-{environment}"
    if not (folder / "installed").exists():
        pytest.skip(f"{environment} is not installed: make test-ecosystem installs it")
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


@pytest.mark.parametrize(("environment", "library"), PAIRS)
def test_ids_and_text_are_the_same(
    environment: str, library: str, folder: Path, sentences: dict[str, Sequence[str]]
) -> None:
    texts = [*SPACES, *(line for lines in sentences.values() for line in lines[:5])]
    done = follow(interpreter(environment), recipes(NAME)[library], texts, folder)
    assert done["ids"] == eurotok.load(NAME).encode_batch(texts).to_list()
    assert done["decoded"] == texts
    if library == "transformers":
        assert done["keys"] == ["attention_mask", "input_ids"]


@pytest.mark.parametrize("environment", [environment for environment, library in PAIRS if library == "tiktoken"])
def test_a_changed_file_is_read_anew(environment: str, tmp_path: Path) -> None:
    """`tiktoken` caches local files by their path; the recipe must not meet that cache."""
    texts = ["le chat et la souris", "die Katze und die Maus"]
    for text in texts:
        tok = eurotok.train([text] * 5, vocab_size=280)
        tok.save(tmp_path / f"{NAME}.tiktoken")
        done = follow(interpreter(environment), recipes(NAME)["tiktoken"], texts, tmp_path)
        assert done["ids"] == tok.encode_batch(texts).to_list()
