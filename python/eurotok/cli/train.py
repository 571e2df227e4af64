"""Train a tokenizer on a folder of text, or on saved counts.

The folder holds <lang>.txt, <lang>.jsonl (field "text") or <lang>.parquet (column "text"), plain or .gz/.zst, or
folders <lang> of such files. Each language weighs the same unless --share says otherwise. Counts are files that
'eurotok count-pieces' saved; several are added up.

example:
  eurotok train texts/ --vocab-size 64k --share en=4 --special-token '<|end|>' -o tokenizer.json
  eurotok train texts/ --vocab-size 64k --parallel sentences/ --fairness 10 -o tokenizer.json
  eurotok train laws/ --vocab-size 64k --frequencies words/ --calibrate 0.85 -o tokenizer.json
  eurotok train texts/ --vocab-size 64k --parallel sentences/ --wish '*<=0% than euro-64k' -o tokenizer.json
  eurotok train part-1.counts part-2.counts --vocab-size 64k -o tokenizer.json
  eurotok train texts/ --vocab-size 128k --memory 4GB --checkpoint run.checkpoint -o tokenizer.json
  eurotok train more/ --extend tokenizer.json --vocab-size 128k -o larger.json
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from eurotok import defaults
from eurotok.cli.arguments import (
    Pairs,
    add_errors,
    add_memory,
    add_sources,
    add_threads,
    corpus_of,
    entries,
    load_counts,
    pair,
    positive,
    saved_files,
    split_sources,
    tokenizer_files,
    wish,
)
from eurotok.cli.streams import DASH, output, save_or_keep
from eurotok.escape import terminal
from eurotok.output.tables import signed_percent

if TYPE_CHECKING:
    from eurotok._core import Counts
    from eurotok.tokenizer import Tokenizer
    from eurotok.training.limits import Granted
    from eurotok.training.trace import Trace

ENDINGS = (".json", ".tiktoken", ".eurotok")
TRACES = (".json", ".svg", ".png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_sources(parser)
    parser.add_argument(
        "--vocab-size",
        type=entries,
        metavar="N",
        required=True,
        help="entries, the 256 bytes and special tokens included; 64k is 65536",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", required=True, help=".json, .tiktoken or .eurotok; - writes a tokenizer.json"
    )
    parser.add_argument(
        "--scheme",
        metavar="NAME|REGEX",
        help=f"splitting rule (default: {defaults.SCHEME}, or that of the counts); 'eurotok info' lists them",
    )
    parser.add_argument(
        "--share",
        dest="shares",
        action=Pairs,
        type=pair(float),
        metavar="LANG=WEIGHT",
        help="weight of a language; 1 for all other languages (repeatable)",
    )
    parser.add_argument(
        "--frequencies",
        metavar="DIR",
        help="word frequencies by which to calibrate the counts: <lang>.tsv (.gz, .zst) with lines WORD<TAB>FREQUENCY",
    )
    parser.add_argument(
        "--calibrate",
        type=float,
        metavar="STRENGTH",
        help="strength of calibration, from 0 to 1: tokenizers of a corpus of law or of books become cheaper on "
        "other text, and dearer on their own "
        f"(default: {defaults.CALIBRATION:g} with --frequencies)",
    )
    parser.add_argument(
        "--parallel",
        metavar="DIR",
        help="the same sentences in every language, one per line: they measure what languages pay, and are not "
        "trained on",
    )
    parser.add_argument(
        "--fairness",
        type=float,
        metavar="F",
        help="0 is cheapest over all languages, more makes prices more equal: with 131,072 entries for 24 languages "
        "the largest surcharge on other text was 26%% at 5, 20%% at 10 and 14%% at 20, which takes 1.4%% more tokens "
        f"than 5 (default: {defaults.FAIRNESS:g} with --parallel or --target)",
    )
    parser.add_argument(
        "--target",
        dest="targets",
        action=Pairs,
        type=pair(float),
        metavar="LANG=PRICE",
        help="the price a language should have, in proportion to the other languages, which have 1 (repeatable)",
    )
    parser.add_argument(
        "--wish",
        dest="wishes",
        action="append",
        type=wish,
        metavar="WISH",
        help="a limit to prices, which training tries to meet: surcharge<=20%%, fr<=15%%, fr>=-5%%; or, relative to "
        "prices under another tokenizer, 'en<=3%% than TOKENIZER', and '*<=0%% than TOKENIZER' for every language "
        "(repeatable, the most important first)",
    )
    parser.add_argument(
        "--trace",
        metavar="FILE",
        help="also write the language that won each merge, and prices as they fell: .json, .svg or .png",
    )
    parser.add_argument(
        "--parity", choices=("base", "window"), help="parity-aware BPE instead of fairness, for comparison"
    )
    parser.add_argument(
        "--global-merges", type=int, metavar="N", default=0, help="merges of plain BPE that --parity begins with"
    )
    parser.add_argument(
        "--special-token",
        dest="special_tokens",
        action="append",
        default=[],
        metavar="TOKEN",
        help="a text with an id of its own (repeatable)",
    )
    parser.add_argument(
        "--min-frequency",
        type=positive,
        metavar="N",
        default=2,
        help="least number of occurrences of a merged pair (default: 2)",
    )
    parser.add_argument(
        "--max-token-length", type=positive, metavar="BYTES", help="tokens stay shorter than this (default: no limit)"
    )
    parser.add_argument(
        "--extend", metavar="TOKENIZER", help="grow the vocabulary of this tokenizer, whose tokens keep their ids"
    )
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="file that keeps the merges made so far; if it exists, training that was stopped or killed continues "
        "from it",
    )
    parser.add_argument(
        "--checkpoint-every",
        type=float,
        metavar="SECONDS",
        help="how often to write the checkpoint (default: 30); it is written on Ctrl-C and SIGTERM, too",
    )
    add_memory(parser)
    add_threads(parser)
    add_errors(parser)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok import training
    from eurotok.loading import load
    from eurotok.pricing.parallel_text import load_sentences
    from eurotok.training.counting import DEFAULT_SCHEME, count_pieces, stand_in
    from eurotok.training.limits import grant
    from eurotok.training.parity import Parity

    split_sources(args.parser, args)
    _check_arguments(args)
    corpus = corpus_of(args.corpus) if args.corpus else {}
    old = load(args.extend) if args.extend else None
    began = time.perf_counter()
    loaded = load_counts(args.counts, args.scheme, args.memory) if args.counts else None
    options: dict[str, Any] = {
        "vocab_size": args.vocab_size,
        "shares": args.shares,
        "parallel": args.parallel,
        "target": args.targets,
        "min_frequency": args.min_frequency,
        "max_token_length": args.max_token_length,
        "threads": args.threads,
        "errors": args.errors,
    }
    traces: list[Trace] = []
    if old:
        train = partial(training.extend, old, fairness=args.fairness, checkpoint_every=args.checkpoint_every)
        scheme = old.scheme or old.pattern
    else:
        parity = None if args.parity is None else Parity(args.parity, global_merges=args.global_merges)
        specials = args.special_tokens
        train = partial(
            training.train,
            special_tokens=specials,
            parity=parity,
            fairness=args.fairness,
            checkpoint_every=args.checkpoint_every,
            trace=traces.append,
        )
        scheme = DEFAULT_SCHEME if args.scheme is None else args.scheme
    _rehearse(args, train, loaded or stand_in(scheme, corpus), options)
    traces.clear()
    options["progress"] = True
    counts = loaded or count_pieces(
        corpus, scheme, memory=args.memory, threads=args.threads, errors=args.errors, progress=True
    )
    if args.frequencies:
        strength = training.DEFAULT_CALIBRATION if args.calibrate is None else args.calibrate
        counts = counts.calibrate(args.frequencies, strength)
    counted = time.perf_counter()
    granted: tuple[Granted, ...] = ()
    if args.wishes:
        fairness = training.DEFAULT_FAIRNESS if args.fairness is None else args.fairness
        outcome = grant(counts, args.wishes, fairness=fairness, special_tokens=args.special_tokens, **options)
        tokenizer, granted = outcome.tokenizer, outcome.granted
        traces.append(outcome.trace)
    else:
        tokenizer = train(counts, memory=args.memory, checkpoint=args.checkpoint, **options)
    merged = time.perf_counter()
    if args.output == DASH:
        with output(DASH) as file:
            file.write(tokenizer.to_bytes("json"))
    else:
        save_or_keep(tokenizer.save, args.output, ".eurotok")
    if args.trace is not None:
        _write_trace(args.trace, traces)
    if unmet := sum(not it.met for it in granted):
        print(f"{unmet} of {len(granted)} wishes not met (exit code 1)", file=sys.stderr)
    size, verb = sum(counts.bytes.values()) / 1e6, "loaded" if args.counts else "counted"
    print(
        f"{len(counts.languages)} languages, {size:,.1f} MB: {verb} in {counted - began:.1f} s, "
        f"{tokenizer.vocab_size:,} tokens in {merged - counted:.1f} s -> {terminal(args.output)}",
        file=sys.stderr,
    )
    for wished in sorted(granted, key=lambda it: it.met):
        print(terminal(str(wished)), file=sys.stderr)
    if args.parallel is not None:
        _tell_prices(tokenizer, load_sentences(args.parallel, counts.languages, args.errors))
    if tokenizer.vocab_size < args.vocab_size:
        print(f"the text supports {tokenizer.vocab_size:,} tokens, not {args.vocab_size:,}", file=sys.stderr)
    if unmet:
        sys.exit(1)


def _tell_prices(tokenizer: Tokenizer, sentences: Mapping[str, Sequence[str]]) -> None:
    """Print the price of each language on the text that steered training, the most expensive first."""
    from eurotok.pricing.parallel_text import REFERENCE
    from eurotok.training.limits import prices_under

    paid = {
        language: total / len(sentences[language]) for language, total in prices_under(tokenizer, sentences).items()
    }
    english = paid.get(REFERENCE)
    told = [
        f"{language} {price:.1f}"
        + ("" if english is None or language == REFERENCE else f" ({signed_percent(price / english - 1)})")
        for language, price in sorted(paid.items(), key=lambda it: -it[1])
    ]
    beside = "" if english is None else " and surcharge over English"
    print(
        f"tokens per sentence{beside}, on the text that steered training (other text has higher prices): "
        f"{terminal(', '.join(told))}",
        file=sys.stderr,
    )


def _rehearse(
    args: argparse.Namespace, train: Callable[..., Tokenizer], counts: Counts, options: Mapping[str, Any]
) -> None:
    """Refuse before counting and training everything that would be refused after them."""
    from eurotok._core import UnsupportedError
    from eurotok.pricing.parallel_text import load_sentences
    from eurotok.training.counting import stand_in
    from eurotok.training.limits import check_wish

    nothing = stand_in(counts.scheme, counts.languages)
    tokenizer = train(nothing, **options)
    try:
        tokenizer.to_bytes("json" if args.output == DASH else args.output.rpartition(".")[2])
    except UnsupportedError as error:
        raise UnsupportedError(f"{args.output}: {error}") from None
    if args.wishes:
        languages = load_sentences(args.parallel, counts.languages, args.errors)
        for wished in args.wishes:
            check_wish(wished, languages)


def _check_arguments(args: argparse.Namespace) -> None:
    from eurotok.corpus import find_languages
    from eurotok.files import check_outputs

    if args.calibrate is not None and not args.frequencies:
        args.parser.error("--calibrate needs --frequencies")
    if args.extend and (args.scheme or args.special_tokens):
        args.parser.error("--extend: the tokenizer has its --scheme and --special-token already")
    if args.extend and (args.parity or args.wishes or args.trace):
        args.parser.error("--extend: there is no --parity, --wish or --trace with it")
    if args.wishes and (args.parallel is None or args.parity is not None):
        args.parser.error("--wish needs --parallel, and no --parity")
    if args.wishes and args.checkpoint:
        args.parser.error("--wish: trains many times, so there is no --checkpoint")
    if args.memory and (args.parallel or args.targets or args.parity or args.fairness is not None):
        args.parser.error("--memory: not with fairness or parity; 'eurotok count-pieces' has it")
    if args.checkpoint_every is not None and not args.checkpoint:
        args.parser.error("--checkpoint-every needs --checkpoint")
    if args.output != DASH and not args.output.endswith(ENDINGS):
        raise ValueError(f"{args.output}: the name must end in {', '.join(ENDINGS)}, which says the format")
    if args.trace is not None:
        if not args.trace.endswith(TRACES):
            raise ValueError(f"{args.trace}: the name must end in {', '.join(TRACES)}, which says the format")
        if args.parallel is None and not args.targets and args.parity is None:
            args.parser.error("--trace needs --parallel, --target or --parity")
    outputs = [] if args.output == DASH else saved_files(args.output)
    outputs += [path for path in (args.trace, args.checkpoint) if path is not None]
    texts = [path for paths in corpus_of(args.corpus).values() for path in paths] if args.corpus else []
    if args.parallel is not None:
        texts += [path for paths in find_languages(args.parallel).values() for path in paths]
    check_outputs(outputs, [*args.counts, *texts, *(tokenizer_files(args.extend) if args.extend else ())])


def _write_trace(path: str, traces: list[Trace]) -> None:
    from eurotok.files import replacing
    from eurotok.output import plots, training_plots

    if path.endswith(".json"):
        traces[0].save(path)
        return
    drawn = plots.draw(training_plots.trace(traces[0]), path)
    with replacing(path) as file:
        file.write(drawn)
