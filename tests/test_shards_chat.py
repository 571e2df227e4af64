"""Chats in shards: the ids and masks that the tokenizer's template gives, kept by every step."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eurotok
from conftest import Run, refusal
from eurotok import shards
from shard_formats import READERS
from test_shards_write import files_of, write_lines

KINDS = ("datatrove", "npy", "parquet", "arrow")


def chats() -> list[dict[str, Any]]:
    tools = [{"type": "function", "function": {"name": "météo", "description": "?", "parameters": {}}}]
    return [
        {
            "conversation": {
                "messages": [
                    {"role": "user", "content": f"Combien font {place} + 1 ? <|end_of_turn|>"},
                    {"role": "assistant", "content": f"{place + 1}." * (place % 5 + 1)},
                ],
                "tools": tools if place % 3 == 0 else None,
            },
            "id": f"chat-{place}",
            "lang": "fr" if place % 2 else "de",
        }
        for place in range(40)
    ]


@pytest.fixture(scope="module")
def base() -> eurotok.Tokenizer:
    pytest.importorskip("jinja2")
    return eurotok.load("euro-64k")


def expected(base: eurotok.Tokenizer, rows: list[dict[str, Any]]) -> list[tuple[list[int], list[bool]]]:
    own = [it["conversation"] for it in rows]
    made = [base.chat(it["messages"], it.get("tools"), mask=True) for it in own]
    return [(ids.tolist(), mask.tolist()) for ids, mask in made]


def documents(folder: Path) -> list[tuple[list[int], list[bool]]]:
    data = shards.open(folder)
    return [(data[place].tolist(), data.mask(place).tolist()) for place in range(len(data))]


def masks_of(kind: str, folder: Path) -> list[int]:
    """Read masks without the package."""
    if kind == "datatrove":
        return [byte for path in sorted(folder.glob("*.ds.loss")) for byte in path.read_bytes()]
    if kind == "npy":
        return [it for path in sorted(folder.glob("*.mask.npy")) for it in np.load(path).tolist()]
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: list[int] = []
    for path in sorted(folder.glob(f"*.{kind}")):
        table = pq.read_table(path) if kind == "parquet" else pa.ipc.open_file(path).read_all()
        found += [it for row in table.column("assistant_masks").to_pylist() for it in row]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_ids_and_masks_are_those_of_the_template(kind: str, base: eurotok.Tokenizer, tmp_path: Path) -> None:
    rows = chats()
    path = write_lines(tmp_path / "chats.jsonl", rows)
    options: dict[str, Any] = {"tokenizer": base, "format": kind, "chat": "conversation.messages", "id": "id"}
    written = shards.write(path, tmp_path / "out", shard_size=1000, **options)
    wanted = expected(base, rows)
    assert len(written.shards) > 2
    assert documents(tmp_path / "out") == wanted
    assert READERS[kind](tmp_path / "out") == [ids for ids, _ in wanted]
    assert masks_of(kind, tmp_path / "out") == [it for _, mask in wanted for it in mask]
    assert 0 < sum(masks_of(kind, tmp_path / "out")) < written.tokens
    assert shards.verify(tmp_path / "out") == []
    # Through every step that copies documents.
    shards.merge([tmp_path / "out", tmp_path / "out"], tmp_path / "merged")
    assert documents(tmp_path / "merged") == 2 * wanted
    shards.shuffle(tmp_path / "merged", tmp_path / "shuffled", seed=1)
    assert sorted(documents(tmp_path / "shuffled")) == sorted(2 * wanted)
    shards.sample(tmp_path / "shuffled", tmp_path / "sampled", tokens=written.tokens, seed=2)
    assert set(map(str, documents(tmp_path / "sampled"))) <= set(map(str, wanted))
    shards.split(tmp_path / "out", tmp_path / "split", ratios={"a": 1, "b": 1})
    assert sorted(documents(tmp_path / "split" / "a") + documents(tmp_path / "split" / "b")) == sorted(wanted)
    with pytest.raises(ValueError, match="format: megatron has no place for the masks of chats"):
        shards.merge(tmp_path / "out", tmp_path / "flat", format="megatron")


def test_sequences_know_what_is_learned(base: eurotok.Tokenizer, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "chats.jsonl", chats())
    shards.write(path, tmp_path / "out", tokenizer=base, format="npy", chat="conversation.messages")
    data = shards.open(tmp_path / "out")
    stream = np.concatenate([data.mask(place) for place in range(len(data))])
    packed = data.packed(33)
    assert np.array_equal(np.concatenate([it.learned for it in packed]), stream[: 33 * len(packed)])


def test_every_input_of_chats_gives_the_same(base: eurotok.Tokenizer, tmp_path: Path, run: Run) -> None:
    pa = pytest.importorskip("pyarrow")
    import lzma

    import pyarrow.parquet as pq

    rows = chats()
    for row in rows:  # a struct of a table has all fields in each row
        row["conversation"]["tools"] = None
    plain = write_lines(tmp_path / "a.jsonl", rows).read_bytes()
    (tmp_path / "b.jsonl.zst").write_bytes(pa.compress(plain, codec="zstd", asbytes=True))
    (tmp_path / "c.json.xz").write_bytes(lzma.compress(plain))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "d.parquet")
    options: dict[str, Any] = {"format": "datatrove", "chat": "conversation.messages", "validation": "20%"}
    found = []
    for name in ("a.jsonl", "b.jsonl.zst", "c.json.xz", "d.parquet"):
        shards.write(tmp_path / name, tmp_path / f"out-{name}", tokenizer=base, **options)
        files = files_of(tmp_path / f"out-{name}")
        found.append({it: data for it, data in files.items() if not it.endswith("manifest.json")})
    assert found[0] == found[1] == found[2] == found[3]
    call = ("shards", "write", "euro-64k", "-", "-o", "stdin", "--format", "datatrove")
    done = run(*call, "--chat", "conversation.messages", "--validation", "20%", input=plain)
    assert done.returncode == 0, done.stderr
    files = files_of(tmp_path / "stdin")
    # Here the tokenizer has a name, which datatrove's metadata have.
    named = {it: data.replace(b"tokenizer|", b"euro-64k|") for it, data in found[0].items()}
    assert {it: data for it, data in files.items() if not it.endswith("manifest.json")} == named


def test_bad_chats_are_named_and_filters_apply(base: eurotok.Tokenizer, tmp_path: Path) -> None:
    options: dict[str, Any] = {"tokenizer": base, "format": "npy", "chat": "messages"}
    good = {"messages": [{"role": "user", "content": "a"}], "n": 1}
    for place, (row, message) in enumerate(
        [
            ({"messages": "a"}, "line 2: not a list of messages, each with a role"),
            ({"messages": [{"content": "a"}]}, "line 2: not a list of messages, each with a role"),
            ({"text": "a"}, "line 2: the field `messages` is missing"),
            ({"messages": None}, "line 2: the field `messages` is null"),
            ({"messages": [{"role": "oracle", "content": "a"}]}, "line 2: "),
        ]
    ):
        path = write_lines(tmp_path / f"{place}.jsonl", [good, row])
        with pytest.raises(eurotok.CorpusError) as refused:
            shards.write(path, tmp_path / str(place), **options)
        assert str(refused.value).startswith(f"{path}: {message}")
    path = write_lines(tmp_path / "skip.jsonl", [good, {"n": 2}, {"messages": None}, good | {"n": 3}])
    written = shards.write(path, tmp_path / "skip", missing="skip", where="n < 3", **options)
    assert (written.documents, written.skipped) == (1, {"missing": 1, "null": 1, "filtered": 1})
    (tmp_path / "cut.jsonl").write_text(json.dumps(good) + '\n{"messages": [')
    with pytest.raises(eurotok.CorpusError, match=r"cut\.jsonl: line 2: not JSON"):
        shards.write(tmp_path / "cut.jsonl", tmp_path / "cut", **options)


def test_chats_that_have_no_place_are_refused_before_the_work(
    base: eurotok.Tokenizer, tok: eurotok.Tokenizer, tmp_path: Path, run: Run
) -> None:
    path = write_lines(tmp_path / "a.jsonl", [{"messages": [{"role": "user", "content": "a"}]}])
    with pytest.raises(ValueError, match="megatron has no place for the masks of chats: choose one of datatrove, npy"):
        shards.write(path, tmp_path / "a", tokenizer=base, chat="messages")
    with pytest.raises(ValueError, match="chat: the tokenizer tokenizer has no chat template"):
        shards.write(path, tmp_path / "b", tokenizer=tok, chat="messages", format="npy")
    with pytest.raises(ValueError, match="bos, eos: the template"):
        shards.write(path, tmp_path / "c", tokenizer=base, chat="messages", format="npy", eos=0)
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(eurotok.CorpusError, match=r"a\.txt: chats are read of JSON Lines"):
        shards.write(tmp_path / "a.txt", tmp_path / "d", tokenizer=base, chat="messages", format="npy")
    shards.write(path, tmp_path / "e", tokenizer=base, chat="messages", format="npy")
    other = eurotok.load("euro-64k")
    other.chat_template = f"{other.chat_template} "
    with pytest.raises(ValueError, match=r"another run: another chat template \(tokenizer\)"):
        shards.write(path, tmp_path / "e", tokenizer=other, chat="messages", format="npy")
    assert "no place for the masks" in refusal(
        run("shards", "write", "euro-64k", path, "-o", "f", "--chat", "messages")
    )
