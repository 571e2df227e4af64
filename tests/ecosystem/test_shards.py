"""Shards as the frameworks themselves read them."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

import eurotok
from ecosystem.test_recipes import ROOT, interpreter
from eurotok import shards

READ = {
    "datatrove": """
from datatrove.pipeline.tokens.merger import load_doc_ends, get_data_reader
from datatrove.io import get_datafolder
import numpy as np
folder = get_datafolder("shards")
found = []
for name in sorted(folder.list_files(glob_pattern="*.ds")):
    ends = load_doc_ends(folder.open(name + ".index", "rb"))
    reader = get_data_reader(folder.open(name, "rb"), ends, nb_bytes=2)
    found += [np.frombuffer(data, "<u2").tolist() for data in reader]
""",
    "mds": """
from streaming import StreamingDataset
data = StreamingDataset(local="shards", shuffle=False, batch_size=1)
found = [data[number]["tokens"].tolist() for number in range(len(data))]
""",
    "litdata": """
from litdata import StreamingDataset, TokensLoader
data = StreamingDataset("shards", item_loader=TokensLoader(block_size=16), shuffle=False)
found = [block.tolist() for block in data]
""",
}


@pytest.mark.parametrize("kind", READ)
def test_the_framework_gives_back_each_document(
    kind: str, tok: eurotok.Tokenizer, sentences: dict[str, Sequence[str]], tmp_path: Path
) -> None:
    rows = "".join(json.dumps({"text": text}) + "\n" for text in sentences["fr"])
    (tmp_path / "fr.jsonl").write_text(rows)
    shards.write(tmp_path / "fr.jsonl", tmp_path / "shards", tokenizer=tok, format=kind, shard_size=2000)
    code = f"{READ[kind]}\nimport json\njson.dump(found, open('found.json', 'w'))"
    environment = "engines" if kind == "datatrove" else "shards"
    subprocess.run([interpreter(environment), "-c", code], cwd=tmp_path, check=True, timeout=300)
    found = json.loads((tmp_path / "found.json").read_text())
    data = shards.open(tmp_path / "shards")
    if kind == "litdata":
        blocks = []
        for place in range(len(data.shards)):
            ids = data.shard(place).ids.tolist()
            blocks += [ids[at : at + 16] for at in range(0, len(ids) - 15, 16)]
        assert found == blocks
    else:
        assert found == [ids.tolist() for ids in data]


ENGINES = {
    "engines": ["functions_of_datasets", "shards_of_datatrove", "urls_of_s3", "workers_of_ray"],
    "shards": ["loaders_of_torch"],
}
"""Functions of `engines.py`, by the environments that have their libraries."""


@pytest.mark.parametrize(("environment", "name"), [(it, name) for it, names in ENGINES.items() for name in names])
def test_shards_pass_through_other_libraries(
    environment: str, name: str, sentences: dict[str, Sequence[str]], tmp_path: Path
) -> None:
    for language in ("de", "fr"):
        rows = [{"id": f"{language}-{place}", "text": text} for place, text in enumerate(sentences[language])]
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (tmp_path / f"{language}.jsonl").write_text("".join(lines), encoding="utf-8")
    script = Path(__file__).parent / "engines.py"
    call = [str(interpreter(environment)), str(script), str(tmp_path), name]
    paths = {"PYTHONPATH": str(ROOT / "python"), "RAY_USAGE_STATS_ENABLED": "0", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(call, env={**os.environ, **paths}, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == name
