"""Run by the Python of an environment: accelerated tokenizers of every family beside those of `transformers`.

Arguments are a folder of `tokenizer.json` files, of any names, and a file of texts as a list in JSON; prints how many
calls gave the same for each.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from ecosystem.accelerated import TEXTS, call, same
from eurotok.integrations.transformers import SlowWarning, accelerate, explain

BATCHES: list[dict[str, Any]] = [
    {},
    {"return_offsets_mapping": True, "return_special_tokens_mask": True},
    {"padding": True, "return_tensors": "np", "return_token_type_ids": True},
    {"padding": True, "truncation": True, "max_length": 32},
    {"truncation": True, "max_length": 24, "stride": 4, "return_overflowing_tokens": True},
    {"padding": "max_length", "max_length": 40, "truncation": True, "add_special_tokens": False},
]  # fmt: skip
PAIRS: list[dict[str, Any]] = [
    {},
    {"padding": True, "truncation": True, "max_length": 40},
    {"return_token_type_ids": True, "return_offsets_mapping": True},
    {"add_special_tokens": False, "return_token_type_ids": True},
    {"truncation": "only_first", "max_length": 600, "stride": 3, "return_overflowing_tokens": True},
]


def calls(ours: Any, theirs: Any, texts: list[str]) -> Iterator[tuple[str, Any, Any]]:
    """Give, for each call, its name and both results."""
    for options in BATCHES:
        yield f"{options}", call(ours, texts, **options), call(theirs, texts, **options)
    for options in PAIRS:
        pairs = texts, texts[::-1]
        yield f"pairs, {options}", call(ours, *pairs, **options), call(theirs, *pairs, **options)
    random = np.random.default_rng(0).integers(0, len(theirs) + 30, (30, 20)).tolist()
    for ids in [*theirs(texts)["input_ids"], *random]:
        for skip in (False, True):
            for clean in (False, True):
                options = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": clean}
                found, expected = (call(each.decode, ids, **options) for each in (ours, theirs))
                yield f"decode {ids}, {options}", {"text": [found]}, {"text": [expected]}


def compare(path: Path, texts: list[str]) -> int | None:
    """Compare all calls, and give their number; nothing if these libraries are too old for the file."""
    try:
        theirs = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_file(str(path)))
    except Exception:
        return None
    if theirs.pad_token is None:
        theirs.pad_token = theirs.convert_ids_to_tokens(0)
    ours = accelerate(theirs)
    done = 0
    for name, found, expected in calls(ours, theirs, texts):
        if isinstance(expected, dict) and "text" in expected:
            assert found == expected, f"{path.name}: {name}: {found}, not {expected}"
        else:
            assert same(found, expected), f"{path.name}: {name}: {found}, not {expected}"
        done += 1
    assert "in transformers" not in explain(ours), f"{path.name}: {explain(ours)}"
    return done


if __name__ == "__main__":
    warnings.simplefilter("ignore", SlowWarning)
    logging.disable(logging.WARNING)
    texts = [
        *json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")),
        *TEXTS,
        " ",
        "́a",
        "İstanbul ǅ",
        "x [MASK] </s>",
    ]
    print(json.dumps({path.stem: compare(path, texts) for path in sorted(Path(sys.argv[1]).glob("*.json"))}))
