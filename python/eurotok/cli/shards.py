"""Tokenize data sets into shards for training, and work on shards.

Writes, checks and reads the formats of Megatron, datatrove, dolma, MDS, litdata, NumPy, parquet and Arrow.
`eurotok shards ACTION --help` says more of each action.

example:
  eurotok shards write euro-64k data/*.jsonl.zst -o shards/ --eos '<|endoftext|>' --validation 0.1%
  eurotok shards verify shards/
  eurotok shards stats shards/
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

import eurotok
from eurotok.cli.arguments import (
    Pairs,
    add_errors,
    add_specials,
    add_threads,
    add_tokenizer,
    load_tokenizer,
    numbers,
    pair,
    positive,
    size,
)
from eurotok.escape import terminal

if TYPE_CHECKING:
    from eurotok.shards import Manifest

FORMATS = ("arrow", "datatrove", "dolma", "litdata", "mds", "megatron", "npy", "parquet")
"""The names of the formats: `--help` does not wait for their modules."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of the command."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=type(parser))
    for name, (add, act) in ACTIONS.items():
        summary = (act.__doc__ or "").strip()
        action = actions.add_parser(name, help=summary.rstrip("."), description=summary)
        add(action)
        action.set_defaults(act=act, action_parser=action)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    args.parser = args.action_parser
    args.act(args)


def _add_write(parser: argparse.ArgumentParser) -> None:
    add_tokenizer(parser)
    parser.add_argument(
        "inputs", nargs="+", metavar="INPUT", help="files, folders, globs or URLs; - is JSON Lines on standard input"
    )
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="the folder to write, or to continue")
    parser.add_argument("--format", choices=FORMATS, default="megatron", help="default: %(default)s")
    parser.add_argument(
        "--text", metavar="FIELD", default="text", help="the text, such as content.body (default: text)"
    )
    parser.add_argument("--chat", metavar="FIELD", help="messages in place of a text, such as messages: with masks")
    parser.add_argument("--id", metavar="FIELD", help="the document's id, such as metadata.id")
    parser.add_argument("--lines", action="store_true", help="each line of a .txt file is a document")
    parser.add_argument(
        "--missing",
        choices=("error", "skip"),
        default="error",
        help="records without text or id: stop with an error, or skip them (default: error)",
    )
    parser.add_argument(
        "--where", metavar="EXPR", help="only documents that satisfy this expression: 'lang == \"fr\" and score >= 0.5'"
    )
    parser.add_argument("--min-tokens", type=int, default=0, metavar="N", help="leave out shorter documents")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="leave out longer documents")
    parser.add_argument("--bos", metavar="TOKEN", help="a special token to put before each document")
    parser.add_argument("--eos", metavar="TOKEN", help="a special token to put behind each document")
    parser.add_argument(
        "--dtype", choices=("uint8", "uint16", "int32", "uint32"), help="default: the smallest that fits"
    )
    parser.add_argument("--shard-size", type=size, metavar="SIZE", help="ids in a shard, such as 1GB")
    parser.add_argument("--validation", metavar="SHARE", default="0", help="such as 0.1%%: by a hash of the id")
    parser.add_argument("--shuffle", type=int, metavar="SEED", help="give the documents a random order")
    parser.add_argument("--source", metavar="FIELD", help="count by this field")
    parser.add_argument("--language", metavar="FIELD", help="count by the language in this field")
    parser.add_argument("--max-document", type=size, default=1 << 28, metavar="SIZE", help="default: 256MiB")
    parser.add_argument("--worker", metavar="I/N", help="do one of N shares of the work; `finish` completes it")
    add_specials(parser)
    add_threads(parser)
    add_errors(parser)


def _write(args: argparse.Namespace) -> None:
    """Tokenize files into shards; a run that was killed goes on."""
    names = (
        "format text chat id lines missing errors where min_tokens max_tokens bos eos specials dtype shard_size "
        "validation shuffle source language max_document threads worker"
    )
    options: dict[str, Any] = {name: getattr(args, name) for name in names.split()}
    # By its name, which the manifest states.
    tokenizer = args.tokenizer if args.scheme is None else load_tokenizer(args)
    manifest = eurotok.shards.write(args.inputs, args.output, tokenizer=tokenizer, progress=True, **options)
    _tell(manifest)


def _tell(manifest: Manifest) -> None:
    left = ", ".join(f"{count:,} {name}" for name, count in manifest.skipped.items() if count)
    print(
        f"{counted(manifest.documents, 'document')}, {manifest.bytes / 1e6:,.1f} MB: "
        f"{counted(manifest.tokens, 'token')} in {counted(len(manifest.shards), 'shard')} "
        f"-> {terminal(str(manifest.folder))}" + (f"; left out: {left}" if left else ""),
        file=sys.stderr,
    )


