"""Run by the Python of an environment: compares tokenizers of `transformers` with accelerated ones, call by call.

Arguments are folders; prints how many calls gave the same for each.
"""

from __future__ import annotations

import copy
import itertools
import json
import os
import pickle
import sys
import tempfile
import warnings
from typing import Any

import numpy as np
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from eurotok.integrations.transformers import SlowWarning, accelerate, explain, plugin

TEXTS = [
    "Où est l’école ?",
    "",
    "Ευχαριστώ <|pad|> x" * 9,
    "a b c",
    "\n\n  x 👩\u200d👩\u200d👧",
    "中文 " * 30,
    "<s> </s>",
]

OTHER_OPTIONS: list[dict[str, Any]] = [
    {},
    {"return_offsets_mapping": True, "return_special_tokens_mask": True, "return_length": True},
    {"return_tensors": "np"},
    {"return_overflowing_tokens": True, "stride": 2},
    {"pad_to_multiple_of": 8},
    {"return_token_type_ids": True},
]


def same(found: Any, expected: Any) -> bool:
    if isinstance(found, BaseException) or isinstance(expected, BaseException):
        return isinstance(found, BaseException) and isinstance(expected, BaseException)
    keys = set(found.keys())
    return keys == set(expected.keys()) and all(plain(found[key]) == plain(expected[key]) for key in keys)


def plain(value: Any) -> Any:
    """Give arrays, of objects too, as lists."""
    return [plain(part) for part in value] if hasattr(value, "__len__") else int(value)


def call(tokenizer: Any, *texts: Any, **options: Any) -> Any:
    try:
        return tokenizer(*texts, **options)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of tokenizers is no Exception
        return error


def compare(folder: str) -> int:
    theirs = AutoTokenizer.from_pretrained(folder)
    ours = accelerate(theirs)
    assert isinstance(ours, PreTrainedTokenizerFast), "isinstance holds"
    done = 0
    sides = ("right", "left")
    for special, side, cut, padding, truncation, other in itertools.product(
        (True, False), sides, sides, (False, True, "max_length"), (False, True, "only_first"), OTHER_OPTIONS
    ):
        theirs.padding_side = ours.padding_side = side
        theirs.truncation_side = ours.truncation_side = cut
        if (other.get("return_overflowing_tokens") and not truncation) or (
            other.get("pad_to_multiple_of") and not padding
        ):
            continue
        length = 12 if truncation or padding == "max_length" else None
        options: dict[str, Any] = {
            "add_special_tokens": special, "padding": padding, "truncation": truncation, "max_length": length, **other,
        }  # fmt: skip
        inputs: list[tuple[Any, ...]] = [(TEXTS,), (TEXTS[0],), (TEXTS, TEXTS[::-1]), (TEXTS[0], TEXTS[3])]
        for texts in inputs:
            found, expected = call(ours, *texts, **options), call(theirs, *texts, **options)
            assert same(found, expected), f"{texts!r}, {options}: {found}, not {expected}"
            done += 1
    check_the_rest(ours, theirs)
    return done


def check_the_rest(ours: Any, theirs: Any) -> None:
    found, expected = ours(TEXTS), theirs(TEXTS)
    assert found.is_fast
    assert found.tokens(0) == expected.tokens(0)
    assert found.word_ids(2) == expected.word_ids(2)
    assert found.char_to_token(0, 3) == expected.char_to_token(0, 3)
    assert ours.encode("x y") == theirs.encode("x y")
    assert ours.tokenize("x y") == theirs.tokenize("x y")
    words = {"is_split_into_words": True}
    assert same(call(ours, ["x", "y"], **words), call(theirs, ["x", "y"], **words))
    ids = np.random.default_rng(0).integers(0, len(theirs) + 50, 400).tolist()
    for skip in (False, True):
        assert ours.decode(ids, skip_special_tokens=skip) == theirs.decode(ids, skip_special_tokens=skip)
        pair = [ids[:9], ids[9:]]
        assert ours.batch_decode(pair, skip_special_tokens=skip) == theirs.batch_decode(pair, skip_special_tokens=skip)
    assert pickle.loads(pickle.dumps(ours)).encode("x y") == theirs.encode("x y")
    changed, other = copy.deepcopy(ours), copy.deepcopy(theirs)
    for tokenizer in (changed, other):
        tokenizer.add_tokens(["éco", "foo"])
    assert same(changed(TEXTS), other(TEXTS))
    assert same(ours(TEXTS), theirs(TEXTS)), "a copy was changed, not the tokenizer"
    with tempfile.TemporaryDirectory() as folder:
        ours.save_pretrained(folder)
        again = AutoTokenizer.from_pretrained(folder)
    assert type(again) is type(theirs)
    assert same(again(TEXTS), theirs(TEXTS))
    if theirs.chat_template:
        chat = [{"role": "user", "content": "Ça va ?"}, {"role": "assistant", "content": "Oui."}]
        text = [tokenizer.apply_chat_template(chat, tokenize=False) for tokenizer in (ours, theirs)]
        assert text[0] == text[1]
    assert "words that are split already" in explain(ours)


def check_all(folder: str) -> None:
    """Have `AutoTokenizer` accelerate, and use the result as vLLM does: copied, and of a class derived from its own."""
    theirs = AutoTokenizer.from_pretrained(folder)
    plugin()
    assert not hasattr(AutoTokenizer.from_pretrained(folder), "_eurotok"), "the variable is not set"
    os.environ["EUROTOK_ACCELERATE"] = "1"
    plugin()
    plugin()
    ours = AutoTokenizer.from_pretrained(folder)
    assert "run in eurotok" in explain(ours)
    derived = copy.copy(ours)
    derived.__class__ = type("Cached", (type(ours),), {"__len__": lambda self: 7})
    assert len(derived) == 7
    assert same(derived(TEXTS), theirs(TEXTS))
    assert derived.decode(theirs(TEXTS[0])["input_ids"]) == theirs.decode(theirs(TEXTS[0])["input_ids"])


if __name__ == "__main__":
    warnings.simplefilter("ignore", SlowWarning)
    compared = {folder: compare(folder) for folder in sys.argv[1:]}
    check_all(sys.argv[1])
    print(json.dumps(compared))
