"""Train, price and run European tokenizers.

>>> import eurotok
>>> tok = eurotok.train(["Freude, schöner Götterfunken, Tochter aus Elysium"], vocab_size=260)
>>> ids = tok.encode("schöner Götterfunken")
>>> tok.decode(ids)
'schöner Götterfunken'

`load` and `train` make a `Tokenizer`, `models` names those that come with the package, `count` makes the `Counts` that
training starts from, `extend` and `truncate` change the size of a vocabulary, and `compare` prices languages under any
tokenizers.
"""

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
from eurotok.batch import Batch
from eurotok.chat import ChatError
from eurotok.comparison import Comparison, compare
from eurotok.ragged import Ragged
from eurotok.tokenizer import Tokenizer, load, models
from eurotok.training import count, extend, train, truncate
from eurotok.training.limits import Outcome, Wish, grant
from eurotok.training.parity import Parity
from eurotok.training.sweep import Sweep, sweep
from eurotok.training.trace import Trace

__all__ = [
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
    "Sweep",
    "Tokenizer",
    "Trace",
    "UnknownIdError",
    "UnsupportedError",
    "Wish",
    "__version__",
    "compare",
    "count",
    "extend",
    "grant",
    "load",
    "models",
    "schemes",
    "split",
    "sweep",
    "train",
    "truncate",
]
