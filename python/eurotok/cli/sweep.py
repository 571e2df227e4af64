"""Train many tokenizers from one set of counts, to see what equal prices cost.

Each fairness and target is trained once, for the largest vocabulary; smaller ones are what training had come to.
The table has the tokens of the parallel text over all languages, their Gini, and the highest surcharge over
English, if the text has English. * marks the front: tokenizers that no other of their size betters in tokens or Gini
without being worse in the other.

example:
  eurotok sweep --corpus texts/ --parallel sentences/ --fairness 0,3,10,30 --vocab-size 32768,65536 -o s.svg
  eurotok sweep all.counts --parallel sentences/ --target en=0.9 --target en=0.8 --vocab-size 65536 -o s.json
"""

import argparse
import math
from functools import partial

from eurotok import training
from eurotok.cli.arguments import add_errors, add_threads, load_counts, numbers, pair
from eurotok.cli.streams import save_or_keep
from eurotok.corpus import find_languages
from eurotok.files import check_outputs, replacing
from eurotok.output import plots, training_plots
from eurotok.output.tables import table
from eurotok.training.sweep import FAIRNESS, FRONT, Sweep, sweep

ENDINGS = (".json", ".svg", ".png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("counts", nargs="*", metavar="COUNTS", help="saved counts to train on")
    parser.add_argument("--corpus", metavar="DIR", help="text by language, instead of counts")
    parser.add_argument("--parallel", metavar="DIR", required=True, help="the same sentences in every language")
    parser.add_argument(
        "--vocab-size", type=numbers(int), metavar="N,...", required=True, help="entries of the vocabularies"
    )
    parser.add_argument(
        "--fairness",
        type=numbers(float),
        metavar="F,...",
        default=list(FAIRNESS),
        help=f"values to try (default: {','.join(f'{value:g}' for value in FAIRNESS)}), beside plain BPE",
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
    if bool(args.counts) == bool(args.corpus):
        args.parser.error("give either --corpus or counts to train on")
    if args.output is not None:
        if not args.output.endswith(ENDINGS):
            raise ValueError(f"{args.output}: the name must end in {', '.join(ENDINGS)}, which says the format")
        if not args.output.endswith(".json"):
            plots.check_name(args.output)
    folders = [folder for folder in (args.corpus, args.parallel) if folder is not None]
    texts = [path for folder in folders for paths in find_languages(folder).values() for path in paths]
    check_outputs([] if args.output is None else [args.output], [*args.counts, *texts])
    scheme = training.DEFAULT_SCHEME if args.scheme is None else args.scheme
    counts = load_counts(args.counts, args.scheme) if args.counts else None
    run = partial(
        sweep,
        parallel=args.parallel,
        vocab_sizes=args.vocab_size,
        fairness=[None, *args.fairness],
        targets=[{}, *(dict([target]) for target in args.targets or ())],
        threads=args.threads,
        errors=args.errors,
    )
    if counts is None:
        run(training.stand_in(scheme, find_languages(args.corpus)))
        counts = training.count(args.corpus, scheme, threads=args.threads, errors=args.errors, progress=True)
    found = run(counts, progress=True)
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
    if path.endswith(".json"):
        found.save(path)
        return
    drawn = plots.draw(training_plots.sweep(found), path)
    with replacing(path) as file:
        file.write(drawn)
