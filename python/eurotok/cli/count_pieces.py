"""Count the pieces of a corpus, to train on later.

Counts are files: made on any number of machines, added with --add, trained on with 'eurotok train COUNTS...'. They do
not depend on the order or the parts in which the text is counted.

example:
  eurotok count-pieces texts/ -o all.counts
  eurotok count-pieces part-17.txt.zst --language fr -o part-17.counts
  eurotok count-pieces --add part-16.counts part-17.counts -o fr.counts
"""

import argparse
import sys
import time
from pathlib import Path

from eurotok import defaults
from eurotok.cli.arguments import add_errors, add_memory, add_threads, language, load_counts, positive
from eurotok.cli.streams import save_or_keep
from eurotok.escape import terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("paths", nargs="*", metavar="DIR|FILE", help="text: the same as --corpus")
    parser.add_argument(
        "--corpus", nargs="+", default=[], metavar="DIR|FILE", help="text: folders as for 'eurotok train', or files"
    )
    parser.add_argument(
        "--language",
        type=language,
        metavar="LANG",
        help="the language of the files (default: by their names, such as fr.txt); for folders, the language to count",
    )
    parser.add_argument("--add", nargs="+", default=[], metavar="COUNTS", help="counts to add")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the counts file to write")
    parser.add_argument(
        "--scheme",
        metavar="NAME|REGEX",
        help=f"splitting rule (default: that of the added counts, or {defaults.SCHEME})",
    )
    parser.add_argument(
        "--min-count", type=positive, default=1, metavar="N", help="drop pieces that occur less often in their language"
    )
    add_memory(parser)
    add_threads(parser)
    add_errors(parser)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok.files import check_outputs
    from eurotok.training.counting import counted

    if not args.paths and not args.corpus and not args.add:
        args.parser.error("nothing to count: give folders or files of text, --add or both")
    files = _files([*args.paths, *args.corpus], args.language)
    check_outputs([args.output], [*args.add, *(path for paths in files.values() for path in paths)])
    began = time.perf_counter()
    counts = load_counts(args.add, args.scheme, args.memory) if args.add else None
    if files:
        scheme = counts.scheme if counts else args.scheme
        found = counted(files, scheme, memory=args.memory, threads=args.threads, errors=args.errors, progress=True)
        counts = counts + found if counts else found
    assert counts is not None, "there is something to count"
    if args.min_count > 1:
        counts = counts.filter(args.min_count)
    save_or_keep(counts.save, args.output, ".counts")
    print(
        f"{len(counts.languages)} languages, {sum(counts.bytes.values()) / 1e6:,.1f} MB, "
        f"{sum(counts.unique.values()):,} pieces in {time.perf_counter() - began:.1f} s -> {terminal(args.output)}",
        file=sys.stderr,
    )


def _files(paths: list[str], language: str | None) -> dict[str, list[Path]]:
    from eurotok.corpus import find_languages, language_of
    from eurotok.languages import meant, resolve

    files: dict[str, list[Path]] = {}
    for path in paths:
        if Path(path).is_dir():
            found = find_languages(path)
            if language is not None:
                there = resolve(language, found)
                if there not in found:
                    raise ValueError(f"{path}: no text in {language!r} here{meant(language, found)}")
                found = {language: found[there]}
        else:
            name = language or language_of(path)
            if name is None:
                raise ValueError(f"{path}: the name does not tell the language: give it with --language")
            found = {name: [Path(path)]}
        for name, members in found.items():
            files.setdefault(name, []).extend(members)
    return files
