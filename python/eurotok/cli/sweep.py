"""Train many tokenizers from one set of counts, to see the cost of equal prices.

Each fairness and target is trained once, for the largest vocabulary. Smaller vocabularies are its first entries. The
table has the tokens of the parallel text over all languages, their Gini, and the highest surcharge over English, if the
text has English. * marks the front: tokenizers that no other of their size betters in tokens or Gini without being
worse in the other.

example:
  eurotok sweep texts/ --parallel sentences/ --fairness 0,3,10,30 --vocab-size 32k,64k -o s.svg
  eurotok sweep all.counts --parallel sentences/ --target en=0.9 --target en=0.8 --vocab-size 64k -o s.json
"""

from __future__ import annotations

import argparse
import math
import sys
from functools import partial
from typing import TYPE_CHECKING

from eurotok import defaults
from eurotok.cli.arguments import (
    add_errors,
    add_sources,
    add_threads,
    corpus_of,
    entries,
    load_counts,
    numbers,
    pair,
    split_sources,
)
from eurotok.cli.streams import save_or_keep
from eurotok.output.tables import table

if TYPE_CHECKING:
    from eurotok.training.sweep import Sweep

ENDINGS = (".json", ".svg", ".png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_sources(parser)
    parser.add_argument("--parallel", metavar="DIR", required=True, help="the same sentences in every language")
    parser.add_argument(
        "--vocab-size",
        type=numbers(entries),
        metavar="N,...",
        required=True,
        help="entries of the vocabularies; 64k is 65536",
    )
    parser.add_argument(
        "--fairness",
        type=numbers(float),
        metavar="F,...",
        default=list(defaults.SWEEP),
        help=f"values to try (default: {','.join(f'{value:g}' for value in defaults.SWEEP)}), beside plain BPE",
    )
    parser.add_argument(
        "--target",
        dest="targets",
        action="append",
        type=pair(float),
        metavar="LANG=PRICE",
        help="a target to try, beside none (repeatable)",
    )
    parser.add_argument("--scheme", metavar="NAME|REGEX", help="splitting rule, as for train")
    parser.add_argument("-o", "--output", metavar="FILE", help=f"also write the sweep as {', '.join(ENDINGS)}")
    add_threads(parser)
    add_errors(parser)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok.corpus import find_languages
    from eurotok.files import check_outputs
    from eurotok.output import plots
    from eurotok.training.counting import count_pieces, stand_in
    from eurotok.training.sweep import FRONT, sweep

    split_sources(args.parser, args)
    if args.output is not None:
        if not args.output.endswith(ENDINGS):
            raise ValueError(f"{args.output}: the name must end in {', '.join(ENDINGS)}, which says the format")
        if not args.output.endswith(".json"):
            plots.check_name(args.output)
    corpus = corpus_of(args.corpus) if args.corpus else {}
    texts = [path for paths in (*corpus.values(), *find_languages(args.parallel).values()) for path in paths]
    check_outputs([] if args.output is None else [args.output], [*args.counts, *texts])
    scheme = defaults.SCHEME if args.scheme is None else args.scheme
    counts = load_counts(args.counts, args.scheme) if args.counts else None
    run = partial(
        sweep,
        parallel=args.parallel,
        vocab_size=args.vocab_size,
        fairness=[None, *args.fairness],
        target=[{}, *(dict([target]) for target in args.targets or ())],
        threads=args.threads,
        errors=args.errors,
    )
    if counts is None:
        run(stand_in(scheme, corpus))
        counts = count_pieces(corpus, scheme, threads=args.threads, errors=args.errors, progress=True)
    found = run(counts, progress=True, announce=lambda line: print(line, file=sys.stderr, flush=True))
    best = found.frontier()
    rows = [
        [
            (point.name, ""),
            (f"{point.vocab_size:,}", ""),
            (f"{point.total:,}", ""),
            (f"{point.gini:.4f}", ""),
            ("" if math.isnan(point.worst) else f"{100 * point.worst:+.1f} %", ""),
            (FRONT if point in best else "", ""),
        ]
        for point in found.points
    ]
    print(table(["", "entries", "tokens", "Gini", "worst", ""], rows))
    print(f"\n{FRONT} {found.explanation}. Gini: 0 if all languages pay alike; lower is fairer.", flush=True)
    if args.output is not None:
        save_or_keep(partial(_write, found), args.output, ".json")


def _write(found: Sweep, path: str) -> None:
    """Write a sweep in the format that the ending names."""
    from eurotok.files import replacing
    from eurotok.output import plots, training_plots

    if path.endswith(".json"):
        found.save(path)
        return
    drawn = plots.draw(training_plots.sweep(found), path)
    with replacing(path) as file:
        file.write(drawn)
