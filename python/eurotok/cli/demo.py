"""Show in seconds what languages pay under several tokenizers.

Trains a tokenizer on two thirds of the embedded sample, and prices the 24 official languages of the EU on the rest. It
prices o200k_base (the tokenizer of GPT-4o, by stored figures), the shipped tokenizers, the given tokenizers, and the
trained one. Then it shows a sentence in several languages, cut into tokens by the smallest shipped tokenizer.

example:
  eurotok demo o200k_base.tiktoken
"""

from __future__ import annotations

import argparse
import shutil
import sys
from typing import TYPE_CHECKING

from eurotok.output.tables import has_colours, show_tokens

if TYPE_CHECKING:
    from eurotok.tokenizer import Tokenizer

VOCAB_SIZE = 4096
SHOWN = ("en", "fr", "de", "fi", "mt", "el", "bg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("tokenizers", nargs="*", metavar="[NAME=]TOKENIZER", help="tokenizers to compare with")


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok._core import Counts
    from eurotok.comparison import compare
    from eurotok.loading import load, models
    from eurotok.pricing import stored
    from eurotok.pricing.parallel_text import load_parallel
    from eurotok.published import labelled
    from eurotok.training import train
    from eurotok.training.counting import DEFAULT_SCHEME

    sample = load_parallel()
    sentences = len(sample.sentences["en"])
    learnt, heldout = sample.part(slice(0, sentences * 2 // 3)), sample.part(slice(sentences * 2 // 3, None))
    colours = has_colours(sys.stdout)

    print(f"1. Train {VOCAB_SIZE:,} tokens on {len(learnt.sentences['en'])} sentences in 24 languages.\n")
    counts = Counts(DEFAULT_SCHEME)
    for language, lines in learnt.sentences.items():
        counts.add_texts(language, lines)
    tokenizer = train(counts, vocab_size=VOCAB_SIZE)

    print("2. What do other sentences cost in each language?\n")
    shipped = {name: load(name) for name in models()}
    paid_for = stored.encoder()
    given = {label or path: path for label, path in map(labelled, args.tokenizers)}
    contenders = {paid_for.name: paid_for, **shipped, **given, "this demo": tokenizer}
    result = compare(contenders, heldout)
    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    print(result.table(width=width, colours=colours))

    print(
        f"\n{paid_for.name} is the vocabulary of GPT-4o: tokens of the sample are stored, the vocabulary is not here."
    )
    name, smallest = next(iter(shipped.items()))
    print(f"\n3. A sentence under {name}, token by token. It decodes to the same text.\n")
    for language in SHOWN:
        print(f"{language}  {_shown(smallest, heldout.sentences[language][0], colours)}")

    print(
        "\nNext, with text of your own (one file a language: fr.txt, de.jsonl, pl.txt.zst, ...):\n"
        "  eurotok train DIR --vocab-size 64k -o tokenizer.json\n"
        "  eurotok compare tokenizer.json ANOTHER.json --text DIR-OF-PARALLEL-TEXT\n"
        "  eurotok tokens euro-64k 'A sentence of your own.'\n"
        "  eurotok encode tokenizer.json book.txt -o ids.npy\n"
        "  eurotok --help"
    )


def _shown(tokenizer: Tokenizer, sentence: str, colours: bool) -> str:
    ids = tokenizer.encode(sentence)
    if tokenizer.decode(ids) != sentence:
        raise ValueError(f"{sentence!r} does not decode to itself")
    return show_tokens([tokenizer.token(int(i)) for i in ids], colours=colours)
