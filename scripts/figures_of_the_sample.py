"""Store how many tokens GPT-4o's vocabulary spends on each sentence of the embedded sample.

The figures are shown where the vocabulary itself is not at hand: in `eurotok demo`, and by `eurotok compare` without
tokenizers. They are numbers of tokens alone, without any of the vocabulary, which `quicktok-v1` carries:

    pip install quicktok-v1 && python -m scripts.figures_of_the_sample
"""

from __future__ import annotations

from importlib import import_module, metadata

from eurotok.files import write_json
from eurotok.pricing import stored
from eurotok.pricing.parallel_text import load_parallel

NAME = "o200k_base"


def main() -> None:
    """Count and write."""
    encoding = import_module("quicktok").get_encoding(NAME)
    sample = load_parallel()
    counts = {
        language: [len(encoding.encode_ordinary(sentence)) for sentence in sample.sentences[language]]
        for language in sample.languages
    }
    about = {
        "name": NAME,
        "vocab_size": encoding.n_vocab,
        "counted_with": f"quicktok-v1 {metadata.version('quicktok-v1')}",
        "sample": stored.fingerprint(sample.sentences),
    }
    write_json(stored.FIGURES / f"{NAME}.json", stored.FORMAT, {**about, "tokens": counts})


if __name__ == "__main__":
    main()
