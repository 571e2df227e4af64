"""List the tokenizers that come with eurotok.

Prints the name, the entries of the vocabulary, the size of the file, and the card, which has the prices of all
languages and says how the tokenizer was made.

example:
  eurotok models
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command: none."""


def run(_: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok.loading import MODELS, load, models
    from eurotok.output.tables import table

    rows = [
        [
            (name, ""),
            (f"{load(name).vocab_size:,}", ""),
            (f"{(MODELS / f'{name}.eurotok').stat().st_size / 1e6:.1f} MB", ""),
            (str(MODELS / f"{name}.md"), ""),
        ]
        for name in models()
    ]
    print(table(["", "entries", "file", "card"], rows, width=1000))
