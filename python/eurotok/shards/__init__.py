"""From data sets to token shards: fast, resumable, verified, on one machine or many.

`write` makes a folder of shards that training frameworks read, `verify` proves that it is whole, `open` reads it. The
`manifest.json` of every folder tells its inputs and its tokenizer.
"""

from eurotok.shards.dataset import Dataset
from eurotok.shards.dataset import open_folder as open  # noqa: A004 - the name that users look for
from eurotok.shards.formats import FORMATS
from eurotok.shards.manifest import Manifest
from eurotok.shards.rewriting import Sampled, merge, sample, shuffle, split
from eurotok.shards.statistics import Stats, head, stats
from eurotok.shards.verification import verify
from eurotok.shards.writing import finish, plan, work, write

__all__ = [
    "FORMATS",
    "Dataset",
    "Manifest",
    "Sampled",
    "Stats",
    "finish",
    "head",
    "merge",
    "open",
    "plan",
    "sample",
    "shuffle",
    "split",
    "stats",
    "verify",
    "work",
    "write",
]
