"""Turn files into ids, and read windows of them as a training loop does."""

import tempfile
from pathlib import Path

import numpy as np

import eurotok

tok = eurotok.load("euro-64k")
with tempfile.TemporaryDirectory() as folder:
    book = Path(folder, "book.txt")
    book.write_text("Der Zug hat Verspätung. Le train est en retard.\n" * 500, encoding="utf-8")
    written = tok.encode_files(book, Path(folder, "ids.npy"))
    ids = np.load(Path(folder, "ids.npy"))
print(f"{written.bytes:,} bytes of text: {written.tokens:,} tokens")

length, random = 64, np.random.default_rng(0)
starts = random.integers(0, len(ids) - length - 1, size=8)
batch = np.stack([ids[start : start + length + 1] for start in starts])
inputs, labels = batch[:, :-1], batch[:, 1:]
print(f"inputs {inputs.shape}, labels {labels.shape}")
