"""The recipes for other libraries that a model's card has, and a way to follow them in any interpreter."""

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eurotok.loading import MODELS

TEXT = '"L’école européenne"'
"""The text that all recipes encode."""

FOLLOW = """
import json, sys
steps = json.load(open("steps.json", encoding="utf-8"))
exec(compile(steps["recipe"], "recipe", "exec"), globals())
ids, keys = [], []
for text in steps["texts"]:
    if "transformers" in globals():
        keys = sorted(tok(text).keys())
    ids.append(eval(steps["encode"]))
decoded = [tok.decode(it) for it in ids]
json.dump({"ids": ids, "decoded": decoded, "keys": keys}, open("done.json", "w", encoding="utf-8"))
"""


def recipes(name: str) -> dict[str, str]:
    """Give the recipes of a model's card, by the library that they import."""
    card = (MODELS / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", card, re.DOTALL | re.MULTILINE)
    found = {re.findall(r"^import (\w+)", block, re.MULTILINE)[-1]: block for block in blocks}
    assert sorted(found) == ["eurotok", "tiktoken", "tokenizers", "transformers"]
    return found


def follow(python: Path, recipe: str, texts: Sequence[str], folder: Path) -> Any:
    """Follow a recipe in a folder that has the files it reads, and encode texts as its last line does."""
    last = recipe.splitlines()[-1]
    assert TEXT in last
    steps = {"recipe": recipe, "encode": last.replace(TEXT, "text"), "texts": list(texts)}
    (folder / "steps.json").write_text(json.dumps(steps), encoding="utf-8")
    (folder / "done.json").unlink(missing_ok=True)
    environment = {
        "PATH": "",
        "TIKTOKEN_CACHE_DIR": str(folder / "cache"),
        "HF_HOME": str(folder / "hub"),
        "HOME": str(folder),
    }
    command = [str(python), "-I", "-c", FOLLOW]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return json.loads((folder / "done.json").read_text(encoding="utf-8"))
