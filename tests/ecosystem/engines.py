"""Run by the Python of an environment that has the libraries: writes and reads shards through each of them.

Each function gets the path of a folder with `fr.jsonl` and `de.jsonl`; prints the names of those that passed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import eurotok
from eurotok import distributed, shards

NAME = "euro-64k"
OPTIONS: dict[str, Any] = {"id": "id", "eos": 0, "validation": "10%", "format": "megatron"}


def files_of(folder: Path) -> dict[str, bytes]:
    paths = (it for it in sorted(folder.rglob("*")) if it.is_file() and ".eurotok" not in it.parts)
    return {str(it.relative_to(folder)): it.read_bytes() for it in paths}


def rows_of(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def shards_of_datatrove(folder: Path) -> None:
    """Its executor runs the step in processes of its own, and its own reader reads what the step wrote."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.tokens import DocumentTokenizer

    from eurotok.integrations.datatrove import Tokens

    eurotok.load(NAME).save(folder / "tokenizer.json")
    eos = eurotok.load(NAME).token(0)
    assert eos is not None
    end = next(name for name, number in eurotok.load(NAME).special_tokens.items() if number == 0)
    steps: list[Any] = [
        Tokens(folder / "ours", NAME, eos=0),
        DocumentTokenizer(
            str(folder / "theirs"),
            tokenizer_name_or_path=str(folder / "tokenizer.json"),
            eos_token=end,
            shuffle_documents=False,
        ),
    ]
    for place, step in enumerate(steps):
        reader = JsonlReader(str(folder), glob_pattern="*.jsonl")
        logs = str(folder / f"logs-{place}")
        LocalPipelineExecutor(pipeline=[reader, step], tasks=2, workers=2, logging_dir=logs).run()
    ours, theirs = (shards.open(folder / name) for name in ("ours", "theirs"))
    assert len(ours) == sum(len(rows_of(folder / f"{it}.jsonl")) for it in ("de", "fr"))
    assert [it.tolist() for it in ours] == [it.tolist() for it in theirs]
    stats = json.loads((folder / "logs-0" / "stats.json").read_text(encoding="utf-8"))
    assert stats[1]["stats"]["tokens"]["total"] == ours.tokens, stats