def counted(count: int, noun: str) -> str:
    """Write a number of things.

    >>> counted(1, "shard"), counted(1200, "shard")
    ('1 shard', '1,200 shards')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="a folder of shards")


def _finish(args: argparse.Namespace) -> None:
    """Complete a folder whose parts were done by workers."""
    _tell(eurotok.shards.finish(args.folder))


def _add_verify(parser: argparse.ArgumentParser) -> None:
    _add_folder(parser)
    parser.add_argument("--format", choices=FORMATS, help="the format, if no manifest tells it")


def _verify(args: argparse.Namespace) -> None:
    """Check every byte; name the documents that changed."""
    faults = eurotok.shards.verify(args.folder, format=args.format)
    for fault in faults:
        print(terminal(fault))
    if faults:
        raise ValueError(f"{args.folder}: {counted(len(faults), 'fault')}")
    print("all is well", file=sys.stderr)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="a folder that is empty or not there")
    parser.add_argument("--shard-size", type=size, metavar="SIZE", help="ids in a shard, such as 1GB")


def _add_merge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", metavar="DIR", help="folders of shards")
    _add_output(parser)
    parser.add_argument("--format", choices=FORMATS, help="default: as in the first folder")


def _merge(args: argparse.Namespace) -> None:
    """Put shards one behind the other, into one or into shards of another size or format."""
    _tell(eurotok.shards.merge(args.folders, args.output, format=args.format, shard_size=args.shard_size))


def _add_split(parser: argparse.ArgumentParser) -> None:
    _add_folder(parser)
    _add_output(parser)
    parser.add_argument(
        "--ratio",
        dest="ratios",
        type=pair(float),
        action=Pairs,
        metavar="NAME=SHARE",
        help="name of a folder and its share",
    )
    parser.add_argument("--lengths", type=numbers(int), metavar="N,N", help="numbers of tokens that divide documents")
    parser.add_argument("--seed", type=int, default=0, metavar="N")


def _split(args: argparse.Namespace) -> None:
    """Divide documents among folders, at random by ratios or by their lengths."""
    options = {"ratios": args.ratios, "lengths": args.lengths, "seed": args.seed, "shard_size": args.shard_size}
    for manifest in eurotok.shards.split(args.folder, args.output, **options).values():
        _tell(manifest)


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="[NAME=]DIR", help="a folder, or folders by names")
    _add_output(parser)
    parser.add_argument("--tokens", required=True, metavar="N", help="how many to draw, such as 10B")
    parser.add_argument("--mix", metavar="NAME=W,NAME=W", help="weights of sources, such as fr=2,de=1")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--format", choices=FORMATS, help="default: as in the first folder")


def _sample(args: argparse.Namespace) -> None:
    """Draw documents from sources by weight, and tell how often each was read."""
    from eurotok.output.tables import table

    named = [it.partition("=") for it in args.sources]
    if len(args.sources) > 1 and not all(equals for _, equals, _ in named):
        args.parser.error("several folders need names: NAME=DIR")
    sources = {name: folder for name, _, folder in named} if named[0][1] else args.sources[0]
    mix = None if args.mix is None else dict(pair(float)(it) for it in args.mix.split(","))
    options = {"format": args.format, "shard_size": args.shard_size, "seed": args.seed}
    sampled = eurotok.shards.sample(sources, args.output, tokens=args.tokens, mix=mix, **options)
    rows = [
        [(name, ""), (f"{sampled.tokens[name]:,}", ""), (f"{epochs:.2f}", "")]
        for name, epochs in sampled.epochs.items()
    ]
    print(table(["source", "tokens", "epochs"], rows))
    _tell(sampled.manifest)


def _add_shuffle(parser: argparse.ArgumentParser) -> None:
    _add_folder(parser)
    _add_output(parser)
    parser.add_argument("--seed", type=int, default=0, metavar="N")


def _shuffle(args: argparse.Namespace) -> None:
    """Give all documents a random order."""
    _tell(eurotok.shards.shuffle(args.folder, args.output, seed=args.seed, shard_size=args.shard_size))


def _add_stats(parser: argparse.ArgumentParser) -> None:
    _add_folder(parser)
    parser.add_argument("--tokenizer", metavar="TOKENIZER", help="default: the one that the folder keeps")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--plot", metavar="FILE", help="draw the lengths of documents, as .svg or .png")


def _stats(args: argparse.Namespace) -> None:
    """Tell documents, tokens, lengths and tokens a byte of each language."""
    from eurotok.output.tables import has_colours

    found = eurotok.shards.stats(args.folder, args.tokenizer)
    print(json.dumps(found.to_json()) if args.json else found.table(colours=has_colours(sys.stdout)))
    if args.plot:
        found.plot(args.plot)


def _add_head(parser: argparse.ArgumentParser) -> None:
    _add_folder(parser)
    parser.add_argument("-n", "--count", type=positive, default=5, metavar="N", help="documents (default: 5)")
    parser.add_argument("--start", type=int, default=0, metavar="N", help="the number of the first (default: 0)")
    parser.add_argument("--tokenizer", metavar="TOKENIZER", help="default: the one that the folder keeps")


def _head(args: argparse.Namespace) -> None:
    """Show documents, decoded, with their tokens coloured."""
    from eurotok.output.tables import has_colours, show_tokens

    colours = has_colours(sys.stdout)
    for document in eurotok.shards.head(args.folder, args.count, args.start, args.tokenizer):
        print(f"document {document.number:,}, {counted(len(document.tokens), 'token')}")
        print(show_tokens(document.tokens, colours=colours))


ACTIONS = {
    "write": (_add_write, _write),
    "finish": (_add_folder, _finish),
    "verify": (_add_verify, _verify),
    "merge": (_add_merge, _merge),
    "split": (_add_split, _split),
    "sample": (_add_sample, _sample),
    "shuffle": (_add_shuffle, _shuffle),
    "stats": (_add_stats, _stats),
    "head": (_add_head, _head),
}
"""The commands: each has a function that adds arguments, and a function that acts."""
