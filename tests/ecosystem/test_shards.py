"""Shards as the frameworks themselves read them."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

import eurotok
from ecosystem.test_recipes import interpreter
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
    subprocess.run([interpreter("shards"), "-c", code], cwd=tmp_path, check=True, timeout=300)
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


def test_a_step_of_datatrove_writes_what_it_reads(tmp_path: Path) -> None:
    """In this interpreter, if datatrove is there."""
    pytest.importorskip("datatrove")
    from datatrove.data import Document

    from eurotok.integrations.datatrove import Tokens

    documents = [Document(text=text, id=str(place)) for place, text in enumerate(["un", "deux"])]
    passed = list(Tokens(tmp_path, "euro-64k").run(documents, rank=3))
    assert [it.metadata["token_count"] for it in passed] == [it.size for it in shards.open(tmp_path)]
    assert next(tmp_path.glob("*.ds")).name == "part-00003-00000.ds"