def functions_of_datasets(folder: Path) -> None:
    """The cache of `map` is found again by another process, and a data set is an input as it is."""
    import datasets

    code = (
        "import sys, datasets; from eurotok.integrations.datasets import Tokenize\n"
        "data = datasets.load_dataset('json', data_files=sys.argv[1], split='train', cache_dir=sys.argv[2])\n"
        "done = data.map(Tokenize('euro-64k', eos=0), batched=True)\n"
        "print(done.cache_files[0]['filename'], done[0]['input_ids'][-1])"
    )
    cache = folder / "cache"
    call = [sys.executable, "-c", code, str(folder / "fr.jsonl"), str(cache)]
    made = [subprocess.run(call, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert made[0] == made[1]
    assert made[0].endswith(" 0\n")
    assert sum(it.name.startswith("cache-") for it in cache.rglob("*.arrow")) == 1
    data = datasets.load_dataset("json", data_files=str(folder / "fr.jsonl"), split="train", cache_dir=str(cache))
    shards.write({"fr": data}, folder / "of-data", tokenizer=NAME, **OPTIONS)
    shards.write(folder / "fr.jsonl", folder / "of-file", tokenizer=NAME, **OPTIONS)
    ours, theirs = (files_of(folder / name) for name in ("of-data", "of-file"))
    assert {name: data for name, data in ours.items() if name != "manifest.json" and "validation/m" not in name} == {
        name: data for name, data in theirs.items() if name != "manifest.json" and "validation/m" not in name
    }
    mixed = data.filter(lambda row: len(row["text"]) > 30).shuffle(seed=1)
    shards.write({"fr": mixed}, folder / "of-mixed", tokenizer=NAME)
    wanted = eurotok.load(NAME).encode_batch(mixed["text"][:]).to_list()
    assert [it.tolist() for it in shards.open(folder / "of-mixed")] == wanted


def workers_of_ray(folder: Path) -> None:
    """The bytes are those of one machine, though a worker is killed."""
    from eurotok.shards import planning

    planning.PART_BYTES = 1
    inputs = [folder / "de.jsonl", folder / "fr.jsonl"]
    shards.write(inputs, folder / "one", tokenizer=NAME, **OPTIONS)
    write_part = distributed._write_part

    def dying(row: dict[str, Any], folder: str) -> dict[str, int]:
        mark = Path(folder).parent / "killed"
        if row["part"] == 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return write_part(row, folder)

    distributed._write_part = dying
    distributed.write(inputs, folder / "many", tokenizer=NAME, **OPTIONS)
    assert (folder / "killed").exists()
    assert files_of(folder / "one") == files_of(folder / "many")
    assert shards.verify(folder / "many") == []
    distributed.write(inputs, folder / "many", tokenizer=NAME, **OPTIONS)
    (folder / "bad.jsonl").write_text('{"id": "a", "text": 1}\n', encoding="utf-8")
    try:
        distributed.write(folder / "bad.jsonl", folder / "bad", tokenizer=NAME)
    except eurotok.CorpusError as error:
        assert str(error).endswith("bad.jsonl: line 1: the field `text` is a number, not a string"), error
    else:
        raise AssertionError("it was not refused")


def loaders_of_torch(folder: Path) -> None:
    """Under any number of workers the loader gives the same batches, and goes on in the middle of an epoch."""
    import torch

    inputs = [folder / "de.jsonl", folder / "fr.jsonl"]
    shards.write(inputs, folder / "out", tokenizer=NAME, eos=0)
    data = shards.open(folder / "out")

    def loader(own: Any, workers: int) -> list[Any]:
        batches = torch.utils.data.DataLoader(own, batch_size=2, num_workers=workers)
        return [it["ids"].tolist() for it in batches]

    options: dict[str, Any] = {"batch_size": 2, "seed": 3}
    whole = loader(data.torch(64, **options), 0)
    assert loader(data.torch(64, **options), 2) == whole
    sequences = [it for batch in whole for it in batch]
    assert len(sequences) == len(data.packed(64)) == data.tokens // 64
    assert sorted(sequences) == sorted(it.ids.tolist() for it in data.packed(64, seed=3))
    again = data.torch(64, **options)
    again.resume(0, 6)
    assert loader(again, 2) == whole[3:]
    state = data.torch(64, **options)
    first = iter(state)
    begun = [next(first)["ids"].tolist() for _ in range(5)]
    other = data.torch(64, **options)
    other.load_state_dict(state.state_dict())
    assert begun + [it["ids"].tolist() for it in other] == sequences
    ranks = [loader(data.torch(64, rank=rank, world=2, **options), 2) for rank in range(2)]
    seen = [tuple(it) for own in ranks for batch in own for it in batch]
    assert len(set(seen)) == len(seen) == len(sequences) // 2 * 2
    state.set_epoch(1)
    assert loader(state, 0) != whole
    masked = next(iter(data.torch(64, masks=True)))
    assert sorted(masked) == ["documents", "ids", "learned", "positions"]


def urls_of_s3(folder: Path) -> None:
    """Objects of a local server that speaks S3."""
    import fsspec

    port = 5_000 + os.getpid() % 1_000
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(url, timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        store = fsspec.filesystem("s3")
        store.mkdir("texts")
        for language in ("de", "fr"):
            store.put(str(folder / f"{language}.jsonl"), f"texts/web/{language}.jsonl")
        shards.write(folder / "fr.jsonl", folder / "local", tokenizer=NAME, **OPTIONS)
        shards.write("s3://texts/web/fr.jsonl", folder / "remote", tokenizer=NAME, **OPTIONS)
        for name in ("part-00000-00000.bin", "part-00000-00000.idx"):
            assert (folder / "remote" / name).read_bytes() == (folder / "local" / name).read_bytes()
        both = [
            shards.write(it, folder / str(len(it)), tokenizer=NAME) for it in ("s3://texts/web/*.jsonl", "s3://texts")
        ]
        assert both[0].files == both[1].files
        assert [it["path"] for it in both[1].inputs] == ["s3://texts/web/de.jsonl", "s3://texts/web/fr.jsonl"]
        assert {it["language"]: it["documents"] for it in both[1].counts}["fr"] == len(rows_of(folder / "fr.jsonl"))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    for own in sys.argv[2:]:
        with tempfile.TemporaryDirectory() as place:
            for language in ("de", "fr"):
                data = Path(sys.argv[1], f"{language}.jsonl").read_bytes()
                Path(place, f"{language}.jsonl").write_bytes(data)
            globals()[own](Path(place))
        print(own)
