"""Train, price and run European tokenizers.

>>> import eurotok
>>> tok = eurotok.train(["Freude, schöner Götterfunken, Tochter aus Elysium"], vocab_size=260)
>>> ids = tok.encode("schöner Götterfunken")
>>> tok.decode(ids)
'schöner Götterfunken'

`load` and `train` make a `Tokenizer`, `models` names those that come with the package, `count_pieces` (or `count`)
makes the `Counts` that training starts from, `extend` and `truncate` change the size of a vocabulary, and `compare`
prices languages under any tokenizers.

A name is imported when it is first used, so that `import eurotok` and `eurotok --help` take milliseconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eurotok import shards
    from eurotok._core import (
        CorpusError,
        Counts,
        Error,
        FormatError,
        PatternError,
        UnknownIdError,
        UnsupportedError,
        __version__,
        schemes,
        split,
    )
    from eurotok.alignment import Alignment, align
    from eurotok.batch import Batch
    from eurotok.chat import ChatError
    from eurotok.comparison import Comparison, compare
    from eurotok.integrations.transformers import accelerate, explain
    from eurotok.loading import load, models
    from eurotok.pricing.steering import SteeredWarning
    from eurotok.ragged import Ragged
    from eurotok.tokenizer import Tokenizer
    from eurotok.training import extend, train, truncate
    from eurotok.training.counting import count, count_pieces
    from eurotok.training.limits import Outcome, Wish, grant
    from eurotok.training.parity import Parity
    from eurotok.training.sweep import Sweep, sweep
    from eurotok.training.trace import Trace

__all__ = [
    "Alignment",
    "Batch",
    "ChatError",
    "Comparison",
    "CorpusError",
    "Counts",
    "Error",
    "FormatError",
    "Outcome",
    "Parity",
    "PatternError",
    "Ragged",
    "SteeredWarning",
    "Sweep",
    "Tokenizer",
    "Trace",
    "UnknownIdError",
    "UnsupportedError",
    "Wish",
    "__version__",
    "accelerate",
    "align",
    "compare",
    "count",
    "count_pieces",
    "explain",
    "extend",
    "grant",
    "load",
    "models",
    "schemes",
    "shards",
    "split",
    "sweep",
    "train",
    "truncate",
]

_HOMES = {
    "alignment": ("Alignment", "align"),
    "batch": ("Batch",),
    "chat": ("ChatError",),
    "comparison": ("Comparison", "compare"),
    "integrations.transformers": ("accelerate", "explain"),
    "loading": ("load", "models"),
    "pricing.steering": ("SteeredWarning",),
    "ragged": ("Ragged",),
    "tokenizer": ("Tokenizer",),
    "training": ("extend", "train", "truncate"),
    "training.counting": ("count", "count_pieces"),
    "training.limits": ("Outcome", "Wish", "grant"),
    "training.parity": ("Parity",),
    "training.sweep": ("Sweep", "sweep"),
    "training.trace": ("Trace",),
}
"""Modules and the names that they give; the other names are of `_core`."""

_MODULES = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'eurotok' has no attribute {name!r}")
    if name == "shards":
        return import_module("eurotok.shards")
    value = getattr(import_module(f"eurotok.{_MODULES.get(name, '_core')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
