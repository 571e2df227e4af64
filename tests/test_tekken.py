"""Tekken files that are written: mistral-common gives the same tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import eurotok
from eurotok.cli import main
from eurotok.specials import add

tekken = pytest.importorskip("mistral_common.tokens.tokenizers.tekken")


@pytest.mark.parametrize("scheme", ["tekken", "europe", "llama3"])
def test_mistral_common_gives_the_same_ids(scheme: str, sentences: dict[str, Sequence[str]], tmp_path: Path) -> None:
    texts = [line for lines in sentences.values() for line in lines[:3]]
    specials = ["<unk>", "<s>", "</s>"]
    tok = eurotok.train(["\n".join(texts)], vocab_size=2000, scheme=scheme, special_tokens=specials)
    with pytest.raises(eurotok.UnsupportedError, match=r"the 256 bytes do not come first.*--renumber"):
        tok.publish(tmp_path, format="tekken")
    assert [path.name for path in tok.publish(tmp_path, format="tekken", renumber=True)] == ["tekken.json"]
    peer = tekken.Tekkenizer.from_file(tmp_path / "tekken.json")
    new = eurotok.load(tmp_path / "tekken.json")
    assert new.special_tokens == tok.special_tokens
    assert (peer.bos_id, peer.n_words) == (1, tok.vocab_size)
    for text in [*texts, "L'ÉTÉ\n\n 12345", "<s>"]:
        ids = new.encode_list(text)
        assert ids == peer.encode(text, bos=False, eos=False)
        assert [new.token(number) for number in ids] == [tok.token(number) for number in tok.encode_list(text)]
        assert peer.decode(ids) == text
    again = tmp_path / "again"
    new.publish(again, format="tekken")
    assert (again / "tekken.json").read_bytes() == (tmp_path / "tekken.json").read_bytes()


def test_ids_stay_unless_they_may_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = eurotok.train(["un deux"], vocab_size=257, special_tokens=[])
    with pytest.raises(eurotok.UnsupportedError, match="special tokens do not have the first ids"):
        add(late, ["<|end|>"]).publish(tmp_path / "x", format="tekken")
    assert main(["publish", "euro-64k", str(tmp_path / "y"), "--format", "tekken"]) == 1
    assert "would change ids" in capsys.readouterr().err
    assert not (tmp_path / "y" / "tekken.json").exists()
    assert main(["publish", "euro-64k", str(tmp_path / "y"), "--format", "tekken", "--renumber"]) == 0
    assert eurotok.load(tmp_path / "y" / "tekken.json").vocab_size == 65_536
    wrong: list[tuple[dict[str, Any], str]] = [({"renumber": True}, "renumber"), ({"format": "tiktoken"}, "neither")]
    for options, message in wrong:
        with pytest.raises(ValueError, match=message):
            late.publish(tmp_path / "z", **options)
